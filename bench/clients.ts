/** What benchmarks ask of the API and of the simulator. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { as, type ClusterArn, type Instant } from '../src/domain/ids.ts';
import { RedisFacts } from '../src/store/redis-facts.ts';
import type { System } from './system.ts';

export interface Ledger {
  readonly maxLivePerHostAndGroup: number;
  readonly operations: Readonly<Record<string, { readonly calls: number; readonly throttled: number } | undefined>>;
  readonly tasks: readonly LedgerTask[];
}

interface LedgerTask {
  readonly taskArn: string;
  readonly containerInstanceArn: string;
  readonly group: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly stoppedAt: number | null;
}

interface Environment {
  readonly name: string;
  readonly deploymentToken: string;
  readonly createdAt: string;
  readonly instanceGroup: { readonly cluster: string };
}

const LOOK_EVERY_MS = 20;
/** Nothing a benchmark waits for takes longer on any machine it is worth running on. */
const PATIENCE_MS = 10 * 60_000;

export async function json<T>(url: string, body?: unknown): Promise<T> {
  const response = await fetch(url, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

export const ledgerOf = (system: System): Promise<Ledger> => json(`${system.ecs}/_sim/ledger`);

export const create = (system: System, name: string): Promise<Environment> =>
  json(`${system.api}/v1/environments`, { name, instanceGroup: { cluster: 'default' }, taskDefinition: 'daemon' });

export const deploy = ({ api }: System, { name, deploymentToken }: Environment): Promise<{ readonly id: string }> =>
  json(`${api}/v1/environments/${name}/deployments?deploymentToken=${deploymentToken}`, {});

export async function until<T>(ask: () => Promise<T>, satisfies: (answer: T) => boolean, what: string): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await delay(LOOK_EVERY_MS);
  }
}

/** Waits until the deployment is completed. */
export const completed = async (system: System, name: string): Promise<void> => {
  const url = `${system.api}/v1/environments/${name}/deployments`;
  await until(
    () => json<{ readonly items: readonly { readonly status: string }[] }>(url),
    ({ items }) => items.length > 0 && items.every(({ status }) => status === 'completed'),
    `${name} completed`,
  );
};

/** Waits for facts whose listing began after the environment was made: a deployment then has nothing to wait for. */
export async function surveyed(system: System, { instanceGroup, createdAt }: Environment): Promise<void> {
  const redis = new Redis(system.redis);
  try {
    const facts = new RedisFacts(redis, 'ds', () => as<Instant>(Date.now()));
    await until(
      () => facts.standing(as<ClusterArn>(instanceGroup.cluster)),
      (pace) => pace !== null && pace.startedAt >= Date.parse(createdAt),
      'the cluster surveyed',
    );
  } finally {
    redis.disconnect();
  }
}

/** The p-th percentile, 0 < p <= 100, nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}
