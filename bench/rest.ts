import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openEtcdStore } from '../src/store/etcd-store.ts';
import type { Bench, Row, Size } from './bench.ts';
import { completed, create, deploy, ledgerOf } from './clients.ts';
import { onSystem, type System } from './system.ts';

const ENVIRONMENTS: Readonly<Record<Size, readonly number[]>> = { full: [1, 10, 100], tiny: [2] };
const WATCH_MS: Readonly<Record<Size, number>> = { full: 60_000, tiny: 2_000 };
/** So that the tasks of 100 environments still fit on one page of a listing, 100: a page more is a read more, whoever the tasks belong to. */
const HOSTS = 1;
const READS = ['ListContainerInstances', 'DescribeContainerInstances', 'ListTasks', 'DescribeTasks'];
const MINUTE_MS = 60_000;

export const rest: Bench = {
  name: 'rest',
  doc: 'At rest, one host covered by each of several environments: what a minute costs',
  async *run(size) {
    for (const environments of ENVIRONMENTS[size]) {
      yield* await onSystem({ hosts: HOSTS, buckets: false }, async (system) => {
        const names = Array.from({ length: environments }, (_, n) => `env-${n}`);
        for (const name of names) await deploy(system, await create(system, name));
        for (const name of names) await completed(system, name);
        return await watch(system, environments, WATCH_MS[size]);
      });
    }
  },
};

interface Spent {
  readonly reads: number;
  readonly writes: number;
  readonly commands: number;
}

async function watch(system: System, environments: number, ms: number): Promise<readonly Row[]> {
  const redis = new Redis(system.redis);
  const store = openEtcdStore({ endpoints: [system.etcd] });
  const spent = async (): Promise<Spent> => {
    const { operations } = await ledgerOf(system);
    const info = await redis.info('stats');
    return {
      reads: READS.reduce((sum, name) => sum + (operations[name]?.calls ?? 0), 0),
      writes: (await store.actors.inventory()).revision,
      commands: Number(/total_commands_processed:(\d+)/.exec(info)?.[1] ?? Number.NaN),
    };
  };
  try {
    const from = await spent();
    await delay(ms);
    const to = await spent();
    const row = (what: string, figure: number): Row => ({
      what: `${environments} environments: ${what}`,
      figure: (figure * MINUTE_MS) / ms,
      unit: 'a minute',
      limit: null,
    });
    return [
      row('ECS reads', to.reads - from.reads),
      row('etcd writes', to.writes - from.writes),
      row('Redis commands', to.commands - from.commands),
    ];
  } finally {
    redis.disconnect();
    store.close();
  }
}
