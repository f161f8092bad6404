/** What reads of the view share, and until when. `unshared` of the fixture is what all other tests of it run with. */
import { expect, inject, it } from 'vitest';
import type { EtcdClient } from '../../src/store/etcd-client.ts';
import { ownRoot, storeOf, viewOf } from './etcd-fixture.ts';
import { changeOf, deploymentOf, putStatus, specOf } from './fixtures.ts';
import { claim } from './store-under-test.ts';

const LONG_MS = 3_600_000;

it('asks etcd once for all who read within `forMs` while nobody writes, and for each while somebody does (H1)', async () => {
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
  const { forMs, quietForMs } = view.sharing ?? expect.unreachable();
  const asked = async (read: () => Promise<unknown>): Promise<number> => {
    const before = questions;
    await read();
    return questions - before;
  };

  // The listing it began with counts as a write: it may hold one.
  for (let n = 0; n < 3; n += 1) expect(await asked(() => view.current())).toBe(1);
  now += quietForMs + 1;
  expect(await asked(() => Promise.all(Array.from({ length: 50 }, () => view.current())))).toBe(1);
  now += forMs / 2;
  expect(await asked(() => view.current())).toBe(0);

  // A write that landed and was not answered yet: who reads now may see it or not.
  const spec = specOf('web');
  await store.environments.create(spec, null);
  now += forMs / 2 + 1;
  // What the question brings is a write, so this read must not use it (H1), and asks once more.
  expect(await asked(() => view.current())).toBe(2);
  expect((await view.current()).environment(spec.name)?.spec.value).toEqual(spec);
  for (let n = 0; n < 3; n += 1) expect(await asked(() => view.current())).toBe(1);

  // What actors write is not meant.
  now += quietForMs + 1;
  await (await claim(store.actors, spec.id)).commitOutcomes([[putStatus(1)]]);
  await expect.poll(async () => (await view.current()).environment(spec.name)?.status).not.toBeNull();
  now += forMs + 1;
  expect(await asked(async () => [await view.current(), await view.current()])).toBe(1);

  // A removed spec is a write as well.
  const { modified } = (await store.environments.read(spec.name))?.spec ?? expect.unreachable();
  const deployment = deploymentOf();
  await store.environments.update(changeOf({ ...spec, target: deployment.id }, modified, { deployment }), null);
  now += LONG_MS;
  await expect.poll(async () => (await view.current()).environment(spec.name)?.deployments.size).toBe(1);
  await (await claim(store.actors, spec.id)).remove();
  await expect.poll(async () => (await view.current()).environment(spec.name)).toBeUndefined();
  expect(await asked(async () => [await view.current(), await view.current()])).toBe(2);
});
