/**
 * A question whose answer is good for a while, for many who ask it all the time.
 *
 * Q1. Whoever asks gets an answer that was sought no earlier than `goodForMs` before he asked.
 * Q2. While people ask, an answer is sought before the last one gets too old: in a crowd nobody waits, unless it takes long, and
 *     whoever asks alone waits for an answer of his own.
 */
import { SYSTEM_TIMING } from './timing.ts';

interface Sought<T> {
  readonly begunAt: number;
  readonly answer: Promise<T>;
}

/** Part of an answer's time after which the next one is sought. The rest is what that may take without anybody waiting for it. */
const RENEWED_AFTER = 0.75;

export class RecentQuestion<T> {
  readonly #put: () => Promise<T>;
  readonly #goodForMs: number;
  readonly #monotonic: () => number;
  /** The last one that came. */
  #latest: Sought<T> | null = null;
  /** The one sought last. */
  #underWay: Sought<T> | null = null;

  /** `monotonic`: as in Timing. */
  constructor(put: () => Promise<T>, goodForMs: number, monotonic = SYSTEM_TIMING.monotonic) {
    this.#put = put;
    this.#goodForMs = goodForMs;
    this.#monotonic = monotonic;
  }

  /** Fails as `put` does, unless an answer from before is still good. */
  ask(): Promise<T> {
    const now = this.#monotonic();
    const latest = this.#goodAt(now, this.#latest);
    if (latest !== null) {
      const isAging = now - latest.begunAt > this.#goodForMs * RENEWED_AFTER;
      // Who asks once it is too old hears of a failure.
      if (isAging && this.#underWay === null) this.#seek().catch(() => {});
      return latest.answer;
    }
    return this.#goodAt(now, this.#underWay)?.answer ?? this.#seek();
  }

  #goodAt(now: number, sought: Sought<T> | null): Sought<T> | null {
    return sought !== null && now - sought.begunAt <= this.#goodForMs ? sought : null;
  }

  #seek(): Promise<T> {
    const sought = { begunAt: this.#monotonic(), answer: this.#put() };
    this.#underWay = sought;
    const end = (): void => {
      if (this.#underWay === sought) this.#underWay = null;
    };
    sought.answer.then(() => {
      if (this.#latest === null || this.#latest.begunAt < sought.begunAt) this.#latest = sought;
      end();
    }, end);
    return sought.answer;
  }
}
