/** The memory store, with what an actor does to it at hand. */
import type { DeploymentProgress, EnvironmentStatus } from '../../src/domain/environment.ts';
import { as } from '../../src/domain/ids.ts';
import type { EnvironmentName, Instant } from '../../src/domain/ids.ts';
import type { Change } from '../../src/domain/plan.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Claim } from '../../src/store/store.ts';

const BEGUN: Omit<DeploymentProgress, 'id'> = {
  state: 'running',
  startedAt: as<Instant>(0),
  endedAt: null,
  reason: null,
  waves: [],
  open: 0,
  openedAt: as<Instant>(0),
  doneAt: null,
  ignoredAlarms: [],
  trip: null,
  canaries: 0,
  forgiven: 0,
  failedInstances: [],
  deferredInstances: [],
};

export class TestStore extends MemoryStore {
  /** Over a progress that has just begun. */
  setProgress(
    name: EnvironmentName,
    over: Partial<DeploymentProgress> & Pick<DeploymentProgress, 'id'>,
  ): Promise<void> {
    return this.#commit(name, { kind: 'put-progress', progress: { ...BEGUN, ...over } });
  }

  setStatus(name: EnvironmentName, status: EnvironmentStatus): Promise<void> {
    return this.#commit(name, { kind: 'put-status', status });
  }

  /** Clears the environment away, as its actor does in the end. */
  async remove(name: EnvironmentName): Promise<void> {
    await (await this.#claim(name)).remove();
  }

  /** Names of all environments, those being deleted included. */
  async names(): Promise<string[]> {
    return (await this.inventory()).specs.map(({ value: spec }) => spec.name);
  }

  async #commit(name: EnvironmentName, change: Change): Promise<void> {
    await (await this.#claim(name)).commitOutcomes([[change]]);
  }

  async #claim(name: EnvironmentName): Promise<Claim> {
    const record = await this.read(name);
    if (record === null) throw new Error(`no environment ${name}`);
    const result = await this.claim(record.spec.value.id, 'test');
    if (result.kind !== 'claimed') throw new Error(`not claimed: ${result.kind}`);
    return result.claim;
  }
}
