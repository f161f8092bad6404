/** A world that is read page by page is of one revision, whatever is written between two pages, or is not read at all. */
import { expect, it } from 'vitest';
import { etcdActorStore } from '../../src/store/etcd-actors.ts';
import type { EtcdClient } from '../../src/store/etcd-client.ts';
import { etcdEnvironmentStore } from '../../src/store/etcd-environments.ts';
import type { EtcdStore } from '../../src/store/etcd-store.ts';
import { SpecListing } from '../../src/store/spec-listing.ts';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { claimed, privateEtcd, storeOf } from './etcd-fixture.ts';
import { instanceOf, putSlot, range, specOf } from './fixtures.ts';

const HOSTS = 10;
const PAGE_SIZE = 3;

/** An environment of ten hosts, and stores that read it three at a time; `between` runs once, before the second page is asked for. */
async function scene(between: (store: EtcdStore, url: string) => Promise<unknown>) {
  const server = await privateEtcd();
  const store = storeOf({ endpoints: [server.url] });
  const spec = specOf('web');
  await store.environments.create(spec, null);
  await (await claimed(store, spec.id)).commitOutcomes(range(HOSTS).map((n) => [putSlot(n)]));

  const asked: (number | string | undefined)[] = [];
  const client: EtcdClient = {
    ...store.client,
    async range(request) {
      if (request.range_end !== undefined && asked.push(request.revision?.toString()) === 2) {
        await between(store, server.url);
      }
      return await store.client.range(request);
    },
  };
  const options = { client, keys: store.keys, pageSize: PAGE_SIZE };
  return {
    spec,
    asked,
    actors: etcdActorStore({ ...options, listing: new SpecListing(options) }),
    environments: etcdEnvironmentStore(options),
  };
}

/** Another turn takes the fence, and finds all hosts gone. */
const emptied = async (store: EtcdStore): Promise<void> => {
  const [spec] = (await store.actors.inventory()).specs;
  const claim = await claimed(store, spec?.value.id ?? expect.unreachable());
  const gone = range(HOSTS).map((n) => [{ kind: 'delete-slot' as const, instance: instanceOf(n) }]);
  expect(await claim.commitOutcomes(gone)).toEqual({ kind: 'committed' });
};

/** What was there before is forgotten. */
const compacted = async (store: EtcdStore, url: string): Promise<void> => {
  await emptied(store);
  const { revision } = await store.actors.inventory();
  const body = JSON.stringify({ revision: String(revision), physical: true });
  expect((await fetch(`${url}/v3/kv/compaction`, { method: 'POST', body })).status).toBe(200);
};

it('a claim loads the world of its fence, and a newer claim refuses its commits', async () => {
  const { actors, spec, asked } = await scene(emptied);
  const claim = await claimed({ actors }, spec.id);
  expect(claim.world.slots.size).toBe(HOSTS);
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect(await claim.commitIntents([])).toEqual({ kind: 'fenced' });
});

it('an inspection shows one revision', async () => {
  const { environments, spec, asked } = await scene(emptied);
  const inspection = await environments.inspect(spec.name);
  expect(inspection?.world.slots.size).toBe(HOSTS);
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect((await environments.inspect(spec.name))?.world.slots.size).toBe(0);
});

it.each(['claim', 'inspection'])('a %s whose revision is compacted between two pages fails', async (what) => {
  const { actors, environments, spec, asked } = await scene(compacted);
  const read = what === 'claim' ? actors.claim(spec.id, 'test') : environments.inspect(spec.name);
  await expect(read).rejects.toThrow(StoreUnavailableError);
  expect(asked.length).toBeGreaterThanOrEqual(2);
});
