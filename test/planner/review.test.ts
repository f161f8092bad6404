/** Cases that a cold reading of the planner brought up. */
import { describe, expect, test } from 'vitest';
import { NO_ORDERS } from '../../src/domain/environment.ts';
import type { Slot, StopRequest } from '../../src/domain/launch.ts';
import {
  ago,
  deployment,
  deploymentId,
  facts,
  instance,
  machine,
  NOW,
  plan,
  progress,
  revision,
  RUNNING_PROGRESS,
  slot,
  slotOf,
  starting,
  stopsIn,
  task,
  taskArn,
  template,
  tries,
} from './fixtures.ts';
import { progressIn, range, replacedIn, rolling, taken, updated, waitingIn } from './rollout-scenes.ts';

/** Slot of host `n` with a stop that ECS has not accepted. */
const asked = (n: number, reason: StopRequest['reason'], changes: Partial<Slot> = {}): Slot =>
  slot(n, { stop: { reason, requestedAt: ago(1), accepted: false }, gapSince: ago(1), ...changes });

describe('H9: a stop that ECS has not accepted is withdrawn', () => {
  test.each(['not-matching', 'draining'] as const)('when the host is as it should be again: %s', (reason) => {
    const next = plan({ slots: [asked(1, reason)], facts: facts([instance(1)], [task(1)]) });
    expect(stopsIn(next)).toEqual([]);
    expect(slotOf(next, 1)?.stop).toBeNull();
    expect(next.wakeAt).toBe(NOW);
  });

  test.each(['not-matching', 'draining'] as const)('but not one that was accepted: %s', (reason) => {
    const accepted = asked(1, reason, { stop: { reason, requestedAt: ago(1), accepted: true } });
    const next = plan({ slots: [accepted], facts: facts([instance(1)], [task(1)]) });
    expect(slotOf(next, 1)?.stop).toMatchObject({ reason });
  });

  test('when the task is healthy again, by a description', () => {
    const scene = { slots: [asked(1, 'unhealthy')], facts: facts([instance(1)], [task(1, { health: 'HEALTHY' })]) };
    expect(stopsIn(plan(scene))).toEqual([[taskArn(1), 'unhealthy']]);
    const next = plan({ ...scene, looks: { tasks: [task(1, { health: 'HEALTHY' })] } });
    expect(stopsIn(next)).toEqual([]);
    expect(slotOf(next, 1)?.stop).toBeNull();
  });
});

describe('H8, G3: a rollout that was stopped takes nothing away', () => {
  test.each([
    ['tripped', { state: 'paused', reason: 'x', trip: { reason: 'x', resumes: 0 } }, []],
    ['cancelled', { state: 'cancelled', endedAt: ago(1), reason: 'x' }, []],
  ] as const)('%s: hosts that only its query matches keep what they have', (_, halted, expected) => {
    const first = deployment(2, { revision: revision(2, { query: `ec2InstanceId == ${machine(1)}` }) });
    const second = deployment(3, { base: deploymentId(2), revision: revision(3) });
    const next = plan({
      slots: [slot(1), updated(2)],
      facts: facts([instance(1), instance(2)], [task(1), task(102, { instance: instance(2).arn })]),
      rollouts: [
        { deployment: first, progress: progress(2) },
        { deployment: second, progress: progress(3, { ...RUNNING_PROGRESS, ...halted }) },
      ],
    });
    expect(stopsIn(next)).toEqual(expected);
    expect(slotOf(next, 2)?.stop).toBeNull();
  });
});

describe('G2', () => {
  const zones = [
    { name: 'zone=a', of: { kind: 'attribute', name: 'zone', value: 'a' }, promote: 'auto', bakeMinutes: 0 },
    { name: 'zone=b', of: { kind: 'attribute', name: 'zone', value: 'b' }, promote: 'auto', bakeMinutes: 0 },
    { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
  ] as const;

  test('what a large wave bore does not trip a small one', () => {
    const broken = [1, 2].map((n) =>
      taken(n, { tries: tries(3, { template: template(2), until: ago(-60) }), vacated: false }),
    );
    const scene = (failures: readonly Slot[]) =>
      rolling(22, {
        configuration: { failures: '50%', rollback: 'pause' },
        progress: { waves: zones, open: 2 },
        instances: range(22).map((n) => instance(n, { attributes: new Map([['zone', n <= 20 ? 'a' : 'b']]) })),
        slots: [...range(20).map((n) => updated(n)), ...failures],
      });
    expect(progressIn(plan(scene(broken)))?.reason ?? null).toBeNull();
    const more = taken(3, { tries: tries(5, { template: template(2), until: ago(-60) }) });
    expect(progressIn(plan(scene([...broken, more])))?.reason).toBe(
      '11 failed attempts in wave zone=b, where 11 trip; on i-000001: RESOURCE:MEMORY',
    );
  });

  test('attempts that were forgiven and cleared since are not taken off twice', () => {
    const failing = (count: number): Slot =>
      taken(1, { tries: tries(count, { template: template(2), until: ago(-60) }) });
    const scene = (count: number) =>
      rolling(10, {
        configuration: { failures: 5, rollback: 'pause' },
        progress: { forgiven: 4 },
        slots: [failing(count)],
      });
    expect(progressIn(plan(scene(2)))).toMatchObject({ forgiven: 2, trip: null });
    expect(progressIn(plan(scene(4)))).toMatchObject({ forgiven: 4, trip: null });
    expect(progressIn(plan(scene(9)))).toMatchObject({ state: 'paused' });
  });

  test('a wave that a late turn finds done has not missed its deadline', () => {
    const scene = rolling(2, {
      configuration: { waveDeadlineMinutes: 10, rollback: 'pause' },
      progress: { openedAt: ago(700) },
      slots: [updated(1), updated(2)],
    });
    expect(progressIn(plan(scene))).toMatchObject({ state: 'completed', trip: null });
  });

  test('a resumed rollout goes on once its alarms are known, and ignores those that fire', () => {
    const scene = (alarms: 'known' | 'unknown') =>
      plan(
        rolling(2, {
          configuration: { alarms: ['errors'], rollback: 'pause' },
          progress: { state: 'paused', reason: 'x', trip: { reason: 'x', resumes: 0 } },
          spec: { orders: { ...NO_ORDERS, resumes: 1 } },
          ...(alarms === 'known' ? { alarms: { errors: 'ALARM' } } : {}),
        }),
      );
    expect(progressIn(scene('unknown'))).toBeUndefined();
    expect(scene('unknown').look.alarms).toEqual(['errors']);
    expect(progressIn(scene('known'))).toMatchObject({ state: 'running', trip: null, ignoredAlarms: ['errors'] });
  });
});

test('U1: a host is not emptied while the next attempt there is delayed', () => {
  const { task: placed } = slot(1);
  const young = placed === null ? null : { ...placed, ranAt: ago(30), readyAt: ago(30) };
  const waits = slot(1, { task: young, tries: tries(1, { template: template(2), until: ago(-60) }) });
  const next = plan(rolling(1, { slots: [waits] }));
  expect(replacedIn(next)).toEqual([]);
  expect(waitingIn(next)).toEqual({ 1: 'backoff' });
  expect(next.wakeAt).toBe(ago(-60));
});

test('stops that ECS refused do not bring the next turn at once', () => {
  const configuration = { maxUnavailable: 200 };
  const refused = range(100).map((n) => asked(n, 'update', { vacated: true }));
  expect(plan(rolling(200, { configuration, slots: refused })).wakeAt).toBeGreaterThan(NOW);
  expect(plan(rolling(200, { configuration })).wakeAt).toBe(NOW);
});

test('a host without the attribute of a wave is not in that of an attribute without a value', () => {
  const waves = [
    { name: 'edge=', of: { kind: 'attribute', name: 'edge', value: null }, promote: 'manual', bakeMinutes: 0 },
    { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
  ] as const;
  const next = plan(
    rolling(2, {
      configuration: { maxUnavailable: 2 },
      progress: { waves, open: 1 },
      instances: [instance(1, { attributes: new Map([['edge', null]]) })],
    }),
  );
  expect(replacedIn(next)).toEqual([1]);
});

describe('U2: a wave opens though hosts are broken that an earlier rollout emptied', () => {
  const waves = [
    { name: 'canary of 1', of: { kind: 'canary', hosts: 1 }, promote: 'auto', bakeMinutes: 0 },
    { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
  ] as const;
  const canary = slot(1, { canary: { deployment: deploymentId(2), wave: 0 } });
  const replaced = (broken: Slot): readonly number[] =>
    replacedIn(
      plan(rolling(2, { configuration: { maxUnavailable: 1 }, progress: { waves }, slots: [canary, broken] })),
    );

  test('and the base failed there', () => {
    expect(replaced(taken(2, { tries: tries(3, { until: ago(-60) }) }))).toEqual([1]);
    expect(replaced(taken(2, { tries: tries(2, { until: ago(-60) }) }))).toEqual([]);
  });

  test('and the base’s task never becomes ready there', () => {
    expect(replaced(starting(2, ago(120), { vacated: true }))).toEqual([1]);
    expect(replaced(starting(2, ago(119), { vacated: true }))).toEqual([]);
  });
});
