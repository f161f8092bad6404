/** Scenes of a rollout: every host has a ready task of revision 1, and deployment 2 brings revision 2. */
import type { Deployment, DeploymentProgress, EnvironmentSpec } from '../../src/domain/environment.ts';
import type { AlarmState, Instance, Task } from '../../src/domain/facts.ts';
import type { InstanceArn } from '../../src/domain/ids.ts';
import type { Slot } from '../../src/domain/launch.ts';
import type { Plan } from '../../src/domain/plan.ts';
import {
  DEFAULT_CONFIGURATION,
  type DeploymentConfiguration,
  type EnvironmentRevision,
} from '../../src/domain/revision.ts';
import {
  ago,
  changesOf,
  definition,
  deployment,
  deploymentId,
  facts,
  host,
  instance,
  progress,
  revision,
  revisionId,
  RUNNING_PROGRESS,
  slot,
  task,
  taskArn,
  template,
  tries,
  vacant,
  type Scene,
  type WorldParts,
} from './fixtures.ts';

export const range = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);

export interface RolloutParts {
  readonly configuration?: Partial<DeploymentConfiguration>;
  readonly revision?: Partial<EnvironmentRevision>;
  readonly deployment?: Partial<Deployment>;
  /** Running, all hosts in one open wave, unless told otherwise; null: nobody has begun it. */
  readonly progress?: Partial<DeploymentProgress> | null;
  readonly spec?: Partial<EnvironmentSpec>;
  /** Hosts that are not as the others. */
  readonly slots?: readonly Slot[];
  readonly instances?: readonly Instance[];
  readonly alarms?: { readonly [name: string]: AlarmState };
  readonly looks?: Scene['looks'];
  readonly first?: WorldParts['progress'];
}

export const rolling = (hosts: number, parts: RolloutParts = {}): Scene => {
  const slots = new Map(range(hosts).map((n) => [host(n), slot(n)]));
  for (const one of parts.slots ?? []) slots.set(one.instance, one);
  const instances = new Map(range(hosts).map((n) => [host(n), instance(n)]));
  for (const one of parts.instances ?? []) instances.set(one.arn, one);
  const configuration = { ...DEFAULT_CONFIGURATION, ...parts.configuration };
  const target = deployment(2, {
    base: deploymentId(1),
    revision: revision(2, { configuration, ...parts.revision }),
    ...parts.deployment,
  });
  return {
    slots: [...slots.values()],
    facts: facts([...instances.values()], [...slots.values()].flatMap(taskOf)),
    rollouts: [
      {
        deployment: target,
        progress: parts.progress === null ? null : progress(2, { ...RUNNING_PROGRESS, ...parts.progress }),
      },
    ],
    ...(parts.first === undefined ? {} : { progress: parts.first }),
    ...(parts.spec === undefined ? {} : { spec: parts.spec }),
    looks: { ...(parts.alarms === undefined ? {} : { alarms: parts.alarms }), ...parts.looks },
  };
};

/** The same after a deployment 3, which covers the hosts that the query says. */
export const rollingFrom = (query: string, hosts: number, parts: RolloutParts = {}): Scene => {
  const scene = rolling(hosts, { ...parts, deployment: { base: deploymentId(3), ...parts.deployment } });
  const base = deployment(3, { revision: revision(3, { query, template: template(1) }), template: template(1) });
  return { ...scene, rollouts: [{ deployment: base, progress: progress(3) }, ...(scene.rollouts ?? [])] };
};

const taskOf = ({ instance: on, task: placed }: Slot): readonly Task[] =>
  placed === null
    ? []
    : [
        task(1, {
          arn: placed.arn,
          instance: on,
          taskDefinition: placed.taskDefinition,
          lastStatus: placed.ranAt === null ? 'PENDING' : 'RUNNING',
        }),
      ];

/** Slot of host `n` with a ready task of revision 2. */
export const updated = (n: number, changes: Partial<Slot> = {}): Slot => {
  const before = slot(n);
  if (before.task === null) throw new Error('no task');
  const made = { arn: taskArn(100 + n), revision: revisionId(2), template: template(2), taskDefinition: definition(2) };
  return { ...before, task: { ...before.task, ...made }, ...changes };
};

/** Slot of host `n` whose task of revision 2 has not reached RUNNING. */
export const startingAnew = (n: number, changes: Partial<Slot> = {}): Slot => {
  const made = updated(n);
  if (made.task === null) throw new Error('no task');
  const task = { ...made.task, placedAt: ago(1), ranAt: null, readyAt: null };
  return { ...made, task, since: ago(1), gapSince: ago(20), ...changes };
};

/** Slot of host `n` whose ready task was taken for the rollout, and which has got none since. */
export const taken = (n: number, changes: Partial<Slot> = {}): Slot => vacant(n, { vacated: true, ...changes });

export const progressIn = (plan: Plan): DeploymentProgress | undefined =>
  changesOf(plan).flatMap((change) => (change.kind === 'put-progress' ? [change.progress] : []))[0];

/** Numbers of the hosts that the plan marks for replacement, or had marked. */
export const replacedIn = (plan: Plan): readonly number[] =>
  [...plan.slots.values()].filter((one) => one.stop?.reason === 'update').map((one) => numberOf(one.instance));

export const waitingIn = (plan: Plan): { readonly [host: number]: string } =>
  Object.fromEntries([...plan.waiting].map(([arn, why]) => [numberOf(arn), why]));

const numberOf = (arn: InstanceArn): number => Number(arn.slice(-6));

/** Host `n` whose task of revision 2 came to nothing `count` times. */
export const failing = (n: number, count: number, changes: Partial<Slot['tries']> = {}): Slot =>
  taken(n, { tries: tries(count, { template: template(2), until: ago(-60), ...changes }) });
