import type {
  DeploymentId,
  InstanceArn,
  Instant,
  LaunchId,
  RevisionId,
  TaskArn,
  TaskDefinitionArn,
  Template,
} from './ids.ts';
import type { JsonObject } from './json.ts';

/**
 * A launch we promised ourselves before asking ECS for it. The record exists from before the call until it is known,
 * for every member, whether it got a task; while it exists no member is launched on by anything else.
 */
export interface Launch {
  readonly id: LaunchId;
  /** RunTask carries the launch id as idempotency key and may be repeated. StartTask has none: sent once, never again. */
  readonly primitive: 'RunTask' | 'StartTask';
  readonly deployment: DeploymentId;
  readonly revision: RevisionId;
  readonly template: Template;
  readonly taskDefinition: TaskDefinitionArn;
  /** The hosts still unsettled; one to ten (ECS API reference: `count` and `containerInstances` take up to 10). */
  readonly members: readonly Member[];
  /** The whole request as it is sent. Replayed as it stands, never rebuilt: a changed body is another request to ECS. */
  readonly request: JsonObject;
  /** When the promise was made; ECS remembers the key for at least an hour from here. */
  readonly committedAt: Instant;
  /** When it was last promised to send it: the commit itself, or a later replay. No call leaves later than `actWithin` after it. */
  readonly promisedAt: Instant;
  /** When the call of the last promise was over, if its turn lived to write that down. */
  readonly endedAt: Instant | null;
  /** Promises to send so far, for the backoff of replays. */
  readonly sends: number;
  /** ARNs that ECS returned and whose host is not known yet: describe them, then settle the launch as a whole. */
  readonly returned: readonly TaskArn[];
  /** Why it must not be sent again: a member was settled by observation, or a replay was refused. */
  readonly noReplay: 'observed' | 'replay-refused' | null;
  /** Start of the first listing that proved a member has no task; a second, later one frees it. */
  readonly emptyListingAt: Instant | null;
}

export interface Member {
  readonly instance: InstanceArn;
  readonly ec2InstanceId: string | null;
}

/** What we know we have on one host. Exists from the first launch or adoption until the host is gone. */
export interface Slot {
  readonly instance: InstanceArn;
  readonly ec2InstanceId: string | null;
  readonly task: PlacedTask | null;
  /** We asked ECS to stop the task, or are about to. */
  readonly stop: StopRequest | null;
  readonly tries: Tries;
  /** When the host was first seen DRAINING; null when it is not. */
  readonly drainingSince: Instant | null;
  /** Since when this host's agent is gone while the machine's later registration is connected; null when that is not so. */
  readonly supersededSince: Instant | null;
  /** When the host came to have a task, or to lack one: its start grace counts from here. */
  readonly since: Instant;
  /** Since when the host is without a ready task; null when it has one. */
  readonly gapSince: Instant | null;
  /** We took its ready task away for a rollout, and it has not had one since: it counts towards `maxUnavailable`. */
  readonly vacated: boolean;
  /** The deployment that chose the host as a canary, and the index of that wave. */
  readonly canary: { readonly deployment: DeploymentId; readonly wave: number } | null;
  /** Time without a ready task since that deployment began; gaps that are over. */
  readonly uncovered: { readonly deployment: DeploymentId; readonly ms: number } | null;
  /** Retries by hand that were heeded. */
  readonly retried: number;
  /** Entries written to the host's history so far. */
  readonly entries: number;
}

export interface PlacedTask {
  readonly arn: TaskArn;
  /** null: adopted. */
  readonly launch: LaunchId | null;
  /** null: adopted, and no deployment of ours is known to have launched it. */
  readonly revision: RevisionId | null;
  readonly template: Template;
  readonly taskDefinition: TaskDefinitionArn;
  readonly placedAt: Instant;
  /** When it was first seen RUNNING. */
  readonly ranAt: Instant | null;
  /** When it was first seen ready: RUNNING for `minReadySeconds`, and HEALTHY where it has a health check. */
  readonly readyAt: Instant | null;
  /** Since when DescribeTasks calls it MISSING; a sight of it clears this. */
  readonly missingSince: Instant | null;
}

export interface StopRequest {
  /**
   * draining: ECS never stops a standalone task for a drain. deletion: the environment is going. update: a rollout replaces
   * it. not-matching: the host is none of the environment's any more. unhealthy: its container health check failed.
   */
  readonly reason: 'draining' | 'deletion' | 'update' | 'not-matching' | 'unhealthy';
  readonly requestedAt: Instant;
  /** ECS took the request. */
  readonly accepted: boolean;
}

/** Attempts in a row that did not last. A task that runs for long enough clears them. */
export interface Tries {
  readonly count: number;
  /** What ended the last one, in ECS's own words where it gave any; null when there was none. */
  readonly reason: string | null;
  /** No launch before this moment. */
  readonly until: Instant;
  /** What was tried: another template starts clean. null when there was none. */
  readonly template: Template | null;
  /** The host was broken before the rollout began: its attempts say nothing about the new template. */
  readonly exempt: boolean;
}

/** One decision about a host, or how it ended. Kept for people, in a ring of `HISTORY_KEPT`. */
export interface HistoryEntry {
  readonly at: Instant;
  /** What was seen. */
  readonly saw: string;
  /** Which rule decided: its number in the file it governs, or a word. */
  readonly rule: string;
  readonly did: string;
  /** How it ended, where that is known. */
  readonly outcome: string | null;
}

/** Entries kept for a host: some days of an ordinary one, and all of a rollout that failed a few times. */
export const HISTORY_KEPT = 16;
