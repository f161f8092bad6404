/**
 * From records to the JSON of `/v1`. A record keeps its identity while it is unchanged, so its rendering is kept with it:
 * a read is then a lookup, and a list is a join.
 */
import type { Deployment, DeploymentProgress, JsonObject } from '../domain/environment.ts';
import type { DeploymentId, EnvironmentName, Instant } from '../domain/ids.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { DeploymentWire, EnvironmentWire } from './schemas.ts';

interface Rendered {
  readonly environment: string;
  /** In order of creation, the newest first. */
  readonly deployments: ReadonlyMap<DeploymentId, string>;
}

const kept = new WeakMap<EnvironmentRecord, Rendered>();

const render = (record: EnvironmentRecord): Rendered => {
  let rendered = kept.get(record);
  if (rendered === undefined) {
    const name = record.spec.value.name;
    const newestFirst = [...record.deployments.values()].toSorted((a, b) => b.created - a.created);
    rendered = {
      environment: JSON.stringify(environmentWire(record)),
      deployments: new Map(
        newestFirst.map(({ value }) => [
          value.id,
          JSON.stringify(deploymentWire(name, value, record.progress.get(value.id))),
        ]),
      ),
    };
    kept.set(record, rendered);
  }
  return rendered;
};

export const renderEnvironment = (record: EnvironmentRecord): string => `${render(record).environment}\n`;

export const renderEnvironments = (records: readonly EnvironmentRecord[], nextToken: string | null): string => {
  const items = records.map((record) => render(record).environment).join(',');
  return `{"items":[${items}]${nextToken === null ? '' : `,"nextToken":${JSON.stringify(nextToken)}`}}\n`;
};

/** Undefined when the environment has no such deployment. */
export const renderDeployment = (record: EnvironmentRecord, id: DeploymentId): string | undefined => {
  const deployment = render(record).deployments.get(id);
  return deployment === undefined ? undefined : `${deployment}\n`;
};

export const renderDeployments = (record: EnvironmentRecord): string =>
  `{"items":[${[...render(record).deployments.values()].join(',')}]}\n`;

/** A deployment that nothing was done about yet. */
export const renderPending = (name: EnvironmentName, deployment: Deployment): string =>
  `${JSON.stringify(deploymentWire(name, deployment, undefined))}\n`;

/** The fields of v0.3.0 come first, as it wrote them; what has no value is left out. */
export const environmentWire = (record: Pick<EnvironmentRecord, 'status'> & SpecOnly): EnvironmentJson => {
  const { value: spec } = record.spec;
  return {
    deploymentToken: spec.deploymentToken,
    health: record.status?.health ?? 'healthy',
    instanceGroup: { cluster: spec.cluster },
    name: spec.name,
    taskDefinition: spec.taskDefinition,
    createdAt: iso(spec.createdAt),
    reasons: [...(record.status?.reasons ?? [])],
    ...(record.status !== null && { hosts: record.status.hosts }),
    ...(spec.networkConfiguration !== null && { networkConfiguration: spec.networkConfiguration }),
    ...(spec.target !== null && { targetDeployment: spec.target }),
  };
};

/** The network configuration is ECS's business: it was checked when it came in, and goes out as it is stored. */
type EnvironmentJson = Omit<EnvironmentWire, 'networkConfiguration'> & { networkConfiguration?: JsonObject };
type SpecOnly = { readonly spec: Pick<EnvironmentRecord['spec'], 'value'> };

const deploymentWire = (
  name: EnvironmentName,
  deployment: Deployment,
  progress: DeploymentProgress | undefined,
): DeploymentWire => {
  const failures = progress?.failedInstances ?? [];
  const status = progress?.status ?? 'pending';
  return {
    environmentName: name,
    failedInstances: failures.map(({ instance }) => instance),
    id: deployment.id,
    status,
    taskDefinition: deployment.taskDefinition,
    state: status === 'completed' && failures.length > 0 ? 'completed-with-failures' : status,
    createdAt: iso(deployment.createdAt),
    ...(progress !== undefined && { startedAt: iso(progress.startedAt) }),
    ...(typeof progress?.completedAt === 'number' && { completedAt: iso(progress.completedAt) }),
    failures: failures.map(({ instance, reason, attempts }) => ({ instance, reason, attempts })),
  };
};

const iso = (at: Instant): string => new Date(at).toISOString();
