/** What the log says of etcd and Redis that are not there, against real ones. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { pino, type Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { parseConfig, type Config } from '../src/config.ts';
import { openParts, StartError, type Closers } from '../src/parts.ts';
import { startEtcd, startRedis, type TestServer } from './support/servers.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly err?: string;
}

const INFO = 30;
const WARN = 40;
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';
/** Above the time after which the silence of a server that hangs is noticed. */
const NOTICED = { timeout: 30_000 };

const closers: Closers = [];
let lines: Line[];
let log: Logger;
beforeEach(() => {
  lines = [];
  log = pino({ level: 'debug' }, { write: (text) => lines.push(JSON.parse(text) as Line) });
});
afterEach(async () => {
  for (let next = closers.shift(); next !== undefined; next = closers.shift()) await next();
});

const told = (least: number, about: string): readonly Line[] =>
  lines.filter(({ level, msg }) => level >= least && msg.includes(about));

function configOf(...flags: readonly string[]): Config {
  const prefix = randomUUID().slice(0, 8);
  const parsed = parseConfig([`--etcd-prefix=/${prefix}/`, `--redis-prefix=${prefix}`, ...flags], {
    DS_ETCD_ENDPOINTS: inject('etcdUrl'),
  });
  if (parsed.kind !== 'config') throw new Error(JSON.stringify(parsed));
  return parsed.config;
}

async function ownRedis(): Promise<TestServer> {
  const server = await startRedis();
  closers.push(() => server.stop());
  return server;
}

const ending = (config: Config, stop: AbortSignal): Promise<unknown> =>
  openParts(config, log, closers, stop).catch((error: unknown) => error);

describe('a Redis that goes while we run', () => {
  test.each([
    ['worker', 'is gone', (redis: TestServer) => redis.kill(), (redis: TestServer) => redis.restart()],
    ['api', 'hangs', async (redis: TestServer) => redis.pause(), async (redis: TestServer) => redis.resume()],
  ])('is told once (%s, its Redis %s), and so is that it is back', async (role, _, away, back) => {
    const redis = await ownRedis();
    await openParts(configOf(`--role=${role}`, `--redis-url=${redis.url}`), log, closers, new AbortController().signal);
    expect(told(INFO, 'Redis')).toEqual([]);
    await away(redis);
    // Tried again and again.
    await vi.waitFor(() => expect(lines.filter(({ msg }) => msg === 'redis').length).toBeGreaterThan(2), NOTICED);
    expect(told(INFO, 'Redis')).toMatchObject([{ level: WARN, msg: expect.stringContaining('Redis does not answer') }]);
    await back(redis);
    await vi.waitFor(() => expect(told(INFO, 'Redis')).toHaveLength(2), NOTICED);
    expect(told(INFO, 'Redis')[1]).toMatchObject({ level: INFO, msg: 'Redis answers again' });
  });
});

test.each([
  ['is gone', (etcd: TestServer) => etcd.kill(), (etcd: TestServer) => etcd.restart()],
  ['hangs', async (etcd: TestServer) => etcd.pause(), async (etcd: TestServer) => etcd.resume()],
])('an etcd that %s while we run is told once, and so is that it is back', async (_, away, back) => {
  const etcd = await startEtcd();
  closers.push(() => etcd.stop());
  await openParts(
    configOf(`--etcd-endpoint=${etcd.url}`, `--redis-url=${inject('redisUrl')}`),
    log,
    closers,
    new AbortController().signal,
  );
  await away(etcd);
  await vi.waitFor(() => expect(told(INFO, 'etcd')).toMatchObject([{ level: WARN, err: expect.any(String) }]), NOTICED);
  expect(told(INFO, 'etcd')[0]?.msg).toContain('etcd does not answer');
  await back(etcd);
  await vi.waitFor(() => expect(told(INFO, 'etcd').at(-1)?.msg).toBe('etcd answers again'), NOTICED);
  expect(told(INFO, 'etcd')).toHaveLength(2);
});

describe('at start', () => {
  test.each([
    ['with a wrong password', 'redis://:wrong@', 'WRONGPASS'],
    ['without a password', 'redis://', 'NOAUTH'],
  ])('a Redis that is asked %s is named with its own words', async (_, scheme, why) => {
    const redis = await ownRedis();
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', 'secret');
    admin.disconnect();
    const config = configOf('--role=api', `--redis-url=${scheme}127.0.0.1:${redis.port}`);
    await openParts(config, log, closers, new AbortController().signal);
    expect(told(WARN, 'Redis')).toMatchObject([{ msg: expect.stringContaining(why) }]);
    // Its address is told, and what stands before it is not.
    expect(told(WARN, `redis://127.0.0.1:${redis.port}`)).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('wrong@');
  });

  test('a Redis that is not there is said to refuse, and that it came is told', async () => {
    const redis = await ownRedis();
    await redis.kill();
    await openParts(configOf('--role=api', `--redis-url=${redis.url}`), log, closers, new AbortController().signal);
    expect(told(WARN, 'Redis')).toMatchObject([{ msg: expect.stringContaining('ECONNREFUSED') }]);
    await redis.restart();
    await vi.waitFor(() => expect(told(INFO, 'Redis')[1]).toMatchObject({ msg: 'Redis answers again' }), NOTICED);
  });

  test('an etcd that is not there is waited for aloud, and named in words that end', async () => {
    const stop = new AbortController();
    const opening = ending(configOf('--role=worker', `--etcd-endpoint=http://${NOWHERE}`), stop.signal);
    await vi.waitFor(
      () => expect(told(INFO, 'etcd')).toMatchObject([{ msg: `waiting for etcd at http://${NOWHERE}` }]),
      NOTICED,
    );
    stop.abort();
    const error = await opening;
    expect(error).toBeInstanceOf(StartError);
    expect(String(error)).toContain('ECONNREFUSED');
    expect(String(error)).not.toContain('Resolution note');
  });
});
