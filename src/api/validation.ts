/** The trust boundary: what callers send becomes values that the rest may rely on, or a refusal that names field and rule. */
import type { z } from '@hono/zod-openapi';
import { as } from '../domain/ids.ts';
import type { EnvironmentName } from '../domain/ids.ts';
import type { EnvironmentSpec } from '../domain/environment.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { ApiDeps } from './app-env.ts';
import { PAGE_NOT_FOUND, refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import { ENVIRONMENT_NAME } from './fields.ts';

export type Valid<T> = { readonly kind: 'valid'; readonly value: T } | Refusal;
export const valid = <T>(value: T): Valid<T> => ({ kind: 'valid', value });

/** Checks a JSON body. Text that is not a JSON object counts as `{}`, so that its faults are the missing fields, as in v0.3.0. */
export const validateBody = <Schema extends z.ZodType>(schema: Schema, text: string): Valid<z.infer<Schema>> =>
  validateObject(schema, parseObject(text) ?? {});

/** Checks a JSON body that need not be there. Where nothing is required, text that is not a JSON object must not count as nothing. */
export const validateOptionalBody = <Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): Valid<z.infer<Schema>> => {
  const given = text.trim() === '' ? {} : parseObject(text);
  return given === null ? invalid(['body must be a JSON object']) : validateObject(schema, given);
};

/** A body may have thousands; these are enough to see what is wrong. */
const MOST_UNKNOWN_TOLD = 10;

const validateObject = <Schema extends z.ZodType>(schema: Schema, given: object): Valid<z.infer<Schema>> => {
  const result = schema.safeParse(given);
  return result.success ? valid(result.data) : invalid(result.error.issues.flatMap(faultsOf));
};

const faultsOf = (issue: z.core.$ZodIssue): readonly string[] => {
  if (issue.code !== 'unrecognized_keys') return [fault(issue.path, issue.message)];
  return issue.keys.slice(0, MOST_UNKNOWN_TOLD).map((key) => fault([...issue.path, key], 'is not a known field'));
};

const fault = (path: readonly PropertyKey[], rule: string): string =>
  oneLine(`${path.map(String).join('.')} in body ${rule}`);

/** What the caller sent may not begin another line. */
const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

export const invalid = (faults: readonly string[]): Refusal => ({
  ...refusal(400, 'validation failure list:'),
  faults,
});

const parseObject = (text: string): object | null => {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
};

/** A name in the query that is none of `known`: a typo must not become a default, least of all where tasks are stopped. */
export const unknownParameter = (parameters: URLSearchParams, known: readonly string[]): Refusal | null => {
  const unknown = [...parameters.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return null;
  const all = known.length === 0 ? 'none' : known.join(', ');
  return refusal(400, oneLine(`${unknown} in query is not a known parameter; known are: ${all}`));
};

/** The value of a query parameter that may be given once; null when it is absent. */
export const single = (parameters: URLSearchParams, name: string): Valid<string | null> => {
  const [value = null, ...more] = parameters.getAll(name);
  return more.length > 0 ? refusal(400, `${name} in query is specified multiple times`) : valid(value);
};

/** A query parameter that says yes or no; no when it is absent. */
export const flag = (parameters: URLSearchParams, name: string): Valid<boolean> => {
  const given = single(parameters, name);
  if (given.kind === 'refused') return given;
  if (given.value === null || given.value === 'false') return valid(false);
  return given.value === 'true' ? valid(true) : refusal(400, `${name} in query should be one of [false true]`);
};

/** A name from a path. One that no environment can have is refused as the router of v0.3.0 did, with a 404. */
export const pathName = (name: string): Valid<EnvironmentName> => {
  if (ENVIRONMENT_NAME.test(name)) return valid(as<EnvironmentName>(name));
  // A control character must not get into an answer.
  return /[/\p{Cc}]/u.test(name) ? PAGE_NOT_FOUND : noSuchEnvironment(name);
};

/** The environment of a path, as readers see it. */
export const recordOf = async (deps: Pick<ApiDeps, 'view'>, given: string): Promise<Valid<EnvironmentRecord>> => {
  const name = pathName(given);
  if (name.kind === 'refused') return name;
  const record = (await deps.view.current()).environment(name.value);
  return record === undefined ? noSuchEnvironment(name.value) : valid(record);
};

export const noSuchEnvironment = (name: string): Refusal => refusal(404, `Environment ${name} does not exist`);

/** Which token is the right one is not told: who sends another has not seen what it stands for. */
export const outdatedToken = (token: string): string =>
  `Token '${token}' is outdated and does not match the environment token; GET the environment for that`;

export const noSuchDeployment = (id: string, environment: EnvironmentName): Refusal =>
  refusal(404, `Deployment ${id} does not exist for environment ${environment}`);

/** v0.3.0 knew the ARNs of the first partition only, and said so. */
const FILTER_CLUSTER_ARN = /^arn:aws:ecs:[\w-]+:[0-9]{12}:cluster\/[\w-]{1,255}$/;
const FILTER_CLUSTER_NAME = /^[\w-]{1,255}$/;

export interface ListQuery {
  readonly matches: (spec: EnvironmentSpec) => boolean;
  readonly after: EnvironmentName | null;
}

export const validateListQuery = (parameters: URLSearchParams): Valid<ListQuery> => {
  const names = [...parameters.keys()];
  if (names.some((name) => name !== 'cluster' && name !== 'nextToken')) {
    return refusal(400, 'At least one of the filters provided is not supported');
  }
  if (new Set(names).size < names.length) {
    return refusal(400, 'At least one of the filters provided is specified multiple times');
  }
  const cluster = parameters.get('cluster');
  if (cluster !== null && !FILTER_CLUSTER_ARN.test(cluster) && !FILTER_CLUSTER_NAME.test(cluster)) {
    return refusal(400, 'Invalid cluster ARN or name');
  }
  const token = parameters.get('nextToken');
  const after = token === null ? null : readNextToken(token);
  if (after === undefined) {
    return refusal(400, 'nextToken in query is not one that a list of environments gave out');
  }
  return valid({ matches: clusterFilter(cluster), after });
};

const clusterFilter = (cluster: string | null): ListQuery['matches'] => {
  if (cluster === null) return () => true;
  if (cluster.startsWith('arn:')) return (spec) => spec.cluster === cluster;
  return (spec) => spec.cluster.endsWith(`:cluster/${cluster}`);
};

/** A place in the list is the last name shown: it holds whatever is created or deleted meanwhile. */
export const writeNextToken = (last: EnvironmentName): string => Buffer.from(last).toString('base64url');

const readNextToken = (token: string): EnvironmentName | undefined => {
  const name = Buffer.from(token, 'base64url').toString();
  return ENVIRONMENT_NAME.test(name) && writeNextToken(as<EnvironmentName>(name)) === token
    ? as<EnvironmentName>(name)
    : undefined;
};
