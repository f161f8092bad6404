/** The words planner, actor, store and gateway share. */
import type { DeploymentProgress, EnvironmentStatus } from './environment.ts';
import type { InstanceArn, Instant, LaunchId, TaskArn } from './ids.ts';
import type { Launch, Slot } from './launch.ts';

/** One write of the actor to the store. */
export type Change =
  | { readonly kind: 'put-launch'; readonly launch: Launch }
  | { readonly kind: 'delete-launch'; readonly launch: LaunchId }
  | { readonly kind: 'put-slot'; readonly slot: Slot }
  | { readonly kind: 'delete-slot'; readonly instance: InstanceArn }
  | { readonly kind: 'put-progress'; readonly progress: DeploymentProgress }
  | { readonly kind: 'put-status'; readonly status: EnvironmentStatus };

/** Changes that must land together: a launch and the slots it settles into. At most 32, so that groups pack well into transactions. */
export type ChangeGroup = readonly Change[];

/** What matters more goes first when ECS's budget is short: a host that lost its task, a host that never had one, a rollout. */
export type Priority = 'repair' | 'new-host' | 'rollout';

/** One call to ECS, with nothing left to decide. */
export type Effect =
  | { readonly kind: 'launch'; readonly launch: Launch; readonly replay: boolean; readonly priority: Priority }
  | { readonly kind: 'stop'; readonly task: TaskArn; readonly reason: StopReason; readonly priority: Priority };

export type StopReason = 'draining' | 'deletion' | 'duplicate';

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
  readonly instances: readonly InstanceArn[];
  /** Ask whether the task definition is still ACTIVE: something is about to be launched. */
  readonly taskDefinition: boolean;
}

/** Why a host has no task yet, or keeps one it should not have. */
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
  | 'turn-limit';

/** A turn, decided. */
export interface Plan {
  /** Committed before any effect, launches' intents among them. */
  readonly changes: readonly ChangeGroup[];
  readonly effects: readonly Effect[];
  /** Slots as they stand once `changes` are committed: what outcomes are settled against. */
  readonly slots: ReadonlyMap<InstanceArn, Slot>;
  readonly look: LookRequest;
  readonly waiting: ReadonlyMap<InstanceArn, Waiting>;
  /** When to look again if nothing wakes us before; null: only when something happens. */
  readonly wakeAt: Instant | null;
  /** Fresh facts would help now: ask for a survey. */
  readonly needsSurvey: boolean;
  /** The environment is deleted and nothing is left to do for it. */
  readonly finished: boolean;
}
