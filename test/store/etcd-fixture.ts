import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { openEtcdStore, type EtcdStore, type EtcdStoreOptions } from '../../src/store/etcd-store.ts';
import { openEtcdView, type EtcdViewOptions } from '../../src/store/view.ts';
import type { View } from '../../src/store/store.ts';
import { startEtcd, type TestServer } from '../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** A part of the shared etcd of its own. */
export const ownRoot = (): string => `/test/${randomUUID()}/`;

/** Longer than the scheduler waits: what a test sets up must happen on a busy machine too. */
export const PATIENT = { callTimeoutMs: 20_000 } as const;

/** Everything these give is closed when the test is over. */
export function storeOf(options: EtcdStoreOptions): EtcdStore {
  const store = openEtcdStore({ ...PATIENT, ...options });
  onTestFinished(() => store.close());
  return store;
}

export async function viewOf(
  store: EtcdStore,
  options: Omit<EtcdViewOptions, 'store'> = {},
  readyWithinMs = 30_000,
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
