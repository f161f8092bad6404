import type { Logger } from 'pino';
import type { Metrics } from '../telemetry/metrics.ts';
import type { BullMailbox } from './bull-mailbox.ts';
import { GuardedWorker } from './guarded-worker.ts';
import { TIMER_QUEUE, type RedisSettings, type TimerJob } from './queues.ts';

/** A timer only adds a job; many at once cost nothing. */
const TIMERS_AT_ONCE = 20;

export interface TimerWorkerOptions {
  readonly redis: RedisSettings;
  readonly mailbox: BullMailbox;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly monotonic: () => number;
}

/** Turns a timer that ran out into a wake-up. */
export function startTimerWorker(options: TimerWorkerOptions): GuardedWorker<TimerJob> {
  return new GuardedWorker<TimerJob>({
    ...options,
    queue: TIMER_QUEUE,
    concurrency: TIMERS_AT_ONCE,
    run: async (job) => {
      const queued =
        job.data.wake === 'environment'
          ? await options.mailbox.wake(job.data.environment, 'timer')
          : await options.mailbox.requestSurvey(job.data.cluster);
      if (!queued) throw new Error('wake-up not queued');
    },
  });
}
