/**
 * A worker process: it has a clock of its own, and dies or freezes at any await. What its code waits for comes through
 * here, so a dead one never goes on, and a frozen one goes on later.
 */
import { as, type Instant } from '../src/domain/ids.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import type { Timeline } from './timeline.ts';

/** The simulation begins here, so that instants look like instants. */
export const EPOCH = 1_700_000_000_000;
const FREEZE_MS = { least: 100, most: 4_000 };

export interface Surroundings {
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly chance: Chance;
  /** Tells whoever hands out work that a process is gone or stands still until then. */
  readonly onSilence: (process: Process, until: number) => void;
}

export interface Trip {
  readonly what: string;
  readonly there: number;
  readonly back: number;
}

export class Process {
  readonly name: string;
  readonly skewMs: number;
  alive = true;
  frozenUntil = 0;
  private readonly around: Surroundings;

  constructor(name: string, skewMs: number, around: Surroundings) {
    this.name = name;
    this.skewMs = skewMs;
    this.around = around;
  }

  readonly now = (): Instant => as<Instant>(EPOCH + this.around.timeline.now + this.skewMs);

  /** The true moment at which this process' clock showed `instant`. */
  trueTime(instant: number): number {
    return instant - EPOCH - this.skewMs;
  }

  /** Goes on in this process: later when it is frozen, never when it is dead. */
  resume(what: string, run: () => void): void {
    if (!this.alive) return;
    const { timeline } = this.around;
    if (this.frozenUntil > timeline.now) {
      timeline.after(this.frozenUntil - timeline.now, `${this.name} thaws: ${what}`, () => this.resume(what, run));
    } else run();
  }

  after(ms: number, what: string, run: () => void): void {
    this.around.timeline.after(ms, `${this.name} ${what}`, () => this.resume(what, run));
  }

  /** The process may die or freeze here. Then `go` runs, later, or never. */
  leave(what: string, go: () => void): void {
    const { faults, timeline } = this.around;
    if (!this.alive) return;
    if (faults.strikes('killed before a call')) return this.kill();
    if (this.frozenUntil <= timeline.now && faults.strikes('frozen')) {
      const { least, most } = FREEZE_MS;
      this.freeze(faults.chanceOf('frozen').extreme(least, most));
    }
    if (this.frozenUntil > timeline.now) this.resume(what, go);
    else go();
  }

  /** Asks something elsewhere: `perform` runs there when the question arrives; its answer travels back. */
  exchange<T>({ what, there, back }: Trip, perform: () => Promise<T> | T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.leave(what, () => {
        const { timeline, faults } = this.around;
        const answer = (value: T): void => this.after(back, `${what}: answered`, () => resolve(value));
        timeline.after(there, `${this.name} ${what}`, () => {
          const result = perform();
          if (!(result instanceof Promise)) return answer(result);
          result.then(answer, (error: unknown) =>
            this.after(back, `${what}: failed`, () =>
              reject(error instanceof Error ? error : new Error(String(error))),
            ),
          );
        });
        if (faults.strikes('killed after a call')) this.kill();
      });
    });
  }

  kill(): void {
    this.alive = false;
    this.around.onSilence(this, Infinity);
  }

  freeze(ms: number): void {
    this.frozenUntil = this.around.timeline.now + ms;
    this.around.onSilence(this, this.frozenUntil);
  }
}
