import { must, type Bench, type Row, type Size } from './bench.ts';
import { completed, create, deploy, json, ledgerOf, percentile, surveyed } from './clients.ts';
import { onSystem } from './system.ts';

interface Case {
  readonly hosts: number;
  readonly buckets: boolean;
  /** Added by the simulator to every call. */
  readonly callMs: number;
  /** Seconds that the last RunTask may take at best, or is held to. */
  readonly limit: number | null;
}

/** Measured so often where nothing but the processor sets the pace, as the machine's speed swings; their median is held to the limit. */
const ATTEMPTS = 3;

/** Hosts a RunTask call, calls at once, calls a second (ECS documentation: RunTask; request throttling). */
const HOSTS_PER_CALL = 10;
const BURST = 100;
const PER_SECOND = 40;
const bucketLimit = (hosts: number): number => (hosts / HOSTS_PER_CALL - BURST) / PER_SECOND;

const CASES: Readonly<Record<Size, readonly Case[]>> = {
  full: [
    { hosts: 1_000, buckets: false, callMs: 0, limit: 1 },
    { hosts: 2_000, buckets: false, callMs: 0, limit: null },
    { hosts: 5_000, buckets: false, callMs: 0, limit: 2 },
    { hosts: 5_000, buckets: false, callMs: 150, limit: 6 },
    { hosts: 5_000, buckets: true, callMs: 0, limit: bucketLimit(5_000) },
    { hosts: 5_000, buckets: true, callMs: 150, limit: bucketLimit(5_000) },
  ],
  tiny: [{ hosts: 30, buckets: true, callMs: 5, limit: null }],
};

export const cover: Bench = {
  name: 'cover',
  doc: 'First cover of a cluster: from POST …/deployments to the last RunTask that ECS accepted',
  async *run(size) {
    for (const one of CASES[size]) {
      const attempts: Row[] = [];
      for (let n = 0; n < (size === 'full' && isUnpaced(one) ? ATTEMPTS : 1); n += 1) attempts.push(await measure(one));
      yield median(attempts);
    }
  },
};

const isUnpaced = ({ buckets, callMs }: Case): boolean => !buckets && callMs === 0;

function median(attempts: readonly Row[]): Row {
  const figures = attempts.map(({ figure }) => figure);
  const figure = percentile(figures, 50);
  const row = attempts.find((attempt) => attempt.figure === figure);
  if (row === undefined) throw new Error('nothing was measured');
  if (attempts.length === 1) return row;
  return { ...row, also: `${row.also}; median of ${figures.map((one) => `${one.toFixed(2)} s`).join(', ')}` };
}

function measure({ hosts, buckets, callMs, limit }: Case): Promise<Row> {
  return onSystem({ hosts, buckets }, async (system) => {
    const environment = await create(system, 'bench');
    await surveyed(system, environment);
    if (callMs > 0) {
      const delay = { operation: '*', kind: 'delay', ms: callMs, when: 'before-commit' };
      await json(`${system.ecs}/_sim/faults`, delay);
    }
    const began = Date.now();
    await deploy(system, environment);
    await completed(system, 'bench');
    const done = Date.now();
    const ledger = await ledgerOf(system);
    must(ledger.tasks.length === hosts, `${ledger.tasks.length} tasks for ${hosts} hosts`);
    must(ledger.maxLivePerHostAndGroup === 1, 'two tasks on a host');
    const last = ledger.tasks.reduce((latest, task) => Math.max(latest, task.createdAt), 0);
    const calls = ledger.operations['RunTask'];
    return {
      what: `${hosts} hosts, ECS buckets ${buckets ? 'on' : 'off'}, ${callMs} ms a call`,
      figure: (last - began) / 1_000,
      unit: 's',
      limit,
      also: `${calls?.calls} calls, ${calls?.throttled} throttled, completed after ${((done - began) / 1_000).toFixed(1)} s`,
    };
  });
}
