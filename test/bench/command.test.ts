/** The benchmarks and the simulation as commands: what they say of flags. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Above any start of a process; a command that took a wrong flag and went to work is ended by it. */
const ENDED_AFTER_MS = 30_000;

function run(script: string, ...args: readonly string[]) {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const argv = ['--import', 'tsx', script, ...args];
  return spawnSync(process.execPath, argv, { cwd, encoding: 'utf8', timeout: ENDED_AFTER_MS });
}

const COMMANDS = [
  ['bench/run.ts', 'npm run bench -- '],
  ['simulation/run.ts', 'npm run sim -- '],
] as const;

test.each(COMMANDS)('%s refuses a flag that it does not know, and says which there are', (script, usage) => {
  const { status, stdout, stderr } = run(script, '--bogus');
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain("'--bogus'");
  expect(stderr).toContain(usage);
  expect(stderr).not.toContain('    at ');
});

test.each(COMMANDS)('%s says how it is used', (script, usage) => {
  const { status, stdout } = run(script, '--help');
  expect(status).toBe(0);
  expect(stdout.startsWith(usage)).toBe(true);
});

test('a benchmark that does not exist is refused', () => {
  const { status, stderr } = run('bench/run.ts', 'nonsense', '--tiny');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^no benchmark nonsense\n/);
});
