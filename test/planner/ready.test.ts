/** When a task counts as ready, and what is told of the time without one. */
import { describe, expect, test } from 'vitest';
import type { Task } from '../../src/domain/facts.ts';
import type { Slot } from '../../src/domain/launch.ts';
import {
  ago,
  at,
  deploymentId,
  definition,
  deployment,
  facts,
  host,
  instance,
  NOW,
  plan,
  progress,
  revision,
  RUNNING_PROGRESS,
  slotOf,
  stopped,
  stopsIn,
  task,
  taskArn,
  template,
  type Scene,
} from './fixtures.ts';
import { progressIn, rolling, startingAnew, updated, waitingIn, type RolloutParts } from './rollout-scenes.ts';

/** Task of host 1 that the rollout started. */
const made = (changes: Partial<Task> = {}): Task =>
  task(1, { arn: taskArn(101), taskDefinition: definition(2), startedBy: deploymentId(2), ...changes });
const ranFor = (seconds: number, changes: Partial<Slot> = {}): Slot => {
  const slot = startingAnew(1, { since: ago(60), gapSince: ago(60), vacated: true, ...changes });
  return slot.task === null ? slot : { ...slot, task: { ...slot.task, placedAt: ago(60), ranAt: ago(seconds) } };
};
/** The rollout with this slot on host 1, whose task is listed, or described, so. */
const seen = (slot: Slot, shown: { listed?: Task; described?: Task }, parts: RolloutParts = {}): Scene => ({
  ...rolling(1, { ...parts, slots: [slot] }),
  facts: facts([instance(1)], [shown.listed ?? made()]),
  looks: { tasks: shown.described === undefined ? [] : [shown.described] },
});
const readyAt = (scene: Scene) => slotOf(plan(scene), 1)?.task?.readyAt ?? null;

describe('a task without conditions is ready when it is RUNNING', () => {
  test.each([
    ['PENDING', null],
    ['RUNNING', NOW],
    ['STOPPING', null],
  ])('%s', (lastStatus, expected) => {
    expect(readyAt(seen(startingAnew(1), { listed: made({ lastStatus }) }))).toBe(expected);
  });

  test('then the deployment is completed, and not before', () => {
    expect(progressIn(plan(seen(startingAnew(1), {})))?.state).toBe('completed');
    expect(progressIn(plan(seen(startingAnew(1), { listed: made({ lastStatus: 'PENDING' }) })))).toBeUndefined();
  });

  test('not when it is about to be stopped', () => {
    const stop = { reason: 'not-matching', requestedAt: ago(5), accepted: true } as const;
    expect(readyAt(seen(startingAnew(1, { stop }), {}))).toBeNull();
  });
});

describe('minReadySeconds', () => {
  const parts = { configuration: { minReadySeconds: 30 } };

  test('counts from when it was first seen RUNNING', () => {
    const next = plan(seen(startingAnew(1), { described: made() }, parts));
    expect(slotOf(next, 1)?.task).toMatchObject({ ranAt: NOW, readyAt: null });
    expect(waitingIn(next)).toEqual({ 1: 'start' });
    expect(readyAt(seen(ranFor(29), { described: made() }, parts))).toBeNull();
    expect(readyAt(seen(ranFor(30), { described: made() }, parts))).toBe(NOW);
  });

  test('a listing may be older than its end: that it still runs is asked when it counts', () => {
    const next = plan(seen(ranFor(30), {}, parts));
    expect(slotOf(next, 1)?.task?.readyAt).toBeNull();
    expect(next.look.tasks).toEqual([taskArn(101)]);
    // While it is not well it cannot count, and listings tell of it, however long that is.
    const sick = plan(
      seen(ranFor(30), { listed: made({ health: 'UNKNOWN' }) }, { ...parts, revision: { healthCheck: true } }),
    );
    expect(sick.look).toMatchObject({ tasks: [], polls: [] });
    const early = plan(seen(ranFor(29.7), {}, parts));
    expect(early.wakeAt).toBe(ago(-0.3));
    const dead = plan(seen(ranFor(31), { described: stopped(1, { arn: taskArn(101), instance: host(1) }) }, parts));
    expect(slotOf(dead, 1)).toMatchObject({ task: null, vacated: true, tries: { count: 1, template: template(2) } });
  });

  test('is that of the task’s own deployment, also when another takes it back', () => {
    const scene = seen(ranFor(1), {}, parts);
    const back = deployment(3, {
      kind: 'rollback',
      revision: revision(1),
      template: template(1),
      base: deploymentId(1),
    });
    const rollouts = [...(scene.rollouts ?? []), { deployment: back, progress: progress(3, RUNNING_PROGRESS) }];
    expect(slotOf(plan({ ...scene, rollouts }), 1)).toMatchObject({ task: { readyAt: null }, vacated: true });
  });

  test('a task of no deployment that we know has no conditions', () => {
    const scene = seen(ranFor(1), {}, parts);
    const slots = [ranFor(1)].map((one) => ({ ...one, task: one.task && { ...one.task, template: template(3) } }));
    expect(slotOf(plan({ ...scene, slots }), 1)?.task?.readyAt).toBe(NOW);
  });
});

describe('a container health check', () => {
  const parts = { revision: { healthCheck: true } };

  test.each([
    ['UNKNOWN', null],
    ['HEALTHY', NOW],
    ['UNHEALTHY', null],
  ] as const)('that says %s', (health, expected) => {
    expect(readyAt(seen(ranFor(5), { described: made({ health }) }, parts))).toBe(expected);
  });

  test('that the definition does not have is not waited for', () => {
    expect(readyAt(seen(ranFor(5), { described: made({ health: 'UNKNOWN' }) }))).toBe(NOW);
  });

  test('together with minReadySeconds: both', () => {
    const both = { ...parts, configuration: { minReadySeconds: 30 } };
    expect(readyAt(seen(ranFor(60), { described: made({ health: 'UNKNOWN' }) }, both))).toBeNull();
    expect(readyAt(seen(ranFor(20), { described: made({ health: 'HEALTHY' }) }, both))).toBeNull();
    expect(readyAt(seen(ranFor(30), { described: made({ health: 'HEALTHY' }) }, both))).toBe(NOW);
  });

  test('UNHEALTHY: its task is described, then stopped, and that counts as a failure', () => {
    const sick = made({ health: 'UNHEALTHY' });
    const asking = plan(seen(updated(1), { listed: sick }, parts));
    expect(asking.look.tasks).toEqual([taskArn(101)]);
    expect(stopsIn(asking)).toEqual([]);
    const next = plan(seen(updated(1), { described: sick }, parts));
    expect(stopsIn(next)).toEqual([[taskArn(101), 'unhealthy']]);
    expect(next.effects[0]).toMatchObject({ priority: 'repair' });
    const stop = { reason: 'unhealthy', requestedAt: ago(5), accepted: true } as const;
    const gone = stopped(1, { arn: taskArn(101), stopCode: 'UserInitiated' });
    const after = slotOf(plan(seen(updated(1, { stop }), { described: gone }, parts)), 1);
    expect(after?.tries).toMatchObject({ count: 1, reason: 'its container health check failed: UNHEALTHY' });
  });

  test('one that recovered since the listing is left alone', () => {
    const next = plan(
      seen(updated(1), { listed: made({ health: 'UNHEALTHY' }), described: made({ health: 'HEALTHY' }) }, parts),
    );
    expect(stopsIn(next)).toEqual([]);
  });

  test('a task that was ready once stays so while its check says UNKNOWN', () => {
    expect(readyAt(seen(updated(1), { described: made() }, parts))).toBe(at(11));
  });
});

describe('the time without a ready task', () => {
  const after = (slot: Slot, parts: RolloutParts = {}) => slotOf(plan(seen(slot, {}, parts)), 1);

  test('begins when the task is taken or ends, and is over when one is ready', () => {
    const next = slotOf(plan(rolling(1)), 1);
    expect(next).toMatchObject({ gapSince: NOW, vacated: true });
    expect(after(ranFor(1))).toMatchObject({ gapSince: null, vacated: false });
    const dead = slotOf(
      plan({ ...rolling(1, { slots: [updated(1)] }), looks: { tasks: [stopped(1, { arn: taskArn(101) })] } }),
      1,
    );
    expect(dead).toMatchObject({ gapSince: NOW, vacated: false });
  });

  test('an end does not begin it anew', () => {
    const stop = { reason: 'update', requestedAt: ago(9), accepted: true } as const;
    const taken = updated(1, { stop, gapSince: ago(9), vacated: true });
    const gone = { tasks: [stopped(1, { arn: taskArn(101) })] };
    expect(slotOf(plan({ ...rolling(1, { slots: [taken] }), looks: gone }), 1)).toMatchObject({
      gapSince: ago(9),
      vacated: true,
    });
  });

  test('is added up for a deployment, from when it was asked for', () => {
    expect(after(ranFor(1))?.uncovered).toEqual({ deployment: deploymentId(2), ms: 60_000 });
    const before = { deployment: deploymentId(2), ms: 5_000 };
    expect(after(ranFor(1, { uncovered: before }))?.uncovered).toEqual({ ...before, ms: 65_000 });
    const other = { deployment: deploymentId(1), ms: 5_000 };
    expect(after(ranFor(1, { uncovered: other }))?.uncovered).toEqual({ deployment: deploymentId(2), ms: 60_000 });
    const young = { deployment: { createdAt: ago(10) } };
    expect(after(ranFor(1), young)?.uncovered?.ms).toBe(10_000);
  });
});
