import type { AdoptSelector } from './adoption.ts';
import type {
  ClusterArn,
  DeploymentId,
  DeploymentToken,
  EnvironmentId,
  EnvironmentName,
  InstanceArn,
  Instant,
  RevisionId,
  Template,
} from './ids.ts';
import type { EnvironmentRevision, Retry, Wave } from './revision.ts';

/** The desired state, written by the API; the actor writes it when it rolls back, and compares it when it promises. */
export interface EnvironmentSpec {
  readonly id: EnvironmentId;
  readonly name: EnvironmentName;
  readonly cluster: ClusterArn;
  /** What the next deployment deploys. What hosts get is their deployment's revision. */
  readonly revision: EnvironmentRevision;
  readonly deploymentToken: DeploymentToken;
  readonly createdAt: Instant;
  /** The deployment to carry out; null before the first one, and then nothing is launched. */
  readonly target: DeploymentId | null;
  /** What people said about the target's rollout. */
  readonly orders: RolloutOrders;
  /** Nothing is launched and nothing stopped, until it is thawed. */
  readonly frozen: boolean;
  /** Hosts that are left alone: nothing is launched or stopped there. */
  readonly excluded: readonly InstanceArn[];
  readonly retries: readonly Retry[];
  /** Tasks that something else started and that count as ours. */
  readonly adopt: AdoptSelector | null;
  /** On a draining host its task leaves after those of these environments. */
  readonly drainAfter: readonly EnvironmentName[];
  /** Takes part in the host attribute `daemons.ready`. */
  readonly required: boolean;
  /** Set once and for all by a deletion: readers see the environment as gone, the actor clears up behind it. */
  readonly deletion: Deletion | null;
}

export interface RolloutOrders {
  readonly paused: boolean;
  /** How often it was resumed: a breaker that tripped counts until the next time. */
  readonly resumes: number;
  /** Waves that a person promoted: as many open at once, and the one after them. */
  readonly promoted: number;
  readonly cancelled: boolean;
}

export const NO_ORDERS: RolloutOrders = { paused: false, resumes: 0, promoted: 0, cancelled: false };

/** What a new environment is told to do: nothing yet, and nothing special. */
export const AS_MADE: Omit<EnvironmentSpec, 'id' | 'name' | 'cluster' | 'revision' | 'deploymentToken' | 'createdAt'> =
  {
    target: null,
    orders: NO_ORDERS,
    frozen: false,
    excluded: [],
    retries: [],
    adopt: null,
    drainAfter: [],
    required: false,
    deletion: null,
  };

/** Whether its actor has anything to do: nothing is done for an environment that was never deployed. */
export const isInService = ({ target, deletion }: EnvironmentSpec): boolean => target !== null || deletion !== null;

export interface Deletion {
  readonly requestedAt: Instant;
  /** stop: its tasks are stopped. keep: they go on running, for a successor to adopt. */
  readonly tasks: 'stop' | 'keep';
}

/** The request for a deployment: written once, never changed. */
export interface Deployment {
  readonly id: DeploymentId;
  readonly token: DeploymentToken;
  readonly kind: 'deploy' | 'restart' | 'rollback';
  readonly revision: EnvironmentRevision;
  /** The revision's template, but another one where a restart wants the same made anew. */
  readonly template: Template;
  /** The last completed deployment when this one was made: what hosts get where this one's waves are closed. null: none. */
  readonly base: DeploymentId | null;
  /** The deployment it takes back, if it is a rollback. */
  readonly rollsBack: DeploymentId | null;
  readonly createdAt: Instant;
}

/** How far a deployment has come, written by the actor. No progress yet means it is pending. */
export interface DeploymentProgress {
  readonly id: DeploymentId;
  /**
   * running: some host in scope has neither a ready task of this deployment nor used up its attempts, or waves are still closed.
   * paused: by a person or by the breaker. completed: all are done. It stays completed, with the failed instances of that
   * moment; repair goes on behind it. failed: the breaker tripped and it is rolled back. cancelled: a person ended it.
   */
  readonly state: 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  /** Why it is paused, failed or cancelled. */
  readonly reason: string | null;
  /** Empty until the hosts are known. */
  readonly waves: readonly Wave[];
  /** How many of them are open. */
  readonly open: number;
  /** When the last of these was opened, or was not done any more, or the rollout resumed: its deadline counts from here. */
  readonly openedAt: Instant;
  /** Hosts chosen for the canary that was opened last; those that left and were replaced are among them. */
  readonly canaries: number;
  /** Since when every host of the open waves is done: it bakes from here. */
  readonly doneAt: Instant | null;
  /** Alarms that fired when it began, and have not been OK since. */
  readonly ignoredAlarms: readonly string[];
  /** The breaker tripped, after so many resumes. */
  readonly trip: { readonly reason: string; readonly resumes: number } | null;
  /** Failed attempts that a person resumed in spite of. */
  readonly forgiven: number;
  readonly failedInstances: readonly FailedInstance[];
  /** Without a ready task of this deployment, and not waited for: their agent is disconnected. They are caught up when they return. */
  readonly deferredInstances: readonly InstanceArn[];
}

/** Nothing more is done for the deployment itself. */
export const isOver = ({ state }: DeploymentProgress): boolean => state !== 'running' && state !== 'paused';

export interface FailedInstance {
  readonly instance: InstanceArn;
  /** ECS's own words where it gave any; where there are too many different ones, that the host tells. */
  readonly reason: string;
  readonly attempts: number;
}

/** What the actor last saw of the environment as a whole. */
export interface EnvironmentStatus {
  readonly health: 'healthy' | 'unhealthy';
  /** One sentence for each thing that is wrong; empty when healthy. */
  readonly reasons: readonly string[];
  readonly hosts: HostCounts;
  /** Revisions that live tasks run: they are not dropped. */
  readonly revisions: readonly RevisionId[];
}

interface HostCounts {
  /** ACTIVE with its agent connected, matched by the query and not excluded: must have a task. */
  readonly eligible: number;
  /** Eligible, and its task reached RUNNING. */
  readonly running: number;
  /** Eligible, and its task is ready. */
  readonly ready: number;
  /** Eligible, and its task is of the target deployment. */
  readonly updated: number;
  /** Eligible, its task launched or being launched, not RUNNING yet. */
  readonly starting: number;
  /** Eligible, attempts used up; still repaired at the pace of its backoff. */
  readonly failed: number;
  /** Agent disconnected: left alone until it returns. */
  readonly disconnected: number;
  readonly draining: number;
}
