import { ECSServiceException } from '@aws-sdk/client-ecs';
import type { Fault } from '../domain/plan.ts';

/** What an error of the SDK or of the network says, without its classes. */
export interface WireError {
  readonly fault: Fault;
  /** Status of an answer that ECS's error format could be read from; null: there was no such answer. */
  readonly status: number | null;
  /** Requests made. More than one: the earlier ones' fates are hidden behind the last error. */
  readonly attempts: number;
  /** ARNs a ConflictException names. */
  readonly resourceIds: readonly string[];
}

export function wireError(error: unknown): WireError {
  const metadata = member(error, '$metadata');
  const attempts = member(metadata, 'attempts');
  const status = error instanceof ECSServiceException ? member(metadata, 'httpStatusCode') : null;
  const resourceIds = member(error, 'resourceIds');
  return {
    fault: faultOf(error),
    status: typeof status === 'number' ? status : null,
    attempts: typeof attempts === 'number' ? attempts : 1,
    resourceIds: Array.isArray(resourceIds) ? resourceIds.filter((id) => typeof id === 'string') : [],
  };
}

/** The SDK's words when neither its variables nor its files tell one. */
const REGION_MISSING = 'Region is missing';

/** ECS's error name, the system's error code, or ours. */
function faultOf(error: unknown): Fault {
  if (!(error instanceof Error)) return { code: 'Error', message: String(error) };
  if (error instanceof ECSServiceException) return { code: error.name, message: error.message };
  const code = member(error, 'code');
  // A host with several addresses fails once for each; the first tells enough.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const message = first instanceof Error ? first.message : error.message;
  return {
    code: typeof code === 'string' ? code : error.name,
    message: message === REGION_MISSING ? `${message}: set AWS_REGION` : message,
  };
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
