import { setImmediate as nextTurn } from 'node:timers/promises';
import { SYSTEM_TIMING, type Timing } from './timing.ts';

/**
 * A question that many ask at once. An answer may be older than a question that was asked while it was under way, so
 * such a question is answered by the next round: whoever asks gets an answer that was sought after he asked.
 */
export class SharedQuestion<T> {
  readonly #put: () => Promise<T>;
  readonly #everyMs: number;
  readonly #timing: Timing;
  #begunAt = -Infinity;
  #current: Promise<T> | null = null;
  #next: Promise<T> | null = null;

  /** `everyMs`: least time between the beginnings of two rounds. Whoever asks alone does not wait for it; a crowd shares more. */
  constructor(put: () => Promise<T>, everyMs = 0, timing = SYSTEM_TIMING) {
    this.#put = put;
    this.#everyMs = everyMs;
    this.#timing = timing;
  }

  /** True while nobody waits for an answer. */
  get idle(): boolean {
    return this.#current === null && this.#next === null;
  }

  /** True when a new question in its place would do the same: nobody waits, and the next round may begin at once. */
  get spent(): boolean {
    return this.idle && (this.#everyMs === 0 || this.#timing.monotonic() - this.#begunAt >= this.#everyMs);
  }

  ask(): Promise<T> {
    if (this.#next === null) {
      this.#next = this.#turn().then(() => this.#begin());
    }
    return this.#next;
  }

  async #turn(): Promise<void> {
    const pauseMs = this.#begunAt + this.#everyMs - this.#timing.monotonic();
    if (pauseMs > 0) await Promise.all([this.#timing.sleep(pauseMs), this.#current?.catch(() => {})]);
    else await this.#crowd();
  }

  /**
   * The first of a crowd waits a turn of the event loop for those who arrive with it: if it asked alone, they would have to
   * wait for its answer and ask again. After a round it is two turns, so that those whom that one answered may be back.
   */
  async #crowd(): Promise<void> {
    if (this.#current !== null) {
      await this.#current.catch(() => {});
      await nextTurn();
    }
    await nextTurn();
  }

  #begin(): Promise<T> {
    this.#begunAt = this.#timing.monotonic();
    const asked = this.#put();
    this.#next = null;
    this.#current = asked;
    const finish = (): void => {
      if (this.#current === asked) this.#current = null;
    };
    asked.then(finish, finish);
    return asked;
  }
}

/**
 * The same, by key: who asks about the same thing at the same time shares an answer. A question is kept until it is spent, as
 * it alone knows when its last round began. Whoever asks clears away those that are, so no timer is needed, and no more are
 * kept than were asked within two `everyMs` before the last one.
 */
export class SharedQuestions<Key, T> {
  readonly #put: (key: Key) => Promise<T>;
  readonly #everyMs: number;
  readonly #timing: Timing;
  readonly #asked = new Map<Key, SharedQuestion<T>>();
  #clearedAt = -Infinity;

  constructor(put: (key: Key) => Promise<T>, everyMs = 0, timing = SYSTEM_TIMING) {
    this.#put = put;
    this.#everyMs = everyMs;
    this.#timing = timing;
  }

  /** Questions that are remembered. */
  get size(): number {
    return this.#asked.size;
  }

  async ask(key: Key): Promise<T> {
    this.#clear();
    let question = this.#asked.get(key);
    if (question === undefined) {
      question = new SharedQuestion(() => this.#put(key), this.#everyMs, this.#timing);
      this.#asked.set(key, question);
    }
    try {
      return await question.ask();
    } finally {
      if (question.spent) this.#asked.delete(key);
    }
  }

  /** At most once in `everyMs`, so that it costs a question next to nothing; without a pace each is cleared away when it is answered. */
  #clear(): void {
    if (this.#everyMs === 0) return;
    const now = this.#timing.monotonic();
    if (now - this.#clearedAt < this.#everyMs) return;
    this.#clearedAt = now;
    for (const [key, question] of this.#asked) if (question.spent) this.#asked.delete(key);
  }
}
