/**
 * The cluster's side of the store on etcd. C1 and C2 of `cluster-store.ts`, by these means: everything is read at one
 * revision, the fence among it, and the put that takes the fence compares that it is still as it was read. Its mod
 * revision is the token.
 */
import type { ClusterArn, Revision } from '../domain/ids.ts';
import type { EnvironmentSpec } from '../domain/environment.ts';
import { isRequired, type RequiredEnvironment } from '../domain/required.ts';
import type { Stored } from '../domain/world.ts';
import type { ClusterClaimResult, ClusterStore } from './cluster-store.ts';
import { fenceCodec } from './codec.ts';
import type { EtcdClient } from './etcd-client.ts';
import { listRange } from './etcd-listing.ts';
import { absent, keyFields, modifiedAt, put, revisionOf, type Entry } from './etcd-requests.ts';
import { itemOf, type Item, type UnreadableItem } from './items.ts';
import { keyAfter, type KeyRange, type Keys } from './keys.ts';
import type { SpecListing } from './spec-listing.ts';
import { StoreOutcomeUnknownError, StoreUnavailableError } from './store.ts';

export interface EtcdClusterOptions {
  readonly client: EtcdClient;
  readonly keys: Keys;
  /** Keys a page. */
  readonly pageSize: number;
  readonly listing: SpecListing;
}

export function etcdClusterStore(options: EtcdClusterOptions): ClusterStore {
  return { claim: (cluster, holder) => claim(options, cluster, holder) };
}

async function claim(options: EtcdClusterOptions, cluster: ClusterArn, holder: string): Promise<ClusterClaimResult> {
  const { client, keys, listing } = options;
  const { items, revision, storeId } = await listing.list();
  const fault = items.map(({ item }) => item).find(isUnreadable);
  if (fault !== undefined) return fault;
  const specs = items.flatMap(({ item }) =>
    item.kind === 'spec' && item.spec.value.cluster === cluster ? [item.spec] : [],
  );
  const fence = keys.clusterFence(cluster);
  const [before] = await entriesAt(options, only(fence), revision);
  const wanted = specs.filter(({ value }) => isRequired(value));
  if (before === undefined && wanted.length === 0) return { kind: 'unconcerned' };

  const required: RequiredEnvironment[] = [];
  for (const spec of wanted) {
    const one = await requiredAt(options, spec, revision);
    if ('kind' in one) return one;
    required.push(one);
  }

  const taken = await client
    .write({
      compare: [before === undefined ? absent(fence) : modifiedAt(fence, before.modified)],
      success: [put(fence, fenceCodec.encode({ holder }))],
    })
    .catch((error: unknown) => {
      // Harmless if it landed: a fence that nobody holds only refuses its predecessors.
      if (error instanceof StoreOutcomeUnknownError) throw new StoreUnavailableError(error.message, { cause: error });
      throw error;
    });
  if (!taken.succeeded) return { kind: 'fenced' };
  const token = revisionOf(taken.header.revision);
  return {
    kind: 'claimed',
    claim: {
      storeId,
      revision: token,
      watched: specs.length > 0,
      required,
      async holds() {
        const { kvs } = await client.range(keyFields(fence));
        return kvs[0] !== undefined && revisionOf(kvs[0].mod_revision) === token;
      },
    },
  };
}

async function requiredAt(
  options: EtcdClusterOptions,
  spec: Stored<EnvironmentSpec>,
  revision: Revision,
): Promise<RequiredEnvironment | UnreadableItem> {
  const { keys } = options;
  const { id, target } = spec.value;
  if (target === null) throw new Error(`environment ${id} is required and was never deployed`);
  const key = keys.deployment(id, target);
  const [deployments, kept] = await Promise.all([
    entriesAt(options, only(key), revision),
    entriesAt(options, keys.revisions(id), revision),
  ]);
  const items = [...deployments, ...kept].map((entry) => itemOf(keys, entry));
  const fault = items.find(isUnreadable);
  if (fault !== undefined) return fault;
  const deployment = items.find((item) => item.kind === 'deployment');
  if (deployment === undefined) return { kind: 'unreadable', key, fault: 'not there, though it is the target' };
  const revisions = items.flatMap((item) => (item.kind === 'revision' ? [item.revision.value] : []));
  return { spec, target: deployment.deployment.value, revisions };
}

async function entriesAt(
  { client, pageSize }: EtcdClusterOptions,
  range: KeyRange,
  revision: Revision,
): Promise<readonly Entry[]> {
  return (await listRange(client, { range, pageSize, revision })).entries;
}

const only = (key: string): KeyRange => ({ start: key, end: keyAfter(key) });

const isUnreadable = (item: Item): item is UnreadableItem => item.kind === 'unreadable';
