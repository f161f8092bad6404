/** What a rollout that stopped itself does then. */
import { describe, expect, test } from 'vitest';
import { NO_ORDERS } from '../../src/domain/environment.ts';
import {
  NOW,
  ago,
  definition,
  deploymentId,
  host,
  launch,
  launchesIn,
  plan,
  revisionId,
  stopsIn,
  template,
} from './fixtures.ts';
import { failing, progressIn, replacedIn, rolling, updated, waitingIn, type RolloutParts } from './rollout-scenes.ts';

describe('G3: a tripped rollout', () => {
  const bad = { configuration: { failures: 3 }, slots: [failing(1, 3), updated(2)] } as const;

  test('is rolled back by a deployment of what was last completed, and this turn does nothing else', () => {
    // What was promised before is not even repeated.
    const open = launch(7, [4], ago(60), { template: template(2) });
    const next = plan({ ...rolling(4, bad), launches: [open] });
    expect(next.effects).toEqual([]);
    expect(next.wakeAt).toBe(NOW);
    expect(next.rollback).toMatchObject({
      progress: {
        id: deploymentId(2),
        state: 'failed',
        endedAt: NOW,
        reason: '3 failed attempts in wave all, where 3 trip; on i-000001: RESOURCE:MEMORY',
      },
      deployment: { kind: 'rollback', rollsBack: deploymentId(2), base: deploymentId(1), template: template(1) },
      spec: { orders: NO_ORDERS, revision: { id: revisionId(1) } },
    });
    expect(next.rollback?.spec.target).toBe(next.rollback?.deployment.id);
    expect(next.rollback?.spec.deploymentToken).toBe(next.rollback?.deployment.token);
    expect(progressIn(next)).toBeUndefined();
  });

  test.each<[string, RolloutParts]>([
    ['that is what is configured', { ...bad, configuration: { failures: 3, rollback: 'pause' } }],
    ['nothing was completed before', { ...bad, deployment: { base: null }, first: { state: 'cancelled' } }],
  ])('is paused when %s', (_, parts) => {
    const next = plan(rolling(4, parts));
    expect(next.rollback).toBeNull();
    expect(replacedIn(next)).toEqual([]);
    expect(progressIn(next)).toMatchObject({
      state: 'paused',
      reason: expect.stringContaining('3 failed'),
      trip: { resumes: 0 },
    });
  });

  test('is paused when what it would go back to cannot be launched', () => {
    const next = plan(rolling(4, { ...bad, looks: { definition: 'INACTIVE' } }));
    expect(next.rollback).toBeNull();
    expect(progressIn(next)?.reason).toMatch(/; not rolled back, as .*agent:1 is not ACTIVE any more$/);
  });

  test('is paused until it is known whether that can be launched, and is rolled back then', () => {
    const asking = plan({ ...rolling(4, bad), looks: { definitions: { [definition(2)]: 'ACTIVE' } } });
    expect(asking.look.taskDefinitions).toContain(definition(1));
    expect([asking.rollback, stopsIn(asking), replacedIn(asking)]).toEqual([null, [], []]);
    expect(progressIn(asking)).toMatchObject({ state: 'paused', reason: expect.stringContaining('3 failed') });

    const { trip, reason } = progressIn(asking) ?? { trip: null, reason: null };
    const later = rolling(4, { ...bad, progress: { state: 'paused', trip, reason } });
    expect(plan(later).rollback?.progress).toMatchObject({ state: 'failed', reason });
  });

  test('does not roll back what a person resumed, while it is not known in spite of what', () => {
    const trip = { reason: 'x', resumes: 0 };
    const progress = { state: 'paused', reason: 'x', trip } as const;
    const resumed = { orders: { ...NO_ORDERS, resumes: 1 } };
    const configuration = { ...bad.configuration, alarms: ['errors'] };
    const next = plan(rolling(4, { ...bad, configuration, progress, spec: resumed }));
    expect([next.rollback, progressIn(next)?.state]).toEqual([null, 'paused']);
    expect(next.look.alarms).toEqual(['errors']);
  });

  test('does not roll back what a person holds', () => {
    const trip = { reason: 'x', resumes: 0 };
    const progress = { state: 'paused', reason: 'x', trip } as const;
    for (const spec of [{ frozen: true }, { orders: { ...NO_ORDERS, paused: true } }]) {
      expect(plan(rolling(4, { ...bad, progress, spec })).rollback).toBeNull();
    }
  });

  test('gives hosts without a task what was last completed, at once, and touches no other', () => {
    const trip = { reason: 'x', resumes: 0 };
    const configuration = { rollback: 'pause' } as const;
    const next = plan(rolling(4, { ...bad, configuration, progress: { state: 'paused', reason: 'x', trip } }));
    expect(launchesIn(next)[0]?.launch).toMatchObject({ template: template(1), members: [{ instance: host(1) }] });
    expect(stopsIn(next)).toEqual([]);
    expect(waitingIn(next)).toMatchObject({ 3: 'paused', 4: 'paused' });
  });

  test('goes on when a person resumes it: what tripped it is forgiven, and the wave’s time begins anew', () => {
    const progress = { state: 'paused', reason: 'x', trip: { reason: 'x', resumes: 0 }, openedAt: ago(9_000) } as const;
    const parts = { ...bad, configuration: { failures: 3, waveDeadlineMinutes: 10 }, progress };
    const resumed = rolling(4, { ...parts, spec: { orders: { ...NO_ORDERS, resumes: 1 } } });
    expect(progressIn(plan(resumed))).toMatchObject({
      state: 'running',
      reason: null,
      trip: null,
      forgiven: 3,
      openedAt: NOW,
    });
    // The next ones count from there.
    const more = (count: number) => ({
      progress: { forgiven: 3 },
      configuration: { failures: 3 },
      slots: [failing(1, count)],
    });
    expect(plan(rolling(4, more(5))).rollback).toBeNull();
    expect(plan(rolling(4, more(6))).rollback).not.toBeNull();
  });

  test('a rollback is never tripped', () => {
    const deployment = { kind: 'rollback', rollsBack: deploymentId(1) } as const;
    const alarms = {
      configuration: { failures: 3, maxUnavailable: 4, alarms: ['errors'] },
      alarms: { errors: 'ALARM' },
    } as const;
    const next = plan(rolling(4, { ...bad, ...alarms, deployment }));
    expect(next.rollback).toBeNull();
    expect(next.look.alarms).toEqual([]);
    expect(replacedIn(next)).not.toEqual([]);
  });
});
