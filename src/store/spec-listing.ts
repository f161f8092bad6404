/**
 * Every spec in the store. Surveys, sweeps and claims of clusters ask again and again, and between two of them hardly any
 * changes, so only that is sent and read. Where one is gone, or many changed, it is all of them again.
 *
 * L1. A listing is of one revision, and holds all that stood there then.
 * L2. It builds on an earlier one only in the same history. A restored backup counts its revisions again and gives them to
 *     other values; but every write of ours of a spec leaves a value of its own at `written`, so histories that have the same one
 *     there at a revision have the same specs at it.
 * L3. A spec that is gone shows in the number of keys.
 */
import type { Revision } from '../domain/ids.ts';
import { CompactedError, type EtcdClient } from './etcd-client.ts';
import { listRange } from './etcd-listing.ts';
import { entryOf, get, getAt, getWrittenAfter, keyFields, revisionOf, textIn, type Entry } from './etcd-requests.ts';
import { itemOf, type Item } from './items.ts';
import type { Keys } from './keys.ts';

export interface SpecListingOptions {
  readonly client: EtcdClient;
  readonly keys: Keys;
  /** Keys a page. */
  readonly pageSize: number;
}

export interface ListedSpecs {
  /** Specs, and what stands in the place of one and cannot be read. */
  readonly items: readonly { readonly key: string; readonly item: Item }[];
  readonly revision: Revision;
  readonly storeId: string;
}

interface Listed {
  readonly items: ReadonlyMap<string, Item>;
  readonly revision: Revision;
  readonly storeId: string;
  /** What stood at `written`; null: nothing. */
  readonly written: string | null;
}

export class SpecListing {
  readonly #options: SpecListingOptions;
  #last: Listed | null = null;

  constructor(options: SpecListingOptions) {
    this.#options = options;
  }

  /** Throws StoreUnavailableError. */
  async list(): Promise<ListedSpecs> {
    const last = this.#last;
    const listed = (last === null ? null : await this.#changedSince(last)) ?? (await this.#whole());
    this.#last = listed;
    const { items, revision, storeId } = listed;
    return { items: [...items].map(([key, item]) => ({ key, item })), revision, storeId };
  }

  /** Null when what there is now does not follow from the last listing. */
  async #changedSince(last: Listed): Promise<Listed | null> {
    const { client, keys, pageSize } = this.#options;
    if (last.written === null) return null;
    try {
      const { header, responses } = await client.read({
        success: [
          getAt(keys.written, last.revision),
          get(keys.written),
          getWrittenAfter(keys.specs, last.revision, pageSize),
        ],
      });
      const [then, now, changed] = responses.map(({ response_range: range }) => range);
      if (then === undefined || now === undefined || changed === undefined) throw new Error('etcd left out an answer');
      if (textIn(then) !== last.written || changed.more) return null;
      const items = new Map(last.items);
      for (const kv of changed.kvs) this.#add(items, entryOf(kv));
      if (items.size !== Number(changed.count)) return null;
      return { items, revision: revisionOf(header.revision), storeId: header.cluster_id, written: textIn(now) };
    } catch (error) {
      // Compacted, or ahead of a history that was set back.
      if (error instanceof CompactedError) return null;
      throw error;
    }
  }

  async #whole(): Promise<Listed> {
    const { client, keys, pageSize } = this.#options;
    const { entries, revision, storeId } = await listRange(client, { range: keys.specs, pageSize });
    const items = new Map<string, Item>();
    for (const entry of entries) this.#add(items, entry);
    return { items, revision, storeId, written: await this.#writtenAt(revision) };
  }

  async #writtenAt(revision: Revision): Promise<string | null> {
    const { client, keys } = this.#options;
    try {
      return textIn(await client.range({ ...keyFields(keys.written), revision }));
    } catch (error) {
      if (error instanceof CompactedError) return null;
      throw error;
    }
  }

  #add(items: Map<string, Item>, entry: Entry): void {
    items.set(entry.key, itemOf(this.#options.keys, entry));
  }
}
