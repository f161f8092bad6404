import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HISTORY_KEPT, type Slot } from '../../src/domain/launch.ts';
import type { Change, ChangeGroup } from '../../src/domain/plan.ts';
import type { Revision } from '../../src/domain/ids.ts';
import type { World } from '../../src/domain/world.ts';
import { Draft } from '../../src/planner/draft.ts';
import { historyApart, oldestFirst } from '../../src/store/host-history.ts';
import {
  AT,
  deleteSlot,
  historyEntry,
  instanceOf,
  launchOf,
  putHistory,
  putSlot,
  range,
  slotOf,
  specOf,
} from './fixtures.ts';

const stored = <T>(value: T) => ({ value, created: 1 as Revision, modified: 1 as Revision });
const putsOf = (changes: readonly Change[]): ReadonlySet<string> =>
  new Set(changes.flatMap((change) => (change.kind === 'put-history' ? change.instance : [])));
const deletesOf = (changes: readonly Change[]): readonly string[] =>
  changes.flatMap((change) => (change.kind === 'delete-slot' ? change.instance : []));
const mixed = (changes: readonly Change[]): readonly string[] =>
  deletesOf(changes).filter((host) => putsOf(changes).has(host));

describe('a plan', () => {
  it('never both writes and deletes the history of a host', () => {
    const HOSTS = 6;
    const step = fc.record({
      what: fc.constantFrom('settle', 'change', 'delete'),
      host: fc.nat(HOSTS - 1),
      launch: fc.nat(2),
    });
    const seen = { puts: 0, deletes: 0, settledAndDeleted: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.uniqueArray(fc.nat(HOSTS - 1)), (steps, before) => {
        const world: World = {
          spec: stored(specOf('web')),
          revisions: new Map(),
          deployments: new Map(),
          progress: new Map(),
          status: null,
          slots: new Map(before.map((n) => [instanceOf(n), stored(slotOf(n))])),
          launches: new Map(range(3).map((n) => [launchOf(n).id, stored(launchOf(n))])),
        };
        const draft = new Draft(world, AT);
        const settled = new Set<string>();
        for (const { what, host, launch } of steps) {
          // A retry by hand is what always makes an entry.
          const slot: Slot = slotOf(host, { retried: 1 });
          if (what === 'settle') draft.settle(launchOf(launch), null, [slot]);
          if (what === 'settle') settled.add(slot.instance);
          if (what === 'change') draft.slots.set(slot.instance, slot);
          if (what === 'delete') draft.slots.delete(slot.instance);
        }
        const groups = draft.changes();
        const changes = groups.flat();
        expect(mixed(changes)).toEqual([]);
        expect(historyApart(groups).length).toBeLessThanOrEqual(1);
        seen.puts += putsOf(changes).size;
        seen.deletes += deletesOf(changes).length;
        seen.settledAndDeleted += deletesOf(changes).filter((host) => settled.has(host)).length;
      }),
      { numRuns: 300 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
  });
});

describe('groups that write and delete one history', () => {
  it('are kept apart, in their order', () => {
    const runs = (groups: readonly ChangeGroup[]) =>
      historyApart(groups).map((run) => run.map((group) => groups.indexOf(group)));
    expect(runs([])).toEqual([]);
    expect(runs([[putSlot(1)], [putHistory(1, 0, 0)], [deleteSlot(2)]])).toEqual([[0, 1, 2]]);
    expect(runs([[putHistory(1, 0, 0)], [deleteSlot(1)], [putHistory(1, 0, 1)]])).toEqual([[0], [1], [2]]);
    expect(
      runs([[deleteSlot(1)], [putSlot(1)], [putHistory(2, 0, 0)], [putHistory(1, 0, 0)], [deleteSlot(3)]]),
    ).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
    expect(() => runs([[deleteSlot(1), putHistory(1, 0, 0)]])).toThrow(RangeError);
  });
});

describe('a ring', () => {
  const places = (numbers: readonly number[]) =>
    new Map(numbers.map((n) => [n % HISTORY_KEPT, historyEntry(n)] as const));
  it.each([0, 1, HISTORY_KEPT - 1, HISTORY_KEPT, HISTORY_KEPT + 1, 3 * HISTORY_KEPT])('of %i entries', (written) => {
    const last = range(written).slice(-HISTORY_KEPT);
    expect(oldestFirst(places(range(written)), written)).toEqual(last.map(historyEntry));
  });
});
