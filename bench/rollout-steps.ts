/** What a benchmark of rollouts asks of the API, of ECS and of the simulator. */
import { ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { CREDENTIALS, REGION } from '../scripts/local/parts.ts';
import type { Life } from './availability.ts';
import { must } from './bench.ts';
import { completed, deploy, json, surveyed } from './clients.ts';
import type { System } from './system.ts';

interface LedgerTask extends Life {
  readonly taskArn: string;
  readonly group: string;
  readonly taskDefinitionArn: string;
}

interface Ledger {
  readonly maxLivePerHostAndGroup: number;
  readonly operations: Readonly<Record<string, { readonly throttled: number } | undefined>>;
  readonly tasks: readonly LedgerTask[];
}

export const ledger = (system: System): Promise<Ledger> => json(`${system.ecs}/_sim/ledger`);

export const liveOf = async (system: System, definition: string): Promise<number> =>
  (await ledger(system)).tasks.filter((task) => task.taskDefinitionArn === definition && task.stoppedAt === null)
    .length;

export async function arnsOf(system: System, name: string): Promise<ReadonlyMap<string, string>> {
  const { tasks } = await ledger(system);
  const live = tasks.filter(({ group, stoppedAt }) => group === `daemon:${name}` && stoppedAt === null);
  return new Map(live.map(({ containerInstanceArn, taskArn }) => [containerInstanceArn, taskArn]));
}

/** Adds hosts to a cluster of that name. */
export async function addHosts(system: System, cluster: string, count: number): Promise<readonly string[]> {
  const { hosts } = await json<{ readonly hosts: readonly { readonly containerInstanceArn: string }[] }>(
    `${system.ecs}/_sim/hosts`,
    { cluster, count },
  );
  return hosts.map(({ containerInstanceArn }) => containerInstanceArn);
}

interface Deployment {
  readonly kind: string;
  readonly state: string;
  readonly status: string;
  readonly failedInstances: readonly string[];
  readonly deferredInstances: readonly string[];
}

/** Its deployments, the newest first, once all are over. */
export async function ended(system: System, name: string): Promise<readonly Deployment[]> {
  await completed(system, name);
  return (await json<{ readonly items: readonly Deployment[] }>(`${system.api}/v1/environments/${name}/deployments`))
    .items;
}

/** An environment on every host of the cluster that takes it. */
export async function cover(
  system: System,
  {
    name,
    cluster,
    maxUnavailable,
  }: { readonly name: string; readonly cluster: string; readonly maxUnavailable: string },
): Promise<readonly Deployment[]> {
  const taskDefinition = await register(system, name, {});
  const deploymentConfiguration = { maxUnavailable };
  const body = { name, instanceGroup: { cluster }, taskDefinition, deploymentConfiguration };
  const made = await json<Parameters<typeof surveyed>[1]>(`${system.api}/v1/environments`, body);
  await surveyed(system, made);
  await deploy(system, made);
  return await ended(system, name);
}

export async function rollOut(system: System, name: string, change: object): Promise<void> {
  const url = `${system.api}/v1/environments/${name}`;
  const { deploymentToken } = await json<{ readonly deploymentToken: string }>(url);
  const response = await fetch(url, { method: 'PATCH', body: JSON.stringify({ ...change, deploymentToken }) });
  must(response.ok, await response.clone().text());
  await deploy(system, (await response.json()) as Parameters<typeof deploy>[1]);
}

/** Gives the ARN of a new revision of the family. */
export const register = (
  system: System,
  family: string,
  behaviour: { readonly [name: string]: string },
): Promise<string> =>
  ecs(system, async (client) => {
    const environment = Object.entries(behaviour).map(([name, value]) => ({ name, value }));
    const agent = { name: 'agent', image: 'agent', cpu: 10, memory: 10, environment };
    const command = new RegisterTaskDefinitionCommand({ family, containerDefinitions: [agent] });
    return (await client.send(command)).taskDefinition?.taskDefinitionArn ?? '';
  });

export async function ecs<T>(system: System, use: (client: ECSClient) => Promise<T>): Promise<T> {
  const client = new ECSClient({ endpoint: system.ecs, region: REGION, credentials: CREDENTIALS });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}
