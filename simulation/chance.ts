import { SeededRandom } from '../sim/model/random.ts';

const UINT32 = 2 ** 32;

/** A stream of seeded chance. Streams of other names are independent, so that one more draw here shifts nothing there. */
export class Chance {
  private readonly seed: number;
  private readonly random: SeededRandom;

  constructor(seed: number, name: string) {
    this.seed = mixed(seed, name);
    this.random = new SeededRandom(this.seed);
  }

  fork(name: string): Chance {
    return new Chance(this.seed, name);
  }

  bits(): number {
    return this.random.uint32();
  }

  /** From 0 up to, not including, 1. */
  unit(): number {
    return this.random.uint32() / UINT32;
  }

  /** An integer from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** Often one of the ends: that is where bounds are tried. */
  extreme(least: number, most: number): number {
    const end = this.unit();
    if (end < 0.25) return most;
    return end < 0.35 ? least : this.int(least, most);
  }

  happens(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.int(0, items.length - 1)];
  }
}

/** FNV-1a over the name, begun at the seed. */
function mixed(seed: number, name: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  // Neighbouring seeds must not give neighbouring streams.
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
