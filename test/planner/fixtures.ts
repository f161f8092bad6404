/** Builders for what the planner sees. Everything is derived from small numbers, so that failures read well. */
import type { Deletion, Deployment, DeploymentProgress, EnvironmentSpec } from '../../src/domain/environment.ts';
import type { Facts, Instance, Looks, Task } from '../../src/domain/facts.ts';
import {
  as,
  type DeploymentId,
  type InstanceArn,
  type Instant,
  type LaunchId,
  type Revision,
  type TaskArn,
  type TaskDefinitionArn,
} from '../../src/domain/ids.ts';
import type { Launch, Slot } from '../../src/domain/launch.ts';
import type { Change, Effect, Plan } from '../../src/domain/plan.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/domain/policy.ts';
import type { Stored, World } from '../../src/domain/world.ts';
import type { Observation } from '../../src/planner/observation.ts';
import { planEnvironment } from '../../src/planner/plan.ts';

const ARN = 'arn:aws:ecs:eu-west-1:123456789012';

/** `seconds` after the deployment was asked for. Tests begin well after it, at `NOW`. */
export const at = (seconds: number): Instant => as<Instant>(1_800_000_000_000 + seconds * 1_000);
export const NOW = at(1_000);
/** `seconds` before `NOW`. */
export const ago = (seconds: number): Instant => at(1_000 - seconds);

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
    taskDefinition: definition(1),
    placedAt: at(10),
    ranAt: at(11),
    missingSince: null,
  },
  stop: null,
  tries: { count: 0, reason: null, until: as<Instant>(0) },
  drainingSince: null,
  supersededSince: null,
  since: at(10),
  ...changes,
});

export const vacant = (n: number, changes: Partial<Slot> = {}): Slot => slot(n, { task: null, ...changes });

/** Slot of host `n` whose task was placed at `placedAt` and has not been seen RUNNING. */
export const starting = (n: number, placedAt: Instant, changes: Partial<Slot> = {}): Slot => {
  const running = slot(n);
  return {
    ...running,
    task: running.task === null ? null : { ...running.task, placedAt, ranAt: null },
    since: placedAt,
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

export interface WorldParts {
  readonly slots?: readonly Slot[];
  readonly launches?: readonly Launch[];
  readonly spec?: Partial<EnvironmentSpec>;
  /** Deployment 1 and its progress. Completed unless told otherwise; null: nobody has begun it. */
  readonly progress?: Partial<DeploymentProgress> | null;
  readonly deletion?: Deletion['tasks'];
  readonly status?: World['status'];
  /** When slots and launches were last written. */
  readonly written?: Revision;
}

export function world(parts: WorldParts = {}): World {
  const written = parts.written ?? REVISION.written;
  const spec: EnvironmentSpec = {
    id: as('environment-1'),
    name: as('agent'),
    cluster: as(`${ARN}:cluster/prod`),
    taskDefinition: definition(1),
    networkConfiguration: null,
    deploymentToken: as('token'),
    createdAt: at(-10),
    target: deploymentId(1),
    deletion: parts.deletion === undefined ? null : { requestedAt: ago(1), tasks: parts.deletion },
    ...parts.spec,
  };
  const deployment: Deployment = {
    id: deploymentId(1),
    token: as('token'),
    taskDefinition: definition(1),
    createdAt: at(0),
  };
  const progress: DeploymentProgress = {
    id: deploymentId(1),
    status: 'completed',
    startedAt: at(0),
    completedAt: at(60),
    failedInstances: [],
    ...parts.progress,
  };
  return {
    spec: { value: spec, created: REVISION.created, modified: REVISION.deployed },
    deployments: new Map(spec.target === null ? [] : [[deploymentId(1), stored(deployment, REVISION.deployed)]]),
    progress: new Map(parts.progress === null ? [] : [[progress.id, progress]]),
    status: parts.status ?? null,
    slots: new Map((parts.slots ?? []).map((slot) => [slot.instance, stored(slot, written)])),
    launches: new Map((parts.launches ?? []).map((launch) => [launch.id, stored(launch, written)])),
  };
}

export const RUNNING_PROGRESS = { status: 'running', completedAt: null } as const;

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
  readonly definition?: Looks['taskDefinition'];
}

/** Descriptions. An ARN alone was MISSING. The task definition is ACTIVE unless told otherwise. */
const looks = (parts: LookParts = {}): Looks => ({
  tasks: new Map((parts.tasks ?? []).map((one) => described<TaskArn, Task>(one))),
  instances: new Map((parts.instances ?? []).map((one) => described<InstanceArn, Instance>(one))),
  taskDefinition: parts.definition === undefined ? 'ACTIVE' : parts.definition,
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
