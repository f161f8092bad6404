import type { TokenSource } from './budget.ts';
import type { Bucket, Limits } from './buckets.ts';
import type { Clock } from './clock.ts';
import type { Ask, BucketState, Grant } from './token-bucket.ts';
import { cut, drawn, fullBucket } from './token-bucket.ts';

/** Tokens of this process alone: for one process, and for the time that Redis is away. */
export class LocalTokens implements TokenSource {
  private readonly limits: Limits;
  private readonly clock: Clock;
  private readonly states = new Map<Bucket, BucketState>();

  constructor({ limits, clock }: { readonly limits: Limits; readonly clock: Clock }) {
    this.limits = limits;
    this.clock = clock;
  }

  ask(bucket: Bucket, ask: Ask): Promise<Grant> {
    const [state, grant] = drawn(this.state(bucket), this.limits[bucket], this.clock.now(), ask);
    this.states.set(bucket, state);
    return Promise.resolve(grant);
  }

  cut(bucket: Bucket): void {
    this.states.set(bucket, cut(this.state(bucket), this.limits[bucket], this.clock.now()));
  }

  private state(bucket: Bucket): BucketState {
    return this.states.get(bucket) ?? fullBucket(this.limits[bucket], this.clock.now());
  }
}
