/** Faults of the original scheduler (v0.3.0) that this planner must not have. Each test is named after one. */
import { expect, test } from 'vitest';
import type { DeploymentProgress } from '../../src/domain/environment.ts';
import type { Change, Plan } from '../../src/domain/plan.ts';
import { settle } from '../../src/planner/settle.ts';
import {
  ago,
  changesOf,
  facts,
  host,
  instance,
  launchedOn,
  launchesIn,
  NOW,
  plan,
  POLICY,
  RUNNING_PROGRESS,
  slot,
  starting,
  stopsIn,
  task,
  taskArn,
  tries,
  vacant,
  type Scene,
} from './fixtures.ts';

const range = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);
const progressIn = (next: Plan): DeploymentProgress | undefined =>
  changesOf(next).flatMap((change) => (change.kind === 'put-progress' ? [change.progress] : []))[0];
/** The scene after the changes, for the parts that a rollout writes. */
const after = (scene: Scene, changes: readonly Change[]): Scene => {
  const slots = new Map((scene.slots ?? []).map((slot) => [slot.instance, slot]));
  const launches = new Map((scene.launches ?? []).map((launch) => [launch.id, launch]));
  for (const change of changes) {
    if (change.kind === 'put-slot') slots.set(change.slot.instance, change.slot);
    if (change.kind === 'put-launch') launches.set(change.launch.id, change.launch);
    if (change.kind === 'delete-launch') launches.delete(change.launch);
  }
  return { ...scene, slots: [...slots.values()], launches: [...launches.values()] };
};

test('one failing batch makes every tick start the whole rollout again', () => {
  const scene: Scene = { facts: facts(range(25).map((n) => instance(n))), progress: RUNNING_PROGRESS };
  const first = plan(scene);
  expect(launchesIn(first)).toHaveLength(3);

  const fault = { code: 'ClientException', message: 'no' };
  const acted = launchesIn(first).map((effect, batch) => ({
    effect,
    endedAt: NOW,
    outcome:
      batch === 1
        ? ({ kind: 'refused', fault, retry: false } as const)
        : ({
            kind: 'done',
            tasks: effect.launch.members.map(({ instance }, n) => ({ arn: taskArn(batch * 10 + n), instance })),
            failures: [],
          } as const),
  }));
  const landed = after(after(scene, changesOf(first)), changesOf(settle(acted, first.slots, POLICY)));
  const failing = launchesIn(first)[1]?.launch.members.map((member) => member.instance);

  expect(launchedOn(plan(landed))).toEqual([]);
  expect(launchedOn(plan({ ...landed, now: ago(-2) }))).toEqual(failing);
});

test('only the first 100 tasks decide `completed`', () => {
  const hosts = range(250);
  const scene: Scene = {
    facts: facts(
      hosts.map((n) => instance(n)),
      hosts.map((n) => task(n)),
    ),
    progress: RUNNING_PROGRESS,
  };
  const slots = hosts.map((n) => slot(n));
  const late = slots.with(249, starting(250, ago(1)));
  const pending = facts(
    hosts.map((n) => instance(n)),
    hosts.map((n) => task(n, n === 250 ? { lastStatus: 'PENDING' } : {})),
  );
  expect(progressIn(plan({ ...scene, facts: pending, slots: late }))).toBeUndefined();
  expect(progressIn(plan({ ...scene, slots }))).toMatchObject({ state: 'completed' });
});

test('deletion leaves tasks running', () => {
  const hosts = range(150);
  const scene: Scene = { deletion: 'stop', slots: hosts.map((n) => slot(n)) };
  const first = plan(scene);
  expect(stopsIn(first)).toHaveLength(POLICY.stopsPerTurn);
  expect(first.finished).toBe(false);

  const acted = first.effects.flatMap((effect) =>
    effect.kind === 'stop' ? [{ effect, outcome: { kind: 'done' } as const, endedAt: NOW }] : [],
  );
  const settled = settle(acted, first.slots, POLICY);
  const second = plan(after(after(scene, changesOf(first)), changesOf(settled)));
  expect(settled.wakeAt).toBe(NOW);
  expect(stopsIn(second)).toHaveLength(50);
  expect(second.finished).toBe(false);
});

test('`failedInstances` are wiped', () => {
  const failedInstances = [{ instance: host(1), reason: 'RESOURCE:CPU', attempts: 3 }];
  const slots = [vacant(1, { tries: tries(3, { reason: 'RESOURCE:CPU', until: ago(-60) }) })];
  // By a later turn, by lost facts, and by the repair that goes on behind a completed deployment.
  expect(
    progressIn(
      plan({ facts: facts([instance(1), instance(2)]), slots, progress: { ...RUNNING_PROGRESS, failedInstances } }),
    ),
  ).toBeUndefined();
  expect(progressIn(plan({ facts: null, slots, progress: { ...RUNNING_PROGRESS, failedInstances } }))).toBeUndefined();
  expect(
    progressIn(plan({ facts: facts([instance(1)], [task(1)]), slots: [slot(1)], progress: { failedInstances } })),
  ).toBeUndefined();
  expect(progressIn(plan({ facts: facts([instance(1)]), slots, progress: RUNNING_PROGRESS }))).toMatchObject({
    state: 'completed',
    failedInstances,
  });
});

test('zero hosts never complete', () => {
  expect(progressIn(plan({ facts: facts([]), progress: null }))).toMatchObject({
    state: 'completed',
    startedAt: NOW,
    endedAt: NOW,
  });
});

test('joins start twice', () => {
  const scene: Scene = { facts: facts([instance(1), instance(2)], [task(1)]), slots: [slot(1)] };
  const first = plan(scene);
  expect(launchedOn(first)).toEqual([host(2)]);
  // The join is told again before the answer, after it, and by a listing that does not show the task yet.
  const promised = after(scene, changesOf(first));
  expect(launchedOn(plan(promised))).toEqual([]);
  const acted = launchesIn(first).map((effect) => ({
    effect,
    endedAt: NOW,
    outcome: { kind: 'done', tasks: [{ arn: taskArn(2), instance: host(2) }], failures: [] } as const,
  }));
  const started = after(promised, changesOf(settle(acted, first.slots, POLICY)));
  expect(launchedOn(plan(started))).toEqual([]);
  expect(launchedOn(plan({ ...started, looks: { tasks: [taskArn(2)] } }))).toEqual([]);
});

test('a slow rollout overlaps itself', () => {
  const scene: Scene = { facts: facts(range(25).map((n) => instance(n))), progress: RUNNING_PROGRESS };
  let promised = after(scene, changesOf(plan(scene, { launchesPerTurn: 2 })));
  // A second turn takes what the first left, a third nothing, however long the answers take.
  expect(launchedOn(plan(promised)).toSorted()).toEqual(range(25).slice(20).map(host));
  promised = after(promised, changesOf(plan(promised)));
  for (const seconds of [1, 60, 3_600]) {
    const fresh = launchesIn(plan({ ...promised, now: ago(-seconds) })).filter((effect) => !effect.replay);
    expect(fresh).toEqual([]);
  }
});
