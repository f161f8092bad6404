/**
 * How many large records a process reads at a time: one of 5,000 hosts is six megabytes, and a survey wakes all environments of
 * its cluster at once. They lose nothing by coming one after the other, as reading and planning are work of the one processor;
 * what a turn waits for otherwise, ECS above all, it waits for outside. Small records need no place.
 */
import pLimit from 'p-limit';
import type { EnvironmentId } from '../domain/ids.ts';

/** Hosts: more than a page of etcd's, a megabyte. */
const LARGE = 1_000;
/** One is read and planned, which keeps the processor, while the next ones' pages come. */
const LARGE_AT_ONCE = 3;

export class ReadingRoom {
  readonly #large = pLimit(LARGE_AT_ONCE);
  /** Large environments, as their last turn here found. One that is not known needs no place: most are small, and new ones empty. */
  readonly #known = new Set<EnvironmentId>();

  enter<T>(environment: EnvironmentId, read: () => Promise<T>): Promise<T> {
    return this.#known.has(environment) ? this.#large(read) : read();
  }

  /** Hosts that the environment's record was found to have. */
  note(environment: EnvironmentId, hosts: number): void {
    if (hosts > LARGE) this.#known.add(environment);
    else this.#known.delete(environment);
  }
}
