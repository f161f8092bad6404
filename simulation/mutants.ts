/** Makes the deliberate bugs, each in a copy of the compiled code, and lets the simulation look for them. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Case, Verdict } from './judge.ts';
import type { Mutation } from './mutation.ts';

/**
 * Some seventy mutants take a second each on a busy machine, and those whose seed finds nothing any more are looked for: minutes,
 * where thousands of seeds may be needed. One that loops is an error: nobody can say what it did.
 */
const JUDGED_WITHIN_MS = 900_000;
/** What the compiler and Node go by when they choose between module formats. */
const PACKAGE = '{ "type": "module" }';

/** The root of the checkout, seen from this file. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The mutated text. Throws when the place is not there exactly once. */
export function mutated(text: string, { name, file, find, replace }: Mutation): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`mutation "${name}": ${places} places in ${file}`);
  return text.replace(find, () => replace);
}

/** Compiles the code once and every changed file once, and judges all mutants in one process of their own. */
export async function judge(mutations: readonly Mutation[]): Promise<readonly Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'daemon-scheduler-mutants-'));
  try {
    const whole = join(folder, 'whole');
    await compile(ROOT, whole, ['src', 'sim', 'simulation']);
    const sources = join(folder, 'sources');
    for (const [index, mutation] of mutations.entries()) await change(mutation, join(sources, String(index)));
    const changed = join(folder, 'changed');
    await compile(sources, changed, ['.']);
    const cases: Case[] = [];
    for (const [index, { mix, seed, withinSeeds }] of mutations.entries()) {
      const base = join(folder, 'mutants', String(index));
      await cp(whole, base, { recursive: true });
      await cp(join(changed, String(index)), base, { recursive: true });
      cases.push({ base, mix, seed, withinSeeds });
    }
    for (const place of [whole, join(folder, 'mutants')]) await furnish(place);
    await writeFile(join(folder, 'cases.json'), JSON.stringify(cases));
    const said = await execute(process.execPath, [join(whole, 'simulation/judge.js'), join(folder, 'cases.json')]);
    return JSON.parse(said) as readonly Verdict[];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function change(mutation: Mutation, folder: string): Promise<void> {
  const file = join(folder, mutation.file);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, mutated(await readFile(join(ROOT, mutation.file), 'utf8'), mutation));
}

async function compile(sources: string, outDir: string, include: readonly string[]): Promise<void> {
  await mkdir(outDir, { recursive: true });
  if (sources !== ROOT) await writeFile(join(sources, 'package.json'), PACKAGE);
  const config = `${outDir}.json`;
  const compilerOptions = { rootDir: sources, outDir };
  const paths = include.map((path) => join(sources, path));
  const text = { extends: join(ROOT, 'simulation/tsconfig.json'), compilerOptions, include: paths };
  await writeFile(config, JSON.stringify(text));
  await execute(join(ROOT, 'node_modules/.bin/tsc'), ['-p', config]);
}

/** What compiled code needs around it to run. */
async function furnish(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), PACKAGE);
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

function execute(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { timeout: JUDGED_WITHIN_MS }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${file} ${args.join(' ')}: ${error.message} ${stdout} ${stderr}`));
    });
  });
}
