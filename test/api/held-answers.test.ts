import { expect, test } from 'vitest';
import type { ApiContext } from '../../src/api/app-env.ts';
import { Deadline } from '../../src/api/deadline.ts';
import { heldAnswers } from '../../src/api/held-answers.ts';
import type { Timing } from '../../src/concurrency/timing.ts';
import { environmentBody, harness } from './harness.ts';
import { TestStore } from './test-store.ts';

/** An API whose reads share for a while, and when its store last said what had become of a change. */
const setUp = (sharing: { readonly forMs: number; readonly quietForMs: number }) => {
  const store = new TestStore();
  let toldAt = Number.NaN;
  const noting = <T>(change: Promise<T>): Promise<T> =>
    change.then((result) => {
      toldAt = performance.now();
      return result;
    });
  const api = harness({
    store: {
      create: (...given) => noting(store.create(...given)),
      update: (...given) => noting(store.update(...given)),
      read: (name) => noting(store.read(name)),
      inspect: (name) => store.inspect(name),
      history: (...given) => store.history(...given),
      recall: (key) => noting(store.recall(key)),
    },
    view: {
      sharing,
      current: () => store.current(),
      ready: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
  });
  return { api, sinceTold: () => performance.now() - toldAt };
};

const HELD_MS = 40;

test('a change is answered when no read can have missed it (H2)', async () => {
  // No change covers another.
  const { api, sinceTold } = setUp({ forMs: HELD_MS, quietForMs: 0 });
  const key = { 'Idempotency-Key': 'k' };
  const create = () => api.post('/v1/environments', environmentBody(), key);
  const made = await create();
  expect([made.status, sinceTold() >= HELD_MS]).toEqual([200, true]);

  // The same answer, remembered: the change may have landed just now, in another process.
  const again = await create();
  expect([again.text, sinceTold() >= HELD_MS]).toEqual([made.text, true]);
  const taken = await api.post('/v1/environments', environmentBody());
  expect([taken.status, sinceTold() >= HELD_MS]).toEqual([400, true]);

  const patched = await api.patch('web', api.token(made), { taskDefinition: 'daemon:2' });
  expect([patched.status, sinceTold() >= HELD_MS]).toEqual([200, true]);

  const gone = await api.call('/v1/environments/web', { method: 'DELETE' });
  expect([gone.status, sinceTold() >= HELD_MS]).toEqual([200, true]);
});

test('a change is answered at once after another that was (H3), and a refusal covers nothing', async () => {
  // Longer than the test may take: whatever is held ends it.
  const { api } = setUp({ forMs: HELD_MS, quietForMs: 3_600_000 });
  const held = async (call: Promise<unknown>): Promise<boolean> => {
    const begunAt = performance.now();
    await call;
    return performance.now() - begunAt >= HELD_MS;
  };
  expect(await held(api.post('/v1/environments', {}))).toBe(true);
  expect(await held(api.call('/v1/environments/none', { method: 'DELETE' }))).toBe(true);
  expect(await held(api.create('first'))).toBe(true);
  // Of ten one may be slow by itself.
  const answers = [];
  for (let n = 0; n < 10; n += 1) answers.push(await held(api.create(`web-${n}`)));
  expect(answers).toContain(false);
});

test('a change covers others from when it was asked for, as it may have landed then (H3)', async () => {
  let now = 0;
  const slept: number[] = [];
  const timing: Timing = { monotonic: () => now, sleep: async (ms) => void slept.push((now += ms)) };
  const held = heldAnswers({ sharing: { forMs: 10, quietForMs: 100 } }, timing);
  /** Asked for at one moment, answered by the store at another; gives when its answer went out. */
  const change = async (askedAt: number, toldAt: number): Promise<number> => {
    now = askedAt;
    const deadline = new Deadline();
    await held({ get: () => deadline } as unknown as ApiContext, async () => {
      now = toldAt;
      deadline.changeLanded();
    });
    return now;
  };
  expect(await change(0, 60)).toBe(71);
  expect(await change(80, 90)).toBe(90);
  expect(await change(85, 91)).toBe(102);
  expect(await change(160, 175)).toBe(175);
  expect(slept).toEqual([71, 102]);
});

test('a read is answered at once', async () => {
  const { api } = setUp({ forMs: 3_600_000, quietForMs: 0 });
  expect(await api.call('/v1/environments')).toMatchObject({ status: 200, text: '{"items":[]}\n' });
  expect(await api.call('/v1/ping')).toMatchObject({ status: 200 });
});
