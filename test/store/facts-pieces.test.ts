/** A generation in pieces: nothing of it is lost, and what hosts have in common is there once. */
import { array, assert, constantFrom, dictionary, integer, option, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Attributes, Instance } from '../../src/domain/facts.ts';
import { OwnAttributes } from '../../src/store/attribute-sets.ts';
import { inReadingOrder, PiecesReader, piecesOf, type Piece } from '../../src/store/facts-pieces.ts';
import { instance, task } from '../planner/fixtures.ts';

const inPieces = (instances: readonly Instance[]) => [...piecesOf({ instances, tasks: [] })];
const assembled = (pieces: Iterable<Piece>): PiecesReader => {
  const given = new Map(pieces);
  const reader = new PiecesReader();
  for (const field of inReadingOrder([...given.keys()])) reader.add([field, given.get(field) ?? '']);
  return reader;
};
/** From pieces in another order; by host. */
const readBack = (instances: readonly Instance[]): readonly Instance[] => {
  const read = assembled(inPieces(instances).toReversed()).instances;
  expect(read.size).toBe(instances.length);
  return instances.flatMap(({ arn }) => read.get(arn) ?? []);
};
/** How many sets were written. */
const setsOf = (instances: readonly Instance[]): number =>
  inPieces(instances)
    .filter(([field]) => field.startsWith('attributes:'))
    .flatMap(([, json]) => JSON.parse(json) as unknown[]).length;
const plain = (one: Instance): unknown => ({ ...one, attributes: new Map(one.attributes) });

const CAPABILITIES = Array.from({ length: 30 }, (_, n) => [`com.amazonaws.ecs.capability.${n}`, null] as const);
const hosts = (count: number, own: (n: number) => readonly (readonly [string, string])[]): readonly Instance[] =>
  Array.from({ length: count }, (_, n) =>
    instance(n, { attributes: new Map<string, string | null>([...CAPABILITIES, ...own(n)]) }),
  );
const zone = (n: number) => ['ecs.availability-zone', `eu-west-1${'abc'[n % 3]}`] as const;

test('what goes in comes out, whatever the attributes and the order of the pieces', () => {
  const attributes = dictionary(constantFrom('a', 'b', 'c', 'd'), option(constantFrom('1', '2')));
  const many = array(attributes, { minLength: 1, maxLength: 8 });
  assert(
    // Few different ones on many hosts, and an own one on some.
    property(many, integer({ min: 1, max: 700 }), integer({ min: 1, max: 9 }), (some, count, every) => {
      const given = Array.from({ length: count }, (_, n) => {
        const own = n % every === 0 ? { id: String(n) } : {};
        return instance(n, { attributes: new Map(Object.entries({ ...some[n % some.length], ...own })) });
      });
      expect(readBack(given).map(plain)).toEqual(given.map(plain));
    }),
    { numRuns: 50 },
  );
});

test('equal attributes are written once, and shared by who reads them', () => {
  const given = hosts(900, (n) => [zone(n)]);
  expect(setsOf(given)).toBe(3);
  expect(new Set(readBack(given).map(({ attributes }) => attributes)).size).toBe(3);
});

test('sets of more than one piece keep their numbers', () => {
  const given = hosts(1_500, (n) => [['rack', `r-${n % 150}`]]);
  expect(setsOf(given)).toBe(150);
  expect(readBack(given).map(plain)).toEqual(given.map(plain));
});

test('what is another on each host does not make each set another', () => {
  const given = hosts(900, (n) => [zone(n), ['trunk', `eni-${n}`], ['rack', `r-${n % 450}`]]);
  expect(setsOf(given)).toBe(3);
  const text = inPieces(given).reduce((sum, [, json]) => sum + json.length, 0);
  expect(text).toBeLessThan(900 * 400);
  expect(readBack(given).map(plain)).toEqual(given.map(plain));
});

test('names of few values each that make too many sets together are kept with the hosts too', () => {
  const given = hosts(3_000, (n) => [
    zone(n),
    ['shelf', String(n % 17)],
    ['row', String(n % 19)],
    ['hall', String(n % 13)],
  ]);
  // The most uniform ones, as long as ten hosts share a set: 3 zones by 13 halls.
  expect(setsOf(given)).toBe(39);
  expect(readBack(given).map(plain)).toEqual(given.map(plain));
});

test('tasks are by group, and pieces that refer to a set that is not there are none', () => {
  const tasks = [task(1), task(2, { group: 'service:web' }), task(3)];
  const pieces = [...piecesOf({ instances: hosts(1, () => []), tasks })];
  expect(assembled(pieces).tasks).toEqual(
    new Map([
      ['daemon:agent', [tasks[0], tasks[2]]],
      ['service:web', [tasks[1]]],
    ]),
  );
  const without = pieces.filter(([field]) => field !== 'attributes:0');
  expect(without).toHaveLength(pieces.length - 1);
  expect(() => assembled(without)).toThrow('no such set');
});

describe('a shared set with something beyond it', () => {
  const shared = new Map([
    ['a', '1'],
    ['b', null],
  ]);
  const both: Attributes = new OwnAttributes(shared, [
    ['c', '3'],
    ['d', null],
  ]);

  test('is a map of both', () => {
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => both.get(name))).toEqual(['1', null, '3', null, undefined]);
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => both.has(name))).toEqual([true, true, true, true, false]);
    expect(both.size).toBe(4);
    const pairs = [
      ['a', '1'],
      ['b', null],
      ['c', '3'],
      ['d', null],
    ];
    expect([...both]).toEqual(pairs);
    expect([...both.entries()]).toEqual(pairs);
    expect([...both.keys()]).toEqual(['a', 'b', 'c', 'd']);
    expect([...both.values()]).toEqual(['1', null, '3', null]);
    const told: unknown[] = [];
    both.forEach((value, name, map) => told.push([name, value, map === both]));
    expect(told).toEqual(pairs.map(([name, value]) => [name, value, true]));
  });
});
