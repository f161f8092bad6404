import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

/**
 * A question that many ask at once. An answer may be older than a question that was asked while it was under way, so
 * such a question is answered by the next round: whoever asks gets an answer that was sought after he asked.
 */
export class SharedQuestion<T> {
  readonly #put: () => Promise<T>;
  readonly #everyMs: number;
  #begunAt = -Infinity;
  #current: Promise<T> | null = null;
  #next: Promise<T> | null = null;

  /** `everyMs`: least time between the beginnings of two rounds. Whoever asks alone does not wait for it; a crowd shares more. */
  constructor(put: () => Promise<T>, everyMs = 0) {
    this.#put = put;
    this.#everyMs = everyMs;
  }

  /** True while nobody waits for an answer. */
  get idle(): boolean {
    return this.#current === null && this.#next === null;
  }

  ask(): Promise<T> {
    if (this.#next === null) {
      this.#next = this.#turn().then(() => this.#begin());
    }
    return this.#next;
  }

  async #turn(): Promise<void> {
    const pauseMs = this.#begunAt + this.#everyMs - performance.now();
    if (pauseMs > 0) await Promise.all([delay(pauseMs), this.#current?.catch(() => {})]);
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
    this.#begunAt = performance.now();
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

/** The same, by key: who asks about the same thing at the same time shares an answer. */
export class SharedQuestions<Key, T> {
  readonly #put: (key: Key) => Promise<T>;
  readonly #everyMs: number;
  readonly #asked = new Map<Key, SharedQuestion<T>>();

  constructor(put: (key: Key) => Promise<T>, everyMs = 0) {
    this.#put = put;
    this.#everyMs = everyMs;
  }

  async ask(key: Key): Promise<T> {
    let question = this.#asked.get(key);
    if (question === undefined) {
      question = new SharedQuestion(() => this.#put(key), this.#everyMs);
      this.#asked.set(key, question);
    }
    try {
      return await question.ask();
    } finally {
      if (question.idle) this.#asked.delete(key);
    }
  }
}
