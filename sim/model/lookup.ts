import { ecsError, invalid, isError, type EcsError } from './answer.ts';
import type { Cluster, Host, Task } from './records.ts';
import type { World } from './world.ts';

const DEFAULT_CLUSTER = 'default';

export function arnPrefix(world: World): string {
  return `arn:aws:ecs:${world.options.region}:${world.options.account}`;
}

/** The name in a cluster reference, or null for the ARN of something else or of another account or region. */
export function clusterName(world: World, reference: string | undefined): string | null {
  if (reference === undefined || reference === '') return DEFAULT_CLUSTER;
  if (!reference.startsWith('arn:')) return reference;
  const prefix = `${arnPrefix(world)}:cluster/`;
  return reference.startsWith(prefix) ? reference.slice(prefix.length) : null;
}

export function findCluster(world: World, reference: string | undefined): Cluster | EcsError {
  const name = clusterName(world, reference);
  const cluster = name === null ? undefined : world.clusters.get(name);
  if (cluster === undefined) return ecsError('ClusterNotFoundException', 'Cluster not found.');
  if (cluster.status !== 'ACTIVE') return ecsError('ClusterNotFoundException', 'The referenced cluster was inactive.');
  return cluster;
}

/** A task by id or ARN. The ARN of a task of another cluster names none. */
export function findTask(cluster: Cluster, reference: string): Task | undefined {
  const task = cluster.tasks.get(lastPart(reference));
  return task !== undefined && isReferenceTo(task.arn, reference) ? task : undefined;
}

/** A container instance by id or ARN, deregistered ones included. */
export function findHost(cluster: Cluster, reference: string): Host | undefined {
  const host = cluster.hosts.get(lastPart(reference));
  return host !== undefined && isReferenceTo(host.arn, reference) ? host : undefined;
}

/** For the operations that change one container instance. */
export function findRegisteredHost(world: World, cluster: string | undefined, reference: string): Host | EcsError {
  const found = findCluster(world, cluster);
  if (isError(found)) return found;
  const host = findHost(found, reference);
  if (host === undefined || host.status === 'INACTIVE') {
    return invalid('The referenced container instance was not found.');
  }
  return host;
}

/** How a failure names what was asked for: always as an ARN. */
export function arnOf(cluster: Cluster, kind: 'task' | 'container-instance', reference: string): string {
  if (reference.startsWith('arn:')) return reference;
  return `${cluster.arn.slice(0, cluster.arn.indexOf(':cluster/'))}:${kind}/${cluster.name}/${reference}`;
}

function lastPart(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

function isReferenceTo(arn: string, reference: string): boolean {
  return reference.startsWith('arn:') ? reference === arn : !reference.includes('/');
}

/** Epoch seconds, as the AWS JSON protocol has them. */
export function seconds(instant: number | undefined): number | undefined {
  return instant === undefined ? undefined : instant / 1_000;
}
