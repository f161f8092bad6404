/** `npm run sim -- --seed S --count N --mix M`: runs seeds and says what happened. Ends with 1 on any violation. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FAULT_KINDS, FAULTS, type FaultKind } from './faults.ts';
import { INVARIANTS } from './invariants.ts';
import { MIXES } from './mixes.ts';
import { simulate } from './simulation.ts';
import {
  added,
  mixFor,
  NOTHING,
  ROUND_ROBIN,
  runSuite,
  shrunk,
  type Found,
  type SuiteOptions,
  type Totals,
} from './suite.ts';

const VIOLATIONS_SHOWN = 5;

const described = (rows: readonly (readonly [string, string])[]): string =>
  rows.map(([name, doc]) => `  ${name}: ${doc}`).join('\n');

const HELP = `npm run sim -- [--seed 1] [--count 1000] [--mix ${ROUND_ROBIN}] [--only KIND]... [--jobs 1] [--trace] [--json] [--stop-at-violation]

Mixes
  ${ROUND_ROBIN}: each seed its own
${described(Object.entries(MIXES).map(([name, { doc }]) => [name, doc]))}
Kinds of faults
${described(Object.entries(FAULTS))}`;

const values = readValues();

function readValues() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string', default: '1' },
        count: { type: 'string', default: '1000' },
        mix: { type: 'string', default: ROUND_ROBIN },
        only: { type: 'string', multiple: true, default: [] },
        jobs: { type: 'string', default: '1' },
        trace: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        'stop-at-violation': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const whole = (name: 'seed' | 'count' | 'jobs'): number => {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) fail(`--${name} must be a whole number`);
  return value;
};

function fail(message: string): never {
  console.error(`${message}\n\n${HELP}`);
  process.exit(2);
}

function optionsOf(): SuiteOptions {
  const wrong = values.only.find((kind) => !FAULT_KINDS.includes(kind as FaultKind));
  if (wrong !== undefined) fail(`no kind of fault "${wrong}"`);
  if (values.mix !== ROUND_ROBIN && MIXES[values.mix] === undefined) fail(`no mix "${values.mix}"`);
  return {
    seed: whole('seed'),
    count: whole('count'),
    mix: values.mix,
    without: values.only.length === 0 ? [] : FAULT_KINDS.filter((kind) => !values.only.includes(kind)),
    stopAtViolation: values['stop-at-violation'],
  };
}

/** A slice in a process of its own. */
function elsewhere(options: SuiteOptions): Promise<Totals> {
  const { seed, count, mix, without = [] } = options;
  const args = [
    '--seed',
    String(seed),
    '--count',
    String(count),
    '--mix',
    mix,
    ...kindsBut(without).flatMap((kind) => ['--only', kind]),
  ];
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [...args, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.once('error', reject);
    child.once('close', () => {
      try {
        resolve(JSON.parse(text) as Totals);
      } catch {
        reject(new Error(`a job ended without its figures: ${text.slice(0, 200)}`));
      }
    });
  });
}

async function inJobs(options: SuiteOptions, jobs: number): Promise<Totals> {
  if (jobs <= 1) return await runSuite(options);
  const each = Math.ceil(options.count / jobs);
  const slices = Array.from({ length: jobs }, (_, n) => ({
    ...options,
    seed: options.seed + n * each,
    count: Math.max(0, Math.min(each, options.count - n * each)),
  }));
  return (await Promise.all(slices.map(elsewhere))).reduce(added, NOTHING);
}

const table = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `  ${String(count).padStart(9)}  ${name}`)
    .join('\n');

const kindsBut = (without: readonly FaultKind[]): readonly FaultKind[] =>
  without.length === 0 ? [] : FAULT_KINDS.filter((kind) => !without.includes(kind));

const command = ({ seed, mix }: Found, without: readonly FaultKind[]): string =>
  [`npm run sim -- --seed ${seed} --count 1 --mix ${mix}`, ...kindsBut(without).map((kind) => `--only "${kind}"`)].join(
    ' ',
  );

async function report(totals: Totals, options: SuiteOptions, seconds: number): Promise<void> {
  const { runs, steps, launches, tasks, found } = totals;
  console.log(`faults\n${table(totals.faults)}\nreached\n${table(totals.reached)}`);
  for (const one of found.slice(0, VIOLATIONS_SHOWN)) {
    const { invariant, at, detail } = one.violation;
    console.log(`\nVIOLATION of ${invariant} (${INVARIANTS[invariant]}) at ${at} ms:\n  ${detail}`);
    console.log(
      `  ${command(one, options.without ?? [])}\n  ${command(one, await shrunk(one, options.without ?? []))}`,
    );
  }
  console.log(
    `\n${runs} runs in ${seconds.toFixed(1)} s (${(runs / seconds).toFixed(0)}/s), ${steps} steps, ${launches} launch calls, ` +
      `${tasks} tasks, slowest convergence ${totals.slowestConvergenceMs} ms, ${found.length} violations`,
  );
}

if (values.help) {
  console.log(HELP);
} else {
  const options = optionsOf();
  const began = performance.now();
  let totals: Totals;
  if (values.trace) {
    const { seed } = options;
    await simulate({ ...options, mix: mixFor(options.mix, seed), trace: (line) => console.log(line) });
    totals = await runSuite({ ...options, count: 1 });
  } else totals = await inJobs(options, whole('jobs'));
  if (values.json) process.stdout.write(JSON.stringify(totals));
  else await report(totals, options, (performance.now() - began) / 1_000);
  process.exitCode = totals.found.length === 0 ? 0 : 1;
}
