import { expect, test } from 'vitest';
import { mostWithout, type Life } from '../../bench/availability.ts';

const life = (host: string, startedAt: number | null, stoppedAt: number | null): Life => ({
  containerInstanceArn: host,
  startedAt,
  stoppedAt,
});
const SPAN = { from: 100, to: Infinity, stopMs: 10 };

test('counts hosts that are away at the same time, from the wish to stop to the next RUNNING', () => {
  const apart = [life('a', 0, 210), life('a', 300, null), life('b', 0, 310), life('b', 400, null)];
  expect(mostWithout(apart, SPAN)).toBe(2);
  const inTurn = [life('a', 0, 210), life('a', 300, null), life('b', 0, 320), life('b', 400, null)];
  expect(mostWithout(inTurn, SPAN)).toBe(1);
});

test('counts a host that never comes back, and none that had no task to lose', () => {
  expect(mostWithout([life('a', 0, 210), life('b', 150, 300), life('c', null, 400)], SPAN)).toBe(1);
  expect(mostWithout([life('a', 0, null)], SPAN)).toBe(0);
});

test('looks at the span alone', () => {
  const early = [life('a', 0, 50), life('a', 60, null), life('b', 0, 55), life('b', 60, null)];
  expect(mostWithout(early, SPAN)).toBe(0);
});
