import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { main } from '../src/main.ts';
import { StartError } from '../src/parts.ts';
import { startScheduler } from '../src/scheduler.ts';

vi.mock('../src/scheduler.ts');
afterEach(() => {
  vi.resetAllMocks();
});

const QUIET = ['--log-level', 'silent'];

test('a signal ends a start quietly, whatever was under way', async () => {
  vi.mocked(startScheduler).mockImplementation(
    (_config, _version, _log, stop) =>
      new Promise((_, reject) => {
        stop.addEventListener('abort', () => reject(new Error('the view of etcd was not filled in time')));
      }),
  );
  const code = main(QUIET, {});
  process.emit('SIGTERM');
  expect(await code).toBe(0);
});

test('a variable that is no setting is told, once each, and the start goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ds-main-'));
  const file = join(folder, 'log');
  vi.mocked(startScheduler).mockRejectedValue(new StartError('no etcd'));
  expect(await main(['--log-file', file], { DS_BNID: 'x', DS_ETCD_ENDPOINT: '', DS_ROLE: 'all' })).toBe(1);
  // Lines are written behind our back, and the fatal one at once.
  const messages = await vi.waitFor(() => {
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(3);
    return lines.map((line) => (JSON.parse(line) as { msg: string }).msg).toSorted();
  });
  rmSync(folder, { recursive: true });
  expect(messages).toEqual([
    'DS_BNID is not a setting, and is ignored; see --help',
    'DS_ETCD_ENDPOINT is not a setting, and is ignored; see --help',
    'no etcd',
  ]);
});

test('without a signal the same is a bug, and thrown', async () => {
  vi.mocked(startScheduler).mockRejectedValue(new Error('bug'));
  await expect(main(QUIET, {})).rejects.toThrow('bug');
});
