/** Every spec in the store. Surveys, sweeps and claims of clusters ask again and again, and between two of them hardly any changes. */
import { isDeepStrictEqual } from 'node:util';
import type { Revision } from '../domain/ids.ts';
import type { EtcdClient } from './etcd-client.ts';
import { listRange } from './etcd-listing.ts';
import type { Entry } from './etcd-requests.ts';
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

/** What did not change since the last listing is not read anew: it is the same object. */
export class SpecListing {
  readonly #options: SpecListingOptions;
  #read: ReadonlyMap<string, { readonly entry: Entry; readonly item: Item }> = new Map();

  constructor(options: SpecListingOptions) {
    this.#options = options;
  }

  async list(): Promise<ListedSpecs> {
    const { client, keys, pageSize } = this.#options;
    const { entries, revision, storeId } = await listRange(client, { range: keys.specs, pageSize });
    const before = this.#read;
    const read = new Map<string, { readonly entry: Entry; readonly item: Item }>();
    for (const entry of entries) {
      const known = before.get(entry.key);
      // All of it: a restored backup gives the same revisions to other values.
      const isSame = known !== undefined && isDeepStrictEqual(known.entry, entry);
      read.set(entry.key, isSame ? known : { entry, item: itemOf(keys, entry) });
    }
    this.#read = read;
    return { items: [...read].map(([key, { item }]) => ({ key, item })), revision, storeId };
  }
}
