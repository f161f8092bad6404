/**
 * Every duration of the simulation. The product's own, some hundred times shorter, so that a run is short; what must be
 * longer than what else stays so.
 */
import type { Policy } from '../src/domain/policy.ts';

export const POLICY: Policy = {
  actWithinMs: 1_200,
  requestTimeoutMs: 900,
  signatureMs: 5_000,
  visibilityMs: 2_500,
  clockSkewMs: 500,
  replayWithinMs: 12_000,
  replayBackoffMs: { first: 500, most: 3_000 },
  missingAfterMs: 16_000,
  attempts: 3,
  attemptBackoffMs: { first: 500, most: 4_000 },
  stableAfterMs: 10_000,
  startGraceMs: 8_000,
  drainDeadlineMs: 5_000,
  supersededAfterMs: 4_000,
  startPollMs: { first: 400, most: 2_000 },
  alarmPollMs: 1_000,
  launchesPerTurn: 3,
  stopsPerTurn: 2,
  looksPerTurn: 8,
  primitive: 'RunTask',
};

/** Between two surveys' beginnings. */
export const SURVEY_INTERVAL_MS = 2_500;
/** Everyone is woken this often. */
export const SWEEP_INTERVAL_MS = 5_000;
/** After this a job of a worker that went silent is taken over. */
export const LOCK_MS = 1_200;
/** How long a caller of the store waits. */
export const STORE_TIMEOUT_MS = 800;

/** ECS describes stopped tasks and remembers tokens longer than we rely on it. */
export const STOPPED_RETENTION_MS = 16_000;
export const INACTIVE_RETENTION_MS = 9_000;
/** After its last task ended, and at most. */
export const TOKEN_LIFE_MS = { afterLastTask: 20_000, most: 20_000 } as const;

/** How long things go wrong. */
export const ROUGH_MS = { least: 3_500, most: 7_000 } as const;
/**
 * The longest way from any state to rest: a launch that cannot be replayed is freed by listings after 10 s (rule 7), a task
 * that ECS forgot is believed gone after 16 s, and then come a backoff of 4 s, a start and a deployment's end.
 */
export const CONVERGE_WITHIN_MS = 45_000;
/** And a host of a rollout after the other: stop, start, ready, and the looks in between. */
export const REPLACED_WITHIN_MS = 5_000;
/** After that nothing may be asked of ECS for so long. */
export const REST_MS = 1_000;
/** A run of fewer steps shows too little. */
export const STEPS_LEAST = 300;
