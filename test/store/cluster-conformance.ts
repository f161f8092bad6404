/** What every store of clusters must do. Runs over memory and over etcd; `cluster-store.ts` says what it checks. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { as, type ClusterArn, type DeploymentId, type EnvironmentId } from '../../src/domain/ids.ts';
import type { ClusterClaim, ClusterStore } from '../../src/store/cluster-store.ts';
import type { ActorStore, EnvironmentStore } from '../../src/store/store.ts';
import { CLUSTER, deployment, LISTED_AT, revision, specOf } from '../planner/readiness-fixtures.ts';

export interface ClustersUnderTest {
  readonly clusters: ClusterStore;
  /** Another process's access to the same data. */
  readonly other: ClusterStore;
  readonly actors: ActorStore;
  readonly environments: EnvironmentStore;
  /** Puts something unreadable in place of the spec. */
  spoil(id: EnvironmentId): Promise<void>;
  close(): Promise<void>;
}

const ELSEWHERE = as<ClusterArn>(`${CLUSTER}-2`);

export function describeClusters(open: () => Promise<ClustersUnderTest>): void {
  let store: ClustersUnderTest;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());

  const made = (name: string, changes: Partial<EnvironmentSpec> = {}): EnvironmentSpec =>
    specOf(name, { id: as(randomUUID()), target: null, ...changes });

  async function change(spec: EnvironmentSpec, target: DeploymentId | null): Promise<EnvironmentSpec> {
    const record = await store.environments.read(spec.name);
    if (record === null) throw new Error(`no environment ${spec.name}`);
    const deployed = target === null ? null : { ...deployment(spec.revision), id: target };
    const next = { ...spec, target: target ?? spec.target };
    const forget = { revisions: [], deployments: [] };
    const revisions = target === null ? [] : [spec.revision];
    expect(
      await store.environments.update(
        { spec: next, seen: record.spec.modified, deployment: deployed, revisions, forget },
        null,
      ),
    ).toEqual({ kind: 'done' });
    return next;
  }
  /** Makes an environment and deploys it. */
  async function deployed(name: string, changes: Partial<EnvironmentSpec> = {}): Promise<EnvironmentSpec> {
    const spec = made(name, changes);
    expect(await store.environments.create(spec, null)).toEqual({ kind: 'done' });
    return await change(spec, as<DeploymentId>(randomUUID()));
  }
  async function claimed(by: ClusterStore = store.clusters, cluster = CLUSTER): Promise<ClusterClaim> {
    const result = await by.claim(cluster, 'test');
    if (result.kind !== 'claimed') throw new Error(`claim: ${result.kind}`);
    return result.claim;
  }
  const namesOf = ({ required }: ClusterClaim): readonly string[] =>
    required.map(({ spec }) => spec.value.name).toSorted();

  describe('C1: what a claim shows', () => {
    it('is the required environments of the cluster, with what they deploy and have deployed', async () => {
      const first = await deployed('agent', { revision: revision('agent', { id: as('0000000000000001') }) });
      const second = {
        ...first,
        revision: revision('agent', { id: as('0000000000000002'), query: 'attribute:a exists' }),
      };
      const spec = await change(second, as<DeploymentId>(randomUUID()));
      for (const name of ['b', 'c', 'd', 'e']) await deployed(name, { required: false });
      await deployed('elsewhere', { cluster: ELSEWHERE });
      const { required, watched } = await claimed();
      expect(required).toHaveLength(1);
      expect(required[0]?.spec.value).toEqual(spec);
      expect(required[0]?.target.revision).toEqual(second.revision);
      expect(required[0]?.revisions.map(({ id }) => id).toSorted()).toEqual([first.revision.id, second.revision.id]);
      expect(watched).toBe(true);
    });

    it('leaves out what was never deployed, and what is deleted', async () => {
      expect(await store.environments.create(made('new'), null)).toEqual({ kind: 'done' });
      const gone = await deployed('gone');
      await deployed('agent');
      await change({ ...gone, deletion: { requestedAt: LISTED_AT, tasks: 'keep' } }, null);
      expect(namesOf(await claimed())).toEqual(['agent']);
    });

    it('tells the spec as it is, and the state of the store, as facts do', async () => {
      const spec = await deployed('agent');
      const before = await store.actors.inventory();
      const claim = await claimed();
      expect(claim.storeId).toBe(before.storeId);
      expect(claim.revision).toBeGreaterThanOrEqual(before.revision);
      expect(claim.required[0]?.spec).toEqual(before.specs.find(({ value }) => value.id === spec.id));
    });

    it('says when nobody watches the cluster any more', async () => {
      const spec = await deployed('agent');
      await claimed();
      await change({ ...spec, deletion: { requestedAt: LISTED_AT, tasks: 'keep' } }, null);
      expect(await claimed()).toMatchObject({ watched: true, required: [] });
      const actor = await store.actors.claim(spec.id, 'test');
      if (actor.kind !== 'claimed') throw new Error(actor.kind);
      expect(await actor.claim.remove()).toEqual({ kind: 'committed' });
      expect(await claimed()).toMatchObject({ watched: false, required: [] });
    });

    it('is nothing while a spec cannot be read: it might be a required one', async () => {
      await deployed('agent');
      const spoiled = await deployed('other');
      await store.spoil(spoiled.id);
      expect(await store.clusters.claim(CLUSTER, 'test')).toMatchObject({ kind: 'unreadable' });
    });
  });

  describe('C2: a claim holds', () => {
    it('until the next one, and not longer', async () => {
      await deployed('agent');
      const first = await claimed();
      expect(await first.holds()).toBe(true);
      const second = await claimed(store.other);
      expect([await first.holds(), await second.holds()]).toEqual([false, true]);
    });

    it('whatever happens to other clusters and to the environment', async () => {
      const spec = await deployed('agent');
      await deployed('elsewhere', { cluster: ELSEWHERE });
      const claim = await claimed();
      await claimed(store.other, ELSEWHERE);
      await change({ ...spec, frozen: true }, null);
      await store.actors.claim(spec.id, 'test');
      expect(await claim.holds()).toBe(true);
    });

    it('for at most one of those who claim at the same time', async () => {
      await deployed('agent');
      const results = await Promise.all([1, 2, 3, 4].map(() => store.clusters.claim(CLUSTER, 'test')));
      const claims = results.flatMap((result) => (result.kind === 'claimed' ? [result.claim] : []));
      const holding = await Promise.all(claims.map((claim) => claim.holds()));
      expect(holding.filter(Boolean)).toHaveLength(1);
      for (const { kind } of results) expect(['claimed', 'fenced']).toContain(kind);
    });
  });

  describe('C3: a cluster is claimed', () => {
    it('only once it has a required environment', async () => {
      expect(await store.clusters.claim(CLUSTER, 'test')).toEqual({ kind: 'unconcerned' });
      const spec = await deployed('agent', { required: false });
      expect(await store.clusters.claim(CLUSTER, 'test')).toEqual({ kind: 'unconcerned' });
      await change({ ...spec, required: true }, null);
      expect(namesOf(await claimed())).toEqual(['agent']);
      expect(await store.clusters.claim(ELSEWHERE, 'test')).toEqual({ kind: 'unconcerned' });
    });

    it('and ever after', async () => {
      const spec = await deployed('agent');
      await claimed();
      await change({ ...spec, required: false }, null);
      expect(namesOf(await claimed())).toEqual([]);
    });
  });
}
