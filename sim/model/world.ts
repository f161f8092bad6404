import type { Ledger } from './ledger.ts';
import type { ModelOptions } from './options.ts';
import type { SeededRandom } from './random.ts';
import type { Change, Cluster, Due, TaskDefinition } from './records.ts';
import type { TimerQueue } from './timers.ts';

/** Everything the simulated ECS knows. Only the operations and the life cycle change it. Instants are epoch milliseconds. */
export interface World {
  readonly options: ModelOptions;
  readonly random: SeededRandom;
  readonly timers: TimerQueue<Due>;
  readonly ledger: Ledger;
  /** Changes that no event was made of yet; null when nobody wants events. */
  outbox: Change[] | null;
  readonly clusters: Map<string, Cluster>;
  /** Revisions by family, oldest first: revision n is at n - 1. */
  readonly families: Map<string, TaskDefinition[]>;
  now: number;
  /** Creation order of hosts and tasks. Lists page by it. */
  created: number;
}
