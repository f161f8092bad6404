/** The facts cache as Redis holds it: hashes that may lose everything, or their last writes, at any moment. */
import type { Facts, Instance, Task } from '../src/domain/facts.ts';
import type { ClusterArn, InstanceArn } from '../src/domain/ids.ts';
import type { Generation, Standing } from '../src/store/facts-store.ts';

/** Instances or tasks a piece: few, so that a generation has many. */
const ITEMS_PER_PIECE = 2;
/** Generations that a failover may bring back. */
const REMEMBERED = 4;

type About = Omit<Generation, 'instances' | 'tasks'> & { readonly id: string; readonly pieces: number };

interface Hash {
  about: About | null;
  readonly pieces: Map<string, readonly (Instance | Task)[]>;
}

export type Piece = readonly [field: string, items: readonly (Instance | Task)[]];

export class Redis {
  /** The moment until which it answers nobody. */
  awayUntil = 0;
  private readonly live = new Map<ClusterArn, Hash>();
  private readonly staged = new Map<string, Hash>();
  private readonly former: [ClusterArn, Hash][] = [];

  begin(about: About): void {
    this.hash(about.id).about = about;
  }

  write(id: string, [field, items]: Piece): void {
    this.hash(id).pieces.set(field, items);
  }

  publish({ id, cluster, pieces }: About, replaces: Standing | null): boolean {
    const staged = this.staged.get(id);
    if (staged === undefined || !isWhole(staged, pieces)) return false;
    this.staged.delete(id);
    const live = this.about(cluster);
    if (live !== null && live.id !== replaces?.id) return false;
    this.live.set(cluster, staged);
    this.former.push([cluster, staged]);
    if (this.former.length > REMEMBERED) this.former.shift();
    return true;
  }

  about(cluster: ClusterArn): About | null {
    return this.live.get(cluster)?.about ?? null;
  }

  read(cluster: ClusterArn): Facts | null {
    const hash = this.live.get(cluster);
    if (hash === undefined || hash.about === null || !isWhole(hash, hash.about.pieces)) return null;
    return assembled(cluster, hash.about, hash.pieces);
  }

  empty(): void {
    this.live.clear();
    this.staged.clear();
    this.former.length = 0;
  }

  /** The last `count` writes of a publication under way are lost. */
  setBack(id: string, count: number): void {
    const pieces = this.staged.get(id)?.pieces;
    for (const field of [...(pieces?.keys() ?? [])].slice(-count)) pieces?.delete(field);
  }

  /** A replica that was behind takes over. False when there is nothing older. */
  failOver(): boolean {
    const [older] = this.former;
    if (older === undefined || this.live.get(older[0]) === older[1]) return false;
    this.live.set(older[0], older[1]);
    return true;
  }

  private hash(id: string): Hash {
    const known = this.staged.get(id) ?? { about: null, pieces: new Map() };
    this.staged.set(id, known);
    return known;
  }
}

/** The description counts as a piece. */
const isWhole = (hash: Hash, pieces: number): boolean => hash.pieces.size + (hash.about === null ? 0 : 1) === pieces;

export function piecesOf({ instances, tasks }: Generation): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const [kind, items] of [
    ['instances', instances],
    ['tasks', tasks],
  ] as const) {
    for (let at = 0; at < items.length; at += ITEMS_PER_PIECE) {
      pieces.push([`${kind}:${at}`, items.slice(at, at + ITEMS_PER_PIECE)]);
    }
  }
  return pieces;
}

function assembled(cluster: ClusterArn, about: About, pieces: Hash['pieces']): Facts {
  const instances = new Map<InstanceArn, Instance>();
  const tasks = new Map<string, Task[]>();
  for (const [field, items] of pieces) {
    if (field.startsWith('instances:')) {
      for (const instance of items as readonly Instance[]) instances.set(instance.arn, instance);
      continue;
    }
    for (const task of items as readonly Task[]) {
      const group = tasks.get(task.group);
      if (group === undefined) tasks.set(task.group, [task]);
      else group.push(task);
    }
  }
  const { startedAt, revision, storeId } = about;
  return { cluster, startedAt, revision, storeId, instances, tasks, unlisted: new Set() };
}
