/** Deployments, health and counts. */
import { describe, expect, test } from 'vitest';
import type { DeploymentProgress, EnvironmentStatus } from '../../src/domain/environment.ts';
import { as, type Revision } from '../../src/domain/ids.ts';
import {
  ago,
  at,
  changesOf,
  facts,
  host,
  instance,
  launch,
  launchedOn,
  NOW,
  plan,
  progress,
  REVISION,
  RUNNING_PROGRESS,
  slot,
  slotOf,
  starting,
  stopped,
  task,
  tries,
  vacant,
  type Scene,
} from './fixtures.ts';
import { rolling } from './rollout-scenes.ts';

const progressIn = (scene: Scene): DeploymentProgress | undefined =>
  changesOf(plan(scene)).flatMap((change) => (change.kind === 'put-progress' ? [change.progress] : []))[0];
const statusIn = (scene: Scene): EnvironmentStatus | undefined =>
  changesOf(plan(scene)).flatMap((change) => (change.kind === 'put-status' ? [change.status] : []))[0];
const usedUp = tries(3, { until: ago(-60) });

describe('a deployment', () => {
  const begun = RUNNING_PROGRESS;

  test('is running from its first turn, also without facts', () => {
    const running = { ...progress(1, RUNNING_PROGRESS), startedAt: NOW, openedAt: NOW };
    expect(progressIn({ progress: null, facts: facts([instance(1)]) })).toEqual(running);
    // Its waves are made once the hosts are known.
    expect(progressIn({ progress: null })).toEqual({ ...running, waves: [], open: 0 });
  });

  test.each<[string, Scene]>([
    ['a host has no task', { facts: facts([instance(1)]) }],
    [
      'a task has not reached RUNNING',
      { facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]), slots: [starting(1, ago(1))] },
    ],
    ['a launch is open', { facts: facts([instance(1)]), launches: [launch(1, [1], ago(1))] }],
    [
      'a host has attempts left',
      { facts: facts([instance(1)]), slots: [vacant(1, { tries: { ...usedUp, count: 2 } })] },
    ],
    ['a host that came late has no task', { facts: facts([instance(1), instance(2)], [task(1)]), slots: [slot(1)] }],
    ['nothing is known of the hosts', {}],
    [
      'the listing is older than the deployment',
      { facts: facts([], [], { revision: as<Revision>(REVISION.deployed - 1) }) },
    ],
  ])('is not completed while %s', (_, scene) => {
    expect(progressIn({ progress: begun, ...scene })).toBeUndefined();
  });

  test('waits for agents that are away where nobody tells how it does, for the start grace', () => {
    const hosts = [instance(1, { agentConnected: false }), instance(2, { status: 'DRAINING' })];
    const opened = (seconds: number): Scene => ({
      progress: { ...begun, openedAt: ago(seconds) },
      facts: facts(hosts),
    });
    const deferredInstances = [host(1)];
    expect(progressIn(opened(119))).toMatchObject({ state: 'running', deferredInstances });
    expect(plan(opened(119)).wakeAt).toBe(ago(-1));
    expect(progressIn(opened(120))).toMatchObject({ state: 'completed', deferredInstances });
    const told = { facts: facts([...hosts, instance(3)], [task(3)]), slots: [slot(3)] };
    expect(progressIn({ ...opened(0), ...told })).toMatchObject({ state: 'completed', deferredInstances });
    // One that was broken before says nothing of it.
    const failed = (exempt: boolean): Scene => ({
      facts: facts([...hosts, instance(3)]),
      slots: [vacant(3, { tries: { ...usedUp, exempt } })],
    });
    expect(progressIn({ ...opened(0), ...failed(true) })).toMatchObject({ state: 'running', deferredInstances });
    expect(progressIn({ ...opened(0), ...failed(false) })).toMatchObject({ state: 'completed', deferredInstances });
  });

  test.each<[string, Scene, number]>([
    ['zero hosts', { facts: facts([]) }, 0],
    ['all hosts run their task', { facts: facts([instance(1)], [task(1)]), slots: [slot(1)] }, 0],
    [
      'attempts are used up',
      { facts: facts([instance(1), instance(2)], [task(1)]), slots: [slot(1), vacant(2, { tries: usedUp })] },
      1,
    ],
    [
      'the others are disconnected, draining or registering',
      {
        facts: facts(
          [
            instance(1, { agentConnected: false }),
            instance(2, { status: 'DRAINING' }),
            instance(3, { status: 'REGISTERING' }),
            instance(4),
          ],
          [task(4)],
        ),
        slots: [slot(4)],
      },
      0,
    ],
  ])('is completed when %s', (_, scene, failed) => {
    const completed = progressIn({ progress: begun, ...scene });
    expect(completed).toMatchObject({ state: 'completed', endedAt: NOW, startedAt: at(0) });
    expect(completed?.failedInstances).toHaveLength(failed);
  });

  test('reports failed hosts with ECS’s own reasons, while it runs and after', () => {
    const failed = [{ instance: host(2), reason: 'RESOURCE:MEMORY', attempts: 3 }];
    const scene: Scene = {
      facts: facts([instance(1), instance(2)]),
      slots: [vacant(2, { tries: usedUp })],
      progress: begun,
    };
    expect(progressIn(scene)).toMatchObject({ state: 'running', failedInstances: failed });
    // Recovered behind it: what the deployment came to stands.
    expect(progressIn({ ...scene, slots: [slot(2)], progress: { failedInstances: failed } })).toBeUndefined();
  });

  test('keeps its failed hosts when the facts are lost', () => {
    const failedInstances = [{ instance: host(2), reason: 'RESOURCE:MEMORY', attempts: 3 }];
    expect(
      progressIn({ progress: { ...begun, failedInstances }, slots: [vacant(2, { tries: usedUp })] }),
    ).toBeUndefined();
  });

  test('tries every host anew: the attempts of the one before are not its own', () => {
    const scene: Scene = { facts: facts([instance(1)]), slots: [vacant(1, { tries: usedUp })] };
    const first = plan({ ...scene, progress: null });
    expect(launchedOn(first)).toEqual([host(1)]);
    expect(slotOf(first, 1)?.tries.count).toBe(0);
    expect(progressIn({ ...scene, progress: null })).toMatchObject({ state: 'running', failedInstances: [] });
    expect(launchedOn(plan({ ...scene, progress: begun }))).toEqual([]);
  });

  test('repair goes on behind a completed one', () => {
    const dead: Scene = { facts: facts([instance(1)], [stopped(1, { stopCode: 'UserInitiated' })]), slots: [slot(1)] };
    expect(launchedOn(plan(dead))).toEqual([host(1)]);
    expect(progressIn(dead)).toBeUndefined();
  });
});

describe('health', () => {
  const late = ago(121);

  test.each<[string, Scene]>([
    ['every host runs its task', { facts: facts([instance(1)], [task(1)]), slots: [slot(1)] }],
    [
      'a task starts within its grace',
      { facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]), slots: [starting(1, ago(119))] },
    ],
    ['a host registered a moment ago', { facts: facts([instance(1, { registeredAt: ago(100) })]) }],
    ['there is no deployment yet', { facts: facts([instance(1)]), spec: { target: null } }],
    ['hosts are disconnected', { facts: facts([instance(1, { agentConnected: false })]) }],
  ])('healthy when %s', (_, scene) => {
    expect(statusIn(scene)).toMatchObject({ health: 'healthy', reasons: [] });
  });

  test.each<[string, Scene, string]>([
    [
      'a task does not start',
      { facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]), slots: [starting(1, late)] },
      'its task has not become ready',
    ],
    [
      'attempts are used up, without waiting for the grace',
      { facts: facts([instance(1)]), slots: [vacant(1, { tries: usedUp, since: NOW })] },
      'RESOURCE:MEMORY',
    ],
    [
      'an outcome stays unknown',
      { facts: facts([instance(1)]), launches: [launch(1, [1], late)] },
      'the outcome of its launch is not known yet',
    ],
    [
      'nobody tells of its alarms',
      rolling(1, {
        configuration: { alarms: ['errors'] },
        deployment: { base: null },
        progress: null,
        slots: [vacant(1, { since: late })],
      }),
      'the states of the CloudWatch alarms of its deployment are not known',
    ],
  ])('unhealthy when %s', (_, scene, reason) => {
    expect(statusIn(scene)).toMatchObject({
      health: 'unhealthy',
      reasons: [`1 host has no ready task: ${reason} (000001)`],
    });
  });

  test('the end of a grace wakes', () => {
    const next = plan({
      facts: facts([instance(1)]),
      launches: [launch(1, [1], ago(1), { endedAt: null })],
      slots: [vacant(1, { since: ago(110) })],
    });
    expect(next.wakeAt).toBe(ago(-10));
  });

  test('names three hosts and counts the rest', () => {
    const numbers = [1, 2, 3, 4, 5];
    const status = statusIn({
      facts: facts(numbers.map((n) => instance(n))),
      slots: numbers.map((n) => vacant(n, { tries: usedUp })),
    });
    expect(status?.reasons).toEqual([
      '5 hosts have no ready task: RESOURCE:MEMORY (000001, 000002, 000003 and 2 more)',
    ]);
  });

  test('what was known stands when the facts are lost', () => {
    expect(statusIn({ slots: [vacant(1, { tries: usedUp })] })).toBeUndefined();
  });
});

test('hosts are counted by what they are', () => {
  const status = statusIn({
    facts: facts(
      [
        instance(1),
        instance(2),
        instance(3),
        instance(4),
        instance(5, { agentConnected: false }),
        instance(6, { status: 'DRAINING' }),
      ],
      [task(1), task(2, { lastStatus: 'PENDING' })],
    ),
    slots: [slot(1), starting(2, ago(1)), vacant(3, { tries: usedUp })],
  });
  // Host 4 is being launched on by this very plan.
  expect(status?.hosts).toEqual({
    eligible: 4,
    running: 1,
    ready: 1,
    updated: 2,
    starting: 2,
    failed: 1,
    disconnected: 1,
    draining: 1,
  });
});
