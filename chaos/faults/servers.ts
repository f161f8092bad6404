/** etcd, Redis and the API: killed, frozen, emptied; and a time without any worker. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosSystem } from '../system.ts';
import type { Fault, Happened } from './fault.ts';
import { isFrozen } from './frozen.ts';

/** Shorter than what stops a round from converging, longer than every call's deadline. */
const AWAY_MS = 2_000;
const JOINING = 2;

interface Outage {
  readonly kind: string;
  readonly name: string;
  /** What to do before it is killed. */
  readonly before?: (system: ChaosSystem) => Promise<unknown>;
  /** What callers of the API find meanwhile. */
  readonly meanwhile?: (system: ChaosSystem) => Promise<Partial<Happened>>;
}

const restarted = ({ kind, name, before, meanwhile }: Outage): Fault => ({
  kind,
  inject: async ({ system }) => {
    await before?.(system);
    await system.processes.kill(name);
    const seen = !system.runs(name);
    const [found] = await Promise.all([meanwhile?.(system), delay(AWAY_MS)]);
    await system.restart(name);
    return { seen, ...found };
  },
});

const frozen = ({ kind, name, meanwhile }: Outage): Fault => ({
  kind,
  inject: async ({ system }) => {
    const pid = system.processes.pid(name);
    system.processes.signal(name, 'SIGSTOP');
    const seen = await isFrozen(pid);
    const [found] = await Promise.all([meanwhile?.(system), delay(AWAY_MS)]);
    system.processes.signal(name, 'SIGCONT');
    return { seen, ...found };
  },
});

/** Without etcd the API says so, why, and when to come again; it does not make anybody wait. */
async function refusesReads({ apiUrl }: ChaosSystem): Promise<Partial<Happened>> {
  const { ms, status, retryAfter, text } = await read(apiUrl);
  const told = status === 503 && Number(retryAfter) > 0 && text.trim().length > 0;
  return { refusalMs: ms, ...(told ? {} : { broken: `a read without etcd was answered ${status}: ${text}` }) };
}

/** Without Redis reads go on as ever. */
async function answersReads({ apiUrl }: ChaosSystem): Promise<Partial<Happened>> {
  const { ms, status, text } = await read(apiUrl);
  return { readMs: ms, ...(status === 200 ? {} : { broken: `a read without Redis was answered ${status}: ${text}` }) };
}

async function read(apiUrl: string) {
  const began = performance.now();
  const answer = await fetch(`${apiUrl}/v1/environments`);
  const text = await answer.text();
  return { ms: performance.now() - began, status: answer.status, retryAfter: answer.headers.get('retry-after'), text };
}

/** Redis saves nothing by itself in these runs: what it comes back with is decided here. */
const dropSaved = ({ place }: ChaosSystem): Promise<void> => rm(join(place.data, 'dump.rdb'), { force: true });
const save = (system: ChaosSystem): Promise<unknown> => system.onRedis((redis) => redis.save());

const REDIS = { name: 'redis', meanwhile: answersReads } as const;
const ETCD = { name: 'etcd', meanwhile: refusesReads } as const;

export const REDIS_LOST = restarted({ ...REDIS, kind: 'Redis killed, back empty', before: dropSaved });
const REDIS_KEPT = restarted({ ...REDIS, kind: 'Redis killed, back with its data', before: save });
export const REDIS_FROZEN = frozen({ ...REDIS, kind: 'Redis frozen' });
export const ETCD_KILLED = restarted({ ...ETCD, kind: 'etcd killed, back with its data' });
export const ETCD_FROZEN = frozen({ ...ETCD, kind: 'etcd frozen' });
export const API_KILLED = restarted({ kind: 'API killed', name: 'api' });

export const FLUSHED: Fault = {
  kind: 'FLUSHALL',
  inject: async ({ system }) => ({ seen: (await system.onRedis((redis) => redis.flushall())) === 'OK' }),
};

/** Hosts join meanwhile. */
export const ALL_WORKERS_KILLED: Fault = {
  kind: 'all workers killed, hosts join',
  inject: async ({ system, world }) => {
    const names = system.seats.map(({ name }) => name).filter((name) => system.runs(name));
    await Promise.all(names.map((name) => system.processes.kill(name)));
    const seen = names.length > 0 && names.every((name) => !system.runs(name));
    await world.joinHosts(JOINING);
    await delay(AWAY_MS);
    await Promise.all(names.map((name) => system.restart(name)));
    return { seen };
  },
};

export const SERVER_FAULTS: readonly Fault[] = [
  REDIS_LOST,
  REDIS_KEPT,
  REDIS_FROZEN,
  ETCD_KILLED,
  ETCD_FROZEN,
  API_KILLED,
  FLUSHED,
  ALL_WORKERS_KILLED,
];
