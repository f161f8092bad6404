/**
 * The reference of the store, in memory: what `store.ts` means, with nothing in the way. Tests and the simulation run on it.
 * Every transaction is one synchronous step, no clock and no chance, so that a run of it can be repeated exactly;
 * a commit of several transactions lets others in between them, as etcd does. Remembered answers are kept for ever.
 */
import type { Deployment, EnvironmentSpec } from '../domain/environment.ts';
import type { EnvironmentId, EnvironmentName, InstanceArn, Revision } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/launch.ts';
import type { ChangeGroup } from '../domain/plan.ts';
import type { EnvironmentRecord, World } from '../domain/world.ts';
import { oldestFirst } from './host-history.ts';
import { newlyHeld, putStored, recordOf, transactionsOf, worldOf, type Held } from './memory-environment.ts';
import { snapshotOf } from './snapshot.ts';
import {
  UnreadableValueError,
  type ActorStore,
  type Claim,
  type ClaimResult,
  type CommitResult,
  type CreateResult,
  type EnvironmentStore,
  type Inspection,
  type Inventory,
  type Remembered,
  type RememberedAnswer,
  type Snapshot,
  type SpecChange,
  type UpdateResult,
  type View,
} from './store.ts';

export class MemoryStore implements ActorStore, EnvironmentStore, View {
  /** What is written is seen at once. */
  readonly sharing = null;
  readonly #storeId: string;
  readonly #environments = new Map<EnvironmentId, Held>();
  readonly #names = new Map<EnvironmentName, EnvironmentId>();
  readonly #remembered = new Map<string, RememberedAnswer>();
  readonly #spoiled = new Map<EnvironmentId, 'spec' | 'slot'>();
  #revision = 1;

  constructor({ storeId = 'memory' }: { readonly storeId?: string } = {}) {
    this.#storeId = storeId;
  }

  // --- the actor's side ----------------------------------------------------------------------------------------------

  async claim(id: EnvironmentId, _holder: string): Promise<ClaimResult> {
    const held = this.#environments.get(id);
    if (held === undefined) return { kind: 'gone' };
    held.fence = this.#next();
    const spoiled = this.#spoiled.get(id);
    if (spoiled !== undefined) return { kind: 'unreadable', key: `${spoiled} of ${id}`, fault: 'spoiled' };
    return { kind: 'claimed', claim: this.#claimed(held) };
  }

  async inventory(): Promise<Inventory> {
    const ids = [...this.#environments.keys()].toSorted();
    const unreadable = ids.filter((id) => this.#spoiled.get(id) === 'spec');
    const specs = ids.filter((id) => !unreadable.includes(id)).flatMap((id) => this.#environments.get(id)?.spec ?? []);
    return { revision: this.#revision as Revision, storeId: this.#storeId, specs, unreadable };
  }

  #claimed(held: Held): Claim {
    const { id, name } = held.spec.value;
    const { fence } = held;
    const seen = held.spec.modified;
    // Looked up by id each time: a removed environment is not there to be fenced.
    const fenceHolds = (): boolean => this.#environments.get(id)?.fence === fence;
    const specHolds = (): boolean => this.#environments.get(id)?.spec.modified === seen;
    return {
      world: worldOf(held),
      storeId: this.#storeId,
      fence,
      commitIntents: (groups) => this.#commit(held, groups, () => fenceHolds() && specHolds()),
      commitOutcomes: (groups) => this.#commit(held, groups, fenceHolds),
      rollBack: async ({ spec, deployment, progress }) => {
        if (!fenceHolds() || !specHolds()) return { kind: 'fenced' };
        this.#put(held, spec, deployment);
        held.progress.set(progress.id, progress);
        return { kind: 'committed' };
      },
      remove: async () => {
        if (!fenceHolds() || !specHolds()) return { kind: 'fenced' };
        this.#next();
        this.#environments.delete(id);
        if (this.#names.get(name) === id) this.#names.delete(name);
        return { kind: 'committed' };
      },
    };
  }

  async #commit(held: Held, groups: readonly ChangeGroup[], holds: () => boolean): Promise<CommitResult> {
    const transactions = transactionsOf(groups);
    if (!holds()) return { kind: 'fenced' };
    for (const [index, writes] of transactions.entries()) {
      if (index > 0) await Promise.resolve();
      if (!holds()) return { kind: 'fenced' };
      const revision = this.#next();
      for (const { apply } of writes) apply(held, revision);
    }
    return { kind: 'committed' };
  }

  // --- the API's side ------------------------------------------------------------------------------------------------

  async create(spec: EnvironmentSpec, remember: Remembered | null): Promise<CreateResult> {
    if (this.#isRemembered(remember)) return { kind: 'remembered' };
    const holder = this.#names.get(spec.name);
    if (holder !== undefined) {
      const deletion = this.#spoiled.has(holder) ? null : this.#environments.get(holder)?.spec.value.deletion;
      return { kind: deletion === null ? 'exists' : 'deleting' };
    }
    const revision = this.#next();
    this.#names.set(spec.name, spec.id);
    this.#environments.set(spec.id, newlyHeld(spec, revision));
    this.#remember(remember);
    return { kind: 'done' };
  }

  async update(
    { spec, seen, deployment, revisions, forget }: SpecChange,
    remember: Remembered | null,
  ): Promise<UpdateResult> {
    if (this.#isRemembered(remember)) return { kind: 'remembered' };
    const held = this.#environments.get(spec.id);
    if (held?.spec.modified !== seen) return { kind: 'conflict' };
    const revision = this.#put(held, spec, deployment);
    for (const one of revisions) putStored(held.revisions, one.id, one, revision);
    for (const id of forget.revisions) held.revisions.delete(id);
    for (const id of forget.deployments) {
      held.deployments.delete(id);
      held.progress.delete(id);
    }
    this.#remember(remember);
    return { kind: 'done' };
  }

  #put(held: Held, spec: EnvironmentSpec, deployment: Deployment | null): Revision {
    const revision = this.#next();
    held.spec = { value: spec, created: held.spec.created, modified: revision };
    if (deployment !== null) putStored(held.deployments, deployment.id, deployment, revision);
    held.record = null;
    return revision;
  }

  async read(name: EnvironmentName): Promise<EnvironmentRecord | null> {
    const held = this.#named(name);
    if (held === undefined) return null;
    this.#requireReadable(held, 'spec');
    return recordOf(held);
  }

  async inspect(name: EnvironmentName): Promise<Inspection | null> {
    const held = this.#named(name);
    if (held === undefined) return null;
    this.#requireReadable(held, 'spec', 'slot');
    return { world: worldOf(held), storeId: this.#storeId, revision: this.#revision as Revision };
  }

  async history(id: EnvironmentId, instance: InstanceArn): Promise<readonly HistoryEntry[]> {
    const held = this.#environments.get(id);
    return oldestFirst(held?.history.get(instance) ?? new Map(), held?.slots.get(instance)?.value.entries ?? 0);
  }

  async recall(key: string): Promise<RememberedAnswer | null> {
    return this.#remembered.get(key) ?? null;
  }

  // --- readers -------------------------------------------------------------------------------------------------------

  async current(): Promise<Snapshot> {
    const readable = [...this.#environments.values()].filter(
      ({ spec: { value } }) => value.deletion === null && this.#spoiled.get(value.id) !== 'spec',
    );
    const byName = (a: EnvironmentRecord, b: EnvironmentRecord): number =>
      a.spec.value.name < b.spec.value.name ? -1 : 1;
    return snapshotOf(readable.map(recordOf).toSorted(byName));
  }

  async ready(_signal: AbortSignal): Promise<void> {}

  async close(): Promise<void> {}

  // --- for tests -----------------------------------------------------------------------------------------------------

  /** Makes a value of the environment one that cannot be read. */
  spoil(id: EnvironmentId, part: 'spec' | 'slot'): void {
    this.#spoiled.set(id, part);
  }

  /** All of an environment, without claiming it; null when there is none. */
  peek(id: EnvironmentId): World | null {
    const held = this.#environments.get(id);
    return held === undefined ? null : worldOf(held);
  }

  #named(name: EnvironmentName): Held | undefined {
    const id = this.#names.get(name);
    return id === undefined ? undefined : this.#environments.get(id);
  }

  #requireReadable({ spec }: Held, ...parts: readonly ('spec' | 'slot')[]): void {
    const spoiled = this.#spoiled.get(spec.value.id);
    if (spoiled !== undefined && parts.includes(spoiled))
      throw new UnreadableValueError(`${spoiled} of ${spec.value.id}: spoiled`);
  }

  #next(): Revision {
    this.#revision += 1;
    return this.#revision as Revision;
  }

  #isRemembered(remember: Remembered | null): boolean {
    return remember !== null && this.#remembered.has(remember.key);
  }

  #remember(remember: Remembered | null): void {
    if (remember !== null) this.#remembered.set(remember.key, remember.answer);
  }
}
