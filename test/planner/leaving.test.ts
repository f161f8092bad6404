/** A host on its way out: its slot is forgotten, or its task leaves with it. */
import { describe, expect, test } from 'vitest';
import {
  ago,
  before,
  changesOf,
  facts,
  host,
  instance,
  launch,
  NOW,
  plan,
  REVISION,
  slot,
  slotOf,
  stopsIn,
  task,
  taskArn,
  vacant,
  type Scene,
} from './fixtures.ts';

const MINUTE = 60;

describe('H7: a slot is forgotten only when ECS, asked, does not know the instance any more', () => {
  const scene: Scene = { facts: facts([]), slots: [slot(1)] };

  test('not being listed proves nothing: the instance is described first', () => {
    const next = plan(scene);
    expect(next.look.instances).toEqual([host(1)]);
    expect(next.slots.has(host(1))).toBe(true);
  });

  test.each([
    ['MISSING', host(1)],
    ['INACTIVE', instance(1, { status: 'INACTIVE', agentConnected: false })],
  ])('forgotten when %s', (_, answer) => {
    expect(changesOf(plan({ ...scene, looks: { tasks: [task(1)], instances: [answer] } }))).toContainEqual({
      kind: 'delete-slot',
      instance: host(1),
    });
  });

  test('kept when it is there after all', () => {
    expect(plan({ ...scene, looks: { tasks: [task(1)], instances: [instance(1)] } }).slots.has(host(1))).toBe(true);
  });

  test('kept while a launch for it is open', () => {
    const next = plan({
      ...scene,
      slots: [vacant(1)],
      launches: [launch(1, [1], ago(1))],
      looks: { instances: [host(1)] },
    });
    expect(next.slots.has(host(1))).toBe(true);
    expect(next.waiting.get(host(1))).toBe('launch');
  });

  test('a listing older than the slot is not enough to ask, so a newer one is asked for', () => {
    const next = plan({ ...scene, facts: facts([], [], { revision: before(REVISION.written) }) });
    expect(next.look.instances).toEqual([]);
    expect(next.needsSurvey).toBe(true);
  });
});

describe('a drain', () => {
  const draining = (foreignTasks: number, since: ReturnType<typeof ago> | null): Scene => ({
    facts: facts([instance(1, { status: 'DRAINING', foreignTasks })], [task(1)]),
    slots: [slot(1, { drainingSince: since })],
  });

  test('waits for the tasks of others', () => {
    const next = plan(draining(1, null));
    expect(stopsIn(next)).toEqual([]);
    expect(slotOf(next, 1)?.drainingSince).toBe(NOW);
    expect(next.wakeAt).toBe(ago(-10 * MINUTE));
  });

  test('ends with ours once they are gone', () => {
    const next = plan(draining(0, ago(5)));
    expect(stopsIn(next)).toEqual([[taskArn(1), 'draining']]);
    expect(changesOf(next)).toContainEqual(
      expect.objectContaining({
        kind: 'put-slot',
        slot: expect.objectContaining({ stop: { reason: 'draining', requestedAt: NOW, accepted: false } }),
      }),
    );
  });

  test('or when the deadline passes', () => {
    expect(stopsIn(plan(draining(3, ago(10 * MINUTE - 1))))).toEqual([]);
    expect(stopsIn(plan(draining(3, ago(10 * MINUTE))))).toEqual([[taskArn(1), 'draining']]);
  });

  test('keeps a task that is UNHEALTHY: no other could take its place', () => {
    const sick = task(1, { health: 'UNHEALTHY' });
    const shown = (status: string, foreignTasks: number): Scene => ({
      facts: facts([instance(1, { status, foreignTasks })], [sick]),
      slots: [slot(1)],
      looks: { tasks: [sick] },
    });
    expect(stopsIn(plan(shown('DRAINING', 1)))).toEqual([]);
    expect(stopsIn(plan(shown('DRAINING', 0)))).toEqual([[taskArn(1), 'draining']]);
    expect(stopsIn(plan(shown('ACTIVE', 1)))).toEqual([[taskArn(1), 'unhealthy']]);
  });

  test('a stop that was accepted is not asked for again', () => {
    const scene = draining(0, ago(5));
    expect(
      stopsIn(
        plan({
          ...scene,
          slots: [
            slot(1, { drainingSince: ago(5), stop: { reason: 'draining', requestedAt: ago(4), accepted: true } }),
          ],
        }),
      ),
    ).toEqual([]);
  });

  test('called off is forgotten', () => {
    const next = plan({ facts: facts([instance(1)], [task(1)]), slots: [slot(1, { drainingSince: ago(5) })] });
    expect(slotOf(next, 1)?.drainingSince).toBeNull();
  });
});
