/**
 * Tokens shared by all workers of an account through Redis.
 * R1. One script refills and gives out, so no two workers get the same token.
 * R2. A worker that gets no answer takes from a local share instead. Tokens it was given too late to hear of are lost, never given twice.
 */
import type { Redis } from 'ioredis';
import type { TokenSource } from './budget.ts';
import type { Bucket, Limits } from './buckets.ts';
import { scaled } from './buckets.ts';
import type { Clock } from './clock.ts';
import { LocalTokens } from './local-tokens.ts';
import type { Ask, Grant } from './token-bucket.ts';
import { CUT_FACTOR, LOWEST_FACTOR, ONE_CUT_PER_MS, RECOVERY_MS, ROUNDING } from './token-bucket.ts';

/** Redis answers in about a millisecond; later than this it is slow, and a launch has 10 s in all. */
const REDIS_PATIENCE_MS = 300;
/** After a failure Redis is left alone this long, so that not every call waits for it in vain. */
const REDIS_PAUSE_MS = 1_000;
/** Part of the budget a worker grants itself while Redis is away: right for up to four workers. */
const SHARE_WITHOUT_REDIS = 0.25;

/**
 * The arithmetic of token-bucket.ts. ARGV: burst, tokens a second, part to leave, tokens wanted, "cut" or "", the time in ms
 * or "" for Redis's own, and how long to keep the key. Numbers are kept with 17 digits, so none is lost in a string.
 */
const SCRIPT = `
local burst, per_second, leave, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(ARGV[6])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'factor', 'cutAt')
local tokens, at = tonumber(kept[1] or burst), tonumber(kept[2] or now)
local factor, cut_at = tonumber(kept[3] or 1), tonumber(kept[4] or 0)
local elapsed = math.max(0, now - at)
tokens = math.min(burst, tokens + elapsed / 1000 * per_second * factor)
factor = math.min(1, factor + elapsed * (1 - ${LOWEST_FACTOR}) / ${RECOVERY_MS})
local granted, wait = 0, 0
if ARGV[5] == 'cut' then
  if math.abs(now - cut_at) >= ${ONE_CUT_PER_MS} then
    tokens, factor, cut_at = math.min(tokens, 0), math.max(${LOWEST_FACTOR}, factor * ${CUT_FACTOR}), now
  end
else
  local reserve = math.min(leave * burst, burst - 1)
  granted = math.max(0, math.min(want, math.floor(tokens - reserve + ${ROUNDING})))
  tokens = tokens - granted
  if granted < want then
    wait = math.max(1, math.ceil(math.max(0, reserve + 1 - tokens - ${ROUNDING}) / (per_second * factor / 1000)))
  end
end
local f = '%.17g'
redis.call('HSET', KEYS[1], 'tokens', f:format(tokens), 'at', f:format(now), 'factor', f:format(factor), 'cutAt', f:format(cut_at))
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return {granted, wait}
`;

export interface RedisTokensOptions {
  /** Connected by its owner. While it is not ready the local share is used. */
  readonly redis: Redis;
  readonly keyPrefix: string;
  /** Names the account and region; workers with the same name share the tokens. */
  readonly scope: string;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Time of the buckets in milliseconds; null: Redis's own, which all workers agree on. */
  readonly bucketTime: (() => number) | null;
}

export class RedisTokens implements TokenSource {
  private readonly options: RedisTokensOptions;
  private readonly local: LocalTokens;
  private awayUntil = 0;

  constructor(options: RedisTokensOptions) {
    this.options = options;
    this.local = new LocalTokens({ limits: scaled(options.limits, SHARE_WITHOUT_REDIS), clock: options.clock });
  }

  async ask(bucket: Bucket, ask: Ask): Promise<Grant> {
    return (await this.run(bucket, ask, '')) ?? this.local.ask(bucket, ask);
  }

  cut(bucket: Bucket): void {
    this.local.cut(bucket);
    void this.run(bucket, { leave: 0, want: 0 }, 'cut');
  }

  private async run(bucket: Bucket, { leave, want }: Ask, mode: '' | 'cut'): Promise<Grant | null> {
    const { redis, clock, keyPrefix, scope, limits } = this.options;
    // A client that is not ready would queue the command and run it much later.
    if (redis.status !== 'ready' || clock.now() < this.awayUntil) return null;
    const { burst, perSecond } = limits[bucket];
    // By then the bucket is full and its rate is back, even from the lowest: what an absent key means.
    const keepMs = Math.ceil(RECOVERY_MS + (burst * 1000) / (perSecond * LOWEST_FACTOR));
    const key = `${keyPrefix}ecs-budget:{${scope}}:${bucket}`;
    const time = this.options.bucketTime?.() ?? '';
    const answer = await this.inTime(redis.eval(SCRIPT, 1, key, burst, perSecond, leave, want, mode, time, keepMs));
    if (answer === null) {
      this.awayUntil = clock.now() + REDIS_PAUSE_MS;
      return null;
    }
    const [granted, waitMs] = answer as [number, number];
    return { granted, waitMs };
  }

  /** The answer, or null when there is none in time or an error. */
  private async inTime(answer: Promise<unknown>): Promise<unknown> {
    const over = new AbortController();
    const late = this.options.clock.sleep(REDIS_PATIENCE_MS, over.signal).then(() => null);
    try {
      return await Promise.race([answer, late]);
    } catch {
      return null;
    } finally {
      over.abort();
    }
  }
}
