/** The sweep's schedule on a real queue. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import { as, type Instant, type Revision } from '../../src/domain/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { BullMailbox } from '../../src/workers/bull-mailbox.ts';
import { producerOptions, SWEEP_QUEUE } from '../../src/workers/queues.ts';
import { startSweeper } from '../../src/workers/sweep-worker.ts';
import { eventually } from '../system/stack.ts';

const HOUR_MS = 3_600_000;
/** Longer than the workers' own check that the schedule is there. */
const PAST_A_CHECK_MS = 6_000;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function stage() {
  const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
  const log = pino({ level: 'silent' });
  const now = (): Instant => as<Instant>(Date.now());
  const mailbox = new BullMailbox(redis, now, log);
  const queue = new Queue(SWEEP_QUEUE, producerOptions(redis));
  closers.push(
    () => mailbox.close(),
    () => queue.close(),
  );
  let sweeps = 0;
  const inventory = async () => {
    sweeps += 1;
    return { revision: as<Revision>(7), storeId: 'store', specs: [], unreadable: [] };
  };
  const start = (intervalMs: number): void => {
    const sweeper = startSweeper({
      redis,
      store: { inventory },
      mailbox,
      survey: { facts: { standing: async () => null } as never, now, intervalMs: HOUR_MS },
      intervalMs,
      log,
      metrics: createMetrics(),
      random: Math.random,
      monotonic: () => performance.now(),
    });
    closers.push(() => sweeper.close());
  };
  const everyMs = async (): Promise<number | undefined> => (await queue.getJobScheduler('sweep'))?.every;
  return { start, everyMs, sweeps: () => sweeps };
}

test('the worker that started last says how often, and one that was there before lets it be', async () => {
  const { start, everyMs, sweeps } = stage();
  start(HOUR_MS);
  await eventually(everyMs, (every) => every === HOUR_MS, 'the schedule of the first');
  start(300);
  await eventually(
    async () => sweeps(),
    (count) => count > 5,
    'sweeps as the second says',
  );
  await sleep(PAST_A_CHECK_MS);
  expect(await everyMs()).toBe(300);
});

test('a worker that is set like the ones before does not sweep at once', async () => {
  const { start, everyMs, sweeps } = stage();
  start(HOUR_MS);
  await eventually(
    async () => sweeps(),
    (count) => count === 1,
    'the first sweep',
  );
  start(HOUR_MS);
  await sleep(1_000);
  expect(await everyMs()).toBe(HOUR_MS);
  expect(sweeps()).toBe(1);
});
