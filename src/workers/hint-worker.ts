/** Asks ECS about what hints name, and takes its answers in. What ECS does not know, or what is of a cluster nobody watches, is passed over. */
import type { Logger } from 'pino';
import { GatheredQuestions } from '../concurrency/gathered-questions.ts';
import type { Instance, Task } from '../domain/facts.ts';
import type { ClusterArn, InstanceArn, TaskArn } from '../domain/ids.ts';
import type { EcsGateway } from '../ecs/gateway.ts';
import type { Hint } from '../intake/hints.ts';
import type { Observation } from '../intake/judge.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { GuardedWorker } from './guarded-worker.ts';
import { takeIn, type IntakeDeps } from './intake.ts';
import { EVENT_QUEUE, type HintJob, type RedisSettings } from './queues.ts';

/** Jobs spend their time waiting for a description that they share. */
const JOBS_AT_ONCE = 50;

export interface HintWorkerOptions {
  readonly redis: RedisSettings;
  readonly ecs: Pick<EcsGateway, 'describeTasks' | 'describeInstances'>;
  readonly intake: IntakeDeps;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly monotonic: () => number;
}

/** ECS's answer is older than what somebody saw: it is asked again. */
class AnswerTooOld extends Error {
  override readonly name = 'AnswerTooOld';
}

interface Describers {
  readonly instances: GatheredQuestions<ClusterArn, InstanceArn, Instance | 'MISSING'>;
  readonly tasks: GatheredQuestions<ClusterArn, TaskArn, Task | 'MISSING'>;
}

export function startHintWorker(options: HintWorkerOptions): { close(): Promise<void> } {
  const { ecs, intake } = options;
  const stop = new AbortController();
  const describers: Describers = {
    // Like a survey's reads: whoever waits for a launch goes first.
    instances: new GatheredQuestions((cluster, arns) => ecs.describeInstances(cluster, arns, stop.signal, 'rollout')),
    tasks: new GatheredQuestions((cluster, arns) => ecs.describeTasks(cluster, arns, stop.signal, 'rollout')),
  };
  const worker = new GuardedWorker<HintJob>({
    ...options,
    queue: EVENT_QUEUE,
    concurrency: JOBS_AT_ONCE,
    run: async (job) => {
      for (const [cluster, hints] of byCluster(job.data.hints)) {
        await inquire(cluster, hints, job.attemptsStarted > 1, describers, intake);
      }
    },
  });
  return {
    async close() {
      stop.abort();
      await worker.close();
    },
  };
}

async function inquire(
  cluster: ClusterArn,
  hints: readonly Hint[],
  again: boolean,
  describers: Describers,
  intake: IntakeDeps,
): Promise<void> {
  const { watchers } = await intake.watchers.of(cluster);
  if (watchers.length === 0) {
    intake.metrics.events.inc({ outcome: 'unwatched' }, hints.length);
    return;
  }
  const answers = await answersTo(cluster, hints, describers);
  const observations: Observation[] = [];
  let tooOld = 0;
  for (const { arn, atLeast } of hints) {
    const sighting = answers.get(arn) ?? null;
    if (sighting === null) {
      intake.metrics.events.inc({ outcome: 'missing' });
      continue;
    }
    const { version } = sighting.kind === 'instance' ? sighting.instance : sighting.task;
    if (version < atLeast) tooOld += 1;
    observations.push({ sighting, source: 'ecs', again, stale: false });
  }
  if (observations.length > 0) await takeIn(cluster, observations, intake);
  if (tooOld > 0) throw new AnswerTooOld(`ECS's answer about ${tooOld} of ${hints.length} is older than an event`);
}

/** What ECS knows of them. */
async function answersTo(
  cluster: ClusterArn,
  hints: readonly Hint[],
  { instances, tasks }: Describers,
): Promise<ReadonlyMap<string, Observation['sighting']>> {
  const [hosts, described] = await Promise.all([
    instances.ask(
      cluster,
      hints.flatMap((hint) => (hint.kind === 'instance' ? [hint.arn] : [])),
    ),
    tasks.ask(
      cluster,
      hints.flatMap((hint) => (hint.kind === 'task' ? [hint.arn] : [])),
    ),
  ]);
  const answers = new Map<string, Observation['sighting']>();
  for (const [arn, instance] of hosts) if (instance !== 'MISSING') answers.set(arn, { kind: 'instance', instance });
  for (const [arn, task] of described) if (task !== 'MISSING') answers.set(arn, { kind: 'task', task });
  return answers;
}

function byCluster(hints: readonly Hint[]): ReadonlyMap<ClusterArn, readonly Hint[]> {
  const clusters = new Map<ClusterArn, Hint[]>();
  for (const hint of hints) {
    const there = clusters.get(hint.cluster);
    if (there === undefined) clusters.set(hint.cluster, [hint]);
    else there.push(hint);
  }
  return clusters;
}
