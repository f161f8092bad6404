import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ECS_LIMITS, scaled } from '../../src/ecs/buckets.ts';
import type { BucketLimits } from '../../src/ecs/buckets.ts';
import { LOWEST_FACTOR, cut, drawn, fullBucket, refilled } from '../../src/ecs/token-bucket.ts';
import { expectWithinLimits } from './window.ts';

const limits: BucketLimits = { burst: 100, perSecond: 40 };

const limitsOf = fc.record({
  burst: fc.integer({ min: 1, max: 200 }),
  perSecond: fc.double({ min: 0.5, max: 200, noNaN: true }),
});

describe('a token bucket', () => {
  it('gives no more than its burst and its rate over any window, also through cuts and a clock that jumps back', () => {
    const step = fc.record({
      passed: fc.integer({ min: 0, max: 5_000 }),
      want: fc.integer({ min: 1, max: 150 }),
      leave: fc.constantFrom(0, 0.1, 0.25),
      throttled: fc.boolean(),
    });
    fc.assert(
      fc.property(limitsOf, fc.array(step, { maxLength: 60 }), (limits, steps) => {
        let now = 1_000;
        let state = fullBucket(limits, now);
        const given: { at: number; count: number }[] = [];
        for (const { passed, want, leave, throttled } of steps) {
          now += passed;
          if (throttled) state = cut(state, limits, now);
          const [next, grant] = drawn(state, limits, now, { leave, want });
          state = next;
          given.push({ at: now, count: grant.granted });
        }
        expectWithinLimits(given, limits);
      }),
    );
  });

  it('says exactly how long to wait for the next token', () => {
    fc.assert(
      fc.property(limitsOf, fc.constantFrom(0, 0.1, 0.25), (limits, leave) => {
        let [state, grant] = drawn(fullBucket(limits, 0), limits, 0, { leave, want: 1_000 });
        [state, grant] = drawn(state, limits, 0, { leave, want: 1 });
        expect(grant.granted).toBe(0);
        const early = drawn(state, limits, grant.waitMs - 2, { leave, want: 1 })[1];
        const onTime = drawn(state, limits, grant.waitMs, { leave, want: 1 })[1];
        expect([early.granted, onTime.granted]).toEqual([0, 1]);
      }),
    );
  });

  it('leaves the reserve to those before, and has room for one call however small it is', () => {
    const [, grant] = drawn(fullBucket(limits, 0), limits, 0, { leave: 0.25, want: 1_000 });
    expect(grant.granted).toBe(75);
    const tiny = { burst: 1, perSecond: 1 };
    expect(drawn(fullBucket(tiny, 0), tiny, 0, { leave: 0.25, want: 1 })[1].granted).toBe(1);
  });

  it('refills nothing when the clock steps back', () => {
    const [empty] = drawn(fullBucket(limits, 10_000), limits, 10_000, { leave: 0, want: 100 });
    expect(refilled(empty, limits, 5_000).tokens).toBe(0);
  });
});

describe('a cut', () => {
  const throttledAt = (times: readonly number[]) =>
    times.reduce((state, at) => cut(state, limits, at), fullBucket(limits, 10_000));

  it('halves the rate and empties the bucket, once for all answers of a second', () => {
    const state = throttledAt([10_000, 10_010, 10_900]);
    expect(state.factor).toBeCloseTo(0.5, 1);
    expect(throttledAt([10_000]).tokens).toBe(0);
  });

  it('never goes below a tenth, and is forgotten within a minute', () => {
    const lowest = throttledAt(Array.from({ length: 60 }, (_, i) => 10_000 + i * 1_000));
    expect(lowest.factor).toBe(LOWEST_FACTOR);
    const last = lowest.at;
    expect(refilled(lowest, limits, last + 30_000).factor).toBeCloseTo(0.55);
    expect(refilled(lowest, limits, last + 59_000).factor).toBeLessThan(1);
    expect(refilled(lowest, limits, last + 60_000).factor).toBe(1);
  });
});

it('a share of the budget is a share of every number, with room for one call', () => {
  expect(scaled(ECS_LIMITS, 0.5).modify).toEqual({ burst: 45, perSecond: 20 });
  expect(scaled(ECS_LIMITS, 0.001).read).toEqual({ burst: 1, perSecond: 0.02 });
  expect(() => scaled(ECS_LIMITS, 0)).toThrow(RangeError);
  expect(scaled(ECS_LIMITS, 2).modify).toEqual({ burst: 180, perSecond: 80 });
  expect(() => scaled(ECS_LIMITS, NaN)).toThrow(RangeError);
});
