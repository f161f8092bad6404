/** The facts cache on a real Redis: whole or not at all, and never older than it was. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { as, type ClusterArn, type Instant, type Revision } from '../../src/domain/ids.ts';
import { FactsUnavailableError, type Generation, type Sighting } from '../../src/store/facts-store.ts';
import { RedisFacts } from '../../src/store/redis-facts.ts';
import { host, instance, stopped, task, taskArn } from '../planner/fixtures.ts';

const redis = new Redis(inject('redisUrl'));
afterAll(() => redis.disconnect());

const now = (): Instant => as<Instant>(Date.now());
const fresh = () => {
  const prefix = randomUUID().slice(0, 8);
  return { facts: new RedisFacts(redis, prefix, now), other: new RedisFacts(redis, prefix, now), prefix };
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

/** As a survey that nobody else is in the way of. */
const publish = async (facts: RedisFacts, one: Generation): Promise<boolean> =>
  await facts.publish(one, await facts.standing(CLUSTER));

test('what was published is read, by everyone, in any number of pieces', async () => {
  const { facts, other } = fresh();
  expect(await facts.read(CLUSTER)).toBeNull();
  expect(await facts.standing(CLUSTER)).toBeNull();
  expect(await publish(facts, generation(100, 1, 1_201))).toBe(true);
  const read = await other.read(CLUSTER);
  expect(read).toMatchObject({ startedAt: 100, revision: 1, storeId: 'store' });
  expect(read?.instances.get(instance(1_200).arn)).toEqual(instance(1_200));
  expect(read?.tasks.get('daemon:agent')).toHaveLength(1_201);
  expect(await other.standing(CLUSTER)).toEqual({ id: expect.any(String), startedAt: 100, reads: 5 });
  // Nothing new: the same object, without reading it again.
  expect(await other.read(CLUSTER)).toBe(read);
});

test('attributes of hosts are read as they were published, and those sighted since; equal ones are one object', async () => {
  const { facts, other, prefix } = fresh();
  const stack = (value: string) =>
    new Map([
      ['stack', value],
      ['flag', null],
    ]);
  const listed = [1, 2, 3].map((n) => instance(n, { attributes: stack(n === 3 ? 'test' : 'prod') }));
  await publish(facts, { ...generation(Date.now(), 7, 0), instances: listed });
  const read = await other.read(CLUSTER);
  expect([...(read?.instances.values() ?? [])]).toEqual(listed);
  expect(read?.instances.get(host(2))?.attributes).toBe(read?.instances.get(host(1))?.attributes);
  // One writer knows what is listed, and does not say it again; the other has read nothing yet.
  await other.sight(CLUSTER, [sightedHost(1, { version: 2, attributes: stack('prod') })]);
  const [key = ''] = await redis.keys(`${prefix}:*:sightings`);
  expect(JSON.stringify(await redis.xrange(key, '-', '+'))).not.toContain('stack');
  await facts.sight(CLUSTER, [sightedHost(2, { version: 2, attributes: stack('prod') })]);
  await other.sight(CLUSTER, [sightedHost(3, { version: 2, attributes: stack('prod') })]);
  for (const reader of [facts, other]) {
    const now = await reader.read(CLUSTER);
    expect([...(now?.instances.values() ?? [])]).toEqual(
      [1, 2, 3].map((n) => instance(n, { version: 2, attributes: stack('prod') })),
    );
    expect(now?.instances.get(host(2))?.attributes).toBe(now?.instances.get(host(1))?.attributes);
  }
});

test('F2: a listing replaces none but the one that was there when it began, whatever clocks say', async () => {
  const { facts, other } = fresh();
  const nothing = await other.standing(CLUSTER);
  expect(await facts.publish(generation(100, 5), nothing)).toBe(true);
  expect(await other.publish(generation(200, 6), nothing)).toBe(false);
  const first = await other.standing(CLUSTER);
  // The clock of who published the first was ahead.
  expect(await facts.publish(generation(90, 6), first)).toBe(true);
  expect(await other.publish(generation(300, 6), first)).toBe(false);
  expect(await other.read(CLUSTER)).toMatchObject({ startedAt: 90 });
  // The store was set back to a backup.
  expect(await other.publish(generation(91, 2), await other.standing(CLUSTER))).toBe(true);
  expect(await facts.read(CLUSTER)).toMatchObject({ startedAt: 91, revision: 2 });
});

test('F2: on a cache that lost everything any listing may stand, and then none that began before it did', async () => {
  const { facts, other, prefix } = fresh();
  await publish(facts, generation(100, 5));
  const lost = await other.standing(CLUSTER);
  expect(await redis.del(await redis.keys(`${prefix}:facts:*`))).toBe(1);
  const nothing = await facts.standing(CLUSTER);
  expect(await facts.publish(generation(110, 5), lost)).toBe(true);
  expect(await facts.publish(generation(120, 5), lost)).toBe(false);
  expect(await facts.publish(generation(130, 5), nothing)).toBe(false);
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
  expect(await publish(new RedisFacts(losing, prefix, now), generation(100, 1))).toBe(false);
  expect(lost).toBe(1);
  expect(await facts.read(CLUSTER)).toBeNull();
});

test('unreadable facts are no facts, and are replaced', async () => {
  const { facts, prefix } = fresh();
  await publish(facts, generation(100, 1));
  const [key = ''] = await redis.keys(`${prefix}:facts:*`);
  for (const unreadable of ['{half', '7', JSON.stringify({ id: 'of another release', startedAt: 1 })]) {
    await redis.hset(key, 'about', unreadable);
    expect(await facts.read(CLUSTER)).toBeNull();
    expect(await facts.standing(CLUSTER)).toMatchObject({ startedAt: 0, reads: 0 });
    expect(await publish(facts, generation(101, 2))).toBe(true);
    expect(await facts.read(CLUSTER)).toMatchObject({ startedAt: 101 });
  }
});

describe('who asks while another is reading a generation', () => {
  /** A Redis whose answer with a generation's pieces arrives when it is released. */
  function slow() {
    let release = (): void => {};
    let asked = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const reading = new Promise<void>((resolve) => (asked = resolve));
    const proxy = new Proxy(redis, {
      get(target, name) {
        if (name !== 'hmget') return Reflect.get(target, name, target);
        return async (key: string, ...fields: readonly string[]) => {
          const answer = await target.hmget(key, ...fields);
          asked();
          await held;
          return answer;
        };
      },
    });
    return { proxy, release, reading };
  }

  test.each<[string, (facts: RedisFacts) => Promise<unknown>]>([
    ['a sighting that was stored before', (facts) => facts.sight(CLUSTER, [sightedHost(3)])],
    ['a generation that was published before', (facts) => publish(facts, generation(101, 2, 4))],
  ])('sees %s he asked', async (_, happens) => {
    const { facts, prefix } = fresh();
    await publish(facts, generation(100, 1, 3));
    const { proxy, release, reading } = slow();
    const worker = new RedisFacts(proxy, prefix, now);
    const first = worker.read(CLUSTER);
    await reading;
    await happens(facts);
    const second = worker.read(CLUSTER);
    // Answers come in order on a connection: what the second asked for is there by then.
    await redis.ping();
    release();
    expect((await first)?.instances.has(host(3))).toBe(false);
    expect((await second)?.instances.has(host(3))).toBe(true);
  });
});

describe('a generation is read a few pieces at a time (F1)', () => {
  /** A Redis with which something happens after the first answer with pieces. */
  function interrupted(happens: () => Promise<unknown>) {
    let asked = 0;
    const proxy = new Proxy(redis, {
      get(target, name) {
        if (name !== 'hmget') return Reflect.get(target, name, target);
        return async (key: string, ...fields: readonly string[]) => {
          const answer = await target.hmget(key, ...fields);
          asked += 1;
          if (asked === 1) await happens();
          return answer;
        };
      },
    });
    return { proxy, asked: () => asked };
  }
  /** Eleven pieces of tasks, so that two answers hold them. */
  const large = (startedAt: number, revision: number): Generation => generation(startedAt, revision, 5_001);

  test('one that is replaced meanwhile is read anew, and none of its pieces is mixed with the other', async () => {
    const { facts, prefix } = fresh();
    await publish(facts, large(100, 1));
    const next = { ...large(200, 2), tasks: large(200, 2).tasks.slice(0, 5_000) };
    const { proxy, asked } = interrupted(() => publish(facts, next));
    const read = await new RedisFacts(proxy, prefix, now).read(CLUSTER);
    expect(read).toMatchObject({ startedAt: 200, revision: 2 });
    expect(read?.tasks.get('daemon:agent')).toHaveLength(5_000);
    expect(asked()).toBeGreaterThan(3);
  });

  test.each<[string, (key: string) => Promise<unknown>]>([
    ['went', (key) => redis.hdel(key, 'tasks:5000')],
    ['cannot be read', (key) => redis.hset(key, 'tasks:5000', '{half')],
  ])('one of which a piece %s meanwhile is none', async (_, happens) => {
    const { facts, prefix } = fresh();
    await publish(facts, large(100, 1));
    const [key = ''] = await redis.keys(`${prefix}:facts:*`);
    const { proxy, asked } = interrupted(() => happens(key));
    expect(await new RedisFacts(proxy, prefix, now).read(CLUSTER)).toBeNull();
    expect(asked()).toBeGreaterThan(1);
  });
});

test('a generation that takes the place of one between its description and its fields is read', async () => {
  const { facts, prefix } = fresh();
  await publish(facts, generation(100, 1, 5_001));
  let swapped = 0;
  const swapping = new Proxy(redis, {
    get(target, name) {
      if (name !== 'hkeys') return Reflect.get(target, name, target);
      return async (key: string) => {
        swapped += 1;
        if (swapped === 1) await publish(facts, generation(200, 2, 1));
        return await target.hkeys(key);
      };
    },
  });
  expect(await new RedisFacts(swapping, prefix, now).read(CLUSTER)).toMatchObject({ startedAt: 200, revision: 2 });
  expect(swapped).toBe(2);
});

/** Sightings as if they had come earlier by Redis's clock. */
async function makeOlder(prefix: string, ms: number): Promise<void> {
  const [key = ''] = await redis.keys(`${prefix}:*:sightings`);
  const entries = await redis.xrange(key, '-', '+');
  await redis.del(key);
  for (const [id, fields] of entries) {
    const [at = '0', n = '0'] = id.split('-');
    await redis.xadd(key, `${Number(at) - ms}-${n}`, ...fields);
  }
}

const sightedHost = (...given: Parameters<typeof instance>): Sighting => ({
  kind: 'instance',
  instance: instance(...given),
});
const sightedTask = (...given: Parameters<typeof task>): Sighting => ({ kind: 'task', task: task(...given) });

test('F3: a sighting is read with the generation by everyone, and the higher version counts', async () => {
  const { facts, other } = fresh();
  await publish(facts, { ...generation(Date.now(), 7, 2), instances: [instance(0, { version: 4 }), instance(1)] });
  const before = await other.read(CLUSTER);
  await facts.sight(CLUSTER, [sightedHost(5), sightedTask(5), sightedTask(1, { version: 2, lastStatus: 'STOPPING' })]);
  await facts.sight(CLUSTER, [
    sightedHost(0, { version: 3, agentConnected: false }),
    sightedHost(1, { version: 9, agentConnected: false }),
    sightedHost(1, { version: 8 }),
    sightedTask(0, { version: 0, lastStatus: 'PENDING' }),
  ]);
  for (const reader of [facts, other]) {
    const read = await reader.read(CLUSTER);
    expect(read).toMatchObject({ revision: 7, storeId: 'store', startedAt: before?.startedAt });
    expect([...(read?.instances.keys() ?? [])]).toEqual([host(0), host(1), host(5)]);
    expect(read?.instances.get(host(0))).toMatchObject({ version: 4, agentConnected: true });
    expect(read?.instances.get(host(1))).toMatchObject({ version: 9, agentConnected: false });
    const tasks = read?.tasks.get('daemon:agent') ?? [];
    expect(tasks.map(({ arn }) => arn).toSorted()).toEqual([taskArn(0), taskArn(1), taskArn(5)]);
    expect(tasks.find(({ arn }) => arn === taskArn(1))).toMatchObject({ version: 2, lastStatus: 'STOPPING' });
    expect(tasks.find(({ arn }) => arn === taskArn(0))).toMatchObject({ version: 1, lastStatus: 'RUNNING' });
    expect([...(read?.unlisted ?? [])]).toEqual([taskArn(5)]);
    // Nothing new: the same object again.
    expect(await reader.read(CLUSTER)).toBe(read);
  }
  // Sighted twice is not listed either.
  await facts.sight(CLUSTER, [sightedTask(5, { version: 3 })]);
  expect([...((await other.read(CLUSTER))?.unlisted ?? [])]).toEqual([taskArn(5)]);
  // What comes late is older, and changes nothing.
  const read = await other.read(CLUSTER);
  await facts.sight(CLUSTER, [sightedHost(1, { version: 5 })]);
  expect(await other.read(CLUSTER)).toBe(read);
});

test('F3: sightings alone are no facts, and count as soon as there are some', async () => {
  const { facts, other } = fresh();
  await facts.sight(CLUSTER, [sightedHost(5)]);
  expect(await other.read(CLUSTER)).toBeNull();
  await publish(facts, generation(Date.now(), 7));
  expect((await other.read(CLUSTER))?.instances.has(host(5))).toBe(true);
});

test('F3: a generation does away with sightings older than its listing, and keeps the younger ones', async () => {
  const { facts, other, prefix } = fresh();
  await publish(facts, generation(Date.now(), 7));
  await facts.sight(CLUSTER, [sightedHost(5)]);
  expect((await other.read(CLUSTER))?.instances.has(host(5))).toBe(true);
  // A survey that took a minute, by the clock of whoever made it: the sighting came meanwhile.
  await makeOlder(prefix, 30_000);
  await publish(facts, generation(Date.now() - 60_000, 8));
  for (const reader of [facts, other]) expect((await reader.read(CLUSTER))?.instances.has(host(5))).toBe(true);
  // One that begins a minute later, by a clock that is ahead by as much: it took no time, so all of it is older.
  const ahead = new RedisFacts(redis, prefix, () => as<Instant>(Date.now() + 3_600_000));
  await makeOlder(prefix, 60_000);
  expect(await publish(ahead, generation(Date.now() + 3_600_000, 9))).toBe(true);
  for (const reader of [facts, other]) expect((await reader.read(CLUSTER))?.instances.has(host(5))).toBe(false);
});

test('F3: a listing may lag behind a sighting that came just before it', async () => {
  const { facts, other } = fresh();
  await publish(facts, generation(Date.now() - 1_000, 7));
  await facts.sight(CLUSTER, [sightedHost(5)]);
  await publish(facts, generation(Date.now(), 8));
  expect((await other.read(CLUSTER))?.instances.has(host(5))).toBe(true);
});

test('what drains waits until a listing counted what is on it', async () => {
  const { facts } = fresh();
  const listed = [instance(0, { foreignTasks: 0 }), instance(1, { foreignTasks: 3, status: 'DRAINING' })];
  await publish(facts, { ...generation(Date.now(), 7), instances: listed });
  const draining = (n: number) => sightedHost(n, { version: 2, status: 'DRAINING', foreignTasks: 1 });
  await facts.sight(CLUSTER, [draining(0), draining(1)]);
  const read = await facts.read(CLUSTER);
  expect(read?.instances.get(host(0))).toMatchObject({ status: 'DRAINING', foreignTasks: 1 });
  expect(read?.instances.get(host(1))).toMatchObject({ status: 'DRAINING', foreignTasks: 3 });
});

test('what cannot be read of the sightings is passed over', async () => {
  const { facts, other, prefix } = fresh();
  await publish(facts, generation(Date.now(), 7));
  await facts.sight(CLUSTER, [{ kind: 'task', task: stopped(0, { version: 2 }) }]);
  const [key = ''] = await redis.keys(`${prefix}:*:sightings`);
  await redis.xadd(key, '*', 'sighting', '{half');
  expect((await other.read(CLUSTER))?.tasks.get('daemon:agent')).toMatchObject([{ lastStatus: 'STOPPED' }]);
});

test('a Redis that is away is said to be', async () => {
  const away = new Redis('redis://127.0.0.1:1', {
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  });
  away.on('error', () => undefined);
  await expect(new RedisFacts(away, 'x', now).read(CLUSTER)).rejects.toThrow(FactsUnavailableError);
  away.disconnect();
});

test('a listing that cannot be written out is not called a fault of Redis', async () => {
  const { facts } = fresh();
  const broken = { ...generation(100, 1), instances: [{ ...instance(1), attributes: null }] } as unknown as Generation;
  const failed = publish(facts, broken);
  await expect(failed).rejects.toThrow(TypeError);
  await expect(failed).rejects.not.toThrow('Redis');
  expect(await facts.read(CLUSTER)).toBeNull();
});
