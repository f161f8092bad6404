import { setTimeout as delay } from 'node:timers/promises';

/** Time as an argument. Monotonic: a wall clock that is set back would hold people up, or make old things new. */
export interface Timing {
  /** In milliseconds since any moment. */
  readonly monotonic: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

export const SYSTEM_TIMING: Timing = { monotonic: () => performance.now(), sleep: (ms) => delay(ms) };
