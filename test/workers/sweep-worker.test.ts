/** The sweep on a real queue: its schedule, and whom it wakes. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { as, type ClusterArn, type EnvironmentId, type Instant, type Revision } from '../../src/domain/ids.ts';
import type { Standing } from '../../src/store/facts-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { producerOptions, SWEEP_QUEUE } from '../../src/workers/queues.ts';
import { startSweeper } from '../../src/workers/sweep-worker.ts';
import { stored, world } from '../planner/fixtures.ts';
import { eventually } from '../system/stack.ts';

const HOUR_MS = 3_600_000;
/** Longer than the workers' own check that the schedule is there. */
const PAST_A_CHECK_MS = 6_000;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Parts {
  readonly specs?: readonly EnvironmentSpec[];
  readonly unreadable?: readonly EnvironmentId[];
  readonly standing?: (cluster: ClusterArn) => Standing | null;
}

function stage({ specs = [], unreadable = [], standing = () => null }: Parts = {}) {
  const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
  const log = pino({ level: 'silent' });
  const now = (): Instant => as<Instant>(Date.now());
  const queue = new Queue(SWEEP_QUEUE, producerOptions(redis));
  closers.push(() => queue.close());
  let sweeps = 0;
  const calls: string[] = [];
  const inventory = async () => {
    sweeps += 1;
    return { revision: as<Revision>(7), storeId: 'store', specs: specs.map((spec) => stored(spec)), unreadable };
  };
  const start = (intervalMs: number): void => {
    const sweeper = startSweeper({
      redis,
      store: { inventory },
      mailbox: {
        wake: async (environment, reason) => calls.push(`${reason} ${environment}`) > 0,
        requestSurvey: async (cluster) => calls.push(`survey ${cluster}`) > 0,
      },
      survey: {
        facts: { standing: async (cluster: ClusterArn) => standing(cluster) } as never,
        now,
        intervalMs: HOUR_MS,
      },
      intervalMs,
      log,
      metrics: createMetrics(),
      random: Math.random,
      monotonic: () => performance.now(),
    });
    closers.push(() => sweeper.close());
  };
  const everyMs = async (): Promise<number | undefined> => (await queue.getJobScheduler('sweep'))?.every;
  const swept = async (): Promise<boolean> => sweeps > 0 && (await queue.getActiveCount()) === 0;
  return { start, everyMs, calls, swept, sweeps: () => sweeps };
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

test('all who have something to do are woken, and surveys that failed to come are asked for, once a cluster', async () => {
  const specOf = (name: string, changes: Partial<EnvironmentSpec> = {}): EnvironmentSpec => ({
    ...world().spec.value,
    id: as(name),
    cluster: as('prod'),
    ...changes,
  });
  const current: Standing = { id: 'current', startedAt: as<Instant>(Date.now()), reads: 5 };
  const { start, calls, swept } = stage({
    specs: [
      specOf('deployed'),
      specOf('undeployed', { target: null }),
      specOf('deleted', { target: null, deletion: { requestedAt: current.startedAt, tasks: 'keep' } }),
      specOf('late', { cluster: as('late') }),
      specOf('late too', { cluster: as('late') }),
    ],
    unreadable: [as('unreadable')],
    standing: (cluster) => (cluster === 'prod' ? current : null),
  });
  start(HOUR_MS);
  await eventually(swept, (over) => over, 'the first sweep');
  expect(calls.toSorted()).toEqual([
    'survey late',
    'sweep deleted',
    'sweep deployed',
    'sweep late',
    'sweep late too',
    'sweep unreadable',
  ]);
});
