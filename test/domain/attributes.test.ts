/** What a host's attributes say, and when they say something else. */
import { expect, test } from 'vitest';
import {
  AttributePool,
  attributesOf,
  isDescribedAnew,
  launchTypeOf,
  sameAttributes,
} from '../../src/domain/attributes.ts';
import { READY_ATTRIBUTE, type Attributes } from '../../src/domain/facts.ts';
import { instance } from '../planner/fixtures.ts';

const of = (...pairs: readonly [string, (string | null)?][]): Attributes =>
  attributesOf(pairs.map(([name, value]) => ({ name, value })));

test('one without a value has none, and an empty value is none', () => {
  expect(of(['a', 'x'], ['b'], ['c', ''], ['d', null])).toEqual(
    new Map([
      ['a', 'x'],
      ['b', null],
      ['c', null],
      ['d', null],
    ]),
  );
});

test('they are the same when all are, in any order', () => {
  expect(sameAttributes(of(['a', 'x'], ['b']), of(['b'], ['a', 'x']))).toBe(true);
  expect(sameAttributes(of(['a', 'x']), of(['a', 'y']))).toBe(false);
  expect(sameAttributes(of(['a', 'x']), of(['a']))).toBe(false);
  expect(sameAttributes(of(['a']), of(['b']))).toBe(false);
  expect(sameAttributes(of(['a', 'x']), of(['a', 'x'], ['b']))).toBe(false);
  expect(sameAttributes(of(['a', 'x'], ['b', '1']), of(['a', 'x'], ['b', '2']), 'b')).toBe(true);
  expect(sameAttributes(of(['a', 'x']), of(['a', 'x'], ['b', '2']), 'b')).toBe(true);
  expect(sameAttributes(of(['c', 'x']), of(['a', 'x'], ['b', '2']), 'b')).toBe(false);
});

test('a host is described anew by other attributes or another agent, but not by our mark, nor by who does not tell', () => {
  const before = instance(1, { attributes: of(['a', 'x']), agentVersion: '1.0' });
  expect(isDescribedAnew(before, { ...before, attributes: of(['a', 'y']) })).toBe(true);
  expect(isDescribedAnew(before, { ...before, agentVersion: '1.1' })).toBe(true);
  expect(isDescribedAnew(before, { ...before, attributes: of(['a', 'x'], [READY_ATTRIBUTE, 'true']) })).toBe(false);
  expect(isDescribedAnew(before, { ...before, attributes: of(), agentVersion: null })).toBe(false);
});

test('a pool makes one object of equal ones', () => {
  const pool = new AttributePool();
  const first = pool.of(of(['a', 'x'], ['b']));
  expect(pool.of(of(['b'], ['a', 'x']))).toBe(first);
  expect(pool.of(of(['b'], ['a', 'y']))).not.toBe(first);
});

test('a host outside EC2 is told by its id or by an attribute', () => {
  expect(launchTypeOf('mi-1', of())).toBe('EXTERNAL');
  expect(launchTypeOf(null, of(['ecs.capability.external']))).toBe('EXTERNAL');
  expect(launchTypeOf('i-1', of(['ecs.os-type', 'linux']))).toBe('EC2');
});
