import type { EnvironmentSpec } from '../domain/environment.ts';
import type { ClusterArn } from '../domain/ids.ts';
import type { ActorStore } from '../store/store.ts';

/** Events come by the hundred a second; an environment made within the last second asks for a survey of its own. */
const REMEMBERED_MS = 1_000;

export interface WatchersOptions {
  readonly store: Pick<ActorStore, 'inventory'>;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic: () => number;
}

export interface Watched {
  /** Identity of the store, as in Facts.storeId. */
  readonly storeId: string;
  /** None: nobody watches the cluster. */
  readonly watchers: readonly EnvironmentSpec[];
}

/** Which environments are on a cluster, remembered for a second. */
export class Watchers {
  private readonly options: WatchersOptions;
  private until = -Infinity;
  private known: Promise<Inventory> | null = null;

  constructor(options: WatchersOptions) {
    this.options = options;
  }

  /** Throws StoreUnavailableError. */
  async of(cluster: ClusterArn): Promise<Watched> {
    const { storeId, byCluster } = await this.inventory();
    return { storeId, watchers: byCluster.get(cluster) ?? [] };
  }

  private inventory(): Promise<Inventory> {
    if (this.known === null || this.options.monotonic() >= this.until) {
      const asked = this.ask();
      this.known = asked;
      this.until = this.options.monotonic() + REMEMBERED_MS;
      asked.catch(() => {
        if (this.known === asked) this.known = null;
      });
    }
    return this.known;
  }

  private async ask(): Promise<Inventory> {
    const { storeId, specs } = await this.options.store.inventory();
    const byCluster = new Map<ClusterArn, EnvironmentSpec[]>();
    for (const { value: spec } of specs) {
      const there = byCluster.get(spec.cluster);
      if (there === undefined) byCluster.set(spec.cluster, [spec]);
      else there.push(spec);
    }
    return { storeId, byCluster };
  }
}

interface Inventory {
  readonly storeId: string;
  readonly byCluster: ReadonlyMap<ClusterArn, readonly EnvironmentSpec[]>;
}
