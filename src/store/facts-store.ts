import type { Facts, Instance, Task } from '../domain/facts.ts';
import type { ClusterArn, Instant, Revision } from '../domain/ids.ts';

/**
 * The port to the cache of cluster facts. It may lose everything at any moment.
 * F1. A generation is published whole or not at all.
 * F2. A generation replaces none but the one that was there when its listing began: an earlier listing never replaces a
 *     later one, whatever the clocks of those who made them say.
 * F3. Sightings add to a generation and never stand without one. Of two views of one thing the higher version counts.
 *     A generation does away with the sightings that are older than its listing.
 */
export interface FactsStore {
  /**
   * The newest generation with what was sighted since, or null: not known (yet), or replaced again and again while it was
   * read. Start and revision are the listing's. Throws FactsUnavailableError when the cache does not answer.
   */
  read(cluster: ClusterArn): Promise<Facts | null>;
  /** What is said of the generation that is there, without reading it; null: none is there. Asked before a listing begins. */
  standing(cluster: ClusterArn): Promise<Standing | null>;
  /**
   * `replaces`: what `standing` gave before this listing began. False: another one was published since, or the cache lost a
   * part of this one meanwhile; nothing was changed. On a cache that lost everything any generation may be published.
   */
  publish(generation: Generation, replaces: Standing | null): Promise<boolean>;
}

export interface Standing {
  /** No other generation's, ever. */
  readonly id: string;
  /** When its listing began, by the clock of whoever made it. */
  readonly startedAt: Instant;
  /** What it cost, as of a generation. */
  readonly reads: number;
}

export interface Generation {
  readonly cluster: ClusterArn;
  readonly startedAt: Instant;
  readonly revision: Revision;
  readonly storeId: string;
  readonly instances: readonly Instance[];
  readonly tasks: readonly Task[];
  /** ECS read calls the listing took. */
  readonly reads: number;
}

/** One thing as it was seen between two listings. */
export type Sighting =
  | { readonly kind: 'instance'; readonly instance: Instance }
  | { readonly kind: 'task'; readonly task: Task };

export interface SightingStore {
  /** Keeps them for readers of the cluster's facts. Throws FactsUnavailableError. */
  sight(cluster: ClusterArn, sightings: readonly Sighting[]): Promise<void>;
}

export class FactsUnavailableError extends Error {
  override readonly name = 'FactsUnavailableError';
}
