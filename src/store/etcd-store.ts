import { connectEtcd, type EtcdClient, type EtcdOptions } from './etcd-client.ts';
import { etcdActorStore } from './etcd-actors.ts';
import { etcdClusterStore } from './etcd-clusters.ts';
import { etcdEnvironmentStore } from './etcd-environments.ts';
import type { ClusterStore } from './cluster-store.ts';
import { keyFields } from './etcd-requests.ts';
import { DEFAULT_ROOT, keysUnder, type Keys } from './keys.ts';
import { SpecListing } from './spec-listing.ts';
import type { ActorStore, EnvironmentStore } from './store.ts';

export interface EtcdStoreOptions extends EtcdOptions {
  /** What all keys begin with; ends in '/'. `/ds/v1/` by default. */
  readonly root?: string;
  /** Keys a page, in listings and in a claim: 1,000 launches are 4 MB and take etcd some 30 ms. */
  readonly pageSize?: number;
}

export interface EtcdStore {
  readonly actors: ActorStore;
  readonly environments: EnvironmentStore;
  readonly clusters: ClusterStore;
  /** Resolves when etcd answers a linearizable read, so that a majority is there; else throws StoreUnavailableError. */
  ping(): Promise<void>;
  /** For a view of the same store (`openEtcdView`). */
  readonly client: EtcdClient;
  readonly keys: Keys;
  /** Closes the connections. What is under way fails. */
  close(): void;
}

const PAGE_SIZE = 1_000;

/** Connects lazily: an etcd that is away shows in the first call, not here. */
export function openEtcdStore({ root = DEFAULT_ROOT, pageSize = PAGE_SIZE, ...options }: EtcdStoreOptions): EtcdStore {
  const client = connectEtcd(options);
  const keys = keysUnder(root);
  const listing = new SpecListing({ client, keys, pageSize });
  return {
    actors: etcdActorStore({ client, keys, pageSize, listing }),
    environments: etcdEnvironmentStore({ client, keys, pageSize, ...(options.now && { now: options.now }) }),
    clusters: etcdClusterStore({ client, keys, pageSize, listing }),
    ping: async () => {
      await client.range(keyFields(keys.written));
    },
    client,
    keys,
    close: () => client.close(),
  };
}
