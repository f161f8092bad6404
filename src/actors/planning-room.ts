/**
 * How many turns of one process plan at a time. A turn that plans holds its environment's whole record: six megabytes for
 * 5,000 hosts. A survey wakes all environments of its cluster at once, and reading and planning are work of the one
 * processor, so that large ones lose nothing by coming in one after the other. Small ones always come in.
 */
import pLimit from 'p-limit';
import type { EnvironmentId } from '../domain/ids.ts';

/** Hosts: more than a page of etcd's, a megabyte. */
const LARGE = 1_000;
/** One reads while another waits for etcd; the third waits for ECS to tell what its plan asked. */
const LARGE_AT_ONCE = 3;

export class PlanningRoom {
  readonly #large = pLimit(LARGE_AT_ONCE);
  /** Large environments, as their last turn here found. One that is not known is let in at once: most are small, and new ones empty. */
  readonly #known = new Set<EnvironmentId>();

  enter<T>(environment: EnvironmentId, plan: () => Promise<T>): Promise<T> {
    return this.#known.has(environment) ? this.#large(plan) : plan();
  }

  /** Hosts that the environment's record was found to have. */
  note(environment: EnvironmentId, hosts: number): void {
    if (hosts > LARGE) this.#known.add(environment);
    else this.#known.delete(environment);
  }
}
