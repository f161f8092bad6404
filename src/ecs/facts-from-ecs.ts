/** ECS's shapes as ours. An answer without what every instance or task has is an error, not a guess. */
import type { ContainerInstance, Task as EcsTask } from '@aws-sdk/client-ecs';
import { attributesOf, launchTypeOf, type AttributePool } from '../domain/attributes.ts';
import type { Instance, Task } from '../domain/facts.ts';
import { as } from '../domain/ids.ts';
import type { InstanceArn, Instant, TaskArn, TaskDefinitionArn } from '../domain/ids.ts';
import type { OnlyOnce } from '../domain/only-once.ts';
import { EcsReadError } from './gateway.ts';

/** Translates a moment of ECS's clock to ours. */
export type Moment = (ecs: Date | undefined) => Instant | null;

export function instanceFromEcs(ecs: ContainerInstance, moment: Moment, pool: AttributePool): Instance {
  const attributes = pool.of(attributesOf(ecs.attributes ?? []));
  const ec2InstanceId = ecs.ec2InstanceId ?? null;
  return {
    arn: as<InstanceArn>(needed(ecs.containerInstanceArn, 'containerInstanceArn')),
    ec2InstanceId,
    status: needed(ecs.status, 'status'),
    agentConnected: ecs.agentConnected ?? false,
    launchType: launchTypeOf(ec2InstanceId, attributes),
    registeredAt: moment(ecs.registeredAt),
    version: ecs.version ?? 0,
    attributes,
    agentVersion: ecs.versionInfo?.agentVersion ?? null,
    // A description does not tell whose they are. All of them, ours too, is the careful answer: a drain waits rather than hurries.
    foreignTasks: (ecs.runningTasksCount ?? 0) + (ecs.pendingTasksCount ?? 0),
  };
}

export function taskFromEcs(ecs: EcsTask, moment: Moment, one: OnlyOnce): Task {
  return {
    arn: as<TaskArn>(needed(ecs.taskArn, 'taskArn')),
    instance: ecs.containerInstanceArn === undefined ? null : as<InstanceArn>(one(ecs.containerInstanceArn)),
    group: one(ecs.group ?? ''),
    startedBy: one(ecs.startedBy ?? null),
    taskDefinition: as<TaskDefinitionArn>(one(needed(ecs.taskDefinitionArn, 'taskDefinitionArn'))),
    lastStatus: needed(ecs.lastStatus, 'lastStatus'),
    desiredStatus: ecs.desiredStatus ?? '',
    createdAt: moment(ecs.createdAt),
    stopCode: ecs.stopCode ?? null,
    stoppedReason: ecs.stoppedReason ?? null,
    health: ecs.healthStatus ?? 'UNKNOWN',
    version: ecs.version ?? 0,
  };
}

function needed(value: string | undefined, member: string): string {
  if (value === undefined || value === '') {
    throw new EcsReadError({ code: 'UnreadableAnswer', message: `ECS left out ${member}` });
  }
  return value;
}
