/** What a chaos run asks and tells: the scheduler's API, and the simulated ECS by its admin side. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { LedgerReport } from '../sim/model/ledger.ts';
import type { HostSummary } from '../sim/model/model.ts';
import type { DeploymentWire, EnvironmentWire } from '../src/api/schemas.ts';

/** Longer than any fault of a run lasts: an API that stays silent for this long is broken. */
const PATIENCE_MS = 45_000;
/** The API answers within 20 s, whatever hangs; a connection into a frozen process never. */
const ATTEMPT_MS = 21_000;
const AGAIN_MS = 150;
/** 502: ECS throttled the names' resolution, which a fault of the run may do. */
const NOT_NOW: ReadonlySet<number> = new Set([502, 503, 504]);

interface NewEnvironment {
  readonly name: string;
  readonly cluster: string;
  /** `daemon` by default: the simulator always has it. */
  readonly taskDefinition?: string;
}

export interface SchedulerApi {
  create(environment: NewEnvironment): Promise<EnvironmentWire>;
  deploy(environment: EnvironmentWire): Promise<DeploymentWire>;
  environment(name: string): Promise<EnvironmentWire>;
  deployments(name: string): Promise<readonly DeploymentWire[]>;
  /** Its tasks are stopped, unless they are kept. */
  remove(name: string, tasks?: 'keep'): Promise<void>;
}

/** Every call is repeated while the API is away or says "not now": changes under one idempotency key. */
export function schedulerApi(url: string): SchedulerApi {
  const environments = `${url}/v1/environments`;
  return {
    create: ({ name, cluster, taskDefinition = 'daemon' }) =>
      call(environments, post({ name, instanceGroup: { cluster }, taskDefinition })),
    deploy: ({ name, deploymentToken }) =>
      call(`${environments}/${name}/deployments?deploymentToken=${deploymentToken}`, post({})),
    environment: (name) => call(`${environments}/${name}`),
    deployments: async (name) =>
      (await call<{ readonly items: readonly DeploymentWire[] }>(`${environments}/${name}/deployments`)).items,
    remove: async (name, tasks) =>
      void (await call(`${environments}/${name}${tasks === undefined ? '' : `?tasks=${tasks}`}`, { method: 'DELETE' })),
  };
}

/** As `POST /_sim/faults` takes it. */
export interface EcsFault {
  readonly operation: string;
  readonly kind: string;
  readonly ms?: number;
  readonly when?: 'before-commit' | 'after-commit';
  readonly times: number;
}

export interface SimulatedEcs {
  ledger(): Promise<LedgerReport>;
  hosts(cluster: string): Promise<readonly HostSummary[]>;
  addHosts(cluster: string, count: number): Promise<readonly HostSummary[]>;
  removeHost(arn: string): Promise<void>;
  connectAgent(arn: string, connected: boolean): Promise<void>;
  drain(cluster: string, arn: string): Promise<void>;
  /** False when it had stopped before. */
  exitTask(arn: string): Promise<boolean>;
  deregister(taskDefinition: string): Promise<void>;
  register(family: string): Promise<void>;
  /** Gives the fault's id. */
  arm(fault: EcsFault): Promise<number>;
  /** How many calls the fault has hit. */
  hits(id: number): Promise<number>;
  /** No fault waits for a call any more. */
  clear(): Promise<void>;
}

export function simulatedEcs(url: string): SimulatedEcs {
  const admin = `${url}/_sim`;
  const part = (arn: string): string => encodeURIComponent(arn);
  return {
    ledger: () => call(`${admin}/ledger`),
    hosts: async (cluster) => (await call<Hosts>(`${admin}/hosts?cluster=${cluster}`)).hosts,
    addHosts: async (cluster, count) => (await call<Hosts>(`${admin}/hosts`, post({ cluster, count }))).hosts,
    removeHost: async (arn) => void (await call(`${admin}/hosts/${part(arn)}`, { method: 'DELETE' })),
    connectAgent: async (arn, connected) => void (await call(`${admin}/hosts/${part(arn)}/agent`, post({ connected }))),
    drain: (cluster, arn) =>
      operation(url, 'UpdateContainerInstancesState', { cluster, containerInstances: [arn], status: 'DRAINING' }),
    async exitTask(arn) {
      const answer = await fetch(`${admin}/tasks/${part(arn)}/exit`, post({}));
      await answer.arrayBuffer();
      return answer.ok;
    },
    deregister: (taskDefinition) => operation(url, 'DeregisterTaskDefinition', { taskDefinition }),
    register: (family) =>
      operation(url, 'RegisterTaskDefinition', {
        family,
        containerDefinitions: [{ name: 'main', image: 'busybox', memory: 16 }],
      }),
    async arm(fault) {
      const { faults } = await call<Faults>(`${admin}/faults`, post(fault));
      return faults[0]?.id ?? Number.NaN;
    },
    async hits(id) {
      const { faults } = await call<Faults>(`${admin}/faults`);
      return faults.find((fault) => fault.id === id)?.fired ?? 0;
    },
    clear: async () => void (await call(`${admin}/faults`, { method: 'DELETE' })),
  };
}

interface Hosts {
  readonly hosts: readonly HostSummary[];
}
interface Faults {
  readonly faults: readonly { readonly id: number; readonly fired: number }[];
}

/** An operation of ECS itself; the simulator asks for no signature. Repeated while a fault of the run hits it. */
async function operation(url: string, name: string, body: object): Promise<void> {
  const headers = { 'x-amz-target': `AmazonEC2ContainerServiceV20141113.${name}` };
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }).catch(() => null);
    const text = await answer?.text().catch(() => 'no body');
    if (answer?.ok === true && text !== 'no body') return;
    if (performance.now() > deadline) throw new Error(`${name}: ${answer?.status} ${text}`);
    await delay(AGAIN_MS);
  }
}

const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
  body: JSON.stringify(body),
});

async function call<T>(url: string, init: RequestInit = {}): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(ATTEMPT_MS) })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch((error: Error) => ({ status: 503, text: error.message }));
    if (answer.status < 300) return (answer.text === '' ? {} : JSON.parse(answer.text)) as T;
    if (!NOT_NOW.has(answer.status) || performance.now() > deadline)
      throw new Error(`${init.method ?? 'GET'} ${url} answered ${answer.status}: ${answer.text.trim()}`);
    await delay(AGAIN_MS);
  }
}
