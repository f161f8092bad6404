/**
 * Virtual time: an ordered queue of happenings. What falls on one moment comes in an order of chance.
 * T1. After each happening everything that follows from it without waiting has happened, before the next one does.
 */
import type { Chance } from './chance.ts';

interface Happening {
  readonly at: number;
  readonly tie: number;
  readonly order: number;
  readonly what: string;
  readonly run: () => void;
}

export interface Step {
  readonly at: number;
  readonly what: string;
}

export class Timeline {
  /** Milliseconds since the run began. */
  now = 0;
  steps = 0;
  private readonly chance: Chance;
  private readonly heap: Happening[] = [];
  private added = 0;

  constructor(chance: Chance) {
    this.chance = chance;
  }

  after(ms: number, what: string, run: () => void): void {
    this.added += 1;
    const at = this.now + Math.max(0, Math.round(ms));
    this.heap.push({ at, tie: this.chance.bits(), order: this.added, what, run });
    this.rise(this.heap.length - 1);
  }

  /** Takes happenings one by one. `after` sees each; the first that it returns true for is the last. */
  run(after: (step: Step) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      // Node empties its queue of promises before it runs the next immediate: that is T1.
      const settled = (happening: Happening): void => {
        try {
          if (after(happening)) resolve();
          else next();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const next = (): void => {
        const happening = this.take();
        if (happening === undefined) throw new Error('nothing is left to happen');
        this.now = happening.at;
        this.steps += 1;
        happening.run();
        setImmediate(settled, happening);
      };
      try {
        next();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  private take(): Happening | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (last !== first) {
      this.heap[0] = last;
      this.sink(0);
    }
    return first;
  }

  private rise(start: number): void {
    for (let index = start; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!this.swapIfLater(parent, index)) return;
      index = parent;
    }
  }

  private sink(start: number): void {
    for (let index = start; ;) {
      const left = 2 * index + 1;
      const child = this.isLater(left, left + 1) ? left + 1 : left;
      if (!this.swapIfLater(index, child)) return;
      index = child;
    }
  }

  private swapIfLater(index: number, other: number): boolean {
    const a = this.heap[index];
    const b = this.heap[other];
    if (a === undefined || b === undefined || !this.isLater(index, other)) return false;
    this.heap[index] = b;
    this.heap[other] = a;
    return true;
  }

  private isLater(index: number, other: number): boolean {
    const a = this.heap[index];
    const b = this.heap[other];
    if (a === undefined || b === undefined) return false;
    return a.at > b.at || (a.at === b.at && (a.tie > b.tie || (a.tie === b.tie && a.order > b.order)));
  }
}
