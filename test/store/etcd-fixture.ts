import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { openEtcdStore, type EtcdStore, type EtcdStoreOptions } from '../../src/store/etcd-store.ts';
import { openEtcdView, type EtcdViewOptions } from '../../src/store/view.ts';
import type { View } from '../../src/store/store.ts';
import { startEtcd, type TestServer } from '../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** A part of the shared etcd of its own. */
export const ownRoot = (): string => `/test/${randomUUID()}/`;

/** Everything these give is closed when the test is over. */
export function storeOf(options: EtcdStoreOptions): EtcdStore {
  const store = openEtcdStore(options);
  onTestFinished(() => store.close());
  return store;
}

export async function viewOf(
  store: EtcdStore,
  options: Omit<EtcdViewOptions, 'store'> = {},
  readyWithinMs = 10_000,
): Promise<View> {
  const view = openEtcdView({ store, ...options });
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
