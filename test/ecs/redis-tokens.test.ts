import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { WaitingBudget } from '../../src/ecs/budget.ts';
import { ECS_LIMITS } from '../../src/ecs/buckets.ts';
import type { Limits } from '../../src/ecs/buckets.ts';
import { SYSTEM_CLOCK } from '../../src/ecs/clock.ts';
import { RedisTokens } from '../../src/ecs/redis-tokens.ts';
import type { RedisTokensOptions } from '../../src/ecs/redis-tokens.ts';
import { cut, drawn, fullBucket } from '../../src/ecs/token-bucket.ts';
import type { BucketState } from '../../src/ecs/token-bucket.ts';
import { startRedis } from '../support/servers.ts';
import type { TestServer } from '../support/servers.ts';
import { open } from './samples.ts';
import { VirtualClock } from './virtual-clock.ts';
import { expectWithinLimits } from './window.ts';

/** Round numbers, so that the expected ones can be counted on fingers. */
const LIMITS: Limits = {
  ...ECS_LIMITS,
  modify: { burst: 100, perSecond: 40 },
  read: { burst: 100, perSecond: 20 },
};

const clients: Redis[] = [];

async function connect(url: string): Promise<Redis> {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  clients.push(client);
  await next(client, 'ready');
  return client;
}

afterAll(() => {
  for (const client of clients) client.disconnect();
});

const tokensOn = (redis: Redis, over: Partial<RedisTokensOptions> = {}): RedisTokens =>
  new RedisTokens({
    redis,
    keyPrefix: `test-${randomUUID()}:`,
    scope: '123456789012/us-east-1',
    limits: LIMITS,
    clock: SYSTEM_CLOCK,
    bucketTime: null,
    ...over,
  });

describe('tokens in Redis', () => {
  let one: Redis;
  let two: Redis;
  beforeAll(async () => {
    [one, two] = await Promise.all([connect(inject('redisUrl')), connect(inject('redisUrl'))]);
  });

  it('are those of the model, whichever client asks, and never more than the limits', async () => {
    const step = fc.record({
      passed: fc.integer({ min: 0, max: 3_000 }),
      client: fc.constantFrom(0, 1),
      want: fc.integer({ min: 1, max: 60 }),
      leave: fc.constantFrom(0, 0.1, 0.25),
      throttled: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        let now = 1_795_000_000_000;
        const keyPrefix = `test-${randomUUID()}:`;
        const clock = new VirtualClock();
        const sources = [one, two].map((redis) => tokensOn(redis, { keyPrefix, clock, bucketTime: () => now }));
        let model: BucketState | null = null;
        const given: { at: number; count: number }[] = [];
        for (const { passed, client, want, leave, throttled } of steps) {
          now += passed;
          model ??= fullBucket(LIMITS.modify, now);
          if (throttled) {
            sources[client]?.cut('modify');
            // The connection keeps the order, so this is answered after the cut.
            await [one, two][client]?.ping();
            model = cut(model, LIMITS.modify, now);
          }
          const grant = await sources[client]?.ask('modify', { leave, want });
          const [next, expected] = drawn(model, LIMITS.modify, now, { leave, want });
          model = next;
          expect(grant).toEqual(expected);
          given.push({ at: now, count: expected.granted });
        }
        expectWithinLimits(given, LIMITS.modify);
      }),
      { numRuns: 40 },
    );
  });

  it('are counted by the time of Redis', async () => {
    const limits = { ...LIMITS, modify: { burst: 5, perSecond: 200 } };
    const keyPrefix = `test-${randomUUID()}:`;
    const budgets = [one, two].map(
      (redis) => new WaitingBudget({ source: tokensOn(redis, { keyPrefix, limits }), clock: SYSTEM_CLOCK }),
    );
    const started = await redisMs(one);
    const takes = budgets.flatMap((budget) =>
      Array.from({ length: 30 }, () => budget.take('modify', 'repair', { notAfter: null, signal: open() })),
    );
    expect(new Set(await Promise.all(takes))).toEqual(new Set(['taken']));
    const took = (await redisMs(one)) - started + 1;
    expect(60).toBeLessThanOrEqual(5 + took * 0.2);
  });

  it('are kept for as long as they matter and no longer', async () => {
    const keyPrefix = `test-${randomUUID()}:`;
    await tokensOn(one, { keyPrefix }).ask('modify', { leave: 0, want: 1 });
    const [key, ...others] = await one.keys(`${keyPrefix}*`);
    expect([key, others]).toEqual([`${keyPrefix}ecs-budget:{123456789012/us-east-1}:modify`, []]);
    const ttl = await one.pttl(key ?? '');
    expect(ttl).toBeGreaterThan(80_000);
    expect(ttl).toBeLessThanOrEqual(85_000);
  });

  it('of one account are not those of another, nor those of another bucket', async () => {
    const keyPrefix = `test-${randomUUID()}:`;
    const here = tokensOn(one, { keyPrefix });
    const there = tokensOn(one, { keyPrefix, scope: 'other' });
    expect((await here.ask('modify', { leave: 0, want: 100 })).granted).toBe(100);
    expect((await here.ask('modify', { leave: 0, want: 100 })).granted).toBeLessThan(100);
    expect((await there.ask('modify', { leave: 0, want: 100 })).granted).toBe(100);
    expect((await here.ask('read', { leave: 0, want: 100 })).granted).toBe(100);
  });
});

describe('while Redis does not answer', () => {
  let server: TestServer;
  afterEach(() => server.stop());

  it('a worker lives on a quarter, frozen or gone, and comes back when Redis does', async () => {
    server = await startRedis();
    const redis = await connect(server.url);
    const clock = new VirtualClock();
    const tokens = tokensOn(redis, { clock });
    const all = { leave: 0, want: 1_000 };
    expect((await tokens.ask('modify', { leave: 0, want: 1 })).granted).toBe(1);

    server.pause();
    const frozen = tokens.ask('modify', all);
    await clock.advance(300);
    expect((await frozen).granted).toBe(25);
    // It was slow a moment ago, so it is not even asked; nothing but a refill of ten a second comes.
    expect((await tokens.ask('modify', all)).granted).toBe(0);
    await clock.advance(500);
    expect((await tokens.ask('modify', all)).granted).toBe(5);

    server.resume();
    await redis.ping();
    await clock.advance(1_000);
    // What was asked for and not heard of was given and is lost: Redis is at most refilled, never full again.
    const back = await tokens.ask('read', all);
    expect(back.granted).toBe(100);
    expect((await tokens.ask('modify', { leave: 0, want: 1 })).granted).toBeLessThanOrEqual(1);

    const closed = next(redis, 'close');
    await server.kill();
    await closed;
    expect((await tokens.ask('cluster-read', all)).granted).toBe(11);

    // Nothing was left in the client's queue to take tokens that nobody waits for any more.
    const ready = next(redis, 'ready');
    await server.restart();
    await ready;
    expect(await redis.keys('*cluster-read')).toEqual([]);
  });
});

/** Like `once` of node:events, which would also end at the refused connections on the way there. */
const next = (redis: Redis, event: string): Promise<void> =>
  new Promise((resolve) => redis.once(event, () => resolve()));

async function redisMs(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}
