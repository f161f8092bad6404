/** The trust boundary: what callers send becomes values that the rest may rely on, or a refusal that names field and rule. */
import type { z } from '@hono/zod-openapi';
import { as } from '../domain/ids.ts';
import type { EnvironmentName } from '../domain/ids.ts';
import type { EnvironmentSpec } from '../domain/environment.ts';
import { PAGE_NOT_FOUND, refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import { ENVIRONMENT_NAME } from './schemas.ts';

export type Valid<T> = { readonly kind: 'valid'; readonly value: T } | Refusal;
export const valid = <T>(value: T): Valid<T> => ({ kind: 'valid', value });

/** Checks a JSON body. Text that is not a JSON object counts as `{}`, so that its faults are the missing fields, as in v0.3.0. */
export const validateBody = <Schema extends z.ZodType>(schema: Schema, text: string): Valid<z.infer<Schema>> => {
  const result = schema.safeParse(parseObject(text));
  if (result.success) return valid(result.data);
  return invalid(result.error.issues.map(({ path, message }) => `${path.join('.')} in body ${message}`));
};

export const invalid = (faults: readonly string[]): Refusal => ({
  ...refusal(400, 'validation failure list:'),
  faults,
});

const parseObject = (text: string): object => {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : {};
  } catch {
    return {};
  }
};

/** The value of a query parameter that may be given once; null when it is absent. */
export const single = (parameters: URLSearchParams, name: string): Valid<string | null> => {
  const [value = null, ...more] = parameters.getAll(name);
  return more.length > 0 ? refusal(400, `${name} in query is specified multiple times`) : valid(value);
};

/** A name from a path. One that no environment can have is refused as the router of v0.3.0 did, with a 404. */
export const pathName = (name: string): Valid<EnvironmentName> => {
  if (ENVIRONMENT_NAME.test(name)) return valid(as<EnvironmentName>(name));
  // A control character must not get into an answer.
  return /[/\p{Cc}]/u.test(name) ? PAGE_NOT_FOUND : noSuchEnvironment(name);
};

export const noSuchEnvironment = (name: string): Refusal => refusal(404, `Environment ${name} does not exist`);

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
