/** What reads of the view share, and until when. `unshared` of the fixture is what all other tests of it run with. */
import { expect, inject, it } from 'vitest';
import type { EtcdClient } from '../../src/store/etcd-client.ts';
import { ownRoot, storeOf, viewOf } from './etcd-fixture.ts';
import { specOf } from './fixtures.ts';

it('asks etcd once for all who read within `sharedForMs`, and shows a write to whoever reads later (V2)', async () => {
  const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
  let [now, questions] = [0, 0];
  const client: EtcdClient = {
    ...store.client,
    range(request) {
      if (String(request.key) === store.keys.written) questions += 1;
      return store.client.range(request);
    },
  };
  const view = await viewOf({ ...store, client }, { monotonic: () => now });
  const crowd = await Promise.all(Array.from({ length: 50 }, () => view.current()));
  expect([crowd.length, questions]).toEqual([50, 1]);

  // Landed, and not answered yet: who reads now may see it or not.
  const spec = specOf('web');
  await store.environments.create(spec, null);
  now += view.sharedForMs / 2;
  await view.current();
  expect(questions).toBe(1);
  // Answered.
  now += view.sharedForMs / 2 + 1;
  expect((await view.current()).environment(spec.name)?.spec.value).toEqual(spec);
  expect(questions).toBe(2);
});
