/**
 * One lease for all keys of an hour, not one a request: etcd keeps leases in memory and expires them one by one.
 * Nobody keeps it alive; it runs out by itself, and its keys go with it.
 */
const HOUR_MS = 60 * 60 * 1_000;
const ROTATE_AFTER_MS = HOUR_MS;
/** 24 hours are promised, also to the last key of the hour. */
const TTL_SECONDS = 25 * 60 * 60;

export class SharedLease {
  readonly #grant: (ttlSeconds: number) => Promise<string>;
  readonly #now: () => number;
  #current: { readonly id: Promise<string>; readonly grantedAt: number } | null = null;

  constructor({ grant, now }: { readonly grant: (ttlSeconds: number) => Promise<string>; readonly now: () => number }) {
    this.#grant = grant;
    this.#now = now;
  }

  /** Id of a lease that lasts for 24 hours at least. Rejects as `grant` does. */
  id(): Promise<string> {
    const now = this.#now();
    if (this.#current === null || now - this.#current.grantedAt >= ROTATE_AFTER_MS) {
      const granted = { id: this.#grant(TTL_SECONDS), grantedAt: now };
      granted.id.catch(() => {
        if (this.#current === granted) this.#current = null;
      });
      this.#current = granted;
    }
    return this.#current.id;
  }

  /** The store does not know the lease (any more): the next `id` is another one. */
  forget(): void {
    this.#current = null;
  }
}
