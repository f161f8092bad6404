/** What reads of the view share, and until when. `unshared` of the fixture is what all other tests of it run with. */
import { expect, inject, it } from 'vitest';
import type { ApiContext } from '../../src/api/app-env.ts';
import { Deadline } from '../../src/api/deadline.ts';
import { heldAnswers } from '../../src/api/held-answers.ts';
import type { EtcdClient } from '../../src/store/etcd-client.ts';
import type { EtcdStore } from '../../src/store/etcd-store.ts';
import { ownRoot, storeOf, viewOf } from './etcd-fixture.ts';
import { changeOf, deploymentOf, putStatus, range, specOf } from './fixtures.ts';
import { claim } from './store-under-test.ts';

const LONG_MS = 3_600_000;

/** Counts the questions that views put, and hands on what their watches say by `hear`. */
function around({ client, keys }: EtcdStore, hear: (handOn: () => void) => void) {
  const seen = { questions: 0 };
  const counting: EtcdClient = {
    ...client,
    range(request) {
      if (String(request.key) === keys.written) seen.questions += 1;
      return client.range(request);
    },
    async watch() {
      const opened = await client.watch();
      const { stream } = opened;
      const on = stream.on.bind(stream);
      const heard = (event: string, listener: (given: unknown) => void) =>
        on(event, event === 'data' ? (given: unknown) => hear(() => listener(given)) : listener);
      return { stream: Object.assign(stream, { on: heard }), close: () => opened.close() };
    },
  };
  return { seen, client: counting };
}

it('asks etcd once for all who read within `forMs` while nobody writes, and for each while somebody does (H1)', async () => {
  const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
  let now = 0;
  /** While it is not null, what the watch says waits here. */
  let unheard: (() => void)[] | null = null;
  const { seen, client } = around(store, (handOn) => (unheard === null ? handOn() : void unheard.push(handOn)));
  const view = await viewOf({ ...store, client }, { monotonic: () => now });
  const { forMs, quietForMs } = view.sharing ?? expect.unreachable();
  const asked = async (read: () => Promise<unknown>): Promise<number> => {
    const before = seen.questions;
    await read();
    return seen.questions - before;
  };

  // The listing it began with counts as a write: it may hold one.
  for (let n = 0; n < 3; n += 1) expect(await asked(() => view.current())).toBe(1);
  now += quietForMs + 1;
  expect(await asked(() => Promise.all(range(50).map(() => view.current())))).toBe(1);
  now += forMs / 2;
  expect(await asked(() => view.current())).toBe(0);

  // A write that landed and was not answered yet: who reads now may see it or not.
  const spec = specOf('web');
  const waiting: (() => void)[] = (unheard = []);
  await store.environments.create(spec, null);
  now += forMs / 2 + 1;
  // What the question brings is a write, so this read must not use it (H1), and asks once more.
  const [before, read] = [seen.questions, asked(() => view.current())];
  await expect.poll(() => seen.questions).toBe(before + 1);
  unheard = null;
  for (const handOn of waiting) handOn();
  expect(await read).toBe(2);
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

it('shows every change that was answered, while many share and its watch is slow (R1)', async () => {
  const root = ownRoot();
  const [writer, store] = range(2).map(() => storeOf({ endpoints: [inject('etcdUrl')], root }));
  if (writer === undefined || store === undefined) throw new Error('two stores were opened');
  const WATCH_LAG_MS = 40;
  const { seen, client } = around(store, (handOn) => void setTimeout(handOn, WATCH_LAG_MS));
  const view = await viewOf({ ...store, client }, { monotonic: () => performance.now() });
  const held = heldAnswers(view);
  const change = async (name: string): Promise<void> => {
    const deadline = new Deadline();
    await held({ get: () => deadline } as unknown as ApiContext, async () => {
      await writer.environments.create(specOf(name), null);
      deadline.changeLanded();
    });
  };
  /** Reads until most of them share: nobody has written for a while. */
  const quiet = async (): Promise<void> => {
    for (let shared = 0; shared < 20;) {
      const before = seen.questions;
      await view.current();
      shared = seen.questions === before ? shared + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };

  let changes = 0;
  for (let round = 0; round < 4; round += 1) {
    await quiet();
    // The first is held, and covers those that follow it.
    for (let n = 0; n <= round; n += 1) {
      const name = `web-${round}-${n}`;
      await change(name);
      changes += 1;
      expect((await view.current()).environment(specOf(name).name)?.spec.value.name).toBe(name);
    }
  }
  expect(changes).toBe(10);
});
