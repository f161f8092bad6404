/** Large environments plan few at a time. */
import { expect, test } from 'vitest';
import { PlanningRoom } from '../../src/actors/planning-room.ts';
import { as, type EnvironmentId } from '../../src/domain/ids.ts';
import { slot, world } from '../planner/fixtures.ts';
import { turn } from './turn-scene.ts';

const idOf = (name: string): EnvironmentId => as(name);

/** Lets environments in, in turn; each plans until it is let go. */
function scene() {
  const room = new PlanningRoom();
  const planning = new Map<string, () => void>();
  const enter = (name: string): Promise<void> =>
    room.enter(idOf(name), async () => {
      await new Promise<void>((resolve) => planning.set(name, resolve));
      planning.delete(name);
    });
  return { room, planning, enter };
}

/** All that can go on without one that is let go. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('three large environments plan at a time; small ones and those that are not known come in beside them', async () => {
  const { room, planning, enter } = scene();
  for (const name of ['a', 'b', 'c', 'd']) room.note(idOf(name), 1_001);
  room.note(idOf('small'), 1_000);
  const all = ['a', 'b', 'c', 'd', 'small', 'new'].map(enter);
  await settled();
  expect([...planning.keys()]).toEqual(['small', 'new', 'a', 'b', 'c']);

  planning.get('b')?.();
  await settled();
  expect([...planning.keys()]).toEqual(['small', 'new', 'a', 'c', 'd']);
  for (const letGo of planning.values()) letGo();
  await Promise.all(all);
});

test('one that fails makes room, and one that shrank is small again', async () => {
  const { room, planning, enter } = scene();
  for (const name of ['a', 'b', 'c', 'd']) room.note(idOf(name), 5_000);
  await expect(room.enter(idOf('a'), () => Promise.reject(new Error('etcd is away')))).rejects.toThrow('etcd is away');
  room.note(idOf('a'), 10);
  const all = ['b', 'c', 'd', 'a'].map(enter);
  await settled();
  expect([...planning.keys()].toSorted()).toEqual(['a', 'b', 'c', 'd']);
  for (const letGo of planning.values()) letGo();
  await Promise.all(all);
});

test('a turn notes how large its environment is, plans in there, and acts outside', async () => {
  const seen: string[] = [];
  const room = new (class extends PlanningRoom {
    override async enter<T>(environment: EnvironmentId, plan: () => Promise<T>): Promise<T> {
      const planned = await super.enter(environment, plan);
      seen.push(`planned ${scenery.calls.at(-1)}`);
      return planned;
    }
    override note(environment: EnvironmentId, hosts: number): void {
      seen.push(`${environment} has ${hosts}`);
    }
  })();
  let scenery = turn({ room });
  expect(await scenery.ending).toMatchObject({ kind: 'done', report: { launches: 1 } });
  expect(seen).toEqual(['environment-1 has 0', expect.stringContaining('planned intents')]);
  expect(scenery.calls).toContain('launch');

  scenery = turn({ room, world: world({ slots: [slot(1)] }) });
  await scenery.ending;
  scenery = turn({ room, claim: { kind: 'gone' } });
  await scenery.ending;
  expect(seen.filter((one) => !one.startsWith('planned'))).toEqual([0, 1, 0].map((n) => `environment-1 has ${n}`));
});
