/**
 * A token bucket whose rate can be cut and recovers: pure arithmetic, the model that the Redis script repeats.
 * B1. Over any time t no more than burst + perSecond * t tokens are given out.
 * B2. A clock that steps back refills nothing.
 */
import type { BucketLimits } from './buckets.ts';

export interface BucketState {
  readonly tokens: number;
  /** Moment the tokens were counted, in milliseconds. */
  readonly at: number;
  /** Part of the rate in use: 1 unless ECS throttled us lately. */
  readonly factor: number;
  /** Moment of the last cut, in milliseconds; 0: never. */
  readonly cutAt: number;
}

export interface Ask {
  /** Part of a full bucket that must be left when this is granted. */
  readonly leave: number;
  readonly want: number;
}

export interface Grant {
  readonly granted: number;
  /** When fewer were granted than wanted: how long until one more can be, if nobody else takes it. Else 0. */
  readonly waitMs: number;
}

/** ECS throttled us although we kept to our share, so somebody else uses the account: half the rate makes room quickly. */
export const CUT_FACTOR = 0.5;
/** Some progress always remains, or a busy account would stop us for good. */
export const LOWEST_FACTOR = 0.1;
/** From the lowest rate back to the full one. */
export const RECOVERY_MS = 60_000;
/** Calls already under way when ECS throttles come back throttled together: one sign, not fifty. */
export const ONE_CUT_PER_MS = 1_000;
/** So that a token which rounding left a hair short counts. */
export const ROUNDING = 0.000001;

export const fullBucket = (limits: BucketLimits, now: number): BucketState => ({
  tokens: limits.burst,
  at: now,
  factor: 1,
  cutAt: 0,
});

export function refilled(state: BucketState, limits: BucketLimits, now: number): BucketState {
  const elapsed = Math.max(0, now - state.at);
  return {
    // The factor at the start of the interval: a little too few tokens while it recovers, never too many.
    tokens: Math.min(limits.burst, state.tokens + (elapsed / 1000) * limits.perSecond * state.factor),
    at: now,
    factor: Math.min(1, state.factor + (elapsed * (1 - LOWEST_FACTOR)) / RECOVERY_MS),
    cutAt: state.cutAt,
  };
}

export function drawn(state: BucketState, limits: BucketLimits, now: number, ask: Ask): [BucketState, Grant] {
  const filled = refilled(state, limits, now);
  // At least one token can always be above it, or a call of a small bucket could never go.
  const reserve = Math.min(ask.leave * limits.burst, limits.burst - 1);
  const available = Math.floor(filled.tokens - reserve + ROUNDING);
  const granted = Math.max(0, Math.min(ask.want, available));
  const tokens = filled.tokens - granted;
  const missing = Math.max(0, reserve + 1 - tokens - ROUNDING);
  const perMs = (limits.perSecond * filled.factor) / 1000;
  const waitMs = granted === ask.want ? 0 : Math.max(1, Math.ceil(missing / perMs));
  return [
    { ...filled, tokens },
    { granted, waitMs },
  ];
}

/** ECS's own bucket was empty, whatever ours says; so ours is emptied too. */
export function cut(state: BucketState, limits: BucketLimits, now: number): BucketState {
  const filled = refilled(state, limits, now);
  if (Math.abs(now - state.cutAt) < ONE_CUT_PER_MS) return filled;
  return {
    tokens: Math.min(filled.tokens, 0),
    at: now,
    factor: Math.max(LOWEST_FACTOR, filled.factor * CUT_FACTOR),
    cutAt: now,
  };
}
