import { describe, expect, inject, it } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import type { Revision } from '../../src/domain/ids.ts';
import type { Stored } from '../../src/domain/world.ts';
import type { EtcdClient } from '../../src/store/etcd-client.ts';
import { etcdEnvironmentStore } from '../../src/store/etcd-environments.ts';
import { put, remove } from '../../src/store/etcd-requests.ts';
import type { EtcdStore } from '../../src/store/etcd-store.ts';
import type { Item } from '../../src/store/items.ts';
import { SpecListing } from '../../src/store/spec-listing.ts';
import { claimed, ownRoot, privateEtcd, storeOf } from './etcd-fixture.ts';
import { changeOf, deleting, deploymentOf, progressOf, specOf } from './fixtures.ts';

const PAGE_SIZE = 3;

/** A listing, and how many specs it fetched since one last asked. */
function listingOf({ client, keys }: EtcdStore) {
  let now = client;
  let fetched = 0;
  const counting: EtcdClient = {
    ...client,
    async range(request) {
      const answer = await now.range(request);
      if (request.range_end !== undefined) fetched += answer.kvs.length;
      return answer;
    },
    async read(request) {
      const answer = await now.read(request);
      fetched += answer.responses.at(-1)?.response_range.kvs.length ?? 0;
      return answer;
    },
  };
  const listing = new SpecListing({ client: counting, keys, pageSize: PAGE_SIZE });
  return {
    /** From now on the answers are this one's. */
    moveTo: (other: EtcdClient) => {
      now = other;
    },
    async specs() {
      fetched = 0;
      const { items, ...listed } = await listing.list();
      const specs = new Map<string, Item | Stored<EnvironmentSpec>>();
      for (const { item } of items) {
        if (item.kind === 'spec') specs.set(item.spec.value.name, item.spec);
        else specs.set(item.kind, item);
      }
      return { specs, names: [...specs.keys()].toSorted(), ...listed, fetched };
    },
  };
}

type Listed = Awaited<ReturnType<ReturnType<typeof listingOf>['specs']>>;

const required = ({ specs }: Listed): readonly string[] =>
  [...specs].flatMap(([name, item]) => ('value' in item && item.value.required ? name : []));

const sharedStore = (): EtcdStore => storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });

async function created(store: EtcdStore, spec: EnvironmentSpec): Promise<Revision> {
  expect(await store.environments.create(spec, null)).toEqual({ kind: 'done' });
  const record = await store.environments.read(spec.name);
  if (record === null) throw new Error('not created');
  return record.spec.modified;
}

describe('a listing of specs', () => {
  it('fetches what changed since the last one, and keeps the rest as it was', async () => {
    const store = sharedStore();
    const [a, b, c] = [specOf('a'), specOf('b'), specOf('c')];
    await created(store, a);
    const seen = await created(store, b);
    const listing = listingOf(store);
    const first = await listing.specs();
    expect(first).toMatchObject({ names: ['a', 'b'], fetched: 2 });
    expect(await listing.specs()).toMatchObject({ names: ['a', 'b'], fetched: 0 });

    expect(await store.environments.update(changeOf({ ...b, required: true }, seen), null)).toEqual({ kind: 'done' });
    await created(store, c);
    const later = await listing.specs();
    expect(later).toMatchObject({ names: ['a', 'b', 'c'], fetched: 2 });
    expect(later.revision).toBeGreaterThan(first.revision);
    expect(later.specs.get('a')).toBe(first.specs.get('a'));
    expect(required(later)).toEqual(['b']);
  });

  it('misses one that is gone, also when another came (L3)', async () => {
    const store = sharedStore();
    const [a, b] = [specOf('a'), specOf('b')];
    await created(store, a);
    const seen = await created(store, b);
    const listing = listingOf(store);
    expect(await listing.specs()).toMatchObject({ names: ['a', 'b'] });

    expect(await store.environments.update(changeOf(deleting(b), seen), null)).toEqual({ kind: 'done' });
    expect(await (await claimed(store, b.id)).remove()).toEqual({ kind: 'committed' });
    await created(store, specOf('c'));
    expect(await listing.specs()).toMatchObject({ names: ['a', 'c'], fetched: 1 + 2 });
  });

  it('shows a value that cannot be read, and that it was mended', async () => {
    const store = sharedStore();
    const a = specOf('a');
    await created(store, a);
    const listing = listingOf(store);
    await listing.specs();
    const key = store.keys.spec(a.id);
    const { kvs } = await store.client.range({ key: Buffer.from(key) });
    await store.client.write({ success: [put(key, 'spoiled')] });
    expect(await listing.specs()).toMatchObject({ names: ['unreadable'], fetched: 1 });
    await store.client.write({ success: [put(key, String(kvs[0]?.value))] });
    expect(await listing.specs()).toMatchObject({ names: ['a'], fetched: 1 });
    await store.client.write({ success: [remove(key)] });
    expect(await listing.specs()).toMatchObject({ names: [] });
  });

  it('lists all when more changed than a page holds, and when the past was compacted', async () => {
    const server = await privateEtcd();
    const store = storeOf({ endpoints: [server.url] });
    await created(store, specOf('a'));
    const listing = listingOf(store);
    await listing.specs();
    for (const name of ['b', 'c', 'd', 'e']) await created(store, specOf(name));
    const many = await listing.specs();
    expect(many).toMatchObject({ names: ['a', 'b', 'c', 'd', 'e'], fetched: 3 + 5 });

    // Not by one more of them: so many were written again.
    for (const { item } of (await new SpecListing({ ...store, pageSize: PAGE_SIZE }).list()).items) {
      if (item.kind !== 'spec') throw new Error(item.kind);
      const change = changeOf({ ...item.spec.value, required: true }, item.spec.modified);
      expect(await store.environments.update(change, null)).toEqual({ kind: 'done' });
    }
    const again = await listing.specs();
    expect(required(again)).toHaveLength(5);
    expect(again.fetched).toBe(3 + 5);

    await created(store, specOf('f'));
    const compaction = {
      method: 'POST',
      body: JSON.stringify({ revision: String(again.revision + 1), physical: true }),
    };
    expect((await fetch(`${server.url}/v3/kv/compaction`, compaction)).status).toBe(200);
    expect(await listing.specs()).toMatchObject({ names: ['a', 'b', 'c', 'd', 'e', 'f'], fetched: 6 });
  });
});

describe('a restored backup (L2)', () => {
  const agent = specOf('agent');
  const [a, b] = [specOf('a'), specOf('b')];

  it('is not taken for what was there at the same revision', async () => {
    const [lost, restored] = [await alone(), await alone()];
    await created(lost, agent);
    await created(restored, { ...agent, required: true });
    const { before, after } = await listedBoth(lost, restored);
    expect([required(before), required(after)]).toEqual([[], ['agent']]);
    expect(after.revision).toBe(before.revision);
  });

  it('is not, where only a rollback by an actor makes the difference', async () => {
    const [lost, restored] = [await withTwo(), await withTwo()];
    await rollBack(lost, a);
    await rollBack(restored, b);
    const { before, after } = await listedBoth(lost, restored);
    expect([required(before), required(after)]).toEqual([['a'], ['b']]);
  });

  it('is not, where only the end of a deletion makes the difference', async () => {
    const [lost, restored] = [await withTwo(), await withTwo()];
    expect(await (await claimed(lost, a.id)).remove()).toEqual({ kind: 'committed' });
    expect(await (await claimed(restored, b.id)).remove()).toEqual({ kind: 'committed' });
    const { before, after } = await listedBoth(lost, restored);
    expect([before.names, after.names]).toEqual([['b'], ['a']]);
  });

  it('is listed whole where it has not come as far', async () => {
    const [lost, restored] = [await alone(), await alone()];
    await created(lost, agent);
    await created(lost, a);
    await created(restored, { ...agent, required: true });
    const listing = listingOf(lost);
    const before = await listing.specs();
    listing.moveTo(restored.client);
    const after = await listing.specs();
    expect([before.names, after.names, required(after)]).toEqual([['a', 'agent'], ['agent'], ['agent']]);
    expect(after.revision).toBeLessThan(before.revision);
  });

  const alone = async (): Promise<EtcdStore> => storeOf({ endpoints: [(await privateEtcd()).url] });

  /** The same two writes every time, so that what comes next is all that differs. */
  async function withTwo(): Promise<EtcdStore> {
    const store = await alone();
    let operations = 0;
    const newOperation = (): string => `operation ${(operations += 1)}`;
    const environments = etcdEnvironmentStore({ ...store, pageSize: PAGE_SIZE, newOperation });
    for (const spec of [a, b]) expect(await environments.create(spec, null)).toEqual({ kind: 'done' });
    return store;
  }

  async function rollBack(store: EtcdStore, spec: EnvironmentSpec): Promise<void> {
    const deployment = deploymentOf();
    const progress = progressOf(deployment.id);
    const rollback = { spec: { ...spec, required: true }, deployment, progress };
    expect(await (await claimed(store, spec.id)).rollBack(rollback)).toEqual({ kind: 'committed' });
  }

  /** By one listing, for which the second store takes the place of the first. */
  async function listedBoth(lost: EtcdStore, restored: EtcdStore) {
    const listing = listingOf(lost);
    const before = await listing.specs();
    listing.moveTo(restored.client);
    const after = await listing.specs();
    expect(after.revision).toBe(before.revision);
    expect(after.storeId).toBe((await restored.actors.inventory()).storeId);
    return { before, after };
  }
});
