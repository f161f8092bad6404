/** The facts cache on a real Redis: whole or not at all, and never older than it was. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, expect, inject, test } from 'vitest';
import { as, type ClusterArn, type Instant, type Revision } from '../../src/domain/ids.ts';
import { FactsUnavailableError, type Generation } from '../../src/store/facts-store.ts';
import { RedisFacts } from '../../src/store/redis-facts.ts';
import { instance, task } from '../planner/fixtures.ts';

const redis = new Redis(inject('redisUrl'));
afterAll(() => redis.disconnect());

const fresh = () => {
  const prefix = randomUUID().slice(0, 8);
  return { facts: new RedisFacts(redis, prefix), other: new RedisFacts(redis, prefix), prefix };
};
const CLUSTER = as<ClusterArn>('arn:aws:ecs:eu-west-1:123456789012:cluster/prod');
const generation = (startedAt: number, revision: number, hosts = 1): Generation => ({
  cluster: CLUSTER,
  startedAt: as<Instant>(startedAt),
  revision: as<Revision>(revision),
  storeId: 'store',
  instances: Array.from({ length: hosts }, (_, n) => instance(n)),
  tasks: Array.from({ length: hosts }, (_, n) => task(n)),
  reads: 5,
});

test('what was published is read, by everyone, in any number of pieces', async () => {
  const { facts, other } = fresh();
  expect(await facts.read(CLUSTER)).toBeNull();
  expect(await facts.pace(CLUSTER)).toBeNull();
  expect(await facts.publish(generation(100, 1, 1_201))).toBe(true);
  const read = await other.read(CLUSTER);
  expect(read).toMatchObject({ startedAt: 100, revision: 1, storeId: 'store' });
  expect(read?.instances.get(instance(1_200).arn)).toEqual(instance(1_200));
  expect(read?.tasks.get('daemon:agent')).toHaveLength(1_201);
  expect(await other.pace(CLUSTER)).toEqual({ startedAt: 100, reads: 5 });
  // Nothing new: the same object, without reading it again.
  expect(await other.read(CLUSTER)).toBe(read);
});

test('F2: an earlier listing never replaces a later one; one that is later by clock or by revision does', async () => {
  const { facts, other } = fresh();
  expect(await facts.publish(generation(100, 5))).toBe(true);
  expect(await other.publish(generation(90, 4))).toBe(false);
  expect(await other.publish(generation(100, 5))).toBe(false);
  expect(await facts.read(CLUSTER)).toMatchObject({ startedAt: 100 });
  // The clock of who published was ahead.
  expect(await other.publish(generation(90, 6))).toBe(true);
  // The store was set back to a backup.
  expect(await other.publish(generation(91, 2))).toBe(true);
  expect(await facts.read(CLUSTER)).toMatchObject({ startedAt: 91, revision: 2 });
});

test('F1: what Redis lost a piece of is not published', async () => {
  const { facts, prefix } = fresh();
  let lost = 0;
  // Loses a piece of what is staged after all was written and before it takes its place.
  const losing = new Proxy(redis, {
    get(target, name, receiver) {
      if (name !== 'eval') return Reflect.get(target, name, receiver);
      return async (script: string, keys: number, staged: string, ...rest: readonly string[]) => {
        lost += await target.hdel(staged, 'tasks:0');
        return await target.eval(script, keys, staged, ...rest);
      };
    },
  });
  expect(await new RedisFacts(losing, prefix).publish(generation(100, 1))).toBe(false);
  expect(lost).toBe(1);
  expect(await facts.read(CLUSTER)).toBeNull();
});

test('unreadable facts are no facts, and are replaced', async () => {
  const { facts, prefix } = fresh();
  await facts.publish(generation(100, 1));
  const [key = ''] = await redis.keys(`${prefix}:facts:*`);
  await redis.hset(key, 'about', '{half');
  expect(await facts.read(CLUSTER)).toBeNull();
  expect(await facts.pace(CLUSTER)).toBeNull();
  expect(await facts.publish(generation(101, 2))).toBe(true);
  expect(await facts.read(CLUSTER)).toMatchObject({ startedAt: 101 });
});

test('a Redis that is away is said to be', async () => {
  const away = new Redis('redis://127.0.0.1:1', {
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  });
  away.on('error', () => undefined);
  await expect(new RedisFacts(away, 'x').read(CLUSTER)).rejects.toThrow(FactsUnavailableError);
  away.disconnect();
});
