/** Values for tests of the store. Every id is derived from a small number or name, so that failures read well. */
import { randomUUID } from 'node:crypto';
import {
  AS_MADE,
  type Deployment,
  type DeploymentProgress,
  type EnvironmentSpec,
  type EnvironmentStatus,
} from '../../src/domain/environment.ts';
import {
  as,
  type DeploymentId,
  type DeploymentToken,
  type EnvironmentId,
  type EnvironmentName,
  type InstanceArn,
  type Instant,
  type LaunchId,
  type Revision,
  type RevisionId,
  type TaskArn,
  type TaskDefinitionArn,
  type Template,
} from '../../src/domain/ids.ts';
import type { HistoryEntry, Launch, Slot } from '../../src/domain/launch.ts';
import type { Change } from '../../src/domain/plan.ts';
import { NOTHING_FORGOTTEN } from '../../src/domain/retention.ts';
import { DEFAULT_CONFIGURATION, type EnvironmentRevision } from '../../src/domain/revision.ts';
import type { Remembered, SpecChange } from '../../src/store/store.ts';

export const AT = as<Instant>(1_700_000_000_000);
export const nameOf = (name: string): EnvironmentName => as<EnvironmentName>(name);
export const instanceOf = (n: number): InstanceArn =>
  as<InstanceArn>(`arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/${String(n).padStart(32, '0')}`);
const taskOf = (n: number): TaskArn =>
  as<TaskArn>(`arn:aws:ecs:eu-west-1:123456789012:task/prod/${String(n).padStart(32, '0')}`);
export const launchIdOf = (n: number): LaunchId =>
  as<LaunchId>(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
const taskDefinition = as<TaskDefinitionArn>('arn:aws:ecs:eu-west-1:123456789012:task-definition/agent:12');

const template = as<Template>('template-1');

/** Made from its number alone, so that two of one number are the same. */
export const revisionOf = (n: number, changes: Partial<EnvironmentRevision> = {}): EnvironmentRevision => ({
  id: as<RevisionId>(`revision-${n}`),
  template,
  taskDefinition,
  healthCheck: false,
  networkConfiguration: null,
  query: null,
  configuration: DEFAULT_CONFIGURATION,
  createdAt: AT,
  ...changes,
});

export const specOf = (name: string, changes: Partial<EnvironmentSpec> = {}): EnvironmentSpec => ({
  id: as<EnvironmentId>(randomUUID()),
  name: nameOf(name),
  cluster: as('arn:aws:ecs:eu-west-1:123456789012:cluster/prod'),
  revision: revisionOf(1),
  deploymentToken: as<DeploymentToken>(randomUUID()),
  createdAt: AT,
  ...AS_MADE,
  ...changes,
});

/** The same, on its way out with its tasks. */
export const deleting = (spec: EnvironmentSpec): EnvironmentSpec => ({
  ...spec,
  deletion: { requestedAt: AT, tasks: 'stop' },
});

/** A change of a spec and no more, unless `more` says so. */
export const changeOf = (spec: EnvironmentSpec, seen: Revision, more: Partial<SpecChange> = {}): SpecChange => ({
  spec,
  seen,
  deployment: null,
  revisions: [],
  forget: NOTHING_FORGOTTEN,
  ...more,
});

export const deploymentOf = (changes: Partial<Deployment> = {}): Deployment => ({
  id: as<DeploymentId>(randomUUID()),
  token: as<DeploymentToken>(randomUUID()),
  kind: 'deploy',
  revision: revisionOf(1),
  template,
  base: null,
  rollsBack: null,
  createdAt: AT,
  ...changes,
});

export const progressOf = (id: DeploymentId, changes: Partial<DeploymentProgress> = {}): DeploymentProgress => ({
  id,
  state: 'running',
  startedAt: AT,
  endedAt: null,
  reason: null,
  waves: [],
  open: 0,
  openedAt: AT,
  doneAt: null,
  ignoredAlarms: [],
  trip: null,
  canaries: 0,
  forgiven: 0,
  failedInstances: [],
  deferredInstances: [],
  ...changes,
});

export const statusOf = (running: number): EnvironmentStatus => ({
  health: 'healthy',
  reasons: [],
  hosts: {
    eligible: running,
    running,
    ready: running,
    updated: running,
    starting: 0,
    failed: 0,
    disconnected: 0,
    draining: 0,
  },
  revisions: [],
});

export const slotOf = (n: number, changes: Partial<Slot> = {}): Slot => ({
  instance: instanceOf(n),
  ec2InstanceId: `i-${String(n).padStart(17, '0')}`,
  task: {
    arn: taskOf(n),
    launch: launchIdOf(n),
    revision: revisionOf(1).id,
    template,
    taskDefinition,
    placedAt: AT,
    ranAt: AT,
    readyAt: AT,
    missingSince: null,
  },
  stop: null,
  tries: { count: 0, reason: null, until: AT, template: null, exempt: false },
  drainingSince: null,
  supersededSince: null,
  since: AT,
  gapSince: null,
  vacated: false,
  canary: null,
  uncovered: null,
  retried: 0,
  entries: 0,
  ...changes,
});

export const launchOf = (n: number, changes: Partial<Launch> = {}): Launch => ({
  id: launchIdOf(n),
  primitive: 'RunTask',
  deployment: as<DeploymentId>('00000000-0000-4000-9000-000000000001'),
  revision: revisionOf(1).id,
  template,
  taskDefinition,
  members: Array.from({ length: 10 }, (_, member) => ({
    instance: instanceOf(n * 10 + member),
    ec2InstanceId: `i-${String(n * 10 + member).padStart(17, '0')}`,
  })),
  request: { cluster: 'prod', count: 10, zeta: 1, alpha: ['x', { y: null }] },
  committedAt: AT,
  promisedAt: AT,
  endedAt: null,
  sends: 1,
  returned: [],
  noReplay: null,
  emptyListingAt: null,
  ...changes,
});

export const putSlot = (n: number, changes: Partial<Slot> = {}): Change => ({
  kind: 'put-slot',
  slot: slotOf(n, changes),
});
export const putLaunch = (n: number, changes: Partial<Launch> = {}): Change => ({
  kind: 'put-launch',
  launch: launchOf(n, changes),
});
export const putStatus = (running: number): Change => ({ kind: 'put-status', status: statusOf(running) });

/** Entry `n` of a host's history: they are `n` ms apart. */
export const historyEntry = (n: number): HistoryEntry => ({
  at: as<Instant>(AT + n),
  saw: `saw ${n}`,
  rule: 'H1',
  did: `did ${n}`,
  outcome: null,
});
export const putHistory = (host: number, place: number, n: number): Change => ({
  kind: 'put-history',
  instance: instanceOf(host),
  place,
  entry: historyEntry(n),
});
export const deleteSlot = (n: number): Change => ({ kind: 'delete-slot', instance: instanceOf(n) });

let keys = 0;
export const remembered = (body: string, key = `k${(keys += 1)}`): Remembered => ({
  key,
  answer: { requestHash: 'abc', status: 200, body },
});

export const range = (length: number): number[] => Array.from({ length }, (_, index) => index);
