/** What an ending means. */
import { describe, expect, test } from 'vitest';
import type { InstanceArn } from '../../src/domain/ids.ts';
import type { Launch, Slot } from '../../src/domain/launch.ts';
import type { Acted, LaunchOutcome, StopOutcome, StopReason } from '../../src/domain/plan.ts';
import { settle, type Settlement } from '../../src/planner/settle.ts';
import {
  ago,
  changesOf,
  host,
  launch,
  launchId,
  NOW,
  POLICY,
  slot,
  taskArn,
  template,
  tries,
  vacant,
} from './fixtures.ts';

const FAULT = { code: 'ClientException', message: 'no' };
const open = launch(1, [1, 2], ago(1), { endedAt: null });

const launched = (
  outcome: LaunchOutcome,
  options: { replay?: boolean; launch?: Launch; slots?: readonly Slot[] } = {},
): Settlement => {
  const effect = {
    kind: 'launch',
    launch: options.launch ?? open,
    replay: options.replay ?? false,
    priority: 'repair',
  } as const;
  return settle([{ effect, outcome, endedAt: NOW }], slotsOf(options.slots ?? []), POLICY);
};
const slotsOf = (slots: readonly Slot[]): ReadonlyMap<InstanceArn, Slot> =>
  new Map(slots.map((slot) => [slot.instance, slot]));
const putSlots = (settlement: Settlement): readonly Slot[] =>
  changesOf(settlement).flatMap((change) => (change.kind === 'put-slot' ? [change.slot] : []));
const returned = (...pairs: readonly (readonly [number, number | null])[]): LaunchOutcome => ({
  kind: 'done',
  tasks: pairs.map(([task, on]) => ({ arn: taskArn(task), instance: on === null ? null : host(on) })),
  failures: [],
});

describe('L2: done', () => {
  test('every member gets its task, in one group with the end of the launch', () => {
    const settlement = launched(returned([1, 1], [2, 2]));
    expect(settlement.changes).toHaveLength(1);
    expect(changesOf(settlement)[0]).toEqual({ kind: 'delete-launch', launch: launchId(1) });
    expect(
      putSlots(settlement).map((slot) => [slot.instance, slot.task?.arn, slot.task?.launch, slot.task?.placedAt]),
    ).toEqual([
      [host(1), taskArn(1), launchId(1), NOW],
      [host(2), taskArn(2), launchId(1), NOW],
    ]);
  });

  test('a member without one was refused, for the reason that names it', () => {
    const settlement = launched({
      ...returned([1, 1]),
      failures: [
        { instance: host(1), reason: 'DistinctInstance' },
        { instance: host(2), reason: 'RESOURCE:CPU' },
      ],
    } as LaunchOutcome);
    expect(putSlots(settlement)[0]).toMatchObject({ task: { arn: taskArn(1) }, tries: { count: 0 } });
    expect(putSlots(settlement)[1]).toMatchObject({
      task: null,
      tries: tries(1, { reason: 'RESOURCE:CPU', until: ago(-1) }),
    });
  });

  test('or for all that was said, when nothing names it', () => {
    const failures = ['b', 'a', 'b'].map((reason) => ({ instance: null, reason }));
    expect(putSlots(launched({ kind: 'done', tasks: [], failures }))[0]?.tries.reason).toBe('a; b');
    expect(putSlots(launched({ kind: 'done', tasks: [], failures: [] }))[0]?.tries.reason).toBe(
      'ECS placed no task here and gave no reason',
    );
  });

  test.each([
    ['an ARN without a host', returned([1, 1], [2, null])],
    ['a task on a host we did not name', returned([1, 1], [2, 9])],
  ])('%s keeps the launch open with all ARNs, and wakes at once to describe them', (_, outcome) => {
    const settlement = launched(outcome);
    expect(changesOf(settlement)).toEqual([
      { kind: 'put-launch', launch: { ...open, endedAt: NOW, returned: [taskArn(1), taskArn(2)] } },
    ]);
    expect(settlement.wakeAt).toBe(NOW);
  });

  test('the slot keeps what it knew', () => {
    const known = vacant(1, { tries: tries(2, { reason: 'x', until: ago(5) }) });
    expect(putSlots(launched(returned([1, 1], [2, 2]), { slots: [known] }))[0]?.tries.count).toBe(2);
  });
});

describe('refused', () => {
  test("ECS's reason is kept, but not at any length", () => {
    const [slot] = putSlots(
      launched({ kind: 'refused', fault: { code: 'X', message: 'y'.repeat(5_000) }, retry: false }),
    );
    expect(slot?.tries.reason).toHaveLength(500);
    expect(slot?.tries.reason).toMatch(/^X: y+$/);
  });

  test('costs each member an attempt, in ECS’s words', () => {
    const settlement = launched({ kind: 'refused', fault: FAULT, retry: false });
    expect(changesOf(settlement)[0]).toEqual({ kind: 'delete-launch', launch: launchId(1) });
    expect(putSlots(settlement).map((slot) => slot.tries)).toEqual(
      [1, 2].map(() => tries(1, { reason: 'ClientException: no', until: ago(-1) })),
    );
  });

  test('costs none when it was not the launch’s fault', () => {
    const settlement = launched({ kind: 'refused', fault: FAULT, retry: true });
    expect(putSlots(settlement).map((slot) => slot.tries)).toEqual(
      [1, 2].map(() => tries(0, { until: ago(-1), template: template(1) })),
    );
  });

  test('of a repetition says nothing about the call before: the launch stays open', () => {
    const retry = launched({ kind: 'refused', fault: FAULT, retry: true }, { replay: true });
    expect(changesOf(retry)).toEqual([{ kind: 'put-launch', launch: { ...open, endedAt: NOW } }]);
    const final = launched({ kind: 'refused', fault: FAULT, retry: false }, { replay: true });
    expect(changesOf(final)).toEqual([
      { kind: 'put-launch', launch: { ...open, endedAt: NOW, noReplay: 'replay-refused' } },
    ]);
  });
});

test('unknown keeps the launch open, with growing waits', () => {
  const unknown = { kind: 'unknown', fault: FAULT } as const;
  expect(changesOf(launched(unknown))).toEqual([{ kind: 'put-launch', launch: { ...open, endedAt: NOW } }]);
  expect(launched(unknown).wakeAt).toBe(ago(-1));
  expect(launched(unknown, { launch: { ...open, sends: 4 } }).wakeAt).toBe(ago(-8));
});

describe('stops', () => {
  const stop = (outcome: StopOutcome, reason: StopReason, slots: readonly Slot[] = [stopping]): Settlement => {
    const effect = { kind: 'stop', task: taskArn(1), reason, priority: 'repair' } as const;
    const acted: Acted = { effect, outcome, endedAt: NOW };
    return settle([acted], slotsOf(slots), POLICY);
  };
  const stopping = slot(1, { stop: { reason: 'deletion', requestedAt: ago(1), accepted: false } });

  test('D2: accepted is written down, and a deletion goes on at once', () => {
    const settlement = stop({ kind: 'done' }, 'deletion');
    expect(putSlots(settlement)).toEqual([{ ...stopping, stop: { ...stopping.stop, accepted: true } }]);
    expect(settlement.wakeAt).toBe(NOW);
  });

  test.each<[StopOutcome]>([[{ kind: 'refused', fault: FAULT }], [{ kind: 'unknown', fault: FAULT }]])(
    '$kind writes nothing and does not wake at once',
    (outcome) => {
      for (const reason of ['deletion', 'draining', 'duplicate'] as const) {
        const settlement = stop(outcome, reason);
        expect(settlement.changes).toEqual([]);
        expect(settlement.wakeAt).toBe(ago(-10));
      }
    },
  );

  test('of a duplicate has no slot to write to', () => {
    expect(stop({ kind: 'done' }, 'duplicate', [slot(2)]).changes).toEqual([]);
  });
});

test('nothing done, nothing to settle', () => {
  expect(settle([], new Map(), POLICY)).toEqual({ changes: [], wakeAt: null });
});
