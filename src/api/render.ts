/**
 * From records to the JSON of `/v1`. A record keeps its identity while it is unchanged, so its rendering is kept with it:
 * a read is then a lookup, and a list is a join. What was not asked for is not rendered.
 */
import { isOver, NO_ORDERS } from '../domain/environment.ts';
import type { Deployment, DeploymentProgress, EnvironmentSpec } from '../domain/environment.ts';
import type { JsonObject } from '../domain/json.ts';
import type { DeploymentId, Instant } from '../domain/ids.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import { configurationWire } from './configuration-schema.ts';
import type { DeploymentWire, EnvironmentWire, RevisionWire } from './schemas.ts';

/** The network configuration is ECS's business: it was checked when it came in, and goes out as it is stored. */
type Networked<Wire> = Omit<Wire, 'networkConfiguration'> & { networkConfiguration?: JsonObject };

interface Rendered {
  environment?: string;
  /** In order of creation, the newest first. */
  deployments?: ReadonlyMap<DeploymentId, string>;
}

const kept = new WeakMap<EnvironmentRecord, Rendered>();

const keptOf = (record: EnvironmentRecord): Rendered => {
  let rendered = kept.get(record);
  if (rendered === undefined) {
    rendered = {};
    kept.set(record, rendered);
  }
  return rendered;
};

const environmentOf = (record: EnvironmentRecord): string => {
  const rendered = keptOf(record);
  return (rendered.environment ??= JSON.stringify(environmentWire(record.spec.value, record.status)));
};

const deploymentsOf = (record: EnvironmentRecord): ReadonlyMap<DeploymentId, string> => {
  const rendered = keptOf(record);
  return (rendered.deployments ??= new Map(
    newestFirst(record.deployments).map((deployment) => [
      deployment.id,
      JSON.stringify(deploymentWire(record.spec.value, deployment, record.progress.get(deployment.id))),
    ]),
  ));
};

const newestFirst = (deployments: EnvironmentRecord['deployments']): readonly Deployment[] =>
  [...deployments.values()].toSorted((a, b) => b.created - a.created).map(({ value }) => value);

export const renderEnvironment = (record: EnvironmentRecord): string => `${environmentOf(record)}\n`;

export const renderEnvironments = (records: readonly EnvironmentRecord[], nextToken: string | null): string => {
  const items = records.map(environmentOf).join(',');
  return `{"items":[${items}]${nextToken === null ? '' : `,"nextToken":${JSON.stringify(nextToken)}`}}\n`;
};

/** An environment as a change leaves it. */
export const renderChanged = (spec: EnvironmentSpec, status: EnvironmentRecord['status']): string =>
  `${JSON.stringify(environmentWire(spec, status))}\n`;

/** Undefined when the environment has no such deployment. */
export const renderDeployment = (record: EnvironmentRecord, id: DeploymentId): string | undefined => {
  const deployment = deploymentsOf(record).get(id);
  return deployment === undefined ? undefined : `${deployment}\n`;
};

export const renderDeployments = (record: EnvironmentRecord): string =>
  `{"items":[${[...deploymentsOf(record).values()].join(',')}]}\n`;

/**
 * A deployment under a spec that is being written. No progress: nothing was done about it yet. The answer may be remembered in
 * the transaction of the change, which etcd takes up to 1.5 MiB of, so it lists few hosts: all are in `GET` of the deployment.
 */
export const renderOrdered = (spec: EnvironmentSpec, deployment: Deployment, progress?: DeploymentProgress): string =>
  `${JSON.stringify(deploymentWire(spec, deployment, progress === undefined ? undefined : withFewHosts(progress)))}\n`;

/** Each with a reason of 500 characters, which take up to seven bytes in JSON within JSON: 75 kB at worst, and it is kept for a day. */
export const ORDERED_HOSTS_MOST = 20;

const withFewHosts = (progress: DeploymentProgress): DeploymentProgress => ({
  ...progress,
  failedInstances: progress.failedInstances.slice(0, ORDERED_HOSTS_MOST),
  deferredInstances: progress.deferredInstances.slice(0, ORDERED_HOSTS_MOST),
});

export const renderRevisions = (record: EnvironmentRecord): string => {
  const { cluster, revision: current } = record.spec.value;
  const known = [...record.revisions.values()];
  // One that was never deployed or replaced stands in the spec alone.
  const stored = known.some(({ value }) => value.id === current.id);
  const revisions = known
    .toSorted((a, b) => b.created - a.created || b.value.createdAt - a.value.createdAt)
    .map(({ value }) => value);
  const deployments = newestFirst(record.deployments);
  const items = (stored ? revisions : [current, ...revisions]).map((revision): Networked<RevisionWire> => ({
    id: revision.id,
    taskDefinition: revision.taskDefinition,
    ...(revision.networkConfiguration !== null && { networkConfiguration: revision.networkConfiguration }),
    instanceGroup: { cluster, ...(revision.query !== null && { query: revision.query }) },
    deploymentConfiguration: configurationWire(revision.configuration),
    createdAt: iso(revision.createdAt),
    current: revision.id === current.id,
    deployments: deployments.filter((one) => one.revision.id === revision.id).map(({ id }) => id),
  }));
  return `${JSON.stringify({ items })}\n`;
};

const environmentWire = (spec: EnvironmentSpec, status: EnvironmentRecord['status']): Networked<EnvironmentWire> => {
  const { revision } = spec;
  return {
    deploymentToken: spec.deploymentToken,
    health: status?.health ?? 'healthy',
    instanceGroup: { cluster: spec.cluster, ...(revision.query !== null && { query: revision.query }) },
    name: spec.name,
    taskDefinition: revision.taskDefinition,
    createdAt: iso(spec.createdAt),
    reasons: [...(status?.reasons ?? [])],
    ...(status !== null && { hosts: status.hosts }),
    ...(revision.networkConfiguration !== null && { networkConfiguration: revision.networkConfiguration }),
    ...(spec.target !== null && { targetDeployment: spec.target }),
    revision: revision.id,
    deploymentConfiguration: configurationWire(revision.configuration),
    ...(spec.adopt !== null && { adopt: { [spec.adopt.kind]: spec.adopt.value } }),
    ...(spec.drainAfter.length > 0 && { drainAfter: [...spec.drainAfter] }),
    ...(spec.required && { required: true }),
    ...(spec.frozen && { frozen: true }),
    ...(spec.excluded.length > 0 && { excluded: [...spec.excluded] }),
  };
};

const deploymentWire = (
  spec: EnvironmentSpec,
  deployment: Deployment,
  progress: DeploymentProgress | undefined,
): DeploymentWire => {
  const failures = progress?.failedInstances ?? [];
  const state = stateOf(spec, deployment, progress);
  return {
    environmentName: spec.name,
    failedInstances: failures.map(({ instance }) => instance),
    id: deployment.id,
    status: STATUS[state],
    taskDefinition: deployment.revision.taskDefinition,
    state,
    createdAt: iso(deployment.createdAt),
    ...(progress !== undefined && { startedAt: iso(progress.startedAt) }),
    ...(typeof progress?.endedAt === 'number' && { completedAt: iso(progress.endedAt) }),
    failures: failures.map(({ instance, reason, attempts }) => ({ instance, reason, attempts })),
    kind: deployment.kind,
    revision: deployment.revision.id,
    ...(typeof progress?.reason === 'string' && { reason: progress.reason }),
    ...(deployment.rollsBack !== null && { rollsBack: deployment.rollsBack }),
    waves: progress === undefined ? [] : wavesWire(progress),
    ...(progress !== undefined && progress.open > 0 && { openedAt: iso(progress.openedAt) }),
    deferredInstances: [...(progress?.deferredInstances ?? [])],
    ignoredAlarms: [...(progress?.ignoredAlarms ?? [])],
    ...ordersWire(spec, state),
  };
};

/** One that another took the place of before it was over is superseded; nobody writes that down. */
const stateOf = (
  spec: EnvironmentSpec,
  { id, kind }: Deployment,
  progress: DeploymentProgress | undefined,
): DeploymentWire['state'] => {
  if (progress !== undefined && isOver(progress)) return progress.state;
  if (spec.target !== id) return 'superseded';
  if (progress === undefined) return 'pending';
  return kind === 'rollback' && progress.state === 'running' ? 'rolling-back' : progress.state;
};

/** What v0.3.0 would call it. */
const STATUS: Readonly<Record<DeploymentWire['state'], DeploymentWire['status']>> = {
  pending: 'pending',
  running: 'running',
  paused: 'running',
  'rolling-back': 'running',
  completed: 'completed',
  failed: 'completed',
  cancelled: 'completed',
  superseded: 'completed',
};

const wavesWire = ({ waves, open, doneAt, state }: DeploymentProgress): DeploymentWire['waves'] => {
  const done = doneAt !== null || state === 'completed' ? open : open - 1;
  return waves.map(({ name, promote, bakeMinutes }, index) => ({
    name,
    state: index < done ? 'done' : index < open ? 'open' : 'closed',
    promote,
    bakeMinutes,
  }));
};

/** Only the target is not over, and orders are the target's. */
const ordersWire = ({ orders }: EnvironmentSpec, state: DeploymentWire['state']): Pick<DeploymentWire, 'orders'> => {
  const { paused, promoted, cancelled } = orders;
  const given = paused || cancelled || promoted > NO_ORDERS.promoted;
  return given && STATUS[state] !== 'completed' ? { orders: { paused, promoted, cancelled } } : {};
};

const iso = (at: Instant): string => new Date(at).toISOString();
