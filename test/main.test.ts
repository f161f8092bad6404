import { afterEach, expect, test, vi } from 'vitest';
import { main } from '../src/main.ts';
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

test('without a signal the same is a bug, and thrown', async () => {
  vi.mocked(startScheduler).mockRejectedValue(new Error('bug'));
  await expect(main(QUIET, {})).rejects.toThrow('bug');
});
