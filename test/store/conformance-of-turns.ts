/** What every store must do for actors: claims, fences, commits and removals. `store.ts` says what it checks. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import type { EnvironmentId, EnvironmentName } from '../../src/domain/ids.ts';
import type { ChangeGroup } from '../../src/domain/plan.ts';
import type { EnvironmentRecord } from '../../src/domain/world.ts';
import type { Claim } from '../../src/store/store.ts';
import {
  changeOf,
  deleting,
  deploymentOf,
  instanceOf,
  launchIdOf,
  launchOf,
  nameOf,
  progressOf,
  putLaunch,
  putSlot,
  putStatus,
  range,
  slotOf,
  specOf,
  statusOf,
} from './fixtures.ts';
import { claim, create, read, type OpenStore, type StoreUnderTest } from './store-under-test.ts';

export function describeTurns(open: OpenStore): void {
  let store: StoreUnderTest;
  beforeEach(async () => {
    store = await open({ pageSize: 3 });
  });
  afterEach(() => store.close());

  const created = (spec: EnvironmentSpec): Promise<EnvironmentRecord> => create(store, spec);
  const recordOf = (name: EnvironmentName): Promise<EnvironmentRecord> => read(store, name);
  const claimed = (id: EnvironmentId, by = store.actors): Promise<Claim> => claim(by, id);

  describe('a claim', () => {
    it('is refused for an environment that does not exist', async () => {
      expect(await store.actors.claim(specOf('web').id, 'test')).toEqual({ kind: 'gone' });
    });

    it('loads the world, over many pages, with revisions', async () => {
      const { spec } = await created(specOf('web'));
      const deployment = deploymentOf();
      await store.environments.update(
        changeOf({ ...spec.value, target: deployment.id }, spec.modified, { deployment }),
        null,
      );
      const other = await created(specOf('other'));
      const first = await claimed(spec.value.id);
      const progress = progressOf(deployment.id, {
        failedInstances: range(3).map((n) => ({ instance: instanceOf(n), reason: 'RESOURCE:CPU', attempts: n })),
      });
      const groups: ChangeGroup[] = [
        ...range(8).map((n) => [putSlot(n)]),
        ...range(8).map((n) => [putLaunch(n)]),
        [{ kind: 'put-progress', progress }, putStatus(8)],
      ];
      expect(await first.commitIntents(groups)).toEqual({ kind: 'committed' });
      expect(await first.commitOutcomes([[putSlot(2, { ec2InstanceId: null })]])).toEqual({ kind: 'committed' });
      await (await claimed(other.spec.value.id)).commitIntents([[putSlot(99)]]);

      const { world, fence, storeId } = await claimed(spec.value.id, store.other.actors);
      expect(world.spec.value).toEqual({ ...spec.value, target: deployment.id });
      expect([...world.deployments.values()].map(({ value }) => value)).toEqual([deployment]);
      expect(world.progress).toEqual(new Map([[deployment.id, progress]]));
      expect(world.status).toEqual(statusOf(8));
      expect([...world.slots.keys()].toSorted()).toEqual(range(8).map(instanceOf));
      expect([...world.launches.keys()].toSorted()).toEqual(range(8).map(launchIdOf));
      expect(world.slots.get(instanceOf(1))?.value).toEqual(slotOf(1));
      expect(world.launches.get(launchIdOf(3))?.value).toEqual(launchOf(3));
      expect(JSON.stringify(world.launches.get(launchIdOf(3))?.value.request)).toBe(
        JSON.stringify(launchOf(3).request),
      );

      const changed = world.slots.get(instanceOf(2));
      expect(changed?.value.ec2InstanceId).toBeNull();
      expect(changed?.modified).toBeGreaterThan(changed?.created ?? 0);
      expect(changed?.created).toBeGreaterThan(first.fence);
      expect(fence).toBeGreaterThan(changed?.modified ?? Infinity);
      expect(storeId).toBe(first.storeId);
      expect(storeId).not.toBe('');
    });

    it('is a picture: later writes do not show in it', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      await claim.commitIntents([[putSlot(1), putStatus(1)]]);
      expect([claim.world.slots.size, claim.world.status]).toEqual([0, null]);
    });

    it('deletes what it is told to', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      await claim.commitIntents([[putSlot(1), putSlot(2), putLaunch(1), putLaunch(2)]]);
      await claim.commitOutcomes([
        [
          { kind: 'delete-slot', instance: instanceOf(1) },
          { kind: 'delete-launch', launch: launchIdOf(1) },
        ],
      ]);
      const { world } = await claimed(spec.value.id);
      expect([[...world.slots.keys()], [...world.launches.keys()]]).toEqual([[instanceOf(2)], [launchIdOf(2)]]);
    });
  });

  describe('the fence', () => {
    it('refuses all that an older claim writes', async () => {
      const { spec } = await created(specOf('web'));
      const old = await claimed(spec.value.id);
      await old.commitIntents([[putSlot(1)]]);
      const newer = await claimed(spec.value.id, store.other.actors);
      expect(newer.fence).toBeGreaterThan(old.fence);

      expect(await old.commitIntents([[putSlot(2)]])).toEqual({ kind: 'fenced' });
      expect(await old.commitOutcomes([[putSlot(2)]])).toEqual({ kind: 'fenced' });
      expect(await old.commitOutcomes([])).toEqual({ kind: 'fenced' });
      expect(await old.remove()).toEqual({ kind: 'fenced' });
      expect(await newer.commitIntents([[putSlot(3)]])).toEqual({ kind: 'committed' });
      const { world } = await claimed(spec.value.id);
      expect([...world.slots.keys()].toSorted()).toEqual([instanceOf(1), instanceOf(3)]);
    });

    it('holds over any number of commits of the newest claim', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      for (const n of range(3)) expect(await claim.commitIntents([[putSlot(n)]])).toEqual({ kind: 'committed' });
      expect(await claim.commitIntents([])).toEqual({ kind: 'committed' });
      expect((await claimed(spec.value.id)).world.slots.size).toBe(3);
    });

    it('is one for each environment', async () => {
      const one = await created(specOf('one'));
      const two = await created(specOf('two'));
      const claim = await claimed(one.spec.value.id);
      await claimed(two.spec.value.id);
      expect(await claim.commitIntents([[putSlot(1)]])).toEqual({ kind: 'committed' });
    });

    it('refuses intents after a change of the spec, while outcomes still land', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      expect(await store.environments.update(changeOf(deleting(spec.value), spec.modified), null)).toEqual({
        kind: 'done',
      });
      expect(await claim.commitIntents([[putSlot(1)]])).toEqual({ kind: 'fenced' });
      expect(await claim.commitIntents([])).toEqual({ kind: 'fenced' });
      expect(await claim.remove()).toEqual({ kind: 'fenced' });
      expect(await claim.commitOutcomes([[putSlot(2)]])).toEqual({ kind: 'committed' });
      expect([...(await claimed(spec.value.id)).world.slots.keys()]).toEqual([instanceOf(2)]);
    });
  });

  describe('a commit of many groups', () => {
    /** 60 groups of three: 42 fit into a transaction of 128 operations, none is split for the remaining two. */
    const groups = range(60).map((n) => [putLaunch(n), putSlot(2 * n), putSlot(2 * n + 1)]);
    /** Numbers of the groups that are there, each of which must be there as a whole. */
    function wholeGroups(world: Claim['world']): number[] {
      const found = range(60).filter((n) => world.launches.has(launchIdOf(n)));
      for (const n of range(60)) {
        const slots = [2 * n, 2 * n + 1].filter((slot) => world.slots.has(instanceOf(slot)));
        expect(slots).toHaveLength(found.includes(n) ? 2 : 0);
      }
      return found;
    }

    it('lands them all', async () => {
      const { spec } = await created(specOf('web'));
      expect(await (await claimed(spec.value.id)).commitIntents(groups)).toEqual({ kind: 'committed' });
      expect(wholeGroups((await claimed(spec.value.id)).world)).toHaveLength(60);
    });

    it('never lands half a group, however a claim gets in between', async () => {
      for (const claims of range(6)) {
        const { spec } = await created(specOf(`web-${claims}`));
        const claim = await claimed(spec.value.id);
        const committing = claim.commitIntents(groups);
        for (let n = 1; n < claims; n += 1) await store.environments.read(spec.value.name);
        const newer = await claimed(spec.value.id, store.other.actors);
        const { kind } = await committing;

        const before = wholeGroups(newer.world);
        const after = wholeGroups((await claimed(spec.value.id)).world);
        // What the newer claim did not see never lands, and what landed is a beginning of the whole.
        expect(after).toEqual(before);
        expect(after).toEqual(range(after.length));
        expect(kind).toBe(after.length === 60 ? 'committed' : 'fenced');
      }
    });

    it('keeps the later of two writes to one key', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      const result = await claim.commitIntents([
        [putSlot(1), putSlot(2), putSlot(1, { ec2InstanceId: 'second' })],
        [putSlot(1, { ec2InstanceId: 'third' }), { kind: 'delete-slot', instance: instanceOf(2) }, putStatus(1)],
        [putStatus(2)],
      ]);
      expect(result).toEqual({ kind: 'committed' });
      const { world } = await claimed(spec.value.id);
      expect([...world.slots.values()].map(({ value }) => value.ec2InstanceId)).toEqual(['third']);
      expect(world.status).toEqual(statusOf(2));
    });

    it('refuses a group that no transaction holds', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      await expect(claim.commitIntents([range(129).map((n) => putSlot(n))])).rejects.toThrow(RangeError);
      expect((await claimed(spec.value.id)).world.slots.size).toBe(0);
    });
  });

  describe('a removal', () => {
    it('frees the name, and leaves nothing to claim', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      await claim.commitIntents([[putSlot(1), putLaunch(1), putStatus(1)]]);
      expect(await claim.remove()).toEqual({ kind: 'committed' });

      expect(await store.actors.claim(spec.value.id, 'test')).toEqual({ kind: 'gone' });
      expect(await store.environments.read(nameOf('web'))).toBeNull();
      expect((await store.actors.inventory()).specs).toEqual([]);
      const successor = await created(specOf('web'));
      const { world } = await claimed(successor.spec.value.id);
      expect([world.slots.size, world.launches.size, world.status]).toEqual([0, 0, null]);
    });

    it('keeps its old turns from the successor, and from coming back', async () => {
      const { spec } = await created(specOf('web'));
      const claim = await claimed(spec.value.id);
      await claim.remove();
      const successor = await created(specOf('web'));

      expect(await claim.commitIntents([[putSlot(1)]])).toEqual({ kind: 'fenced' });
      expect(await claim.commitOutcomes([[putSlot(1)]])).toEqual({ kind: 'fenced' });
      expect(await claim.remove()).toEqual({ kind: 'fenced' });
      expect((await recordOf(nameOf('web'))).spec).toEqual(successor.spec);
      expect((await claimed(successor.spec.value.id)).world.slots.size).toBe(0);
      expect(await store.actors.claim(spec.value.id, 'test')).toEqual({ kind: 'gone' });
    });

    it('leaves other environments alone', async () => {
      const one = await created(specOf('one'));
      const two = await created(specOf('two'));
      await (await claimed(two.spec.value.id)).commitIntents([[putSlot(1)]]);
      await (await claimed(one.spec.value.id)).remove();
      expect((await claimed(two.spec.value.id)).world.slots.size).toBe(1);
    });
  });
}
