/** What every store must do with the records that the API writes and reads. `store.ts` says what it checks. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import { as, type EnvironmentId, type EnvironmentName, type Revision } from '../../src/domain/ids.ts';
import type { EnvironmentRecord } from '../../src/domain/world.ts';
import type { Claim, Snapshot } from '../../src/store/store.ts';
import {
  changeOf,
  deleting,
  deploymentOf,
  nameOf,
  progressOf,
  putSlot,
  putStatus,
  range,
  remembered,
  revisionOf,
  specOf,
  statusOf,
} from './fixtures.ts';
import { claim, create, read, type OpenStore, type StoreUnderTest } from './store-under-test.ts';

export function describeRecords(open: OpenStore): void {
  let store: StoreUnderTest;
  beforeEach(async () => {
    store = await open({ pageSize: 3 });
  });
  afterEach(() => store.close());

  const created = (spec: EnvironmentSpec): Promise<EnvironmentRecord> => create(store, spec);
  const recordOf = (name: EnvironmentName): Promise<EnvironmentRecord> => read(store, name);
  const claimed = (id: EnvironmentId, by = store.actors): Promise<Claim> => claim(by, id);

  describe('the API writes specs', () => {
    it('creates an environment and reads it back', async () => {
      const spec = specOf('web', {
        revision: revisionOf(1, { networkConfiguration: { awsvpcConfiguration: { subnets: ['s-1'] } } }),
      });
      const record = await created(spec);
      expect(record).toEqual({
        spec: { value: spec, created: record.spec.modified, modified: record.spec.modified },
        revisions: new Map(),
        deployments: new Map(),
        progress: new Map(),
        status: null,
      });
      expect(await store.environments.read(nameOf('other'))).toBeNull();
    });

    it('refuses a name that is taken, also while its environment is being deleted', async () => {
      const { spec } = await created(specOf('web'));
      expect(await store.environments.create(specOf('web'), null)).toEqual({ kind: 'exists' });
      expect(await store.environments.update(changeOf(deleting(spec.value), spec.modified), null)).toEqual({
        kind: 'done',
      });
      expect(await store.other.environments.create(specOf('web'), null)).toEqual({ kind: 'deleting' });
      expect((await recordOf(nameOf('web'))).spec.value).toEqual(deleting(spec.value));
    });

    it('lets one of many creations of a name win', async () => {
      const results = await Promise.all(
        range(8).map((n) => (n % 2 === 0 ? store : store.other).environments.create(specOf('web'), null)),
      );
      expect(results.map(({ kind }) => kind).toSorted()).toEqual(['done', ...range(7).map(() => 'exists')]);
    });

    it('updates a spec only at the revision seen, with its deployment', async () => {
      const { spec } = await created(specOf('web'));
      const deployment = deploymentOf();
      const next = { ...spec.value, target: deployment.id };
      expect(await store.environments.update(changeOf(next, spec.modified, { deployment }), null)).toEqual({
        kind: 'done',
      });

      const stale = deploymentOf();
      const late = { ...spec.value, target: stale.id };
      expect(await store.other.environments.update(changeOf(late, spec.modified, { deployment: stale }), null)).toEqual(
        { kind: 'conflict' },
      );

      const record = await recordOf(nameOf('web'));
      expect(record.spec.value).toEqual(next);
      expect(record.spec.created).toBe(spec.created);
      expect(record.spec.modified).toBeGreaterThan(spec.modified);
      expect([...record.deployments.values()].map(({ value }) => value)).toEqual([deployment]);
    });

    it('does not update an environment that is not there', async () => {
      const spec = specOf('web');
      expect(await store.environments.update(changeOf(spec, as<Revision>(7)), null)).toEqual({ kind: 'conflict' });
      expect(await store.environments.read(spec.name)).toBeNull();
    });

    it('lets one of many updates of a revision win', async () => {
      const { spec } = await created(specOf('web'));
      const updates = range(8).map(() => {
        const deployment = deploymentOf();
        return store.environments.update(
          changeOf({ ...spec.value, target: deployment.id }, spec.modified, { deployment }),
          null,
        );
      });
      const kinds = (await Promise.all(updates)).map(({ kind }) => kind);
      expect(kinds.toSorted()).toEqual([...range(7).map(() => 'conflict'), 'done']);
      const { deployments, spec: after } = await recordOf(nameOf('web'));
      expect([...deployments.keys()]).toEqual([after.value.target]);
    });
  });

  describe('answers are remembered with the change they answer for', () => {
    it('of a creation', async () => {
      const first = remembered('first');
      expect(await store.environments.recall(first.key)).toBeNull();
      expect(await store.environments.create(specOf('web'), first)).toEqual({ kind: 'done' });
      expect(await store.other.environments.recall(first.key)).toEqual(first.answer);

      // The key counts before the name does, and before a free name too.
      const again = remembered('again', first.key);
      expect(await store.environments.create(specOf('web'), again)).toEqual({ kind: 'remembered' });
      expect(await store.environments.create(specOf('free'), again)).toEqual({ kind: 'remembered' });
      expect(await store.environments.read(nameOf('free'))).toBeNull();
      expect(await store.environments.recall(first.key)).toEqual(first.answer);
    });

    it('of an update', async () => {
      const { spec } = await created(specOf('web'));
      const first = remembered('first');
      const next = { ...spec.value, target: deploymentOf().id };
      expect(await store.environments.update(changeOf(next, spec.modified), first)).toEqual({ kind: 'done' });
      const { spec: seen } = await recordOf(nameOf('web'));
      const again = remembered('again', first.key);
      expect(await store.environments.update(changeOf(spec.value, seen.modified), again)).toEqual({
        kind: 'remembered',
      });
      expect((await recordOf(nameOf('web'))).spec).toEqual(seen);
    });

    it('and not of a change that was refused', async () => {
      const { spec } = await created(specOf('web'));
      const refused = remembered('refused');
      expect(await store.environments.create(specOf('web'), refused)).toEqual({ kind: 'exists' });
      const stale = as<Revision>(spec.modified - 1);
      expect(await store.environments.update(changeOf(spec.value, stale), refused)).toEqual({ kind: 'conflict' });
      expect(await store.environments.recall(refused.key)).toBeNull();
    });
  });

  describe('the inventory', () => {
    it('is empty at first', async () => {
      expect(await store.actors.inventory()).toMatchObject({ specs: [], unreadable: [] });
    });

    it('has every spec, over many pages, those being deleted included', async () => {
      const specs = range(10).map((n) => specOf(`web-${n}`));
      for (const spec of specs) await created(spec);
      const [doomed] = specs;
      if (doomed === undefined) throw new Error('no spec');
      const { spec } = await recordOf(doomed.name);
      await store.environments.update(
        changeOf(deleting(spec.value), spec.modified, { deployment: deploymentOf() }),
        null,
      );
      const claim = await claimed(doomed.id);
      await claim.commitIntents([[putSlot(1), putStatus(1)]]);

      const { specs: found, unreadable, revision, storeId } = await store.other.actors.inventory();
      const byName = (a: EnvironmentSpec, b: EnvironmentSpec): number => (a.name < b.name ? -1 : 1);
      expect(found.map(({ value }) => value).toSorted(byName)).toEqual([deleting(doomed), ...specs.slice(1)]);
      const changed = found.find(({ value }) => value.id === doomed.id);
      expect(changed?.modified).toBeGreaterThan(changed?.created ?? Infinity);
      expect(unreadable).toEqual([]);
      expect(revision).toBeGreaterThan(claim.fence);
      expect(storeId).toBe(claim.storeId);
    });
  });

  it('the inventory, asked again, has what changed, what came, and not what went', async () => {
    const [kept, changed, gone] = [specOf('kept'), specOf('changed'), specOf('gone')];
    for (const spec of [kept, changed, gone]) await created(spec);
    const specsByName = async () =>
      Object.fromEntries((await store.actors.inventory()).specs.map(({ value }) => [value.name, value]));
    expect(await specsByName()).toEqual({ kept, changed, gone });

    const { spec } = await recordOf(changed.name);
    await store.environments.update(changeOf({ ...spec.value, frozen: true }, spec.modified), null);
    await (await claimed(gone.id)).remove();
    const came = specOf('came');
    await created(came);
    expect(await specsByName()).toEqual({ kept, changed: { ...changed, frozen: true }, came });
  });

  describe('a value that cannot be read', () => {
    it('stops its environment, and no other', async () => {
      const [bad, good] = [await created(specOf('bad')), await created(specOf('good'))];
      await (await claimed(bad.spec.value.id)).commitIntents([[putSlot(1)]]);
      await store.spoil(bad.spec.value.id, 'slot');
      const result = await store.actors.claim(bad.spec.value.id, 'test');
      expect(result).toMatchObject({ kind: 'unreadable', fault: expect.stringMatching(/./) });
      if (result.kind === 'unreadable') expect(result.key).toContain(bad.spec.value.id);

      expect((await claimed(good.spec.value.id)).world.spec).toEqual(good.spec);
      const { specs, unreadable } = await store.actors.inventory();
      expect([specs.length, unreadable]).toEqual([2, []]);
    });

    it('is named in the inventory when it is a spec, holds its name, and is not shown to readers', async () => {
      const [bad, good] = [await created(specOf('bad')), await created(specOf('good'))];
      await store.spoil(bad.spec.value.id, 'spec');
      const { specs, unreadable } = await store.actors.inventory();
      expect([specs, unreadable]).toEqual([[good.spec], [bad.spec.value.id]]);
      expect(await store.actors.claim(bad.spec.value.id, 'test')).toMatchObject({ kind: 'unreadable' });
      expect(await store.environments.create(specOf('bad'), null)).toEqual({ kind: 'exists' });
      // A write that follows makes the view come past the spoiled value.
      await created(specOf('later'));
      expect(names(await store.view.current())).toEqual(['good', 'later']);
    });
  });

  describe('the view', () => {
    const current = (): Promise<Snapshot> => store.view.current();

    it('shows every write that was answered, whoever wrote it (R1)', async () => {
      for (const n of range(20)) {
        const spec = specOf(`web-${n}`);
        await (n % 2 === 0 ? store : store.other).environments.create(spec, null);
        const record = (await current()).environment(spec.name);
        expect(record?.spec.value).toEqual(spec);

        const deployment = deploymentOf();
        const next = { ...spec, target: deployment.id };
        const seen = record?.spec.modified ?? as<Revision>(0);
        await (n % 2 === 1 ? store : store.other).environments.update(changeOf(next, seen, { deployment }), null);
        const after = (await current()).environment(spec.name);
        expect(after).toEqual(await store.environments.read(spec.name));
        expect(after?.deployments.get(deployment.id)?.value).toEqual(deployment);
      }
    });

    it('shows what the actor wrote before a write of the API', async () => {
      const { spec } = await created(specOf('web'));
      const deployment = deploymentOf();
      await store.environments.update(
        changeOf({ ...spec.value, target: deployment.id }, spec.modified, { deployment }),
        null,
      );
      const claim = await claimed(spec.value.id);
      const progress = progressOf(deployment.id);
      await claim.commitIntents([[putSlot(1), { kind: 'put-progress', progress }, putStatus(1)]]);
      await created(specOf('later'));
      const record = (await current()).environment(nameOf('web'));
      expect(record?.status).toEqual(statusOf(1));
      expect(record?.progress).toEqual(new Map([[deployment.id, progress]]));
    });

    it('hides an environment at its deletion, and shows its successor', async () => {
      const { spec } = await created(specOf('web'));
      expect((await current()).environment(nameOf('web'))).toBeDefined();
      await store.other.environments.update(changeOf(deleting(spec.value), spec.modified), null);
      expect((await current()).environment(nameOf('web'))).toBeUndefined();
      expect(names(await current())).toEqual([]);

      await (await claimed(spec.value.id)).remove();
      const successor = specOf('web');
      await created(successor);
      expect((await current()).environment(nameOf('web'))?.spec.value).toEqual(successor);
      expect(names(await current())).toEqual(['web']);
    });

    it('lists in order of name, page by page, with a filter', async () => {
      for (const name of ['m', 'b', 'Z', 'a', '_', '-', '10', '9']) await created(specOf(name));
      const snapshot = await current();
      const sorted = ['-', '10', '9', 'Z', '_', 'a', 'b', 'm'];
      expect(names(snapshot)).toEqual(sorted);

      const pages: string[][] = [];
      for (let after: EnvironmentName | null = null, more = true; more;) {
        const page = snapshot.list({ after, limit: 3, matches: () => true });
        pages.push(page.items.map(({ spec }) => spec.value.name));
        ({ more } = page);
        after = page.items.at(-1)?.spec.value.name ?? null;
      }
      expect(pages).toEqual([sorted.slice(0, 3), sorted.slice(3, 6), sorted.slice(6)]);

      const digits = snapshot.list({ after: null, limit: 1, matches: ({ name }) => /^\d/.test(name) });
      expect([digits.items.map(({ spec }) => spec.value.name), digits.more]).toEqual([['10'], true]);
      // The name to go on after need not be there any more.
      const rest = snapshot.list({ after: nameOf('A'), limit: 9, matches: ({ name }) => name !== 'b' });
      expect([rest.items.map(({ spec }) => spec.value.name), rest.more]).toEqual([['Z', '_', 'a', 'm'], false]);
      expect(snapshot.list({ after: nameOf('m'), limit: 9, matches: () => true })).toEqual({ items: [], more: false });
    });

    it('gives snapshots that do not change, of records that stay the same objects', async () => {
      await created(specOf('a'));
      const { spec } = await created(specOf('b'));
      const before = await current();
      await store.environments.update(changeOf({ ...spec.value, target: deploymentOf().id }, spec.modified), null);
      await created(specOf('c'));
      const after = await current();

      expect([names(before), names(after)]).toEqual([
        ['a', 'b'],
        ['a', 'b', 'c'],
      ]);
      expect(before.environment(nameOf('b'))?.spec).toEqual(spec);
      expect(after.environment(nameOf('b'))?.spec).not.toEqual(spec);
      expect(after.environment(nameOf('a'))).toBe(before.environment(nameOf('a')));
      expect(after.environment(nameOf('b'))).toBe((await current()).environment(nameOf('b')));
    });
  });
}

const names = (snapshot: Snapshot): string[] =>
  snapshot.list({ after: null, limit: 1_000, matches: () => true }).items.map(({ spec }) => spec.value.name);
