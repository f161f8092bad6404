/** What every store must do with the history of hosts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentId, InstanceArn } from '../../src/domain/ids.ts';
import { HISTORY_KEPT, type HistoryEntry } from '../../src/domain/launch.ts';
import type { Change } from '../../src/domain/plan.ts';
import type { Claim } from '../../src/store/store.ts';
import { deleteSlot, historyEntry, instanceOf, putHistory, putSlot, range, specOf } from './fixtures.ts';
import { claim, create, type OpenStore, type StoreUnderTest } from './store-under-test.ts';

export function describeHistory(open: OpenStore): void {
  let store: StoreUnderTest;
  beforeEach(async () => {
    store = await open({ pageSize: 3 });
  });
  afterEach(() => store.close());

  const claimed = (id: EnvironmentId): Promise<Claim> => claim(store.actors, id);

  describe('the history of a host', () => {
    const historyOf = (id: EnvironmentId, instance: InstanceArn): Promise<readonly HistoryEntry[]> =>
      store.other.environments.history(id, instance);
    /** Writes entry `n`, as the actor does: with the slot that counts it. */
    const entered = (host: number, n: number): Change[] => [
      putSlot(host, { entries: n + 1 }),
      putHistory(host, n % HISTORY_KEPT, n),
    ];

    it('is read back, the oldest first, and is each host’s own', async () => {
      const { spec } = await create(store, specOf('web'));
      const { id } = spec.value;
      expect(await historyOf(id, instanceOf(1))).toEqual([]);
      const turn = await claimed(id);
      const longer = `${instanceOf(1)}/0` as InstanceArn;
      await turn.commitIntents([
        [...entered(1, 0), ...entered(1, 1), ...entered(2, 0)],
        [{ kind: 'put-history', instance: longer, place: 0, entry: historyEntry(9) }],
      ]);
      await turn.commitOutcomes([entered(1, 2)]);
      expect(await historyOf(id, instanceOf(1))).toEqual([0, 1, 2].map(historyEntry));
      expect(await historyOf(id, instanceOf(2))).toEqual([historyEntry(0)]);
      expect((await claimed(id)).world.slots.size).toBe(2);
    });

    it('is a ring: the newest takes the place of the oldest', async () => {
      const { spec } = await create(store, specOf('web'));
      const { id } = spec.value;
      const turn = await claimed(id);
      for (const n of range(2 * HISTORY_KEPT + 3)) await turn.commitOutcomes([entered(1, n)]);
      const last = range(HISTORY_KEPT).map((n) => n + HISTORY_KEPT + 3);
      expect(await historyOf(id, instanceOf(1))).toEqual(last.map(historyEntry));
    });

    it('keeps entries of one moment in their order where the ring begins anew', async () => {
      const { spec } = await create(store, specOf('web'));
      const { id } = spec.value;
      const at = (place: number, n: number): Change => ({
        kind: 'put-history',
        instance: instanceOf(1),
        place,
        entry: { ...historyEntry(0), did: `did ${n}` },
      });
      const all = range(HISTORY_KEPT + 2).map((n) => at(n % HISTORY_KEPT, n));
      await (await claimed(id)).commitIntents([[putSlot(1, { entries: HISTORY_KEPT + 2 }), ...all]]);
      const did = (await historyOf(id, instanceOf(1))).map((entry) => entry.did);
      expect(did).toEqual(range(HISTORY_KEPT).map((n) => `did ${n + 2}`));
    });

    it('goes with the slot, in a transaction that writes of other hosts', async () => {
      const { spec } = await create(store, specOf('web'));
      const { id } = spec.value;
      const turn = await claimed(id);
      await turn.commitIntents([[...entered(1, 0), ...entered(1, 1), ...entered(2, 0), ...entered(3, 0)]]);
      const group = [deleteSlot(1), ...entered(2, 1), deleteSlot(3), ...entered(4, 0)];
      expect(await turn.commitOutcomes([group])).toEqual({ kind: 'committed' });
      const counts = await Promise.all(range(5).map(async (n) => (await historyOf(id, instanceOf(n))).length));
      expect(counts).toEqual([0, 0, 2, 0, 1]);
      expect([...(await claimed(id)).world.slots.keys()].toSorted()).toEqual([instanceOf(2), instanceOf(4)]);
    });

    it('is what the later of two groups says, when one deletes it and one writes it', async () => {
      const { spec } = await create(store, specOf('web'));
      const { id } = spec.value;
      const turn = await claimed(id);
      await turn.commitIntents([[...entered(1, 0), ...entered(1, 1), ...entered(2, 0), ...entered(3, 0)]]);
      const groups = [[deleteSlot(1)], entered(1, 2), entered(2, 1), [deleteSlot(2)], [deleteSlot(3)], [putSlot(3)]];
      expect(await turn.commitOutcomes(groups)).toEqual({ kind: 'committed' });
      expect(await historyOf(id, instanceOf(1))).toEqual([historyEntry(2)]);
      expect(await historyOf(id, instanceOf(2))).toEqual([]);
      expect(await historyOf(id, instanceOf(3))).toEqual([]);
      expect([...(await claimed(id)).world.slots.keys()].toSorted()).toEqual([instanceOf(1), instanceOf(3)]);
      await expect(turn.commitOutcomes([[putHistory(1, 3, 3), deleteSlot(1)]])).rejects.toThrow(RangeError);
    });

    it('goes with the environment, and is not its successor’s', async () => {
      const { spec } = await create(store, specOf('web'));
      const turn = await claimed(spec.value.id);
      await turn.commitIntents([entered(1, 0)]);
      await turn.remove();
      const successor = await create(store, specOf('web'));
      expect(await historyOf(spec.value.id, instanceOf(1))).toEqual([]);
      expect(await historyOf(successor.spec.value.id, instanceOf(1))).toEqual([]);
    });
  });
}
