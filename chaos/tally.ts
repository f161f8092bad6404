/** What a run has seen, and whether every promise was kept. */
import type { Happened } from './faults/fault.ts';

/** A worker that dies is replaced within this. */
export const TAKEOVER_MOST_MS = 8_000;
/** A process that is told to stop has gone by then. */
const EXIT_MOST_MS = 10_000;

interface Round {
  readonly lane: string;
  readonly kinds: readonly string[];
  /** All of it, and of that from calm to all covered. */
  readonly ms: number;
  readonly calmMs: number;
}

export class Tally {
  readonly faults = new Map<string, { asked: number; seen: number }>();
  readonly takeoversMs: number[] = [];
  readonly handOversMs: number[] = [];
  readonly exitsMs: number[] = [];
  readonly refusalsMs: number[] = [];
  readonly readsMs: number[] = [];
  readonly convergedMs: number[] = [];
  readonly rounds: Round[] = [];
  readonly broken: string[] = [];
  lost = 0;

  add(kind: string, { seen, takeoverMs, handOverMs, exitMs, refusalMs, readMs, broken }: Happened): void {
    const count = this.faults.get(kind) ?? { asked: 0, seen: 0 };
    count.asked += 1;
    if (seen) count.seen += 1;
    this.faults.set(kind, count);
    if (takeoverMs === null) this.broken.push(`${kind}: nobody took over`);
    else if (takeoverMs !== undefined) {
      this.takeoversMs.push(takeoverMs);
      if (takeoverMs > TAKEOVER_MOST_MS) this.broken.push(`${kind}: taken over after ${takeoverMs} ms`);
    }
    if (handOverMs === null) this.broken.push(`${kind}: nobody went on`);
    else if (handOverMs !== undefined) this.handOversMs.push(handOverMs);
    if (exitMs !== undefined) {
      this.exitsMs.push(exitMs);
      if (exitMs > EXIT_MOST_MS) this.broken.push(`${kind}: still there after ${exitMs} ms`);
    }
    if (refusalMs !== undefined) this.refusalsMs.push(refusalMs);
    if (readMs !== undefined) this.readsMs.push(readMs);
    if (broken !== undefined) this.broken.push(`${kind}: ${broken}`);
  }

  /** Something that was to happen did not, though nothing stood in its way any more: a wake-up was lost. */
  lose(what: string): void {
    this.lost += 1;
    this.broken.push(what);
  }

  get seen(): number {
    return [...this.faults.values()].reduce((sum, { seen }) => sum + seen, 0);
  }

  get kinds(): number {
    return [...this.faults.values()].filter(({ seen }) => seen > 0).length;
  }
}

/** The p-th percentile, 0 < p <= 100, nearest rank; null of nothing. */
export function percentile(values: readonly number[], p: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? null;
}
