import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const STOPPED_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 20;

/** Whether a process has been stopped by a signal: state T. Waits a moment for it. */
export async function isFrozen(pid: number): Promise<boolean> {
  const deadline = performance.now() + STOPPED_WITHIN_MS;
  for (;;) {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]);
    if (stdout.trim().startsWith('T')) return true;
    if (performance.now() > deadline) return false;
    await delay(LOOK_EVERY_MS);
  }
}
