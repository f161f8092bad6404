/**
 * Every setting, one row each: the flag, the environment variable, the default, what it does. The README's table, the
 * help text and the parser all come from here.
 */
import { z } from 'zod';
import { DEFAULT_POLICY } from './domain/policy.ts';

export interface Row<T> {
  readonly flag: string;
  readonly env: string;
  /** As one would write it on the command line; empty: not set. */
  readonly default: string;
  readonly doc: string;
  readonly schema: z.ZodType<T, string>;
}

const row = <T>(
  flag: string,
  env: string,
  fallback: string | number,
  schema: z.ZodType<T, string>,
  doc: string,
): Row<T> => ({
  flag,
  env,
  default: String(fallback),
  doc,
  schema,
});

const milliseconds = (least: number, most: number): z.ZodType<number, string> => whole(least, most, 'milliseconds');
const whole = (least: number, most: number, unit: string): z.ZodType<number, string> => {
  const rule = `must be a whole number of ${unit} from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,12}$/, rule)
    .transform(Number)
    .refine((value) => value >= least && value <= most, rule);
};
const oneOf = <T extends string>(...values: readonly T[]) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` });
/** Empty: not set. */
const ifSet = <T>(schema: z.ZodType<T, string>): z.ZodType<T | null, string> =>
  z.string().transform((text, context) => {
    if (text === '') return null;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues) context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
const optional = z.string().transform((text) => (text === '' ? null : text));
const url = (scheme: RegExp, example: string) => z.string().regex(scheme, `must be a URL like ${example}`);
/** Addresses of etcd stand in the log and in messages. */
const NO_CREDENTIALS = 'must not have a user or a password: none is sent to etcd';
const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'must be HOST:PORT')
  .transform(parseAddress)
  .refine((at) => at.port <= 65_535, 'must have a port from 0 to 65535');

export interface Address {
  readonly host: string;
  readonly port: number;
}

function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Twice this is less than the five minutes for which an agent must be gone (`supersededAfterMs`), measured by two clocks. */
const CLOCK_SKEW_MOST_MS = 2 * MINUTE;

export const SETTINGS = {
  role: row(
    'role',
    'DS_ROLE',
    'all',
    oneOf('all', 'api', 'worker'),
    'What this process does: `api` serves REST, `worker` keeps the tasks, `all` does both.',
  ),
  bind: row(
    'bind',
    'DS_BIND',
    '127.0.0.1:2000',
    address,
    'Address the REST API listens on. There is no authentication: bind it where only your operators reach it.',
  ),
  metricsBind: row(
    'metrics-bind',
    'DS_METRICS_BIND',
    '',
    ifSet(address),
    'Address for Prometheus metrics (`/metrics`), `/healthz` and `/readyz`, also of a worker. Empty: none.',
  ),
  etcdEndpoints: row(
    'etcd-endpoint',
    'DS_ETCD_ENDPOINTS',
    'http://127.0.0.1:2379',
    z
      .string()
      .transform((text) => text.split(',').map((part) => part.trim()))
      .pipe(z.array(url(/^https?:\/\/\S+$/, 'http://127.0.0.1:2379').regex(/^[^@]+$/, NO_CREDENTIALS)).min(1)),
    'etcd, the authoritative store. Repeat the flag, or separate by commas, for the members of a cluster.',
  ),
  etcdPrefix: row(
    'etcd-prefix',
    'DS_ETCD_PREFIX',
    '/ds/v1/',
    z.string().regex(/^\/\S*\/$/, 'must begin and end with a slash'),
    'First part of every key in etcd.',
  ),
  redisUrl: row(
    'redis-url',
    'DS_REDIS_URL',
    'redis://127.0.0.1:6379',
    url(/^rediss?:\/\/\S+$/, 'redis://127.0.0.1:6379'),
    'Redis, for the queue and the cache of cluster facts. Losing it costs time, nothing else.',
  ),
  redisPrefix: row(
    'redis-prefix',
    'DS_REDIS_PREFIX',
    'ds',
    z.string().regex(/^[\w-]{1,40}$/, 'must be 1 to 40 of letters, digits, - and _'),
    'First part of every key in Redis.',
  ),
  ecsEndpoint: row(
    'ecs-endpoint',
    'ECS_ENDPOINT',
    '',
    ifSet(url(/^https?:\/\/\S+$/, 'http://127.0.0.1:4600')),
    "Another address for ECS, as a simulator's. The SDK's own `AWS_ENDPOINT_URL_ECS` works too.",
  ),
  ecsTimeoutMs: row(
    'ecs-timeout',
    'DS_ECS_TIMEOUT_MS',
    DEFAULT_POLICY.requestTimeoutMs,
    milliseconds(500, MINUTE),
    'Longest a call to ECS may take before its outcome is called unknown.',
  ),
  ecsRatePercent: row(
    'ecs-rate',
    'DS_ECS_RATE_PERCENT',
    100,
    whole(1, 10_000, 'percent'),
    "Share of ECS's request rates (RunTask and StopTask: 100 at once, then 40 a second) that all workers together may use. The rates are the account's: leave room for other tools. Over 100 only where AWS raised them.",
  ),
  launchWith: row(
    'launch-with',
    'DS_LAUNCH_WITH',
    'run-task',
    oneOf('run-task', 'start-task'),
    '`start-task` is for where RunTask cannot be used. It has no idempotency key: a lost answer costs minutes of waiting.',
  ),
  sqsQueueUrl: row(
    'sqs-queue-url',
    'DS_SQS_QUEUE_URL',
    '',
    ifSet(url(/^https?:\/\/\S+$/, 'https://sqs.eu-west-1.amazonaws.com/…')),
    'Queue that EventBridge sends the state changes of ECS to (docs/events.md). A host that joins is then seen at once. Empty: none.',
  ),
  cssEndpoint: row(
    'css-endpoint',
    'DS_CSS_ENDPOINT',
    '',
    ifSet(address),
    "The old cluster-state-service, `HOST:PORT`, in place of ECS's own listings. What it is behind ECS counts towards `--visibility`. Empty: none.",
  ),
  surveyIntervalMs: row(
    'survey-interval',
    'DS_SURVEY_INTERVAL_MS',
    '',
    ifSet(milliseconds(100, HOUR)),
    "Time between two listings of a cluster; longer for a cluster so large that it would take more than half of ECS's read rate. Empty: 10000, and 60000 while events come from a queue. The same for all workers: whichever lists says when the next is due.",
  ),
  sweepIntervalMs: row(
    'sweep-interval',
    'DS_SWEEP_INTERVAL_MS',
    30_000,
    milliseconds(500, HOUR),
    'Time between two sweeps, which wake every environment: what a lost wake-up costs at most.',
  ),
  attempts: row(
    'attempts',
    'DS_ATTEMPTS',
    DEFAULT_POLICY.attempts,
    whole(1, 100, 'attempts'),
    'Attempts on a host before a deployment counts it as failed. Repair goes on behind it.',
  ),
  startGraceMs: row(
    'start-grace',
    'DS_START_GRACE_MS',
    DEFAULT_POLICY.startGraceMs,
    milliseconds(0, HOUR),
    'How long a host may be without a running task before the environment is unhealthy.',
  ),
  drainDeadlineMs: row(
    'drain-deadline',
    'DS_DRAIN_DEADLINE_MS',
    DEFAULT_POLICY.drainDeadlineMs,
    milliseconds(0, 48 * HOUR),
    'On a draining host our task is stopped once all other tasks are gone, or after this.',
  ),
  actWithinMs: row(
    'act-within',
    'DS_ACT_WITHIN_MS',
    DEFAULT_POLICY.actWithinMs,
    milliseconds(1_000, MINUTE),
    'No launch is sent later than this after it was promised in etcd. Part of the guarantee.',
  ),
  visibilityMs: row(
    'visibility',
    'DS_VISIBILITY_MS',
    DEFAULT_POLICY.visibilityMs,
    milliseconds(1_000, HOUR),
    'Time within which ECS shows a started task in its listings. Part of the guarantee: an assumption about ECS.',
  ),
  clockSkewMs: row(
    'clock-skew',
    'DS_CLOCK_SKEW_MS',
    DEFAULT_POLICY.clockSkewMs,
    milliseconds(0, CLOCK_SKEW_MOST_MS),
    'How far the clocks of workers and ECS may differ. Part of the guarantee.',
  ),
  logLevel: row(
    'log-level',
    'DS_LOG_LEVEL',
    'info',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'Least severe log line that is written.',
  ),
  logFile: row(
    'log-file',
    'DS_LOG_FILE',
    '',
    optional,
    'File to log to instead of standard output. Its folders are made.',
  ),
};
