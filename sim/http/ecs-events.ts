import type { Change } from '../model/records.ts';
import { remaining, resourceViews } from '../model/resources.ts';
import type { Host, Task } from '../model/records.ts';

/**
 * A state change as EventBridge hands it on: instants as text, and the version of the thing in its detail.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
 */
export interface EcsEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': 'ECS Container Instance State Change' | 'ECS Task State Change';
  readonly source: 'aws.ecs';
  readonly account: string;
  /** In whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: object;
}

/** `number` makes the id: EventBridge's copies of an event have the same. */
export function eventOf(change: Change, number: number): EcsEvent {
  const { arn } = change.kind === 'host' ? change.host : change.task;
  const [, , , region = '', account = ''] = arn.split(':');
  const common = {
    version: '0',
    id: `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`,
    source: 'aws.ecs',
    account,
    time: text(Math.floor(change.at / 1_000) * 1_000),
    region,
  } as const;
  return change.kind === 'host'
    ? {
        ...common,
        'detail-type': 'ECS Container Instance State Change',
        resources: [arn],
        detail: hostDetail(change.host, change.at),
      }
    : {
        ...common,
        'detail-type': 'ECS Task State Change',
        resources: [arn],
        detail: taskDetail(change.task, change.at),
      };
}

function hostDetail(host: Host, at: number): object {
  return {
    containerInstanceArn: host.arn,
    clusterArn: host.cluster.arn,
    ec2InstanceId: host.ec2InstanceId,
    agentConnected: host.agentConnected,
    status: host.status,
    attributes: [...host.attributes].map(([name, value]) => (value === null ? { name } : { name, value })),
    registeredAt: text(host.registeredAt),
    registeredResources: resourceViews(host.registered),
    remainingResources: resourceViews(remaining(host)),
    versionInfo: { agentVersion: host.agentVersion },
    updatedAt: text(at),
    version: host.version,
  };
}

function taskDetail(task: Task, at: number): object {
  return {
    taskArn: task.arn,
    clusterArn: task.cluster.arn,
    containerInstanceArn: task.host.arn,
    taskDefinitionArn: task.definition.arn,
    group: task.group,
    startedBy: task.startedBy,
    launchType: task.launchType,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    connectivity: task.host.agentConnected ? 'CONNECTED' : 'DISCONNECTED',
    createdAt: text(task.createdAt),
    startedAt: textOrNone(task.startedAt),
    stoppingAt: textOrNone(task.stoppingAt),
    executionStoppedAt: textOrNone(task.stoppedAt),
    stoppedAt: textOrNone(task.stoppedAt),
    stopCode: task.stopCode,
    stoppedReason: task.stoppedReason,
    containers: task.containers.map(({ arn, name }) => ({
      containerArn: arn,
      taskArn: task.arn,
      name,
      lastStatus: task.lastStatus,
      exitCode: task.exitCode,
    })),
    updatedAt: text(at),
    version: task.version,
  };
}

const text = (instant: number): string => new Date(instant).toISOString();
const textOrNone = (instant: number | undefined): string | undefined =>
  instant === undefined ? undefined : text(instant);
