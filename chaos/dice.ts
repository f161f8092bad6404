import { SeededRandom } from '../sim/model/random.ts';

/** Seeded choices: the same seed asks for the same faults in the same order; when they strike is up to the machine. */
export class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + (this.#random.uint32() % (most - least + 1));
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.int(0, from.length - 1)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  shuffled<T>(all: readonly T[]): readonly T[] {
    return all
      .map((one) => ({ one, at: this.#random.uint32() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ one }) => one);
  }
}

/** Hands out all of them in a random order before any comes again. */
export class Bag<T> {
  readonly #all: readonly T[];
  readonly #dice: Dice;
  #left: T[] = [];

  constructor(all: readonly T[], dice: Dice) {
    this.#all = all;
    this.#dice = dice;
  }

  next(): T {
    if (this.#left.length === 0) this.#left = [...this.#dice.shuffled(this.#all)];
    const next = this.#left.pop();
    if (next === undefined) throw new Error('the bag is empty');
    return next;
  }
}
