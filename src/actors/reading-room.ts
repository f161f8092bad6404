/**
 * How many large records a process reads at a time: one of 5,000 hosts is six megabytes, and a survey, or the first sweep after a
 * start, wakes all environments of a cluster at once. They lose nothing by coming one after the other, as reading is work of the
 * one processor; what a turn waits for otherwise, ECS above all, it waits for outside. Small records need no place.
 */
import pLimit from 'p-limit';
import type { EnvironmentId } from '../domain/ids.ts';
import type { World } from '../domain/world.ts';

/** In hosts: a page of etcd's, which is a megabyte. */
const LARGE = 1_000;
/** A launch has its whole request, 4 kB; a host has 0.8. */
const HOSTS_PER_LAUNCH = 5;
/** While the turn of one is planned, which keeps the processor, the pages of the next ones come. */
const LARGE_AT_ONCE = 3;

export class ReadingRoom {
  readonly #large = pLimit(LARGE_AT_ONCE);
  /** Environments that were small when a turn here read them last. One that is not known may be anything. */
  readonly #small = new Set<EnvironmentId>();

  enter<T>(environment: EnvironmentId, read: () => Promise<T>): Promise<T> {
    return this.#small.has(environment) ? read() : this.#large(read);
  }

  /** What the environment's record was found to hold; null when there is none. */
  note(environment: EnvironmentId, world: Pick<World, 'slots' | 'launches'> | null): void {
    if (world !== null && sizeOf(world) <= LARGE) this.#small.add(environment);
    else this.#small.delete(environment);
  }
}

const sizeOf = ({ slots, launches }: Pick<World, 'slots' | 'launches'>): number =>
  slots.size + HOSTS_PER_LAUNCH * launches.size;
