/** The whole system for a test: a simulator and a scheduler, in this process, on the run's etcd and Redis. */
import { randomUUID } from 'node:crypto';
import { ECSClient } from '@aws-sdk/client-ecs';
import { pino } from 'pino';
import { inject } from 'vitest';
import { startSimulator, type Simulator } from '../../sim/simulator.ts';
import type { SimulatorOptions } from '../../sim/options.ts';
import { parseConfig } from '../../src/config.ts';
import { startScheduler, type Scheduler } from '../../src/scheduler.ts';

export interface Stack {
  readonly api: string;
  readonly simulator: Simulator;
  /** ECS as any other client of the account sees it. */
  readonly ecs: ECSClient;
  /** The flags that make a scheduler one of this installation. */
  readonly shared: readonly string[];
  /** Another scheduler of it. */
  start(flags: readonly string[]): Promise<Scheduler>;
  close(): Promise<void>;
}

const CREDENTIALS = {
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
};

export interface StackOptions {
  readonly simulator?: Partial<SimulatorOptions>;
  /** Of the scheduler, beside those that point it at the run's servers. */
  readonly flags?: readonly string[];
  readonly redisUrl?: string;
}

export async function startStack({ simulator: simulated = {}, flags = [], redisUrl }: StackOptions): Promise<Stack> {
  Object.assign(process.env, CREDENTIALS);
  const simulator = await startSimulator({ throttling: false, taskStartMs: 20, taskStopMs: 20, ...simulated });
  const name = randomUUID().slice(0, 8);
  const abort = new AbortController();
  const started: Scheduler[] = [];
  const redisAt = redisUrl ?? inject('redisUrl');
  const shared = [
    `--etcd-endpoint=${inject('etcdUrl')}`,
    `--etcd-prefix=/${name}/`,
    `--redis-url=${redisAt}`,
    `--redis-prefix=${name}`,
    `--ecs-endpoint=${simulator.url}`,
  ];
  const start = async (more: readonly string[]): Promise<Scheduler> => {
    const parsed = parseConfig(['--bind', '127.0.0.1:0', ...shared, ...more], {});
    if (parsed.kind !== 'config') throw new Error(JSON.stringify(parsed));
    const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' });
    const scheduler = await startScheduler(parsed.config, 'test', log, abort.signal);
    started.push(scheduler);
    return scheduler;
  };
  const scheduler = await start(flags);
  if (scheduler.api === null) throw new Error('a stack needs an API');
  const ecs = new ECSClient({ endpoint: simulator.url });
  return {
    api: scheduler.api,
    simulator,
    ecs,
    shared,
    start,
    async close() {
      abort.abort();
      await Promise.all(started.map((one) => one.close()));
      ecs.destroy();
      await simulator.close();
    },
  };
}

export interface Ledger {
  readonly maxLivePerHostAndGroup: number;
  readonly operations: Readonly<Record<string, { readonly calls: number; readonly throttled: number }>>;
  readonly tokenReplays: number;
  readonly tasks: readonly LedgerTask[];
}

export interface LedgerTask {
  readonly startedBy: string;
  readonly taskArn: string;
  readonly containerInstanceArn: string;
  readonly group: string;
  readonly createdAt: number;
  readonly stoppedAt: number | null;
  readonly lastStatus: string;
  readonly desiredStatus: string;
}

export const ledgerOf = (stack: Stack): Promise<Ledger> => json(`${stack.simulator.url}/_sim/ledger`);

export const liveTasks = async (stack: Stack, group: string): Promise<readonly LedgerTask[]> =>
  (await ledgerOf(stack)).tasks.filter((task) => task.group === group && task.stoppedAt === null);

/** "Not now": a loaded machine's etcd misses a deadline now and then. */
const NOT_NOW = [503, 504];

/** GETs, or POSTs when there is a body; asks again as long as the answer is "not now". Throws on any other status that is not 2xx. */
export async function json<T>(url: string, body?: unknown): Promise<T> {
  const headers = { 'Idempotency-Key': randomUUID() };
  const request = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await eventually(
    async () => {
      const response = await fetch(url, request);
      return { status: response.status, text: await response.text() };
    },
    ({ status }) => !NOT_NOW.includes(status),
    `an answer of ${url}`,
  );
  if (answer.status >= 300) throw new Error(`${url}: ${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as T;
}

export interface Environment {
  readonly name: string;
  readonly deploymentToken: string;
  readonly health: string;
  readonly reasons: readonly string[];
  readonly taskDefinition: string;
}

export interface Deployment {
  readonly id: string;
  readonly status: string;
  readonly failedInstances: readonly string[];
  readonly failures: readonly { readonly instance: string; readonly reason: string; readonly attempts: number }[];
}

export const createEnvironment = (
  stack: Stack,
  name: string,
  { cluster = 'default', taskDefinition = 'daemon' } = {},
): Promise<Environment> => json(`${stack.api}/v1/environments`, { name, instanceGroup: { cluster }, taskDefinition });

export const environmentOf = (stack: Stack, name: string): Promise<Environment> =>
  json(`${stack.api}/v1/environments/${name}`);

export async function deleteEnvironment(stack: Stack, name: string, query = ''): Promise<void> {
  const remove = () => fetch(`${stack.api}/v1/environments/${name}${query}`, { method: 'DELETE' });
  const response = await eventually(remove, ({ status }) => !NOT_NOW.includes(status), `${name} deleted`);
  if (response.status !== 200) throw new Error(`DELETE ${name}: ${response.status} ${await response.text()}`);
}

/** Covers every host there is now: creates, deploys, waits. */
export async function cover(
  stack: Stack,
  name: string,
  options: { readonly cluster?: string; readonly taskDefinition?: string } = {},
): Promise<Deployment> {
  await deploy(stack, await createEnvironment(stack, name, options));
  const [deployment] = await completed(stack, name);
  if (deployment === undefined) throw new Error('no deployment');
  return deployment;
}

export interface Host {
  readonly containerInstanceArn: string;
  readonly ec2InstanceId: string;
}

export const addHosts = async (stack: Stack, count: number, more: object = {}): Promise<readonly Host[]> =>
  (await json<{ hosts: readonly Host[] }>(`${stack.simulator.url}/_sim/hosts`, { count, cluster: 'default', ...more }))
    .hosts;

export const hostsOf = async (stack: Stack): Promise<readonly Host[]> =>
  (await json<{ hosts: readonly Host[] }>(`${stack.simulator.url}/_sim/hosts?cluster=default`)).hosts;

export const exitTask = (stack: Stack, task: LedgerTask): Promise<unknown> =>
  json(`${stack.simulator.url}/_sim/tasks/${encodeURIComponent(task.taskArn)}/exit`, {});

export async function deploy(stack: Stack, environment: Environment): Promise<Deployment> {
  const url = `${stack.api}/v1/environments/${environment.name}/deployments?deploymentToken=${environment.deploymentToken}`;
  return await json(url, {});
}

/** Asks until the answer satisfies, or throws what it last was. */
export async function eventually<T>(
  ask: () => Promise<T>,
  satisfies: (answer: T) => boolean,
  what: string,
  withinMs = 45_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (performance.now() > deadline) {
      throw new Error(`not within ${withinMs} ms: ${what}; last: ${JSON.stringify(answer).slice(0, 2_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const completed = async (stack: Stack, environment: string): Promise<readonly Deployment[]> => {
  const url = `${stack.api}/v1/environments/${environment}/deployments`;
  const answer = await eventually(
    () => json<{ items: readonly Deployment[] }>(url),
    ({ items }) => items.length > 0 && items.every((one) => one.status === 'completed'),
    `deployments of ${environment} completed`,
  );
  return answer.items;
};
