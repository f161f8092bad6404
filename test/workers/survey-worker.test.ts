/** Surveys on a real queue: whoever asks for one gets it. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import type { SurveyDeps } from '../../src/actors/survey.ts';
import { after, as, type Instant, type Revision } from '../../src/domain/ids.ts';
import type { Standing } from '../../src/store/facts-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { BullMailbox } from '../../src/workers/bull-mailbox.ts';
import { startSurveyWorker } from '../../src/workers/survey-worker.ts';
import { startSweeper } from '../../src/workers/sweep-worker.ts';
import { startTimerWorker } from '../../src/workers/timer-worker.ts';
import { instance, stored, world } from '../planner/fixtures.ts';
import { eventually } from '../system/stack.ts';

const log = pino({ level: 'silent' });
const now = (): Instant => as<Instant>(Date.now());
const SPEC = world().spec.value;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Surveys of one cluster; each costs five reads, which takes half a second to pay for. */
function stage(options: { readonly intervalMs: number; readonly sweepMs: number; readonly last: Standing | null }) {
  const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
  const mailbox = new BullMailbox(redis, now, log);
  const listed: Instant[] = [];
  let standing = options.last;
  let sweeps = 0;
  const inventory = async () => ({
    revision: as<Revision>(7),
    storeId: 'store',
    specs: [stored(SPEC)],
    unreadable: [],
  });
  const survey: Omit<SurveyDeps, 'mailbox'> = {
    store: { inventory },
    facts: {
      standing: async () => standing,
      read: async () => null,
      publish: async ({ startedAt, reads }) => {
        standing = { id: randomUUID(), startedAt, reads };
        return true;
      },
    },
    ecs: {
      survey: async () => {
        listed.push(now());
        return { instances: [instance(1)], tasks: [], reads: 5 };
      },
    },
    now,
    intervalMs: options.intervalMs,
  };
  const common = {
    redis,
    mailbox,
    log,
    metrics: createMetrics(),
    random: Math.random,
    monotonic: () => performance.now(),
  };
  const swept = async () => {
    sweeps += 1;
    return await inventory();
  };
  const started = [
    startSurveyWorker({ ...common, survey }),
    startTimerWorker(common),
    startSweeper({ ...common, store: { inventory: swept }, survey, intervalMs: options.sweepMs }),
  ];
  closers.push(
    () => mailbox.close(),
    async () => void (await Promise.all(started.map((one) => one.close()))),
  );
  return { mailbox, listed, sweeps: () => sweeps };
}

test('V3: a survey that was asked for too early comes once the last is paid for, whatever is swept meanwhile', async () => {
  const last = { id: 'last', startedAt: now(), reads: 30 };
  const { mailbox, listed, sweeps } = stage({ intervalMs: 3_600_000, sweepMs: 100, last });
  await mailbox.requestSurvey(SPEC.cluster);
  await eventually(
    async () => listed.length,
    (count) => count === 1,
    'a listing, though the next one would be due in an hour',
  );
  expect(listed[0]).toBeGreaterThanOrEqual(after(last.startedAt, 3_000));
  expect(sweeps()).toBeGreaterThan(1);
});

test('V3: where no survey comes a sweep asks for one, and from then on each sees to the next', async () => {
  const { listed } = stage({ intervalMs: 600, sweepMs: 3_600_000, last: null });
  await eventually(
    async () => listed.length,
    (count) => count >= 4,
    'four listings',
  );
  for (const [n, at] of listed.slice(1).entries()) expect(at).toBeGreaterThanOrEqual(after(listed[n] ?? at, 590));
});
