import type { Due, Host, LastStatus, StopCode, Task, TaskStep } from './records.ts';
import type { World } from './world.ts';
import { hostChanged, taskChanged } from './outbox.ts';
import { release } from './resources.ts';

/**
 * What tasks do by themselves.
 *
 * C1. The version of a task rises by one with each change of its state.
 * C2. A task that wants to stop never wants to run again, and STOPPED is final.
 * C3. While an agent is disconnected, the last status of its host's tasks stands still.
 */

/** Containers must be shut down only where they had been started. */
const STOP_PATH_OF_RUNNING: readonly LastStatus[] = ['DEACTIVATING', 'STOPPING', 'DEPROVISIONING', 'STOPPED'];
const STOP_PATH_OF_IDLE: readonly LastStatus[] = ['DEPROVISIONING', 'STOPPED'];

/** Exit code of a process that SIGTERM ended. */
const SIGTERM_EXIT_CODE = 143;

/** Plans the way of a new task to RUNNING, or to its failure. */
export function planStart(world: World, task: Task): void {
  const { taskStartMs } = world.options;
  planStep(world, task, world.now + taskStartMs / 2, { kind: 'reach', status: 'ACTIVATING' });
  const reason = task.behaviour.failToStart;
  const last: TaskStep = reason === null ? { kind: 'reach', status: 'RUNNING' } : { kind: 'fail-to-start', reason };
  planStep(world, task, world.now + taskStartMs, last);
}

/** The wish that a task stops. From here on it counts as gone for placement. A second wish changes nothing. */
export function wishToStop(world: World, task: Task, stopCode: StopCode, reason: string): void {
  if (task.desiredStatus === 'STOPPED') return;
  task.desiredStatus = 'STOPPED';
  task.stoppingAt = world.now;
  task.stopCode = stopCode;
  task.stoppedReason = reason;
  taskChanged(world, task);
  task.plan += 1;
  release(world, task);
  const alive = task.lastStatus === 'RUNNING' && stopCode !== 'EssentialContainerExited';
  const path = alive ? STOP_PATH_OF_RUNNING : STOP_PATH_OF_IDLE;
  path.forEach((status, index) => {
    const at = world.now + (world.options.taskStopMs * (index + 1)) / path.length;
    planStep(world, task, at, { kind: 'reach', status });
  });
}

/** Stops a task at once, whatever its agent does: its host is gone. */
export function stopAtOnce(world: World, task: Task, stopCode: StopCode, reason: string): void {
  wishToStop(world, task, stopCode, reason);
  task.plan += 1;
  reach(world, task, 'STOPPED');
}

/** Takes a step now, or keeps it until the agent is connected again. */
export function takeStep(world: World, task: Task, step: TaskStep): void {
  onDue(world, { kind: 'task-step', task, plan: task.plan, step });
}

export function setAgentConnected(world: World, host: Host, connected: boolean): void {
  if (host.agentConnected === connected) return;
  host.agentConnected = connected;
  hostChanged(world, host);
  if (!connected) return;
  const unheard = host.unheard;
  host.unheard = [];
  for (const due of unheard) onDue(world, due);
}

export function onDue(world: World, due: Due): void {
  switch (due.kind) {
    case 'task-step':
      if (due.plan !== due.task.plan) return;
      if (!due.task.host.agentConnected) due.task.host.unheard.push(due);
      else step(world, due.task, due.step);
      return;
    case 'forget-task':
      due.task.cluster.tasks.delete(due.task.id);
      return;
    case 'forget-host': {
      const { cluster, id, ec2InstanceId } = due.host;
      cluster.hosts.delete(id);
      const others = (cluster.hostsByEc2InstanceId.get(ec2InstanceId) ?? []).filter((host) => host !== due.host);
      if (others.length === 0) cluster.hostsByEc2InstanceId.delete(ec2InstanceId);
      else cluster.hostsByEc2InstanceId.set(ec2InstanceId, others);
    }
  }
}

function step(world: World, task: Task, wanted: TaskStep): void {
  switch (wanted.kind) {
    case 'reach':
      reach(world, task, wanted.status);
      return;
    case 'fail-to-start':
      wishToStop(world, task, 'TaskFailedToStart', wanted.reason);
      return;
    case 'exit':
      if (task.desiredStatus === 'STOPPED') return;
      task.exitCode = wanted.exitCode;
      wishToStop(world, task, 'EssentialContainerExited', wanted.reason);
  }
}

function reach(world: World, task: Task, status: LastStatus): void {
  if (task.lastStatus === 'STOPPED' || task.lastStatus === status) return;
  task.lastStatus = status;
  if (status === 'RUNNING') onRunning(world, task);
  if (status === 'STOPPED') onStopped(world, task);
  taskChanged(world, task);
}

function onRunning(world: World, task: Task): void {
  task.startedAt = world.now;
  task.healthStatus = task.behaviour.healthOnceRunning;
  const { exitAfterMs, exitCode } = task.behaviour;
  if (exitAfterMs === null) return;
  planStep(world, task, world.now + exitAfterMs, {
    kind: 'exit',
    exitCode,
    reason: 'Essential container in task exited',
  });
}

function onStopped(world: World, task: Task): void {
  task.stoppedAt = world.now;
  if (task.startedAt !== undefined) task.exitCode ??= SIGTERM_EXIT_CODE;
  task.host.tasks.delete(task);
  hostChanged(world, task.host);
  world.ledger.taskStopped(task);
  world.timers.add(world.now + world.options.stoppedRetentionMs, { kind: 'forget-task', task });
}

function planStep(world: World, task: Task, at: number, wanted: TaskStep): void {
  world.timers.add(at, { kind: 'task-step', task, plan: task.plan, step: wanted });
}
