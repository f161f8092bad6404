/** The whole system for a test: a simulator and a scheduler, in this process, on the run's etcd and Redis. */
import { randomUUID } from 'node:crypto';
import { ECSClient, RegisterTaskDefinitionCommand, type ContainerDefinition } from '@aws-sdk/client-ecs';
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
  /** From the wish to stop a task to STOPPED. */
  readonly taskStopMs: number;
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
  const taskStopMs = simulated.taskStopMs ?? 20;
  const simulator = await startSimulator({ throttling: false, taskStartMs: 20, ...simulated, taskStopMs });
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
    taskStopMs,
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
  readonly startedBy: string | null;
  readonly taskArn: string;
  readonly containerInstanceArn: string;
  readonly group: string;
  readonly taskDefinitionArn: string;
  readonly createdAt: number;
  /** When it reached RUNNING. */
  readonly startedAt: number | null;
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
  return body === undefined ? await send('GET', url) : await send('POST', url, body);
}

async function send<T>(method: string, url: string, body?: unknown): Promise<T> {
  const headers = { 'Idempotency-Key': randomUUID() };
  const request = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
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
  readonly revision: string;
  readonly frozen?: boolean;
  readonly targetDeployment?: string;
}

export interface Deployment {
  readonly id: string;
  readonly status: string;
  readonly state: string;
  readonly kind: string;
  readonly revision: string;
  readonly createdAt: string;
  readonly reason?: string;
  readonly rollsBack?: string;
  readonly waves: readonly { readonly name: string; readonly state: string }[];
  readonly deferredInstances: readonly string[];
  readonly failedInstances: readonly string[];
  readonly failures: readonly { readonly instance: string; readonly reason: string; readonly attempts: number }[];
}

export const createEnvironment = (
  stack: Stack,
  name: string,
  { cluster = 'default', taskDefinition = 'daemon', query, ...more }: EnvironmentOptions = {},
): Promise<Environment> =>
  json(`${stack.api}/v1/environments`, { name, instanceGroup: { cluster, query }, taskDefinition, ...more });

export interface EnvironmentOptions {
  readonly cluster?: string;
  readonly taskDefinition?: string;
  readonly query?: string;
  readonly deploymentConfiguration?: object;
  readonly adopt?: object;
  readonly drainAfter?: readonly string[];
}

export const environmentOf = (stack: Stack, name: string): Promise<Environment> =>
  json(`${stack.api}/v1/environments/${name}`);

export async function deleteEnvironment(stack: Stack, name: string, query = ''): Promise<void> {
  const remove = () => fetch(`${stack.api}/v1/environments/${name}${query}`, { method: 'DELETE' });
  const response = await eventually(remove, ({ status }) => !NOT_NOW.includes(status), `${name} deleted`);
  if (response.status !== 200) throw new Error(`DELETE ${name}: ${response.status} ${await response.text()}`);
}

/** Covers every host there is now: creates, deploys, waits. */
export async function cover(stack: Stack, name: string, options: EnvironmentOptions = {}): Promise<Deployment> {
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

export const hostsOf = async (stack: Stack, cluster = 'default'): Promise<readonly Host[]> =>
  (await json<{ hosts: readonly Host[] }>(`${stack.simulator.url}/_sim/hosts?cluster=${cluster}`)).hosts;

export const setAgent = (stack: Stack, { containerInstanceArn }: Host, connected: boolean): Promise<unknown> =>
  json(`${stack.simulator.url}/_sim/hosts/${encodeURIComponent(containerInstanceArn)}/agent`, { connected });

/** Registers a revision of a family; `behaviour` are the switches of the simulator. Gives its ARN. */
export async function register(
  stack: Stack,
  family: string,
  behaviour: { readonly [name: string]: string } = {},
  container: Partial<ContainerDefinition> = {},
): Promise<string> {
  const environment = Object.entries(behaviour).map(([name, value]) => ({ name, value }));
  const { taskDefinition } = await stack.ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      containerDefinitions: [{ name: 'agent', image: 'agent', cpu: 10, memory: 10, environment, ...container }],
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? '';
}

export const exitTask = (stack: Stack, task: LedgerTask): Promise<unknown> =>
  json(`${stack.simulator.url}/_sim/tasks/${encodeURIComponent(task.taskArn)}/exit`, {});

export async function deploy(stack: Stack, environment: Environment, more = ''): Promise<Deployment> {
  const url = `${stack.api}/v1/environments/${environment.name}/deployments?deploymentToken=${environment.deploymentToken}`;
  return await json(`${url}${more}`, {});
}

/** Changes an environment as it is now. */
export async function update(stack: Stack, name: string, change: object): Promise<Environment> {
  const { deploymentToken } = await environmentOf(stack, name);
  return await send('PATCH', `${stack.api}/v1/environments/${name}`, { ...change, deploymentToken });
}

/** Changes an environment and deploys it. */
export const rollOut = async (stack: Stack, name: string, change: object): Promise<Deployment> =>
  await deploy(stack, await update(stack, name, change));

/** POSTs to a path below the environment. */
export const order = <T = unknown>(stack: Stack, name: string, path: string, body: object = {}): Promise<T> =>
  json(`${stack.api}/v1/environments/${name}/${path}`, body);

export const deploymentsOf = async (stack: Stack, name: string): Promise<readonly Deployment[]> =>
  (await json<{ items: readonly Deployment[] }>(`${stack.api}/v1/environments/${name}/deployments`)).items;

export const deploymentIn = (
  stack: Stack,
  name: string,
  { id }: { readonly id: string },
  state: string,
): Promise<Deployment> =>
  eventually(
    () => json<Deployment>(`${stack.api}/v1/environments/${name}/deployments/${id}`),
    (one) => one.state === state,
    `a deployment of ${name} ${state}`,
  );

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
  return await eventually(
    () => deploymentsOf(stack, environment),
    (items) => items.length > 0 && items.every((one) => one.status === 'completed'),
    `deployments of ${environment} completed`,
  );
};
