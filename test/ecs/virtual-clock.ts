import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/ecs/clock.ts';
import { as } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/ids.ts';

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  private at = 1_000_000;
  private readonly sleepers = new Set<Sleeper>();

  now(): Instant {
    return as<Instant>(this.at);
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const sleeper: Sleeper = {
        until: this.at + ms,
        wake: () => {
          this.sleepers.delete(sleeper);
          signal.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.sleepers.add(sleeper);
      signal.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  /** Wakes the sleepers in their order, each at its own moment, with all that follows from it done before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.at + ms;
    await setImmediate();
    for (;;) {
      const due = [...this.sleepers].filter(({ until }) => until <= end).toSorted((a, b) => a.until - b.until)[0];
      if (due === undefined) break;
      this.at = Math.max(this.at, due.until);
      due.wake();
      await setImmediate();
    }
    this.at = end;
  }
}
