/** Builders for what the planner sees. Everything is derived from small numbers, so that failures read well. */
import {
  AS_MADE,
  type Deletion,
  type Deployment,
  type DeploymentProgress,
  type EnvironmentSpec,
} from '../../src/domain/environment.ts';
import type { AlarmState, Facts, Instance, Looks, Task } from '../../src/domain/facts.ts';
import {
  as,
  type DeploymentId,
  type InstanceArn,
  type Instant,
  type LaunchId,
  type Revision,
  type RevisionId,
  type TaskArn,
  type TaskDefinitionArn,
  type Template,
} from '../../src/domain/ids.ts';
import type { Launch, Slot } from '../../src/domain/launch.ts';
import type { Change, Effect, Plan } from '../../src/domain/plan.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/domain/policy.ts';
import { DEFAULT_CONFIGURATION, type EnvironmentRevision, type Wave } from '../../src/domain/revision.ts';
import type { Stored, World } from '../../src/domain/world.ts';
import type { Observation } from '../../src/planner/observation.ts';
import { planEnvironment } from '../../src/planner/plan.ts';

const ARN = 'arn:aws:ecs:eu-west-1:123456789012';

/** `seconds` after the deployment was asked for. Tests begin well after it, at `NOW`. */
export const at = (seconds: number): Instant => as<Instant>(1_800_000_000_000 + seconds * 1_000);
export const NOW = at(1_000);
/** `seconds` before `NOW`. */
export const ago = (seconds: number): Instant => at(1_000 - seconds);
/** The last one before it. */
export const before = (revision: Revision): Revision => as<Revision>(revision - 1);

/** The order of writes: the environment, its deployment, what the actor wrote since, and the listing after all that. */
export const REVISION = {
  created: as<Revision>(10),
  deployed: as<Revision>(20),
  written: as<Revision>(50),
  listed: as<Revision>(100),
};

export const host = (n: number): InstanceArn => as<InstanceArn>(`${ARN}:container-instance/prod/${pad(n)}`);
export const machine = (n: number): string => `i-${pad(n)}`;
export const taskArn = (n: number): TaskArn => as<TaskArn>(`${ARN}:task/prod/${pad(n)}`);
export const launchId = (n: number): LaunchId => as<LaunchId>(`launch-${pad(n)}`);
export const deploymentId = (n: number): DeploymentId => as<DeploymentId>(`deployment-${pad(n)}`);
export const definition = (n: number): TaskDefinitionArn => as<TaskDefinitionArn>(`${ARN}:task-definition/agent:${n}`);
export const revisionId = (n: number): RevisionId => as<RevisionId>(`revision-${n}`);
export const template = (n: number): Template => as<Template>(`template-${n}`);
const pad = (n: number): string => String(n).padStart(6, '0');

export const POLICY: Policy = DEFAULT_POLICY;

export const instance = (n: number, changes: Partial<Instance> = {}): Instance => ({
  arn: host(n),
  ec2InstanceId: machine(n),
  status: 'ACTIVE',
  agentConnected: true,
  launchType: 'EC2',
  registeredAt: at(-1_000),
  version: 1,
  foreignTasks: 0,
  attributes: new Map(),
  agentVersion: '1.90.0',
  ...changes,
});

/** Task `n`, RUNNING on host `n` since long. */
export const task = (n: number, changes: Partial<Task> = {}): Task => ({
  arn: taskArn(n),
  instance: host(n),
  group: 'daemon:agent',
  startedBy: deploymentId(1),
  taskDefinition: definition(1),
  lastStatus: 'RUNNING',
  desiredStatus: 'RUNNING',
  createdAt: at(10),
  stopCode: null,
  stoppedReason: null,
  health: 'UNKNOWN',
  version: 1,
  ...changes,
});

export const stopped = (n: number, changes: Partial<Task> = {}): Task =>
  task(n, {
    lastStatus: 'STOPPED',
    desiredStatus: 'STOPPED',
    stopCode: 'EssentialContainerExited',
    stoppedReason: 'Essential container in task exited',
    ...changes,
  });

/** Slot of host `n` with task `n` of launch `n`, RUNNING since long. */
export const slot = (n: number, changes: Partial<Slot> = {}): Slot => ({
  instance: host(n),
  ec2InstanceId: machine(n),
  task: {
    arn: taskArn(n),
    launch: launchId(n),
    revision: revisionId(1),
    template: template(1),
    taskDefinition: definition(1),
    placedAt: at(10),
    ranAt: at(11),
    readyAt: at(11),
    missingSince: null,
  },
  stop: null,
  tries: tries(0),
  drainingSince: null,
  supersededSince: null,
  since: at(10),
  gapSince: null,
  vacated: false,
  canary: null,
  uncovered: null,
  retried: 0,
  entries: 0,
  ...changes,
});

/** Failed attempts of template 1. */
export const tries = (count: number, changes: Partial<Slot['tries']> = {}): Slot['tries'] => ({
  count,
  reason: count === 0 ? null : 'RESOURCE:MEMORY',
  until: as<Instant>(0),
  template: count === 0 ? null : template(1),
  exempt: false,
  ...changes,
});

export const vacant = (n: number, changes: Partial<Slot> = {}): Slot =>
  slot(n, { task: null, gapSince: at(10), ...changes });

/** Slot of host `n` whose task was placed at `placedAt` and has not been seen RUNNING. */
export const starting = (n: number, placedAt: Instant, changes: Partial<Slot> = {}): Slot => {
  const running = slot(n);
  return {
    ...running,
    task: running.task === null ? null : { ...running.task, placedAt, ranAt: null, readyAt: null },
    since: placedAt,
    gapSince: placedAt,
    ...changes,
  };
};

/** An open launch on the hosts, promised at `promisedAt`; its call was over a second later unless told otherwise. */
export const launch = (
  n: number,
  hosts: readonly number[],
  promisedAt: Instant,
  changes: Partial<Launch> = {},
): Launch => ({
  id: launchId(n),
  primitive: 'RunTask',
  deployment: deploymentId(1),
  revision: revisionId(1),
  template: template(1),
  taskDefinition: definition(1),
  members: hosts.map((n) => ({ instance: host(n), ec2InstanceId: machine(n) })),
  request: { clientToken: launchId(n), count: hosts.length },
  committedAt: promisedAt,
  promisedAt,
  endedAt: as<Instant>(promisedAt + 1_000),
  sends: 1,
  returned: [],
  noReplay: null,
  emptyListingAt: null,
  ...changes,
});

export const stored = <T>(value: T, modified: Revision = REVISION.written): Stored<T> => ({
  value,
  created: modified,
  modified,
});

/** Revision `n` of the environment: definition and template `n`. */
export const revision = (n: number, changes: Partial<EnvironmentRevision> = {}): EnvironmentRevision => ({
  id: revisionId(n),
  template: template(n),
  taskDefinition: definition(n),
  healthCheck: false,
  networkConfiguration: null,
  query: null,
  configuration: DEFAULT_CONFIGURATION,
  createdAt: at(-10),
  ...changes,
});

export const deployment = (n: number, changes: Partial<Deployment> = {}): Deployment => ({
  id: deploymentId(n),
  token: as(`token-${n}`),
  kind: 'deploy',
  revision: revision(n),
  template: template(n),
  base: null,
  rollsBack: null,
  createdAt: at(0),
  ...changes,
});

const ALL: Wave = { name: 'all', of: null, promote: 'auto', bakeMinutes: 0 };

export const progress = (n: number, changes: Partial<DeploymentProgress> = {}): DeploymentProgress => ({
  id: deploymentId(n),
  state: 'completed',
  startedAt: at(0),
  endedAt: at(60),
  reason: null,
  waves: [ALL],
  open: 1,
  openedAt: at(0),
  doneAt: null,
  ignoredAlarms: [],
  trip: null,
  canaries: 0,
  forgiven: 0,
  failedInstances: [],
  deferredInstances: [],
  ...changes,
});

export interface WorldParts {
  readonly slots?: readonly Slot[];
  readonly launches?: readonly Launch[];
  readonly spec?: Partial<EnvironmentSpec>;
  /** Deployment 1 and its progress. Completed unless told otherwise; null: nobody has begun it. */
  readonly progress?: Partial<DeploymentProgress> | null;
  /** More deployments, as rollouts after the first; the last one is the target unless the spec says otherwise. */
  readonly rollouts?: readonly { readonly deployment: Deployment; readonly progress: DeploymentProgress | null }[];
  readonly deletion?: Deletion['tasks'];
  readonly status?: World['status'];
  /** When slots and launches were last written. */
  readonly written?: Revision;
}

export function world(parts: WorldParts = {}): World {
  const written = parts.written ?? REVISION.written;
  const rollouts = parts.rollouts ?? [];
  const last = rollouts.at(-1)?.deployment;
  const spec: EnvironmentSpec = {
    id: as('environment-1'),
    name: as('agent'),
    cluster: as(`${ARN}:cluster/prod`),
    revision: last?.revision ?? revision(1),
    deploymentToken: as('token'),
    createdAt: at(-10),
    ...AS_MADE,
    target: last?.id ?? deploymentId(1),
    deletion: parts.deletion === undefined ? null : { requestedAt: ago(1), tasks: parts.deletion },
    ...parts.spec,
  };
  const first = { ...progress(1), ...parts.progress };
  const deployments = [deployment(1), ...rollouts.map((one) => one.deployment)];
  const known = [...(parts.progress === null ? [] : [first]), ...rollouts.flatMap((one) => one.progress ?? [])];
  return {
    spec: { value: spec, created: REVISION.created, modified: REVISION.deployed },
    revisions: new Map(deployments.map((one) => [one.revision.id, stored(one.revision, REVISION.deployed)])),
    deployments: new Map(
      spec.target === null
        ? []
        : deployments.map((one, index) => [one.id, stored(one, as<Revision>(REVISION.deployed + index))]),
    ),
    progress: new Map(known.map((one) => [one.id, one])),
    status: parts.status ?? null,
    slots: new Map((parts.slots ?? []).map((slot) => [slot.instance, stored(slot, written)])),
    launches: new Map((parts.launches ?? []).map((launch) => [launch.id, stored(launch, written)])),
  };
}

export const RUNNING_PROGRESS = { state: 'running', endedAt: null } as const;

/** A listing of these instances and tasks, begun a second ago and after every write. */
export const facts = (
  instances: readonly Instance[],
  tasks: readonly Task[] = [],
  changes: Partial<Facts> = {},
): Facts => ({
  cluster: as(`${ARN}:cluster/prod`),
  startedAt: ago(1),
  revision: REVISION.listed,
  storeId: 'store',
  instances: new Map(instances.map((instance) => [instance.arn, instance])),
  tasks: tasks.length === 0 ? new Map() : new Map([['daemon:agent', tasks]]),
  unlisted: new Set(),
  ...changes,
});

interface LookParts {
  readonly tasks?: readonly (Task | TaskArn)[];
  readonly instances?: readonly (Instance | InstanceArn)[];
  /** Of every definition; null: nobody has looked. */
  readonly definition?: 'ACTIVE' | 'INACTIVE' | null;
  /** Instead: of these alone. */
  readonly definitions?: { readonly [arn: string]: 'ACTIVE' | 'INACTIVE' };
  readonly alarms?: { readonly [name: string]: AlarmState };
}

/** Descriptions. An ARN alone was MISSING. The task definition is ACTIVE unless told otherwise. */
const looks = (parts: LookParts = {}): Looks => ({
  tasks: new Map((parts.tasks ?? []).map((one) => described<TaskArn, Task>(one))),
  instances: new Map((parts.instances ?? []).map((one) => described<InstanceArn, Instance>(one))),
  taskDefinitions:
    parts.definitions === undefined
      ? new Map(parts.definition === null ? [] : [1, 2, 3].map((n) => [definition(n), parts.definition ?? 'ACTIVE']))
      : new Map(Object.entries(parts.definitions).map(([arn, status]) => [as<TaskDefinitionArn>(arn), status])),
  alarms: new Map(Object.entries(parts.alarms ?? {})),
});

const described = <Arn extends string, Thing extends { readonly arn: Arn }>(
  one: Arn | Thing,
): readonly [Arn, Thing | 'MISSING'] => (typeof one === 'string' ? [one, 'MISSING'] : [one.arn, one]);

export interface Scene extends WorldParts {
  readonly now?: Instant;
  readonly facts?: Facts | null;
  readonly looks?: LookParts;
}

export const observation = (scene: Scene): Observation => ({
  now: scene.now ?? NOW,
  world: world(scene),
  facts: scene.facts ?? null,
  looks: looks(scene.looks),
});

/** Launch ids in a row, from 900001, or after as many as are taken. */
export const minting = (taken = 0): (() => LaunchId) => {
  let n = 900_000 + taken;
  return () => launchId((n += 1));
};

export const plan = (scene: Scene, policy: Partial<Policy> = {}): Plan =>
  planEnvironment(observation(scene), { ...POLICY, ...policy }, minting(scene.launches?.length));

// --- reading plans ---------------------------------------------------------------------------------------------------

export const changesOf = (plan: { readonly changes: Plan['changes'] }): readonly Change[] => plan.changes.flat();

export const slotOf = (plan: Plan, n: number): Slot | undefined => plan.slots.get(host(n));

export const launchesIn = (plan: { readonly effects: readonly Effect[] }): readonly (Effect & { kind: 'launch' })[] =>
  plan.effects.filter((effect) => effect.kind === 'launch');

export const stopsIn = (plan: Plan): readonly (readonly [TaskArn, string])[] =>
  plan.effects.filter((effect) => effect.kind === 'stop').map((effect) => [effect.task, effect.reason] as const);

/** The hosts that launches of the plan are on. */
export const launchedOn = (plan: Plan): readonly InstanceArn[] =>
  launchesIn(plan).flatMap((effect) => effect.launch.members.map((member) => member.instance));

/** Deeply; a map refuses to be written to. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const inner of value.values()) freeze(inner);
    const refuse = (): never => {
      throw new Error('a frozen map was changed');
    };
    Object.defineProperties(value, { set: { value: refuse }, delete: { value: refuse }, clear: { value: refuse } });
  } else for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
