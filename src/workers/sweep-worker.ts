/**
 * The recovery path: wakes every environment now and then, and every cluster whose surveys broke off, from what the store says.
 * Whatever else lost a wake-up (a crash, an emptied Redis), the next sweep makes up for it.
 */
import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { Mailbox } from '../actors/mailbox.ts';
import { isOverdue, type SurveyDeps } from '../actors/survey.ts';
import { isInService } from '../domain/environment.ts';
import type { ActorStore } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { GuardedWorker } from './guarded-worker.ts';
import { closeQueue, producerOptions, SWEEP_QUEUE, type RedisSettings } from './queues.ts';

/** How often each worker makes sure that the schedule still exists: an emptied Redis has lost it. */
const SCHEDULE_CHECK_MS = 5_000;
const SCHEDULE_ID = 'sweep';

export interface SweepOptions {
  readonly redis: RedisSettings;
  readonly store: Pick<ActorStore, 'inventory'>;
  readonly mailbox: Pick<Mailbox, 'wake' | 'requestSurvey'>;
  readonly survey: Pick<SurveyDeps, 'facts' | 'now' | 'intervalMs'>;
  readonly intervalMs: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly monotonic: () => number;
}

export interface Sweeper {
  close(): Promise<void>;
}

export function startSweeper(options: SweepOptions): Sweeper {
  const { redis, log, intervalMs } = options;
  const queue = new Queue(SWEEP_QUEUE, producerOptions(redis));
  queue.on('error', (error) => log.debug({ err: error.message, queue: SWEEP_QUEUE }, 'queue connection'));
  const worker = new GuardedWorker<unknown>({
    ...options,
    queue: SWEEP_QUEUE,
    concurrency: 1,
    run: (_, signal) => sweep(options, signal),
  });
  let asking = false;
  // The worker that started last says how often; from then on it only looks that the schedule is there. Two workers that are
  // set differently would otherwise take turns in setting it, and each time is a sweep at once.
  let said = false;
  const schedule = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    try {
      const there = await queue.getJobScheduler(SCHEDULE_ID);
      if (there !== undefined && (said || there.every === intervalMs)) {
        said = true;
        return;
      }
      // The template lets a finished sweep vanish; the schedule itself makes the next one.
      await queue.upsertJobScheduler(
        SCHEDULE_ID,
        { every: intervalMs },
        { name: 'sweep', opts: { removeOnComplete: true, removeOnFail: true } },
      );
      said = true;
    } catch (error) {
      log.debug({ err: error instanceof Error ? error.message : String(error) }, 'sweep not scheduled yet');
    } finally {
      asking = false;
    }
  };
  void schedule();
  const timer = setInterval(() => void schedule(), SCHEDULE_CHECK_MS);
  return {
    async close() {
      clearInterval(timer);
      await worker.close();
      await closeQueue(queue);
    },
  };
}

async function sweep(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const inventory = await options.store.inventory();
  const inService = inventory.specs.filter(({ value: spec }) => isInService(spec));
  for (const id of [...inventory.unreadable, ...inService.map(({ value: spec }) => spec.id)]) {
    // Half a second each while Redis is away: whoever has the job by now must not wait for us.
    signal.throwIfAborted();
    await options.mailbox.wake(id, 'sweep');
  }
  for (const cluster of new Set(inventory.specs.map(({ value: spec }) => spec.cluster))) {
    signal.throwIfAborted();
    const last = await options.survey.facts.standing(cluster);
    if (isOverdue(last, options.survey)) await options.mailbox.requestSurvey(cluster);
  }
  options.log.debug({ environments: inventory.specs.length }, 'sweep');
}
