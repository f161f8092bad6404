import type { Host, Task } from './records.ts';
import type { World } from './world.ts';

/** Every change of a host goes through here: its version rises by one, and an event tells of it. */
export function hostChanged(world: World, host: Host): void {
  host.version += 1;
  tellOfHost(world, host);
}

/** The same for a task. */
export function taskChanged(world: World, task: Task): void {
  task.version += 1;
  tellOfTask(world, task);
}

export function tellOfHost({ outbox, now }: World, host: Host): void {
  outbox?.push({ kind: 'host', at: now, host: { ...host } });
}

export function tellOfTask({ outbox, now }: World, task: Task): void {
  outbox?.push({ kind: 'task', at: now, task: { ...task } });
}
