/**
 * Values as they stand in the store: JSON, `{ v, value }`, where `v` is the version of the schema.
 *
 * C1. What cannot be read in full is refused, never guessed at: another version, a missing member, also one we do not know
 *     (dropping it and writing the rest back would lose what a newer release put there).
 */
import { z } from 'zod';
import type {
  DeploymentProgress,
  EnvironmentSpec,
  EnvironmentStatus,
  Deployment,
  JsonObject,
} from '../domain/environment.ts';
import type {
  ClusterArn,
  DeploymentId,
  DeploymentToken,
  EnvironmentId,
  EnvironmentName,
  InstanceArn,
  Instant,
  LaunchId,
  TaskArn,
  TaskDefinitionArn,
} from '../domain/ids.ts';
import type { Launch, Slot } from '../domain/launch.ts';
import { packFailures, unpackFailures, type PackedFailures } from './failures-codec.ts';
import type { RememberedAnswer } from './store.ts';

/** Goes up with any change that older code must not read. */
const SCHEMA_VERSION = 1;

export interface Codec<T> {
  /** `operation`: id of the write, so that a writer whose reply was lost can tell its own value from another's. */
  readonly encode: (value: T, operation?: string) => string;
  readonly decode: (text: string) => Decoded<T>;
}

type Decoded<T> =
  | { readonly ok: true; readonly value: T; readonly operation: string | null }
  /** `fault` is for people. */
  | { readonly ok: false; readonly fault: string };

type PackedProgress = Omit<DeploymentProgress, 'failedInstances'> & { readonly failures: PackedFailures };

/** Who took the fence, for people who look into etcd. */
export interface Fence {
  readonly holder: string;
}

// --- schemas ---------------------------------------------------------------------------------------------------------

/** The brand is given here because this is where the store's values are checked. */
const id = <Id extends string>(): z.ZodType<Id> => z.string().min(1) as unknown as z.ZodType<Id>;
const instant = z.int() as unknown as z.ZodType<Instant>;
const count = z.int().nonnegative();
/** Passed through as it is; ECS's own business. */
const json = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'Invalid input: expected object',
);

const specSchema: z.ZodType<EnvironmentSpec> = z.strictObject({
  id: id<EnvironmentId>(),
  name: id<EnvironmentName>(),
  cluster: id<ClusterArn>(),
  taskDefinition: id<TaskDefinitionArn>(),
  networkConfiguration: json.nullable(),
  deploymentToken: id<DeploymentToken>(),
  createdAt: instant,
  target: id<DeploymentId>().nullable(),
  deletion: z.strictObject({ requestedAt: instant, tasks: z.enum(['stop', 'keep']) }).nullable(),
});

const deploymentSchema: z.ZodType<Deployment> = z.strictObject({
  id: id<DeploymentId>(),
  token: id<DeploymentToken>(),
  taskDefinition: id<TaskDefinitionArn>(),
  createdAt: instant,
});

const progressSchema: z.ZodType<PackedProgress> = z.strictObject({
  id: id<DeploymentId>(),
  status: z.enum(['running', 'completed']),
  startedAt: instant,
  completedAt: instant.nullable(),
  failures: z.strictObject({
    prefix: z.string(),
    reasons: z.array(z.string()),
    hosts: z.array(z.tuple([z.string(), count, count])),
  }),
});

const statusSchema: z.ZodType<EnvironmentStatus> = z.strictObject({
  health: z.enum(['healthy', 'unhealthy']),
  reasons: z.array(z.string()),
  hosts: z.strictObject({
    eligible: count,
    running: count,
    starting: count,
    failed: count,
    disconnected: count,
    draining: count,
  }),
});

const slotSchema: z.ZodType<Slot> = z.strictObject({
  instance: id<InstanceArn>(),
  ec2InstanceId: z.string().nullable(),
  task: z
    .strictObject({
      arn: id<TaskArn>(),
      launch: id<LaunchId>().nullable(),
      taskDefinition: id<TaskDefinitionArn>(),
      placedAt: instant,
      ranAt: instant.nullable(),
      missingSince: instant.nullable(),
    })
    .nullable(),
  stop: z
    .strictObject({ reason: z.enum(['draining', 'deletion']), requestedAt: instant, accepted: z.boolean() })
    .nullable(),
  tries: z.strictObject({ count, reason: z.string().nullable(), until: instant }),
  drainingSince: instant.nullable(),
  supersededSince: instant.nullable(),
  since: instant,
});

const launchSchema: z.ZodType<Launch> = z.strictObject({
  id: id<LaunchId>(),
  primitive: z.enum(['RunTask', 'StartTask']),
  deployment: id<DeploymentId>(),
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

const rememberedSchema: z.ZodType<RememberedAnswer> = z.strictObject({
  requestHash: z.string(),
  status: z.int(),
  body: z.string(),
});

// --- codecs ----------------------------------------------------------------------------------------------------------

const codec = <T>(schema: z.ZodType<T>): Codec<T> => ({
  encode: (value, operation) =>
    JSON.stringify(operation === undefined ? { v: SCHEMA_VERSION, value } : { v: SCHEMA_VERSION, operation, value }),
  decode: (text) => {
    const envelope = openEnvelope(text);
    if (typeof envelope === 'string') return { ok: false, fault: envelope };
    const read = schema.safeParse(envelope.value);
    return read.success
      ? { ok: true, value: read.data, operation: envelope.operation ?? null }
      : { ok: false, fault: faultOf(read.error) };
  },
});

export const specCodec = codec(specSchema);
export const deploymentCodec = codec(deploymentSchema);
export const statusCodec = codec(statusSchema);
export const slotCodec = codec(slotSchema);
export const launchCodec = codec(launchSchema);
export const rememberedCodec = codec(rememberedSchema);
export const fenceCodec = codec<Fence>(z.strictObject({ holder: z.string() }));
/** Which environment has a name. */
export const nameCodec = codec(id<EnvironmentId>());

const packedProgressCodec = codec(progressSchema);
export const progressCodec: Codec<DeploymentProgress> = {
  encode: ({ failedInstances, ...progress }, operation) =>
    packedProgressCodec.encode({ ...progress, failures: packFailures(failedInstances) }, operation),
  decode: (text) => {
    const read = packedProgressCodec.decode(text);
    if (!read.ok) return read;
    const { failures, ...progress } = read.value;
    const failedInstances = unpackFailures(failures);
    if (failedInstances === null) return { ok: false, fault: 'failures.hosts: names a reason that is not there' };
    return { ok: true, value: { ...progress, failedInstances }, operation: read.operation };
  },
};

interface Envelope {
  readonly operation: string | undefined;
  readonly value: unknown;
}

/** The envelope, or what is wrong with it. */
function openEnvelope(text: string): Envelope | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  const { v, operation, value } = (parsed ?? {}) as { v?: unknown; operation?: unknown; value?: unknown };
  if (v !== SCHEMA_VERSION) return `schema version ${JSON.stringify(v)}, this release reads ${SCHEMA_VERSION}`;
  if (operation !== undefined && typeof operation !== 'string') return 'operation: not a string';
  return { operation, value };
}

const FAULTS_NAMED = 3;
const faultOf = (error: z.ZodError): string =>
  error.issues
    .slice(0, FAULTS_NAMED)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
