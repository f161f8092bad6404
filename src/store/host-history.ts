/** The history of a host: a ring of `HISTORY_KEPT` places, written beside its slot, which counts the entries. */
import type { InstanceArn } from '../domain/ids.ts';
import { HISTORY_KEPT, type HistoryEntry } from '../domain/launch.ts';
import type { Change, ChangeGroup } from '../domain/plan.ts';

/** The oldest first. `written`: entries so far, so that the next one takes the place of the oldest. */
export const oldestFirst = (places: ReadonlyMap<number, HistoryEntry>, written: number): readonly HistoryEntry[] =>
  Array.from({ length: HISTORY_KEPT }, (_, n) => places.get((written + n) % HISTORY_KEPT) ?? []).flat();

/**
 * The groups in runs, in none of which the history of one host is both put and deleted: etcd refuses a transaction that puts
 * a key of a range it deletes. Throws RangeError for a group that does both, which is a bug of whoever made it.
 */
export function historyApart(groups: readonly ChangeGroup[]): readonly (readonly ChangeGroup[])[] {
  const runs: ChangeGroup[][] = [];
  let run: ChangeGroup[] | null = null;
  let put = new Set<InstanceArn>();
  let deleted = new Set<InstanceArn>();
  for (const group of groups) {
    const puts = group.flatMap(historyPut);
    const deletes = group.flatMap(historyDeleted);
    const both = deletes.find((host) => puts.includes(host));
    if (both !== undefined) throw new RangeError(`a group that puts and deletes the history of ${both}`);
    if (run === null || puts.some((host) => deleted.has(host)) || deletes.some((host) => put.has(host))) {
      runs.push((run = []));
      put = new Set();
      deleted = new Set();
    }
    run.push(group);
    for (const host of puts) put.add(host);
    for (const host of deletes) deleted.add(host);
  }
  return runs;
}

const historyPut = (change: Change): readonly InstanceArn[] => (change.kind === 'put-history' ? [change.instance] : []);
const historyDeleted = (change: Change): readonly InstanceArn[] =>
  change.kind === 'delete-slot' ? [change.instance] : [];
