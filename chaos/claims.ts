/**
 * Who takes which turn, seen in etcd itself: every turn begins by putting its environment's fence, with the holder's
 * name. So a takeover is measured where it happens, and needs nobody's log.
 */
import type { EnvironmentId } from '../src/domain/ids.ts';
import { fenceCodec } from '../src/store/codec.ts';
import type { EtcdStore } from '../src/store/etcd-store.ts';
import { RangeWatch } from '../src/store/etcd-watch.ts';

export interface Claim {
  readonly environment: EnvironmentId;
  /** `host/pid` of the worker. */
  readonly holder: string;
  /** When we saw it, in milliseconds since the epoch: some milliseconds after it happened. */
  readonly at: number;
}

export class Claims {
  readonly #watch: RangeWatch;
  readonly #seen: Claim[] = [];
  readonly #waiting = new Set<() => void>();

  constructor({ client, keys }: Pick<EtcdStore, 'client' | 'keys'>) {
    const { start } = keys.actor('' as EnvironmentId);
    const prefix = start.slice(0, -1);
    this.#watch = new RangeWatch({
      client,
      range: { start: prefix, end: `${prefix.slice(0, -1)}0` },
      pageSize: 1_000,
      onListing: () => {},
      onChanges: (changes) => {
        for (const change of changes) {
          if (change.kind !== 'put') continue;
          const parsed = keys.parse(change.entry.key);
          if (parsed?.kind !== 'fence') continue;
          this.#seen.push({ environment: parsed.environment, holder: holderIn(change.entry.text), at: Date.now() });
        }
        for (const look of this.#waiting) look();
      },
    });
  }

  /** The process that claimed it last; null: none yet. */
  lastPid(environment: EnvironmentId): number | null {
    const last = this.#seen.findLast((claim) => claim.environment === environment);
    return last === undefined ? null : pidOf(last);
  }

  /** The first claim of the environment after `since` by another process. Null when there is none in time. */
  async nextByAnother(
    environment: EnvironmentId,
    { pid, since, withinMs }: { readonly pid: number; readonly since: number; readonly withinMs: number },
  ): Promise<Claim | null> {
    const find = (): Claim | null =>
      this.#seen.find((one) => one.environment === environment && one.at >= since && pidOf(one) !== pid) ?? null;
    return (
      find() ??
      (await new Promise((resolve) => {
        const end = (claim: Claim | null): void => {
          clearTimeout(late);
          this.#waiting.delete(look);
          resolve(claim);
        };
        const look = (): void => {
          const claim = find();
          if (claim !== null) end(claim);
        };
        const late = setTimeout(() => end(null), withinMs);
        this.#waiting.add(look);
      }))
    );
  }

  close(): Promise<void> {
    return this.#watch.close();
  }
}

const pidOf = ({ holder }: Claim): number => Number(holder.slice(holder.lastIndexOf('/') + 1));

const holderIn = (text: string): string => {
  const fence = fenceCodec.decode(text);
  return fence.ok ? fence.value.holder : '';
};
