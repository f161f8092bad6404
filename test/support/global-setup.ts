/**
 * One etcd and one Redis for a whole run of vitest. Tests share them and keep apart by key prefix (etcd)
 * and by prefix or database (Redis); a test that hurts a server starts its own (`servers.ts`).
 */
import type { TestProject } from 'vitest/node';
import { startEtcd, startRedis, type TestServer } from './servers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `http://127.0.0.1:P` */
    readonly etcdUrl: string;
    /** `redis://127.0.0.1:P` */
    readonly redisUrl: string;
  }
}

let servers: readonly TestServer[] = [];

export async function setup(project: TestProject): Promise<void> {
  const [etcd, redis] = await Promise.all([startEtcd(), startRedis()]);
  servers = [etcd, redis];
  project.provide('etcdUrl', etcd.url);
  project.provide('redisUrl', redis.url);
}

export async function teardown(): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
