/** The order of things, and what happens when one of them fails: the queue, the store and the mailbox are the test's own. */
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { as, type EnvironmentId, type Instant, type Revision } from '../../src/domain/ids.ts';
import type { Hint } from '../../src/intake/hints.ts';
import type { Sighting } from '../../src/store/facts-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { SqsIntake } from '../../src/workers/sqs-intake.ts';
import type { QueueMessage } from '../../src/workers/sqs-source.ts';
import { Watchers } from '../../src/workers/watchers.ts';
import { facts, host, instance, stored, taskArn, world } from '../planner/fixtures.ts';
import { eventually } from '../system/stack.ts';

const SPEC = { ...world().spec.value, id: as<EnvironmentId>('agent') };
const NOW = as<Instant>(Date.UTC(2026, 0, 1, 0, 1));

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function joins(n: number, changes: { readonly time?: string; readonly cluster?: string } = {}): string {
  return JSON.stringify({
    source: 'aws.ecs',
    'detail-type': 'ECS Container Instance State Change',
    time: changes.time ?? '2026-01-01T00:00:30Z',
    detail: {
      clusterArn: changes.cluster ?? SPEC.cluster,
      containerInstanceArn: host(n),
      status: 'ACTIVE',
      agentConnected: true,
      version: 1,
    },
  });
}

const dies = (n: number): string =>
  JSON.stringify({
    source: 'aws.ecs',
    'detail-type': 'ECS Task State Change',
    time: '2026-01-01T00:00:30Z',
    detail: {
      clusterArn: SPEC.cluster,
      taskArn: taskArn(n),
      taskDefinitionArn: 'arn',
      group: 'daemon:agent',
      lastStatus: 'STOPPED',
      desiredStatus: 'STOPPED',
      version: 7,
    },
  });

/** A queue, a store and a mailbox that write down what is done; the parts of `broken` fail. */
function parts() {
  const calls: string[] = [];
  const broken = new Set<string>();
  const waiting: QueueMessage[] = [];
  let receives = 0;
  let deliver: (() => void) | null = null;
  const down = (part: string): boolean => broken.has(part);
  const metrics = createMetrics();
  const sqs = new SqsIntake({
    source: {
      async receive(signal) {
        receives += 1;
        if (down('queue')) throw new Error('no queue');
        if (waiting.length === 0) {
          await new Promise<void>((resolve, reject) => {
            deliver = resolve;
            signal.addEventListener('abort', () => {
              calls.push('aborted');
              reject(new Error('aborted'));
            });
          });
        }
        return waiting.splice(0);
      },
      async remove(messages) {
        calls.push(`delete ${messages.map(({ id }) => id).join(' ')}`);
      },
      close: () => calls.push('close'),
    },
    intake: {
      watchers: new Watchers({
        store: {
          inventory: async () => {
            if (down('etcd')) throw new Error('no etcd');
            return { revision: as<Revision>(1), storeId: 'store', specs: [stored(SPEC)], unreadable: [] };
          },
        },
        // Asked anew each time.
        monotonic: () => (clock += 10_000),
      }),
      facts: {
        read: async () => facts([instance(1)], []),
        sight: async (_, sightings: readonly Sighting[]) => {
          if (down('facts')) throw new Error('no Redis');
          if (sightings.length > 0) calls.push(`store ${sightings.length}`);
        },
      },
      hints: {
        add: async (hints: readonly Hint[]) => {
          calls.push(`ask ${hints.map(({ arn }) => arn.slice(-1)).join(' ')}`);
          return !down('hints');
        },
      },
      mailbox: {
        wake: async (environment) => {
          calls.push(`wake ${environment}`);
          return !down('mailbox');
        },
        requestSurvey: async () => {
          calls.push('survey');
          return !down('mailbox');
        },
        requestReadiness: async () => {
          calls.push('readiness');
          return !down('mailbox');
        },
      },
      metrics,
    },
    ready: async () => {
      calls.push('ready?');
      return broken.size === 0;
    },
    log: pino({ level: 'silent' }),
    now: () => NOW,
    monotonic: () => 0,
    // Makes every pause none at all.
    random: () => -1,
  });
  let clock = 0;
  closers.push(() => sqs.close());
  const send = (...bodies: readonly string[]): void => handOut(1, bodies);
  /** As handed out for the `received`-th time. */
  const handOut = (received: number, bodies: readonly string[]): void => {
    waiting.push(...bodies.map((body, n) => ({ id: `m${n}`, receipt: `r${n}`, body, received })));
    deliver?.();
  };
  const counted = async (): Promise<Record<string, number>> =>
    Object.fromEntries((await metrics.events.get()).values.map(({ labels, value }) => [labels.outcome, value]));
  return { sqs, calls, broken, send, handOut, counted, receives: () => receives };
}

const done = (calls: readonly string[], call: string): Promise<unknown> =>
  eventually(
    async () => calls,
    (all) => all.includes(call),
    call,
    5_000,
  );

test('what was seen is stored, then those it concerns are woken, and then the message is deleted', async () => {
  const { sqs, calls, send, counted } = parts();
  send(joins(2), dies(9));
  await done(calls, 'delete m0 m1');
  expect(calls).toEqual(['store 1', 'wake agent', 'ask 9', 'delete m0 m1']);
  expect(await counted()).toEqual({ stored: 1, asked: 1 });
  expect(sqs.healthy).toBe(true);
});

test('a message of a cluster nobody watches is deleted, one that nobody can read is not', async () => {
  const { calls, send, counted } = parts();
  send('{"source": "aws.ec2"}', joins(2, { cluster: 'another' }));
  await done(calls, 'delete m1');
  expect(calls).toEqual(['delete m1']);
  expect(await counted()).toEqual({ poison: 1, unwatched: 1 });
});

test('a message that was handed out before wakes as if it were news: its wake-up may have been lost', async () => {
  const { calls, send, handOut } = parts();
  send(joins(1));
  await done(calls, 'delete m0');
  expect(calls).toEqual(['delete m0']);
  handOut(2, [joins(1), joins(1)]);
  await done(calls, 'delete m0 m1');
  expect(calls).toEqual(['delete m0', 'wake agent', 'delete m0 m1']);
});

test('a message of long ago asks for a listing instead', async () => {
  const { calls, send, counted } = parts();
  send(joins(2, { time: '2025-12-31T23:00:00Z' }));
  await done(calls, 'delete m0');
  expect(calls).toEqual(['survey', 'delete m0']);
  expect(await counted()).toEqual({ stale: 1 });
});

test.each(['etcd', 'facts', 'hints', 'mailbox'])(
  'without %s nothing is deleted, and nothing more received until it is back',
  async (part) => {
    const { sqs, calls, broken, send, receives, counted } = parts();
    broken.add(part);
    send(joins(2), dies(9));
    await eventually(
      async () => calls.filter((call) => call === 'ready?').length,
      (asked) => asked > 1,
      'asking whether it is back',
    );
    expect(calls.filter((call) => call.startsWith('delete'))).toEqual([]);
    expect(await counted()).toEqual({ failed: 2 });
    expect(sqs.healthy).toBe(false);
    // The other two wait for messages, as before.
    expect(receives()).toBe(3);
    broken.clear();
    send(joins(2));
    await done(calls, 'delete m0');
    expect(sqs.healthy).toBe(true);
  },
);

test('a queue that does not answer is asked again and again, with pauses', async () => {
  const { sqs, broken, calls, send, receives } = parts();
  broken.add('queue');
  send(joins(2));
  await eventually(
    async () => calls.filter((call) => call === 'ready?').length,
    (asked) => asked > 0,
    'a pause',
  );
  expect(receives()).toBeLessThan(10);
  expect(sqs.healthy).toBe(false);
});

test('it ends at once, although a receive waits', async () => {
  const { sqs, calls, receives } = parts();
  await eventually(
    async () => receives(),
    (count) => count === 3,
    'receives that wait',
  );
  await sqs.close();
  expect(calls).toEqual(['aborted', 'aborted', 'aborted', 'close']);
});
