/** Names as people write them, to ARNs. A person waits: the signal is the only patience, and nothing is thrown. */
import { DescribeClustersCommand } from '@aws-sdk/client-ecs';
import { as } from '../domain/ids.ts';
import type { ClusterArn } from '../domain/ids.ts';
import type { AwsClient } from './aws-client.ts';
import { EcsReadError } from './gateway.ts';
import type { Resolution, ResolvedTaskDefinition } from './gateway.ts';
import { ReadFailure } from './read-failure.ts';
import { describeTaskDefinition, isActive } from './task-definitions.ts';

/** Gone, or going. Other states (a capacity provider still attaching, or failed to) do not keep hosts from running tasks. */
const CLUSTER_GONE = new Set(['INACTIVE', 'DEPROVISIONING']);

export function resolveCluster(
  client: AwsClient,
  nameOrArn: string,
  signal: AbortSignal,
): Promise<Resolution<ClusterArn>> {
  return resolution(async () => {
    const { clusters = [], failures = [] } = await client.read(new DescribeClustersCommand({ clusters: [nameOrArn] }), {
      priority: 'repair',
      signal,
    });
    const [cluster] = clusters;
    if (cluster?.clusterArn !== undefined) {
      if (CLUSTER_GONE.has(cluster.status ?? '')) return { kind: 'inactive' };
      return { kind: 'found', value: as<ClusterArn>(cluster.clusterArn) };
    }
    const [failure] = failures;
    const code = failure?.reason ?? 'MISSING';
    const fault = { code, message: failure?.detail ?? `cluster ${nameOrArn} was not found` };
    return code === 'MISSING' ? { kind: 'missing', fault } : { kind: 'failed', fault };
  });
}

export function resolveTaskDefinition(
  client: AwsClient,
  familyOrArn: string,
  signal: AbortSignal,
): Promise<Resolution<ResolvedTaskDefinition>> {
  return resolution(async () => {
    const definition = await describeTaskDefinition(client, familyOrArn, { priority: 'repair', signal });
    if (!isActive(definition)) return { kind: 'inactive' };
    return { kind: 'found', value: { arn: definition.arn, networkMode: definition.networkMode ?? null } };
  });
}

async function resolution<T>(ask: () => Promise<Resolution<T>>): Promise<Resolution<T>> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof EcsReadError)) throw error;
    if (!(error instanceof ReadFailure)) return { kind: 'failed', fault: error.fault };
    if (error.timedOut) return { kind: 'timeout' };
    return { kind: error.notFound ? 'missing' : 'failed', fault: error.fault };
  }
}
