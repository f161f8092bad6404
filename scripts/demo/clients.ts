/** What the demo asks and tells: the scheduler's API, the simulator's admin side, and ECS itself. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ECSClient, RegisterTaskDefinitionCommand, UpdateContainerInstancesStateCommand } from '@aws-sdk/client-ecs';
import type { z } from 'zod';
import type { LedgerReport } from '../../sim/model/ledger.ts';
import type { HostSummary } from '../../sim/model/model.ts';
import type { hostWithHistorySchema, StatusWire } from '../../src/api/insight-schemas.ts';
import type { UpdateEnvironmentRequest } from '../../src/api/request-schemas.ts';
import type { DeploymentWire, EnvironmentWire } from '../../src/api/schemas.ts';
import { CLUSTER, CREDENTIALS, REGION } from '../local/parts.ts';

const ANSWER_WITHIN_MS = 10_000;
const NOT_NOW: ReadonlySet<number> = new Set([503, 504]);
const ASK_AGAIN_MS = 200;

export type HostWithHistoryWire = z.infer<typeof hostWithHistorySchema>;

export interface SchedulerApi {
  create(environment: string, taskDefinition: string): Promise<EnvironmentWire>;
  /** Changes what the next deployment deploys. */
  update(environment: EnvironmentWire, change: UpdateEnvironmentRequest): Promise<EnvironmentWire>;
  deploy(environment: EnvironmentWire): Promise<DeploymentWire>;
  order(environment: string, deployment: string, order: 'pause' | 'resume'): Promise<DeploymentWire>;
  environment(name: string): Promise<EnvironmentWire>;
  deployment(environment: string, id: string): Promise<DeploymentWire>;
  status(environment: string): Promise<StatusWire>;
  host(environment: string, containerInstanceArn: string): Promise<HostWithHistoryWire>;
}

export function schedulerApi(url: string): SchedulerApi {
  const environments = `${url}/v1/environments`;
  return {
    create: (name, taskDefinition) => post(environments, { name, instanceGroup: { cluster: CLUSTER }, taskDefinition }),
    update: ({ name, deploymentToken }, change) =>
      send('PATCH', `${environments}/${name}`, change, { 'if-match': `"${deploymentToken}"` }),
    deploy: ({ name, deploymentToken }) =>
      post(`${environments}/${name}/deployments?deploymentToken=${deploymentToken}`),
    order: (environment, id, order) => post(`${environments}/${environment}/deployments/${id}/${order}`),
    environment: (name) => get(`${environments}/${name}`),
    deployment: (environment, id) => get(`${environments}/${environment}/deployments/${id}`),
    status: (environment) => get(`${environments}/${environment}/status`),
    host: (environment, arn) => get(`${environments}/${environment}/hosts/${encodeURIComponent(arn)}`),
  };
}

export interface SimulatedEcs {
  ledger(): Promise<LedgerReport>;
  hosts(): Promise<readonly HostSummary[]>;
  addHosts(count: number, attributes?: Readonly<Record<string, string>>): Promise<void>;
  /** Registers the next revision of a family, whose container has these variables. Resolves with its ARN. */
  registerTaskDefinition(family: string, variables: Readonly<Record<string, string>>): Promise<string>;
  /** The task's container ends, as if it had crashed. */
  endTask(taskArn: string): Promise<void>;
  /** Sets a host to DRAINING as an operator would: through the public API of ECS. */
  drain(containerInstanceArn: string): Promise<void>;
  close(): void;
}

export function simulatedEcs(url: string): SimulatedEcs {
  const ecs = new ECSClient({ endpoint: url, region: REGION, credentials: CREDENTIALS });
  return {
    ledger: () => get(`${url}/_sim/ledger`),
    hosts: async () => (await get<{ readonly hosts: readonly HostSummary[] }>(`${url}/_sim/hosts`)).hosts,
    addHosts: async (count, attributes = {}) =>
      void (await post(`${url}/_sim/hosts`, { count, cluster: CLUSTER, attributes })),
    async registerTaskDefinition(family, variables) {
      const environment = Object.entries(variables).map(([name, value]) => ({ name, value }));
      const container = { name: family, image: 'busybox:stable', cpu: 64, memory: 64, essential: true, environment };
      const answer = await ecs.send(
        new RegisterTaskDefinitionCommand({ family, networkMode: 'bridge', containerDefinitions: [container] }),
      );
      const arn = answer.taskDefinition?.taskDefinitionArn;
      if (arn === undefined) throw new Error(`ECS gave no ARN for the new revision of ${family}`);
      return arn;
    },
    endTask: async (taskArn) =>
      void (await post(`${url}/_sim/tasks/${encodeURIComponent(taskArn)}/exit`, {
        exitCode: 137,
        reason: 'Essential container in task exited',
      })),
    async drain(containerInstanceArn) {
      const containerInstances = [containerInstanceArn];
      const answer = await ecs.send(
        new UpdateContainerInstancesStateCommand({ cluster: CLUSTER, containerInstances, status: 'DRAINING' }),
      );
      const [failure] = answer.failures ?? [];
      if (failure !== undefined) throw new Error(`ECS did not drain ${containerInstanceArn}: ${failure.reason}`);
    },
    close: () => ecs.destroy(),
  };
}

const get = <T>(url: string): Promise<T> => call(url, {});
const post = <T>(url: string, body: object = {}): Promise<T> => send('POST', url, body);
const send = <T>(method: string, url: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
  call<T>(url, {
    method,
    // The key makes it safe to ask again: the same key and body give the same answer.
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(), ...headers },
    body: JSON.stringify(body),
  });

/** Asks again while the answer is "not now", as on a machine too busy for etcd to answer in time. */
async function call<T>(url: string, init: RequestInit): Promise<T> {
  const what = `${init.method ?? 'GET'} ${url}`;
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  for (;;) {
    const response = await fetch(url, { ...init, signal }).catch((error: Error) => {
      throw new Error(`${what} got no answer: ${error.cause instanceof Error ? error.cause.message : error.message}`);
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as T;
    if (!NOT_NOW.has(response.status) || signal.aborted)
      throw new Error(`${what} answered ${response.status}: ${text.trim()}`);
    await delay(ASK_AGAIN_MS);
  }
}
