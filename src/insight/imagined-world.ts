import type { DeploymentProgress } from '../domain/environment.ts';
import type { InstanceArn, LaunchId, Revision } from '../domain/ids.ts';
import type { Launch, Slot } from '../domain/launch.ts';
import type { ChangeGroup, Rollback } from '../domain/plan.ts';
import { progressOf, type Stored, type World } from '../domain/world.ts';

/** The store's part while a rollout is played through: what is written is there, at once. */
export class ImaginedWorld {
  #world: World;
  #revision: Revision;
  readonly #slots: Map<InstanceArn, Stored<Slot>>;
  readonly #launches: Map<LaunchId, Stored<Launch>>;

  constructor(world: World) {
    this.#slots = new Map(world.slots);
    this.#launches = new Map(world.launches);
    this.#world = { ...world, slots: this.#slots, launches: this.#launches };
    this.#revision = newestOf(world);
  }

  get world(): World {
    return this.#world;
  }

  /** That of the last write. */
  get revision(): Revision {
    return this.#revision;
  }

  get progress(): DeploymentProgress | null {
    return progressOf(this.#world);
  }

  apply(groups: readonly ChangeGroup[]): void {
    if (groups.length === 0) return;
    const revision = this.#next();
    for (const change of groups.flat()) {
      switch (change.kind) {
        case 'put-launch':
          this.#launches.set(change.launch.id, stored(change.launch, revision));
          break;
        case 'delete-launch':
          this.#launches.delete(change.launch);
          break;
        case 'put-slot':
          this.#slots.set(change.slot.instance, stored(change.slot, revision));
          break;
        case 'delete-slot':
          this.#slots.delete(change.instance);
          break;
        case 'put-progress':
          this.#putProgress(change.progress);
          break;
        case 'put-status':
          this.#world = { ...this.#world, status: change.status };
          break;
        case 'put-history':
          break;
      }
    }
  }

  rollBack({ spec, deployment, progress }: Rollback): void {
    const revision = this.#next();
    const deployments = new Map(this.#world.deployments).set(deployment.id, stored(deployment, revision));
    this.#world = { ...this.#world, spec: { ...this.#world.spec, value: spec, modified: revision }, deployments };
    this.#putProgress(progress);
  }

  promote(waves: number): void {
    const { spec } = this.#world;
    const value = { ...spec.value, orders: { ...spec.value.orders, promoted: waves } };
    this.#world = { ...this.#world, spec: { ...spec, value, modified: this.#next() } };
  }

  #putProgress(progress: DeploymentProgress): void {
    this.#world = { ...this.#world, progress: new Map(this.#world.progress).set(progress.id, progress) };
  }

  #next(): Revision {
    this.#revision = (this.#revision + 1) as Revision;
    return this.#revision;
  }
}

const stored = <T>(value: T, revision: Revision): Stored<T> => ({ value, created: revision, modified: revision });

function newestOf({ spec, deployments, slots, launches }: World): Revision {
  let newest = spec.modified;
  for (const values of [deployments, slots, launches]) {
    for (const { modified } of values.values()) if (modified > newest) newest = modified;
  }
  return newest;
}
