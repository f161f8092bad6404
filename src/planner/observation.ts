import { tasksFor } from '../domain/adoption.ts';
import { isLive, type Facts, type Instance, type Looks, type Task } from '../domain/facts.ts';
import {
  groupOf,
  type EnvironmentName,
  type InstanceArn,
  type Instant,
  type Revision,
  type TaskArn,
} from '../domain/ids.ts';
import type { World } from '../domain/world.ts';

/** Everything a turn decides from. */
export interface Observation {
  readonly now: Instant;
  readonly world: World;
  /** null: not known. The actor passes null also for facts that belong to another store. */
  readonly facts: Facts | null;
  readonly looks: Looks;
}

/**
 * Facts and looks, read together: a look is newer than any facts.
 * Every answer has three cases: seen, MISSING (ECS was asked and does not know it), and null (not shown).
 * What null proves depends on `listedSince`.
 */
export class Sight {
  readonly facts: Facts | null;
  /** Those of the facts, as they were last described; without those that ECS does not know any more. */
  readonly hosts: readonly Instance[];
  private readonly looks: Looks;
  /** Of the facts. */
  private readonly shown = new Map<TaskArn, Task>();
  private readonly liveByHost = new Map<InstanceArn, Task[]>();

  constructor(seen: Observation) {
    this.facts = seen.facts;
    this.looks = seen.looks;
    this.hosts = [...(seen.facts?.instances.values() ?? [])].flatMap((instance) => {
      const known = seen.looks.instances.get(instance.arn) ?? instance;
      return known === 'MISSING' ? [] : known;
    });
    const shown = seen.facts === null ? [] : tasksFor(seen.world.spec.value, seen.facts.tasks);
    for (const task of shown) this.shown.set(task.arn, task);
    for (const task of this.shown.values()) if (!this.lookedAtTask(task.arn)) this.addLive(task);
    for (const task of seen.looks.tasks.values()) if (task !== 'MISSING') this.addLive(task);
  }

  task(arn: TaskArn): Task | 'MISSING' | null {
    return this.looks.tasks.get(arn) ?? this.shown.get(arn) ?? null;
  }

  /** The listing shows it, live or stopped; that an event or a description does is not enough. */
  listed(arn: TaskArn): boolean {
    return this.shown.has(arn) && this.facts?.unlisted.has(arn) !== true;
  }

  lookedAtTask(arn: TaskArn): boolean {
    return this.looks.tasks.has(arn);
  }

  /** Live tasks of the environment's group on the host. */
  liveOn(instance: InstanceArn): readonly Task[] {
    return this.liveByHost.get(instance) ?? [];
  }

  /** Somebody of these environments still has a live task on the host. */
  holdsOthers(instance: InstanceArn, environments: readonly EnvironmentName[]): boolean {
    return environments.some((name) =>
      (this.facts?.tasks.get(groupOf(name)) ?? []).some((task) => task.instance === instance && isLive(task)),
    );
  }

  instance(arn: InstanceArn): Instance | 'MISSING' | null {
    return this.looks.instances.get(arn) ?? this.facts?.instances.get(arn) ?? null;
  }

  /** The facts' listing began after the write at `revision`: only then does what it does not show mean anything. */
  listedSince(revision: Revision): boolean {
    return this.facts !== null && this.facts.revision >= revision;
  }

  private addLive(task: Task): void {
    if (task.instance === null || !isLive(task)) return;
    const there = this.liveByHost.get(task.instance);
    if (there === undefined) this.liveByHost.set(task.instance, [task]);
    else there.push(task);
  }
}
