import { expect } from 'vitest';
import type { BucketLimits } from '../../src/ecs/buckets.ts';

export interface Given {
  readonly at: number;
  readonly count: number;
}

/** Over every window from one grant to another: at most the burst and what the rate brought meanwhile. */
export function expectWithinLimits(given: readonly Given[], { burst, perSecond }: BucketLimits): void {
  for (const [i, { at: from }] of given.entries()) {
    let sum = 0;
    for (const { at, count } of given.slice(i)) {
      sum += count;
      expect(sum).toBeLessThanOrEqual(burst + ((at - from) / 1000) * perSecond + 0.001);
    }
  }
}
