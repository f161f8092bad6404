/**
 * R1 of `store.ts` by H1 to H3: two API processes over one store, whose calls, watches and clocks move when the test says so. Each
 * reads by `SharedReads` and answers changes by `heldAnswers`; whatever order things happen in, no read misses an answered write.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ApiContext } from '../../src/api/app-env.ts';
import { Deadline } from '../../src/api/deadline.ts';
import { heldAnswers } from '../../src/api/held-answers.ts';
import { SharedReads } from '../../src/store/shared-reads.ts';

const SHARING = { forMs: 10, quietForMs: 50 };

/** Lets everything run that waits for nothing but its turn: a crowd's question takes three. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

class World {
  now = 0;
  /** Writes that have landed, and the newest that was answered. */
  landed = 0;
  answered = 0;
  readonly seen = { reads: 0, questions: 0, heldAnswers: 0, freeAnswers: 0 };
  /** Writes that the store has not taken yet, and such as it has, whose callers do not know. */
  readonly #writes: (() => void)[] = [];
  readonly #replies: (() => void)[] = [];
  readonly #sleeping: { readonly until: number; readonly go: () => void }[] = [];
  readonly apis = [new Api(this), new Api(this)];

  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const next = this.#sleeping.toSorted((a, b) => a.until - b.until)[0];
      if (next === undefined || next.until > end) break;
      this.now = Math.max(this.now, next.until);
      this.#sleeping.splice(this.#sleeping.indexOf(next), 1);
      next.go();
      await settle();
    }
    this.now = end;
  }

  sleep(ms: number): Promise<void> {
    // As early as a timer may be.
    const until = this.now + ms - 1;
    return new Promise((go) => this.#sleeping.push({ until, go }));
  }

  /** A write that waits until the store takes it, and then until its caller is told; gives its number. */
  write(): Promise<number> {
    return new Promise((told) => {
      this.#writes.push(() => {
        const number = (this.landed += 1);
        this.#replies.push(() => told(number));
      });
    });
  }

  land(): void {
    this.#writes.shift()?.();
  }

  tell(): void {
    this.#replies.shift()?.();
  }
}

class Api {
  readonly #world: World;
  readonly #reads: SharedReads;
  readonly #answer: ReturnType<typeof heldAnswers>;
  /** What the watch has brought. */
  #delivered = 0;
  readonly #asking: { wanted: number; readonly go: () => void }[] = [];

  constructor(world: World) {
    this.#world = world;
    const monotonic = (): number => world.now;
    this.#reads = new SharedReads({ confirm: () => this.#confirm(), sharing: SHARING, monotonic });
    this.#answer = heldAnswers({ sharing: SHARING }, { monotonic, sleep: (ms) => world.sleep(ms) });
  }

  /** Asks the store for its newest write, and waits until the watch has brought that. */
  #confirm(): Promise<void> {
    this.#world.seen.questions += 1;
    return new Promise((go) => this.#asking.push({ wanted: Infinity, go }));
  }

  /** The store answers the oldest question that it has not answered. */
  reply(): void {
    const question = this.#asking.find(({ wanted }) => wanted === Infinity);
    if (question !== undefined) question.wanted = this.#world.landed;
  }

  /** The watch brings one more write; questions end that were answered by it or one before. */
  deliver(): void {
    if (this.#delivered < this.#world.landed) {
      this.#delivered += 1;
      this.#reads.wrote();
    }
    for (const question of this.#asking.filter(({ wanted }) => wanted <= this.#delivered)) {
      this.#asking.splice(this.#asking.indexOf(question), 1);
      question.go();
    }
  }

  async write(): Promise<void> {
    const world = this.#world;
    const deadline = new Deadline();
    let [number, toldAt] = [0, 0];
    await this.#answer({ get: () => deadline } as unknown as ApiContext, async () => {
      number = await world.write();
      toldAt = world.now;
      deadline.changeLanded();
    });
    world.answered = Math.max(world.answered, number);
    world.seen[world.now - toldAt >= SHARING.forMs ? 'heldAnswers' : 'freeAnswers'] += 1;
  }

  async read(): Promise<void> {
    const { answered } = this.#world;
    await this.#reads.current();
    this.#world.seen.reads += 1;
    expect(this.#delivered).toBeGreaterThanOrEqual(answered);
  }
}

const api = fc.integer({ min: 0, max: 1 });
const STEP = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('read', 'read', 'reply', 'deliver'), api }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('write', 'land', 'tell'), api }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass'), api, ms: fc.constantFrom(1, 3, 6, 11, 30, 60) }) },
);

test('no read misses a write that was answered before it began (R1)', async () => {
  const total = { reads: 0, questions: 0, heldAnswers: 0, freeAnswers: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 20, maxLength: 80 }), async (steps) => {
      const world = new World();
      const calls: Promise<void>[] = [];
      for (const step of steps) {
        const one = world.apis[step.api];
        if (one === undefined) throw new Error('no such API');
        if (step.kind === 'read') calls.push(one.read());
        else if (step.kind === 'write') calls.push(one.write());
        else if (step.kind === 'reply') one.reply();
        else if (step.kind === 'deliver') one.deliver();
        else if (step.kind === 'land') world.land();
        else if (step.kind === 'tell') world.tell();
        else if ('ms' in step) await world.pass(step.ms);
        await settle();
      }
      // All that is open comes to its end.
      const over = Promise.all(calls).then(() => true);
      for (let ended = false; !ended;) {
        world.land();
        world.tell();
        for (const one of world.apis) {
          one.reply();
          one.deliver();
        }
        await world.pass(SHARING.forMs);
        ended = await Promise.race([over, settle().then(() => false)]);
      }
      for (const what of Object.keys(total) as (keyof typeof total)[]) total[what] += world.seen[what];
    }),
    { numRuns: 3_000, seed: 11 },
  );
  expect(total.reads).toBeGreaterThan(total.questions);
  expect(Math.min(total.heldAnswers, total.freeAnswers)).toBeGreaterThan(300);
});
