/** ECS's shapes as ours. An answer without what every instance or task has is an error, not a guess. */
import type { ContainerInstance, Task as EcsTask } from '@aws-sdk/client-ecs';
import type { Instance, Task } from '../domain/facts.ts';
import { as } from '../domain/ids.ts';
import type { InstanceArn, Instant, TaskArn, TaskDefinitionArn } from '../domain/ids.ts';
import { EcsReadError } from './gateway.ts';

/** Translates a moment of ECS's clock to ours. */
export type Moment = (ecs: Date | undefined) => Instant | null;

/** ECS sets this attribute on hosts outside EC2 (ECS Anywhere). */
const EXTERNAL_ATTRIBUTE = 'ecs.capability.external';
/** Ids of hosts that registered through Systems Manager. */
const EXTERNAL_ID = 'mi-';

export function instanceFromEcs(ecs: ContainerInstance, moment: Moment): Instance {
  const external =
    ecs.ec2InstanceId?.startsWith(EXTERNAL_ID) === true ||
    ecs.attributes?.some(({ name }) => name === EXTERNAL_ATTRIBUTE) === true;
  return {
    arn: as<InstanceArn>(needed(ecs.containerInstanceArn, 'containerInstanceArn')),
    ec2InstanceId: ecs.ec2InstanceId ?? null,
    status: needed(ecs.status, 'status'),
    agentConnected: ecs.agentConnected ?? false,
    launchType: external ? 'EXTERNAL' : 'EC2',
    registeredAt: moment(ecs.registeredAt),
    version: ecs.version ?? 0,
    // A description does not tell whose they are. All of them, ours too, is the careful answer: a drain waits rather than hurries.
    foreignTasks: (ecs.runningTasksCount ?? 0) + (ecs.pendingTasksCount ?? 0),
  };
}

export function taskFromEcs(ecs: EcsTask, moment: Moment): Task {
  return {
    arn: as<TaskArn>(needed(ecs.taskArn, 'taskArn')),
    instance: ecs.containerInstanceArn === undefined ? null : as<InstanceArn>(ecs.containerInstanceArn),
    group: ecs.group ?? '',
    startedBy: ecs.startedBy ?? null,
    taskDefinition: as<TaskDefinitionArn>(needed(ecs.taskDefinitionArn, 'taskDefinitionArn')),
    lastStatus: needed(ecs.lastStatus, 'lastStatus'),
    desiredStatus: ecs.desiredStatus ?? '',
    createdAt: moment(ecs.createdAt),
    stopCode: ecs.stopCode ?? null,
    stoppedReason: ecs.stoppedReason ?? null,
    version: ecs.version ?? 0,
  };
}

function needed(value: string | undefined, member: string): string {
  if (value === undefined || value === '') {
    throw new EcsReadError({ code: 'UnreadableAnswer', message: `ECS left out ${member}` });
  }
  return value;
}
