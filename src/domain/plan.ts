/** The words planner, actor, store and gateway share. */
import type { Deployment, DeploymentProgress, EnvironmentSpec, EnvironmentStatus } from './environment.ts';
import type { InstanceArn, Instant, LaunchId, TaskArn, TaskDefinitionArn } from './ids.ts';
import type { HistoryEntry, Launch, Slot, StopRequest } from './launch.ts';

/** One write of the actor to the store. */
export type Change =
  | { readonly kind: 'put-launch'; readonly launch: Launch }
  | { readonly kind: 'delete-launch'; readonly launch: LaunchId }
  | { readonly kind: 'put-slot'; readonly slot: Slot }
  /** The host's history goes with it. */
  | { readonly kind: 'delete-slot'; readonly instance: InstanceArn }
  /** `place`: 0 to HISTORY_KEPT - 1. */
  | {
      readonly kind: 'put-history';
      readonly instance: InstanceArn;
      readonly place: number;
      readonly entry: HistoryEntry;
    }
  | { readonly kind: 'put-progress'; readonly progress: DeploymentProgress }
  | { readonly kind: 'put-status'; readonly status: EnvironmentStatus };

/** Changes that must land together: a launch and the slots it settles into. Some sixty at most (ten hosts of a launch, each with its history): well under what a transaction takes. */
export type ChangeGroup = readonly Change[];

/** What matters more goes first when ECS's budget is short: a host that lost its task, a host that never had one, a rollout. */
export type Priority = 'repair' | 'new-host' | 'rollout';

/** One call to ECS, with nothing left to decide. */
export type Effect =
  | { readonly kind: 'launch'; readonly launch: Launch; readonly replay: boolean; readonly priority: Priority }
  | { readonly kind: 'stop'; readonly task: TaskArn; readonly reason: StopReason; readonly priority: Priority };

export type StopReason = StopRequest['reason'] | 'duplicate';

/** Why something did not happen. `code` is ECS's error name or failure reason, `message` its own words. */
export interface Fault {
  readonly code: string;
  readonly message: string;
}

/** The three endings of a launch call. */
export type LaunchOutcome =
  /** ECS answered with the tasks it made, all, some or none, and why the rest were not. A conflict comes out here too, with its ARNs. */
  | { readonly kind: 'done'; readonly tasks: readonly ReturnedTask[]; readonly failures: readonly PlacementFailure[] }
  /** Surely nothing was started by this call. `retry`: not the launch's fault (throttled, never sent), so it costs no attempt. */
  | { readonly kind: 'refused'; readonly fault: Fault; readonly retry: boolean }
  /** It may have happened. */
  | { readonly kind: 'unknown'; readonly fault: Fault };

export interface ReturnedTask {
  readonly arn: TaskArn;
  /** null: ECS left it out (a stopped task in a replayed answer, a conflict); describe it. */
  readonly instance: InstanceArn | null;
}

export interface PlacementFailure {
  /** The instance ECS names, if it names one. */
  readonly instance: InstanceArn | null;
  readonly reason: string;
}

/** The three endings of a stop. A repeated stop is harmless, so unknown only means: ask again. */
export type StopOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly fault: Fault }
  | { readonly kind: 'unknown'; readonly fault: Fault };

export type Acted =
  | {
      readonly effect: Effect & { readonly kind: 'launch' };
      readonly outcome: LaunchOutcome;
      readonly endedAt: Instant;
    }
  | { readonly effect: Effect & { readonly kind: 'stop' }; readonly outcome: StopOutcome; readonly endedAt: Instant };

/** What the planner wants described before it decides; the actor asks ECS and plans again. */
export interface LookRequest {
  readonly tasks: readonly TaskArn[];
  /** Tasks whose news can wait: ECS is asked if it can be at once. */
  readonly polls: readonly TaskArn[];
  readonly instances: readonly InstanceArn[];
  /** Ask whether these are still ACTIVE: something of them is about to be launched. */
  readonly taskDefinitions: readonly TaskDefinitionArn[];
  /** CloudWatch alarms that a rollout watches. */
  readonly alarms: readonly string[];
}

/** Something is to be asked for. */
export const isAsking = ({ tasks, polls, instances, taskDefinitions, alarms }: LookRequest): boolean =>
  tasks.length + polls.length + instances.length + taskDefinitions.length + alarms.length > 0;

export const withoutPolls = (request: LookRequest): LookRequest => ({ ...request, polls: [] });

/** Why a host has no task yet, or keeps one it should not have, or an outdated one. */
export type Waiting =
  /** Cluster facts are missing, or older than what they would have to prove. */
  | 'facts'
  /** A launch for it is under way or its outcome unknown. */
  | 'launch'
  /** Launched, not RUNNING yet. */
  | 'start'
  /** Its last attempts failed; the next comes later. */
  | 'backoff'
  /** Its agent is disconnected. */
  | 'agent'
  /** A stop was requested and ECS has not finished it. */
  | 'stop'
  /** It drains, and other tasks are still on it. */
  | 'drain'
  /** Another registration of the same machine still has a task or an open launch. */
  | 'other-registration'
  /** The task definition was deregistered. */
  | 'task-definition'
  /** ECS gave no EC2 or SSM id, so RunTask cannot be pinned to it. */
  | 'no-instance-id'
  /** This turn is full; the next follows at once. */
  | 'turn-limit'
  /** As many hosts as `maxUnavailable` allows are without a ready task through the rollout. */
  | 'budget'
  /** Its wave of the rollout is not open yet. */
  | 'wave'
  /** The rollout is paused, by a person or by its circuit breaker. */
  | 'paused'
  /** The rollout was cancelled, or failed, and nothing was completed before that the host could get. */
  | 'no-revision'
  /** The states of the rollout's alarms are not known. */
  | 'alarms'
  /** A person froze the environment. */
  | 'frozen'
  /** A person excluded the host. */
  | 'excluded'
  /** The query of the instance group does not match the host. */
  | 'not-matching';

/** A turn, decided. */
export interface Plan {
  /** Committed before any effect, launches' intents among them. */
  readonly changes: readonly ChangeGroup[];
  readonly effects: readonly Effect[];
  /** Slots as they stand once `changes` are committed: what outcomes are settled against. */
  readonly slots: ReadonlyMap<InstanceArn, Slot>;
  readonly look: LookRequest;
  readonly waiting: ReadonlyMap<InstanceArn, Waiting>;
  /** Until when a host waits, where that is known. */
  readonly until: ReadonlyMap<InstanceArn, Instant>;
  /** The environment gets this deployment, which rolls the last one back; then there are no effects. */
  readonly rollback: Rollback | null;
  /** When to look again if nothing wakes us before; null: only when something happens. */
  readonly wakeAt: Instant | null;
  /** Fresh facts would help now: ask for a survey. */
  readonly needsSurvey: boolean;
  /** The environment is deleted and nothing is left to do for it. */
  readonly finished: boolean;
}

/** A rollback that the planner decided on: written in one transaction that compares the fence and the spec. */
export interface Rollback {
  readonly spec: EnvironmentSpec;
  readonly deployment: Deployment;
  /** Of the deployment that is rolled back. */
  readonly progress: DeploymentProgress;
}
