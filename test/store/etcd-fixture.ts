import { randomUUID } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import type { EnvironmentId } from '../../src/domain/ids.ts';
import type { EtcdClient } from '../../src/store/etcd-client.ts';
import { keyFields } from '../../src/store/etcd-requests.ts';
import { openEtcdStore, type EtcdStore, type EtcdStoreOptions } from '../../src/store/etcd-store.ts';
import { openEtcdView, type EtcdViewOptions } from '../../src/store/view.ts';
import type { Claim, View } from '../../src/store/store.ts';
import { startEtcd, type TestServer } from '../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** A part of the shared etcd of its own. */
export const ownRoot = (): string => `/test/${randomUUID()}/`;

/** Longer than the scheduler waits: what a test sets up must happen on a busy machine too. */
export const PATIENT = { callTimeoutMs: 20_000 } as const;

/** For a view whose reads share nothing: whenever it looks at the clock, a second has passed. */
export function unshared(): () => number {
  let at = 0;
  return () => (at += 1_000);
}

/** Everything these give is closed when the test is over. */
export function storeOf(options: EtcdStoreOptions): EtcdStore {
  const store = openEtcdStore({ ...PATIENT, ...options });
  onTestFinished(() => store.close());
  return store;
}

export async function viewOf(
  store: EtcdStore,
  options: Partial<Omit<EtcdViewOptions, 'store'>> = {},
  readyWithinMs = 30_000,
): Promise<View> {
  const view = openEtcdView({ store, deadlineMs: 6_000, monotonic: unshared(), ...options });
  onTestFinished(() => view.close());
  await view.ready(AbortSignal.timeout(readyWithinMs));
  return view;
}

export async function privateEtcd(): Promise<TestServer> {
  const server = await startEtcd();
  onTestFinished(() => server.stop());
  return server;
}

export async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Short, so that a frozen server costs a test little; long against an answer from loopback. */
export const CALL_TIMEOUT_MS = 700;

export async function claimed({ actors }: Pick<EtcdStore, 'actors'>, id: EnvironmentId): Promise<Claim> {
  const result = await actors.claim(id, 'test');
  if (result.kind !== 'claimed') throw new Error(result.kind);
  return result.claim;
}

/** How often the key was written since it was made; 0 when it is not there. */
export async function versionOf(client: EtcdClient, key: string): Promise<number> {
  const { kvs } = await client.range(keyFields(key));
  return Number(kvs[0]?.version ?? 0);
}

/** A store behind a proxy, and one on the same data that is not. */
export async function behindProxy() {
  const url = inject('etcdUrl');
  const proxy = await proxyTo(url);
  const root = ownRoot();
  const direct = storeOf({ endpoints: [url], root });
  const store = storeOf({ endpoints: [proxy.url], root, callTimeoutMs: CALL_TIMEOUT_MS });
  await store.ping();
  return { proxy, direct, store };
}
