import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_BYTES, MAX_OPERATIONS, packGroups } from '../../src/store/chunks.ts';
import { range } from './fixtures.ts';

interface Write {
  readonly key: string;
  readonly bytes: number;
  readonly id: string;
}
const PACKING = { keyOf: ({ key }: Write) => key, bytesOf: ({ bytes }: Write) => bytes };
const pack = (groups: readonly (readonly Write[])[]) => [...packGroups(groups, PACKING)];
const writes = (prefix: string, count: number, bytes = 1): Write[] =>
  range(count).map((n) => ({ key: `${prefix}${n}`, bytes, id: `${prefix}${n}` }));

describe('packing', () => {
  it('fills transactions, in order, and splits no group', () => {
    const sizes = (counts: number[]) =>
      pack(counts.map((count, n) => writes(`${n}-`, count))).map(({ length }) => length);
    expect(sizes([])).toEqual([]);
    expect(sizes([0, 0])).toEqual([]);
    expect(sizes([128])).toEqual([128]);
    expect(sizes([100, 28, 1])).toEqual([128, 1]);
    expect(sizes([100, 29])).toEqual([100, 29]);
    expect(() => sizes([1, 129])).toThrow(RangeError);
  });

  it('stays under the size of a request', () => {
    const groups = range(5).map((n) => writes(`${n}-`, 2, 200_000));
    expect(pack(groups).map(({ length }) => length)).toEqual([4, 4, 2]);
    // A group of its own size is for etcd to judge.
    expect(pack([writes('a', 1), writes('b', 1, MAX_BYTES + 1), writes('c', 1)]).map(({ length }) => length)).toEqual([
      1, 1, 1,
    ]);
  });

  it('takes no more groups than the transaction that is asked for holds, and the one that did not fit', () => {
    let taken = 0;
    function* groups() {
      for (let n = 0; n < 1_000; n += 1) {
        taken += 1;
        yield writes(`${n}-`, 10);
      }
    }
    expect(packGroups(groups(), PACKING).next().value).toHaveLength(120);
    expect(taken).toBe(13);
  });

  it('ends with what the groups one after another would', () => {
    const write = fc.record({ key: fc.constantFrom(...range(40).map(String)), bytes: fc.nat(120_000), id: fc.uuid() });
    let split = 0;
    fc.assert(
      fc.property(fc.array(fc.array(write, { maxLength: 32 }), { maxLength: 20 }), (groups) => {
        const chunks = pack(groups);
        if (chunks.length > 1) split += 1;
        const final = (written: readonly Write[]) => Object.fromEntries(written.map(({ key, id }) => [key, id]));
        expect(final(chunks.flat())).toEqual(final(groups.flat()));
        for (const chunk of chunks) {
          expect(chunk.length).toBeLessThanOrEqual(MAX_OPERATIONS);
          expect(new Set(chunk.map(({ key }) => key)).size).toBe(chunk.length);
        }
        // No group in two transactions: the last write of each key of a group lies in one chunk, unless a later group replaced it.
        for (const group of groups) {
          const homes = group.flatMap(({ id }) =>
            chunks.flatMap((chunk, n) => (chunk.some((w) => w.id === id) ? [n] : [])),
          );
          expect(new Set(homes).size).toBeLessThanOrEqual(1);
        }
      }),
    );
    expect(split).toBeGreaterThan(10);
  });
});
