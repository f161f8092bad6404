import { describe, expect, inject, it, test } from 'vitest';
import { etcdClusterStore } from '../../src/store/etcd-clusters.ts';
import { SpecListing } from '../../src/store/spec-listing.ts';
import { put } from '../../src/store/etcd-requests.ts';
import { openEtcdStore } from '../../src/store/etcd-store.ts';
import { keysUnder } from '../../src/store/keys.ts';
import { MemoryClusterStore } from '../../src/store/memory-clusters.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { EnvironmentStore } from '../../src/store/store.ts';
import { CLUSTER, deployment, specOf } from '../planner/readiness-fixtures.ts';
import { describeClusters } from './cluster-conformance.ts';
import { ownRoot, PATIENT, storeOf } from './etcd-fixture.ts';

describe('clusters in memory', () => {
  describeClusters(async () => {
    const store = new MemoryStore();
    const clusters = new MemoryClusterStore(store);
    return {
      clusters,
      other: clusters,
      actors: store,
      environments: store,
      spoil: async (id) => store.spoil(id, 'spec'),
      close: () => store.close(),
    };
  });
});

test('C1: of two claims in memory at the same time one sees that it is not the only one', async () => {
  const store = new MemoryStore();
  await deployed(store);
  const clusters = new MemoryClusterStore(store);
  const results = await Promise.all([clusters.claim(CLUSTER, 'one'), clusters.claim(CLUSTER, 'another')]);
  expect(results.map(({ kind }) => kind)).toEqual(['claimed', 'fenced']);
});

describe('clusters on etcd', () => {
  describeClusters(async () => {
    const options = { ...PATIENT, endpoints: [inject('etcdUrl')], root: ownRoot(), pageSize: 3 };
    const store = openEtcdStore(options);
    const other = openEtcdStore(options);
    return {
      clusters: store.clusters,
      other: other.clusters,
      actors: store.actors,
      environments: store.environments,
      async spoil(id) {
        await store.client.write({ success: [put(store.keys.spec(id), '{"v":2}')] });
      },
      async close() {
        store.close();
        other.close();
      },
    };
  });

  it('keep their fence away from what readers and actors list', () => {
    const keys = keysUnder('/x/');
    expect(keys.clusterFence(CLUSTER)).toBe(`/x/cluster/${CLUSTER}/fence`);
    expect(keys.parse(keys.clusterFence(CLUSTER))).toBeNull();
  });

  it.each(['first', 'later'])(
    'C1: a claim that another overtakes after it has read is fenced: its %s one',
    async (which) => {
      const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
      await deployed(store.environments);
      if (which === 'later') expect(await store.clusters.claim(CLUSTER, 'before')).toMatchObject({ kind: 'claimed' });
      const { client, keys } = store;
      const overtaken = etcdClusterStore({
        client: {
          ...client,
          async write(request) {
            expect(await store.clusters.claim(CLUSTER, 'another')).toMatchObject({ kind: 'claimed' });
            return await client.write(request);
          },
        },
        keys,
        pageSize: 3,
        listing: new SpecListing({ client, keys, pageSize: 3 }),
      });
      expect(await overtaken.claim(CLUSTER, 'test')).toEqual({ kind: 'fenced' });
    },
  );
});

async function deployed(store: EnvironmentStore): Promise<void> {
  const spec = specOf('agent');
  expect(await store.create({ ...spec, target: null }, null)).toEqual({ kind: 'done' });
  const record = await store.read(spec.name);
  if (record === null) throw new Error('not created');
  const forget = { revisions: [], deployments: [] };
  const change = { spec, seen: record.spec.modified, deployment: deployment(spec.revision), revisions: [], forget };
  expect(await store.update(change, null)).toEqual({ kind: 'done' });
}
