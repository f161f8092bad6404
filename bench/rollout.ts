import { RegisterTaskDefinitionCommand, StartTaskCommand } from '@aws-sdk/client-ecs';
import { MODEL_DEFAULTS } from '../sim/model/options.ts';
import { mostWithout } from './availability.ts';
import { must, type Bench, type Row, type Size } from './bench.ts';
import { completed, json, until } from './clients.ts';
import { addHosts, arnsOf, cover, ecs, ended, ledger, liveOf, register, rollOut } from './rollout-steps.ts';
import { onSystem, type System } from './system.ts';

interface Sizes {
  /** Of the update and of the bad revision. */
  readonly hosts: number;
  readonly maxUnavailable: `${number}%`;
  readonly canary: number;
  readonly exitAfterMs: number;
  readonly minReadySeconds: number;
  /** Of the cluster with dead hosts. */
  readonly many: number;
  readonly dead: number;
  readonly manyUnavailable: `${number}%`;
}

const SIZES: Readonly<Record<Size, Sizes>> = {
  full: {
    hosts: 1_000,
    maxUnavailable: '10%',
    canary: 5,
    exitAfterMs: 5_000,
    minReadySeconds: 10,
    many: 288,
    dead: 20,
    manyUnavailable: '5%',
  },
  tiny: {
    hosts: 12,
    maxUnavailable: '50%',
    canary: 2,
    exitAfterMs: 300,
    minReadySeconds: 1,
    many: 8,
    dead: 2,
    manyUnavailable: '50%',
  },
};

/** ECS documentation, request throttling: StopTask and RunTask share a bucket of 100 at once and 40 a second. */
const BURST = 100;
const PER_SECOND = 40;
const HOSTS_PER_RUN_TASK = 10;
/** What a task takes from the wish to stop it to STOPPED, and from its creation to RUNNING. */
const { taskStopMs: STOP_MS, taskStartMs: START_MS } = MODEL_DEFAULTS;
/** A full replacement is held to this many times its limit. */
const LIMIT_TIMES = 1.2;
/** The cluster with dead hosts. */
const MANY = 'many';
/** Failed attempts that trip the breaker: the fewest there may be. */
const THRESHOLD = 3;
/** Of a host of these benchmarks; a daemon takes some of it. */
const HOST_MEMORY_MIB = 1_000_000;

/** The tiny one is mostly waiting for surveys. */
const FLAGS: Readonly<Record<Size, readonly string[]>> = { full: [], tiny: ['--survey-interval=500'] };

export const rollout: Bench = {
  name: 'rollout',
  doc: 'Updates in place, ECS buckets on: a good revision, a bad one behind a canary, and a cluster with dead hosts',
  async *run(size) {
    const sizes = SIZES[size];
    const [good, ...others] = await onSystem(
      { buckets: true, hosts: sizes.hosts, flags: FLAGS[size] },
      async (system) => {
        const hosts = await addHosts(system, MANY, sizes.many);
        return [
          await goodRevision(system, sizes),
          ...(await badRevision(system, sizes)),
          await disconnected(system, hosts, sizes),
          await neverStarting(system, hosts, sizes),
        ] as const;
      },
    );
    yield* [good, ...others];
    const { figure, limit } = good;
    // A small rollout waits for polls, not for the budget. Last, so that the rows are printed first.
    if (size === 'full' && limit !== null) must(figure <= LIMIT_TIMES * limit, `${figure} s for a limit of ${limit} s`);
  },
};

/**
 * The least time, in seconds: the calls that the bucket must let through, one StopTask a host and a RunTask for ten; or the
 * rounds, as so many hosts at a time are each away for a stop and a start. Both go on side by side, so the longer counts.
 */
function limitOf(hosts: number, atOnce: number): number {
  const calls = hosts + hosts / HOSTS_PER_RUN_TASK;
  const byBucket = Math.max(0, calls - BURST) / PER_SECOND;
  const byRounds = (Math.ceil(hosts / atOnce) * (STOP_MS + START_MS)) / 1_000;
  return Math.max(byBucket, byRounds);
}

async function goodRevision(system: System, sizes: Sizes): Promise<Row> {
  const { hosts, maxUnavailable } = sizes;
  await cover(system, { name: 'good', cluster: 'default', maxUnavailable });
  const next = await register(system, 'good', {});
  const began = Date.now();
  await rollOut(system, 'good', { taskDefinition: next });
  await completed(system, 'good');
  const done = Date.now();
  const { tasks, maxLivePerHostAndGroup, operations } = await ledger(system);
  const ours = tasks.filter(({ group }) => group === 'daemon:good');
  const anew = ours.filter(({ taskDefinitionArn }) => taskDefinitionArn === next);
  must(maxLivePerHostAndGroup === 1, 'two tasks on a host');
  must(ours.length === 2 * hosts && anew.length === hosts, `${anew.length} new tasks of ${ours.length}`);
  const most = mostWithout(ours, { from: began, to: Infinity, stopMs: STOP_MS });
  const atOnce = Math.floor((hosts * Number.parseInt(maxUnavailable, 10)) / 100);
  must(most <= atOnce, `${most} hosts without a task at once`);
  const last = Math.max(...anew.map(({ startedAt }) => startedAt ?? Infinity));
  const throttled = (operations['RunTask']?.throttled ?? 0) + (operations['StopTask']?.throttled ?? 0);
  return {
    what: `${hosts} hosts updated, at most ${maxUnavailable} without a task`,
    figure: (last - began) / 1_000,
    unit: 's',
    limit: limitOf(hosts, atOnce),
    also: `${most} without a task at once, ${throttled} calls throttled, completed after ${((done - began) / 1_000).toFixed(1)} s`,
  };
}

async function badRevision(system: System, sizes: Sizes): Promise<readonly Row[]> {
  const { hosts, canary, minReadySeconds, exitAfterMs, maxUnavailable } = sizes;
  await cover(system, { name: 'bad', cluster: 'default', maxUnavailable });
  const before = await arnsOf(system, 'bad');
  const bad = await register(system, 'bad', { SIM_EXIT_AFTER_MS: String(exitAfterMs) });
  const began = Date.now();
  const deploymentConfiguration = { waves: [{ canary }], minReadySeconds, failures: THRESHOLD };
  await rollOut(system, 'bad', { taskDefinition: bad, deploymentConfiguration });
  const deployments = await ended(system, 'bad');
  const seconds = (Date.now() - began) / 1_000;
  must(
    deployments.map(({ kind, state }) => `${kind} ${state}`).join() ===
      'rollback completed,deploy failed,deploy completed',
    `it ended otherwise: ${JSON.stringify(deployments)}`,
  );
  const { tasks } = await ledger(system);
  const ran = new Set(
    tasks.filter((task) => task.taskDefinitionArn === bad).map(({ containerInstanceArn }) => containerInstanceArn),
  );
  must(ran.size > 0 && ran.size <= canary + THRESHOLD, `${ran.size} hosts ran the bad revision`);
  const after = await arnsOf(system, 'bad');
  must(after.size === hosts, `${after.size} hosts have a task`);
  const old = tasks.filter((task) => task.group === 'daemon:bad' && task.taskDefinitionArn !== bad);
  const live = new Set(old.filter(({ stoppedAt }) => stoppedAt === null).map(({ taskArn }) => taskArn));
  for (const [host, arn] of after) {
    must(live.has(arn), `${host} does not run the old revision`);
    must(ran.has(host) || before.get(host) === arn, `${host} has another task than before`);
  }
  return [
    {
      what: `bad revision on ${hosts} hosts, canary of ${canary}: hosts it ran on`,
      figure: ran.size,
      unit: 'hosts',
      limit: canary + THRESHOLD,
    },
    { what: '  until it was rolled back', figure: seconds, unit: 's', limit: null },
  ];
}

async function disconnected(
  system: System,
  hosts: readonly string[],
  { many, dead, manyUnavailable }: Sizes,
): Promise<Row> {
  await cover(system, { name: 'gone', cluster: MANY, maxUnavailable: manyUnavailable });
  const gone = hosts.slice(0, dead);
  const connect = (connected: boolean): Promise<unknown> =>
    Promise.all(gone.map((host) => json(`${system.ecs}/_sim/hosts/${encodeURIComponent(host)}/agent`, { connected })));
  await connect(false);
  await until(
    () => json<{ hosts?: { disconnected: number } }>(`${system.api}/v1/environments/gone`),
    (environment) => environment.hosts?.disconnected === dead,
    'seen as disconnected',
  );
  const began = Date.now();
  const next = await register(system, 'gone', {});
  await rollOut(system, 'gone', { taskDefinition: next });
  const [deployment] = await ended(system, 'gone');
  const seconds = (Date.now() - began) / 1_000;
  must(same(deployment?.deferredInstances, gone), 'the disconnected hosts are not listed');
  must((await liveOf(system, next)) === many - dead, 'not updated on the rest');
  await connect(true);
  await until(
    () => liveOf(system, next),
    (tasks) => tasks === many,
    'caught up',
  );
  await fetch(`${system.api}/v1/environments/gone`, { method: 'DELETE' });
  await until(
    () => liveOf(system, next),
    (tasks) => tasks === 0,
    'cleared up',
  );
  return rowOf(`${many} hosts updated, ${dead} of them disconnected`, seconds, many - dead, manyUnavailable);
}

/** Hosts that have no room for the daemon, neither for the old nor for the new one. */
async function neverStarting(
  system: System,
  hosts: readonly string[],
  { many, dead, manyUnavailable }: Sizes,
): Promise<Row> {
  const full = hosts.slice(0, dead);
  await ecs(system, async (client) => {
    const hog = { name: 'hog', image: 'hog', memory: HOST_MEMORY_MIB };
    await client.send(new RegisterTaskDefinitionCommand({ family: 'hog', containerDefinitions: [hog] }));
    for (let at = 0; at < full.length; at += HOSTS_PER_RUN_TASK) {
      const containerInstances = full.slice(at, at + HOSTS_PER_RUN_TASK);
      const { failures = [] } = await client.send(
        new StartTaskCommand({ cluster: MANY, taskDefinition: 'hog', containerInstances }),
      );
      must(failures.length === 0, 'the hosts have something on them');
    }
  });
  const [first] = await cover(system, { name: 'full', cluster: MANY, maxUnavailable: manyUnavailable });
  must(same(first?.failedInstances, full), 'the full hosts are not listed');
  const next = await register(system, 'full', {});
  const began = Date.now();
  await rollOut(system, 'full', { taskDefinition: next });
  const [deployment] = await ended(system, 'full');
  const seconds = (Date.now() - began) / 1_000;
  must(deployment?.state === 'completed' && same(deployment.failedInstances, full), 'the full hosts are not listed');
  must((await liveOf(system, next)) === many - dead, 'not updated on the rest');
  return rowOf(`${many} hosts updated, ${dead} of them full`, seconds, many - dead, manyUnavailable);
}

const rowOf = (what: string, figure: number, hosts: number, percent: string): Row => ({
  what,
  figure,
  unit: 's',
  limit: limitOf(hosts, Math.max(1, Math.floor((hosts * Number.parseInt(percent, 10)) / 100))),
});

const same = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a?.toSorted().join() === b.toSorted().join();
