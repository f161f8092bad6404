/** What every store must do for rollouts: the past it keeps, rolling back, looking without the fence. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Deployment, EnvironmentSpec } from '../../src/domain/environment.ts';
import type { EnvironmentId, RevisionId } from '../../src/domain/ids.ts';
import type { Change, Rollback } from '../../src/domain/plan.ts';
import { NOTHING_FORGOTTEN } from '../../src/domain/retention.ts';
import type { EnvironmentRecord, Stored } from '../../src/domain/world.ts';
import { UnreadableValueError, type Claim } from '../../src/store/store.ts';
import {
  AT,
  changeOf,
  deploymentOf,
  instanceOf,
  launchIdOf,
  launchOf,
  nameOf,
  progressOf,
  putHistory,
  putLaunch,
  putSlot,
  putStatus,
  range,
  revisionOf,
  slotOf,
  specOf,
} from './fixtures.ts';
import { claim, create, read, type OpenStore, type StoreUnderTest } from './store-under-test.ts';

export function describeRollouts(open: OpenStore): void {
  let store: StoreUnderTest;
  beforeEach(async () => {
    store = await open({ pageSize: 3 });
  });
  afterEach(() => store.close());

  const claimed = (id: EnvironmentId, by = store.actors): Promise<Claim> => claim(by, id);
  const web = (): Promise<EnvironmentRecord> => read(store, nameOf('web'));
  const kept = <T>(values: ReadonlyMap<unknown, Stored<T>>): readonly T[] =>
    [...values.values()].map((one) => one.value);
  /** The environment `web` with one deployment of it under way. */
  async function deployed(): Promise<{ readonly spec: Stored<EnvironmentSpec>; readonly deployment: Deployment }> {
    const { spec } = await create(store, specOf('web'));
    const deployment = deploymentOf();
    const change = changeOf({ ...spec.value, target: deployment.id }, spec.modified, { deployment });
    expect(await store.environments.update(change, null)).toEqual({ kind: 'done' });
    return { spec: (await web()).spec, deployment };
  }

  describe('the past of an environment', () => {
    it('keeps the revisions that a change says, each as it was written first', async () => {
      const { spec } = await create(store, specOf('web'));
      const revisions = [revisionOf(1), revisionOf(2, { query: 'attribute:zone == a', healthCheck: true })];
      await store.environments.update(changeOf(spec.value, spec.modified, { revisions }), null);
      const first = await web();
      expect(kept(first.revisions)).toEqual(revisions);

      const more = [revisionOf(2, { query: 'attribute:zone == a', healthCheck: true }), revisionOf(3)];
      await store.other.environments.update(changeOf(spec.value, first.spec.modified, { revisions: more }), null);
      const { revisions: found } = await web();
      expect([...found.keys()].toSorted()).toEqual(['revision-1', 'revision-2', 'revision-3']);
      const created = (id: string) => found.get(id as RevisionId)?.created ?? Number.NaN;
      expect(created('revision-2')).toBe(first.revisions.get('revision-2' as RevisionId)?.created);
      expect(created('revision-3')).toBeGreaterThan(created('revision-2'));

      expect((await claimed(spec.value.id)).world.revisions).toEqual(found);
      expect((await store.view.current()).environment(nameOf('web'))?.revisions).toEqual(found);
    });

    it('is not touched by a change that is refused', async () => {
      const { spec } = await deployed();
      const before = await web();
      const change = changeOf(spec.value, spec.created, {
        revisions: [revisionOf(2)],
        forget: { ...NOTHING_FORGOTTEN, deployments: [...before.deployments.keys()] },
      });
      expect(await store.environments.update(change, null)).toEqual({ kind: 'conflict' });
      expect(await web()).toEqual(before);
    });

    it('forgets what it is told to, and the progress of a deployment with it', async () => {
      const { spec, deployment } = await deployed();
      const next = deploymentOf();
      const seen = changeOf(spec.value, spec.modified, {
        deployment: next,
        revisions: range(3).map((n) => revisionOf(n)),
      });
      await store.environments.update(seen, null);
      const progress = [deployment, next].map(({ id }): Change => ({ kind: 'put-progress', progress: progressOf(id) }));
      await (await claimed(spec.value.id)).commitOutcomes([progress]);

      const { modified } = (await web()).spec;
      const forget = { revisions: [revisionOf(0).id, revisionOf(2).id], deployments: [deployment.id] };
      const result = await store.other.environments.update(changeOf(spec.value, modified, { forget }), null);
      expect(result).toEqual({ kind: 'done' });
      const record = await web();
      expect(kept(record.revisions)).toEqual([revisionOf(1)]);
      expect(kept(record.deployments)).toEqual([next]);
      expect([...record.progress.keys()]).toEqual([next.id]);
      const { world } = await claimed(spec.value.id);
      expect([world.revisions, world.deployments, world.progress]).toEqual([
        record.revisions,
        record.deployments,
        record.progress,
      ]);
    });
  });

  describe('rolling back', () => {
    const rollbackOf = (spec: EnvironmentSpec, failed: Deployment): Rollback => {
      const deployment = deploymentOf({ kind: 'rollback', revision: revisionOf(0), rollsBack: failed.id });
      return {
        spec: { ...spec, revision: revisionOf(0), deploymentToken: deployment.token, target: deployment.id },
        deployment,
        progress: progressOf(failed.id, { state: 'failed', endedAt: AT, reason: 'too many failures' }),
      };
    };

    it('writes the spec, the deployment and the progress of the failed one', async () => {
      const { spec, deployment } = await deployed();
      const rollback = rollbackOf(spec.value, deployment);
      expect(await (await claimed(spec.value.id)).rollBack(rollback)).toEqual({ kind: 'committed' });

      const record = await web();
      expect(record.spec).toEqual({
        value: rollback.spec,
        created: spec.created,
        modified: record.deployments.get(rollback.deployment.id)?.created,
      });
      expect(kept(record.deployments)).toHaveLength(2);
      expect(record.deployments.get(rollback.deployment.id)?.value).toEqual(rollback.deployment);
      expect(record.progress).toEqual(new Map([[deployment.id, rollback.progress]]));
      await create(store, specOf('later'));
      expect((await store.view.current()).environment(nameOf('web'))).toEqual(record);
      // Who decided by what was there before must read again.
      expect(await store.environments.update(changeOf(spec.value, spec.modified), null)).toEqual({ kind: 'conflict' });
    });

    it('ends the claim for whatever follows from the spec, while outcomes still land', async () => {
      const { spec, deployment } = await deployed();
      const turn = await claimed(spec.value.id);
      await turn.rollBack(rollbackOf(spec.value, deployment));
      const before = await web();
      expect(await turn.commitIntents([[putSlot(1)]])).toEqual({ kind: 'fenced' });
      expect(await turn.commitIntents([])).toEqual({ kind: 'fenced' });
      expect(await turn.rollBack(rollbackOf(spec.value, deployment))).toEqual({ kind: 'fenced' });
      expect(await turn.remove()).toEqual({ kind: 'fenced' });
      expect(await turn.commitOutcomes([[putSlot(2)]])).toEqual({ kind: 'committed' });
      expect(await web()).toEqual(before);
      expect([...(await claimed(spec.value.id)).world.slots.keys()]).toEqual([instanceOf(2)]);
    });

    it('is refused after a newer claim, whole', async () => {
      const { spec, deployment } = await deployed();
      const old = await claimed(spec.value.id);
      const newer = await claimed(spec.value.id, store.other.actors);
      const before = await web();
      expect(await old.rollBack(rollbackOf(spec.value, deployment))).toEqual({ kind: 'fenced' });
      expect(await web()).toEqual(before);
      expect(await newer.rollBack(rollbackOf(spec.value, deployment))).toEqual({ kind: 'committed' });
    });

    it('is refused after a change of the spec, whole', async () => {
      const { spec, deployment } = await deployed();
      const turn = await claimed(spec.value.id);
      const paused = { ...spec.value, orders: { ...spec.value.orders, paused: true } };
      await store.other.environments.update(changeOf(paused, spec.modified), null);
      const before = await web();
      expect(await turn.rollBack(rollbackOf(spec.value, deployment))).toEqual({ kind: 'fenced' });
      expect(await web()).toEqual(before);
    });

    it('and a change of the spec do not both win', async () => {
      for (const n of range(6)) {
        const { spec, deployment } = await deployed();
        const turn = await claimed(spec.value.id);
        const rollback = rollbackOf(spec.value, deployment);
        const frozen = { ...spec.value, frozen: true };
        const change = () => store.other.environments.update(changeOf(frozen, spec.modified), null);
        const [rolledBack, changed] =
          n % 2 === 0
            ? await Promise.all([turn.rollBack(rollback), change()])
            : await Promise.all([change(), turn.rollBack(rollback)]).then(([b, a]) => [a, b] as const);
        const won = rolledBack.kind === 'committed';
        expect([rolledBack.kind, changed.kind]).toEqual(won ? ['committed', 'conflict'] : ['fenced', 'done']);
        const after = await web();
        expect(after.spec.value).toEqual(won ? rollback.spec : frozen);
        expect(after.deployments.has(rollback.deployment.id)).toBe(won);
        expect(await (await claimed(spec.value.id)).remove()).toEqual({ kind: 'committed' });
      }
    });
  });

  describe('an inspection', () => {
    it('shows all that a claim would, and takes no fence', async () => {
      const { spec, deployment } = await deployed();
      const turn = await claimed(spec.value.id);
      const progress = progressOf(deployment.id);
      await turn.commitIntents([
        ...range(8).map((n) => [putSlot(n), putHistory(n, 0, n)]),
        ...range(4).map((n) => [putLaunch(n)]),
        [{ kind: 'put-progress', progress }, putStatus(8)],
      ]);
      const inspected = await store.other.environments.inspect(nameOf('web'));
      expect(await turn.commitIntents([[putSlot(8)]])).toEqual({ kind: 'committed' });

      expect([...(inspected?.world.slots.keys() ?? [])].toSorted()).toEqual(range(8).map(instanceOf));
      expect(inspected?.world.slots.get(instanceOf(3))?.value).toEqual(slotOf(3));
      expect([...(inspected?.world.launches.keys() ?? [])].toSorted()).toEqual(range(4).map(launchIdOf));
      expect(inspected?.world.launches.get(launchIdOf(2))?.value).toEqual(launchOf(2));
      expect(inspected?.storeId).toBe(turn.storeId);
      expect(inspected?.revision).toBeGreaterThan(turn.fence);
      const { world, fence } = await claimed(spec.value.id);
      expect(inspected?.revision).toBeLessThan(fence);
      expect((await store.environments.inspect(nameOf('web')))?.world).toEqual(world);
    });

    it('goes over many pages', async () => {
      const large = await open({ pageSize: 1_000 });
      const { spec } = await create(large, specOf('web'));
      await (await claim(large.actors, spec.value.id)).commitIntents(range(1_500).map((n) => [putSlot(n)]));
      const inspected = await large.environments.inspect(nameOf('web'));
      expect([...(inspected?.world.slots.keys() ?? [])].toSorted()).toEqual(range(1_500).map(instanceOf));
      await large.close();
    });

    it('finds nothing under a free name, and an environment that is being deleted', async () => {
      expect(await store.environments.inspect(nameOf('web'))).toBeNull();
      const { spec } = await deployed();
      const deletion = { requestedAt: AT, tasks: 'keep' } as const;
      await store.environments.update(changeOf({ ...spec.value, deletion }, spec.modified), null);
      expect((await store.environments.inspect(nameOf('web')))?.world.spec.value.deletion).toEqual(deletion);
      await (await claimed(spec.value.id)).remove();
      expect(await store.environments.inspect(nameOf('web'))).toBeNull();
    });

    it('says when a value cannot be read', async () => {
      const { spec } = await deployed();
      await (await claimed(spec.value.id)).commitIntents([[putSlot(1)]]);
      await store.spoil(spec.value.id, 'slot');
      await expect(store.environments.inspect(nameOf('web'))).rejects.toThrow(UnreadableValueError);
      expect((await web()).spec).toEqual(spec);
      await store.spoil(spec.value.id, 'spec');
      await expect(store.environments.read(nameOf('web'))).rejects.toThrow(UnreadableValueError);
    });
  });
}
