/** What the workers' logs say, those of dead workers too: their metrics died with them. */
import { readFile } from 'node:fs/promises';
import { logLine } from '../scripts/local/log-line.ts';

export interface LogCounts {
  /** Launch calls repeated with their key. */
  readonly replays: number;
  /** Turns that ended because a newer claim or spec stood against their writes. */
  readonly fenced: number;
  /** Commits of which nobody knew whether they had landed. */
  readonly unknown: number;
  /** Second tasks found and stopped: must be none. */
  readonly duplicates: number;
}

export async function countLogs(files: readonly string[]): Promise<LogCounts> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return countLines(texts.flatMap((text) => text.split('\n')));
}

export function countLines(lines: readonly string[]): LogCounts {
  const counts = { replays: 0, fenced: 0, unknown: 0, duplicates: 0 };
  for (const line of lines) {
    const { msg, replays, duplicates } = logLine(line);
    if (msg === 'turn fenced off') counts.fenced += 1;
    if (msg === 'commit outcome unknown') counts.unknown += 1;
    counts.replays += Number(replays ?? 0);
    counts.duplicates += Number(duplicates ?? 0);
  }
  return counts;
}
