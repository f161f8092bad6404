/** Deliberate bugs: each must be found by the seed that is known to, or else within the seeds that are said to do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Verdict } from '../../simulation/judge.ts';
import { judge, mutated, ROOT } from '../../simulation/mutants.ts';
import type { Mutation } from '../../simulation/mutation.ts';
import { MUTATIONS } from '../../simulation/mutations.ts';

const LEAST = 18;
/** As long as the judging itself may take, and the compiling before it. */
const TIMEOUT_MS = 960_000;

const HARMLESS: Mutation = {
  name: 'none',
  file: 'src/actors/turn.ts',
  find: 'One turn of',
  replace: 'A turn of',
  mix: 'calm',
  seed: 1,
  withinSeeds: 2,
};

test('there are enough of them, each with a name of its own, and their places are there exactly once', () => {
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(LEAST);
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  for (const mutation of MUTATIONS) {
    const text = readFileSync(join(ROOT, mutation.file), 'utf8');
    expect(mutated(text, mutation)).not.toBe(text);
  }
});

test('a place that is not there, or there twice, is an error', () => {
  const mutation = { ...HARMLESS, find: 'a', replace: 'b' };
  expect(mutated('a', mutation)).toBe('b');
  expect(() => mutated('', mutation)).toThrow('0 places');
  expect(() => mutated('aa', mutation)).toThrow('2 places');
});

describe('the simulation finds', () => {
  const all = [HARMLESS, ...MUTATIONS];
  let verdicts: ReadonlyMap<string, Verdict>;
  beforeAll(async () => {
    const judged = await judge(all);
    verdicts = new Map(all.map(({ name }, index) => [name, judged[index] ?? { found: null }]));
  }, TIMEOUT_MS);

  test('nothing in code without a bug', () => {
    expect(verdicts.get(HARMLESS.name)).toEqual({ found: null });
  });

  test.each(MUTATIONS)('$name', ({ name, mix, withinSeeds }) => {
    expect(verdicts.get(name)?.found ?? null, `survived ${withinSeeds} seeds of ${mix}`).not.toBeNull();
  });
});
