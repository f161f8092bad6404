/** Asks ECS what a request means: names become ARNs, once. */
import { bounded, orWhenAborted } from '../concurrency/bounded.ts';
import type { ClusterArn } from '../domain/ids.ts';
import type { Fault } from '../domain/plan.ts';
import type { Resolution, ResolvedTaskDefinition } from '../ecs/gateway.ts';
import type { ApiDeps } from './app-env.ts';
import { refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import type { ApiLimits } from './limits.ts';
import { invalid, valid } from './validation.ts';
import type { Valid } from './validation.ts';

export interface Target {
  readonly cluster: ClusterArn;
  readonly definition: ResolvedTaskDefinition;
}

type Deps = Pick<ApiDeps, 'ecs' | 'limits'>;

const TIMEOUT = { kind: 'timeout' } as const;

/** Both questions at once, under one deadline; a fault of the cluster is told before one of the task definition. */
export const resolveTarget = async (
  deps: Deps,
  given: { readonly cluster: string; readonly taskDefinition: string },
  requestSignal: AbortSignal,
): Promise<Valid<Target>> => {
  const { ecs, limits } = deps;
  const bound = bounded(requestSignal, limits.ecsDeadlineMs);
  const { signal } = bound;
  const [cluster, definition] = await Promise.all([
    orWhenAborted(ecs.resolveCluster(given.cluster, signal), signal, TIMEOUT),
    orWhenAborted(ecs.resolveTaskDefinition(given.taskDefinition, signal), signal, TIMEOUT),
  ]).finally(() => bound.release());
  if (cluster.kind !== 'found') return refuseCluster(given.cluster, cluster, limits);
  if (definition.kind !== 'found') {
    return refuseDefinition(given.taskDefinition, definition, { limits, not: 'created' });
  }
  return valid({ cluster: cluster.value, definition: definition.value });
};

/** The task definition of an environment that is to be changed. */
export const resolveDefinition = async (
  { ecs, limits }: Deps,
  given: string,
  requestSignal: AbortSignal,
): Promise<Valid<ResolvedTaskDefinition>> => {
  const bound = bounded(requestSignal, limits.ecsDeadlineMs);
  const { signal } = bound;
  const definition = await orWhenAborted(ecs.resolveTaskDefinition(given, signal), signal, TIMEOUT).finally(() =>
    bound.release(),
  );
  return definition.kind === 'found'
    ? valid(definition.value)
    : refuseDefinition(given, definition, { limits, not: 'changed' });
};

type NotFound = Exclude<Resolution<never>, { readonly kind: 'found' }>;

const refuseCluster = (given: string, answer: NotFound, limits: ApiLimits): Refusal => {
  switch (answer.kind) {
    case 'missing':
      return refusal(404, `Cluster ${given} does not exist`);
    case 'inactive':
      return refusal(404, 'Cluster is inactive');
    case 'timeout':
      return noAnswer('DescribeClusters', `cluster ${given}`, 'created');
    case 'throttled':
      return notNow(ecsError('DescribeClusters', `cluster ${given}`, answer.fault), { limits, not: 'created' });
    case 'failed':
      return refusal(502, ecsError('DescribeClusters', `cluster ${given}`, answer.fault));
  }
};

interface Undone {
  readonly limits: ApiLimits;
  /** What did not come about. */
  readonly not: 'created' | 'changed';
}

const refuseDefinition = (given: string, answer: NotFound, undone: Undone): Refusal => {
  const about = `taskDefinition ${given}`;
  switch (answer.kind) {
    case 'missing':
      return refusal(404, ecsError('DescribeTaskDefinition', about, answer.fault));
    case 'inactive':
      return refusal(404, 'TaskDefinition is inactive');
    case 'timeout':
      return noAnswer('DescribeTaskDefinition', about, undone.not);
    case 'throttled':
      return notNow(ecsError('DescribeTaskDefinition', about, answer.fault), undone);
    case 'failed':
      return refusal(502, ecsError('DescribeTaskDefinition', about, answer.fault));
  }
};

const ecsError = (operation: string, about: string, fault: Fault): string =>
  `Error calling ${operation} for ${about}: ${fault.code}: ${fault.message}`;

const noAnswer = (operation: string, about: string, not: Undone['not']): Refusal =>
  refusal(504, `Error calling ${operation} for ${about}: ECS did not answer in time; nothing was ${not}`);

const notNow = (why: string, { limits, not }: Undone): Refusal => ({
  ...refusal(503, `${why}; nothing was ${not}, try again`),
  retryAfterS: limits.retryAfterS,
});

/** RunTask refuses either mismatch, each time, so it is better said once and now. */
export const checkNetwork = (definition: ResolvedTaskDefinition, network: object | null): Refusal | null => {
  if (definition.networkMode === 'awsvpc' && network === null) {
    return invalid([`networkConfiguration in body is required: the network mode of ${definition.arn} is awsvpc`]);
  }
  if (definition.networkMode !== 'awsvpc' && network !== null) {
    return invalid([
      `networkConfiguration in body must be left out: the network mode of ${definition.arn} is ` +
        `${definition.networkMode ?? 'the default'}, and only awsvpc takes one`,
    ]);
  }
  return null;
};
