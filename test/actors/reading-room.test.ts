/** Large records are read few at a time. */
import { expect, test } from 'vitest';
import { ReadingRoom } from '../../src/actors/reading-room.ts';
import { as, type EnvironmentId } from '../../src/domain/ids.ts';
import { slot, world } from '../planner/fixtures.ts';
import { turn } from './turn-scene.ts';

const idOf = (name: string): EnvironmentId => as(name);

/** Lets environments in, in turn; each reads until it is let go. */
function scene() {
  const room = new ReadingRoom();
  const reading = new Map<string, () => void>();
  const enter = (name: string): Promise<void> =>
    room.enter(idOf(name), async () => {
      await new Promise<void>((resolve) => reading.set(name, resolve));
      reading.delete(name);
    });
  return { room, reading, enter };
}

/** All that can go on without one that is let go. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('three large environments are read at a time; small ones and those that are not known come in beside them', async () => {
  const { room, reading, enter } = scene();
  for (const name of ['a', 'b', 'c', 'd']) room.note(idOf(name), 1_001);
  room.note(idOf('small'), 1_000);
  const all = ['a', 'b', 'c', 'd', 'small', 'new'].map(enter);
  await settled();
  expect([...reading.keys()]).toEqual(['small', 'new', 'a', 'b', 'c']);

  reading.get('b')?.();
  await settled();
  expect([...reading.keys()]).toEqual(['small', 'new', 'a', 'c', 'd']);
  for (const letGo of reading.values()) letGo();
  await Promise.all(all);
});

test('one that fails makes room, and one that shrank is small again', async () => {
  const { room, reading, enter } = scene();
  for (const name of ['a', 'b', 'c', 'd']) room.note(idOf(name), 5_000);
  await expect(room.enter(idOf('a'), () => Promise.reject(new Error('etcd is away')))).rejects.toThrow('etcd is away');
  room.note(idOf('a'), 10);
  const all = ['b', 'c', 'd', 'a'].map(enter);
  await settled();
  expect([...reading.keys()].toSorted()).toEqual(['a', 'b', 'c', 'd']);
  for (const letGo of reading.values()) letGo();
  await Promise.all(all);
});

test('a turn notes how large its environment is; it reads in there, and plans and acts outside', async () => {
  const seen: string[] = [];
  const room = new (class extends ReadingRoom {
    override async enter<T>(environment: EnvironmentId, read: () => Promise<T>): Promise<T> {
      const result = await super.enter(environment, read);
      seen.push(`did ${scenery.calls.join(', ')}`);
      return result;
    }
    override note(environment: EnvironmentId, hosts: number): void {
      seen.push(`${environment} has ${hosts}`);
    }
  })();
  let scenery = turn({ room });
  expect(await scenery.ending).toMatchObject({ kind: 'done', report: { launches: 1 } });
  expect(seen).toEqual(['environment-1 has 0', 'did claim']);
  expect(scenery.calls).toContain('launch');

  scenery = turn({ room, world: world({ slots: [slot(1)] }) });
  await scenery.ending;
  scenery = turn({ room, claim: { kind: 'gone' } });
  await scenery.ending;
  expect(seen.filter((one) => !one.startsWith('did'))).toEqual([0, 1, 0].map((n) => `environment-1 has ${n}`));
});

test('a turn that was told to stop while it waited takes no fence', async () => {
  const { room, reading, enter } = scene();
  for (const name of ['a', 'b', 'c', 'environment-1']) room.note(idOf(name), 5_000);
  const all = ['a', 'b', 'c'].map(enter);
  const stop = new AbortController();
  const { calls, ending } = turn({ room, signal: stop.signal });
  await settled();
  expect(reading.size).toBe(3);
  stop.abort('lock lost');
  for (const letGo of reading.values()) letGo();
  await expect(ending).rejects.toThrow('told to stop before it began');
  expect(calls).toEqual([]);
  await Promise.all(all);
});
