/**
 * The reference of the store, in memory: what `store.ts` means, with nothing in the way. Tests and the simulation run on it.
 * Every transaction is one synchronous step, no clock and no chance, so that a run of it can be repeated exactly;
 * a commit of several transactions lets others in between them, as etcd does. Remembered answers are kept for ever.
 */
import type { Deployment, EnvironmentSpec, EnvironmentStatus, DeploymentProgress } from '../domain/environment.ts';
import type { DeploymentId, EnvironmentId, EnvironmentName, InstanceArn, LaunchId, Revision } from '../domain/ids.ts';
import type { Launch, Slot } from '../domain/launch.ts';
import type { Change, ChangeGroup } from '../domain/plan.ts';
import type { EnvironmentRecord, Stored, World } from '../domain/world.ts';
import { packGroups } from './chunks.ts';
import { snapshotOf } from './snapshot.ts';
import type {
  ActorStore,
  Claim,
  ClaimResult,
  CommitResult,
  CreateResult,
  EnvironmentStore,
  Inventory,
  Remembered,
  RememberedAnswer,
  Snapshot,
  UpdateResult,
  View,
} from './store.ts';

interface Held {
  spec: Stored<EnvironmentSpec>;
  readonly deployments: Map<DeploymentId, Stored<Deployment>>;
  readonly progress: Map<DeploymentId, DeploymentProgress>;
  status: EnvironmentStatus | null;
  readonly slots: Map<InstanceArn, Stored<Slot>>;
  readonly launches: Map<LaunchId, Stored<Launch>>;
  fence: Revision;
  /** What readers get until something of it changes. */
  record: EnvironmentRecord | null;
}

export class MemoryStore implements ActorStore, EnvironmentStore, View {
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
    const chunks = packGroups(groups, { keyOf, bytesOf: () => 0 });
    if (!holds()) return { kind: 'fenced' };
    for (const [index, chunk] of chunks.entries()) {
      if (index > 0) await Promise.resolve();
      if (!holds()) return { kind: 'fenced' };
      const revision = this.#next();
      for (const change of chunk) apply(held, change, revision);
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
    this.#environments.set(spec.id, {
      spec: { value: spec, created: revision, modified: revision },
      deployments: new Map(),
      progress: new Map(),
      status: null,
      slots: new Map(),
      launches: new Map(),
      fence: 0 as Revision,
      record: null,
    });
    this.#remember(remember);
    return { kind: 'done' };
  }

  async update(
    spec: EnvironmentSpec,
    seen: Revision,
    deployment: Deployment | null,
    remember: Remembered | null,
  ): Promise<UpdateResult> {
    if (this.#isRemembered(remember)) return { kind: 'remembered' };
    const held = this.#environments.get(spec.id);
    if (held?.spec.modified !== seen) return { kind: 'conflict' };
    const revision = this.#next();
    held.spec = { value: spec, created: held.spec.created, modified: revision };
    if (deployment !== null) putStored(held.deployments, deployment.id, deployment, revision);
    held.record = null;
    this.#remember(remember);
    return { kind: 'done' };
  }

  async read(name: EnvironmentName): Promise<EnvironmentRecord | null> {
    const id = this.#names.get(name);
    const held = id === undefined ? undefined : this.#environments.get(id);
    return held === undefined ? null : recordOf(held);
  }

  async recall(key: string): Promise<RememberedAnswer | null> {
    return this.#remembered.get(key) ?? null;
  }

  // --- readers -------------------------------------------------------------------------------------------------------

  async current(_deadlineMs: number): Promise<Snapshot> {
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

function apply(held: Held, change: Change, revision: Revision): void {
  switch (change.kind) {
    case 'put-launch':
      putStored(held.launches, change.launch.id, change.launch, revision);
      break;
    case 'delete-launch':
      held.launches.delete(change.launch);
      break;
    case 'put-slot':
      putStored(held.slots, change.slot.instance, change.slot, revision);
      break;
    case 'delete-slot':
      held.slots.delete(change.instance);
      break;
    case 'put-progress':
      held.progress.set(change.progress.id, change.progress);
      held.record = null;
      break;
    case 'put-status':
      held.status = change.status;
      held.record = null;
      break;
  }
}

/** What a change is of: of two changes with one key in a transaction the later counts. */
function keyOf(change: Change): string {
  switch (change.kind) {
    case 'put-launch':
      return `launch ${change.launch.id}`;
    case 'delete-launch':
      return `launch ${change.launch}`;
    case 'put-slot':
      return `slot ${change.slot.instance}`;
    case 'delete-slot':
      return `slot ${change.instance}`;
    case 'put-progress':
      return `progress ${change.progress.id}`;
    case 'put-status':
      return 'status';
  }
}

function putStored<Key, T>(values: Map<Key, Stored<T>>, key: Key, value: T, revision: Revision): void {
  values.set(key, { value, created: values.get(key)?.created ?? revision, modified: revision });
}

const recordOf = (held: Held): EnvironmentRecord =>
  (held.record ??= {
    spec: held.spec,
    deployments: new Map(held.deployments),
    progress: new Map(held.progress),
    status: held.status,
  });

const worldOf = (held: Held): World => ({
  ...recordOf(held),
  slots: new Map(held.slots),
  launches: new Map(held.launches),
});
