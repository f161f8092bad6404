import { z } from 'zod';

import { ecsError, invalid, isError } from './answer.ts';
import { addHost, EXTERNAL_ATTRIBUTE, removeHost } from './hosts.ts';
import { setAgentConnected } from './life-cycle.ts';
import { arnOf, findCluster, findHost, findRegisteredHost, seconds } from './lookup.ts';
import { hostChanged } from './outbox.ts';
import { takePage } from './paging.ts';
import { matches, pinnedInstanceIds } from './query-evaluation.ts';
import { parseQuery, type Query } from './query-parser.ts';
import { remaining, RESERVED_TCP_PORTS, resourceViews } from './resources.ts';
import { clusterField, idsField, operation, pageFields, tagsField } from './validation.ts';
import type { Cluster, Host, HostResources } from './records.ts';
import type { World } from './world.ts';

const UPDATE_STATE_MAX = 10;

const attributeSchema = z.object({ name: z.string(), value: z.string().optional() });

export const registerContainerInstance = operation(
  z.object({
    cluster: clusterField,
    containerInstanceArn: z.string().optional(),
    instanceIdentityDocument: z.string().optional(),
    totalResources: z
      .array(
        z.object({
          name: z.string(),
          integerValue: z.int().optional(),
          stringSetValue: z.array(z.string()).optional(),
        }),
      )
      .default([]),
    versionInfo: z.object({ agentVersion: z.string().optional() }).default({}),
    attributes: z.array(attributeSchema).default([]),
    tags: tagsField.default([]),
  }),
  (world, input) => {
    const cluster = findCluster(world, input.cluster);
    if (isError(cluster)) return ecsError('ClientException', cluster.message);
    const document = instanceIdOf(input.instanceIdentityDocument);
    if (document === null) return invalid('The instance identity document is not valid.');
    const attributes = new Map(input.attributes.map(({ name, value }) => [name, value ?? null]));
    const resources = totalResources(world, input.totalResources);

    if (input.containerInstanceArn !== undefined) {
      const known = findHost(cluster, input.containerInstanceArn);
      if (known === undefined || known.status === 'INACTIVE') {
        return ecsError('ClientException', 'The referenced container instance was not found.');
      }
      for (const [name, value] of attributes) known.attributes.set(name, value);
      if (input.totalResources.length > 0) known.registered = resources;
      setAgentConnected(world, known, true);
      hostChanged(world, known);
      return { containerInstance: hostView(known, true) };
    }

    // A machine whose agent lost its identity: the old registration stays behind without an agent.
    for (const old of cluster.hostsByEc2InstanceId.get(document.instanceId ?? '') ?? []) {
      setAgentConnected(world, old, false);
    }
    const host = addHost(world, cluster, {
      attributes,
      external: attributes.has(EXTERNAL_ATTRIBUTE) || (document.instanceId?.startsWith('mi-') ?? false),
      resources,
      ec2InstanceId: document.instanceId,
      agentVersion: input.versionInfo.agentVersion,
    });
    host.tags = input.tags;
    return { containerInstance: hostView(host, true) };
  },
);

export const deregisterContainerInstance = operation(
  z.object({ cluster: clusterField, containerInstance: z.string(), force: z.boolean().default(false) }),
  (world, input) => {
    const host = findRegisteredHost(world, input.cluster, input.containerInstance);
    if (isError(host)) return host;
    if (!input.force && host.tasks.size > 0) return invalid('Found running tasks on the instance.');
    removeHost(world, host, 'TerminationNotice', 'Container instance deregistration forced by user');
    return { containerInstance: hostView(host, true) };
  },
);

export const updateContainerInstancesState = operation(
  z.object({
    cluster: clusterField,
    containerInstances: idsField('Container instances').refine((ids) => ids.length <= UPDATE_STATE_MAX, {
      error: `Container instances cannot have more than ${UPDATE_STATE_MAX} elements.`,
    }),
    status: z.enum(['ACTIVE', 'DRAINING'], { error: 'Container instance status should be one of [DRAINING,ACTIVE].' }),
  }),
  (world, input) => {
    const cluster = findCluster(world, input.cluster);
    if (isError(cluster)) return cluster;
    const { found, failures } = lookUp(cluster, input.containerInstances, (host) => host.status !== 'INACTIVE');
    for (const host of found) {
      if (host.status === input.status) continue;
      host.status = input.status;
      hostChanged(world, host);
    }
    return { containerInstances: found.map((host) => hostView(host, true)), failures };
  },
);

export const listContainerInstances = operation(
  z.object({
    cluster: clusterField,
    filter: z.string().optional(),
    status: z.enum(['ACTIVE', 'DRAINING', 'REGISTERING', 'DEREGISTERING', 'REGISTRATION_FAILED']).optional(),
    ...pageFields,
  }),
  (world, { maxResults, nextToken, ...filters }) => {
    const cluster = findCluster(world, filters.cluster);
    if (isError(cluster)) return cluster;
    const parsed = filters.filter === undefined || filters.filter === '' ? null : parseQuery(filters.filter);
    if (parsed?.ok === false) return invalid(`Invalid filter: ${parsed.problem}.`);
    const query = parsed?.query ?? null;
    const items = listed(cluster, query, filters.status);
    const page = takePage({ items, filters, maxResults, nextToken });
    return isError(page) ? page : { containerInstanceArns: page.items, nextToken: page.nextToken };
  },
);

export const describeContainerInstances = operation(
  z.object({
    cluster: clusterField,
    containerInstances: idsField('Container instances'),
    include: z.array(z.string()).default([]),
  }),
  (world, input) => {
    const cluster = findCluster(world, input.cluster);
    if (isError(cluster)) return cluster;
    const { found, failures } = lookUp(cluster, input.containerInstances, () => true);
    const withTags = input.include.includes('TAGS');
    const withHealth = input.include.includes('CONTAINER_INSTANCE_HEALTH');
    const containerInstances = found.map((host) => ({
      ...hostView(host, withTags),
      ...(withHealth ? { healthStatus: { overallStatus: 'OK', details: [] } } : {}),
    }));
    return { containerInstances, failures };
  },
);

/** Hosts that a query may select, by its index when it names them, in the order of registration. */
export function candidateHosts(cluster: Cluster, query: Query | null): readonly Host[] {
  const pinned = query === null ? null : pinnedInstanceIds(query);
  if (pinned === null) return [...cluster.hosts.values()];
  const hosts = [...new Set(pinned)].flatMap((id) => cluster.hostsByEc2InstanceId.get(id) ?? []);
  return hosts.toSorted((a, b) => a.order - b.order);
}

function* listed(
  cluster: Cluster,
  query: Query | null,
  status: string | undefined,
): Iterable<readonly [number, string]> {
  for (const host of candidateHosts(cluster, query)) {
    if (host.status === 'INACTIVE' || (status !== undefined && host.status !== status)) continue;
    if (query === null || matches(query, host)) yield [host.order, host.arn];
  }
}

function lookUp(cluster: Cluster, references: readonly string[], accept: (host: Host) => boolean) {
  const found: Host[] = [];
  const failures: { readonly arn: string; readonly reason: string }[] = [];
  for (const reference of new Set(references)) {
    const host = findHost(cluster, reference);
    if (host !== undefined && accept(host)) found.push(host);
    else failures.push({ arn: arnOf(cluster, 'container-instance', reference), reason: host?.status ?? 'MISSING' });
  }
  return { found, failures };
}

/** Null when the document is not JSON. It is not signed, so that anyone can write one. */
function instanceIdOf(document: string | undefined): { readonly instanceId?: string } | null {
  if (document === undefined || document === '') return {};
  try {
    const parsed = z.looseObject({ instanceId: z.string().min(1).optional() }).safeParse(JSON.parse(document));
    if (!parsed.success) return null;
    return parsed.data.instanceId === undefined ? {} : { instanceId: parsed.data.instanceId };
  } catch {
    return null;
  }
}

function totalResources(
  world: World,
  given: readonly { name: string; integerValue?: number | undefined; stringSetValue?: string[] | undefined }[],
): HostResources {
  const named = (name: string) => given.find((resource) => resource.name === name);
  const ports = (name: string): readonly number[] | undefined => named(name)?.stringSetValue?.map(Number);
  return {
    cpu: named('CPU')?.integerValue ?? world.options.hostCpu,
    memory: named('MEMORY')?.integerValue ?? world.options.hostMemory,
    tcpPorts: new Set(ports('PORTS') ?? RESERVED_TCP_PORTS),
    udpPorts: new Set(ports('PORTS_UDP')),
  };
}

function hostView(host: Host, withTags: boolean): object {
  const wanted = [...host.tasks].filter((task) => task.desiredStatus === 'RUNNING');
  const pending = wanted.filter((task) => task.lastStatus === 'PENDING').length;
  return {
    containerInstanceArn: host.arn,
    ec2InstanceId: host.ec2InstanceId,
    version: host.version,
    versionInfo: { agentVersion: host.agentVersion, agentHash: '0000000', dockerVersion: 'DockerVersion: 25.0.3' },
    remainingResources: resourceViews(remaining(host)),
    registeredResources: resourceViews(host.registered),
    status: host.status,
    agentConnected: host.agentConnected,
    runningTasksCount: wanted.length,
    pendingTasksCount: pending,
    attributes: [...host.attributes].map(([name, value]) => (value === null ? { name } : { name, value })),
    registeredAt: seconds(host.registeredAt),
    attachments: [],
    tags: withTags ? host.tags : [],
  };
}
