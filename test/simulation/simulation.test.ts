/** A few hundred seeds: nothing is violated, every kind of fault happened, and a seed is the whole story of its run. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FAULT_KINDS } from '../../simulation/faults.ts';
import { INVARIANTS } from '../../simulation/invariants.ts';
import { MIXES, mixOfSeed, ROUND } from '../../simulation/mixes.ts';
import { MUTATIONS } from '../../simulation/mutations.ts';
import { REGRESSIONS } from '../../simulation/regressions.ts';
import { POLICY, STOPPED_RETENTION_MS, TOKEN_LIFE_MS } from '../../simulation/scale.ts';
import { simulate } from '../../simulation/simulation.ts';
import { missingFaults, ROUND_ROBIN, runSuite, shrunk } from '../../simulation/suite.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';

const SEEDS = 304;

/** What the suite must have come to, or it shows little. */
const REACHED = [
  'adopted',
  'bad revision behind a canary',
  'deployment cancelled',
  'deployment completed',
  'deployment failed',
  'deployment paused',
  'first empty listing',
  'freed by listings',
  'host forgotten',
  'launch replayed',
  'machine taken over by its later registration',
  'not replayed: observed',
  'replay absorbed',
  'returned without hosts',
  'rolled back by itself',
  'several hosts without a task through a rollout',
  'stop: deletion',
  'stop: draining',
  'stop: not-matching',
  'stop: unhealthy',
  'stop: update',
  'turn: fenced',
  'turn: gone',
  'turn: unknown',
  'wave of a canary or a zone',
  'write fenced off',
];

test('a suite of seeds violates nothing, and misses no fault', async () => {
  const totals = await runSuite({ seed: 1, count: SEEDS, mix: ROUND_ROBIN });
  expect(totals.found).toEqual([]);
  expect(totals.runs, 'a run that is too short does not count').toBe(SEEDS);
  expect(missingFaults(totals, ROUND)).toEqual([]);
  expect(REACHED.filter((what) => (totals.reached[what] ?? 0) < 3)).toEqual([]);
  expect(totals.launches).toBeGreaterThan(5 * SEEDS);
});

test('a fault that never happened is missed', async () => {
  const totals = await runSuite({ seed: 1, count: 3, mix: 'ecs', without: ['reply lost'] });
  expect(missingFaults(totals, ['ecs'])).toContain('reply lost');
  expect(totals.faults['reply lost']).toBeUndefined();
});

test('every kind of fault is in the round', () => {
  const kinds = new Set(ROUND.flatMap((mix) => Object.keys(MIXES[mix]?.rates ?? {})));
  expect(FAULT_KINDS.filter((kind) => !kinds.has(kind))).toEqual([]);
  expect(Object.keys(MIXES).filter((mix) => !ROUND.includes(mix))).toEqual([]);
});

test('the same seed gives the same trace, another seed another', async () => {
  const traceOf = async (seed: number, mix = mixOfSeed(seed)): Promise<string> => {
    const lines: string[] = [];
    await simulate({ seed, mix, trace: (line) => lines.push(line) });
    return lines.join('\n');
  };
  for (const seed of [1, 9, 16]) expect(await traceOf(seed)).toBe(await traceOf(seed));
  expect(await traceOf(9, 'all')).not.toBe(await traceOf(10, 'all'));
});

test('shrinking switches off no kind of fault without which the violation is gone', async () => {
  // Nothing is wrong here, so it is gone whatever is switched off.
  const violation = { invariant: 'N1', at: 0, detail: '' } as const;
  expect(await shrunk({ seed: 1, mix: 'calm', violation }, ['task exits'])).toEqual(['task exits']);
});

describe('seeds that once broke something', () => {
  test.each(REGRESSIONS)('$mix $seed: $was', async ({ seed, mix }) => {
    expect((await simulate({ seed, mix })).violation).toBeNull();
  });
});

test('docs/simulation.md names every invariant, mix and mutation', () => {
  const text = readFileSync(new URL('../../docs/simulation.md', import.meta.url), 'utf8');
  const rows = [
    ...Object.entries(INVARIANTS).map(([number, what]) => `| ${number} | ${what} |`),
    ...Object.entries(MIXES).map(([name, { doc }]) => `| \`${name}\` | ${doc} |`),
    ...MUTATIONS.map(({ name, mix }) => `| ${name} | \`${mix}\` |`),
  ];
  expect(rows.filter((row) => !text.includes(row))).toEqual([]);
});

test('scaled or not, what must be longer than what is so', () => {
  for (const [policy, life, retention] of [
    [POLICY, TOKEN_LIFE_MS.afterLastTask, STOPPED_RETENTION_MS],
    [DEFAULT_POLICY, 60 * 60_000, 60 * 60_000],
  ] as const) {
    const over = policy.actWithinMs + policy.requestTimeoutMs + policy.clockSkewMs;
    expect(policy.replayWithinMs + over + policy.signatureMs).toBeLessThan(life);
    expect(policy.missingAfterMs).toBeGreaterThanOrEqual(retention);
    expect(policy.missingAfterMs).toBeGreaterThan(policy.visibilityMs);
    expect(policy.signatureMs).toBeGreaterThan(over);
    expect(policy.supersededAfterMs).toBeGreaterThan(2 * policy.clockSkewMs);
  }
});
