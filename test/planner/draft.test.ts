/** How the changes of a plan are grouped. */
import { describe, expect, test } from 'vitest';
import { Draft } from '../../src/planner/draft.ts';
import { ago, host, launch, launchId, NOW, slot, taskArn, vacant, world } from './fixtures.ts';

const begun = (): Draft =>
  new Draft(world({ slots: [vacant(1), slot(2)], launches: [launch(1, [1, 3], ago(60))] }), NOW);

describe('a draft', () => {
  test('without a difference has no changes', () => {
    expect(begun().changes()).toEqual([]);
  });

  test('a launch and the slots it settles into are one group; the rest stand alone', () => {
    const draft = begun();
    const members = [slot(1), slot(3)];
    draft.settle(launch(1, [1, 3], ago(60)), null, members);
    draft.slots.delete(host(2));
    const [settled, ...alone] = draft.changes();
    expect(settled?.[0]).toEqual({ kind: 'delete-launch', launch: launchId(1) });
    expect(settled?.filter((change) => change.kind === 'put-slot').map(({ slot }) => slot.task)).toEqual(
      members.map(({ task }) => task),
    );
    expect(alone).toEqual([[{ kind: 'delete-slot', instance: host(2) }]]);
  });

  test('a slot that changes again after it was settled is written once, as it stands at the end', () => {
    const draft = begun();
    const last = vacant(1, { since: ago(1) });
    draft.settle(launch(1, [1, 3], ago(60)), launch(1, [3], ago(60)), [slot(1)]);
    draft.slots.set(host(1), last);
    expect(draft.changes()).toEqual([
      [
        { kind: 'put-launch', launch: launch(1, [3], ago(60)) },
        { kind: 'put-slot', slot: last },
      ],
    ]);
  });

  test('no group is larger than what packs well into a transaction', () => {
    const ten = Array.from({ length: 10 }, (_, n) => n + 1);
    const draft = new Draft(world({ launches: [launch(1, ten, ago(60))] }), NOW);
    draft.settle(
      launch(1, ten, ago(60)),
      null,
      ten.map((n) => slot(n)),
    );
    expect(Math.max(...draft.changes().map((group) => group.length))).toBeLessThanOrEqual(32);
  });

  test('keeps the earliest wake-up, and asks once for what was asked twice', () => {
    const draft = begun();
    for (const seconds of [-5, -2, -9]) draft.wake(ago(seconds));
    for (const n of [1, 2, 1]) draft.lookAtTask(taskArn(n));
    expect(draft.wakeAt).toBe(ago(-2));
    for (const n of [2, 3, 4]) draft.pollTask(taskArn(n));
    expect(draft.look(10)).toEqual({
      tasks: [taskArn(1), taskArn(2)],
      polls: [taskArn(3), taskArn(4)],
      instances: [],
      taskDefinitions: [],
      alarms: [],
    });
    expect(draft.look(1)).toMatchObject({ tasks: [taskArn(1)], polls: [] });
    expect(draft.look(3)).toMatchObject({ tasks: [taskArn(1), taskArn(2)], polls: [taskArn(3)] });
  });
});
