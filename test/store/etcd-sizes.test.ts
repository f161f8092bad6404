/** What is too large for etcd, and what only looks so: our own mistakes, and none of etcd's. */
import { describe, expect, inject, it } from 'vitest';
import { get, keyFields, put } from '../../src/store/etcd-requests.ts';
import { StoreOutcomeUnknownError, StoreUnavailableError } from '../../src/store/store.ts';
import { claimed, ownRoot, privateEtcd, storeOf, versionOf } from './etcd-fixture.ts';
import { deploymentOf, instanceOf, launchIdOf, progressOf, putLaunch, range, specOf } from './fixtures.ts';

describe('our own mistakes', () => {
  it('speak against no endpoint', async () => {
    const url = inject('etcdUrl');
    const root = ownRoot();
    const store = storeOf({ endpoints: [url, url.replace('127.0.0.1', 'localhost')], root });
    const tooLarge = { success: [put(`${root}x`, 'x'.repeat(1_700_000))] };
    const future = { ...keyFields(`${root}x`), revision: 1e15 };
    // Enough in a row for either endpoint.
    for (const _ of range(8)) {
      await expect(store.client.write(tooLarge)).rejects.toThrow(/request is too large/);
      await expect(store.client.range(future)).rejects.toThrow(/future revision/);
    }
    for (const _ of range(4)) await store.ping();
  });

  it.each([
    ['1.5 MiB, which etcd takes at most', 1_700_000, /request is too large/],
    ['2 MiB, which its gRPC reads at most', 3_000_000, /grpc: received message larger than max/],
  ])('are certain: a write of more than %s did not land', async (_, bytes, said) => {
    const root = ownRoot();
    const store = storeOf({ endpoints: [inject('etcdUrl')], root });
    const error = await store.client.write({ success: [put(`${root}x`, 'x'.repeat(bytes))] }).catch((e: unknown) => e);
    expect(error).not.toBeInstanceOf(StoreOutcomeUnknownError);
    expect(error).not.toBeInstanceOf(StoreUnavailableError);
    expect(String(error)).toMatch(said);
    expect(await versionOf(store.client, `${root}x`)).toBe(0);
  });

  it('are not taken for an answer that is too large: that write landed', async () => {
    const server = await privateEtcd();
    const root = ownRoot();
    const store = storeOf({ endpoints: [server.url], root, callTimeoutMs: 10_000 });
    // In all more than the 64 MiB that we read of an answer.
    for (const n of range(48)) await store.client.write({ success: [put(`${root}${n}`, 'x'.repeat(1_400_000))] });
    const all = get({ start: root, end: `${root}~` });
    const error = await store.client.write({ success: [put(`${root}x`, ''), all] }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StoreOutcomeUnknownError);
    expect(String(error)).toMatch(/Received message larger than max/);
    expect(await versionOf(store.client, `${root}x`)).toBe(1);
  });

  it('do not come from answers of many megabytes', async () => {
    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
    const spec = specOf('web');
    await store.environments.create(spec, null);
    const request = { padding: 'x'.repeat(100_000) };
    const groups = range(80).map((n) => [putLaunch(n, { request })]);
    // 8 MB: nine transactions by their size, and more than gRPC's 4 MB in one answer.
    expect(await (await claimed(store, spec.id)).commitIntents(groups)).toEqual({ kind: 'committed' });
    const { world } = await claimed(store, spec.id);
    expect([world.launches.size, world.launches.get(launchIdOf(79))?.value.request]).toEqual([80, request]);
  });

  it('do not come from 10,000 hosts that failed', async () => {
    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
    const spec = specOf('web');
    await store.environments.create(spec, null);
    const reason = 'CannotPullContainerError: pull image manifest has been retried 5 times: '.repeat(3);
    const failedInstances = range(10_000).map((n) => ({ instance: instanceOf(n), reason, attempts: 3 }));
    const progress = progressOf(deploymentOf().id, { state: 'completed', failedInstances });
    const claim = await claimed(store, spec.id);
    expect(await claim.commitOutcomes([[{ kind: 'put-progress', progress }]])).toEqual({ kind: 'committed' });
    expect((await claimed(store, spec.id)).world.progress.get(progress.id)).toEqual(progress);
  });
});
