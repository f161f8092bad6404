import { z } from 'zod';

import { ecsError, invalid, isError, type EcsError } from './answer.ts';
import type { World } from './world.ts';

/** Answers one operation: the body of the reply, or an error. `lagMs` is how old the world looks to a listing. */
export type Operation = (world: World, body: object, lagMs: number) => object | EcsError;

/** An operation whose input is checked by a schema first. Members that the schema does not name are ignored. */
export function operation<T extends object>(
  schema: z.ZodType<T>,
  answer: (world: World, input: T, lagMs: number) => object | EcsError,
): Operation {
  return (world, body, lagMs) => {
    const input = read(schema, body);
    return isError(input) ? input : answer(world, input, lagMs);
  };
}

function read<T extends object>(schema: z.ZodType<T>, body: object): T | EcsError {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue === undefined) return invalid('The request is not valid.');
  const path = issue.path.map(String).join('.');
  const wrongType = issue.code === 'invalid_type' && valueAt(body, issue.path) !== undefined;
  // A sentence of ours is ECS's own wording; the rest names the member.
  const message = issue.message.endsWith('.') ? issue.message : `${path}: ${issue.message}`;
  return wrongType ? ecsError('SerializationException', message) : invalid(message);
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  let value = body;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** Limits of the API reference. */
const DESCRIBE_IDS_MAX = 100;
const PAGE_MAX = 100;
const TAGS_MAX = 50;
const TAG_KEY_CHARS_MAX = 128;
const TAG_VALUE_CHARS_MAX = 256;

export const clusterField = z.string().optional();

export const tagsField = z
  .array(
    z.object({ key: z.string().min(1).max(TAG_KEY_CHARS_MAX), value: z.string().max(TAG_VALUE_CHARS_MAX).default('') }),
  )
  .max(TAGS_MAX);

/** Whole units, or CPUs as in `0.5 vCPU`. */
export const cpuField = z
  .string()
  .regex(/^\s*(\d+|(\d+|\d*\.\d+)\s*vcpu)\s*$/i, "Invalid 'cpu' setting for task.")
  .optional();

/** Whole MiB, or GB as in `0.5 GB`. */
export const memoryField = z
  .string()
  .regex(/^\s*(\d+|(\d+|\d*\.\d+)\s*GB)\s*$/i, "Invalid 'memory' setting for task.")
  .optional();

export const amountField = z.int().min(0).optional();

export const pageFields = {
  maxResults: z.int().min(1).max(PAGE_MAX).default(PAGE_MAX),
  nextToken: z.string().optional(),
};

/** One to a hundred ids or ARNs. `noun` begins ECS's own sentence for an empty list. */
export function idsField(noun: string): z.ZodType<string[]> {
  return z
    .array(z.string(), { error: (issue) => (issue.input === undefined ? `${noun} cannot be empty.` : undefined) })
    .min(1, `${noun} cannot be empty.`)
    .max(DESCRIBE_IDS_MAX, `${noun} cannot have more than ${DESCRIBE_IDS_MAX} elements.`);
}

/** JSON with sorted members, so that two equal values have one text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
