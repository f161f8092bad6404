/** Live tasks of the group that no record speaks of. */
import { describe, expect, test } from 'vitest';
import type { Revision } from '../../src/domain/ids.ts';
import {
  ago,
  before,
  definition,
  facts,
  host,
  instance,
  launch,
  NOW,
  plan,
  REVISION,
  revisionId,
  slot,
  slotOf,
  stopped,
  stopsIn,
  task,
  taskArn,
  template,
  vacant,
  type Scene,
} from './fixtures.ts';

const MINUTE = 60;

describe('H4: a live task without a slot is adopted, never doubled', () => {
  test('on a host we know nothing of', () => {
    const next = plan({ facts: facts([instance(1)], [task(1)]) });
    expect(next.effects).toEqual([]);
    expect(slotOf(next, 1)?.task).toEqual({
      arn: taskArn(1),
      launch: null,
      revision: revisionId(1),
      template: template(1),
      taskDefinition: definition(1),
      placedAt: NOW,
      ranAt: NOW,
      readyAt: NOW,
      missingSince: null,
    });
  });

  test('one that has not reached RUNNING is looked at again soon', () => {
    const next = plan({ facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]) });
    expect(slotOf(next, 1)?.task?.ranAt).toBeNull();
    expect(next.wakeAt).toBe(ago(-0.5));
  });

  test('also before the first deployment', () => {
    expect(slotOf(plan({ facts: facts([instance(1)], [task(1)]), spec: { target: null } }), 1)?.task?.arn).toBe(
      taskArn(1),
    );
  });

  test('not by a listing older than the environment, or than what we wrote of the host', () => {
    const older = (revision: Revision) => facts([instance(1)], [task(1)], { revision: before(revision) });
    expect(plan({ facts: older(REVISION.created) }).slots.size).toBe(0);
    expect(slotOf(plan({ facts: older(REVISION.written), slots: [vacant(1)] }), 1)?.task).toBeNull();
  });

  test('not while a launch is open there: it may be the launch’s own', () => {
    expect(plan({ facts: facts([instance(1)], [task(1)]), launches: [launch(1, [1], ago(1))] }).slots.size).toBe(0);
  });

  test.each([
    [
      'the current definition before others',
      { taskDefinition: definition(9), createdAt: ago(500) },
      { createdAt: ago(100) },
      2,
    ],
    ['the oldest', { createdAt: ago(100) }, { createdAt: ago(500) }, 2],
    ['the lower ARN', {}, {}, 1],
  ])('of several, %s', (_, first, second, kept) => {
    const tasks = [task(1, first), task(2, { instance: host(1), ...second })];
    for (const listed of [tasks, tasks.toReversed()]) {
      expect(slotOf(plan({ facts: facts([instance(1)], listed) }), 1)?.task?.arn).toBe(taskArn(kept));
    }
  });
});

describe('H5: of two live tasks the recorded one stays', () => {
  const scene: Scene = {
    facts: facts([instance(1)], [task(2, { instance: host(1), createdAt: ago(999) }), task(1)]),
    slots: [slot(1)],
  };

  test('the other is described, then stopped', () => {
    expect(plan(scene)).toMatchObject({ effects: [], look: { tasks: [taskArn(2)] } });
    expect(stopsIn(plan({ ...scene, looks: { tasks: [task(2, { instance: host(1) })] } }))).toEqual([
      [taskArn(2), 'duplicate'],
    ]);
  });

  test('once: not when it is on its way out, nor when it is gone', () => {
    const leaving = task(2, { instance: host(1), desiredStatus: 'STOPPED' });
    expect(stopsIn(plan({ ...scene, looks: { tasks: [leaving] } }))).toEqual([]);
    expect(stopsIn(plan({ ...scene, looks: { tasks: [stopped(2, { instance: host(1) })] } }))).toEqual([]);
  });

  test('not while ECS does not know the recorded one: the other may be all there is, and takes its place in the end', () => {
    const other = task(2, { instance: host(1) });
    const listed = { ...scene, facts: facts([instance(1)], [other]) };
    const missing = { ...listed, looks: { tasks: [taskArn(1), other] } };
    expect(plan(missing)).toMatchObject({ effects: [] });
    expect(slotOf(plan(missing), 1)?.task).toMatchObject({ arn: taskArn(1), missingSince: NOW });
    const placed = slot(1).task;
    const since = (seconds: number): Scene => ({
      ...listed,
      slots: [slot(1, { task: placed === null ? null : { ...placed, missingSince: ago(seconds) } })],
    });
    expect(plan({ ...since(60), looks: { tasks: [other] } })).toMatchObject({ effects: [] });
    const believed = plan({ ...since(60 * MINUTE), looks: { tasks: [taskArn(1), other] } });
    expect(slotOf(believed, 1)?.task?.arn).toBe(taskArn(2));
    expect(believed.effects).toEqual([]);
  });

  test('a task of another group, or of another host, is none of ours', () => {
    const foreign = facts([instance(1)], [task(1)]);
    const others = new Map([
      ...foreign.tasks,
      ['daemon:other', [task(2, { instance: host(1), group: 'daemon:other' })]],
    ]);
    expect(plan({ ...scene, facts: { ...foreign, tasks: others } })).toMatchObject({
      effects: [],
      look: { tasks: [] },
    });
  });
});
