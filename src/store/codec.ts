/**
 * Values as they stand in the store: JSON, `{ v, value }`, where `v` is the version of the schema.
 *
 * C1. What cannot be read in full is refused, never guessed at: another version, a missing member, also one we do not know
 *     (dropping it and writing the rest back would lose what a newer release put there).
 */
import { z } from 'zod';
import type { DeploymentProgress } from '../domain/environment.ts';
import type { EnvironmentId } from '../domain/ids.ts';
import { packArns, packFailures, unpackArns, unpackFailures } from './failures-codec.ts';
import {
  deploymentSchema,
  historySchema,
  id,
  launchSchema,
  progressSchema,
  rememberedSchema,
  revisionSchema,
  slotSchema,
  specSchema,
  statusSchema,
} from './stored-shapes.ts';

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

/** Who took the fence, for people who look into etcd. */
export interface Fence {
  readonly holder: string;
}

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
export const revisionCodec = codec(revisionSchema);
export const deploymentCodec = codec(deploymentSchema);
export const statusCodec = codec(statusSchema);
export const slotCodec = codec(slotSchema);
export const historyCodec = codec(historySchema);
export const launchCodec = codec(launchSchema);
export const rememberedCodec = codec(rememberedSchema);
export const fenceCodec = codec<Fence>(z.strictObject({ holder: z.string() }));
/** Which environment has a name. */
export const nameCodec = codec(id<EnvironmentId>());

const packedProgressCodec = codec(progressSchema);
export const progressCodec: Codec<DeploymentProgress> = {
  encode: ({ failedInstances, deferredInstances, ...progress }, operation) =>
    packedProgressCodec.encode(
      { ...progress, failures: packFailures(failedInstances), deferred: packArns(deferredInstances) },
      operation,
    ),
  decode: (text) => {
    const read = packedProgressCodec.decode(text);
    if (!read.ok) return read;
    const { failures, deferred, ...progress } = read.value;
    const failedInstances = unpackFailures(failures);
    if (failedInstances === null) return { ok: false, fault: 'failures.hosts: names a reason that is not there' };
    const deferredInstances = unpackArns(deferred);
    return { ok: true, value: { ...progress, failedInstances, deferredInstances }, operation: read.operation };
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
