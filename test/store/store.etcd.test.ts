import { describe, expect, inject, it } from 'vitest';
import { openEtcdStore } from '../../src/store/etcd-store.ts';
import { put } from '../../src/store/etcd-requests.ts';
import { openEtcdView } from '../../src/store/view.ts';
import { describeHistory } from './conformance-of-history.ts';
import { describeRecords } from './conformance-of-records.ts';
import { describeRollouts } from './conformance-of-rollouts.ts';
import { describeTurns } from './conformance-of-turns.ts';
import { ownRoot, PATIENT, storeOf, unshared } from './etcd-fixture.ts';
import {
  changeOf,
  deploymentOf,
  instanceOf,
  progressOf,
  putHistory,
  putLaunch,
  putSlot,
  putStatus,
  range,
  revisionOf,
  specOf,
} from './fixtures.ts';
import { claim, type OpenStore } from './store-under-test.ts';

const open: OpenStore = async ({ pageSize }) => {
  const options = { ...PATIENT, endpoints: [inject('etcdUrl')], root: ownRoot(), pageSize };
  const store = openEtcdStore(options);
  const other = openEtcdStore(options);
  const view = openEtcdView({ store, pageSize, deadlineMs: 5_000, monotonic: unshared() });
  await view.ready(AbortSignal.timeout(30_000));
  return {
    actors: store.actors,
    environments: store.environments,
    other,
    view,
    async spoil(id, part) {
      const key = part === 'spec' ? store.keys.spec(id) : store.keys.slot(id, instanceOf(1));
      await store.client.write({ success: [put(key, '{"v":2}')] });
    },
    async close() {
      await view.close();
      store.close();
      other.close();
    },
  };
};

describe('the store on etcd', () => {
  describeRecords(open);
  describeTurns(open);
  describeRollouts(open);
  describeHistory(open);

  it('leaves no key of a removed environment behind', async () => {
    const root = ownRoot();
    const store = storeOf({ endpoints: [inject('etcdUrl')], root });
    const keysLeft = async (): Promise<string[]> => {
      const end = `${root.slice(0, -1)}0`;
      const { kvs } = await store.client.range({ key: Buffer.from(root), range_end: Buffer.from(end) });
      return kvs.map(({ key }) => key.toString().slice(root.length));
    };
    const spec = specOf('web');
    await store.environments.create(spec, null);
    const { modified } = (await store.environments.read(spec.name))?.spec ?? expect.unreachable();
    const deployment = deploymentOf();
    await store.environments.update(changeOf(spec, modified, { deployment, revisions: [revisionOf(1)] }), null);
    const turn = await claim(store.actors, spec.id);
    await turn.commitIntents([
      ...range(3).map((n) => [putSlot(n), putHistory(n, n, n), putLaunch(n)]),
      [{ kind: 'put-progress', progress: progressOf(deployment.id) }, putStatus(3)],
    ]);
    // Spec, revision, deployment, progress, status, fence, name, read index, and three of each host.
    expect(await keysLeft()).toHaveLength(8 + 3 * 3);
    expect(await turn.remove()).toEqual({ kind: 'committed' });
    expect(await keysLeft()).toEqual(['written']);
  });
});
