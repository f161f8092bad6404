import type { Revision } from '../domain/ids.ts';

/** Lets waiters through when something has come as far as their revision. */
export class RevisionGate {
  readonly #waiting = new Map<Revision, { readonly promise: Promise<void>; readonly open: () => void }>();
  #at: Revision | null = null;

  /** Usually forward; backward when the store's history was replaced. */
  moveTo(revision: Revision): void {
    this.#at = revision;
    for (const [wanted, { open }] of this.#waiting) {
      if (wanted > revision) continue;
      this.#waiting.delete(wanted);
      open();
    }
  }

  /** Resolves at the first `moveTo` of this revision or a later one, at once if that has been. */
  reached(revision: Revision): Promise<void> {
    if (this.#at !== null && this.#at >= revision) return Promise.resolve();
    let waiting = this.#waiting.get(revision);
    if (waiting === undefined) {
      let open = (): void => {};
      const promise = new Promise<void>((resolve) => {
        open = resolve;
      });
      waiting = { promise, open };
      this.#waiting.set(revision, waiting);
    }
    return waiting.promise;
  }
}

/**
 * A question that many ask at once. One that is asked while another is under way is answered by the next one,
 * because the answer under way may be older than the question.
 */
export class SharedQuestion<T> {
  readonly #put: () => Promise<T>;
  #current: Promise<T> | null = null;
  #next: Promise<T> | null = null;

  constructor(put: () => Promise<T>) {
    this.#put = put;
  }

  ask(): Promise<T> {
    if (this.#next !== null) return this.#next;
    if (this.#current === null) return this.#begin();
    const begin = (): Promise<T> => this.#begin();
    this.#next = this.#current.then(begin, begin);
    return this.#next;
  }

  #begin(): Promise<T> {
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
