/**
 * From the ending of a call to what it means. Pure, and never by message text: ECS's wording is not part of its contract.
 * O1. `refused` needs proof that nothing was started: the request was never written, or ECS itself said no to the only attempt.
 * O2. After a replay an error proves nothing about the earlier calls: always unknown.
 * O3. What is on no list is unknown.
 */
import type { Failure, RunTaskCommandOutput, Task } from '@aws-sdk/client-ecs';
import { as } from '../domain/ids.ts';
import type { InstanceArn, TaskArn } from '../domain/ids.ts';
import type { LaunchOutcome, PlacementFailure, ReturnedTask, StopOutcome } from '../domain/plan.ts';
import type { WireError } from './wire-errors.ts';

export type Ending<Output> =
  | { readonly kind: 'answer'; readonly output: Output }
  /** `sent`: the request was written, at least in part. */
  | { readonly kind: 'error'; readonly sent: boolean; readonly error: WireError };

export type LaunchAnswer = Pick<RunTaskCommandOutput, 'tasks' | 'failures'>;

/** ECS and the gateway in front of it count requests before they look at them. */
const THROTTLES = new Set([
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
]);

/** Errors of the 4xx kind that ECS's model has for RunTask, StartTask and StopTask, but for ConflictException. */
const ECS_REFUSALS = [
  'AccessDeniedException',
  'BlockedException',
  'ClientException',
  'ClusterNotFoundException',
  'InvalidParameterException',
  'LimitExceededException',
  'NamespaceNotFoundException',
  'PlatformTaskDefinitionIncompatibilityException',
  'PlatformUnknownException',
  'ResourceNotFoundException',
  'UnsupportedFeatureException',
];

/** "Common errors" of the ECS API reference: said before the request reaches ECS proper. Without a timeout's 4xx, which proves nothing. */
const GATE_REFUSALS = [
  'AccessDenied',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MalformedHttpRequestException',
  'MissingAuthenticationTokenException',
  'NotAuthorized',
  'OptInRequired',
  'RequestExpired',
  'SerializationException',
  'UnknownOperationException',
  'UnrecognizedClientException',
  'ValidationError',
  'ValidationException',
];

const REFUSALS = new Set([...ECS_REFUSALS, ...GATE_REFUSALS]);
const HTTP_TOO_MANY = 429;

export const isThrottle = ({ fault, status }: WireError): boolean =>
  isClientError(status) && (THROTTLES.has(fault.code) || status === HTTP_TOO_MANY);

/** ECS said no to the request itself, so asking again as it stands is of no use. */
export const isRefusal = (error: WireError): boolean =>
  isClientError(error.status) && !isThrottle(error) && REFUSALS.has(error.fault.code);

export function launchOutcome(ending: Ending<LaunchAnswer>, { replay }: { readonly replay: boolean }): LaunchOutcome {
  if (ending.kind === 'answer') return answered(ending.output, replay);
  const { error, sent } = ending;
  const bound = conflictTasks(error);
  if (bound.length > 0) return { kind: 'done', tasks: bound, failures: [] };
  const no = refusal(sent, error);
  return no === null
    ? { kind: 'unknown', fault: error.fault }
    : { kind: 'refused', fault: error.fault, retry: no.retry };
}

export function stopOutcome(ending: Ending<unknown>): StopOutcome {
  if (ending.kind === 'answer') return { kind: 'done' };
  const { error, sent } = ending;
  return { kind: refusal(sent, error) === null ? 'unknown' : 'refused', fault: error.fault };
}

function refusal(sent: boolean, error: WireError): { readonly retry: boolean } | null {
  if (!sent) return { retry: true };
  if (error.attempts !== 1) return null;
  if (isThrottle(error)) return { retry: true };
  return isRefusal(error) ? { retry: false } : null;
}

function answered({ tasks = [], failures = [] }: LaunchAnswer, replay: boolean): LaunchOutcome {
  if (tasks.length === 0 && failures.length === 0 && !replay) {
    return { kind: 'unknown', fault: { code: 'EmptyAnswer', message: 'ECS named neither tasks nor failures' } };
  }
  const returned = tasks.map(returnedTask);
  // Without its ARN a task that was made cannot be followed; a replay may bring it.
  if (returned.includes(null)) {
    return { kind: 'unknown', fault: { code: 'TaskWithoutArn', message: 'ECS named a task without its ARN' } };
  }
  return { kind: 'done', tasks: returned.filter((task) => task !== null), failures: failures.map(placementFailure) };
}

function returnedTask({ taskArn, containerInstanceArn }: Task): ReturnedTask | null {
  if (taskArn === undefined || taskArn === '') return null;
  return { arn: as<TaskArn>(taskArn), instance: instanceArn(containerInstanceArn) };
}

function placementFailure({ arn, reason = 'UNKNOWN', detail }: Failure): PlacementFailure {
  return { instance: instanceArn(arn), reason: detail ? `${reason}: ${detail}` : reason };
}

function instanceArn(arn: string | undefined): InstanceArn | null {
  return arn?.includes(':container-instance/') === true ? as<InstanceArn>(arn) : null;
}

/** The tasks our token is bound to. A conflict that names none is in doubt like any other error. */
function conflictTasks({ fault, resourceIds, status }: WireError): readonly ReturnedTask[] {
  if (fault.code !== 'ConflictException' || !isClientError(status)) return [];
  return resourceIds.filter((id) => id.includes(':task/')).map((id) => ({ arn: as<TaskArn>(id), instance: null }));
}

const isClientError = (status: number | null): boolean => status !== null && status >= 400 && status < 500;
