/** Many runs, added up. */
import type { FaultKind } from './faults.ts';
import type { Violation } from './invariants.ts';
import { MIXES, mixOfSeed } from './mixes.ts';
import { STEPS_LEAST } from './scale.ts';
import { simulate, type RunResult } from './simulation.ts';

/** Every seed has its own mix, in turn. */
export const ROUND_ROBIN = 'round';

export interface SuiteOptions {
  readonly seed: number;
  readonly count: number;
  readonly mix: string;
  readonly without?: readonly FaultKind[];
  readonly stopAtViolation?: boolean;
}

export interface Found {
  readonly seed: number;
  readonly mix: string;
  readonly violation: Violation;
}

export interface Totals {
  readonly runs: number;
  readonly steps: number;
  readonly launches: number;
  readonly tasks: number;
  readonly virtualMs: number;
  readonly slowestConvergenceMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly reached: Readonly<Record<string, number>>;
  readonly found: readonly Found[];
}

export const NOTHING: Totals = {
  runs: 0,
  steps: 0,
  launches: 0,
  tasks: 0,
  virtualMs: 0,
  slowestConvergenceMs: 0,
  faults: {},
  reached: {},
  found: [],
};

export const mixFor = (mix: string, seed: number): string => (mix === ROUND_ROBIN ? mixOfSeed(seed) : mix);

export async function runSuite(options: SuiteOptions): Promise<Totals> {
  const { seed: first, count, mix, without = [], stopAtViolation = false } = options;
  let totals = NOTHING;
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await simulate({ seed, mix: mixFor(mix, seed), without });
    totals = added(totals, totalsOf(result));
    if (stopAtViolation && result.violation !== null) break;
  }
  return totals;
}

function totalsOf(result: RunResult): Totals {
  const { seed, mix, violation, steps, launches, tasks, virtualMs, convergedAfterMs } = result;
  // A run that ended in a violation may be short.
  const runs = violation === null && steps < STEPS_LEAST ? 0 : 1;
  return {
    runs,
    steps,
    launches,
    tasks,
    virtualMs,
    slowestConvergenceMs: convergedAfterMs ?? 0,
    faults: Object.fromEntries(result.faults),
    reached: Object.fromEntries(result.reached),
    found: violation === null ? [] : [{ seed, mix, violation }],
  };
}

export const added = (a: Totals, b: Totals): Totals => ({
  runs: a.runs + b.runs,
  steps: a.steps + b.steps,
  launches: a.launches + b.launches,
  tasks: a.tasks + b.tasks,
  virtualMs: a.virtualMs + b.virtualMs,
  slowestConvergenceMs: Math.max(a.slowestConvergenceMs, b.slowestConvergenceMs),
  faults: addedCounts(a.faults, b.faults),
  reached: addedCounts(a.reached, b.reached),
  found: [...a.found, ...b.found],
});

function addedCounts(a: Totals['faults'], b: Totals['faults']): Totals['faults'] {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/** Kinds that some mix of the round brings and that never happened. */
export function missingFaults(totals: Totals, mixes: readonly string[]): readonly string[] {
  const expected = new Set(mixes.flatMap((mix) => Object.keys(MIXES[mix]?.rates ?? {})));
  return [...expected].filter((kind) => (totals.faults[kind] ?? 0) === 0).toSorted();
}

/** The same violation with as few kinds of faults as go: each that is not needed is switched off. */
export async function shrunk(
  { seed, mix, violation }: Found,
  without: readonly FaultKind[],
): Promise<readonly FaultKind[]> {
  let off = without;
  for (const kind of Object.keys(MIXES[mix]?.rates ?? {}) as FaultKind[]) {
    if (off.includes(kind)) continue;
    const fewer = [...off, kind];
    const again = await simulate({ seed, mix, without: fewer });
    if (again.violation?.invariant === violation.invariant) off = fewer;
  }
  return off;
}
