import type { Revision } from '../domain/ids.ts';
import { CompactedError, type EtcdClient } from './etcd-client.ts';
import { entryOf, rangeAt, revisionOf, type Entry } from './etcd-requests.ts';
import { keyAfter, type KeyRange } from './keys.ts';
import { StoreUnavailableError } from './store.ts';

export interface ListOptions {
  readonly range: KeyRange;
  /** Keys a call. */
  readonly pageSize: number;
  /** Revision to read at; that of the first page by default. */
  readonly revision?: Revision;
}

export interface Listing {
  /** In order of key. */
  readonly entries: readonly Entry[];
  /** The one revision all pages are of. */
  readonly revision: Revision;
  /** etcd's cluster id. */
  readonly storeId: string;
}

/** A compaction between two pages starts the listing over; etcd compacts every few minutes at most. */
const COMPACTIONS_SURVIVED = 3;

/** All entries of a range as they were at one revision. Throws StoreUnavailableError. */
export async function listRange(client: EtcdClient, options: ListOptions): Promise<Listing> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await listOnce(client, options);
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      // A revision that was asked for does not come back.
      if (options.revision !== undefined || attempt === COMPACTIONS_SURVIVED) throw compactedAway(options, error);
    }
  }
}

async function listOnce(client: EtcdClient, options: ListOptions): Promise<Listing> {
  const entries: Entry[] = [];
  let last: Listing | null = null;
  for await (const page of pages(client, options)) {
    entries.push(...page.entries);
    last = page;
  }
  if (last === null) throw new Error('a listing without a page');
  return { entries, revision: last.revision, storeId: last.storeId };
}

/**
 * The entries of a range as they were at `revision`, a page at a time, for whoever need not hold them all: 5,000 slots are
 * four megabytes of text. Throws StoreUnavailableError.
 */
export async function* pagesAt(
  client: EtcdClient,
  options: ListOptions & { readonly revision: Revision },
): AsyncGenerator<readonly Entry[], undefined> {
  try {
    for await (const { entries } of pages(client, options)) yield entries;
  } catch (error) {
    throw error instanceof CompactedError ? compactedAway(options, error) : error;
  }
}

const compactedAway = ({ range }: ListOptions, error: CompactedError): StoreUnavailableError =>
  new StoreUnavailableError(`listing ${range.start}: ${error.message}`, { cause: error });

/** Page by page, at least one. Throws StoreUnavailableError, CompactedError. */
async function* pages(
  client: EtcdClient,
  { range, pageSize, revision: given }: ListOptions,
): AsyncGenerator<Listing, undefined> {
  let { start } = range;
  let revision = given;
  for (;;) {
    const page = await client.range(rangeAt({ start, end: range.end }, pageSize, revision));
    revision ??= revisionOf(page.header.revision);
    const entries = page.kvs.map(entryOf);
    yield { entries, revision, storeId: page.header.cluster_id };
    const last = entries.at(-1);
    if (!page.more || last === undefined) return;
    start = keyAfter(last.key);
  }
}
