/** Values for tests of the store. Every id is derived from a small number or name, so that failures read well. */
import { randomUUID } from 'node:crypto';
import type {
  Deployment,
  DeploymentProgress,
  EnvironmentSpec,
  EnvironmentStatus,
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
  type TaskArn,
  type TaskDefinitionArn,
} from '../../src/domain/ids.ts';
import type { Launch, Slot } from '../../src/domain/launch.ts';
import type { Change } from '../../src/domain/plan.ts';
import type { Remembered } from '../../src/store/store.ts';

export const AT = as<Instant>(1_700_000_000_000);
export const nameOf = (name: string): EnvironmentName => as<EnvironmentName>(name);
export const instanceOf = (n: number): InstanceArn =>
  as<InstanceArn>(`arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/${String(n).padStart(32, '0')}`);
const taskOf = (n: number): TaskArn =>
  as<TaskArn>(`arn:aws:ecs:eu-west-1:123456789012:task/prod/${String(n).padStart(32, '0')}`);
export const launchIdOf = (n: number): LaunchId =>
  as<LaunchId>(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
const taskDefinition = as<TaskDefinitionArn>('arn:aws:ecs:eu-west-1:123456789012:task-definition/agent:12');

export const specOf = (name: string, changes: Partial<EnvironmentSpec> = {}): EnvironmentSpec => ({
  id: as<EnvironmentId>(randomUUID()),
  name: nameOf(name),
  cluster: as('arn:aws:ecs:eu-west-1:123456789012:cluster/prod'),
  taskDefinition,
  networkConfiguration: null,
  deploymentToken: as<DeploymentToken>(randomUUID()),
  createdAt: AT,
  target: null,
  deletion: null,
  ...changes,
});

export const deploymentOf = (): Deployment => ({
  id: as<DeploymentId>(randomUUID()),
  token: as<DeploymentToken>(randomUUID()),
  taskDefinition,
  createdAt: AT,
});

export const progressOf = (id: DeploymentId, changes: Partial<DeploymentProgress> = {}): DeploymentProgress => ({
  id,
  status: 'running',
  startedAt: AT,
  completedAt: null,
  failedInstances: [],
  ...changes,
});

export const statusOf = (running: number): EnvironmentStatus => ({
  health: 'healthy',
  reasons: [],
  hosts: { eligible: running, running, starting: 0, failed: 0, disconnected: 0, draining: 0 },
});

export const slotOf = (n: number, changes: Partial<Slot> = {}): Slot => ({
  instance: instanceOf(n),
  ec2InstanceId: `i-${String(n).padStart(17, '0')}`,
  task: {
    arn: taskOf(n),
    launch: launchIdOf(n),
    taskDefinition,
    placedAt: AT,
    ranAt: AT,
    missingSince: null,
  },
  stop: null,
  tries: { count: 0, reason: null, until: AT },
  drainingSince: null,
  supersededSince: null,
  since: AT,
  ...changes,
});

export const launchOf = (n: number, changes: Partial<Launch> = {}): Launch => ({
  id: launchIdOf(n),
  primitive: 'RunTask',
  deployment: as<DeploymentId>('00000000-0000-4000-9000-000000000001'),
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

let keys = 0;
export const remembered = (body: string, key = `k${(keys += 1)}`): Remembered => ({
  key,
  answer: { requestHash: 'abc', status: 200, body },
});

export const range = (length: number): number[] => Array.from({ length }, (_, index) => index);
