import type { EcsModel } from '../model/model.ts';
import type { Change } from '../model/records.ts';
import { SeededRandom } from '../model/random.ts';
import { eventOf } from './ecs-events.ts';
import type { SqsQueue } from './sqs-queue.ts';

/** What may become of an event on its way. Probabilities from 0 to 1. */
export interface EventMix {
  /** It comes twice. */
  readonly duplicates: number;
  /** It is held back for up to `HELD_BACK_MOST_MS`, so that later ones overtake it. */
  readonly reordering: number;
  /** It never comes. */
  readonly loss: number;
  /** Every event takes from none to this long. */
  readonly delayMs: number;
}

export interface EventCounts {
  readonly emitted: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly heldBack: number;
  /** Answered 2xx by the HTTP target. */
  readonly posted: number;
  readonly postsFailed: number;
}

const HELD_BACK_MOST_MS = 1_000;
/** EventBridge tries for a day; a target that is down for longer than this has lost the event here. */
const POST_ATTEMPTS = 5;
const POST_PAUSE_MS = 500;
const POST_WITHIN_MS = 5_000;
/** EventBridge's own default is 300 a second for an API destination. */
const POSTS_AT_ONCE = 10;
const UINT32 = 2 ** 32;

/** Plays EventBridge: carries the model's changes to the queue and to the HTTP target, with the faults of its mix. */
export class EventDelivery {
  mix: EventMix;
  readonly #model: EcsModel;
  readonly #queue: SqsQueue;
  readonly #target: string | null;
  readonly #random: SeededRandom;
  readonly #counts = { emitted: 0, lost: 0, duplicated: 0, heldBack: 0, posted: 0, postsFailed: 0 };
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #toPost: string[] = [];
  readonly #stop = new AbortController();
  #posting = 0;
  #next: NodeJS.Timeout | undefined;

  constructor(options: {
    readonly model: EcsModel;
    readonly queue: SqsQueue;
    readonly target: string | null;
    readonly mix: EventMix;
    readonly seed: number;
  }) {
    this.#model = options.model;
    this.#queue = options.queue;
    this.#target = options.target;
    this.mix = options.mix;
    this.#random = new SeededRandom(options.seed);
  }

  get counts(): EventCounts {
    return { ...this.#counts };
  }

  /** Call it after anything that may have changed the model. It calls itself when something happens there by itself. */
  pump(): void {
    for (const change of this.#model.takeChanges()) this.#emit(change);
    clearTimeout(this.#next);
    const at = this.#model.nextChangeAt();
    if (at === null || this.#stop.signal.aborted) return;
    this.#next = setTimeout(
      () => {
        this.#model.advance(Date.now());
        this.pump();
      },
      Math.max(1, at - Date.now()),
    );
    this.#next.unref();
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#next);
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #emit(change: Change): void {
    this.#counts.emitted += 1;
    const body = JSON.stringify(eventOf(change, this.#counts.emitted));
    if (this.#happens(this.mix.loss)) {
      this.#counts.lost += 1;
      return;
    }
    this.#carry(body);
    if (!this.#happens(this.mix.duplicates)) return;
    this.#counts.duplicated += 1;
    this.#carry(body);
  }

  #carry(body: string): void {
    let ms = this.#chance() * this.mix.delayMs;
    if (this.#happens(this.mix.reordering)) {
      this.#counts.heldBack += 1;
      ms += this.#chance() * HELD_BACK_MOST_MS;
    }
    if (ms < 1) this.#deliver(body);
    else this.#later(ms, () => this.#deliver(body));
  }

  #deliver(body: string): void {
    this.#queue.send(body);
    if (this.#target === null) return;
    this.#toPost.push(body);
    if (this.#posting < POSTS_AT_ONCE) void this.#post(this.#target);
  }

  async #post(target: string): Promise<void> {
    this.#posting += 1;
    for (let body = this.#toPost.shift(); body !== undefined; body = this.#toPost.shift()) {
      let posted = false;
      for (let attempt = 1; !posted && attempt <= POST_ATTEMPTS && !this.#stop.signal.aborted; attempt += 1) {
        if (attempt > 1) await new Promise<void>((resolve) => this.#later(POST_PAUSE_MS, resolve));
        posted = await posts(target, body);
      }
      this.#counts[posted ? 'posted' : 'postsFailed'] += 1;
    }
    this.#posting -= 1;
  }

  #later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }

  #chance(): number {
    return this.#random.uint32() / UINT32;
  }

  #happens(probability: number): boolean {
    return probability > 0 && this.#chance() < probability;
  }
}

async function posts(target: string, body: string): Promise<boolean> {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(target, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(POST_WITHIN_MS),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
