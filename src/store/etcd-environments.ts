/**
 * The API's side of the store on etcd.
 *
 * A write whose reply was lost is settled by one more transaction: it marks the operation void, which every write compares,
 * and reads what stands there. Since etcd puts the two in an order, the write either landed before, and is seen, or never lands.
 */
import { randomUUID } from 'node:crypto';
import type { ICompare, IRequestOp } from 'etcd3';
import type { EnvironmentId, EnvironmentName, Revision } from '../domain/ids.ts';
import { historyCodec, nameCodec, rememberedCodec, revisionCodec, slotCodec, specCodec, type Codec } from './codec.ts';
import type { World } from '../domain/world.ts';
import { CompactedError, LeaseGoneError, type EtcdClient } from './etcd-client.ts';
import { absent, entryOf, get, keyFields, modifiedAt, put, remove, revisionOf, type Entry } from './etcd-requests.ts';
import { pagesAt } from './etcd-listing.ts';
import { oldestFirst } from './host-history.ts';
import { worldOf } from './items.ts';
import type { KeyRange, Keys } from './keys.ts';
import { recordRanges, specWrites } from './record-writes.ts';
import { SharedLease } from './shared-lease.ts';
import {
  StoreOutcomeUnknownError,
  StoreUnavailableError,
  UnreadableValueError,
  type EnvironmentStore,
  type Remembered,
} from './store.ts';

export interface EtcdEnvironmentOptions {
  readonly client: EtcdClient;
  readonly keys: Keys;
  /** Keys a page, as of a claim. */
  readonly pageSize: number;
  /** In milliseconds since the epoch. */
  readonly now?: () => number;
  /** Ids of writes; never the same one twice. */
  readonly newOperation?: () => string;
}

/** How often we ask what became of a write; each time takes a call's deadline at most. */
const SETTLE_ATTEMPTS = 3;
const SETTLE_PAUSE_MS = 200;
/** A name may pass to another environment between the two steps of a read. */
const READ_ATTEMPTS = 3;

interface Loaded {
  readonly id: EnvironmentId;
  readonly entries: readonly Entry[];
  readonly storeId: string;
  readonly revision: Revision;
}

export function etcdEnvironmentStore({
  client,
  keys,
  pageSize,
  now = Date.now,
  newOperation = randomUUID,
}: EtcdEnvironmentOptions): EnvironmentStore {
  const lease = new SharedLease({ grant: (seconds) => client.grantLease(seconds), now });

  return {
    async create(spec, remember) {
      const operation = newOperation();
      const landed = await write({
        operation,
        specKey: keys.spec(spec.id),
        seen: null,
        compare: [absent(keys.name(spec.name))],
        success: [...specWrites(keys, spec, null, operation), put(keys.name(spec.name), nameCodec.encode(spec.id))],
        remember,
      });
      if (landed !== 'refused') return { kind: landed };
      return { kind: await holderOf(spec.name) };
    },

    async update({ spec, seen, deployment, revisions, forget }, remember) {
      const operation = newOperation();
      const success = [
        ...specWrites(keys, spec, deployment, operation),
        ...revisions.map((one) => put(keys.revision(spec.id, one.id), revisionCodec.encode(one))),
        ...forget.revisions.map((id) => remove(keys.revision(spec.id, id))),
        ...forget.deployments.flatMap((id) => [
          remove(keys.deployment(spec.id, id)),
          remove(keys.progress(spec.id, id)),
        ]),
      ];
      const landed = await write({
        operation,
        specKey: keys.spec(spec.id),
        seen,
        compare: [modifiedAt(keys.spec(spec.id), seen)],
        success,
        remember,
      });
      return { kind: landed === 'refused' ? 'conflict' : landed };
    },

    async read(name) {
      const found = await load(name);
      if (found === null) return null;
      const { spec, revisions, deployments, progress, status } = await worldIn(pagesOf(found));
      return { spec, revisions, deployments, progress, status };
    },

    async inspect(name) {
      const found = await load(name);
      if (found === null) return null;
      const { id, storeId, revision } = found;
      return { world: await worldIn(pagesOf(found, keys.actor(id))), storeId, revision };
    },

    async history(id, instance) {
      const range = keys.historyOf(id, instance);
      const { responses } = await client.read({ success: [get(keys.slot(id, instance)), get(range)] });
      const [slots = [], entries = []] = responses.map((one) => one.response_range.kvs.map(entryOf));
      const [slot] = slots.map((entry) => decoded(slotCodec, entry));
      const places = entries.map(
        (entry) => [Number(entry.key.slice(range.start.length)), decoded(historyCodec, entry)] as const,
      );
      return oldestFirst(new Map(places), slot?.entries ?? 0);
    },

    async recall(key) {
      const { kvs } = await client.range(keyFields(keys.remembered(key)));
      const [kv] = kvs;
      return kv === undefined ? null : decoded(rememberedCodec, entryOf(kv));
    },
  };

  /** The record of the environment of that name, as it stands in one transaction. */
  async function load(name: EnvironmentName): Promise<Loaded | null> {
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt += 1) {
      const { kvs } = await client.range(keyFields(keys.name(name)));
      const [kv] = kvs;
      if (kv === undefined) return null;
      const id = decoded(nameCodec, entryOf(kv));
      const { responses, header } = await client.read({ success: recordRanges(keys, id).map(get) });
      const entries = responses.flatMap(({ response_range: range }) => range.kvs.map(entryOf));
      if (!entries.some(({ key }) => key === keys.spec(id))) continue;
      return { id, entries, storeId: header.cluster_id, revision: revisionOf(header.revision) };
    }
    throw new StoreUnavailableError(`the environment of the name ${name} changed with every look at it`);
  }

  /** The record, and then what is under `more`, at the record's revision: as good as one transaction. */
  async function* pagesOf({ entries, revision }: Loaded, more?: KeyRange): AsyncGenerator<readonly Entry[], undefined> {
    yield entries;
    if (more !== undefined) yield* pagesAt(client, { range: more, pageSize, revision });
  }

  async function worldIn(pages: AsyncIterable<readonly Entry[]>): Promise<World> {
    const world = await worldOf(keys, pages);
    if (world === null) throw new Error('a record without its spec');
    if ('kind' in world) throw new UnreadableValueError(`${world.key}: ${world.fault}`);
    return world;
  }

  /** What a taken name is refused for. A holder that went in this moment still was there, and being deleted. */
  async function holderOf(name: EnvironmentName): Promise<'exists' | 'deleting'> {
    try {
      const holder = await load(name);
      return holder === null || (await worldIn(pagesOf(holder))).spec.value.deletion !== null ? 'deleting' : 'exists';
    } catch (error) {
      if (error instanceof UnreadableValueError) return 'exists';
      throw error;
    }
  }

  interface SpecWrite {
    readonly operation: string;
    readonly specKey: string;
    /** The spec's revision that the write builds on; null for a new spec. */
    readonly seen: Revision | null;
    readonly compare: readonly ICompare[];
    readonly success: readonly IRequestOp[];
    readonly remember: Remembered | null;
  }

  async function write(spec: SpecWrite): Promise<'done' | 'remembered' | 'refused'> {
    try {
      return await send(spec);
    } catch (error) {
      if (error instanceof LeaseGoneError) {
        // Surely not landed: etcd refuses the whole transaction. It was restored from a backup, or its clock leapt.
        lease.forget();
        return await send(spec).catch((again: unknown) => settleAfter(again, spec));
      }
      return await settleAfter(error, spec);
    }
  }

  async function send({
    operation,
    compare,
    success,
    remember,
  }: SpecWrite): Promise<'done' | 'remembered' | 'refused'> {
    const memory = remember === null ? null : { key: keys.remembered(remember.key), answer: remember.answer };
    const answer = await client.write({
      compare: [...compare, absent(keys.voided(operation)), ...(memory === null ? [] : [absent(memory.key)])],
      success: [
        ...success,
        put(keys.written, operation),
        ...(memory === null ? [] : [put(memory.key, rememberedCodec.encode(memory.answer), await lease.id())]),
      ],
      failure: memory === null ? [] : [get(memory.key)],
    });
    if (answer.succeeded) return 'done';
    return (answer.responses[0]?.response_range.kvs.length ?? 0) > 0 ? 'remembered' : 'refused';
  }

  async function settleAfter(error: unknown, spec: SpecWrite): Promise<'done'> {
    if (!(error instanceof StoreOutcomeUnknownError)) throw error;
    const found = await voidAndRead(spec, error);
    if (await isOurs(found, spec)) return 'done';
    throw new StoreUnavailableError(`${error.message}; it did not land`, { cause: error });
  }

  /** What stands at the spec's key, once it is certain that the write will not land any more. */
  async function voidAndRead({ operation, specKey }: SpecWrite, lost: StoreOutcomeUnknownError): Promise<Entry | null> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const success = [put(keys.voided(operation), operation, await lease.id()), get(specKey)];
        const { responses } = await client.write({ success });
        const kv = responses[1]?.response_range.kvs[0];
        return kv === undefined ? null : entryOf(kv);
      } catch (error) {
        if (error instanceof LeaseGoneError) lease.forget();
        else if (!(error instanceof StoreOutcomeUnknownError || error instanceof StoreUnavailableError)) throw error;
        // Marking it void twice is marking it void, so this write may be repeated.
        if (attempt === SETTLE_ATTEMPTS) throw lost;
        await new Promise((resume) => {
          setTimeout(resume, SETTLE_PAUSE_MS);
        });
      }
    }
  }

  /** Whether the write is among those that made the spec what it is: the last one, or one that another has replaced since. */
  async function isOurs(found: Entry | null, { operation, specKey, seen }: SpecWrite): Promise<boolean> {
    // An id is used once, so whatever stands there came after our create.
    if (seen === null) return found !== null;
    let entry = found;
    while (entry !== null && entry.modified > seen) {
      const read = specCodec.decode(entry.text);
      if (read.ok && read.operation === operation) return true;
      try {
        const { kvs } = await client.range({ ...keyFields(specKey), revision: entry.modified - 1 });
        const [kv] = kvs;
        entry = kv === undefined ? null : entryOf(kv);
      } catch (error) {
        if (!(error instanceof CompactedError || error instanceof StoreUnavailableError)) throw error;
        throw new StoreOutcomeUnknownError(`the history of ${specKey} cannot be read: ${error.message}`, {
          cause: error,
        });
      }
    }
    if (entry === null) throw new StoreOutcomeUnknownError(`${specKey} was removed while a write to it was under way`);
    return false;
  }
}

function decoded<T>(codec: Codec<T>, { key, text }: Entry): T {
  const read = codec.decode(text);
  if (!read.ok) throw new UnreadableValueError(`${key}: ${read.fault}`);
  return read.value;
}
