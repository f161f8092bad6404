/** The readers' side of H1 to H3 of `store.ts`. */
import { RecentQuestion } from '../concurrency/recent-question.ts';
import { SharedQuestion } from '../concurrency/shared-question.ts';
import { SYSTEM_TIMING } from '../concurrency/timing.ts';
import type { Sharing } from './store.ts';

export interface SharedReadsOptions {
  /** Resolves when the view has every write that had landed when it was called; rejects when that cannot be had. */
  readonly confirm: () => Promise<void>;
  readonly sharing: Sharing;
  /** As in Timing. */
  readonly monotonic?: (() => number) | undefined;
}

export class SharedReads {
  readonly #question: SharedQuestion<void>;
  readonly #recent: RecentQuestion<void>;
  readonly #quietForMs: number;
  readonly #monotonic: () => number;
  #writtenAt = -Infinity;

  constructor({ confirm, sharing, monotonic = SYSTEM_TIMING.monotonic }: SharedReadsOptions) {
    this.#question = new SharedQuestion(confirm);
    this.#recent = new RecentQuestion(() => this.#question.ask(), sharing.forMs, monotonic);
    this.#quietForMs = sharing.quietForMs;
    this.#monotonic = monotonic;
  }

  /** The view has got a write of the API, or may have. */
  wrote(): void {
    this.#writtenAt = this.#monotonic();
  }

  /** Resolves when whoever asks may read (R1); rejects as `confirm` does. */
  async current(): Promise<void> {
    const askedAt = this.#monotonic();
    if (this.#isQuiet(askedAt)) {
      await this.#recent.ask();
      // What it brought may be the write that forbids to use it (H1).
      if (this.#isQuiet(askedAt)) return;
    }
    await this.#question.ask();
  }

  #isQuiet(at: number): boolean {
    return at - this.#writtenAt > this.#quietForMs;
  }
}
