/** What the workers' logs say about who did the work. */

export interface Turn {
  readonly at: number;
  readonly launches: number;
}

/** The turns in which a worker did something, oldest first. */
export function turnsIn(log: string): readonly Turn[] {
  return log.split('\n').flatMap((line) => {
    const { msg, time, launches } = parsed(line);
    if (msg !== 'turn' || typeof time !== 'string') return [];
    return [{ at: Date.parse(time), launches: Number(launches ?? 0) }];
  });
}

/** The last line may be half written, and what a program prints besides its log is no JSON. */
function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
