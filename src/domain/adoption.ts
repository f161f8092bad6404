import type { Task } from './facts.ts';
import { DAEMON_GROUP_PREFIX, groupOf, type EnvironmentName } from './ids.ts';

/** Which tasks of something else an environment takes over. */
export interface AdoptSelector {
  /** startedBy: as ECS shows it. family: of the task definition, whatever its revision. service: the name of an ECS service. */
  readonly kind: 'startedBy' | 'family' | 'service';
  readonly value: string;
}

/** Whether the task is one of those. What is in the group of an environment is that environment's alone. */
export function selects({ kind, value }: AdoptSelector, task: Task): boolean {
  if (task.group.startsWith(DAEMON_GROUP_PREFIX)) return false;
  switch (kind) {
    case 'startedBy':
      return task.startedBy === value;
    case 'family':
      return familyOf(task) === value;
    case 'service':
      return task.group === `service:${value}`;
  }
}

/** The environment's tasks among those of a cluster, by group: those of its group, and those it takes over. */
export function tasksFor(
  { name, adopt }: { readonly name: EnvironmentName; readonly adopt: AdoptSelector | null },
  tasks: ReadonlyMap<string, readonly Task[]>,
): readonly Task[] {
  const own = tasks.get(groupOf(name)) ?? [];
  if (adopt === null) return own;
  return [...own, ...[...tasks.values()].flat().filter((task) => selects(adopt, task))];
}

/** Whether it belongs to an environment, or is taken over by one of those that `adopt`. */
export const isOurs = (task: Task, adopt: readonly AdoptSelector[]): boolean =>
  task.group.startsWith(DAEMON_GROUP_PREFIX) || adopt.some((selector) => selects(selector, task));

/** `arn:…:task-definition/<family>:<revision>`; a family has neither slash nor colon (ECS API reference, RegisterTaskDefinition). */
const familyOf = ({ taskDefinition }: Task): string | undefined => /\/([^/:]+):\d+$/.exec(taskDefinition)?.[1];
