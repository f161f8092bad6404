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
