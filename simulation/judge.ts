/** Runs in a process of its own: looks for the bugs of many mutants, one after the other. Takes a file of cases, says verdicts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Found, runSuite } from './suite.ts';

interface Suite {
  readonly runSuite: typeof runSuite;
}

export interface Case {
  /** Where the mutant's compiled code is. */
  readonly base: string;
  readonly mix: string;
  /** Tried first. */
  readonly seed: number;
  /** Else these are, from 1. */
  readonly withinSeeds: number;
}

/** The violation that gave the mutant away; null: it survived. */
export interface Verdict {
  readonly found: Found | null;
}

async function verdictOf({ base, mix, seed, withinSeeds }: Case): Promise<Verdict> {
  // Its own modules, all of them; packages are shared, as they lie behind one link.
  const { runSuite } = (await import(pathToFileURL(join(base, 'simulation/suite.js')).href)) as Suite;
  for (const range of [
    { seed, count: 1 },
    { seed: 1, count: withinSeeds },
  ]) {
    const [found] = (await runSuite({ ...range, mix, stopAtViolation: true })).found;
    if (found !== undefined) return { found };
  }
  return { found: null };
}

const cases = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as readonly Case[];
const verdicts: Verdict[] = [];
for (const one of cases) verdicts.push(await verdictOf(one));
process.stdout.write(JSON.stringify(verdicts));
