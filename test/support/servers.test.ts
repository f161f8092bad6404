import { Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { startEtcd, startRedis, type TestServer } from './servers.ts';

const started: TestServer[] = [];
const own = async (starting: Promise<TestServer>): Promise<TestServer> => {
  const server = await starting;
  started.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Puts and gets over etcd's JSON gateway, so that this test needs no client. */
const etcdCall = async (
  url: string,
  path: string,
  body: Record<string, string>,
): Promise<{ kvs?: { value: string }[] }> => {
  const response = await fetch(`${url}/v3/kv/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(1_000),
  });
  return (await response.json()) as { kvs?: { value: string }[] };
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('servers for tests', () => {
  it('runs an etcd that keeps its data over a kill, and can be frozen', async () => {
    const etcd = await own(startEtcd());
    await etcdCall(etcd.url, 'put', { key: base64('a'), value: base64('1') });

    etcd.pause();
    await expect(etcdCall(etcd.url, 'range', { key: base64('a') })).rejects.toThrow(/timeout/);
    etcd.resume();

    const before = etcd.pid;
    await etcd.restart();
    expect(etcd.pid).not.toBe(before);
    expect(isAlive(before)).toBe(false);
    expect((await etcdCall(etcd.url, 'range', { key: base64('a') })).kvs?.[0]?.value).toBe(base64('1'));
  });

  it('runs a Redis, and stops it also when it is frozen', async () => {
    const server = await own(startRedis());
    const redis = new Redis(server.url, { lazyConnect: true });
    await redis.connect();
    expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    redis.disconnect();

    const { pid } = server;
    server.pause();
    await server.stop();
    expect(isAlive(pid)).toBe(false);
  });

  it('says what to install when the program is missing', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      await expect(startEtcd()).rejects.toThrow(/^etcd is not on PATH.*apt-get install etcd-server/);
      await expect(startRedis()).rejects.toThrow(/^redis-server is not on PATH.*apt-get install redis-server/);
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('provides one of each to every test', async () => {
    expect((await fetch(`${inject('etcdUrl')}/health`)).status).toBe(200);
    const redis = new Redis(inject('redisUrl'), { lazyConnect: true });
    await redis.connect();
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
  });
});
