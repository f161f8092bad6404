/** The watch and the view on it, over a network and an etcd that break. Each test requires that its fault happened. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import type { Revision } from '../../src/domain/ids.ts';
import { CompactedError } from '../../src/store/etcd-client.ts';
import { listRange } from '../../src/store/etcd-listing.ts';
import { put, remove, revisionOf } from '../../src/store/etcd-requests.ts';
import type { EtcdStore } from '../../src/store/etcd-store.ts';
import { RangeWatch, type RangeWatchOptions } from '../../src/store/etcd-watch.ts';
import { StoreUnavailableError, type Snapshot, type View } from '../../src/store/store.ts';
import type { TestServer } from '../support/servers.ts';
import { ownRoot, privateEtcd, proxyTo, storeOf, viewOf } from './etcd-fixture.ts';
import { nameOf, range, specOf } from './fixtures.ts';

const WITHIN = { timeout: 15_000, interval: 10 };
const CALL_TIMEOUT_MS = 700;
/** As long as a test may take: where it must not be what saves the day. */
const NEVER_MS = 3_600_000;

/** What a watch handed on, and a copy of the range made of it. */
function recorder(store: EtcdStore, options: Partial<RangeWatchOptions> = {}) {
  const copy = new Map<string, string>();
  const listings: Revision[] = [];
  const changed: Revision[] = [];
  const troubles: unknown[] = [];
  const watch = new RangeWatch({
    client: store.client,
    range: store.keys.readable,
    pageSize: 100,
    onListing: ({ entries, revision }) => {
      listings.push(revision);
      copy.clear();
      for (const { key, text } of entries) copy.set(key, text);
    },
    onChanges: (changes, revision) => {
      changed.push(revision);
      for (const change of changes) {
        if (change.kind === 'put') copy.set(change.entry.key, change.entry.text);
        else copy.delete(change.key);
      }
    },
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  onTestFinished(() => watch.close());
  return { watch, copy, listings, changed, troubles };
}

/** Writes into the range, a revision each, some of them deletions; gives the revisions. */
async function writeMany(store: EtcdStore, count: number, bytes: number): Promise<Revision[]> {
  const revisions: Revision[] = [];
  const padding = 'x'.repeat(bytes);
  const key = (n: number): string => `${store.keys.readable.start}status/${n}`;
  for (let from = 0; from < count; from += 50) {
    const batch = range(Math.min(50, count - from)).map(async (n) => {
      const index = from + n;
      // Every tenth deletes what an earlier batch wrote.
      const isDeletion = index % 10 === 9 && from > 0;
      const operation = isDeletion ? remove(key(index - 51)) : put(key(index), `${index}${padding}`);
      const { header, responses } = await store.client.write({ success: [operation] });
      if (!isDeletion || responses[0]?.response_delete_range.deleted !== '0')
        revisions.push(revisionOf(header.revision));
    });
    await Promise.all(batch);
  }
  return revisions.toSorted((a, b) => a - b);
}

async function rangeOf(store: EtcdStore): Promise<Map<string, string>> {
  const { entries } = await listRange(store.client, { range: store.keys.readable, pageSize: 1_000 });
  return new Map(entries.map(({ key, text }) => [key, text]));
}

async function behindProxy(url = inject('etcdUrl')) {
  const proxy = await proxyTo(url);
  const root = ownRoot();
  const direct = storeOf({ endpoints: [url], root });
  const store = storeOf({ endpoints: [proxy.url], root, callTimeoutMs: CALL_TIMEOUT_MS });
  return { proxy, direct, store };
}

describe('the watch', () => {
  it('loses nothing when its connection is cut again and again while it catches up (W1)', async () => {
    const { proxy, direct, store } = await behindProxy();
    const early = await writeMany(direct, 20, 10);
    const { watch, copy, listings, changed } = recorder(store);
    await vi.waitFor(() => expect(watch.cursor).not.toBeNull(), WITHIN);

    proxy.refuse();
    const backlog = await writeMany(direct, 3_500, 200);
    const cuts: { readonly hits: number }[] = [];
    // etcd sends 1,000 revisions a message, here some 290 kB: nothing, one and a half, nothing, one and a half.
    for (const bytes of [600, 450_000, 600, 450_000]) {
      const cut = proxy.cutAfter(bytes);
      proxy.accept();
      await vi.waitFor(() => expect(cut.hits).toBe(1), WITHIN);
      cuts.push(cut);
    }
    await vi.waitFor(() => expect(watch.cursor).toBe(backlog.at(-1)), WITHIN);

    expect(cuts.map(({ hits }) => hits)).toEqual([1, 1, 1, 1]);
    expect(copy).toEqual(await rangeOf(direct));
    // Not by listing over and over: every event came, each once and in order.
    expect(listings).toHaveLength(1);
    expect(changed).toEqual(backlog);
    expect(listings[0]).toBeGreaterThanOrEqual(early.at(-1) ?? Infinity);
  });

  it('lists again when streams begin and break before an event comes (W2)', async () => {
    // The cursor after a listing is etcd's own revision, so nobody else may write.
    const { proxy, direct, store } = await behindProxy((await privateEtcd()).url);
    const { watch, copy, listings } = recorder(store);
    await vi.waitFor(() => expect(watch.cursor).not.toBeNull(), WITHIN);

    proxy.refuse();
    const backlog = await writeMany(direct, 1_000, 1_000);
    for (const bytes of [100_000, 100_000]) {
      const cut = proxy.cutAfter(bytes);
      proxy.accept();
      await vi.waitFor(() => expect(cut.hits).toBe(1), WITHIN);
    }
    await vi.waitFor(() => expect(watch.cursor).toBe(backlog.at(-1)), WITHIN);
    expect(listings).toHaveLength(2);
    expect(copy).toEqual(await rangeOf(direct));
  });

  it('lists again when its place in history was compacted away (W2)', async () => {
    const server = await privateEtcd();
    const proxy = await proxyTo(server.url);
    const direct = storeOf({ endpoints: [server.url] });
    const { watch, copy, listings, changed, troubles } = recorder(storeOf({ endpoints: [proxy.url] }));
    await vi.waitFor(() => expect(watch.cursor).not.toBeNull(), WITHIN);
    const [first] = await writeMany(direct, 1, 10);
    await vi.waitFor(() => expect(changed).toEqual([first]), WITHIN);

    proxy.refuse();
    const missed = await writeMany(direct, 200, 10);
    const compaction = { method: 'POST', body: JSON.stringify({ revision: String(missed.at(-1)), physical: true }) };
    expect((await fetch(`${server.url}/v3/kv/compaction`, compaction)).status).toBe(200);
    proxy.accept();
    await vi.waitFor(() => expect(watch.cursor).toBe(missed.at(-1)), WITHIN);

    expect(troubles.some((error) => error instanceof CompactedError)).toBe(true);
    expect(listings).toHaveLength(2);
    expect(copy).toEqual(await rangeOf(direct));
    const [after] = await writeMany(direct, 1, 20);
    await vi.waitFor(() => expect(watch.cursor).toBe(after), WITHIN);
  });

  it('lists again when etcd was set back to a backup (W2)', async () => {
    const server = await privateEtcd();
    const store = storeOf({ endpoints: [server.url] });
    await writeMany(store, 60, 10);
    const [data, backup] = [join(server.dir, 'etcd'), join(server.dir, 'backup')];
    await server.kill();
    await cp(data, backup, { recursive: true });
    await server.restart();
    await vi.waitFor(() => store.ping(), WITHIN);
    const restored = await rangeOf(store);

    const { watch, copy, listings } = recorder(store);
    await vi.waitFor(() => expect(watch.cursor).not.toBeNull(), WITHIN);
    const lost = await writeMany(store, 300, 10);
    await vi.waitFor(() => expect(watch.cursor).toBe(lost.at(-1)), WITHIN);
    expect(copy.size).toBeGreaterThan(restored.size);

    await server.kill();
    await rm(data, { recursive: true });
    await cp(backup, data, { recursive: true });
    await server.restart();
    await vi.waitFor(() => expect(listings).toHaveLength(2), WITHIN);
    expect(listings[1]).toBeLessThan(lost.at(-1) ?? 0);
    expect(copy).toEqual(restored);
    const [after] = await writeMany(store, 1, 20);
    await vi.waitFor(() => expect(watch.cursor).toBe(after), WITHIN);
  });

  it('gives a silent stream up by itself (W3)', async () => {
    const { proxy, direct, store } = await behindProxy();
    const { watch, troubles } = recorder(store, { heartbeatMs: 100 });
    await vi.waitFor(() => expect(watch.cursor).not.toBeNull(), WITHIN);
    // Quiet for some heartbeats, but alive: the question is answered and nothing happens.
    const toClient = () => proxy.passed.toClient;
    for (const _ of range(3)) {
      const before = toClient();
      await vi.waitFor(() => expect(toClient()).toBeGreaterThan(before), WITHIN);
    }
    expect(troubles).toEqual([]);

    expect(proxy.freezeOpen()).toBeGreaterThan(0);
    const [revision] = await writeMany(direct, 1, 10);
    await vi.waitFor(() => expect(watch.cursor).toBe(revision), WITHIN);
    expect(troubles.map(String)).toEqual([expect.stringContaining('silent')]);
    expect(proxy.dropped.toServer + proxy.dropped.toClient).toBeGreaterThan(0);
  });

  it('takes a new stream when a write does not show (suspicion)', async () => {
    const { proxy, direct, store } = await behindProxy();
    const { watch, troubles } = recorder(store, { heartbeatMs: NEVER_MS });
    // The first may come by the listing; after the second there is a stream to freeze.
    for (const n of [1, 2]) {
      const [written] = await writeMany(direct, 1, 10 * n);
      await vi.waitFor(() => expect(watch.cursor).toBe(written), WITHIN);
    }

    expect(proxy.freezeOpen()).toBeGreaterThan(0);
    const [revision] = await writeMany(direct, 1, 10);
    await vi.waitFor(() => {
      watch.suspect();
      expect(watch.cursor).toBe(revision);
    }, WITHIN);
    expect(troubles.map(String)).toEqual([expect.stringContaining('did not show')]);
  });

  it('ends when it is closed, connected or not', async () => {
    const { proxy, store } = await behindProxy();
    const { watch } = recorder(store);
    await vi.waitFor(() => expect(watch.cursor).not.toBeNull(), WITHIN);
    await watch.close();
    proxy.refuse();
    const away = recorder(store);
    await vi.waitFor(() => expect(away.troubles.length).toBeGreaterThan(0), WITHIN);
    await away.watch.close();
    expect(away.watch.cursor).toBeNull();
  });
});

describe('the view', () => {
  const names = (snapshot: Snapshot): string[] =>
    snapshot.list({ after: null, limit: 1_000, matches: () => true }).items.map(({ spec }) => spec.value.name);
  const current = (view: View): Promise<Snapshot> => vi.waitFor(() => view.current(), WITHIN);

  it('shows every answered write while its connections are cut again and again (R1)', async () => {
    const { proxy, direct, store } = await behindProxy();
    const view = await viewOf(store);
    let [cuts, answers] = [0, 0];
    for (const n of range(60)) {
      const spec = specOf(`web-${String(n).padStart(2, '0')}`);
      expect(await direct.environments.create(spec, null)).toEqual({ kind: 'done' });
      if (n % 3 === 0) cuts += proxy.cut();
      const snapshot = await current(view);
      answers += 1;
      expect(names(snapshot)).toHaveLength(n + 1);
      expect(snapshot.environment(spec.name)?.spec.value).toEqual(spec);
    }
    expect([answers, cuts >= 20]).toEqual([60, true]);
  });

  it('survives a kill -9 of etcd', async () => {
    const server = await privateEtcd();
    const store = storeOf({ endpoints: [server.url], callTimeoutMs: CALL_TIMEOUT_MS });
    const view = await viewOf(store);
    await store.environments.create(specOf('before'), null);
    const before = await view.current();
    await crash(server, store);
    const after = await current(view);
    expect(names(after)).toEqual(['before']);
    expect(after.environment(nameOf('before'))).toBe(before.environment(nameOf('before')));
    await store.environments.create(specOf('after'), null);
    expect(names(await current(view))).toEqual(['after', 'before']);
  });

  it('keeps records the same objects over a new listing, and drops what is gone', async () => {
    const server = await privateEtcd();
    const proxy = await proxyTo(server.url);
    const direct = storeOf({ endpoints: [server.url] });
    const troubles: unknown[] = [];
    const view = await viewOf(storeOf({ endpoints: [proxy.url], callTimeoutMs: CALL_TIMEOUT_MS }), {
      onTrouble: (error) => troubles.push(error),
    });
    const [stays, goes] = [specOf('stays'), specOf('goes')];
    for (const spec of [stays, goes]) await direct.environments.create(spec, null);
    const before = await view.current();
    expect(names(before)).toEqual(['goes', 'stays']);

    proxy.refuse();
    const result = await direct.actors.claim(goes.id, 'test');
    if (result.kind !== 'claimed') throw new Error(result.kind);
    expect(await result.claim.remove()).toEqual({ kind: 'committed' });
    await direct.environments.create(specOf('new'), null);
    const { revision } = await direct.actors.inventory();
    const compaction = { method: 'POST', body: JSON.stringify({ revision: String(revision) }) };
    expect((await fetch(`${server.url}/v3/kv/compaction`, compaction)).status).toBe(200);
    proxy.accept();

    const after = await current(view);
    expect(names(after)).toEqual(['new', 'stays']);
    expect(troubles.some((error) => error instanceof CompactedError)).toBe(true);
    expect(after.environment(nameOf('stays'))).toBe(before.environment(nameOf('stays')));
  });

  it('finds a dead watch by a write that does not show, within one read', async () => {
    const { proxy, direct, store } = await behindProxy();
    const view = await viewOf(store, { heartbeatMs: NEVER_MS });
    await direct.environments.create(specOf('before'), null);
    await view.current();
    expect(proxy.freezeOpen()).toBeGreaterThan(0);
    await direct.environments.create(specOf('after'), null);
    // The connection of single calls is dead as well; the first failure replaces it.
    await expect(store.ping()).rejects.toThrow(StoreUnavailableError);
    expect(names(await view.current())).toEqual(['after', 'before']);
    expect(proxy.dropped.toServer).toBeGreaterThan(0);
  });

  it('says once which value it leaves out, and shows the rest of its environment', async () => {
    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
    const unreadable: string[] = [];
    const view = await viewOf(store, { onUnreadable: ({ key, fault }) => unreadable.push(`${key}: ${fault}`) });
    const spec = specOf('web');
    await store.environments.create(spec, null);
    await store.client.write({ success: [put(store.keys.status(spec.id), '{"v":9,"value":{}}')] });
    await store.environments.create(specOf('later'), null);
    const record = (await view.current()).environment(spec.name);
    expect([record?.spec.value, record?.status]).toEqual([spec, null]);
    expect(unreadable).toEqual([`${store.keys.status(spec.id)}: schema version 9, this release reads 1`]);
  });

  it('is not ready while etcd is away, and gives up at the signal', async () => {
    const { proxy, store } = await behindProxy();
    proxy.refuse();
    await expect(
      viewOf(store, {}, 300).then(
        () => 'ready',
        (error: Error) => error.name,
      ),
    ).resolves.toBe('StoreUnavailableError');
  });

  async function crash(server: TestServer, store: EtcdStore): Promise<void> {
    const { pid } = server;
    await server.kill();
    await expect(store.ping()).rejects.toThrow();
    await server.restart();
    expect(server.pid).not.toBe(pid);
  }
});
