/**
 * The token budget: what we may ask of ECS, shared by all workers of an account and region.
 * Waiting is done here, in one line per bucket and process; where the tokens come from is a TokenSource.
 */
import type { Instant } from '../domain/ids.ts';
import type { Priority } from '../domain/plan.ts';
import type { Bucket } from './buckets.ts';
import { BY_URGENCY, RESERVED_SHARE } from './buckets.ts';
import type { Clock } from './clock.ts';
import type { Ask, Grant } from './token-bucket.ts';

export interface Budget {
  /**
   * One token, or why there is none. `late`: `notAfter` (null: never) passed. The wait is bounded by these two alone.
   * Equal priorities are served in the order they came.
   */
  take(bucket: Bucket, priority: Priority, bounds: TakeBounds): Promise<Taken>;
  /** ECS throttled a call of this bucket: everybody slows down for a while. */
  throttled(bucket: Bucket): void;
}

export interface TakeBounds {
  readonly notAfter: Instant | null;
  readonly signal: AbortSignal;
}

export type Taken = 'taken' | 'late' | 'aborted';

/** Gives tokens or says when to ask again. Never throws, and never gives a token twice. */
export interface TokenSource {
  ask(bucket: Bucket, ask: Ask): Promise<Grant>;
  cut(bucket: Bucket): void;
}

/** For benches, and for endpoints that do not throttle. */
export const UNLIMITED_BUDGET: Budget = {
  take: async (_bucket, _priority, { signal }) => (signal.aborted ? 'aborted' : 'taken'),
  throttled: () => undefined,
};

/** Tokens asked for at once, all of them for callers already waiting: one round trip serves ten without hoarding. */
const MOST_PER_ASK = 10;

export interface WaitingBudgetOptions {
  readonly source: TokenSource;
  readonly clock: Clock;
}

export class WaitingBudget implements Budget {
  private readonly options: WaitingBudgetOptions;
  private readonly lines = new Map<Bucket, Line>();

  constructor(options: WaitingBudgetOptions) {
    this.options = options;
  }

  take(bucket: Bucket, priority: Priority, bounds: TakeBounds): Promise<Taken> {
    let line = this.lines.get(bucket);
    if (line === undefined) {
      line = new Line(bucket, this.options);
      this.lines.set(bucket, line);
    }
    return line.take(priority, bounds);
  }

  throttled(bucket: Bucket): void {
    this.options.source.cut(bucket);
  }
}

interface Waiter {
  readonly priority: Priority;
  readonly notAfter: number;
  readonly end: (taken: Taken) => void;
}

interface Nap {
  readonly priority: Priority;
  readonly until: number;
  readonly wake: AbortController;
}

/** The callers of this process that wait for one bucket. Only the most urgent asks; the others stand behind it. */
class Line {
  private readonly bucket: Bucket;
  private readonly options: WaitingBudgetOptions;
  /** Sets keep the order of arrival, and an aborted caller leaves at no cost. */
  private readonly waiting: Readonly<Record<Priority, Set<Waiter>>> = {
    repair: new Set(),
    'new-host': new Set(),
    rollout: new Set(),
  };
  private serving = false;
  private nap: Nap | null = null;

  constructor(bucket: Bucket, options: WaitingBudgetOptions) {
    this.bucket = bucket;
    this.options = options;
  }

  take(priority: Priority, { notAfter, signal }: TakeBounds): Promise<Taken> {
    if (signal.aborted) return Promise.resolve('aborted');
    return new Promise((resolve) => {
      const abort = (): void => waiter.end('aborted');
      const waiter: Waiter = {
        priority,
        notAfter: notAfter ?? Infinity,
        end: (taken) => {
          signal.removeEventListener('abort', abort);
          this.waiting[priority].delete(waiter);
          resolve(taken);
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.waiting[priority].add(waiter);
      if (!this.serving) void this.serve();
      else if (this.nap !== null && changesTheNap(waiter, this.nap)) this.nap.wake.abort();
    });
  }

  private async serve(): Promise<void> {
    this.serving = true;
    try {
      for (;;) {
        this.dismissLate();
        const first = this.first();
        if (first === null) return;
        const { priority } = first;
        const { granted, waitMs } = await this.options.source.ask(this.bucket, {
          leave: RESERVED_SHARE[priority],
          want: Math.min(this.waiting[priority].size, MOST_PER_ASK),
        });
        this.dismissLate();
        // Whoever is most urgent now: what one priority may take, those before it may take too.
        for (let i = 0; i < granted; i += 1) this.first()?.end('taken');
        if (waitMs > 0) await this.sleep(priority, waitMs);
      }
    } finally {
      this.serving = false;
    }
  }

  private async sleep(priority: Priority, waitMs: number): Promise<void> {
    const now = this.options.clock.now();
    const until = Math.min(now + waitMs, this.nextLate() + 1);
    // Somebody more urgent came while we asked: ask for him at once.
    if (until <= now || this.first()?.priority !== priority) return;
    this.nap = { priority, until, wake: new AbortController() };
    await this.options.clock.sleep(until - now, this.nap.wake.signal);
    this.nap = null;
  }

  private first(): Waiter | null {
    for (const priority of BY_URGENCY) {
      for (const waiter of this.waiting[priority]) return waiter;
    }
    return null;
  }

  private dismissLate(): void {
    const now = this.options.clock.now();
    for (const waiter of this.everybody()) if (now > waiter.notAfter) waiter.end('late');
  }

  private nextLate(): number {
    return this.everybody().reduce((soonest, { notAfter }) => Math.min(soonest, notAfter), Infinity);
  }

  private everybody(): readonly Waiter[] {
    return BY_URGENCY.flatMap((priority) => [...this.waiting[priority]]);
  }
}

const changesTheNap = (waiter: Waiter, nap: Nap): boolean =>
  BY_URGENCY.indexOf(waiter.priority) < BY_URGENCY.indexOf(nap.priority) || waiter.notAfter < nap.until;
