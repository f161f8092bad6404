/** What every role is built from: connections to what it depends on, each waited for and named when it is missing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { CloudWatchAlarms } from './alarms/cloudwatch.ts';
import type { Config } from './config.ts';
import { as, type Instant } from './domain/ids.ts';
import { AwsGateway } from './ecs/aws-gateway.ts';
import { WaitingBudget } from './ecs/budget.ts';
import { ECS_LIMITS, scaled, type Limits } from './ecs/buckets.ts';
import { SYSTEM_CLOCK } from './ecs/clock.ts';
import { RedisTokens } from './ecs/redis-tokens.ts';
import { openEtcdStore, type EtcdStore } from './store/etcd-store.ts';
import { RedisFacts } from './store/redis-facts.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { BullMailbox } from './workers/bull-mailbox.ts';
import { BullHints } from './workers/hint-queue.ts';

/** Something needed is missing. The message is one line for people: what, where, what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** How long a dependency may take to come up before we give up: long enough for a stack that starts all at once. */
const START_PATIENCE_MS = 15_000;
/** The API works without Redis, so it only looks whether it is there. */
const API_REDIS_PATIENCE_MS = 1_000;
const START_RETRY_MS = 250;
/** What comes up with us is there sooner; what is not, people want to hear of. */
const START_QUIET_MS = 2_000;
/** Redis commands of the cache and the budget. BullMQ's connections have their own settings. */
const REDIS_COMMAND_TIMEOUT_MS = 2_000;
/** A connection that answers nothing for this long is dead, though nobody said so; the next one need not be. */
const REDIS_SILENCE_MS = 3_000;
/** Time between two questions whether etcd and Redis are there: a person should read of it before he wonders. */
const ASKED_EVERY_MS = 5_000;

/** What has been started, newest first: the order in which it is closed. */
export type Closers = (() => Promise<void> | void)[];

export interface Parts {
  readonly etcd: EtcdStore;
  readonly redis: Redis;
  readonly ecs: AwsGateway;
  readonly alarms: CloudWatchAlarms;
  readonly facts: RedisFacts;
  readonly mailbox: BullMailbox;
  readonly hints: BullHints;
  readonly metrics: Metrics;
}

export const now = (): Instant => as<Instant>(Date.now());
export const monotonic = (): number => performance.now();

export async function openParts(config: Config, log: Logger, closers: Closers, stop: AbortSignal): Promise<Parts> {
  const etcd = openEtcdStore({ endpoints: config.etcdEndpoints, root: config.etcdPrefix });
  closers.unshift(() => etcd.close());
  const where = config.etcdEndpoints.join(', ');
  await until(
    { what: 'etcd', where, flag: '--etcd-endpoint', patienceMs: START_PATIENCE_MS },
    () => etcd.ping(),
    log,
    stop,
  );
  watchEtcd(etcd, where, log, closers);

  const redis = await openRedis(config, log, closers, stop);
  const source = new RedisTokens({
    redis,
    keyPrefix: `${config.redisPrefix}:`,
    scope: process.env['AWS_REGION'] ?? 'default',
    limits: ecsLimitsOf(config),
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
  const alarms = new CloudWatchAlarms({ settings: {}, now });
  closers.unshift(() => alarms.close());
  const queues = { url: config.redisUrl, prefix: config.redisPrefix };
  const mailbox = new BullMailbox(queues, now, log);
  closers.unshift(() => mailbox.close());
  const hints = new BullHints(queues, log);
  closers.unshift(() => hints.close());
  const facts = new RedisFacts(redis, config.redisPrefix, now);
  return { etcd, redis, ecs, alarms, facts, mailbox, hints, metrics: createMetrics() };
}

async function openRedis(config: Config, log: Logger, closers: Closers, stop: AbortSignal): Promise<Redis> {
  const redis = new Redis(config.redisUrl, {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
    socketTimeout: REDIS_SILENCE_MS,
    retryStrategy: (times) => Math.min(100 * times, 1_000),
  });
  // A command that finds no connection only says so; why there is none is told here.
  let trouble: string | null = null;
  redis.on('error', (error: Error) => {
    trouble = error.message;
    log.debug({ err: error.message }, 'redis');
  });
  closers.unshift(() => redis.disconnect());
  const where = withoutPassword(config.redisUrl);
  const patienceMs = config.role === 'api' ? API_REDIS_PATIENCE_MS : START_PATIENCE_MS;
  const answers = await until(
    { what: 'Redis', where, flag: '--redis-url', patienceMs },
    () =>
      redis.ping().catch((error: Error) => {
        throw new Error(trouble ?? error.message);
      }),
    log,
    stop,
  ).then(
    () => true,
    (error: StartError) => {
      if (config.role !== 'api') throw error;
      log.warn(error.message);
      return false;
    },
  );
  watchRedis(redis, where, answers, log, closers);
  return redis;
}

/** One line when it goes and one when it is back, however often it is tried between. */
function presence(what: string, where: string, answers: boolean, log: Logger) {
  let there = answers;
  const gone = (error: unknown): void => {
    if (there)
      log.warn(
        { where, err: reasonOf(error) },
        `${what} does not answer; no task is started or stopped until it is back`,
      );
    there = false;
  };
  const back = (): void => {
    if (!there) log.info({ where }, `${what} answers again`);
    there = true;
  };
  return { gone, back };
}

function watchRedis(redis: Redis, where: string, answers: boolean, log: Logger, closers: Closers): void {
  const { gone, back } = presence('Redis', where, answers, log);
  redis.on('error', gone);
  redis.on('ready', back);
  // Without a question, the silence of a Redis that hangs is not noticed: a process at rest has none.
  const asking = setInterval(() => void redis.ping().catch(() => {}), ASKED_EVERY_MS);
  closers.unshift(() => clearInterval(asking));
}

function watchEtcd(etcd: EtcdStore, where: string, log: Logger, closers: Closers): void {
  const { gone, back } = presence('etcd', where, true, log);
  const asking = setInterval(() => void etcd.ping().then(back, gone), ASKED_EVERY_MS);
  closers.unshift(() => clearInterval(asking));
}

/** What we take of ECS's budget. */
export const ecsLimitsOf = ({ ecsRatePercent }: Pick<Config, 'ecsRatePercent'>): Limits =>
  scaled(ECS_LIMITS, ecsRatePercent / 100);

interface Dependency {
  readonly what: string;
  readonly where: string;
  readonly flag: string;
  readonly patienceMs: number;
}

async function until(
  { what, where, flag, patienceMs }: Dependency,
  answers: () => Promise<unknown>,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  const deadline = monotonic() + patienceMs;
  // A timer, as one question may take as long as all the time there is.
  const waiting = setTimeout(() => log.info(`waiting for ${what} at ${where}`), START_QUIET_MS);
  try {
    for (;;) {
      try {
        await answers();
        return;
      } catch (error) {
        if (stop.aborted || monotonic() > deadline) {
          throw new StartError(
            `${what} does not answer at ${where} (${reasonOf(error)}); start it there, or name another with ${flag}`,
          );
        }
      }
      await sleep(START_RETRY_MS);
    }
  } finally {
    clearTimeout(waiting);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  parsed.username = '';
  return parsed.href;
}
