/** The reference of `cluster-store.ts`, over the store in memory. */
import type { ClusterArn } from '../domain/ids.ts';
import { isRequired, type RequiredEnvironment } from '../domain/required.ts';
import type { ClusterClaimResult, ClusterStore } from './cluster-store.ts';
import type { MemoryStore } from './memory-store.ts';

export class MemoryClusterStore implements ClusterStore {
  readonly #store: MemoryStore;
  /** The newest claim of each cluster. */
  readonly #fences = new Map<ClusterArn, symbol>();

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async claim(cluster: ClusterArn, holder: string): Promise<ClusterClaimResult> {
    const before = this.#fences.get(cluster);
    const { revision, storeId, specs, unreadable } = await this.#store.inventory();
    const [fault] = unreadable;
    if (fault !== undefined) return { kind: 'unreadable', key: `spec of ${fault}`, fault: 'spoiled' };
    const there = specs.filter(({ value }) => value.cluster === cluster);
    const required: RequiredEnvironment[] = [];
    for (const spec of there.filter(({ value }) => isRequired(value))) {
      const world = this.#store.peek(spec.value.id);
      const target = spec.value.target === null ? undefined : world?.deployments.get(spec.value.target)?.value;
      if (world === null || target === undefined) {
        return { kind: 'unreadable', key: `target of ${spec.value.id}`, fault: 'not there' };
      }
      required.push({ spec, target, revisions: [...world.revisions.values()].map(({ value }) => value) });
    }
    if (before === undefined && required.length === 0) return { kind: 'unconcerned' };
    if (this.#fences.get(cluster) !== before) return { kind: 'fenced' };
    const token = Symbol(holder);
    this.#fences.set(cluster, token);
    const holds = async (): Promise<boolean> => this.#fences.get(cluster) === token;
    return { kind: 'claimed', claim: { storeId, revision, watched: there.length > 0, required, holds } };
  }
}
