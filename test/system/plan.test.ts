/**
 * What a plan foretells is what happens: ten seeded clusters, each foretold, then deployed, and held against the ledger.
 *
 * The window ends when the deployment is over: a host that has no room for the task is tried again for ever after.
 * Nothing but the rollout moves meanwhile: tasks start and stop at once, and no survey comes in between. One that saw half of
 * the tasks stopped would make two RunTask calls of one, which nobody can foretell; so the environment is frozen until the
 * survey that every deployment asks for is over.
 */
import { StartTaskCommand, UpdateContainerInstancesStateCommand, type ContainerDefinition } from '@aws-sdk/client-ecs';
import { Redis } from 'ioredis';
import { afterAll, expect, inject, test } from 'vitest';
import { as, type ClusterArn, type Instant } from '../../src/domain/ids.ts';
import { RedisFacts } from '../../src/store/redis-facts.ts';
import {
  addHosts,
  completed,
  createEnvironment,
  deploy,
  deploymentIn,
  deploymentsOf,
  eventually,
  json,
  ledgerOf,
  order,
  register,
  setAgent,
  startStack,
  update,
  type Deployment,
  type Host,
  type Stack,
} from './stack.ts';

const NEVER = ['--survey-interval=3600000', '--sweep-interval=3600000'];
type Filler = 'cpu' | 'memory' | 'port' | 'light';

/** What others have on hosts of 4,096 CPU units and 15,360 MiB. */
const FILLERS: Readonly<Record<Filler, Partial<ContainerDefinition>>> = {
  cpu: { cpu: 4_000 },
  memory: { memory: 15_200 },
  port: { portMappings: [{ containerPort: 80, hostPort: 8_080 }] },
  light: {},
};
const FILLED: readonly (Filler | null)[] = [null, null, null, 'cpu', 'memory', 'port', 'light'];

interface Next {
  readonly container: Partial<ContainerDefinition>;
  /** The filler that leaves it no room. */
  readonly misfit: Filler | null;
}

const NEXT = {
  alike: { container: {}, misfit: null },
  'more cpu': { container: { cpu: 200 }, misfit: 'cpu' },
  'more memory': { container: { memory: 300 }, misfit: 'memory' },
  'a port': { container: FILLERS.port, misfit: 'port' },
} as const satisfies { readonly [name: string]: Next };

interface Case {
  readonly seed: number;
  readonly hosts: number;
  readonly next: keyof typeof NEXT;
  /** Hosts have tasks of another definition; else it is the first deployment. */
  readonly old: boolean;
  readonly configuration: object;
  readonly query?: string;
  /** completed, unless told otherwise. */
  readonly ending?: string;
}

const EASY = { maxUnavailable: '100%', failures: 200 };
/** At most ten hosts: those that fail are in one call, and are tried again at the same moment. */
const CASES: readonly Case[] = [
  { seed: 1, hosts: 10, next: 'alike', old: false, configuration: EASY },
  { seed: 2, hosts: 9, next: 'more memory', old: false, configuration: EASY },
  { seed: 3, hosts: 8, next: 'a port', old: false, configuration: EASY, query: 'attribute:tier == a' },
  { seed: 4, hosts: 10, next: 'alike', old: true, configuration: { maxUnavailable: 3 } },
  { seed: 5, hosts: 7, next: 'alike', old: true, configuration: { maxUnavailable: 2, waves: [{ canary: 1 }] } },
  { seed: 6, hosts: 9, next: 'more cpu', old: true, configuration: EASY },
  { seed: 7, hosts: 10, next: 'more cpu', old: true, configuration: { ...EASY, waves: [{ by: 'tier' }] } },
  { seed: 8, hosts: 8, next: 'more memory', old: true, configuration: { ...EASY, failures: 3 }, ending: 'failed' },
  { seed: 9, hosts: 6, next: 'alike', old: true, configuration: EASY, query: 'attribute:tier == b' },
  {
    seed: 10,
    hosts: 8,
    next: 'alike',
    old: true,
    configuration: { ...EASY, waves: [{ canary: 2, promote: 'manual' }] },
  },
];

interface Foretold {
  readonly ending: string;
  readonly hosts: readonly ForetoldHost[];
  readonly calls: { readonly runTask: number; readonly stopTask: number };
  readonly manualWaves: readonly string[];
}

interface ForetoldHost {
  readonly instance: string;
  readonly action: string;
  readonly reason?: string;
  readonly launches: number;
  readonly stops: number;
}

interface Furnished {
  readonly host: Host;
  readonly filler: Filler | null;
  readonly tier: string;
  readonly fate: 'stays' | 'drains' | 'disconnects';
}

const stacks: Stack[] = [];
afterAll(async () => {
  await Promise.all(stacks.map((stack) => stack.close()));
});

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function furnish(stack: Stack, { seed, hosts }: Case): Promise<readonly Furnished[]> {
  const random = randomOf(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const furnished: Furnished[] = [];
  for (let n = 0; n < hosts; n += 1) {
    const tier = pick(['a', 'b']);
    const [host] = await addHosts(stack, 1, { attributes: { tier } });
    if (host === undefined) throw new Error('no host');
    const filler = pick(FILLED);
    if (filler !== null) {
      const containerInstances = [host.containerInstanceArn];
      await stack.ecs.send(new StartTaskCommand({ taskDefinition: filler, containerInstances }));
    }
    furnished.push({ host, filler, tier, fate: pick(['stays', 'stays', 'stays', 'stays', 'drains', 'disconnects']) });
  }
  return furnished;
}

async function befall(stack: Stack, furnished: readonly Furnished[]): Promise<void> {
  for (const { host, fate } of furnished) {
    if (fate === 'disconnects') await setAgent(stack, host, false);
    if (fate !== 'drains') continue;
    const containerInstances = [host.containerInstanceArn];
    await stack.ecs.send(new UpdateContainerInstancesStateCommand({ containerInstances, status: 'DRAINING' }));
  }
  // Somebody who comes to the cluster has it surveyed.
  await createEnvironment(stack, 'eye');
  const states = { drains: 'draining', disconnects: 'disconnected' };
  await eventually(
    () =>
      json<{ items: readonly { instance: string; state: string; task?: object }[] }>(
        `${stack.api}/v1/environments/logs/hosts`,
      ),
    ({ items }) =>
      furnished.every(({ host, fate, filler }) => {
        const told = items.find(({ instance }) => instance === host.containerInstanceArn);
        if (told === undefined) return false;
        const gone = fate !== 'drains' || filler !== null || told.task === undefined;
        return gone && (fate === 'stays' || told.state === states[fate]);
      }),
    'every fate seen',
  );
}

test.concurrent.each(CASES)('cluster $seed: $hosts hosts, $next', { timeout: 120_000 }, async (one) => {
  const stack = await startStack({
    simulator: { distinctInstance: 'off', taskStartMs: 0, taskStopMs: 0 },
    flags: NEVER,
  });
  stacks.push(stack);
  for (const [family, container] of Object.entries(FILLERS)) {
    await register(stack, family, {}, container);
  }
  await register(stack, 'agent');
  const { container, misfit } = NEXT[one.next];
  const furnished = await furnish(stack, one);
  let change: object = { deploymentConfiguration: one.configuration, instanceGroup: { query: one.query ?? null } };
  // Tasks that a rollback finds not ready do not count towards its budget, and whether they were is a matter of milliseconds.
  const deploymentConfiguration = { maxUnavailable: '100%' };
  await createEnvironment(stack, 'logs', { taskDefinition: 'agent', deploymentConfiguration });
  if (one.old) {
    await deploy(stack, await update(stack, 'logs', {}));
    await completed(stack, 'logs');
  }
  await befall(stack, furnished);
  const next = await register(stack, 'agent', {}, container);
  change = { ...change, taskDefinition: next };

  const foretold = await order<Foretold>(stack, 'logs', 'plan', change);
  const before = await ledgerOf(stack);
  await order(stack, 'logs', 'freeze');
  const environment = await update(stack, 'logs', change);
  const deployment = await deploy(stack, environment);
  await surveyedSince(stack, deployment);
  await order(stack, 'logs', 'thaw');
  if (foretold.manualWaves.length > 0) {
    await eventually(
      () => deploymentsOf(stack, 'logs'),
      ([newest]) => newest?.waves[0]?.state === 'done',
      'the first wave done',
    );
    await order(stack, 'logs', `deployments/${deployment.id}/promote`);
  }
  expect(foretold.ending).toBe(one.ending ?? 'completed');
  const ended = await deploymentIn(stack, 'logs', deployment, foretold.ending);
  const [newest] = await completed(stack, 'logs');
  const after = await ledgerOf(stack);

  const callsOf = (operation: string): number =>
    (after.operations[operation]?.calls ?? 0) - (before.operations[operation]?.calls ?? 0);
  const made = new Set<string | null>([deployment.id, newest?.id ?? null]);
  const hadStopped = new Set(before.tasks.filter((task) => task.stoppedAt !== null).map((task) => task.taskArn));
  const deeds = furnished.map(({ host: { containerInstanceArn: instance } }) => {
    const there = after.tasks.filter((task) => task.group === 'daemon:logs' && task.containerInstanceArn === instance);
    return {
      instance,
      launches: there.filter(({ startedBy }) => made.has(startedBy)).length,
      stops: there.filter(({ stoppedAt, taskArn }) => stoppedAt !== null && !hadStopped.has(taskArn)).length,
    };
  });
  const told = foretold.hosts.map(({ instance, launches, stops }) => ({ instance, launches, stops }));
  expect(byInstance(told)).toEqual(byInstance(deeds));
  expect(foretold.calls).toEqual({ runTask: callsOf('RunTask'), stopTask: callsOf('StopTask') });
  // What the furniture says, by itself.
  const inScope = furnished.filter(({ fate, tier }) => fate === 'stays' && (one.query?.endsWith(tier) ?? true));
  const cannot = inScope.filter(({ filler }) => misfit !== null && filler === misfit);
  expect(cannot.length > 0).toBe(misfit !== null);
  // What was rolled back has its old task again.
  const fails = foretold.hosts.filter(({ action }) => action === 'fail');
  expect(fails).toHaveLength(ended.state === 'failed' ? 0 : cannot.length);
  expect(fails.map(({ instance }) => instance)).toEqual(newest?.failedInstances);
  expect(fails.map(({ reason }) => reason)).toEqual(newest?.failures.map(({ reason }) => reason));
});

/** Waits for facts whose listing began after the deployment was made. */
async function surveyedSince(stack: Stack, { createdAt }: Deployment): Promise<void> {
  const prefix = stack.shared.find((flag) => flag.startsWith('--redis-prefix='))?.slice('--redis-prefix='.length) ?? '';
  const redis = new Redis(inject('redisUrl'));
  const facts = new RedisFacts(redis, prefix, () => as<Instant>(Date.now()));
  try {
    const cluster = as<ClusterArn>('arn:aws:ecs:us-east-1:123456789012:cluster/default');
    await eventually(
      () => facts.standing(cluster),
      (pace) => pace !== null && pace.startedAt > Date.parse(createdAt),
      'surveyed since the deployment',
    );
  } finally {
    redis.disconnect();
  }
}

const byInstance = <T extends { readonly instance: string }>(hosts: readonly T[]): readonly T[] =>
  hosts.toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
