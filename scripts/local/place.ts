import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The temporary directory of a run: logs, and data that nobody needs afterwards. */
export interface Place {
  readonly data: string;
  readonly logs: string;
  /** Removes it all; or all but the logs, for people who must find out what went wrong. Fine to call again. */
  remove(keep?: 'logs'): void;
}

export async function makePlace(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'daemon-scheduler-'));
  const [data, logs] = [join(dir, 'data'), join(dir, 'logs')];
  await Promise.all([mkdir(data), mkdir(logs)]);
  let kept = false;
  return {
    data,
    logs,
    remove(keep) {
      kept ||= keep === 'logs';
      rmSync(kept ? data : dir, { recursive: true, force: true });
    },
  };
}
