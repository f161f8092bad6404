/** What a person says to a rollout. */
import { describe, expect, test } from 'vitest';
import { NO_ORDERS } from '../../src/domain/environment.ts';
import type { Slot } from '../../src/domain/launch.ts';
import {
  ago,
  host,
  instance,
  launchedOn,
  launchesIn,
  NOW,
  plan,
  slot,
  slotOf,
  stopsIn,
  template,
  tries,
  vacant,
} from './fixtures.ts';
import { progressIn, rolling, taken, updated, waitingIn } from './rollout-scenes.ts';

/** Host `n` whose task of revision 2 came to nothing `count` times. */
const failing = (n: number, count: number): Slot =>
  taken(n, { tries: tries(count, { template: template(2), until: ago(-60) }) });

describe('orders', () => {
  const paused = { orders: { ...NO_ORDERS, paused: true } };

  test('paused: nothing is replaced, repair goes on with what each host is to have', () => {
    const next = plan(rolling(3, { spec: paused, slots: [taken(1)] }));
    expect(progressIn(next)).toMatchObject({ state: 'paused', reason: 'paused by request', trip: null });
    expect(launchesIn(next)[0]?.launch).toMatchObject({ template: template(2), members: [{ instance: host(1) }] });
    expect(stopsIn(next)).toEqual([]);
  });

  test('paused: no breaker trips, and its deadline does not run', () => {
    const configuration = { failures: 3, waveDeadlineMinutes: 10 };
    const parts = { configuration, spec: paused, slots: [failing(1, 9)], progress: { openedAt: ago(9_000) } };
    expect(plan(rolling(3, parts)).rollback).toBeNull();
    const again = {
      ...parts,
      slots: [],
      spec: {},
      progress: { ...parts.progress, state: 'paused', reason: 'x' },
    } as const;
    expect(progressIn(plan(rolling(3, again)))).toMatchObject({ state: 'running', openedAt: NOW });
  });

  test('cancelled: it ends, hosts keep what they have, and those without a task get what was completed before', () => {
    const cancelled = { orders: { ...NO_ORDERS, cancelled: true } };
    const next = plan(rolling(3, { spec: cancelled, slots: [taken(1), updated(2)] }));
    expect(progressIn(next)).toMatchObject({ state: 'cancelled', endedAt: NOW, reason: 'cancelled by request' });
    expect(launchesIn(next)[0]?.launch.template).toBe(template(1));
    expect(stopsIn(next)).toEqual([]);
    expect(waitingIn(next)).toMatchObject({ 3: 'no-revision' });
  });

  test('cancelled with nothing completed before: a host without a task gets none, and says why', () => {
    const cancelled = { orders: { ...NO_ORDERS, cancelled: true } };
    const next = plan(rolling(2, { spec: cancelled, slots: [vacant(1)], deployment: { base: null } }));
    expect(launchesIn(next)).toEqual([]);
    expect(waitingIn(next)).toMatchObject({ 1: 'no-revision' });
  });

  test('a deployment that is over is steered no more', () => {
    const over = { state: 'cancelled', endedAt: ago(5) } as const;
    const next = plan(rolling(2, { progress: over, slots: [slot(1)], instances: [instance(3)] }));
    expect(progressIn(next)).toBeUndefined();
    expect(launchesIn(next)[0]?.launch.template).toBe(template(1));
  });
});

describe('a retry by hand', () => {
  const used = vacant(1, { tries: tries(9, { template: template(2), until: ago(-300) }) });
  const asked = (count: number) => ({ spec: { retries: [{ instance: host(1), count }] }, slots: [used] });

  test('is heeded at once, and once', () => {
    const next = plan(rolling(2, asked(1)));
    expect(launchedOn(next)).toEqual([host(1)]);
    expect(slotOf(next, 1)).toMatchObject({ retried: 1, tries: { count: 0 } });
    expect(launchedOn(plan(rolling(2, { ...asked(1), slots: [{ ...used, retried: 1 }] })))).toEqual([]);
    expect(launchedOn(plan(rolling(2, { ...asked(2), slots: [{ ...used, retried: 1 }] })))).toEqual([host(1)]);
  });

  test('of a host that never had a task is no news', () => {
    const next = plan(rolling(1, { spec: { retries: [{ instance: host(9), count: 1 }] } }));
    expect(next.slots.has(host(9))).toBe(false);
  });

  test('without one the host waits, and says until when', () => {
    const next = plan(rolling(40, { slots: [used] }));
    expect(waitingIn(next)).toMatchObject({ 1: 'backoff' });
    expect(next.until.get(host(1))).toBe(ago(-300));
  });
});
