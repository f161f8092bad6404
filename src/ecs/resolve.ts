/** Names as people write them, to ARNs. A person waits: the signal is the only patience, and nothing is thrown. */
import { DescribeClustersCommand } from '@aws-sdk/client-ecs';
import { SharedQuestions } from '../concurrency/shared-question.ts';
import { after, as } from '../domain/ids.ts';
import type { ClusterArn, Instant } from '../domain/ids.ts';
import type { AwsClient } from './aws-client.ts';
import { bounded, orWhenAborted } from '../concurrency/bounded.ts';
import { EcsReadError } from './gateway.ts';
import type { Resolution, ResolvedTaskDefinition } from './gateway.ts';
import { ReadFailure } from './read-failure.ts';
import { describeTaskDefinition, isActive, resolved } from './task-definitions.ts';

/** Gone, or going. Other states (a capacity provider still attaching, or failed to) do not keep hosts from running tasks. */
const CLUSTER_GONE = new Set(['INACTIVE', 'DEPROVISIONING']);

/** As long as the API waits for ECS: a shared call outlives a caller that gives up, and must not hold up those who come after. */
const SHARED_CALL_MS = 5_000;
/** An environment may be made on a cluster that was deleted this long ago, as on one that is deleted right after. */
const CLUSTER_REMEMBERED_MS = 1_000;
/**
 * Least time between the beginnings of two questions about the same name. Who asks one after the other does not notice, as ECS
 * takes about as long to answer one; and each costs a token, of which there are 20 a second.
 */
const QUESTION_EVERY_MS = 20;

const TIMEOUT = { kind: 'timeout' } as const;

/** Many environments are created at once with the same cluster and family; those who ask at the same time share an answer. */
export class Resolver {
  private readonly clusters: SharedQuestions<string, Resolution<ClusterArn>>;
  private readonly taskDefinitions: SharedQuestions<string, Resolution<ResolvedTaskDefinition>>;
  private readonly now: () => Instant;
  /** Clusters that ECS found, by what they were called, and when they were asked about. */
  private readonly known = new Map<string, { readonly answer: Resolution<ClusterArn>; readonly at: Instant }>();

  constructor({ client, now }: { readonly client: AwsClient; readonly now: () => Instant }) {
    this.now = now;
    this.clusters = new SharedQuestions(
      (nameOrArn) => resolution((signal) => clusterOf(client, nameOrArn, signal)),
      QUESTION_EVERY_MS,
    );
    this.taskDefinitions = new SharedQuestions(
      (familyOrArn) => resolution((signal) => taskDefinitionOf(client, familyOrArn, signal)),
      QUESTION_EVERY_MS,
    );
  }

  async cluster(nameOrArn: string, signal: AbortSignal): Promise<Resolution<ClusterArn>> {
    const at = this.now();
    const known = this.known.get(nameOrArn);
    // A clock that was set back makes nothing last longer.
    if (known !== undefined && known.at <= at && at < after(known.at, CLUSTER_REMEMBERED_MS)) return known.answer;
    const answer = await orWhenAborted(this.clusters.ask(nameOrArn), signal, TIMEOUT);
    if (answer.kind === 'found') this.known.set(nameOrArn, { answer, at });
    else this.known.delete(nameOrArn);
    return answer;
  }

  taskDefinition(familyOrArn: string, signal: AbortSignal): Promise<Resolution<ResolvedTaskDefinition>> {
    return orWhenAborted(this.taskDefinitions.ask(familyOrArn), signal, TIMEOUT);
  }
}

async function clusterOf(client: AwsClient, nameOrArn: string, signal: AbortSignal): Promise<Resolution<ClusterArn>> {
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
}

async function taskDefinitionOf(
  client: AwsClient,
  familyOrArn: string,
  signal: AbortSignal,
): Promise<Resolution<ResolvedTaskDefinition>> {
  const definition = await describeTaskDefinition(client, familyOrArn, { priority: 'repair', signal });
  return isActive(definition) ? { kind: 'found', value: resolved(definition) } : { kind: 'inactive' };
}

async function resolution<T>(ask: (signal: AbortSignal) => Promise<Resolution<T>>): Promise<Resolution<T>> {
  const bound = bounded(new AbortController().signal, SHARED_CALL_MS);
  try {
    return await ask(bound.signal);
  } catch (error) {
    if (!(error instanceof EcsReadError)) throw error;
    if (!(error instanceof ReadFailure)) return { kind: 'failed', fault: error.fault };
    if (error.timedOut) return TIMEOUT;
    if (error.throttled) return { kind: 'throttled', fault: error.fault };
    return { kind: error.notFound ? 'missing' : 'failed', fault: error.fault };
  } finally {
    bound.release();
  }
}
