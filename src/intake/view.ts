import { isLive, type Facts, type Instance, type Task } from '../domain/facts.ts';
import type { InstanceArn, TaskArn } from '../domain/ids.ts';
import type { Sighting } from '../store/facts-store.ts';

/** The facts, and what a batch of observations adds to them while it is judged. */
export class View {
  private readonly facts: Facts | null;
  private readonly instances = new Map<InstanceArn, Instance>();
  private readonly tasks = new Map<TaskArn, Task>();

  constructor(facts: Facts | null) {
    this.facts = facts;
  }

  instance(arn: InstanceArn): Instance | undefined {
    return this.instances.get(arn) ?? this.facts?.instances.get(arn);
  }

  task({ arn, group }: Task): Task | undefined {
    return this.tasks.get(arn) ?? this.facts?.tasks.get(group)?.find((known) => known.arn === arn);
  }

  add(sighting: Sighting): void {
    if (sighting.kind === 'instance') this.instances.set(sighting.instance.arn, sighting.instance);
    else this.tasks.set(sighting.task.arn, sighting.task);
  }

  /** Whether a live task of the group is seen on the host. */
  hasTask(group: string, host: InstanceArn): boolean {
    return this.some(group, (task) => task.instance === host && isLive(task));
  }

  /** Whether a live task of the group has not reached RUNNING. */
  isStarting(group: string): boolean {
    return this.some(
      group,
      (task) => isLive(task) && task.desiredStatus !== 'STOPPED' && task.lastStatus !== 'RUNNING',
    );
  }

  private some(group: string, holds: (task: Task) => boolean): boolean {
    for (const task of this.tasks.values()) if (task.group === group && holds(task)) return true;
    return (this.facts?.tasks.get(group) ?? []).some((task) => !this.tasks.has(task.arn) && holds(task));
  }
}
