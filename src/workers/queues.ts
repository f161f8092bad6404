/**
 * The queues: their names, their options, and why. The only file that knows how BullMQ is set up.
 *
 * Q1. A job is a wake-up and carries no facts. Losing, repeating or reordering jobs does not matter.
 * Q2. Wake-ups have a deduplication id and never a job id: with one, BullMQ drops what arrives while the job is active.
 * Q3. No wake-up is given up: attempts are practically endless, their backoff is capped, and a job that lost its worker
 *     any number of times runs again.
 * Q4. A turn never adds a delayed job to its own queue, as that would replace a wake-up stored for after it:
 *     "look again later" goes through `timers`, whose worker only wakes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions, JobsOptions, Queue, QueueOptions, WorkerOptions } from 'bullmq';
import type { ClusterArn, EnvironmentId } from '../domain/ids.ts';
import type { Hint } from '../intake/hints.ts';

/** The mailbox of environment actors: one coalescing wake-up each. */
export const WAKE_QUEUE = 'wake';
/** The mailbox of cluster actors: one coalescing survey each. */
export const SURVEY_QUEUE = 'survey';
/** The mailbox of clusters for the attribute `daemons.ready`: one coalescing wake-up each. */
export const READINESS_QUEUE = 'ready';
/** Delayed wake-ups. */
export const TIMER_QUEUE = 'timers';
/** Things to ask ECS about, one job for all that came together. Its jobs name things; what happened is asked, not told. */
export const EVENT_QUEUE = 'events';
/** Wakes everyone now and then: repairs whatever else was lost. */
export const SWEEP_QUEUE = 'sweep';

export interface WakeJob {
  readonly environment: EnvironmentId;
}

export interface SurveyJob {
  readonly cluster: ClusterArn;
}

export interface ReadinessJob {
  readonly cluster: ClusterArn;
}

export type TimerJob =
  | { readonly wake: 'environment'; readonly environment: EnvironmentId }
  | { readonly wake: 'survey'; readonly cluster: ClusterArn };

export interface HintJob {
  readonly hints: readonly Hint[];
}

export interface RedisSettings {
  readonly url: string;
  /** First part of every key, so that installations can share a Redis. */
  readonly prefix: string;
}

/** Longest a producer waits for Redis: the API answers without it, and the sweep makes up for it. */
const PRODUCER_TIMEOUT_MS = 500;
/** Reconnect at least this often; BullMQ's own default backs off to 20 s. */
const RECONNECT_MOST_MS = 1_000;
const reconnect = (times: number): number => Math.min(100 * times, RECONNECT_MOST_MS);

/**
 * A connection on which a question has no answer for this long is dead, though nobody said so (a router that forgot it, a
 * host that vanished); without it every later command would wait on it, or time out, for ever. A worker's is longer than
 * its longest blocking read: BullMQ waits at most 10 s for a job.
 */
const PRODUCER_SILENCE_MS = 2_000;
const WORKER_SILENCE_MS = 12_000;

/** For adding jobs: fails fast while Redis is away, and is back as soon as Redis is. */
export const producerOptions = (redis: RedisSettings): QueueOptions => ({
  connection: {
    url: redis.url,
    enableOfflineQueue: false,
    commandTimeout: PRODUCER_TIMEOUT_MS,
    socketTimeout: PRODUCER_SILENCE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: reconnect,
  },
  prefix: redis.prefix,
  // BullMQ asks for the version once and keeps a failure for ever: one slow answer at start would make the queue useless.
  skipVersionCheck: true,
});

/** The answer of Redis, or an error when it takes too long. ioredis' own timeout does not cover a queue that was made while Redis was away. */
export async function promptly<T>(answer: Promise<T>): Promise<T> {
  let giveUp: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    giveUp = setTimeout(
      () => reject(new Error(`Redis did not answer within ${PRODUCER_TIMEOUT_MS} ms`)),
      PRODUCER_TIMEOUT_MS,
    );
  });
  answer.catch(() => {}); // Its failure after we gave up is nobody's any more.
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(giveUp);
  }
}

/** Ends a producer, also one whose Redis is away and cannot be told goodbye. */
export async function closeQueue(queue: Queue): Promise<void> {
  await within(PRODUCER_TIMEOUT_MS, queue.close());
  await within(DISCONNECT_WITHIN_MS, queue.disconnect());
}

/** Dropping a connection says nothing to the other side, so it needs no more. */
export const DISCONNECT_WITHIN_MS = 200;

/** Waits for an ending, but not for ever; how it ended does not matter. */
export async function within(ms: number, ending: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const settled = ending.then(
    () => {},
    () => {},
  );
  await Promise.race([settled, sleep(ms, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
}

/** For workers: no command timeout, as a worker's blocking read is long by design. */
const workerConnection = (redis: RedisSettings): ConnectionOptions => ({
  url: redis.url,
  maxRetriesPerRequest: null,
  socketTimeout: WORKER_SILENCE_MS,
  retryStrategy: reconnect,
});

/** Practically never gives up (Q3). */
const ENDLESS_ATTEMPTS = 1_000_000;
const BACKOFF_FIRST_MS = 200;
/** A request that comes while a survey waits out its backoff waits with it, so it is short. */
const BACKOFF_MOST_MS = 5_000;

export const wakeUp = (deduplicationId: string): JobsOptions => ({
  deduplication: { id: deduplicationId, keepLastIfActive: true, replace: true },
  removeOnComplete: true,
  removeOnFail: true,
  attempts: ENDLESS_ATTEMPTS,
  backoff: { type: 'custom' },
});

/** One that failed keeps its backoff: turns ask every two seconds, and beginning anew each time would press an ECS that is away. */
export const surveyRequest = (deduplicationId: string): JobsOptions => ({
  ...wakeUp(deduplicationId),
  deduplication: { id: deduplicationId, keepLastIfActive: true },
});

/** A timer set while an earlier one of the same id is just going off is kept, and runs after it. */
export const timer = (deduplicationId: string, delayMs: number): JobsOptions => ({
  deduplication: { id: deduplicationId, keepLastIfActive: true, replace: true },
  delay: Math.max(0, Math.round(delayMs)),
  removeOnComplete: true,
  removeOnFail: true,
  attempts: ENDLESS_ATTEMPTS,
  backoff: { type: 'custom' },
});

/** Half a minute of trying: after that a listing has seen what the hint was about. */
const HINT_ATTEMPTS = 10;

export const hintJob = (): JobsOptions => ({
  removeOnComplete: true,
  removeOnFail: true,
  attempts: HINT_ATTEMPTS,
  backoff: { type: 'custom' },
});

/** A job whose worker died is taken over after at most the lock plus two checks: 5 to 7 seconds. */
export const LOCK_MS = 5_000;
/** The same in every worker of every version: BullMQ's check is paced by whoever ran it last. */
const STALLED_CHECK_MS = 1_000;
/** Wait of a worker after a connection error; BullMQ's default is 15 s. */
const RUN_RETRY_MS = 1_000;

export const workerOptions = (redis: RedisSettings, concurrency: number, random: () => number): WorkerOptions => ({
  connection: workerConnection(redis),
  prefix: redis.prefix,
  concurrency,
  lockDuration: LOCK_MS,
  stalledInterval: STALLED_CHECK_MS,
  // Its default of 1 makes BullMQ fail a job without running it, and forget its wake-ups, after a second lost worker.
  maxStalledCount: Number.MAX_SAFE_INTEGER,
  runRetryDelay: RUN_RETRY_MS,
  settings: {
    backoffStrategy: (attempts) => {
      const full = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempts - 1, 10));
      return Math.round(full * (0.5 + random() / 2));
    },
  },
});
