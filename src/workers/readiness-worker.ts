import type { Logger } from 'pino';
import { takeReadinessTurn, type ReadinessDeps, type ReadinessEnding } from '../actors/readiness.ts';
import type { ClusterArn } from '../domain/ids.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { GuardedWorker } from './guarded-worker.ts';
import { READINESS_QUEUE, type ReadinessJob, type RedisSettings } from './queues.ts';

/** Turns a worker process takes at once: each reads the facts of a whole cluster. */
const TURNS_AT_ONCE = 4;

/** A turn that must be taken again. Not a fault: BullMQ brings the job back shortly. */
class TurnAgain extends Error {
  override readonly name = 'TurnAgain';
}

export interface ReadinessWorkerOptions {
  readonly redis: RedisSettings;
  readonly readiness: ReadinessDeps;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'takeovers' | 'failures' | 'unreadable'>;
  readonly random: () => number;
  readonly monotonic: () => number;
}

/** Keeps the attribute `daemons.ready` of hosts as it should be. */
export function startReadinessWorker(options: ReadinessWorkerOptions): GuardedWorker<ReadinessJob> {
  return new GuardedWorker<ReadinessJob>({
    ...options,
    queue: READINESS_QUEUE,
    concurrency: TURNS_AT_ONCE,
    run: async (job, signal) => {
      const { cluster } = job.data;
      conclude(cluster, await takeReadinessTurn(cluster, options.readiness, signal), options);
    },
  });
}

function conclude(cluster: ClusterArn, ending: ReadinessEnding, { log, metrics }: ReadinessWorkerOptions): void {
  switch (ending.kind) {
    case 'done': {
      const { report, again } = ending;
      const { set, unset, fault } = report;
      if (fault !== null) log.warn({ cluster, ...report }, 'daemons.ready is not on every host as it should be');
      else if (set + unset > 0) log.info({ cluster, set, unset }, 'daemons.ready');
      if (again) throw new TurnAgain(fault === null ? 'more hosts than a turn takes' : fault.code);
      return;
    }
    case 'fenced':
      throw new TurnAgain('fenced');
    case 'unreadable':
      // Trying again would not help; the next survey looks again.
      metrics.unreadable.inc();
      log.error(
        { cluster, key: ending.key, fault: ending.fault },
        'stored value cannot be read: daemons.ready stands still',
      );
      return;
    case 'unconcerned':
    case 'no-facts':
      return;
  }
}
