import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { as, type DeploymentId, type EnvironmentName, type Instant } from '../src/domain/ids.ts';
import { NOTHING_FORGOTTEN } from '../src/domain/retention.ts';
import { decideDeployment } from '../src/domain/transitions.ts';
import { openEtcdStore } from '../src/store/etcd-store.ts';
import { BullMailbox } from '../src/workers/bull-mailbox.ts';
import { must, type Bench, type Row, type Size } from './bench.ts';
import { completed, create, deploy, json, ledgerOf, percentile, surveyed, until } from './clients.ts';
import { onSystem, type System } from './system.ts';

const WAKES: Readonly<Record<Size, number>> = { full: 100, tiny: 3 };
/** Not counted: a process that has just begun is still being compiled. */
const WARM_UP: Readonly<Record<Size, number>> = { full: 20, tiny: 0 };
const JOINS: Readonly<Record<Size, number>> = { full: 20, tiny: 1 };
/** The default without events. */
const SURVEY_MS: Readonly<Record<Size, number>> = { full: 10_000, tiny: 1_000 };
const TOLD: Readonly<Record<Size, number>> = { full: 100, tiny: 2 };
/** What we hold ourselves to; the original's pollers took 5 and 10 s. */
const WAKE_P50_MS = 25;
const WAKE_P99_MS = 100;
/** From the event of a host that joins to RunTask, over SQS, with three workers. */
const TOLD_P50_MS = 50;
const TOLD_P99_MS = 250;
const WORKERS: Readonly<Record<Size, number>> = { full: 3, tiny: 1 };

export const join: Bench = {
  name: 'join',
  doc: 'Idle: from a wake-up to RunTask, and from a host that joins to RunTask, by events and by the survey alone',
  async *run(size) {
    yield* await onSystem({ hosts: 1, buckets: false }, (system) => wakes(system, size));
    yield* await onSystem({ hosts: 1, buckets: false, events: true }, (system) => told(system, size));
    const everyMs = SURVEY_MS[size];
    yield* await onSystem({ hosts: 1, buckets: false, flags: [`--survey-interval=${everyMs}`] }, async (system) =>
      rows(
        `host to RunTask by a survey every ${everyMs / 1_000} s`,
        await joins(system, JOINS[size], async () => {}),
        null,
      ),
    );
  },
};

const rows = (what: string, ms: readonly number[], limits: readonly [number, number] | null): readonly Row[] =>
  ([50, 99] as const).map((p, n) => ({
    what: `${what}, p${p} of ${ms.length}`,
    figure: percentile(ms, p),
    unit: 'ms',
    limit: limits?.[n] ?? null,
  }));

/** Deployments that are written without a wake-up; then each is woken, and the clock runs. */
async function wakes(system: System, size: Size): Promise<readonly Row[]> {
  const store = openEtcdStore({ endpoints: [system.etcd] });
  const now = (): Instant => as<Instant>(Date.now());
  const mailbox = new BullMailbox({ url: system.redis, prefix: 'ds' }, now, pino({ level: 'silent' }));
  try {
    const names = Array.from({ length: WARM_UP[size] + WAKES[size] }, (_, n) => `wake-${n}`);
    const made = [];
    for (const name of names) made.push(await create(system, name));
    for (const environment of made) await surveyed(system, environment);
    const ms: number[] = [];
    for (const name of names) {
      const record = await store.environments.read(as<EnvironmentName>(name));
      if (record === null) throw new Error(`${name} is gone`);
      const { value: spec, modified: seen } = record.spec;
      const request = { token: spec.deploymentToken, id: as<DeploymentId>(randomUUID()), at: now() };
      const decided = decideDeployment(record, request);
      if (decided.kind !== 'deploy') throw new Error(`${name}: ${decided.kind}`);
      const change = { spec: decided.spec, seen, deployment: decided.deployment };
      await store.environments.update({ ...change, revisions: [spec.revision], forget: NOTHING_FORGOTTEN }, null);
      const began = Date.now();
      must(await mailbox.wake(spec.id, 'deploy'), 'the wake-up was not queued');
      const task = await until(
        async () => (await ledgerOf(system)).tasks.find(({ group }) => group === `daemon:${name}`),
        (found) => found !== undefined,
        `a task of ${name}`,
      );
      ms.push((task?.createdAt ?? Number.NaN) - began);
      await completed(system, name);
    }
    return rows('wake-up to RunTask', ms.slice(WARM_UP[size]), [WAKE_P50_MS, WAKE_P99_MS]);
  } finally {
    await mailbox.close();
    store.close();
  }
}

async function told(system: System, size: Size): Promise<readonly Row[]> {
  const workers = WORKERS[size];
  if (workers > 1) await system.workers(workers);
  const ms = await joins(system, WARM_UP[size] + TOLD[size], atRest);
  return rows(`host to RunTask by its event, workers: ${workers}`, ms.slice(WARM_UP[size]), [TOLD_P50_MS, TOLD_P99_MS]);
}

/** Milliseconds from each host's registration to its RunTask. */
async function joins(
  system: System,
  count: number,
  rest: (system: System) => Promise<void>,
): Promise<readonly number[]> {
  await deploy(system, await create(system, 'join'));
  await completed(system, 'join');
  const ms: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const began = Date.now();
    const { hosts } = await json<{ hosts: readonly { containerInstanceArn: string }[] }>(`${system.ecs}/_sim/hosts`, {
      count: 1,
      cluster: 'default',
    });
    const arn = hosts[0]?.containerInstanceArn;
    const task = await until(
      async () => (await ledgerOf(system)).tasks.find(({ containerInstanceArn }) => containerInstanceArn === arn),
      (found) => found !== undefined,
      'the host covered',
    );
    ms.push((task?.createdAt ?? Number.NaN) - began);
    await rest(system);
  }
  return ms;
}

/** Waits until every task runs, and every event of that was taken in. */
async function atRest(system: System): Promise<void> {
  await until(
    async () => {
      const [{ tasks }, { queue }] = await Promise.all([
        ledgerOf(system),
        json<{ readonly queue: { readonly visible: number; readonly inFlight: number } }>(`${system.ecs}/_sim/events`),
      ]);
      return queue.visible + queue.inFlight === 0 && tasks.every(({ startedAt }) => startedAt !== null);
    },
    (resting) => resting,
    'everything at rest',
  );
}
