import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { as, type DeploymentId, type EnvironmentName, type Instant } from '../src/domain/ids.ts';
import { openEtcdStore } from '../src/store/etcd-store.ts';
import { BullMailbox } from '../src/workers/bull-mailbox.ts';
import { must, type Bench, type Row, type Size } from './bench.ts';
import { completed, create, deploy, json, ledgerOf, percentile, surveyed, until } from './clients.ts';
import { onSystem, type System } from './system.ts';

const WAKES: Readonly<Record<Size, number>> = { full: 100, tiny: 3 };
const JOINS: Readonly<Record<Size, number>> = { full: 20, tiny: 1 };
/** What we hold ourselves to; the original's pollers took 5 and 10 s. */
const WAKE_P50_MS = 25;
const WAKE_P99_MS = 100;

export const join: Bench = {
  name: 'join',
  doc: 'Idle: from a wake-up to RunTask, and from a host that joins to RunTask by the survey alone',
  async *run(size) {
    yield* await onSystem({ hosts: 1, buckets: false }, (system) => wakes(system, WAKES[size]));
    yield* await onSystem({ hosts: 1, buckets: false }, (system) => joins(system, JOINS[size]));
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
async function wakes(system: System, count: number): Promise<readonly Row[]> {
  const store = openEtcdStore({ endpoints: [system.etcd] });
  const now = (): Instant => as<Instant>(Date.now());
  const mailbox = new BullMailbox({ url: system.redis, prefix: 'ds' }, now, pino({ level: 'silent' }));
  try {
    const names = Array.from({ length: count }, (_, n) => `wake-${n}`);
    for (const name of names) await create(system, name);
    for (const name of names) await surveyed(system, name, 1);
    const ms: number[] = [];
    for (const name of names) {
      const record = await store.environments.read(as<EnvironmentName>(name));
      if (record === null) throw new Error(`${name} is gone`);
      const { value: spec, modified } = record.spec;
      const id = as<DeploymentId>(randomUUID());
      const { taskDefinition, deploymentToken: token } = spec;
      await store.environments.update(
        { ...spec, target: id },
        modified,
        { id, token, taskDefinition, createdAt: now() },
        null,
      );
      const began = Date.now();
      must(await mailbox.wake(spec.id, 'deploy'), 'the wake-up was not queued');
      const task = await until(
        async () => (await ledgerOf(system)).tasks.find(({ group }) => group === `daemon:${name}`),
        (found) => found !== undefined,
        `a task of ${name}`,
      );
      ms.push((task?.createdAt ?? Number.NaN) - began);
    }
    return rows('wake-up to RunTask', ms, [WAKE_P50_MS, WAKE_P99_MS]);
  } finally {
    await mailbox.close();
    store.close();
  }
}

async function joins(system: System, count: number): Promise<readonly Row[]> {
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
  }
  return rows('host to RunTask by a survey every 10 s', ms, null);
}
