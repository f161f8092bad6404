import { randomUUID } from 'node:crypto';
import { AS_MADE, type DeploymentProgress } from '../src/domain/environment.ts';
import { NO_LOOKS, type Attributes, type Facts, type Instance, type Task } from '../src/domain/facts.ts';
import { as, type InstanceArn, type Instant, type LaunchId, type Revision, type TaskArn } from '../src/domain/ids.ts';
import type {
  ClusterArn,
  DeploymentId,
  DeploymentToken,
  EnvironmentId,
  EnvironmentName,
  RevisionId,
  TaskDefinitionArn,
  Template,
} from '../src/domain/ids.ts';
import type { Slot } from '../src/domain/launch.ts';
import { DEFAULT_POLICY } from '../src/domain/policy.ts';
import { DEFAULT_CONFIGURATION, type EnvironmentRevision } from '../src/domain/revision.ts';
import type { Stored, World } from '../src/domain/world.ts';
import type { Observation } from '../src/planner/observation.ts';
import { planEnvironment } from '../src/planner/plan.ts';
import { must, type Bench, type Row } from './bench.ts';
import { percentile } from './clients.ts';

/** Design, section 7: "10,000 hosts in tens of milliseconds". */
const LIMIT_MS = 50;
const LIMIT_HOSTS = 10_000;

export const plan: Bench = {
  name: 'plan',
  doc: 'The planner alone, median of many: at rest, and when every host is to be launched on',
  async *run(size) {
    const rounds = size === 'full' ? 40 : 3;
    for (const hosts of size === 'full' ? [1_000, LIMIT_HOSTS] : [50]) {
      for (const covered of [true, false]) yield measure(hosts, covered, rounds);
    }
  },
};

function measure(hosts: number, covered: boolean, rounds: number): Row {
  const seen = observation(hosts, covered);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    const made = planEnvironment(seen, DEFAULT_POLICY, () => as<LaunchId>(randomUUID()));
    times.push(performance.now() - began);
    const launches = made.effects.filter((effect) => effect.kind === 'launch').length;
    must(
      launches === (covered ? 0 : Math.min(DEFAULT_POLICY.launchesPerTurn, Math.ceil(hosts / 10))),
      `${launches} launches`,
    );
  }
  return {
    what: `${hosts} hosts, ${covered ? 'at rest' : 'first cover'}`,
    figure: percentile(times, 50),
    unit: 'ms',
    limit: hosts === LIMIT_HOSTS ? LIMIT_MS : null,
  };
}

const NOW = as<Instant>(1_800_000_000_000);
const BEFORE = as<Instant>(NOW - 3_600_000);
const DEFINITION = as<TaskDefinitionArn>('arn:aws:ecs:eu-west-1:123456789012:task-definition/agent:1');
const DEPLOYMENT = as<DeploymentId>('6a8e4bb8-0000-4000-8000-000000000000');
const TOKEN = as<DeploymentToken>('6a8e4bb8-0000-4000-8000-000000000001');
const REVISION: EnvironmentRevision = {
  id: as<RevisionId>('revision-1'),
  template: as<Template>('template-1'),
  taskDefinition: DEFINITION,
  healthCheck: false,
  networkConfiguration: null,
  query: null,
  configuration: DEFAULT_CONFIGURATION,
  createdAt: BEFORE,
};
const COMPLETED: DeploymentProgress = {
  id: DEPLOYMENT,
  state: 'completed',
  startedAt: BEFORE,
  endedAt: BEFORE,
  reason: null,
  waves: [{ name: 'all', of: null, promote: 'auto', bakeMinutes: 0 }],
  open: 1,
  canaries: 0,
  openedAt: BEFORE,
  doneAt: null,
  ignoredAlarms: [],
  trip: null,
  forgiven: 0,
  failedInstances: [],
  deferredInstances: [],
};
const stored = <T>(value: T): Stored<T> => ({ value, created: as<Revision>(1), modified: as<Revision>(1) });
const hostArn = (n: number): InstanceArn =>
  as<InstanceArn>(`arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/${n}`);
const taskArn = (n: number): TaskArn => as<TaskArn>(`arn:aws:ecs:eu-west-1:123456789012:task/prod/${n}`);

function observation(hosts: number, covered: boolean): Observation {
  const all = Array.from({ length: hosts }, (_, n) => n);
  const cluster = as<ClusterArn>('arn:aws:ecs:eu-west-1:123456789012:cluster/prod');
  const facts: Facts = {
    cluster,
    startedAt: NOW,
    revision: as<Revision>(9),
    storeId: 'bench',
    instances: new Map(all.map((n) => [hostArn(n), instance(n)])),
    tasks: new Map([['daemon:agent', covered ? all.map(task) : []]]),
    unlisted: new Set(),
  };
  const world: World = {
    spec: stored({
      id: as<EnvironmentId>('6a8e4bb8-0000-4000-8000-000000000002'),
      name: as<EnvironmentName>('agent'),
      cluster,
      revision: REVISION,
      deploymentToken: TOKEN,
      createdAt: BEFORE,
      ...AS_MADE,
      target: DEPLOYMENT,
    }),
    revisions: new Map([[REVISION.id, stored(REVISION)]]),
    deployments: new Map([
      [
        DEPLOYMENT,
        stored({
          id: DEPLOYMENT,
          token: TOKEN,
          kind: 'deploy',
          revision: REVISION,
          template: REVISION.template,
          base: null,
          rollsBack: null,
          createdAt: BEFORE,
        }),
      ],
    ]),
    progress: new Map(covered ? [[DEPLOYMENT, COMPLETED]] : []),
    status: null,
    slots: new Map(covered ? all.map((n) => [hostArn(n), stored(slot(n))]) : []),
    launches: new Map(),
  };
  return { now: NOW, world, facts, looks: { ...NO_LOOKS, taskDefinitions: new Map([[DEFINITION, 'ACTIVE']]) } };
}

const ATTRIBUTES: Attributes = new Map([['ecs.availability-zone', 'eu-west-1a']]);

const instance = (n: number): Instance => ({
  arn: hostArn(n),
  ec2InstanceId: `i-${n}`,
  status: 'ACTIVE',
  agentConnected: true,
  launchType: 'EC2',
  registeredAt: BEFORE,
  version: 1,
  attributes: ATTRIBUTES,
  agentVersion: '1.90.0',
  foreignTasks: 3,
});

const task = (n: number): Task => ({
  arn: taskArn(n),
  instance: hostArn(n),
  group: 'daemon:agent',
  startedBy: DEPLOYMENT,
  taskDefinition: DEFINITION,
  lastStatus: 'RUNNING',
  desiredStatus: 'RUNNING',
  createdAt: BEFORE,
  stopCode: null,
  stoppedReason: null,
  health: 'UNKNOWN',
  version: 3,
});

const slot = (n: number): Slot => ({
  instance: hostArn(n),
  ec2InstanceId: `i-${n}`,
  task: {
    arn: taskArn(n),
    launch: null,
    revision: REVISION.id,
    template: REVISION.template,
    taskDefinition: DEFINITION,
    placedAt: BEFORE,
    ranAt: BEFORE,
    readyAt: BEFORE,
    missingSince: null,
  },
  stop: null,
  tries: { count: 0, reason: null, until: as<Instant>(0), template: null, exempt: false },
  drainingSince: null,
  supersededSince: null,
  since: BEFORE,
  gapSince: null,
  vacated: false,
  canary: null,
  uncovered: null,
  retried: 0,
  entries: 0,
});
