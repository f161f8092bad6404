import { z } from 'zod';

import { ecsError, invalid, isError } from './answer.ts';
import { stopAtOnce, takeStep, wishToStop } from './life-cycle.ts';
import { arnOf, findCluster, findHost, findTask } from './lookup.ts';
import { takePage } from './paging.ts';
import { taskView } from './task-views.ts';
import { clusterField, idsField, operation, pageFields } from './validation.ts';
import type { Cluster, Task } from './records.ts';
import type { World } from './world.ts';

const REASON_CHARS_MAX = 1_024;
const TASK_NOT_FOUND = 'The referenced task was not found.';

export const stopTask = operation(
  z.object({ cluster: clusterField, task: z.string(), reason: z.string().max(REASON_CHARS_MAX).optional() }),
  (world, input) => {
    const cluster = findCluster(world, input.cluster);
    if (isError(cluster)) return cluster;
    const task = findTask(cluster, input.task);
    if (task === undefined) return invalid(TASK_NOT_FOUND);
    wishToStop(world, task, 'UserInitiated', input.reason ?? 'Task stopped by user');
    // ECS deletes the tags of a task with the wish to stop it, so nobody may find it by them any more.
    task.tags = [];
    return { task: taskView(task, true) };
  },
);

export const describeTasks = operation(
  z.object({ cluster: clusterField, tasks: idsField('Tasks'), include: z.array(z.string()).default([]) }),
  (world, input, lagMs) => {
    const cluster = findCluster(world, input.cluster);
    if (isError(cluster)) return cluster;
    const visibleUntil = world.now - Math.max(lagMs, world.options.describeLag ? world.options.listLagMs : 0);
    const withTags = input.include.includes('TAGS');
    const tasks: object[] = [];
    const failures: object[] = [];
    for (const reference of new Set(input.tasks)) {
      const task = findTask(cluster, reference);
      if (task !== undefined && task.createdAt <= visibleUntil) tasks.push(taskView(task, withTags));
      else failures.push({ arn: arnOf(cluster, 'task', reference), reason: 'MISSING' });
    }
    return { tasks, failures };
  },
);

export const listTasks = operation(
  z.object({
    cluster: clusterField,
    containerInstance: z.string().optional(),
    desiredStatus: z.enum(['RUNNING', 'PENDING', 'STOPPED']).optional(),
    family: z.string().optional(),
    launchType: z.string().optional(),
    serviceName: z.string().optional(),
    startedBy: z.string().optional(),
    ...pageFields,
  }),
  (world, { maxResults, nextToken, ...input }, lagMs) => {
    const { cluster: clusterReference, startedBy, ...otherFilters } = input;
    const cluster = findCluster(world, clusterReference);
    if (isError(cluster)) return cluster;
    if (startedBy !== undefined && Object.values(otherFilters).some((value) => value !== undefined)) {
      return invalid('The startedBy filter cannot be combined with any other filter.');
    }
    if (input.serviceName !== undefined) return ecsError('ServiceNotFoundException', 'Service not found.');
    const visibleUntil = world.now - Math.max(lagMs, world.options.listLagMs);
    const items = listed(cluster, { ...input, visibleUntil });
    const page = takePage({ items, filters: input, maxResults, nextToken });
    return isError(page) ? page : { taskArns: page.items, nextToken: page.nextToken };
  },
);

/** For agents: ECS believes what it is told. Statuses that are no milestone are only acknowledged. */
export const submitTaskStateChange = operation(
  z.object({
    cluster: clusterField,
    task: z.string().optional(),
    status: z.string().optional(),
    reason: z.string().optional(),
    containers: z.array(z.looseObject({ exitCode: z.int().optional() })).default([]),
  }),
  (world, input) => {
    const cluster = findCluster(world, input.cluster);
    if (isError(cluster)) return ecsError('ClientException', cluster.message);
    const task = findTask(cluster, input.task ?? '');
    if (task === undefined) return invalid(TASK_NOT_FOUND);
    if (input.status === 'STOPPED' && task.lastStatus !== 'STOPPED') {
      const exitCode = input.containers.find((container) => container.exitCode !== undefined)?.exitCode;
      if (exitCode !== undefined) task.exitCode = exitCode;
      stopAtOnce(world, task, 'EssentialContainerExited', input.reason ?? 'Essential container in task exited');
    } else if (input.status === 'RUNNING' && (task.lastStatus === 'PENDING' || task.lastStatus === 'ACTIVATING')) {
      takeStep(world, task, { kind: 'reach', status: 'RUNNING' });
    }
    return { acknowledgment: 'ok' };
  },
);

interface TaskFilter {
  readonly containerInstance?: string | undefined;
  readonly desiredStatus?: 'RUNNING' | 'PENDING' | 'STOPPED' | undefined;
  readonly family?: string | undefined;
  readonly launchType?: string | undefined;
  readonly startedBy?: string | undefined;
  readonly visibleUntil: number;
}

function* listed(cluster: Cluster, filter: TaskFilter): Iterable<readonly [number, string]> {
  const desired = filter.desiredStatus ?? 'RUNNING';
  const host = filter.containerInstance === undefined ? null : findHost(cluster, filter.containerInstance);
  for (const task of candidateTasks(cluster, host, desired)) {
    if (
      task.desiredStatus === desired &&
      task.createdAt <= filter.visibleUntil &&
      (filter.containerInstance === undefined || task.host === host) &&
      (filter.family === undefined || task.definition.family === filter.family) &&
      (filter.launchType === undefined || task.launchType === filter.launchType) &&
      (filter.startedBy === undefined || task.startedBy === filter.startedBy)
    ) {
      yield [task.order, task.arn];
    }
  }
}

/** Of one host, the tasks that want to run are at hand; the stopped ones are found only among all. */
function candidateTasks(cluster: Cluster, host: Task['host'] | null | undefined, desired: string): Iterable<Task> {
  return desired === 'RUNNING' && host ? host.tasks : cluster.tasks.values();
}

/** A task by id or ARN in any cluster. */
export function findTaskAnywhere(world: World, reference: string): Task | undefined {
  for (const cluster of world.clusters.values()) {
    const task = findTask(cluster, reference);
    if (task !== undefined) return task;
  }
  return undefined;
}
