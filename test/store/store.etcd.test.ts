import { describe, inject } from 'vitest';
import { openEtcdStore } from '../../src/store/etcd-store.ts';
import { put } from '../../src/store/etcd-requests.ts';
import { openEtcdView } from '../../src/store/view.ts';
import { describeStore } from './conformance.ts';
import { ownRoot } from './etcd-fixture.ts';
import { instanceOf } from './fixtures.ts';

describe('the store on etcd', () => {
  describeStore(async ({ pageSize }) => {
    const options = { endpoints: [inject('etcdUrl')], root: ownRoot(), pageSize };
    const store = openEtcdStore(options);
    const other = openEtcdStore(options);
    const view = openEtcdView({ store, pageSize });
    await view.ready(AbortSignal.timeout(10_000));
    return {
      actors: store.actors,
      environments: store.environments,
      other,
      view,
      async spoil(id, part) {
        const key = part === 'spec' ? store.keys.spec(id) : store.keys.slot(id, instanceOf(1));
        await store.client.write({ success: [put(key, '{"v":2}')] });
      },
      async close() {
        await view.close();
        store.close();
        other.close();
      },
    };
  });
});
