/**
 * The port to Amazon ECS.
 * E1. A mutating call is sent once: no hidden retries, and always with a deadline. What to do about its ending is the caller's decision.
 * E2. `refused` is said only when surely nothing was started by this call; in doubt it is `unknown`.
 * E3. No launch is sent later than its `notAfter`, checked after any wait and immediately before sending.
 */
import type { HostCapacity, TaskNeeds } from '../domain/capacity.ts';
import type { AdoptSelector } from '../domain/adoption.ts';
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
  /**
   * The same for tasks whose news can wait, at the priority of surveys and together with others of the cluster. Never throws, and
   * never waits long: those that were not described in time are left out.
   */
  pollTasks(
    cluster: ClusterArn,
    tasks: readonly TaskArn[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<TaskArn, Task | 'MISSING'>>;
  describeInstances(
    cluster: ClusterArn,
    instances: readonly InstanceArn[],
    signal: AbortSignal,
    priority?: Priority,
  ): Promise<ReadonlyMap<InstanceArn, Instance | 'MISSING'>>;
  /** What each host has left: any number of ARNs, batched as the descriptions are, and of the lowest priority. Throws EcsReadError. */
  capacities(
    cluster: ClusterArn,
    instances: readonly InstanceArn[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<InstanceArn, HostCapacity | 'MISSING'>>;
  /**
   * Every container instance and every task of the cluster: RUNNING listed to its last page, and only then STOPPED, all described.
   * `adopt`: which tasks of something else belong to the cluster's environments.
   */
  survey(cluster: ClusterArn, adopt: readonly AdoptSelector[], signal: AbortSignal): Promise<Survey>;
  /** ACTIVE or INACTIVE, remembered for a while: asking is cheap. */
  taskDefinitionStatus(taskDefinition: TaskDefinitionArn, signal: AbortSignal): Promise<'ACTIVE' | 'INACTIVE'>;
  /** What the definition says, whatever its status; remembered like the status, with it. Throws EcsReadError, also when there is none. */
  taskDefinition(taskDefinition: TaskDefinitionArn, signal: AbortSignal): Promise<ResolvedTaskDefinition>;
  /** For the API: names and families to ARNs. Never throws: the caller answers a person. */
  resolveCluster(nameOrArn: string, signal: AbortSignal): Promise<Resolution<ClusterArn>>;
  resolveTaskDefinition(familyOrArn: string, signal: AbortSignal): Promise<Resolution<ResolvedTaskDefinition>>;
}

/** The part of ECS that sets attributes of hosts. E1 and E3 hold for it too. */
export interface AttributeGateway {
  /** Of the lowest priority. One outcome for each host: one that ECS refuses does not fail the others. */
  changeAttribute(call: AttributeCall, signal: AbortSignal): Promise<ReadonlyMap<InstanceArn, AttributeOutcome>>;
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

/** ECS API reference, PutAttributes: attributes a call. Each is of one host here. */
export const ATTRIBUTES_PER_CALL = 10;

export interface AttributeCall {
  readonly cluster: ClusterArn;
  readonly change:
    | { readonly kind: 'put'; readonly name: string; readonly value: string }
    | { readonly kind: 'delete'; readonly name: string };
  /** At least one, at most `ATTRIBUTES_PER_CALL`. */
  readonly instances: readonly InstanceArn[];
  readonly notAfter: Instant;
}

export type AttributeOutcome =
  | { readonly kind: 'done' }
  /** Nothing happened. `retry`: the same may succeed shortly. */
  | { readonly kind: 'refused'; readonly fault: Fault; readonly retry: boolean }
  | { readonly kind: 'unknown'; readonly fault: Fault };

export interface Survey {
  /** Foreign tasks are counted on their instance and not listed. */
  readonly instances: readonly Instance[];
  /** Tasks whose group begins with `daemon:`, and those that are adopted. */
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
  /** An essential container has a health check, so ECS tells the health of its tasks. */
  readonly healthCheck: boolean;
  readonly needs: TaskNeeds;
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
