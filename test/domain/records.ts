/** Records for the rules of what people may ask. */
import type { Deployment, DeploymentProgress, EnvironmentSpec } from '../../src/domain/environment.ts';
import { AS_MADE } from '../../src/domain/environment.ts';
import { as } from '../../src/domain/ids.ts';
import type {
  ClusterArn,
  DeploymentId,
  DeploymentToken,
  EnvironmentId,
  EnvironmentName,
  Instant,
  Revision,
  RevisionId,
  TaskDefinitionArn,
  Template,
} from '../../src/domain/ids.ts';
import { DEFAULT_CONFIGURATION } from '../../src/domain/revision.ts';
import type { EnvironmentRevision } from '../../src/domain/revision.ts';
import type { EnvironmentRecord } from '../../src/domain/world.ts';

/** Revision `r<n>` with the template `t<n>` of `daemon:<n>`. */
export const revision = (n: number): EnvironmentRevision => ({
  id: as<RevisionId>(`r${n}`),
  template: as<Template>(`t${n}`),
  taskDefinition: as<TaskDefinitionArn>(`daemon:${n}`),
  healthCheck: false,
  networkConfiguration: null,
  query: null,
  configuration: DEFAULT_CONFIGURATION,
  createdAt: as<Instant>(n),
});

export const SPEC: EnvironmentSpec = {
  id: as<EnvironmentId>('env'),
  name: as<EnvironmentName>('web'),
  cluster: as<ClusterArn>('cluster'),
  revision: revision(2),
  deploymentToken: as<DeploymentToken>('now'),
  createdAt: as<Instant>(1),
  ...AS_MADE,
};

export const deployment = (id: string, over: Partial<Deployment> = {}): Deployment => ({
  id: as<DeploymentId>(id),
  token: as<DeploymentToken>(`token of ${id}`),
  kind: 'deploy',
  revision: revision(1),
  template: as<Template>('t1'),
  base: null,
  rollsBack: null,
  createdAt: as<Instant>(2),
  ...over,
});

export const progress = (id: string, over: Partial<DeploymentProgress> = {}): DeploymentProgress => ({
  id: as<DeploymentId>(id),
  state: 'running',
  startedAt: as<Instant>(3),
  endedAt: null,
  reason: null,
  waves: [],
  open: 0,
  openedAt: as<Instant>(3),
  doneAt: null,
  ignoredAlarms: [],
  trip: null,
  canaries: 0,
  forgiven: 0,
  failedInstances: [],
  deferredInstances: [],
  ...over,
});

/** Deployments and revisions were made in the order given. */
export const record = (
  over: Partial<EnvironmentSpec>,
  rest: {
    readonly deployments?: readonly Deployment[];
    readonly progress?: readonly DeploymentProgress[];
    readonly revisions?: readonly EnvironmentRevision[];
  } = {},
): EnvironmentRecord => {
  const { deployments = [], progress = [], revisions = [] } = rest;
  const stored = <T>(value: T, created: number) => ({
    value,
    created: as<Revision>(created),
    modified: as<Revision>(created),
  });
  return {
    spec: stored({ ...SPEC, ...over }, 1),
    revisions: new Map(revisions.map((one, index) => [one.id, stored(one, index + 2)])),
    deployments: new Map(deployments.map((one, index) => [one.id, stored(one, index + 2)])),
    progress: new Map(progress.map((one) => [one.id, one])),
    status: null,
  };
};
