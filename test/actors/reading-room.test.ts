/** Large records are read few at a time. */
import { expect, test } from 'vitest';
import { ReadingRoom } from '../../src/actors/reading-room.ts';
import { as, type EnvironmentId } from '../../src/domain/ids.ts';
import type { World } from '../../src/domain/world.ts';
import { host, launch, launchId, NOW, slot, stored, world } from '../planner/fixtures.ts';
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

/** What a record holds of so many hosts, and of launches. */
const sized = (hosts: number, launches = 0): Parameters<ReadingRoom['note']>[1] => ({
  slots: new Map(Array.from({ length: hosts }, (_, n) => [host(n), stored(slot(n))])),
  launches: new Map(Array.from({ length: launches }, (_, n) => [launchId(n), stored(launch(n, [n], NOW))])),
});

/** All that can go on without one that is let go. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('environments that are large, or not known yet, are read three at a time; small ones come in beside them', async () => {
  const { room, reading, enter } = scene();
  room.note(idOf('large'), sized(1_001));
  room.note(idOf('launching'), sized(0, 201));
  room.note(idOf('small'), sized(995, 1));
  const all = ['large', 'new', 'launching', 'newer', 'small'].map(enter);
  await settled();
  expect([...reading.keys()]).toEqual(['small', 'large', 'new', 'launching']);

  reading.get('new')?.();
  await settled();
  expect([...reading.keys()]).toEqual(['small', 'large', 'launching', 'newer']);
  for (const letGo of reading.values()) letGo();
  await Promise.all(all);
});

test('one that fails makes room, one that shrank is small, and one that is gone is not known', async () => {
  const { room, reading, enter } = scene();
  for (const name of ['a', 'b', 'c', 'd']) room.note(idOf(name), sized(5_000));
  await expect(room.enter(idOf('a'), () => Promise.reject(new Error('etcd is away')))).rejects.toThrow('etcd is away');
  room.note(idOf('a'), sized(10));
  const all = ['b', 'c', 'd', 'a'].map(enter);
  await settled();
  expect([...reading.keys()]).toEqual(['a', 'b', 'c', 'd']);
  room.note(idOf('a'), null);
  all.push(enter('a'));
  for (const letGo of reading.values()) letGo();
  await settled();
  expect([...reading.keys()]).toEqual(['a']);
  reading.get('a')?.();
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
    override note(environment: EnvironmentId, record: Pick<World, 'slots'> | null): void {
      seen.push(`${environment} has ${record?.slots.size ?? 'nothing'}`);
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
  expect(seen.filter((one) => !one.startsWith('did'))).toEqual([0, 1, 'nothing'].map((n) => `environment-1 has ${n}`));
});

test('a turn that was told to stop while it waited takes no fence', async () => {
  const { room, reading, enter } = scene();
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
