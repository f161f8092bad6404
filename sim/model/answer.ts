/** What ECS says: a body, or an error with a code that callers may branch on and a message that they may not. */
export type EcsAnswer = EcsSuccess | EcsError;

interface EcsSuccess {
  readonly kind: 'ok';
  readonly body: object;
}

export interface EcsError {
  readonly kind: 'error';
  readonly status: 400 | 500;
  readonly type: EcsErrorType;
  readonly message: string;
  /** Only with ConflictException: the ARNs of the tasks bound to the client token. */
  readonly resourceIds?: readonly string[];
}

export type EcsErrorType =
  | 'AttributeLimitExceededException'
  | 'ClientException'
  | 'ClusterContainsContainerInstancesException'
  | 'ClusterContainsTasksException'
  | 'ClusterNotFoundException'
  | 'ConflictException'
  | 'InvalidParameterException'
  | 'ResourceNotFoundException'
  | 'SerializationException'
  | 'ServerException'
  | 'ServiceNotFoundException'
  | 'TargetNotFoundException'
  | 'ThrottlingException'
  | 'UnknownOperationException'
  | 'UnsupportedFeatureException';

export function ecsError(type: EcsErrorType, message: string): EcsError {
  return { kind: 'error', status: type === 'ServerException' ? 500 : 400, type, message };
}

export function invalid(message: string): EcsError {
  return ecsError('InvalidParameterException', message);
}

export function isError(value: object): value is EcsError {
  return 'kind' in value && value.kind === 'error';
}
