import { seconds } from './lookup.ts';
import { isExternal } from './hosts.ts';
import type { Task, TaskContainer } from './records.ts';

/** A task as ECS shows it. */
export function taskView(task: Task, withTags: boolean): object {
  const { host } = task;
  return {
    taskArn: task.arn,
    clusterArn: task.cluster.arn,
    taskDefinitionArn: task.definition.arn,
    containerInstanceArn: host.arn,
    group: task.group,
    startedBy: task.startedBy,
    launchType: task.launchType,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    healthStatus: task.healthStatus,
    connectivity: host.agentConnected ? 'CONNECTED' : 'DISCONNECTED',
    connectivityAt: seconds(task.createdAt),
    availabilityZone: isExternal(host) ? undefined : (host.attributes.get('ecs.availability-zone') ?? undefined),
    cpu: String(task.needs.cpu),
    memory: String(task.needs.memory),
    createdAt: seconds(task.createdAt),
    pullStartedAt: seconds(task.startedAt),
    pullStoppedAt: seconds(task.startedAt),
    startedAt: seconds(task.startedAt),
    stoppingAt: seconds(task.stoppingAt),
    executionStoppedAt: seconds(task.stoppedAt),
    stoppedAt: seconds(task.stoppedAt),
    stopCode: task.stopCode,
    stoppedReason: task.stoppedReason,
    version: task.version,
    containers: task.containers.map((container) => containerView(task, container)),
    overrides: task.overrides,
    attachments: [],
    attributes: [],
    enableExecuteCommand: false,
    tags: withTags ? task.tags : [],
  };
}

/** How a replayed launch shows a task that stopped meanwhile. */
export function stoppedTaskView(task: Task): object {
  return { taskArn: task.arn, lastStatus: task.lastStatus, desiredStatus: task.desiredStatus };
}

function containerView(task: Task, container: TaskContainer): object {
  return {
    containerArn: container.arn,
    taskArn: task.arn,
    name: container.name,
    image: container.image,
    lastStatus: containerStatus(task),
    exitCode: task.lastStatus === 'STOPPED' ? task.exitCode : undefined,
    reason: task.stopCode === 'TaskFailedToStart' ? task.stoppedReason : undefined,
    networkBindings: [],
    networkInterfaces: [],
    healthStatus: task.healthStatus,
  };
}

/** A container is created and removed with its task; what is between is finer for tasks. */
function containerStatus(task: Task): string {
  if (task.lastStatus === 'STOPPED') return 'STOPPED';
  return task.startedAt === undefined ? 'PENDING' : 'RUNNING';
}
