import { isLive, type Facts, type Instance, type Looks, type Task } from '../domain/facts.ts';
import { groupOf, type InstanceArn, type Instant, type Revision, type TaskArn } from '../domain/ids.ts';
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
  private readonly looks: Looks;
  private readonly tasks = new Map<TaskArn, Task | 'MISSING'>();
  private readonly shownTasks: ReadonlySet<TaskArn>;
  private readonly liveByHost = new Map<InstanceArn, Task[]>();

  constructor(seen: Observation) {
    this.facts = seen.facts;
    this.looks = seen.looks;
    for (const task of seen.facts?.tasks.get(groupOf(seen.world.spec.value.name)) ?? []) this.tasks.set(task.arn, task);
    this.shownTasks = new Set(this.tasks.keys());
    for (const [arn, task] of seen.looks.tasks) this.tasks.set(arn, task);
    for (const task of this.tasks.values()) {
      if (task === 'MISSING' || task.instance === null || !isLive(task)) continue;
      const there = this.liveByHost.get(task.instance);
      if (there === undefined) this.liveByHost.set(task.instance, [task]);
      else there.push(task);
    }
  }

  task(arn: TaskArn): Task | 'MISSING' | null {
    return this.tasks.get(arn) ?? null;
  }

  /** The listing shows it, live or stopped; that an event or a description does is not enough. */
  listed(arn: TaskArn): boolean {
    return this.shownTasks.has(arn) && this.facts?.unlisted.has(arn) !== true;
  }

  lookedAtTask(arn: TaskArn): boolean {
    return this.looks.tasks.has(arn);
  }

  /** Live tasks of the environment's group on the host. */
  liveOn(instance: InstanceArn): readonly Task[] {
    return this.liveByHost.get(instance) ?? [];
  }

  instance(arn: InstanceArn): Instance | 'MISSING' | null {
    return this.looks.instances.get(arn) ?? this.facts?.instances.get(arn) ?? null;
  }

  /** The facts' listing began after the write at `revision`: only then does what it does not show mean anything. */
  listedSince(revision: Revision): boolean {
    return this.facts !== null && this.facts.revision >= revision;
  }
}
