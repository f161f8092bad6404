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
/** Redis commands of the cache and the budget. BullMQ's connections have their own settings. */
const REDIS_COMMAND_TIMEOUT_MS = 2_000;
/** A connection that answers nothing for this long is dead, though nobody said so; the next one need not be. */
const REDIS_SILENCE_MS = 3_000;

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
