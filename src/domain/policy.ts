/** Every number the planner and the actor decide by, in one object, so that a test can make each one small. */
export interface Policy {
  /** No launch leaves later than this after its promise was committed; bounds what a lost worker can still do. */
  readonly actWithinMs: number;
  /** Longest a mutating call to ECS may take before we call it unknown. */
  readonly requestTimeoutMs: number;
  /** A signed request is refused by AWS when it arrives later than this after it was signed (IAM user guide, signing). */
  readonly signatureMs: number;
  /** Within this time ECS shows a started task in its listings (an assumption; ECS documents "eventual consistency" only). */
  readonly visibilityMs: number;
  /** How far the clocks of workers and ECS may differ. */
  readonly clockSkewMs: number;
  /** ECS remembers an idempotency key for at least an hour (ECS API reference, Ensuring idempotency); we stop replaying well before. */
  readonly replayWithinMs: number;
  /** First and longest wait between two replays of one launch. */
  readonly replayBackoffMs: Range;
  /** A task that DescribeTasks calls MISSING is believed gone after this: ECS describes stopped tasks for at least an hour. */
  readonly missingAfterMs: number;
  /** Attempts on a host before a deployment counts it as failed. */
  readonly attempts: number;
  /** First and longest wait before the next attempt on a host. It doubles with each attempt that did not last. */
  readonly attemptBackoffMs: Range;
  /** A task that ran this long clears its host's failed attempts. */
  readonly stableAfterMs: number;
  /** How long a host may be without a RUNNING task before the environment is unhealthy. */
  readonly startGraceMs: number;
  /** On a DRAINING host our task is stopped after this even if other tasks are still there. */
  readonly drainDeadlineMs: number;
  /**
   * A machine that registered anew gets a task there once the agent of its old registration was gone for this long. An agent
   * that lost its connection tries again at least every two minutes (amazon-ecs-agent, connectionBackoffMax): this is two tries.
   */
  readonly supersededAfterMs: number;
  /** First and longest wait between two looks at a task that has not reached RUNNING. */
  readonly startPollMs: Range;
  /** How often a rollout asks for its alarms. CloudWatch evaluates them every 10 s at the soonest. */
  readonly alarmPollMs: number;
  /** Launch calls a turn. At ECS's full rate (90 at once, then 40 a second) the budget gives these in 4 s, well within `actWithin`. */
  readonly launchesPerTurn: number;
  readonly stopsPerTurn: number;
  /** ARNs described a turn, tasks and instances each. */
  readonly looksPerTurn: number;
  /** RunTask, or StartTask where RunTask cannot be used. */
  readonly primitive: 'RunTask' | 'StartTask';
}

export interface Range {
  readonly first: number;
  readonly most: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const DEFAULT_POLICY: Policy = {
  actWithinMs: 10 * SECOND,
  requestTimeoutMs: 10 * SECOND,
  signatureMs: 5 * MINUTE,
  visibilityMs: 2 * MINUTE,
  clockSkewMs: 5 * SECOND,
  replayWithinMs: 45 * MINUTE,
  replayBackoffMs: { first: SECOND, most: 30 * SECOND },
  missingAfterMs: 60 * MINUTE,
  attempts: 3,
  attemptBackoffMs: { first: SECOND, most: 5 * MINUTE },
  stableAfterMs: 10 * MINUTE,
  startGraceMs: 2 * MINUTE,
  drainDeadlineMs: 10 * MINUTE,
  supersededAfterMs: 5 * MINUTE,
  startPollMs: { first: SECOND / 2, most: 10 * SECOND },
  alarmPollMs: 15 * SECOND,
  launchesPerTurn: 250,
  stopsPerTurn: 100,
  looksPerTurn: 2_000,
  primitive: 'RunTask',
};

/** `first`, doubled for each earlier one, at most `most`. `n` counts from 1. */
export const backoff = (range: Range, n: number): number =>
  Math.min(range.most, range.first * 2 ** Math.min(n - 1, 30));
