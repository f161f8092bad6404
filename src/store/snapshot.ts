import type { EnvironmentName } from '../domain/ids.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { Snapshot } from './store.ts';

/** A snapshot over records in order of name, which must not change any more. */
export function snapshotOf(records: readonly EnvironmentRecord[]): Snapshot {
  return {
    environment(name) {
      const record = records[firstAtOrAfter(records, name)];
      return record?.spec.value.name === name ? record : undefined;
    },
    list({ after, limit, matches }) {
      const items: EnvironmentRecord[] = [];
      for (let index = after === null ? 0 : firstAfter(records, after); ; index += 1) {
        const record = records[index];
        if (record === undefined) return { items, more: false };
        if (!matches(record.spec.value)) continue;
        if (items.length === limit) return { items, more: true };
        items.push(record);
      }
    },
  };
}

/** Index of the first record whose name is `name` or comes after it, by code unit. */
export function firstAtOrAfter(records: readonly EnvironmentRecord[], name: EnvironmentName): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const record = records[middle];
    if (record !== undefined && record.spec.value.name < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstAfter(records: readonly EnvironmentRecord[], name: EnvironmentName): number {
  const index = firstAtOrAfter(records, name);
  return records[index]?.spec.value.name === name ? index + 1 : index;
}
