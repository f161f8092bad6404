/** How many hosts a rollout leaves without a task at the same time, read off the ledger of the simulator. */

/** A life of a task, in milliseconds since the epoch. */
export interface Life {
  readonly containerInstanceArn: string;
  /** When it reached RUNNING. */
  readonly startedAt: number | null;
  readonly stoppedAt: number | null;
}

export interface Span {
  readonly from: number;
  readonly to: number;
  /** What the simulator takes from the wish to stop a task until it is STOPPED: it serves nobody any more. */
  readonly stopMs: number;
}

/** The most hosts, of those that had a task at `from`, without a RUNNING one at any moment of the span. */
export function mostWithout(lives: readonly Life[], { from, to, stopMs }: Span): number {
  const changes: { readonly at: number; readonly change: 1 | -1 }[] = [];
  const running = lives.flatMap((life) => {
    const end = life.stoppedAt === null ? Infinity : life.stoppedAt - stopMs;
    return life.startedAt === null || end <= life.startedAt ? [] : [{ ...life, start: life.startedAt, end }];
  });
  const covered = new Set<string>();
  for (const { containerInstanceArn, start, end } of running) {
    if (start <= from && end > from) covered.add(containerInstanceArn);
  }
  for (const { containerInstanceArn, start, end } of running) {
    if (!covered.has(containerInstanceArn)) continue;
    if (start > from && start <= to) changes.push({ at: start, change: -1 });
    if (end > from && end <= to && end !== Infinity) changes.push({ at: end, change: 1 });
  }
  let without = 0;
  let most = 0;
  // A host that comes back at the moment another goes was away until then.
  for (const { change } of changes.toSorted((a, b) => a.at - b.at || b.change - a.change)) {
    without += change;
    most = Math.max(most, without);
  }
  return most;
}
