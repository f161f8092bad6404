import { z } from 'zod';

import { ecsError, invalid, isError } from './answer.ts';
import { arnPrefix, clusterName, findCluster } from './lookup.ts';
import { numbered, takePage } from './paging.ts';
import { operation, pageFields, tagsField } from './validation.ts';
import type { Cluster } from './records.ts';
import type { World } from './world.ts';

const NAME = /^[a-zA-Z0-9_-]{1,255}$/;
const DESCRIBE_CLUSTERS_MAX = 100;

export const createCluster = operation(
  z.object({ clusterName: z.string().default('default'), tags: tagsField.default([]) }),
  (world, input) => {
    if (!NAME.test(input.clusterName)) {
      return invalid('Identifier is not valid: a cluster name has 1 to 255 letters, numbers, underscores and hyphens.');
    }
    const cluster = ensureCluster(world, input.clusterName);
    if (input.tags.length > 0) cluster.tags = input.tags;
    return { cluster: clusterView(cluster, true) };
  },
);

/** The active cluster of that name, created when there is none. */
export function ensureCluster(world: World, name: string): Cluster {
  const existing = world.clusters.get(name);
  if (existing?.status === 'ACTIVE') return existing;
  const cluster: Cluster = {
    arn: `${arnPrefix(world)}:cluster/${name}`,
    name,
    status: 'ACTIVE',
    tags: [],
    hosts: new Map(),
    hostsByEc2InstanceId: new Map(),
    tasks: new Map(),
    tokens: new Map(),
  };
  world.clusters.set(name, cluster);
  return cluster;
}

export const deleteCluster = operation(z.object({ cluster: z.string() }), (world, input) => {
  const cluster = findCluster(world, input.cluster);
  if (isError(cluster)) return cluster;
  if (hasRegisteredHost(cluster)) {
    return ecsError(
      'ClusterContainsContainerInstancesException',
      'The Cluster cannot be deleted while Container Instances are active or draining.',
    );
  }
  if ([...cluster.tasks.values()].some((task) => task.lastStatus !== 'STOPPED')) {
    return ecsError('ClusterContainsTasksException', 'The Cluster cannot be deleted while Tasks are active.');
  }
  cluster.status = 'INACTIVE';
  return { cluster: clusterView(cluster, true) };
});

export const describeClusters = operation(
  z.object({
    clusters: z.array(z.string()).max(DESCRIBE_CLUSTERS_MAX).default([]),
    include: z.array(z.string()).default([]),
  }),
  (world, input) => {
    const references = input.clusters.length === 0 ? ['default'] : input.clusters;
    const clusters: object[] = [];
    const failures: object[] = [];
    for (const reference of references) {
      const name = clusterName(world, reference);
      const cluster = name === null ? undefined : world.clusters.get(name);
      if (cluster !== undefined) clusters.push(clusterView(cluster, input.include.includes('TAGS')));
      else failures.push({ arn: name === null ? reference : `${arnPrefix(world)}:cluster/${name}`, reason: 'MISSING' });
    }
    return { clusters, failures };
  },
);

export const listClusters = operation(z.object(pageFields), (world, input) => {
  const arns = [...world.clusters.values()].filter((cluster) => cluster.status === 'ACTIVE').map((each) => each.arn);
  const page = takePage({ items: numbered(arns), filters: {}, ...input, nextToken: input.nextToken });
  return isError(page) ? page : { clusterArns: page.items, nextToken: page.nextToken };
});

export function hasRegisteredHost(cluster: Cluster): boolean {
  for (const host of cluster.hosts.values()) {
    if (host.status !== 'INACTIVE') return true;
  }
  return false;
}

function clusterView(cluster: Cluster, withTags: boolean): object {
  const tasks = [...cluster.tasks.values()].filter((task) => task.desiredStatus === 'RUNNING');
  const pending = tasks.filter((task) => task.lastStatus === 'PENDING' || task.lastStatus === 'ACTIVATING').length;
  return {
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: cluster.status,
    registeredContainerInstancesCount: [...cluster.hosts.values()].filter((host) => host.status !== 'INACTIVE').length,
    runningTasksCount: tasks.length - pending,
    pendingTasksCount: pending,
    activeServicesCount: 0,
    statistics: [],
    tags: withTags ? cluster.tags : [],
    settings: [{ name: 'containerInsights', value: 'disabled' }],
    capacityProviders: [],
    defaultCapacityProviderStrategy: [],
  };
}
