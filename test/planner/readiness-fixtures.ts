/** What the readiness of hosts is decided by, derived from small numbers and names. */
import type { Deployment, EnvironmentSpec } from '../../src/domain/environment.ts';
import type { Facts, Instance, Task } from '../../src/domain/facts.ts';
import { as, groupOf, type ClusterArn, type InstanceArn, type Instant, type Revision } from '../../src/domain/ids.ts';
import { DEFAULT_CONFIGURATION, type EnvironmentRevision } from '../../src/domain/revision.ts';
import type { RequiredEnvironment } from '../../src/domain/required.ts';

const ARN = 'arn:aws:ecs:eu-west-1:123456789012';
export const CLUSTER = as<ClusterArn>(`${ARN}:cluster/prod`);
/** The store when the facts' listing began. */
export const LISTED = as<Revision>(100);
export const LISTED_AT = as<Instant>(1_800_000_000_000);

export const hostArn = (n: number): InstanceArn => as<InstanceArn>(`${ARN}:container-instance/prod/${n}`);
export const definitionOf = (family: string, n = 1) =>
  as<EnvironmentRevision['taskDefinition']>(`${ARN}:task-definition/${family}:${n}`);

export const revision = (family: string, changes: Partial<EnvironmentRevision> = {}): EnvironmentRevision => ({
  id: as('0123456789abcdef'),
  template: as('fedcba9876543210'),
  taskDefinition: definitionOf(family),
  healthCheck: false,
  networkConfiguration: null,
  query: null,
  configuration: DEFAULT_CONFIGURATION,
  createdAt: LISTED_AT,
  ...changes,
});

export const deployment = (revision: EnvironmentRevision): Deployment => ({
  id: as('00000000-0000-4000-8000-000000000001'),
  token: as('00000000-0000-4000-8000-000000000002'),
  kind: 'deploy',
  revision,
  template: revision.template,
  base: null,
  rollsBack: null,
  createdAt: LISTED_AT,
});

/** A required environment that has been deployed. */
export const specOf = (name: string, changes: Partial<EnvironmentSpec> = {}): EnvironmentSpec => ({
  id: as(`00000000-0000-4000-9000-${name.padStart(12, '0')}`),
  name: as(name),
  cluster: CLUSTER,
  revision: revision(name),
  deploymentToken: as('00000000-0000-4000-8000-000000000002'),
  createdAt: LISTED_AT,
  target: as('00000000-0000-4000-8000-000000000001'),
  orders: { paused: false, resumes: 0, promoted: 0, cancelled: false },
  frozen: false,
  excluded: [],
  retries: [],
  adopt: null,
  drainAfter: [],
  required: true,
  deletion: null,
  ...changes,
});

interface DaemonChanges {
  readonly spec?: Partial<EnvironmentSpec>;
  readonly modified?: Revision;
  /** Of the revision that its hosts get. */
  readonly deployed?: Partial<EnvironmentRevision>;
  readonly revisions?: readonly EnvironmentRevision[];
}

export const daemon = (
  name: string,
  { spec, modified, deployed, revisions = [] }: DaemonChanges = {},
): RequiredEnvironment => {
  const target = revision(name, deployed);
  return {
    spec: { value: specOf(name, spec), created: as<Revision>(1), modified: modified ?? as<Revision>(50) },
    target: deployment(target),
    revisions,
  };
};

export const hostOf = (n: number, changes: Partial<Instance> = {}, ready?: string | null): Instance => ({
  arn: hostArn(n),
  ec2InstanceId: `i-${n}`,
  status: 'ACTIVE',
  agentConnected: true,
  launchType: 'EC2',
  registeredAt: LISTED_AT,
  version: 1,
  attributes: new Map([['ecs.os-type', 'linux'], ...(ready === undefined ? [] : [['daemons.ready', ready] as const])]),
  agentVersion: '1.90.0',
  foreignTasks: 0,
  ...changes,
});

/** A task of the environment, RUNNING on host `n`. */
export const taskOf = (name: string, n: number, changes: Partial<Task> = {}): Task => ({
  arn: as(`${ARN}:task/prod/${name}-${n}`),
  instance: hostArn(n),
  group: groupOf(as(name)),
  startedBy: null,
  taskDefinition: definitionOf(name),
  lastStatus: 'RUNNING',
  desiredStatus: 'RUNNING',
  createdAt: LISTED_AT,
  stopCode: null,
  stoppedReason: null,
  health: 'UNKNOWN',
  version: 1,
  ...changes,
});

export function factsOf(hosts: readonly Instance[], tasks: readonly Task[], changes: Partial<Facts> = {}): Facts {
  const groups = new Map<string, Task[]>();
  for (const task of tasks) groups.set(task.group, [...(groups.get(task.group) ?? []), task]);
  return {
    cluster: CLUSTER,
    startedAt: LISTED_AT,
    revision: LISTED,
    storeId: 'store',
    instances: new Map(hosts.map((host) => [host.arn, host])),
    tasks: groups,
    unlisted: new Set(),
    ...changes,
  };
}
