/**
 * EventBridge's envelopes of ECS, as ours. Unknown members are tolerated, as ECS asks for; what a state change must have
 * is checked. The shapes: Amazon ECS developer guide, "Amazon ECS events".
 */
import { z } from 'zod';
import { attributesOf, launchTypeOf } from '../domain/attributes.ts';
import { as, type ClusterArn, type InstanceArn, type Instant, type TaskArn } from '../domain/ids.ts';
import type { TaskDefinitionArn } from '../domain/ids.ts';
import type { Sighting } from '../store/facts-store.ts';

/** A state change that ECS told of: the thing as it was then, with its version. */
interface EcsEvent {
  readonly cluster: ClusterArn;
  /** When EventBridge has it that it happened, in whole seconds of a clock that is not ours. */
  readonly at: Instant;
  readonly sighting: Sighting;
}

export type ParsedEvent =
  | { readonly kind: 'event'; readonly event: EcsEvent }
  /** Nobody will ever be able to read it. `fault` is for people. */
  | { readonly kind: 'poison'; readonly fault: string };

export const INSTANCE_CHANGE = 'ECS Container Instance State Change';
export const TASK_CHANGE = 'ECS Task State Change';

/** An event does not tell how many tasks are on a host. One too many makes a drain wait for the next listing; none would hurry it. */
const FOREIGN_TASKS_UNKNOWN = 1;

const text = z.string().min(1);
const version = z.int().min(0);

const instanceDetail = z.object({
  clusterArn: text,
  containerInstanceArn: text,
  ec2InstanceId: text.optional(),
  status: text,
  agentConnected: z.boolean(),
  attributes: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]),
  versionInfo: z.object({ agentVersion: text.optional() }).optional(),
  registeredAt: z.iso.datetime({ offset: true }).optional(),
  version,
});

const taskDetail = z.object({
  clusterArn: text,
  taskArn: text,
  taskDefinitionArn: text,
  /** Tasks on Fargate have none. */
  containerInstanceArn: text.optional(),
  group: z.string().default(''),
  startedBy: text.optional(),
  lastStatus: text,
  desiredStatus: text,
  stopCode: text.optional(),
  stoppedReason: text.optional(),
  healthStatus: z.enum(['HEALTHY', 'UNHEALTHY', 'UNKNOWN']).default('UNKNOWN'),
  version,
});

const envelope = { source: z.literal('aws.ecs'), time: z.iso.datetime({ offset: true }) };
const eventSchema = z.discriminatedUnion('detail-type', [
  z.object({ ...envelope, 'detail-type': z.literal(INSTANCE_CHANGE), detail: instanceDetail }),
  z.object({ ...envelope, 'detail-type': z.literal(TASK_CHANGE), detail: taskDetail }),
]);

export function parseEvent(body: string): ParsedEvent {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { kind: 'poison', fault: 'not JSON' };
  }
  const parsed = eventSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { kind: 'poison', fault: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not an event'}` };
  }
  const { data } = parsed;
  const sighting = data['detail-type'] === INSTANCE_CHANGE ? sightedInstance(data.detail) : sightedTask(data.detail);
  const { clusterArn } = data.detail;
  return {
    kind: 'event',
    event: { cluster: as<ClusterArn>(clusterArn), at: as<Instant>(Date.parse(data.time)), sighting },
  };
}

function sightedInstance(detail: z.output<typeof instanceDetail>): Sighting {
  const attributes = attributesOf(detail.attributes);
  const ec2InstanceId = detail.ec2InstanceId ?? null;
  return {
    kind: 'instance',
    instance: {
      arn: as<InstanceArn>(detail.containerInstanceArn),
      ec2InstanceId,
      status: detail.status,
      agentConnected: detail.agentConnected,
      launchType: launchTypeOf(ec2InstanceId, attributes),
      registeredAt: detail.registeredAt === undefined ? null : as<Instant>(Date.parse(detail.registeredAt)),
      version: detail.version,
      attributes,
      agentVersion: detail.versionInfo?.agentVersion ?? null,
      foreignTasks: FOREIGN_TASKS_UNKNOWN,
    },
  };
}

function sightedTask(detail: z.output<typeof taskDetail>): Sighting {
  return {
    kind: 'task',
    task: {
      arn: as<TaskArn>(detail.taskArn),
      instance: detail.containerInstanceArn === undefined ? null : as<InstanceArn>(detail.containerInstanceArn),
      group: detail.group,
      startedBy: detail.startedBy ?? null,
      taskDefinition: as<TaskDefinitionArn>(detail.taskDefinitionArn),
      lastStatus: detail.lastStatus,
      desiredStatus: detail.desiredStatus,
      // A moment of ECS's clock: only a description comes with what translates it to ours.
      createdAt: null,
      stopCode: detail.stopCode ?? null,
      stoppedReason: detail.stoppedReason ?? null,
      health: detail.healthStatus,
      version: detail.version,
    },
  };
}
