import type { Facts, Instance, Task } from '../domain/facts.ts';
import type { ClusterArn, Instant, Revision } from '../domain/ids.ts';

/**
 * The port to the cache of cluster facts. It may lose everything at any moment.
 * F1. A generation is published whole or not at all.
 * F2. A generation whose listing began earlier never replaces one whose listing began later.
 */
export interface FactsStore {
  /** The newest generation, or null: not known (yet). Throws FactsUnavailableError when the cache does not answer. */
  read(cluster: ClusterArn): Promise<Facts | null>;
  /** When the newest generation's listing began and what it cost, without reading the generation; null: not known. */
  pace(cluster: ClusterArn): Promise<{ readonly startedAt: Instant; readonly reads: number } | null>;
  /** False: an equally new or newer one is there, or the cache lost a part of this one meanwhile; nothing was changed. */
  publish(generation: Generation): Promise<boolean>;
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

export class FactsUnavailableError extends Error {
  override readonly name = 'FactsUnavailableError';
}
