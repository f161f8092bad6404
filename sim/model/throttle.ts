/** Token buckets per account and region: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html */
const BUCKETS = {
  'cluster resource modify': { burst: 100, refillPerSecond: 40 },
  'cluster resource read': { burst: 100, refillPerSecond: 20 },
  'cluster read': { burst: 50, refillPerSecond: 20 },
  'cluster modify': { burst: 20, refillPerSecond: 1 },
  'task definition read': { burst: 50, refillPerSecond: 20 },
  'task definition modify': { burst: 20, refillPerSecond: 1 },
  'tag read': { burst: 50, refillPerSecond: 20 },
  'tag modify': { burst: 20, refillPerSecond: 10 },
  'agent modify': { burst: 200, refillPerSecond: 120 },
} as const;

export type BucketName = keyof typeof BUCKETS;

interface Level {
  tokens: number;
  filledAt: number;
}

export class ThrottleBuckets {
  enabled: boolean;
  readonly #levels = new Map<BucketName, Level>();

  constructor(enabled: boolean) {
    this.enabled = enabled;
  }

  /** Takes one token; false when there is none. A disabled set of buckets is always full. */
  take(bucket: BucketName, now: number): boolean {
    if (!this.enabled) {
      this.#levels.clear();
      return true;
    }
    const { burst, refillPerSecond } = BUCKETS[bucket];
    const level = this.#levels.get(bucket) ?? { tokens: burst, filledAt: now };
    this.#levels.set(bucket, level);
    level.tokens = Math.min(burst, level.tokens + ((now - level.filledAt) * refillPerSecond) / 1_000);
    level.filledAt = now;
    if (level.tokens < 1) return false;
    level.tokens -= 1;
    return true;
  }
}
