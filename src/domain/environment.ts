import type {
  ClusterArn,
  DeploymentId,
  DeploymentToken,
  EnvironmentId,
  EnvironmentName,
  InstanceArn,
  Instant,
  TaskDefinitionArn,
} from './ids.ts';

/** A JSON object we hand on to ECS without reading it. */
export type JsonObject = { readonly [member: string]: unknown };

/** The desired state, written by the API alone. */
export interface EnvironmentSpec {
  readonly id: EnvironmentId;
  readonly name: EnvironmentName;
  readonly cluster: ClusterArn;
  readonly taskDefinition: TaskDefinitionArn;
  /** ECS's `networkConfiguration`, needed by `awsvpc` task definitions; passed through to RunTask. */
  readonly networkConfiguration: JsonObject | null;
  readonly deploymentToken: DeploymentToken;
  readonly createdAt: Instant;
  /** The deployment to carry out; null before the first one, and then nothing is launched. */
  readonly target: DeploymentId | null;
  /** Set once and for all by a deletion: readers see the environment as gone, the actor clears up behind it. */
  readonly deletion: Deletion | null;
}

/** Whether its actor has anything to do: nothing is done for an environment that was never deployed. */
export const isInService = ({ target, deletion }: EnvironmentSpec): boolean => target !== null || deletion !== null;

export interface Deletion {
  readonly requestedAt: Instant;
  /** stop: its tasks are stopped. keep: they go on running, for a successor to adopt. */
  readonly tasks: 'stop' | 'keep';
}

/** The request for a deployment: written once by the API, never changed. */
export interface Deployment {
  readonly id: DeploymentId;
  readonly token: DeploymentToken;
  readonly taskDefinition: TaskDefinitionArn;
  readonly createdAt: Instant;
}

/** How far a deployment has come, written by the actor. No progress yet means it is pending. */
export interface DeploymentProgress {
  readonly id: DeploymentId;
  /**
   * running: some eligible host has neither a task that reached RUNNING nor used up its attempts.
   * completed: none has. It stays completed, with the failed instances of that moment; repair goes on behind it.
   */
  readonly status: 'running' | 'completed';
  readonly startedAt: Instant;
  readonly completedAt: Instant | null;
  readonly failedInstances: readonly FailedInstance[];
}

export interface FailedInstance {
  readonly instance: InstanceArn;
  /** ECS's own words where it gave any. */
  readonly reason: string;
  readonly attempts: number;
}

/** What the actor last saw of the environment as a whole. */
export interface EnvironmentStatus {
  readonly health: 'healthy' | 'unhealthy';
  /** One sentence for each thing that is wrong; empty when healthy. */
  readonly reasons: readonly string[];
  readonly hosts: HostCounts;
}

interface HostCounts {
  /** ACTIVE with its agent connected: must have a task. */
  readonly eligible: number;
  /** Eligible, and its task reached RUNNING. */
  readonly running: number;
  /** Eligible, its task launched or being launched, not RUNNING yet. */
  readonly starting: number;
  /** Eligible, attempts used up; still repaired at the pace of its backoff. */
  readonly failed: number;
  /** Agent disconnected: left alone until it returns. */
  readonly disconnected: number;
  readonly draining: number;
}
