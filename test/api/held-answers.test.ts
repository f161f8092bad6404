import { expect, test } from 'vitest';
import { environmentBody, harness } from './harness.ts';
import { TestStore } from './test-store.ts';

const SHARED_FOR_MS = 40;

/** An API whose reads share for a while, and when its store last said that a change was made. */
const setUp = (sharedForMs: number) => {
  const store = new TestStore();
  let landedAt = Number.NaN;
  const noting = <T>(change: Promise<T>): Promise<T> =>
    change.then((result) => {
      landedAt = performance.now();
      return result;
    });
  const api = harness({
    store: {
      create: (...given) => noting(store.create(...given)),
      update: (...given) => noting(store.update(...given)),
      read: (name) => store.read(name),
      inspect: (name) => store.inspect(name),
      history: (...given) => store.history(...given),
      recall: (key) => noting(store.recall(key)),
    },
    view: {
      sharedForMs,
      current: () => store.current(),
      ready: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
  });
  return { api, sinceLanded: () => performance.now() - landedAt };
};

test('a change is answered when reads no longer share what was found before it', async () => {
  const { api, sinceLanded } = setUp(SHARED_FOR_MS);
  const key = { 'Idempotency-Key': 'k' };
  const create = () => api.post('/v1/environments', environmentBody(), key);
  const made = await create();
  expect([made.status, sinceLanded() >= SHARED_FOR_MS]).toEqual([200, true]);

  // The same answer, remembered: the change may have landed just now, in another process.
  const again = await create();
  expect([again.text, sinceLanded() >= SHARED_FOR_MS]).toEqual([made.text, true]);

  const patched = await api.patch('web', api.token(made), { taskDefinition: 'daemon:2' });
  expect([patched.status, sinceLanded() >= SHARED_FOR_MS]).toEqual([200, true]);

  const gone = await api.call('/v1/environments/web', { method: 'DELETE' });
  expect([gone.status, sinceLanded() >= SHARED_FOR_MS]).toEqual([200, true]);
});

test('a read is answered at once', async () => {
  // Longer than the test may take.
  const { api } = setUp(3_600_000);
  expect(await api.call('/v1/environments')).toMatchObject({ status: 200, text: '{"items":[]}\n' });
  expect(await api.call('/v1/ping')).toMatchObject({ status: 200 });
});
