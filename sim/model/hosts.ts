import { stopAtOnce } from './life-cycle.ts';
import { arnPrefix } from './lookup.ts';
import { hostChanged, tellOfHost } from './outbox.ts';
import { NO_RESOURCES } from './resources.ts';
import type { Cluster, Host, HostResources, StopCode } from './records.ts';
import type { World } from './world.ts';

const AGENT_VERSION = '1.90.0';
const EC2_ID_HEX_DIGITS = 17;
const ARN_ID_HEX_DIGITS = 32;

/** The attribute that makes a host EXTERNAL (ECS Anywhere). */
export const EXTERNAL_ATTRIBUTE = 'ecs.capability.external';

/** What the agent of an ordinary Linux host reports. */
const AGENT_ATTRIBUTES: ReadonlyMap<string, string | null> = new Map([
  ['ecs.os-type', 'linux'],
  ['ecs.cpu-architecture', 'x86_64'],
  ['com.amazonaws.ecs.capability.docker-remote-api.1.18', null],
  ['com.amazonaws.ecs.capability.logging-driver.json-file', null],
  ['com.amazonaws.ecs.capability.logging-driver.awslogs', null],
  ['com.amazonaws.ecs.capability.task-iam-role', null],
]);

export function addHost(
  world: World,
  cluster: Cluster,
  options: {
    readonly attributes: ReadonlyMap<string, string | null>;
    readonly external: boolean;
    readonly resources: HostResources;
    readonly ec2InstanceId?: string | undefined;
    readonly agentVersion?: string | undefined;
  },
): Host {
  const ec2InstanceId =
    options.ec2InstanceId ?? `${options.external ? 'mi' : 'i'}-${world.random.hex(EC2_ID_HEX_DIGITS)}`;
  const id = world.random.hex(ARN_ID_HEX_DIGITS);
  const order = world.created++;
  const host: Host = {
    id,
    arn: `${arnPrefix(world)}:container-instance/${cluster.name}/${id}`,
    order,
    cluster,
    ec2InstanceId,
    registeredAt: world.now,
    attributes: new Map([
      ...AGENT_ATTRIBUTES,
      ...(options.external ? EXTERNAL_ATTRIBUTES : ec2Attributes(world, order)),
      ...options.attributes,
    ]),
    registered: options.resources,
    used: NO_RESOURCES,
    agentVersion: options.agentVersion ?? AGENT_VERSION,
    status: 'ACTIVE',
    agentConnected: true,
    version: 1,
    tags: [],
    tasks: new Set(),
    unheard: [],
  };
  const sameMachine = cluster.hostsByEc2InstanceId.get(ec2InstanceId) ?? [];
  cluster.hosts.set(id, host);
  cluster.hostsByEc2InstanceId.set(ec2InstanceId, [...sameMachine, host]);
  tellOfHost(world, host);
  return host;
}

/** Deregisters a host. ECS gives its tasks up at once, whatever their containers do. */
export function removeHost(world: World, host: Host, stopCode: StopCode, reason: string): void {
  if (host.status === 'INACTIVE') return;
  host.status = 'INACTIVE';
  host.agentConnected = false;
  hostChanged(world, host);
  for (const task of host.tasks) stopAtOnce(world, task, stopCode, reason);
  world.timers.add(world.now + world.options.inactiveRetentionMs, { kind: 'forget-host', host });
}

export function isExternal(host: Host): boolean {
  return host.attributes.has(EXTERNAL_ATTRIBUTE);
}

const EXTERNAL_ATTRIBUTES: ReadonlyMap<string, string | null> = new Map([[EXTERNAL_ATTRIBUTE, null]]);

function ec2Attributes(world: World, order: number): ReadonlyMap<string, string | null> {
  return new Map([
    ['ecs.availability-zone', `${world.options.region}${['a', 'b', 'c'][order % 3] ?? 'a'}`],
    ['ecs.instance-type', 'm5.xlarge'],
    ['ecs.capability.task-eni', null],
  ]);
}
