/** The shapes of what stands in the store. See `codec.ts`. */
import { z } from 'zod';
import type { Deployment, DeploymentProgress, EnvironmentSpec, EnvironmentStatus } from '../domain/environment.ts';
import type {
  ClusterArn,
  DeploymentId,
  DeploymentToken,
  EnvironmentId,
  EnvironmentName,
  InstanceArn,
  Instant,
  LaunchId,
  RevisionId,
  TaskArn,
  TaskDefinitionArn,
  Template,
} from '../domain/ids.ts';
import type { JsonObject } from '../domain/json.ts';
import type { HistoryEntry, Launch, Slot } from '../domain/launch.ts';
import type { EnvironmentRevision } from '../domain/revision.ts';
import type { PackedArns, PackedFailures } from './failures-codec.ts';
import type { RememberedAnswer } from './store.ts';

export type PackedProgress = Omit<DeploymentProgress, 'failedInstances' | 'deferredInstances'> & {
  readonly failures: PackedFailures;
  readonly deferred: PackedArns;
};

/** The brand is given here because this is where the store's values are checked. */
export const id = <Id extends string>(): z.ZodType<Id> => z.string().min(1) as unknown as z.ZodType<Id>;
const instant = z.int() as unknown as z.ZodType<Instant>;
const count = z.int().nonnegative();
/** Passed through as it is; ECS's own business. */
const json = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'Invalid input: expected object',
);

const amount = z.union([z.int(), z.templateLiteral([z.number(), '%'])]);
const canary = z.strictObject({ kind: z.literal('canary'), hosts: amount });
const promotion = { promote: z.enum(['auto', 'manual']), bakeMinutes: count };

export const revisionSchema: z.ZodType<EnvironmentRevision> = z.strictObject({
  id: id<RevisionId>(),
  template: id<Template>(),
  taskDefinition: id<TaskDefinitionArn>(),
  healthCheck: z.boolean(),
  networkConfiguration: json.nullable(),
  query: z.string().nullable(),
  configuration: z.strictObject({
    maxUnavailable: amount,
    waves: z.array(
      z.strictObject({
        of: z.union([canary, z.strictObject({ kind: z.literal('attribute'), name: z.string() })]),
        ...promotion,
      }),
    ),
    minReadySeconds: count,
    failures: amount.nullable(),
    waveDeadlineMinutes: count.nullable(),
    alarms: z.array(z.string()),
    rollback: z.enum(['auto', 'pause']),
  }),
  createdAt: instant,
});

export const specSchema: z.ZodType<EnvironmentSpec> = z.strictObject({
  id: id<EnvironmentId>(),
  name: id<EnvironmentName>(),
  cluster: id<ClusterArn>(),
  revision: revisionSchema,
  deploymentToken: id<DeploymentToken>(),
  createdAt: instant,
  target: id<DeploymentId>().nullable(),
  orders: z.strictObject({ paused: z.boolean(), resumes: count, promoted: count, cancelled: z.boolean() }),
  frozen: z.boolean(),
  excluded: z.array(id<InstanceArn>()),
  retries: z.array(z.strictObject({ instance: id<InstanceArn>(), count })),
  adopt: z.strictObject({ kind: z.enum(['startedBy', 'family', 'service']), value: z.string() }).nullable(),
  drainAfter: z.array(id<EnvironmentName>()),
  required: z.boolean(),
  deletion: z.strictObject({ requestedAt: instant, tasks: z.enum(['stop', 'keep']) }).nullable(),
});

export const deploymentSchema: z.ZodType<Deployment> = z.strictObject({
  id: id<DeploymentId>(),
  token: id<DeploymentToken>(),
  kind: z.enum(['deploy', 'restart', 'rollback']),
  revision: revisionSchema,
  template: id<Template>(),
  base: id<DeploymentId>().nullable(),
  rollsBack: id<DeploymentId>().nullable(),
  createdAt: instant,
});

export const progressSchema: z.ZodType<PackedProgress> = z.strictObject({
  id: id<DeploymentId>(),
  state: z.enum(['running', 'paused', 'completed', 'failed', 'cancelled']),
  startedAt: instant,
  endedAt: instant.nullable(),
  reason: z.string().nullable(),
  waves: z.array(
    z.strictObject({
      name: z.string(),
      of: z
        .union([
          canary,
          z.strictObject({ kind: z.literal('attribute'), name: z.string(), value: z.string().nullable() }),
        ])
        .nullable(),
      ...promotion,
    }),
  ),
  open: count,
  openedAt: instant,
  canaries: count,
  doneAt: instant.nullable(),
  ignoredAlarms: z.array(z.string()),
  trip: z.strictObject({ reason: z.string(), resumes: count }).nullable(),
  forgiven: count,
  failures: z.strictObject({
    prefix: z.string(),
    reasons: z.array(z.string()),
    hosts: z.array(z.tuple([z.string(), count, count])),
  }),
  deferred: z.strictObject({ prefix: z.string(), rests: z.array(z.string()) }),
});

export const statusSchema: z.ZodType<EnvironmentStatus> = z.strictObject({
  health: z.enum(['healthy', 'unhealthy']),
  reasons: z.array(z.string()),
  hosts: z.strictObject({
    eligible: count,
    running: count,
    ready: count,
    updated: count,
    starting: count,
    failed: count,
    disconnected: count,
    draining: count,
  }),
  revisions: z.array(id<RevisionId>()),
});

export const slotSchema: z.ZodType<Slot> = z.strictObject({
  instance: id<InstanceArn>(),
  ec2InstanceId: z.string().nullable(),
  task: z
    .strictObject({
      arn: id<TaskArn>(),
      launch: id<LaunchId>().nullable(),
      revision: id<RevisionId>().nullable(),
      template: id<Template>(),
      taskDefinition: id<TaskDefinitionArn>(),
      placedAt: instant,
      ranAt: instant.nullable(),
      readyAt: instant.nullable(),
      missingSince: instant.nullable(),
    })
    .nullable(),
  stop: z
    .strictObject({
      reason: z.enum(['draining', 'deletion', 'update', 'not-matching', 'unhealthy']),
      requestedAt: instant,
      accepted: z.boolean(),
    })
    .nullable(),
  tries: z.strictObject({
    count,
    reason: z.string().nullable(),
    until: instant,
    template: id<Template>().nullable(),
    exempt: z.boolean(),
  }),
  drainingSince: instant.nullable(),
  supersededSince: instant.nullable(),
  since: instant,
  gapSince: instant.nullable(),
  vacated: z.boolean(),
  canary: z.strictObject({ deployment: id<DeploymentId>(), wave: count }).nullable(),
  uncovered: z.strictObject({ deployment: id<DeploymentId>(), ms: count }).nullable(),
  retried: count,
  entries: count,
});

export const historySchema: z.ZodType<HistoryEntry> = z.strictObject({
  at: instant,
  saw: z.string(),
  rule: z.string(),
  did: z.string(),
  outcome: z.string().nullable(),
});

export const launchSchema: z.ZodType<Launch> = z.strictObject({
  id: id<LaunchId>(),
  primitive: z.enum(['RunTask', 'StartTask']),
  deployment: id<DeploymentId>(),
  revision: id<RevisionId>(),
  template: id<Template>(),
  taskDefinition: id<TaskDefinitionArn>(),
  members: z.array(z.strictObject({ instance: id<InstanceArn>(), ec2InstanceId: z.string().nullable() })),
  request: json,
  committedAt: instant,
  promisedAt: instant,
  endedAt: instant.nullable(),
  sends: count,
  returned: z.array(id<TaskArn>()),
  noReplay: z.enum(['observed', 'replay-refused']).nullable(),
  emptyListingAt: instant.nullable(),
});

export const rememberedSchema: z.ZodType<RememberedAnswer> = z.strictObject({
  requestHash: z.string(),
  status: z.int(),
  body: z.string(),
});
