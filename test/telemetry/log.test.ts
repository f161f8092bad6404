import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from '../../src/main.ts';
import { createLog, LogFileError } from '../../src/telemetry/log.ts';

const LOG = new URL('../../src/telemetry/log.ts', import.meta.url).href;

let dir: string;
let child: ChildProcess | null = null;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ds-log-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

test('a log file is made with its folders', async () => {
  const file = join(dir, 'a', 'b', 'c.log');
  createLog({ level: 'info', file, role: 'worker' }).info('hello');
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toContain('"msg":"hello"'));
});

test('a log file that cannot be made is said before anything starts, with exit code 2', async () => {
  const inTheWay = join(dir, 'file');
  writeFileSync(inTheWay, '');
  const file = join(inTheWay, 'c.log');
  expect(() => createLog({ level: 'info', file, role: 'worker' })).toThrow(LogFileError);
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect(await main(['--log-file', file], {})).toBe(2);
    expect(told.mock.lastCall?.[0]).toContain(`cannot write the log file ${file}`);
    expect(told.mock.lastCall?.[0]).toContain('--log-file');
  } finally {
    told.mockRestore();
  }
});

test('a log that cannot be written later is told once, and the process goes on', async () => {
  const file = join(dir, 'readable');
  writeFileSync(file, '');
  // Open for reading alone: every write to it fails.
  const stdout = openSync(file, 'r');
  const script = `
    const { createLog } = await import(${JSON.stringify(LOG)});
    const log = createLog({ level: 'info', file: null, role: 'worker' });
    let lines = 0;
    setInterval(() => { log.info('line'); lines += 1; if (lines === 50) process.stderr.write('still here'); }, 5);`;
  child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', stdout, 'pipe'],
  });
  closeSync(stdout);
  let told = '';
  child.stderr?.on('data', (chunk: Buffer) => (told += chunk.toString()));
  await vi.waitFor(() => expect(told).toContain('still here'), { timeout: 20_000 });
  expect(child.exitCode).toBeNull();
  expect(told.match(/cannot write the log/g)).toHaveLength(1);
});
