/** What etcd keeps with a value: the revisions it was written at, and the lease it lives by. */
import { describe, expect, inject, it } from 'vitest';
import { LeaseGoneError } from '../../src/store/etcd-client.ts';
import { entryOf, keyFields, put } from '../../src/store/etcd-requests.ts';
import { ownRoot, storeOf } from './etcd-fixture.ts';
import { remembered, specOf } from './fixtures.ts';

describe('the lease of remembered answers', () => {
  it('is one for all of an hour, lasts 24 hours, and is replaced when etcd has lost it', async () => {
    let now = Date.now();
    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot(), now: () => now });
    const leases: string[] = [];
    const create = async (name: string): Promise<string> => {
      const remember = remembered(name);
      expect(await store.environments.create(specOf(name), remember)).toEqual({ kind: 'done' });
      const { kvs } = await store.client.range(keyFields(store.keys.remembered(remember.key)));
      const lease = kvs[0]?.lease ?? '0';
      leases.push(lease);
      return lease;
    };
    await Promise.all([create('a'), create('b'), create('c')]);
    expect(new Set(leases).size).toBe(1);
    const [first] = leases;
    const call = async (path: string): Promise<{ TTL?: string; error?: string }> => {
      const body = JSON.stringify({ ID: first });
      const response = await fetch(`${inject('etcdUrl')}/v3/${path}`, { method: 'POST', body });
      return (await response.json()) as { TTL?: string; error?: string };
    };
    expect(Number((await call('kv/lease/timetolive')).TTL)).toBeGreaterThanOrEqual(24 * 60 * 60);

    expect((await call('kv/lease/revoke')).error).toBeUndefined();
    await expect(store.client.write({ success: [put(store.keys.written, '', first)] })).rejects.toThrow(LeaseGoneError);
    const second = await create('d');
    expect([second === first, second === '0']).toEqual([false, false]);

    now += 60 * 60 * 1_000;
    expect(await create('e')).not.toBe(second);
  });
});

describe('an entry', () => {
  it('keeps the revisions etcd gives it', async () => {
    const store = storeOf({ endpoints: [inject('etcdUrl')], root: ownRoot() });
    const key = store.keys.written;
    await store.client.write({ success: [put(key, 'a')] });
    const { header } = await store.client.write({ success: [put(key, 'b')] });
    const { kvs } = await store.client.range(keyFields(key));
    const [kv] = kvs;
    if (kv === undefined) throw new Error('not written');
    expect(entryOf(kv)).toMatchObject({ key, text: 'b', modified: Number(header.revision) });
    expect(entryOf(kv).created).toBeLessThan(entryOf(kv).modified);
  });
});
