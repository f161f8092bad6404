/**
 * Follows a range of etcd's keys: a listing at one revision, then every change after it, each once and in order.
 *
 * W1. The cursor is the mod revision of the last event handled. etcd3's own watcher takes the header's revision, which during
 *     a catch-up is far ahead of what was delivered: cut there, it skips thousands of events. So this speaks etcd's watch API itself.
 * W2. A new stream goes on at cursor + 1. Where that cannot be (compacted, another or an older history) or leads nowhere (streams
 *     that begin and break before an event, as when the backlog is more than a message holds), the range is listed again.
 * W3. A stream that says nothing is asked for its progress, and given up when it stays silent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { IWatchRequest, IWatchResponse } from 'etcd3';
import type { Revision } from '../domain/ids.ts';
import { CompactedError, type EtcdClient } from './etcd-client.ts';
import { listRange, type Listing } from './etcd-listing.ts';
import { entryOf, keyFields, revisionOf, type Entry } from './etcd-requests.ts';
import type { KeyRange } from './keys.ts';

export interface RangeWatchOptions {
  readonly client: EtcdClient;
  readonly range: KeyRange;
  /** Keys a page of a listing. */
  readonly pageSize: number;
  /** Everything in the range, as of the listing's revision. What was known before counts no more. */
  readonly onListing: (listing: Listing) => void;
  /** All changes of one revision together, and so of one transaction. */
  readonly onChanges: (changes: readonly RangeChange[], revision: Revision) => void;
  /** A stream or a listing that ended, for the log; the watch goes on by itself. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
  /** Silence after which the stream is asked for a sign of life; as long again without one, and it is given up. */
  readonly heartbeatMs?: number | undefined;
  /** In [0, 1), for jitter. */
  readonly random?: (() => number) | undefined;
}

export type RangeChange =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'delete'; readonly key: string };

export const keyOf = (change: RangeChange): string => (change.kind === 'put' ? change.entry.key : change.key);

/** Together with gRPC's keepalive (10 s + 3 s), which sees dead connections but not dead watchers on live ones. */
const HEARTBEAT_MS = 4_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** Streams in a row that began and brought no event; a single one is just a quiet range. */
const FRUITLESS_STREAMS = 2;
/** A stream younger than this is not given up on suspicion. */
const TRUSTED_FOR_MS = 1_000;

/** The store's past is not the one the cursor belongs to: restored from a backup, another cluster, or a member that lags behind. */
class HistoryChangedError extends Error {
  override readonly name = 'HistoryChangedError';
}

export class RangeWatch {
  readonly #options: RangeWatchOptions;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #cursor: Revision | null = null;
  #storeId: string | null = null;
  #fruitless = 0;
  #giveUp: (() => void) | null = null;

  /** Starts at once. */
  constructor(options: RangeWatchOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** Every change up to this revision has been handed on; null before the first listing. */
  get cursor(): Revision | null {
    return this.#cursor;
  }

  /** There should have been an event by now: takes a new stream, unless this one has only just begun. */
  suspect(): void {
    this.#giveUp?.();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { onTrouble, random = Math.random } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const before = this.#cursor;
      try {
        if (this.#cursor === null) await this.#list();
        await this.#follow();
      } catch (error) {
        if (signal.aborted) return;
        pauseMs = this.#cursor === before ? Math.min(pauseMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
        const isHistory = error instanceof CompactedError || error instanceof HistoryChangedError;
        if (isHistory || this.#fruitless >= FRUITLESS_STREAMS) this.#cursor = null;
        onTrouble?.(error);
      }
      await delay(pauseMs * (1 - random() / 2), undefined, { signal }).catch(() => {});
    }
  }

  async #list(): Promise<void> {
    const { client, range, pageSize, onListing } = this.#options;
    const listing = await listRange(client, { range, pageSize });
    if (this.#closing.signal.aborted) return;
    onListing(listing);
    this.#cursor = listing.revision;
    this.#storeId = listing.storeId;
    this.#fruitless = 0;
  }

  /** Rejects when the stream is over, for whatever reason; resolves when the watch is being closed. */
  async #follow(): Promise<void> {
    const { client, range, heartbeatMs = HEARTBEAT_MS } = this.#options;
    const { signal } = this.#closing;
    if (this.#cursor === null || signal.aborted) return;
    const startRevision = this.#cursor + 1;
    const opened = await client.watch();
    const { stream } = opened;
    const send = (request: IWatchRequest): void => void stream.write(request);
    const startedAt = performance.now();
    let heard = false;
    let asked = false;
    let heartbeat: NodeJS.Timeout | undefined;
    let close = (): void => {};

    try {
      await new Promise<void>((resolve, reject) => {
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('etcd ended the watch')));
        stream.on('data', (response: IWatchResponse) => {
          heard = true;
          try {
            this.#handle(response);
          } catch (error) {
            reject(error);
          }
        });
        this.#giveUp = () => {
          if (performance.now() - startedAt >= TRUSTED_FOR_MS)
            reject(new Error('the watch did not show a write in time'));
        };
        heartbeat = setInterval(() => {
          if (!heard && asked) reject(new Error(`the watch was silent for ${heartbeatMs} ms after a question`));
          // Only the answer counts, not the revision in it: up to 3.5.7 etcd may send it ahead of events before it.
          asked = !heard;
          if (asked) send({ progress_request: {} });
          heard = false;
        }, heartbeatMs);
        close = resolve;
        signal.addEventListener('abort', close);
        if (signal.aborted) close();
        send({ create_request: { ...keyFields(range), start_revision: startRevision } });
      });
    } finally {
      this.#giveUp = null;
      signal.removeEventListener('abort', close);
      clearInterval(heartbeat);
      stream.removeAllListeners('data');
      stream.on('error', () => {
        // A cancelled call ends in an error that tells nobody anything.
      });
      opened.close();
    }
  }

  #handle({
    header,
    created,
    canceled,
    cancel_reason: reason,
    compact_revision: compacted,
    events,
  }: IWatchResponse): void {
    if (canceled) {
      if (compacted !== '0') throw new CompactedError(`history before revision ${compacted} is compacted`);
      throw new Error(`etcd cancelled the watch: ${reason}`);
    }
    const revision = revisionOf(header.revision);
    if (header.cluster_id !== this.#storeId || (created && this.#cursor !== null && revision < this.#cursor))
      throw new HistoryChangedError(`etcd is at revision ${revision} of cluster ${header.cluster_id}`);

    if (created) this.#fruitless += 1;
    if (events.length > 0) this.#fruitless = 0;
    let batch: RangeChange[] = [];
    let batchRevision: Revision | null = null;
    const handOn = (): void => {
      if (batchRevision === null) return;
      this.#options.onChanges(batch, batchRevision);
      this.#cursor = batchRevision;
      batch = [];
    };
    for (const { type, kv } of events) {
      const modified = revisionOf(kv.mod_revision);
      if (modified !== batchRevision) handOn();
      batchRevision = modified;
      batch.push(type === 'Delete' ? { kind: 'delete', key: kv.key.toString() } : { kind: 'put', entry: entryOf(kv) });
    }
    handOn();
  }
}
