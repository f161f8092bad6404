/** What the store does when etcd, or the way to it, breaks. Each test requires that its fault happened. */
import { describe, expect, inject, it, vi } from 'vitest';
import { connectEtcd, type EtcdClient } from '../../src/store/etcd-client.ts';
import { etcdActorStore } from '../../src/store/etcd-actors.ts';
import { SpecListing } from '../../src/store/spec-listing.ts';
import { put } from '../../src/store/etcd-requests.ts';
import { StoreOutcomeUnknownError, StoreUnavailableError, type Claim } from '../../src/store/store.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import {
  behindProxy,
  CALL_TIMEOUT_MS,
  claimed,
  ownRoot,
  privateEtcd,
  storeOf,
  versionOf,
  viewOf,
} from './etcd-fixture.ts';
import {
  AT,
  changeOf,
  deploymentOf,
  instanceOf,
  launchIdOf,
  nameOf,
  progressOf,
  putLaunch,
  putSlot,
  range,
  remembered,
  specOf,
} from './fixtures.ts';

const WITHIN = { timeout: 10_000, interval: 10 };
describe('a reply that is lost after the write landed (S3)', () => {
  it('makes a commit unknown, and is not followed by a second write', async () => {
    const { proxy, direct, store } = await behindProxy();
    const spec = specOf('web');
    await direct.environments.create(spec, null);
    const claim = await claimed(store, spec.id);

    for (const [n, ending] of (['deadline', 'cut'] as const).entries()) {
      const slotKey = direct.keys.slot(spec.id, instanceOf(n));
      const before = proxy.dropped.toClient;
      // New connections are served, so nothing but ourselves would keep a second write from landing.
      await store.ping();
      expect(proxy.freezeOpen('to-client')).toBeGreaterThan(0);
      const committing = claim.commitIntents([[putSlot(n)]]);
      await vi.waitFor(async () => expect(await versionOf(direct.client, slotKey)).toBe(1), WITHIN);
      // Others see the write before its reply comes by.
      await vi.waitFor(() => expect(proxy.dropped.toClient).toBeGreaterThan(before), WITHIN);
      if (ending === 'cut') expect(proxy.cut()).toBeGreaterThan(0);
      expect(await committing).toMatchObject({ kind: 'unknown', reason: expect.stringContaining(proxy.url) });

      await store.ping();
      expect(await versionOf(direct.client, slotKey)).toBe(1);
    }
  });

  it('does not turn a creation into "exists", nor an update into "conflict"', async () => {
    const { proxy, direct, store } = await behindProxy();
    const spec = specOf('web');
    const first = remembered('created');
    await store.environments.create(specOf('warm-up'), remembered('takes the lease'));

    proxy.blackhole('to-client');
    const creating = store.environments.create(spec, first);
    await vi.waitFor(async () => expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(1), WITHIN);
    expect(proxy.cut()).toBeGreaterThan(0);
    proxy.forward();
    expect(await creating).toEqual({ kind: 'done' });
    expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(1);
    expect(await direct.environments.recall(first.key)).toEqual(first.answer);

    const seen = (await direct.environments.read(spec.name))?.spec.modified;
    if (seen === undefined) throw new Error('not created');
    const deployment = deploymentOf();
    await store.ping();
    proxy.blackhole('to-client');
    const updating = store.environments.update(
      changeOf({ ...spec, target: deployment.id }, seen, { deployment }),
      null,
    );
    await vi.waitFor(async () => expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(2), WITHIN);
    // Others may have gone on from our write before we ask what became of it.
    const record = await direct.environments.read(spec.name);
    const next = record?.spec.modified ?? seen;
    const doomed = { ...spec, target: deployment.id, deletion: { requestedAt: AT, tasks: 'keep' as const } };
    expect(await direct.environments.update(changeOf(doomed, next), null)).toEqual({ kind: 'done' });
    expect(proxy.cut()).toBeGreaterThan(0);
    proxy.forward();
    expect(await updating).toEqual({ kind: 'done' });
    expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(3);
    expect(proxy.dropped.toClient).toBeGreaterThan(0);
  });

  it('does not make a rollback land in part, and a rollback does not hide an update that landed before it', async () => {
    const { proxy, direct, store } = await behindProxy();
    const spec = specOf('web');
    await direct.environments.create(spec, null);
    const seen = (await direct.environments.read(spec.name))?.spec.modified ?? expect.unreachable();
    const failed = deploymentOf();
    const change = changeOf({ ...spec, target: failed.id }, seen, { deployment: failed });

    proxy.blackhole('to-client');
    const updating = store.environments.update(change, null);
    await vi.waitFor(async () => expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(2), WITHIN);
    const deployment = deploymentOf({ kind: 'rollback', rollsBack: failed.id });
    const progress = progressOf(failed.id, { state: 'failed' });
    const rollback = { spec: { ...change.spec, target: deployment.id }, deployment, progress };
    expect(await (await claimed(direct, spec.id)).rollBack(rollback)).toEqual({ kind: 'committed' });
    expect(proxy.cut()).toBeGreaterThan(0);
    proxy.forward();
    expect(await updating).toEqual({ kind: 'done' });

    const claim = await claimed(store, spec.id);
    const again = deploymentOf({ kind: 'rollback', rollsBack: deployment.id });
    proxy.blackhole('to-client');
    const rollingBack = claim.rollBack({
      spec: { ...change.spec, target: again.id },
      deployment: again,
      progress: progressOf(deployment.id, { state: 'failed' }),
    });
    await vi.waitFor(async () => expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(4), WITHIN);
    expect(proxy.cut()).toBeGreaterThan(0);
    proxy.forward();
    expect(await rollingBack).toMatchObject({ kind: 'unknown' });
    const { world } = await claimed(store, spec.id);
    expect([world.spec.value.target, world.deployments.size, world.progress.size]).toEqual([again.id, 3, 2]);
    expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(4);
  });
});

describe('a write that is stuck on its way', () => {
  it('may land long after a read found nothing, so that reading alone would prove nothing', async () => {
    const { proxy, direct, store } = await behindProxy();
    const key = direct.keys.name(nameOf('late'));
    const late = await stuck(proxy, key, () => store.client.write({ success: [put(key, 'x')] }));
    expect(late.error).toBeInstanceOf(StoreOutcomeUnknownError);
    expect(await versionOf(store.client, key)).toBe(0);
    late.arrive();
    await vi.waitFor(async () => expect(await versionOf(direct.client, key)).toBe(1), WITHIN);
  });

  it('never lands once a creation was reported as failed', async () => {
    const { proxy, direct, store } = await behindProxy();
    const spec = specOf('web');
    const late = await stuck(proxy, spec.id, () => store.environments.create(spec, null));
    expect(late.error).toBeInstanceOf(StoreUnavailableError);
    await late.arrivedAndAnswered();
    expect(await versionOf(direct.client, direct.keys.spec(spec.id))).toBe(0);
    expect(await direct.environments.read(spec.name)).toBeNull();
  });

  it('never lands once an update was reported as failed', async () => {
    const { proxy, direct, store } = await behindProxy();
    const spec = specOf('web');
    await direct.environments.create(spec, null);
    const record = await direct.environments.read(spec.name);
    if (record === null) throw new Error('not created');
    const next = { ...spec, target: deploymentOf().id };
    const update = () => store.environments.update(changeOf(next, record.spec.modified), null);
    const late = await stuck(proxy, spec.id, update);
    expect(late.error).toBeInstanceOf(StoreUnavailableError);
    await late.arrivedAndAnswered();
    expect((await direct.environments.read(spec.name))?.spec).toEqual(record.spec);
  });

  /** Holds a write, which contains `text`, back in the proxy until its caller has given up. */
  async function stuck(proxy: TcpProxy, text: string, write: () => Promise<unknown>) {
    const held = proxy.hold();
    const writing = write().catch((error: unknown) => error);
    await vi.waitFor(() => expect(held.has(text)).toBe(true), WITHIN);
    // What comes after it on the same connection is the client's cancellation, which must not overtake it here.
    const { bytes } = held;
    const error = await writing;
    return {
      error,
      arrive: () => held.release(bytes),
      async arrivedAndAnswered() {
        const { toClient } = proxy.passed;
        held.release(bytes);
        await vi.waitFor(() => expect(proxy.passed.toClient).toBeGreaterThan(toClient), WITHIN);
      },
    };
  }
});

describe('an etcd that does not answer', () => {
  it('fails every call within its deadline, and serves the next one when it is back', async () => {
    const server = await privateEtcd();
    const store = storeOf({ endpoints: [server.url], callTimeoutMs: CALL_TIMEOUT_MS });
    const spec = specOf('web');
    await store.environments.create(spec, null);
    const record = await store.environments.read(spec.name);
    if (record === null) throw new Error('not created');
    const claim = await claimed(store, spec.id);
    const view = await viewOf(store);

    server.pause();
    // The call on the open connection may have been taken; later ones do not get as far.
    expect(await claim.commitIntents([[putSlot(1)]])).toMatchObject({ kind: 'unknown' });
    const failing = [
      store.actors.claim(spec.id, 'test'),
      store.actors.inventory(),
      store.environments.create(specOf('other'), null),
      store.environments.update(changeOf(spec, record.spec.modified), null),
      store.environments.read(spec.name),
      store.environments.recall('key'),
      store.ping(),
      view.current(),
    ];
    const results = await Promise.allSettled(failing);
    const reasons = results.map((result) => (result.status === 'rejected' ? result.reason : result));
    for (const reason of reasons)
      expect([StoreUnavailableError, StoreOutcomeUnknownError]).toContain((reason as object).constructor);
    for (const read of [0, 1, 4, 5, 6, 7]) expect(reasons[read]).toBeInstanceOf(StoreUnavailableError);

    server.resume();
    // Not refused for some seconds by a breaker that remembers the failures.
    await store.ping();
    expect((await store.environments.read(spec.name))?.spec).toEqual(record.spec);
  });

  it('that is down says so, with its address, and a write surely did not land', async () => {
    const server = await privateEtcd();
    const store = storeOf({ endpoints: [server.url], callTimeoutMs: CALL_TIMEOUT_MS });
    const spec = specOf('web');
    await store.environments.create(spec, null);
    await server.kill();
    await expect(store.ping()).rejects.toThrow(server.url);
    const refused = store.environments.create(specOf('other'), null);
    await expect(refused).rejects.toThrow(StoreUnavailableError);
    await expect(refused).rejects.not.toThrow('Resolution note');
    await server.restart();
    await vi.waitFor(() => store.ping(), WITHIN);
    expect((await store.environments.read(spec.name))?.spec.value).toEqual(spec);
    expect(await store.environments.read(nameOf('other'))).toBeNull();
  });

  it('is avoided while another endpoint answers', async () => {
    const { proxy, direct } = await behindProxy();
    const store = storeOf({
      endpoints: [proxy.url, inject('etcdUrl')],
      root: direct.keys.specs.start,
      callTimeoutMs: 400,
    });
    proxy.blackhole('both');
    const outcomes: string[] = [];
    for (const _ of range(40))
      outcomes.push(
        await store.ping().then(
          () => 'ok',
          (error: Error) => error.name,
        ),
      );
    // Three failures in a row, and then one for each second or so that it is tried again.
    expect(outcomes.filter((outcome) => outcome !== 'ok').length).toBeGreaterThanOrEqual(3);
    expect(outcomes.filter((outcome) => outcome === 'ok').length).toBeGreaterThan(25);
    expect(proxy.dropped.toServer).toBeGreaterThan(0);
  });
});

describe('a fence taken between two transactions of a commit', () => {
  it('leaves the first whole, and refuses the second whole', async () => {
    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
    const spec = specOf('web');
    await store.environments.create(spec, null);
    let writes = 0;
    let rival: Promise<Claim> | null = null;
    const client: EtcdClient = {
      ...store.client,
      async write(request) {
        // The claim is the first write, the two transactions of the commit come next.
        writes += 1;
        if (writes === 3) await (rival = claimed(store, spec.id));
        return await store.client.write(request);
      },
    };
    const options = { client, keys: store.keys, pageSize: 1_000 };
    const claim = await claimed({ actors: etcdActorStore({ ...options, listing: new SpecListing(options) }) }, spec.id);
    const groups = range(60).map((n) => [putLaunch(n), putSlot(2 * n), putSlot(2 * n + 1)]);
    expect(await claim.commitIntents(groups)).toEqual({ kind: 'fenced' });

    expect([writes, rival === null]).toEqual([3, false]);
    const { world } = await claimed(store, spec.id);
    expect([...world.launches.keys()].toSorted()).toEqual(range(42).map(launchIdOf));
    expect(world.slots.size).toBe(84);
  });
});

it('connects lazily, and a closed client fails at once', async () => {
  const client = connectEtcd({ endpoints: ['http://127.0.0.1:1'] });
  client.close();
  await expect(client.write({ success: [] })).rejects.toThrow(StoreUnavailableError);
});
