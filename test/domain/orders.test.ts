import { describe, expect, it } from 'vitest';
import type { EnvironmentSpec, RolloutOrders } from '../../src/domain/environment.ts';
import { NO_ORDERS } from '../../src/domain/environment.ts';
import { as } from '../../src/domain/ids.ts';
import type { DeploymentId, InstanceArn } from '../../src/domain/ids.ts';
import { decideEnvironmentOrder, decideOrder, EXCLUDED_MOST, RETRIES_KEPT } from '../../src/domain/orders.ts';
import type { RolloutOrder } from '../../src/domain/orders.ts';
import { deployment, progress, record, SPEC } from './records.ts';

const d1 = as<DeploymentId>('d1');
const wave = { name: 'w', of: null, promote: 'manual', bakeMinutes: 0 } as const;
const host = (name: string) => as<InstanceArn>(name);

describe('an order to a rollout', () => {
  const one = { deployments: [deployment('d1')] };
  const decide = (
    order: RolloutOrder,
    going: Parameters<typeof progress>[1] | null,
    orders: Partial<RolloutOrders> = {},
  ) =>
    decideOrder(
      record(
        { target: d1, orders: { ...NO_ORDERS, ...orders } },
        { ...one, progress: going === null ? [] : [progress('d1', going)] },
      ),
      { deployment: d1, order },
    );
  const three = { waves: [wave, wave, wave] };

  it.each([
    ['pause', null, {}, { paused: true }],
    ['pause', {}, { promoted: 1 }, { paused: true, promoted: 1 }],
    ['pause', { state: 'paused' }, {}, { paused: true }],
    ['pause', {}, { paused: true }, 'same'],
    ['resume', {}, { paused: true, resumes: 4 }, { paused: false, resumes: 5 }],
    ['resume', null, { paused: true }, { paused: false, resumes: 1 }],
    ['resume', { state: 'paused', trip: { reason: 'x', resumes: 0 } }, {}, { resumes: 1 }],
    ['resume', {}, {}, 'same'],
    ['resume', null, {}, 'same'],
    ['promote', { ...three, open: 1 }, {}, { promoted: 1 }],
    ['promote', { ...three, open: 2 }, { promoted: 1 }, { promoted: 2 }],
    ['promote', { ...three, open: 1, state: 'paused' }, {}, { promoted: 1 }],
    ['promote', { ...three, open: 1 }, { promoted: 1 }, 'same'],
    ['promote', { ...three, open: 3 }, {}, 'all-open'],
    ['promote', {}, {}, 'no-waves'],
    ['promote', null, {}, 'no-waves'],
    ['cancel', null, {}, { cancelled: true }],
    ['cancel', { state: 'paused' }, { paused: true }, { cancelled: true, paused: true }],
    ['cancel', {}, { cancelled: true }, 'same'],
    ['cancel', { state: 'cancelled' }, {}, 'same'],
    ['cancel', { state: 'completed' }, {}, 'over'],
    ['pause', { state: 'cancelled' }, {}, 'over'],
    ['resume', { state: 'failed' }, { paused: true }, 'over'],
    ['promote', { ...three, open: 1, state: 'completed' }, {}, 'over'],
  ] as const)('%s of %j with %j comes to %j', (order, going, orders, outcome) => {
    const decision = decide(order, going, orders);
    if (typeof outcome === 'string') expect(decision.kind).toBe(outcome);
    else {
      expect(decision).toEqual({
        kind: 'change',
        spec: { ...SPEC, target: d1, orders: { ...NO_ORDERS, ...orders, ...outcome } },
      });
    }
  });

  it.each([
    ['gone', { target: 'd1', deletion: { requestedAt: 1, tasks: 'stop' } }],
    ['not-current', { target: 'd2' }],
    ['not-current', { target: null }],
  ])('is refused as %s', (kind, over) => {
    const seen = record(over as Partial<EnvironmentSpec>, one);
    expect(decideOrder(seen, { deployment: d1, order: 'pause' })).toEqual({ kind });
  });

  it('is refused for a deployment that is not there', () => {
    expect(decideOrder(record({ target: d1 }), { deployment: d1, order: 'pause' })).toEqual({
      kind: 'no-such-deployment',
    });
  });
});

describe('an order to an environment', () => {
  const change = (spec: EnvironmentSpec, order: Parameters<typeof decideEnvironmentOrder>[1]): EnvironmentSpec => {
    const decision = decideEnvironmentOrder(spec, order);
    if (decision.kind !== 'change') throw new Error(decision.kind);
    return decision.spec;
  };

  it('freezes, thaws, excludes and includes, each once', () => {
    const frozen = change(SPEC, { kind: 'freeze' });
    expect(frozen).toEqual({ ...SPEC, frozen: true });
    expect(decideEnvironmentOrder(frozen, { kind: 'freeze' })).toEqual({ kind: 'same' });
    expect(change(frozen, { kind: 'thaw' })).toEqual(SPEC);
    expect(decideEnvironmentOrder(SPEC, { kind: 'thaw' })).toEqual({ kind: 'same' });

    const one = change(SPEC, { kind: 'exclude', instance: host('a') });
    const two = change(one, { kind: 'exclude', instance: host('b') });
    expect(two).toEqual({ ...SPEC, excluded: ['a', 'b'] });
    expect(decideEnvironmentOrder(two, { kind: 'exclude', instance: host('a') })).toEqual({ kind: 'same' });
    expect(change(two, { kind: 'include', instance: host('a') })).toEqual({ ...SPEC, excluded: ['b'] });
    expect(decideEnvironmentOrder(two, { kind: 'include', instance: host('c') })).toEqual({ kind: 'same' });
  });

  it('excludes so many and no more', () => {
    const full = { ...SPEC, excluded: Array.from({ length: EXCLUDED_MOST }, (_, n) => host(`h${n}`)) };
    expect(decideEnvironmentOrder(full, { kind: 'exclude', instance: host('more') })).toEqual({ kind: 'too-many' });
    expect(decideEnvironmentOrder(full, { kind: 'exclude', instance: host('h0') })).toEqual({ kind: 'same' });
  });

  it('retries: the count of a host only grows, also when it fell off the list in between', () => {
    let spec = change(SPEC, { kind: 'retry', instance: host('a') });
    spec = change(spec, { kind: 'retry', instance: host('a') });
    expect(spec.retries).toEqual([{ instance: 'a', count: 2 }]);
    for (let n = 0; n < RETRIES_KEPT; n += 1) spec = change(spec, { kind: 'retry', instance: host(`h${n}`) });
    expect(spec.retries).toHaveLength(RETRIES_KEPT);
    expect(spec.retries.some(({ instance }) => instance === 'a')).toBe(false);
    spec = change(spec, { kind: 'retry', instance: host('a') });
    const again = spec.retries.at(-1);
    expect(again?.instance).toBe('a');
    expect(again?.count).toBeGreaterThan(2);
    expect(spec.retries).toHaveLength(RETRIES_KEPT);
  });

  it('is gone when the environment is', () => {
    const deletion = { requestedAt: SPEC.createdAt, tasks: 'stop' } as const;
    expect(decideEnvironmentOrder({ ...SPEC, deletion }, { kind: 'freeze' })).toEqual({ kind: 'gone' });
  });
});
