import { selects } from '../domain/adoption.ts';
import type { HostCapacity, TaskNeeds } from '../domain/capacity.ts';
import { isLive, type Facts, type Task } from '../domain/facts.ts';
import {
  groupOf,
  type InstanceArn,
  type Instant,
  type Revision,
  type TaskArn,
  type TaskDefinitionArn,
} from '../domain/ids.ts';
import type { Slot } from '../domain/launch.ts';
import type { World } from '../domain/world.ts';
import { misfit } from '../planner/fit.ts';

/** The cluster while a rollout is played through: what runs where, and what each host has left. */
export class ImaginedHosts {
  readonly tasks = new Map<TaskArn, Task>();
  private readonly known: Facts;
  private readonly group: string;
  private readonly needs: ReadonlyMap<TaskDefinitionArn, TaskNeeds>;
  private readonly capacities = new Map<InstanceArn, HostCapacity>();

  constructor(premises: {
    readonly world: World;
    readonly facts: Facts;
    readonly capacities: ReadonlyMap<InstanceArn, HostCapacity>;
    readonly needs: ReadonlyMap<TaskDefinitionArn, TaskNeeds>;
  }) {
    this.known = premises.facts;
    this.group = groupOf(premises.world.spec.value.name);
    this.needs = premises.needs;
    for (const [arn, capacity] of premises.capacities) this.capacities.set(arn, capacity);
    for (const task of tasksNow(premises.world, premises.facts)) this.tasks.set(task.arn, task);
  }

  /** A listing of this moment. */
  facts(revision: Revision, now: Instant): Facts {
    const tasks = new Map<string, Task[]>([[this.group, []]]);
    for (const task of this.tasks.values()) {
      const there = tasks.get(task.group);
      if (there === undefined) tasks.set(task.group, [task]);
      else there.push(task);
    }
    return { ...this.known, startedAt: now, revision, tasks, unlisted: new Set() };
  }

  /** ECS's reason for not placing it there; null: it does. What is not known of a host speaks for it. */
  misfit(host: InstanceArn, definition: TaskDefinitionArn): string | null {
    const capacity = this.capacities.get(host);
    const needs = this.needs.get(definition);
    return capacity === undefined || needs === undefined ? null : misfit(needs, capacity, null);
  }

  place(task: Task): void {
    this.tasks.set(task.arn, task);
    this.take(task, 1);
  }

  /** The host of the task, if it was live. */
  remove(arn: TaskArn): InstanceArn | null {
    const task = this.tasks.get(arn);
    if (task === undefined || !isLive(task)) return null;
    this.tasks.set(arn, stopped(task));
    this.take(task, -1);
    return task.instance;
  }

  private take({ instance, taskDefinition }: Task, sign: 1 | -1): void {
    const needs = this.needs.get(taskDefinition);
    const capacity = instance === null ? undefined : this.capacities.get(instance);
    if (needs === undefined || capacity === undefined || instance === null) return;
    this.capacities.set(instance, {
      cpu: capacity.cpu - sign * needs.cpu,
      memory: capacity.memory - sign * needs.memory,
      gpus: capacity.gpus - sign * needs.gpus,
      tcpPortsTaken: ports(capacity.tcpPortsTaken, needs.tcpPorts, sign),
      udpPortsTaken: ports(capacity.udpPortsTaken, needs.udpPorts, sign),
      attributes: capacity.attributes,
    });
  }
}

/**
 * What runs by now. Later surveys are imagined at every step, so the first must not show what the records know better:
 * the listing may be older than what was written of a host.
 */
function tasksNow(world: World, facts: Facts): readonly Task[] {
  const { name, adopt } = world.spec.value;
  const group = groupOf(name);
  const recorded = new Map<TaskArn, Slot>();
  for (const { value: slot } of world.slots.values()) if (slot.task !== null) recorded.set(slot.task.arn, slot);
  const tasks = new Map<TaskArn, Task>();
  for (const task of [...facts.tasks.values()].flat()) {
    const isOurs = task.group === group || (adopt !== null && selects(adopt, task));
    const written = task.instance === null ? undefined : world.slots.get(task.instance)?.modified;
    const outdated = written !== undefined && written > facts.revision && !recorded.has(task.arn);
    if (isOurs && outdated) continue;
    const leaves = task.desiredStatus === 'STOPPED' || recorded.get(task.arn)?.stop?.accepted === true;
    tasks.set(task.arn, isOurs && leaves ? stopped(task) : isOurs && isLive(task) ? running(task) : task);
  }
  for (const [arn, { instance, task, stop }] of recorded) {
    if (tasks.has(arn) || task === null) continue;
    const unseen = running({
      arn,
      instance,
      group,
      startedBy: null,
      taskDefinition: task.taskDefinition,
      lastStatus: 'RUNNING',
      desiredStatus: 'RUNNING',
      createdAt: task.placedAt,
      stopCode: null,
      stoppedReason: null,
      health: 'HEALTHY',
      version: 1,
    });
    tasks.set(arn, stop?.accepted === true ? stopped(unseen) : unseen);
  }
  return [...tasks.values()];
}

const running = (task: Task): Task => ({ ...task, lastStatus: 'RUNNING', health: 'HEALTHY' });

const stopped = (task: Task): Task => ({
  ...task,
  lastStatus: 'STOPPED',
  desiredStatus: 'STOPPED',
  stopCode: task.stopCode ?? 'UserInitiated',
});

function ports(taken: ReadonlySet<number>, change: readonly number[], sign: 1 | -1): ReadonlySet<number> {
  if (change.length === 0) return taken;
  const next = new Set(taken);
  for (const port of change) {
    if (sign === 1) next.add(port);
    else next.delete(port);
  }
  return next;
}
