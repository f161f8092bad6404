/** What the workers' logs say about who did the work. */
import { logLine } from '../local/log-line.ts';

export interface Turn {
  readonly at: number;
  readonly launches: number;
}

/** The turns in which a worker did something, oldest first. */
export function turnsIn(log: string): readonly Turn[] {
  return log.split('\n').flatMap((line) => {
    const { msg, time, launches } = logLine(line);
    if (msg !== 'turn' || typeof time !== 'string') return [];
    return [{ at: Date.parse(time), launches: Number(launches ?? 0) }];
  });
}
