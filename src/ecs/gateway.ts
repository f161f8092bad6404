/**
 * The port to Amazon ECS.
 * E1. A mutating call is sent once: no hidden retries, and always with a deadline. What to do about its ending is the caller's decision.
 * E2. `refused` is said only when surely nothing was started by this call; in doubt it is `unknown`.
 * E3. No launch is sent later than its `notAfter`, checked after any wait and immediately before sending.
 */
import type { Instance, Task } from '../domain/facts.ts';
import type { ClusterArn, InstanceArn, Instant, TaskArn, TaskDefinitionArn } from '../domain/ids.ts';
import type { Launch } from '../domain/launch.ts';
import type { Fault, LaunchOutcome, Priority, StopOutcome } from '../domain/plan.ts';

export interface EcsGateway {
  launch(call: LaunchCall, signal: AbortSignal): Promise<LaunchOutcome>;
  stop(call: StopCall, signal: AbortSignal): Promise<StopOutcome>;
  /** Any number of ARNs; batched by 100. An answer of refused or unknown is an EcsReadError. The priority is `repair` unless said. */
  describeTasks(
    cluster: ClusterArn,
    tasks: readonly TaskArn[],
    signal: AbortSignal,
    priority?: Priority,
  ): Promise<ReadonlyMap<TaskArn, Task | 'MISSING'>>;
  describeInstances(
    cluster: ClusterArn,
    instances: readonly InstanceArn[],
    signal: AbortSignal,
    priority?: Priority,
  ): Promise<ReadonlyMap<InstanceArn, Instance | 'MISSING'>>;
  /** Every container instance and every task of the cluster: RUNNING listed to its last page, and only then STOPPED, all described. */
  survey(cluster: ClusterArn, signal: AbortSignal): Promise<Survey>;
  /** ACTIVE or INACTIVE, remembered for a while: asking is cheap. */
  taskDefinitionStatus(taskDefinition: TaskDefinitionArn, signal: AbortSignal): Promise<'ACTIVE' | 'INACTIVE'>;
  /** For the API: names and families to ARNs. Never throws: the caller answers a person. */
  resolveCluster(nameOrArn: string, signal: AbortSignal): Promise<Resolution<ClusterArn>>;
  resolveTaskDefinition(familyOrArn: string, signal: AbortSignal): Promise<Resolution<ResolvedTaskDefinition>>;
}

export interface LaunchCall {
  readonly launch: Launch;
  /** A call for this launch may have been sent before. The outcome speaks of this call alone; what it means for the one before is the planner's to say. */
  readonly replay: boolean;
  readonly priority: Priority;
  /** Not sent after this moment (of the gateway's clock): refused with `retry`. */
  readonly notAfter: Instant;
}

export interface StopCall {
  readonly cluster: ClusterArn;
  readonly task: TaskArn;
  /** Shown by ECS as stoppedReason; at most 255 characters (ECS API reference, StopTask). */
  readonly reason: string;
  readonly priority: Priority;
  readonly notAfter: Instant;
}

export interface Survey {
  /** Foreign tasks are counted on their instance and not listed. */
  readonly instances: readonly Instance[];
  /** Tasks whose group begins with `daemon:`. */
  readonly tasks: readonly Task[];
  /** ECS read calls it took, for pacing. */
  readonly reads: number;
}

export type Resolution<T> =
  | { readonly kind: 'found'; readonly value: T }
  /** Does not exist. `fault` is ECS's own answer, or MISSING. */
  | { readonly kind: 'missing'; readonly fault: Fault }
  | { readonly kind: 'inactive' }
  /** ECS did not answer in time. */
  | { readonly kind: 'timeout' }
  /** ECS has too many requests from this account just now; the same may succeed shortly. */
  | { readonly kind: 'throttled'; readonly fault: Fault }
  /** ECS answered with another error, as access denied. */
  | { readonly kind: 'failed'; readonly fault: Fault };

export interface ResolvedTaskDefinition {
  readonly arn: TaskDefinitionArn;
  readonly networkMode: string | null;
}

/** An ECS read failed; nothing was learned. */
export class EcsReadError extends Error {
  override readonly name = 'EcsReadError';
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(`${fault.code}: ${fault.message}`);
    this.fault = fault;
  }
}
