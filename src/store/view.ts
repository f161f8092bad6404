/**
 * The API's read model on etcd. R1 of `store.ts`, by these means: every write of the API touches one key, `written`, whose
 * mod revision is therefore no older than the last write's. The view is current once it has asked for that, linearizably, and
 * the watch has come as far. Reads share that, by H1 to H3. Every write puts or removes a spec, too, so the watch shows it.
 */
import type { Revision } from '../domain/ids.ts';
import { keyFields, revisionOf } from './etcd-requests.ts';
import type { EtcdStore } from './etcd-store.ts';
import { keyOf, RangeWatch } from './etcd-watch.ts';
import type { UnreadableItem } from './items.ts';
import { ReadModel } from './read-model.ts';
import { RevisionGate } from './revision-gate.ts';
import { SharedReads } from './shared-reads.ts';
import { StoreUnavailableError, type Sharing, type View } from './store.ts';

export interface EtcdViewOptions {
  /** Closed by its owner, after the view. */
  readonly store: Pick<EtcdStore, 'client' | 'keys'>;
  /** Longest that a read waits for the view to be current, in milliseconds. */
  readonly deadlineMs: number;
  /** Keys a page of a listing. */
  readonly pageSize?: number;
  /** A value that the view leaves out because it cannot be read; once for each. */
  readonly onUnreadable?: (item: UnreadableItem) => void;
  /** A watch or a listing that ended; the view recovers by itself. */
  readonly onTrouble?: (error: unknown) => void;
  /** As in RangeWatchOptions. */
  readonly heartbeatMs?: number;
  /** As in Timing. */
  readonly monotonic?: () => number;
}

const PAGE_SIZE = 1_000;
/**
 * In quiet times etcd is asked some hundred times a second at most, however many read, and of the changes of a second one is
 * answered so much later. A quarter of it is several times what etcd takes to answer.
 */
const SHARING: Sharing = { forMs: 10, quietForMs: 1_000 };
const NOTHING_WRITTEN = 0 as Revision;

/** Begins to fill at once. */
export function openEtcdView({
  store: { client, keys },
  deadlineMs,
  pageSize = PAGE_SIZE,
  onUnreadable = () => {},
  onTrouble,
  heartbeatMs,
  monotonic,
}: EtcdViewOptions): View {
  const model = new ReadModel({ keys, onUnreadable });
  const gate = new RevisionGate();
  const reads = new SharedReads({ confirm: () => untilCurrent(), sharing: SHARING, monotonic });
  const watch = new RangeWatch({
    client,
    range: keys.readable,
    pageSize,
    heartbeatMs,
    onTrouble,
    onListing: ({ entries, revision }) => {
      model.reset(entries);
      reads.wrote();
      gate.moveTo(revision);
    },
    onChanges: (changes, revision) => {
      model.apply(changes);
      if (changes.some((change) => keys.parse(keyOf(change))?.kind === 'spec')) reads.wrote();
      gate.moveTo(revision);
    },
  });
  const lastWrite = async (): Promise<Revision> => {
    const {
      kvs: [kv],
    } = await client.range(keyFields(keys.written));
    return kv === undefined ? NOTHING_WRITTEN : revisionOf(kv.mod_revision);
  };

  // A read that comes when a round has just begun waits for that and for the next one; where that brings a write, for two more.
  const withinMs = deadlineMs / 4;
  const untilCurrent = async (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new StoreUnavailableError(`the view of etcd was not current within ${withinMs} ms`)),
        withinMs,
      );
    });
    // A watch that is behind for half the time there is may be dead without a sign; a new stream may still make it.
    const suspicion = setTimeout(() => watch.suspect(), withinMs / 2);
    try {
      await Promise.race([lastWrite().then((revision) => gate.reached(revision)), deadline]);
    } finally {
      clearTimeout(timer);
      clearTimeout(suspicion);
    }
  };

  return {
    sharing: SHARING,

    async current() {
      await reads.current();
      return model.snapshot();
    },

    async ready(signal) {
      const filled = gate.reached(NOTHING_WRITTEN);
      const aborted = new Promise<never>((_, reject) => {
        const stop = (): void => reject(new StoreUnavailableError('the view of etcd was not filled in time'));
        if (signal.aborted) stop();
        signal.addEventListener('abort', stop, { once: true });
        void filled.then(() => signal.removeEventListener('abort', stop));
      });
      await Promise.race([filled, aborted]);
    },

    close: () => watch.close(),
  };
}
