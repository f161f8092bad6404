/** The mailbox on a real queue, and the worker that turns its timers into wake-ups. */
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import { after, as, type EnvironmentId, type Instant } from '../../src/domain/ids.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { BullMailbox } from '../../src/workers/bull-mailbox.ts';
import { producerOptions, WAKE_QUEUE } from '../../src/workers/queues.ts';
import { startTimerWorker } from '../../src/workers/timer-worker.ts';
import { eventually } from '../system/stack.ts';

const HOUR_MS = 3_600_000;
const ENVIRONMENT = as<EnvironmentId>('environment-1');
const log = pino({ level: 'silent' });
const now = (): Instant => as<Instant>(Date.now());

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

test('a timer wakes its environment when its time has come; the time that was told last counts', async () => {
  const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
  const mailbox = new BullMailbox(redis, now, log);
  const wakes = new Queue(WAKE_QUEUE, producerOptions(redis));
  const worker = startTimerWorker({
    redis,
    mailbox,
    log,
    metrics: createMetrics(),
    random: () => 0.5,
    monotonic: () => performance.now(),
  });
  closers.push(
    () => mailbox.close(),
    () => wakes.close(),
    () => worker.close(),
  );
  const other = as<EnvironmentId>('environment-2');
  expect(await mailbox.wakeAt(other, after(now(), HOUR_MS))).toBe(true);
  expect(await mailbox.wakeAt(ENVIRONMENT, after(now(), HOUR_MS))).toBe(true);
  expect(await mailbox.wakeAt(ENVIRONMENT, after(now(), 100))).toBe(true);
  const woken = await eventually(
    () => wakes.getWaiting(),
    (jobs) => jobs.length > 0,
    'the wake-up',
  );
  expect(woken.map(({ name, data }) => [name, data])).toEqual([['timer', { environment: ENVIRONMENT }]]);
});

test('without Redis it says so, and throws nothing', async () => {
  const mailbox = new BullMailbox({ url: 'redis://127.0.0.1:1', prefix: 'x' }, now, log);
  closers.push(() => mailbox.close());
  const asked = [mailbox.wake(ENVIRONMENT, 'deploy'), mailbox.wakeAt(ENVIRONMENT, now()), mailbox.answers()];
  expect(await Promise.all(asked)).toEqual([false, false, false]);
});
