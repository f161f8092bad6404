/**
 * The actor's side of the store on etcd. S1 to S3 of `store.ts`, by these means:
 *
 * - The fence is a key that each claim puts; its mod revision is the token. Every transaction of a commit compares it, so the
 *   first claim after ours refuses all that we have not landed yet.
 * - Keys lie under the environment's id; removing it removes the fence as well, and then no compare of an old token can hold.
 * - A commit is sent once. When its reply is lost, the next claim's world says what landed.
 */
import { randomUUID } from 'node:crypto';
import type { ICompare, IRangeResponse, IRequestOp } from 'etcd3';
import type { EnvironmentId, Revision } from '../domain/ids.ts';
import type { Change, ChangeGroup } from '../domain/plan.ts';
import type { World } from '../domain/world.ts';
import { packGroups, type Packing } from './chunks.ts';
import { fenceCodec, historyCodec, launchCodec, nameCodec, progressCodec, slotCodec, statusCodec } from './codec.ts';
import type { EtcdClient } from './etcd-client.ts';
import { pagesAt } from './etcd-listing.ts';
import {
  entryOf,
  exists,
  get,
  getFirst,
  hasValue,
  modifiedAt,
  put,
  remove,
  revisionOf,
  type Entry,
} from './etcd-requests.ts';
import { historyApart } from './host-history.ts';
import { worldOf } from './items.ts';
import { keyAfter, type KeyRange, type Keys } from './keys.ts';
import { recordRanges, specWrites } from './record-writes.ts';
import type { SpecListing } from './spec-listing.ts';
import {
  StoreOutcomeUnknownError,
  StoreUnavailableError,
  type ActorStore,
  type Claim,
  type ClaimResult,
  type CommitResult,
  type Inventory,
} from './store.ts';

export interface EtcdActorOptions {
  readonly client: EtcdClient;
  readonly keys: Keys;
  /** Keys a page. A page of launches is 4 MB at 1,000. */
  readonly pageSize: number;
  readonly listing: SpecListing;
  /** Ids of writes; never the same one twice. */
  readonly newOperation?: () => string;
}

export function etcdActorStore(options: EtcdActorOptions): ActorStore {
  return {
    claim: (environment, holder) => claim(options, environment, holder),
    inventory: () => inventory(options),
  };
}

async function claim(options: EtcdActorOptions, id: EnvironmentId, holder: string): Promise<ClaimResult> {
  const { client, keys, pageSize, newOperation = randomUUID } = options;
  const ranges = recordRanges(keys, id);
  const taken = await client
    .write({
      compare: [exists(keys.spec(id))],
      success: [
        put(keys.fence(id), fenceCodec.encode({ holder })),
        ...ranges.map(get),
        getFirst(keys.actor(id), pageSize),
      ],
    })
    .catch((error: unknown) => {
      // Harmless if it landed: a fence that nobody holds only refuses its predecessors.
      if (error instanceof StoreOutcomeUnknownError) throw new StoreUnavailableError(error.message, { cause: error });
      throw error;
    });
  if (!taken.succeeded) return { kind: 'gone' };

  const fence = revisionOf(taken.header.revision);
  const [, ...loaded] = taken.responses.map(({ response_range: range }) => range);
  const world = await worldOf(keys, pagesOf(loaded, options, id, fence));
  if (world === null) throw new Error(`etcd answered a claim of ${id} without its spec`);
  if ('kind' in world) return { kind: 'unreadable', key: world.key, fault: world.fault };
  return {
    kind: 'claimed',
    claim: claimed({ client, keys, world, fence, storeId: taken.header.cluster_id, newOperation }),
  };
}

/** What the claim's transaction read, and then what it had no room for, at the fence's revision: as good as one transaction. */
async function* pagesOf(
  loaded: readonly IRangeResponse[],
  { client, keys, pageSize }: EtcdActorOptions,
  id: EnvironmentId,
  fence: Revision,
): AsyncGenerator<readonly Entry[], undefined> {
  const entries = loaded.flatMap((range) => range.kvs.map(entryOf));
  yield entries;
  if (loaded.at(-1)?.more !== true) return;
  const { start, end } = keys.actor(id);
  const range = { start: keyAfter(entries.at(-1)?.key ?? start), end };
  yield* pagesAt(client, { range, pageSize, revision: fence });
}

interface Claimed {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly world: World;
  readonly fence: Revision;
  readonly storeId: string;
  readonly newOperation: () => string;
}

function claimed({ client, keys, world, fence, storeId, newOperation }: Claimed): Claim {
  const { id, name } = world.spec.value;
  const fenceHolds = modifiedAt(keys.fence(id), fence);
  const specHolds = modifiedAt(keys.spec(id), world.spec.modified);
  const named = nameCodec.encode(id);

  return {
    world,
    storeId,
    fence,
    commitIntents: (groups) => commit({ client, keys, id, groups, compare: [fenceHolds, specHolds] }),
    commitOutcomes: (groups) => commit({ client, keys, id, groups, compare: [fenceHolds] }),
    rollBack: ({ spec, deployment, progress }) =>
      writeFenced(
        client,
        [fenceHolds, specHolds],
        [
          ...specWrites(keys, spec, deployment),
          put(keys.progress(id, progress.id), progressCodec.encode(progress)),
          put(keys.written, newOperation()),
        ],
      ),
    remove: () =>
      writeFenced(
        client,
        [fenceHolds, specHolds],
        [
          ...[...recordRanges(keys, id), keys.actor(id), keys.allHistory(id)].map(remove),
          { request_txn: { compare: [hasValue(keys.name(name), named)], success: [remove(keys.name(name))] } },
          put(keys.written, newOperation()),
        ],
      ),
  };
}

interface Commit {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly id: EnvironmentId;
  readonly groups: readonly ChangeGroup[];
  readonly compare: readonly ICompare[];
}

async function commit({ client, keys, id, groups, compare }: Commit): Promise<CommitResult> {
  let isEmpty = true;
  for (const chunk of chunksOf(keys, id, groups)) {
    isEmpty = false;
    const operations = chunk.map(({ key, text }) =>
      text === null || typeof key !== 'string' ? remove(key) : put(key, text),
    );
    const result = await writeFenced(client, compare, operations);
    if (result.kind !== 'committed') return result;
  }
  // Without anything to write it still asks whether the claim holds: what follows may be calls to ECS.
  return isEmpty ? await writeFenced(client, compare, []) : { kind: 'committed' };
}

function* chunksOf(keys: Keys, id: EnvironmentId, groups: readonly ChangeGroup[]): Generator<readonly Write[]> {
  for (const run of historyApart(groups)) yield* packGroups(writtenOut(keys, id, run), PACKING);
}

function* writtenOut(keys: Keys, id: EnvironmentId, groups: readonly ChangeGroup[]): Generator<readonly Write[]> {
  for (const group of groups) yield group.flatMap((change) => writesOf(keys, id, change));
}

async function writeFenced(
  client: EtcdClient,
  compare: readonly ICompare[],
  success: readonly IRequestOp[],
): Promise<CommitResult> {
  try {
    const { succeeded } = await client.write({ compare: [...compare], success: [...success] });
    return { kind: succeeded ? 'committed' : 'fenced' };
  } catch (error) {
    // A write that surely did not land is reported alike: either way the turn ends, and the next claim looks.
    if (error instanceof StoreOutcomeUnknownError || error instanceof StoreUnavailableError)
      return { kind: 'unknown', reason: error.message };
    throw error;
  }
}

/** null deletes. */
interface Write {
  readonly key: string | KeyRange;
  readonly text: string | null;
}

const PACKING: Packing<Write> = {
  keyOf: ({ key }) => (typeof key === 'string' ? key : key.start),
  bytesOf: ({ key, text }) => (typeof key === 'string' ? Buffer.byteLength(key) : 0) + Buffer.byteLength(text ?? ''),
};

function writesOf(keys: Keys, id: EnvironmentId, change: Change): readonly Write[] {
  switch (change.kind) {
    case 'put-launch':
      return [{ key: keys.launch(id, change.launch.id), text: launchCodec.encode(change.launch) }];
    case 'delete-launch':
      return [{ key: keys.launch(id, change.launch), text: null }];
    case 'put-slot':
      return [{ key: keys.slot(id, change.slot.instance), text: slotCodec.encode(change.slot) }];
    case 'delete-slot':
      return [
        { key: keys.slot(id, change.instance), text: null },
        { key: keys.historyOf(id, change.instance), text: null },
      ];
    case 'put-history':
      return [{ key: keys.history(id, change.instance, change.place), text: historyCodec.encode(change.entry) }];
    case 'put-progress':
      return [{ key: keys.progress(id, change.progress.id), text: progressCodec.encode(change.progress) }];
    case 'put-status':
      return [{ key: keys.status(id), text: statusCodec.encode(change.status) }];
  }
}

async function inventory({ keys, listing }: EtcdActorOptions): Promise<Inventory> {
  const { items, revision, storeId } = await listing.list();
  const specs = items.flatMap(({ item }) => (item.kind === 'spec' ? [item.spec] : []));
  const unreadable = items.flatMap(({ key, item }) => (item.kind === 'spec' ? [] : [idOf(keys, key)]));
  return { revision, storeId, specs, unreadable };
}

function idOf(keys: Keys, key: string): EnvironmentId {
  const parsed = keys.parse(key);
  return parsed === null ? (key.slice(keys.specs.start.length) as EnvironmentId) : parsed.environment;
}
