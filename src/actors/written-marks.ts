import { after, type ClusterArn, type InstanceArn, type Instant } from '../domain/ids.ts';

/**
 * What this process set and took away on hosts, until a listing can show it: otherwise every turn before that would do it
 * again. A cache: another process does not know of it, and what is done twice does no harm.
 */
export class WrittenMarks {
  private readonly clusters = new Map<ClusterArn, Map<InstanceArn, Mark>>();

  /** At `at` the host had the mark, or not. */
  wrote(cluster: ClusterArn, host: InstanceArn, set: boolean, at: Instant): void {
    this.of(cluster).set(host, { kind: 'written', set, at });
  }

  /** ECS refused, for a reason that stays: not tried again before `until`. */
  rest(cluster: ClusterArn, host: InstanceArn, until: Instant): void {
    this.of(cluster).set(host, { kind: 'resting', until });
  }

  /** Nobody knows what it has: what facts show counts. */
  forget(cluster: ClusterArn, host: InstanceArn): void {
    this.clusters.get(cluster)?.delete(host);
  }

  /** What counts beside a listing. Drops what that can show, and what rested long enough. */
  beside({ cluster, listedAt, now, clockSkewMs }: Listing): Marks {
    const all = this.clusters.get(cluster) ?? new Map<InstanceArn, Mark>();
    const written = new Map<InstanceArn, boolean>();
    const resting = new Set<InstanceArn>();
    for (const [host, mark] of all) {
      const over = mark.kind === 'written' ? listedAt >= after(mark.at, clockSkewMs) : now >= mark.until;
      if (over) all.delete(host);
      else if (mark.kind === 'written') written.set(host, mark.set);
      else resting.add(host);
    }
    if (all.size === 0) this.clusters.delete(cluster);
    return { written, resting };
  }

  private of(cluster: ClusterArn): Map<InstanceArn, Mark> {
    const known = this.clusters.get(cluster) ?? new Map<InstanceArn, Mark>();
    this.clusters.set(cluster, known);
    return known;
  }
}

type Mark =
  | { readonly kind: 'written'; readonly set: boolean; readonly at: Instant }
  | { readonly kind: 'resting'; readonly until: Instant };

interface Listing {
  readonly cluster: ClusterArn;
  /** When it began, by the clock of whichever process made it. */
  readonly listedAt: Instant;
  readonly now: Instant;
  /** How far that clock may differ from ours. */
  readonly clockSkewMs: number;
}

interface Marks {
  readonly written: ReadonlyMap<InstanceArn, boolean>;
  readonly resting: ReadonlySet<InstanceArn>;
}
