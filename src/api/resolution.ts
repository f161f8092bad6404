/** Asks ECS what a request means: names become ARNs, once, at creation. */
import { bounded, orWhenAborted } from '../concurrency/bounded.ts';
import type { ClusterArn, TaskDefinitionArn } from '../domain/ids.ts';
import type { Fault } from '../domain/plan.ts';
import type { Resolution, ResolvedTaskDefinition } from '../ecs/gateway.ts';
import type { ApiDeps } from './app-env.ts';
import { refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import type { ApiLimits } from './limits.ts';
import type { CreateEnvironmentRequest } from './schemas.ts';
import { invalid, valid } from './validation.ts';
import type { Valid } from './validation.ts';

export interface Target {
  readonly cluster: ClusterArn;
  readonly taskDefinition: TaskDefinitionArn;
}

const TIMEOUT = { kind: 'timeout' } as const;

/** Both questions at once, under one deadline; a fault of the cluster is told before one of the task definition. */
export const resolveTarget = async (
  { ecs, limits }: Pick<ApiDeps, 'ecs' | 'limits'>,
  request: CreateEnvironmentRequest,
  requestSignal: AbortSignal,
): Promise<Valid<Target>> => {
  const bound = bounded(requestSignal, limits.ecsDeadlineMs);
  const { signal } = bound;
  const givenCluster = request.instanceGroup.cluster;
  const givenDefinition = request.taskDefinition;
  const [cluster, definition] = await Promise.all([
    orWhenAborted(ecs.resolveCluster(givenCluster, signal), signal, TIMEOUT),
    orWhenAborted(ecs.resolveTaskDefinition(givenDefinition, signal), signal, TIMEOUT),
  ]).finally(() => bound.release());
  if (cluster.kind !== 'found') return refuseCluster(givenCluster, cluster, limits);
  if (definition.kind !== 'found') return refuseDefinition(givenDefinition, definition, limits);
  const networkFault = checkNetwork(definition.value, request.networkConfiguration ?? null);
  if (networkFault !== null) return networkFault;
  return valid({ cluster: cluster.value, taskDefinition: definition.value.arn });
};

type NotFound = Exclude<Resolution<never>, { readonly kind: 'found' }>;

const refuseCluster = (given: string, answer: NotFound, limits: ApiLimits): Refusal => {
  switch (answer.kind) {
    case 'missing':
      return refusal(404, `Cluster ${given} does not exist`);
    case 'inactive':
      return refusal(404, 'Cluster is inactive');
    case 'timeout':
      return noAnswer('DescribeClusters', `cluster ${given}`);
    case 'throttled':
      return notNow(ecsError('DescribeClusters', `cluster ${given}`, answer.fault), limits);
    case 'failed':
      return refusal(502, ecsError('DescribeClusters', `cluster ${given}`, answer.fault));
  }
};

const refuseDefinition = (given: string, answer: NotFound, limits: ApiLimits): Refusal => {
  const about = `taskDefinition ${given}`;
  switch (answer.kind) {
    case 'missing':
      return refusal(404, ecsError('DescribeTaskDefinition', about, answer.fault));
    case 'inactive':
      return refusal(404, 'TaskDefinition is inactive');
    case 'timeout':
      return noAnswer('DescribeTaskDefinition', about);
    case 'throttled':
      return notNow(ecsError('DescribeTaskDefinition', about, answer.fault), limits);
    case 'failed':
      return refusal(502, ecsError('DescribeTaskDefinition', about, answer.fault));
  }
};

const ecsError = (operation: string, about: string, fault: Fault): string =>
  `Error calling ${operation} for ${about}: ${fault.code}: ${fault.message}`;

const noAnswer = (operation: string, about: string): Refusal =>
  refusal(504, `Error calling ${operation} for ${about}: ECS did not answer in time; nothing was created`);

const notNow = (why: string, { retryAfterS }: ApiLimits): Refusal => ({
  ...refusal(503, `${why}; nothing was created, try again`),
  retryAfterS,
});

/** RunTask refuses either mismatch, each time, so it is better said once and now. */
const checkNetwork = (definition: ResolvedTaskDefinition, network: object | null): Refusal | null => {
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
