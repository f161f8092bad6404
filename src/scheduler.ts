/** The composition root: the only file that names every adapter. Builds what a role needs, and takes it down in order. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createApp } from './api/app.ts';
import type { Readiness } from './api/app-env.ts';
import { API_LIMITS } from './api/limits.ts';
import { ListenError, serveApi } from './api/server.ts';
import { policyOf, surveyIntervals, type Config } from './config.ts';
import { CssListing } from './css/css-listing.ts';
import { as, type Instant, type LaunchId } from './domain/ids.ts';
import { AwsGateway } from './ecs/aws-gateway.ts';
import { WaitingBudget } from './ecs/budget.ts';
import { ECS_LIMITS, scaled } from './ecs/buckets.ts';
import { SYSTEM_CLOCK } from './ecs/clock.ts';
import { RedisTokens } from './ecs/redis-tokens.ts';
import { openEtcdStore, type EtcdStore } from './store/etcd-store.ts';
import { openEtcdView } from './store/view.ts';
import { RedisFacts } from './store/redis-facts.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { serveMetrics } from './telemetry/metrics-server.ts';
import { BullMailbox } from './workers/bull-mailbox.ts';
import { startEnvironmentWorker } from './workers/environment-worker.ts';
import { startEventIntake } from './workers/event-intake.ts';
import { BullHints } from './workers/hint-queue.ts';
import { startSurveyWorker } from './workers/survey-worker.ts';
import { startSweeper } from './workers/sweep-worker.ts';
import { startTimerWorker } from './workers/timer-worker.ts';

/** Something needed is missing. The message is one line for people: what, where, what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export interface Scheduler {
  /** Address of the API, if this role serves it. */
  readonly api: string | null;
  readonly metrics: string | null;
  close(): Promise<void>;
}

/** How long a dependency may take to come up before we give up: long enough for a stack that starts all at once. */
const START_PATIENCE_MS = 15_000;
/** The API works without Redis, so it only looks whether it is there. */
const API_REDIS_PATIENCE_MS = 1_000;
const START_RETRY_MS = 250;
/** Redis commands of the cache and the budget. BullMQ's connections have their own settings. */
const REDIS_COMMAND_TIMEOUT_MS = 2_000;
/** A connection that answers nothing for this long is dead, though nobody said so; the next one need not be. */
const REDIS_SILENCE_MS = 3_000;

/** What has been started, newest first: the order in which it is closed. */
type Closers = (() => Promise<void> | void)[];

export async function startScheduler(
  config: Config,
  version: string,
  log: Logger,
  stop: AbortSignal,
): Promise<Scheduler> {
  const closers: Closers = [];
  const close = async (): Promise<void> => {
    // One that cannot be closed must not keep the others open.
    for (let next = closers.shift(); next !== undefined; next = closers.shift()) {
      try {
        await next();
      } catch (error) {
        log.warn({ err: error instanceof Error ? error.message : String(error) }, 'not closed cleanly');
      }
    }
  };
  try {
    const parts = await openParts(config, log, closers, stop);
    if (config.role !== 'api') startWorkers(config, parts, log, closers);
    const api = config.role === 'worker' ? null : await startApi(config, parts, version, log, closers, stop);
    const metrics = await startMetrics(config, parts.metrics, closers);
    return { api, metrics, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  readonly etcd: EtcdStore;
  readonly redis: Redis;
  readonly ecs: AwsGateway;
  readonly mailbox: BullMailbox;
  readonly hints: BullHints;
  readonly metrics: Metrics;
}

const now = (): Instant => as<Instant>(Date.now());
const monotonic = (): number => performance.now();
const random = (): number => Math.random();

async function openParts(config: Config, log: Logger, closers: Closers, stop: AbortSignal): Promise<Parts> {
  const etcd = openEtcdStore({ endpoints: config.etcdEndpoints, root: config.etcdPrefix });
  closers.unshift(() => etcd.close());
  await until(
    { what: 'etcd', where: config.etcdEndpoints.join(', '), flag: '--etcd-endpoint', patienceMs: START_PATIENCE_MS },
    () => etcd.ping(),
    stop,
  );

  const redis = new Redis(config.redisUrl, {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
    socketTimeout: REDIS_SILENCE_MS,
    retryStrategy: (times) => Math.min(100 * times, 1_000),
  });
  redis.on('error', (error: Error) => log.debug({ err: error.message }, 'redis'));
  closers.unshift(() => redis.disconnect());
  const patienceMs = config.role === 'api' ? API_REDIS_PATIENCE_MS : START_PATIENCE_MS;
  await until(
    { what: 'Redis', where: withoutPassword(config.redisUrl), flag: '--redis-url', patienceMs },
    () => redis.ping(),
    stop,
  ).catch((error: StartError) => {
    if (config.role !== 'api') throw error;
    log.warn(error.message);
  });

  const limits = scaled(ECS_LIMITS, config.ecsRatePercent / 100);
  const source = new RedisTokens({
    redis,
    keyPrefix: `${config.redisPrefix}:`,
    scope: process.env['AWS_REGION'] ?? 'default',
    limits,
    clock: SYSTEM_CLOCK,
    bucketTime: null,
  });
  const ecs = new AwsGateway({
    settings: {
      requestTimeoutMs: config.ecsTimeoutMs,
      ...(config.ecsEndpoint === null ? {} : { endpoint: config.ecsEndpoint }),
    },
    budget: new WaitingBudget({ source, clock: SYSTEM_CLOCK }),
    now,
  });
  closers.unshift(() => ecs.close());
  const queues = { url: config.redisUrl, prefix: config.redisPrefix };
  const mailbox = new BullMailbox(queues, now, log);
  closers.unshift(() => mailbox.close());
  const hints = new BullHints(queues, log);
  closers.unshift(() => hints.close());
  return { etcd, redis, ecs, mailbox, hints, metrics: createMetrics() };
}

function startWorkers(config: Config, parts: Parts, log: Logger, closers: Closers): void {
  const { etcd, ecs, mailbox, metrics } = parts;
  const redis = { url: config.redisUrl, prefix: config.redisPrefix };
  const facts = new RedisFacts(parts.redis, config.redisPrefix, now);
  const common = { redis, mailbox, metrics, log, random, monotonic };
  const store = etcd.actors;
  const events = startEventIntake({
    ...common,
    queueUrl: config.sqsQueueUrl,
    store,
    facts,
    ecs,
    hints: parts.hints,
    ready: async () => Object.values(await readiness(etcd, mailbox)).every((one) => one === 'up'),
    now,
  });
  const intervals = surveyIntervals(config);
  const survey = {
    store,
    facts,
    ecs: config.cssEndpoint === null ? ecs : new CssListing({ ...config.cssEndpoint, ecs }),
    now,
    get intervalMs() {
      return events.complete ? intervals.withEvents : intervals.alone;
    },
  };
  const started = [
    events,
    startSweeper({ ...common, store, intervalMs: config.sweepIntervalMs }),
    startTimerWorker(common),
    startSurveyWorker({ ...common, survey }),
    startEnvironmentWorker({
      ...common,
      turn: {
        store,
        facts,
        ecs,
        mailbox,
        policy: policyOf(config),
        now,
        mint: () => as<LaunchId>(randomUUID()),
        holder: `${hostname()}/${process.pid}`,
      },
    }),
  ];
  closers.unshift(async () => {
    await Promise.all(started.map((worker) => worker.close()));
  });
}

/** Whether etcd and Redis answer. */
async function readiness(etcd: EtcdStore, mailbox: BullMailbox): Promise<Readiness> {
  const [store, queue] = await Promise.all([
    etcd.ping().then(
      () => true,
      () => false,
    ),
    mailbox.answers(),
  ]);
  return { etcd: store ? 'up' : 'down', redis: queue ? 'up' : 'down' };
}

async function startApi(
  config: Config,
  parts: Parts,
  version: string,
  log: Logger,
  closers: Closers,
  stop: AbortSignal,
): Promise<string> {
  const { etcd, ecs, mailbox, hints } = parts;
  const view = openEtcdView({
    store: etcd,
    onUnreadable: (item) => log.error(item, 'stored value cannot be read'),
    onTrouble: (error) => log.debug({ err: error instanceof Error ? error.message : String(error) }, 'watch'),
  });
  closers.unshift(() => view.close());
  await view.ready(stop);
  const app = createApp({
    store: etcd.environments,
    view,
    ecs,
    mailbox,
    now,
    uuid: randomUUID,
    log,
    hints: { add: (given) => hints.offer(given) },
    ready: () => readiness(etcd, mailbox),
    limits: API_LIMITS,
    version,
  });
  try {
    const server = await serveApi({ app, ...config.bind });
    closers.unshift(() => server.close());
    return `http://${config.bind.host}:${server.port}`;
  } catch (error) {
    throw error instanceof ListenError ? new StartError(error.message) : error;
  }
}

async function startMetrics(config: Config, metrics: Metrics, closers: Closers): Promise<string | null> {
  if (config.metricsBind === null) return null;
  const { host, port } = config.metricsBind;
  try {
    const server = await serveMetrics(metrics.registry, { host, port });
    closers.unshift(() => server.close());
    return `http://${host}:${server.port}/metrics`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(`cannot serve metrics on ${host}:${port} (${why}); choose another with --metrics-bind`);
  }
}

interface Dependency {
  readonly what: string;
  readonly where: string;
  readonly flag: string;
  readonly patienceMs: number;
}

async function until(
  { what, where, flag, patienceMs }: Dependency,
  answers: () => Promise<unknown>,
  stop: AbortSignal,
): Promise<void> {
  const deadline = monotonic() + patienceMs;
  for (;;) {
    try {
      await answers();
      return;
    } catch (error) {
      if (stop.aborted || monotonic() > deadline) {
        const why = error instanceof Error ? error.message : String(error);
        throw new StartError(
          `${what} does not answer at ${where} (${why}); start it there, or name another with ${flag}`,
        );
      }
    }
    await sleep(START_RETRY_MS);
  }
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  parsed.username = '';
  return parsed.href;
}
