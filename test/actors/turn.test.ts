/** One turn of an environment's actor. */
import { describe, expect, test } from 'vitest';
import { AlarmsUnavailableError } from '../../src/alarms/alarms.ts';
import type { DeploymentProgress } from '../../src/domain/environment.ts';
import type { AlarmState, Facts } from '../../src/domain/facts.ts';
import { as, type Revision } from '../../src/domain/ids.ts';
import type { LaunchOutcome, StopOutcome } from '../../src/domain/plan.ts';
import { DEFAULT_CONFIGURATION } from '../../src/domain/revision.ts';
import { EcsReadError } from '../../src/ecs/gateway.ts';
import { FactsUnavailableError } from '../../src/store/facts-store.ts';
import type { ClaimResult, CommitResult } from '../../src/store/store.ts';
import {
  ago,
  deployment,
  deploymentId,
  facts,
  host,
  instance,
  launchId,
  machine,
  NOW,
  POLICY,
  progress,
  revision,
  revisionId,
  RUNNING_PROGRESS,
  slot,
  starting,
  task,
  taskArn,
  world,
} from '../planner/fixtures.ts';
import { DONE, throwing, turn } from './turn-scene.ts';

const ecsCalls = (calls: readonly string[]): readonly string[] =>
  calls.filter((call) => call === 'launch' || call.startsWith('stop'));

test('A1, A2: claim, look, commit the promise, act, commit the outcome, and only then ask to be woken', async () => {
  const { calls, launched, ending } = turn({});
  expect(await ending).toMatchObject({ kind: 'done', report: { launches: 1, outcomes: { done: 1 } } });
  expect(calls).toEqual([
    'claim',
    'describe 0 tasks',
    'definition',
    'intents put-launch put-status',
    'launch',
    'outcomes delete-launch put-slot put-history',
    'wakeAt',
  ]);
  expect(launched[0]?.launch.members).toEqual([{ instance: host(1), ec2InstanceId: machine(1) }]);
});

test.each<[string, LaunchOutcome, string | null]>([
  ['nothing when it did', DONE, null],
  [
    'what ECS answered of a host',
    { kind: 'done', tasks: [], failures: [{ instance: host(1), reason: 'RESOURCE:MEMORY' }] },
    'RESOURCE:MEMORY',
  ],
  [
    'what it said to the call',
    { kind: 'refused', fault: { code: 'AccessDenied', message: 'no' }, retry: false },
    'AccessDenied: no',
  ],
])('the report says why a launch made no task: %s', async (_, outcome, launchFault) => {
  expect(await turn({ outcome }).ending).toMatchObject({ kind: 'done', report: { launchFault } });
});

test.each<[string, StopOutcome, string | null]>([
  ['nothing when it did', { kind: 'done' }, null],
  [
    'what it said',
    { kind: 'unknown', fault: { code: 'ServerException', message: 'try later' } },
    'ServerException: try later',
  ],
])('the report says why ECS did not stop a task: %s', async (_, stop, stopFault) => {
  const leaving = { reason: 'draining', requestedAt: ago(60), accepted: false } as const;
  const { ending } = turn({
    world: world({ slots: [slot(1, { drainingSince: ago(60), stop: leaving })] }),
    facts: () => facts([instance(1, { status: 'DRAINING' })], [task(1)]),
    stop,
  });
  expect(await ending).toMatchObject({ kind: 'done', report: { stops: 1, stopFault, launchFault: null } });
});

describe('A1: without the fence no call is made', () => {
  test.each<[string, ClaimResult]>([
    ['gone', { kind: 'gone' }],
    ['unreadable', { kind: 'unreadable', key: 'k', fault: 'f' }],
  ])('a claim that is %s ends the turn', async (_, claim) => {
    const { calls, ending } = turn({ claim });
    expect(await ending).toEqual(claim);
    expect(calls).toEqual(['claim']);
  });
});

describe('A2: no effect before its promise is committed', () => {
  test.each<[CommitResult]>([[{ kind: 'fenced' }], [{ kind: 'unknown', reason: 'reply lost' }]])(
    'intents $kind: no call, no outcome, no timer',
    async (intents) => {
      const { calls, ending } = turn({ intents });
      expect(await ending).toEqual(intents);
      expect(ecsCalls(calls)).toEqual([]);
      expect(calls.at(-1)).toMatch(/^intents/);
    },
  );

  test('stops, which need no promise, ask for the fence all the same', async () => {
    const stop = { reason: 'draining', requestedAt: ago(60), accepted: false } as const;
    const scene = {
      world: world({ slots: [slot(1, { drainingSince: ago(60), stop })] }),
      facts: () => facts([instance(1, { status: 'DRAINING' })], [task(1)]),
    };
    expect((await turn(scene).ending).kind).toBe('done');
    const { calls, ending } = turn({ ...scene, intents: { kind: 'fenced' } });
    expect(await ending).toEqual({ kind: 'fenced' });
    expect(ecsCalls(calls)).toEqual([]);
  });

  test('so does the end of a deployment, also where nothing is sent: another may have taken its place', async () => {
    const scene = {
      world: world({ slots: [slot(1)], progress: RUNNING_PROGRESS }),
      facts: () => facts([instance(1)], [task(1)]),
    };
    const { calls, ending } = turn({ ...scene, intents: { kind: 'fenced' } });
    expect(await ending).toEqual({ kind: 'fenced' });
    expect(calls.at(-1)).toBe('intents put-progress put-status');
  });

  test('an outcome that did not land ends the turn: the next one reads what did', async () => {
    const { calls, ending } = turn({ outcomes: { kind: 'fenced' } });
    expect(await ending).toMatchObject({ kind: 'fenced', report: { launches: 1 } });
    expect(calls).not.toContain('wakeAt');
  });
});

test('A3: a launch carries the moment after which it must not leave', async () => {
  const { launched, ending } = turn({});
  await ending;
  expect(launched).toMatchObject([
    { launch: { id: launchId(900_001), promisedAt: NOW }, replay: false, notAfter: ago(-POLICY.actWithinMs / 1_000) },
  ]);
});

describe('A4: what are not facts', () => {
  test.each<[string, () => Facts | null]>([
    ['those of another store', () => facts([instance(1)], [], { storeId: 'restored' })],
    ['those of a later state of it', () => facts([instance(1)], [], { revision: as<Revision>(201) })],
    ['none', () => null],
    ['a cache that does not answer', throwing(new FactsUnavailableError('Redis: gone'))],
  ])('%s: nothing is launched, and a survey is asked for', async (_, read) => {
    const { calls, ending } = turn({ facts: read });
    expect((await ending).kind).toBe('done');
    expect(ecsCalls(calls)).toEqual([]);
    expect(calls).toContain('request survey');
  });
});

describe('a look that fails', () => {
  const pending = {
    world: world({ slots: [starting(1, ago(10))] }),
    // Task 1 is not listed, which proves nothing: it has to be described.
    facts: () => facts([instance(1), instance(2)]),
  };

  test('is not the end: the rest is planned and done, and it wakes to look again', async () => {
    const fault = { code: 'ThrottlingException', message: 'slow down' };
    const { calls, woken, ending } = turn({
      ...pending,
      describe: throwing(new EcsReadError(fault)),
      outcome: { ...DONE, tasks: [{ arn: taskArn(2), instance: host(2) }] },
    });
    expect(await ending).toMatchObject({ kind: 'done', report: { lookFault: 'ThrottlingException: slow down' } });
    expect(calls.filter((call) => call.startsWith('describe'))).toEqual(['describe 1 tasks']);
    expect(calls).toContain('launch');
    expect(woken.every((at) => at <= ago(-1))).toBe(true);
    expect(woken).toHaveLength(1);
  });

  test('for a reason nobody foresaw is a bug, and is thrown', async () => {
    await expect(turn({ ...pending, describe: throwing(new TypeError('bug')) }).ending).rejects.toThrow('bug');
  });

  test('a task is described once a turn, however often it plans', async () => {
    const { calls, ending } = turn(pending);
    await ending;
    expect(calls.filter((call) => call.startsWith('describe 1'))).toHaveLength(1);
  });
});

describe('a poll', () => {
  const pending = {
    world: world({ slots: [starting(1, ago(10))] }),
    facts: () => facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]),
  };

  test.each([true, false])(
    'is made once a turn, and is no failure when it does not get through (it does: %s)',
    async (polls) => {
      const { calls, woken, ending } = turn({ ...pending, polls });
      expect((await ending).kind).toBe('done');
      expect(calls.filter((call) => call.startsWith('poll'))).toEqual(['poll 1 tasks']);
      expect(calls.filter((call) => call.startsWith('describe 1'))).toEqual([]);
      // When the next one is due, and not sooner: a hundred environments that look again each second would take all there is.
      expect(woken).toEqual([ago(-5)]);
    },
  );
});

describe('a rollout that fails by itself', () => {
  const watched = deployment(2, {
    base: deploymentId(1),
    revision: revision(2, { configuration: { ...DEFAULT_CONFIGURATION, alarms: ['errors'] } }),
  });
  const failing = {
    world: world({
      slots: [slot(1)],
      rollouts: [{ deployment: watched, progress: progress(2, RUNNING_PROGRESS) }],
    }),
    facts: () => facts([instance(1)], [task(1)]),
    alarms: (): ReadonlyMap<string, AlarmState> => new Map([['errors', 'ALARM']]),
  };

  test('is rolled back in one write behind its other changes, without a call to ECS, and the next turn is asked for', async () => {
    const { calls, ending } = turn(failing);
    expect((await ending).kind).toBe('done');
    expect(calls.filter((call) => !call.startsWith('describe'))).toEqual([
      'claim',
      'alarms errors',
      // Of what it goes back to.
      'definition',
      expect.stringMatching(/^intents/),
      'roll back by rollback',
      'wake to deploy',
    ]);
  });

  test('that is only paused is reported by the turn that pauses it, and by no later one', async () => {
    const pausing = deployment(2, {
      base: deploymentId(1),
      revision: revision(2, { configuration: { ...watched.revision.configuration, rollback: 'pause' } }),
    });
    const at = (over: Partial<DeploymentProgress>) => ({
      ...failing,
      world: world({
        slots: [slot(1)],
        rollouts: [{ deployment: pausing, progress: progress(2, { ...RUNNING_PROGRESS, ...over }) }],
      }),
    });
    const first = await turn(at({})).ending;
    expect(first).toMatchObject({ kind: 'done', report: { rolledBack: null, paused: 'alarm errors fired' } });
    const reason = 'alarm errors fired';
    const later = await turn(at({ state: 'paused', reason, trip: { reason, resumes: 0 } })).ending;
    expect(later).toMatchObject({ kind: 'done', report: { paused: null } });
  });

  test.each<[CommitResult]>([[{ kind: 'fenced' }], [{ kind: 'unknown', reason: 'reply lost' }]])(
    'a rollback that is $kind ends the turn',
    async (rollBack) => {
      const { calls, ending } = turn({ ...failing, rollBack });
      expect(await ending).toEqual(rollBack);
      expect(calls.at(-1)).toBe('roll back by rollback');
    },
  );

  test('alarms that cannot be read hold it: nothing is stopped, and it looks again', async () => {
    const fault = { code: 'Throttling', message: 'slow down' };
    const { calls, woken, ending } = turn({ ...failing, alarms: throwing(new AlarmsUnavailableError(fault)) });
    expect(await ending).toMatchObject({ kind: 'done', report: { lookFault: 'Throttling: slow down' } });
    expect(ecsCalls(calls)).toEqual([]);
    expect(woken).toEqual([ago(-1)]);
  });
});

test('an environment at rest costs one claim and nothing else', async () => {
  const status = {
    health: 'healthy',
    reasons: [],
    hosts: { eligible: 1, running: 1, ready: 1, updated: 1, starting: 0, failed: 0, disconnected: 0, draining: 0 },
    revisions: [revisionId(1)],
  } as const;
  const { calls, ending } = turn({
    world: world({ slots: [slot(1)], status }),
    facts: () => facts([instance(1)], [task(1)]),
  });
  expect((await ending).kind).toBe('done');
  expect(calls).toEqual(['claim']);
});

test('a deletion with nothing left removes the environment', async () => {
  const { calls, ending } = turn({ world: world({ deletion: 'stop' }) });
  expect(await ending).toEqual({ kind: 'gone', name: world().spec.value.name });
  expect(calls).toEqual(['claim', 'remove']);
});
