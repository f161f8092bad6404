import type { DeploymentProgress, EnvironmentStatus } from '../domain/environment.ts';
import type { InstanceArn, Instant, LaunchId, TaskArn, TaskDefinitionArn } from '../domain/ids.ts';
import type { Launch, Slot } from '../domain/launch.ts';
import type { Change, ChangeGroup, Effect, LookRequest, Rollback, Waiting } from '../domain/plan.ts';
import type { World } from '../domain/world.ts';
import { recordChange } from './history.ts';

/** A plan in the making: what the steps of one turn have decided so far. Lives and dies inside `planEnvironment`. */
export class Draft {
  readonly now: Instant;
  readonly slots = new Map<InstanceArn, Slot>();
  readonly launches = new Map<LaunchId, Launch>();
  readonly effects: Effect[] = [];
  readonly waiting = new Map<InstanceArn, Waiting>();
  readonly until = new Map<InstanceArn, Instant>();
  rollback: Rollback | null = null;
  progress: DeploymentProgress | null = null;
  status: EnvironmentStatus | null = null;
  needsSurvey = false;
  wakeAt: Instant | null = null;
  private readonly world: World;
  private readonly lookTasks = new Set<TaskArn>();
  private readonly polls = new Set<TaskArn>();
  private readonly lookInstances = new Set<InstanceArn>();
  private readonly lookDefinitions = new Set<TaskDefinitionArn>();
  private readonly lookAlarms = new Set<string>();
  private readonly settled = new Map<LaunchId, InstanceArn[]>();

  constructor(world: World, now: Instant) {
    this.world = world;
    this.now = now;
    for (const [arn, slot] of world.slots) this.slots.set(arn, slot.value);
    for (const [id, launch] of world.launches) this.launches.set(id, launch.value);
  }

  /** Settles members of a launch into their slots; these changes land together or not at all. */
  settle(launch: Launch, rest: Launch | null, slots: readonly Slot[]): void {
    if (rest === null) this.launches.delete(launch.id);
    else this.launches.set(launch.id, rest);
    for (const slot of slots) this.slots.set(slot.instance, slot);
    this.settled.set(
      launch.id,
      slots.map((slot) => slot.instance),
    );
  }

  wake(at: Instant): void {
    if (this.wakeAt === null || at < this.wakeAt) this.wakeAt = at;
  }

  /** The host waits for this moment. */
  wakeFor(instance: InstanceArn, at: Instant): void {
    this.until.set(instance, at);
    this.wake(at);
  }

  lookAtTask(arn: TaskArn): void {
    this.lookTasks.add(arn);
  }

  /** A look that can wait: the task is expected to go on by itself, and we only want to know when. */
  pollTask(arn: TaskArn): void {
    this.polls.add(arn);
  }

  lookAtInstance(arn: InstanceArn): void {
    this.lookInstances.add(arn);
  }

  lookAtDefinition(arn: TaskDefinitionArn): void {
    this.lookDefinitions.add(arn);
  }

  lookAtAlarms(names: readonly string[]): void {
    for (const name of names) this.lookAlarms.add(name);
  }

  /** Polls are left out while there is something to launch: a cover of thousands must not wait for news of its first hosts. */
  look(most: number): LookRequest {
    const launching = this.lookDefinitions.size > 0 || this.effects.some((effect) => effect.kind === 'launch');
    const polls = launching ? [] : [...this.polls].filter((arn) => !this.lookTasks.has(arn));
    const tasks = [...this.lookTasks].slice(0, most);
    return {
      tasks,
      polls: polls.slice(0, most - tasks.length),
      instances: [...this.lookInstances].slice(0, most),
      taskDefinitions: [...this.lookDefinitions],
      alarms: [...this.lookAlarms],
    };
  }

  /**
   * What differs from the world this draft began with. Call it once: history is counted in the slots. A commit may break off
   * between any two groups, so progress comes behind the slots that it stands on, the marks of canaries, and launches behind
   * the progress that permits them.
   */
  changes(): readonly ChangeGroup[] {
    const groups: ChangeGroup[] = [];
    const written = new Set<InstanceArn>();
    for (const [id, hosts] of this.settled) {
      for (const host of hosts) written.add(host);
      groups.push([this.launchChange(id), ...hosts.flatMap((host) => this.slotChange(host))]);
    }
    for (const host of this.slots.keys()) {
      const change = written.has(host) ? [] : this.slotChange(host);
      if (change.length > 0) groups.push(change);
    }
    for (const host of this.world.slots.keys()) if (!this.slots.has(host)) groups.push(this.slotChange(host));
    if (this.progress !== null) groups.push([{ kind: 'put-progress', progress: this.progress }]);
    for (const [id, launch] of this.launches) {
      if (!this.settled.has(id) && this.world.launches.get(id)?.value !== launch) groups.push([this.launchChange(id)]);
    }
    if (this.status !== null) groups.push([{ kind: 'put-status', status: this.status }]);
    return groups;
  }

  private launchChange(id: LaunchId): Change {
    const launch = this.launches.get(id);
    return launch === undefined ? { kind: 'delete-launch', launch: id } : { kind: 'put-launch', launch };
  }

  /** The slot, and the entries of its host's history that say what changed. */
  private slotChange(host: InstanceArn): readonly Change[] {
    const slot = this.slots.get(host);
    const before = this.world.slots.get(host)?.value;
    if (slot === before) return [];
    if (slot === undefined) return [{ kind: 'delete-slot', instance: host }];
    const recorded = recordChange(before, slot, this.now);
    this.slots.set(host, recorded.slot);
    return recorded.changes;
  }
}
