/** Hints through a real Redis: what they name is asked of ECS, and only ECS's answer counts. */
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { pino } from 'pino';
import { afterEach, expect, inject, test } from 'vitest';
import type { Instance, Task } from '../../src/domain/facts.ts';
import { as, type ClusterArn, type InstanceArn, type Revision, type TaskArn } from '../../src/domain/ids.ts';
import type { Sighting } from '../../src/store/facts-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { BullHints } from '../../src/workers/hint-queue.ts';
import { startHintWorker } from '../../src/workers/hint-worker.ts';
import { EVENT_QUEUE, producerOptions } from '../../src/workers/queues.ts';
import { Watchers } from '../../src/workers/watchers.ts';
import { facts, host, instance, stopped, stored, task, taskArn, world } from '../planner/fixtures.ts';
import { eventually } from '../system/stack.ts';

const log = pino({ level: 'silent' });
const SPEC = world().spec.value;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** An ECS that knows these; `late` makes its first answer about a task an older one. */
function parts(known: { readonly instances?: readonly Instance[]; readonly tasks?: readonly Task[] }, late?: Task) {
  const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
  const calls: string[] = [];
  const metrics = createMetrics();
  const hints = new BullHints(redis, log);
  let first = late;
  const worker = startHintWorker({
    redis,
    ecs: {
      describeInstances: async (_, arns, __, priority) => {
        calls.push(`describe ${arns.length} hosts as ${priority}`);
        const byArn = new Map(known.instances?.map((one) => [one.arn, one]));
        return new Map(arns.map((arn): [InstanceArn, Instance | 'MISSING'] => [arn, byArn.get(arn) ?? 'MISSING']));
      },
      describeTasks: async (_, arns, __, priority) => {
        calls.push(`describe ${arns.length} tasks as ${priority}`);
        const byArn = new Map(known.tasks?.map((one) => [one.arn, one]));
        if (first !== undefined) byArn.set(first.arn, first);
        first = undefined;
        return new Map(arns.map((arn): [TaskArn, Task | 'MISSING'] => [arn, byArn.get(arn) ?? 'MISSING']));
      },
    },
    metrics,
    intake: {
      watchers: new Watchers({
        store: {
          inventory: async () => ({
            revision: as<Revision>(1),
            storeId: 'store',
            specs: [stored(SPEC)],
            unreadable: [],
          }),
        },
        monotonic: () => performance.now(),
      }),
      facts: {
        read: async () => facts([instance(1)], [task(1), task(2)]),
        sight: async (_, sightings: readonly Sighting[]) => {
          for (const one of sightings) {
            calls.push(one.kind === 'task' ? `sight ${one.task.lastStatus}` : `sight ${one.instance.status}`);
          }
        },
      },
      hints,
      mailbox: {
        wake: async (_, reason) => calls.push(`wake ${reason}`) > 0,
        requestSurvey: async () => calls.push('survey') > 0,
        requestReadiness: async () => calls.push('readiness') > 0,
      },
      metrics,
    },
    log,
    random: () => 0,
    monotonic: () => performance.now(),
  });
  closers.push(
    () => worker.close(),
    () => hints.close(),
  );
  const counted = async (): Promise<Record<string, number>> =>
    Object.fromEntries((await metrics.events.get()).values.map(({ labels, value }) => [labels.outcome, value]));
  const empty = async (): Promise<boolean> => {
    const queue = new Queue(EVENT_QUEUE, producerOptions(redis));
    const counts = await queue.getJobCounts();
    await queue.close();
    return Object.values(counts).every((count) => count === 0);
  };
  const done = (): Promise<unknown> => eventually(empty, (is) => is, 'every hint worked off');
  return { calls, hints, counted, done };
}

const taskHint = (n: number, atLeast = 0, cluster = SPEC.cluster) =>
  ({ kind: 'task', cluster, arn: taskArn(n), atLeast }) as const;
const hostHint = (n: number) => ({ kind: 'instance', cluster: SPEC.cluster, arn: host(n), atLeast: 0 }) as const;

test('what is named is described, kept, and wakes; what ECS does not know is passed over', async () => {
  const { calls, hints, counted, done } = parts({ instances: [instance(5)], tasks: [stopped(1, { version: 2 })] });
  expect(await hints.add([taskHint(1), taskHint(9), hostHint(5)])).toBe(true);
  await done();
  expect(calls.toSorted()).toEqual([
    'describe 1 hosts as rollout',
    'describe 2 tasks as rollout',
    'sight ACTIVE',
    'sight STOPPED',
    'wake instance-join',
  ]);
  expect(await counted()).toEqual({ missing: 1, stored: 2 });
});

test('of a cluster nobody watches nothing is asked', async () => {
  const { calls, hints, counted, done } = parts({});
  expect(await hints.offer([taskHint(1, 0, as<ClusterArn>('another'))])).toBe(true);
  await done();
  expect(calls).toEqual([]);
  expect(await counted()).toEqual({ unwatched: 1 });
});

test('an answer older than what was seen is not the answer yet', async () => {
  const { calls, hints, done } = parts({ tasks: [stopped(1, { version: 6 })] }, task(1, { version: 5 }));
  expect(await hints.add([taskHint(1, 6)])).toBe(true);
  await done();
  expect(calls).toEqual([
    'describe 1 tasks as rollout',
    'sight RUNNING',
    'describe 1 tasks as rollout',
    'sight STOPPED',
    'wake drift',
  ]);
});

test('of people we do not know only so much is taken; without Redis nothing, and soon', async () => {
  const redis = { url: inject('redisUrl'), prefix: randomUUID().slice(0, 8) };
  const queue = new Queue(EVENT_QUEUE, producerOptions(redis));
  const hints = new BullHints(redis, log);
  closers.push(
    () => hints.close(),
    () => queue.obliterate({ force: true }).then(() => queue.close()),
  );
  await queue.addBulk(Array.from({ length: 1_000 }, () => ({ name: 'hints', data: {} })));
  expect(await hints.offer([taskHint(1)])).toBe(false);
  expect(await hints.add([taskHint(1)])).toBe(true);
  const away = new BullHints({ url: 'redis://127.0.0.1:1', prefix: 'x' }, log);
  closers.push(() => away.close());
  expect(await away.add([taskHint(1)])).toBe(false);
});
