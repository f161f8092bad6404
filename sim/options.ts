import { parseArgs } from 'node:util';

import { z } from 'zod';

import { MODEL_DEFAULTS, type ModelOptions } from './model/options.ts';

/** Settings of the simulator. Those of the model behave as `ModelOptions` says. */
export interface SimulatorOptions extends Omit<ModelOptions, 'seed'> {
  /** 0 takes any free port. */
  readonly port: number;
  readonly bind: string;
  /** Hosts that exist from the start. */
  readonly hosts: number;
  /** The cluster that exists from the start. */
  readonly cluster: string;
  /** Null takes another seed at each start, so that ids of an earlier run never come back. */
  readonly seed: number | null;
  /** Where events go besides the queue; null: nowhere. */
  readonly eventsHttp: string | null;
  readonly eventsDuplicates: number;
  readonly eventsReordering: number;
  readonly eventsLoss: number;
  readonly eventsDelayMs: number;
  readonly logLevel: LogLevel;
}

type LogLevel = z.output<typeof logLevelSchema>;

/** More hosts at once are a slip of the keyboard. */
export const HOSTS_MAX = 20_000;

const PORT_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;

const logLevelSchema = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']);
const millisecondsSchema = z.coerce.number().int().min(0);
const amountSchema = z.coerce.number().int().min(1);
const probabilitySchema = z.coerce.number().min(0).max(1);
const switchSchema = z.enum(['on', 'off']).transform((value) => value === 'on');

interface Setting<T> {
  readonly flag: string;
  readonly env: string;
  /** As one would type it. */
  readonly default: string;
  readonly doc: string;
  readonly schema: z.ZodType<T, unknown>;
}

type SettingsTable = { readonly [Name in keyof SimulatorOptions]: Setting<SimulatorOptions[Name]> };

/** The one table of settings: flags, environment variables, defaults and documentation all come from here. */
const SETTINGS: SettingsTable = {
  port: setting(
    'port',
    '4600',
    'Port to listen on; 0 takes any free one.',
    z.coerce.number().int().min(0).max(PORT_MAX),
  ),
  bind: setting('bind', '127.0.0.1', 'Address to listen on.', z.string().min(1)),
  hosts: setting('hosts', '20', 'Hosts that exist from the start.', z.coerce.number().int().min(0).max(HOSTS_MAX)),
  cluster: setting(
    'cluster',
    'default',
    'Cluster that exists from the start.',
    z.string().regex(/^[a-zA-Z0-9_-]{1,255}$/, 'must be 1 to 255 letters, numbers, underscores and hyphens'),
  ),
  region: setting('region', MODEL_DEFAULTS.region, 'AWS region in the ARNs.', z.string().min(1)),
  account: setting('account', MODEL_DEFAULTS.account, 'AWS account in the ARNs.', z.string().regex(/^\d{12}$/)),
  seed: setting(
    'seed',
    '',
    'Seed of all ids, 0 to 4294967295; empty takes another one at each start.',
    z.union([z.literal('').transform(() => null), z.coerce.number().int().min(0).max(UINT32_MAX)]),
  ),
  taskStartMs: setting(
    'task-start-ms',
    String(MODEL_DEFAULTS.taskStartMs),
    'Milliseconds from the creation of a task to RUNNING.',
    millisecondsSchema,
  ),
  taskStopMs: setting(
    'task-stop-ms',
    String(MODEL_DEFAULTS.taskStopMs),
    'Milliseconds from the wish to stop a task to STOPPED.',
    millisecondsSchema,
  ),
  stoppedRetentionMs: setting(
    'stopped-retention-ms',
    String(MODEL_DEFAULTS.stoppedRetentionMs),
    'Milliseconds for which a stopped task is still listed and described.',
    millisecondsSchema,
  ),
  inactiveRetentionMs: setting(
    'inactive-retention-ms',
    String(MODEL_DEFAULTS.inactiveRetentionMs),
    'Milliseconds for which a deregistered host is still described as INACTIVE.',
    millisecondsSchema,
  ),
  tokenLifeAfterLastTaskMs: setting(
    'token-life-after-last-task-ms',
    String(MODEL_DEFAULTS.tokenLifeAfterLastTaskMs),
    'Milliseconds for which a client token outlives the last task that it made.',
    millisecondsSchema,
  ),
  tokenLifeMostMs: setting(
    'token-life-most-ms',
    String(MODEL_DEFAULTS.tokenLifeMostMs),
    'Milliseconds for which a client token lives at most.',
    millisecondsSchema,
  ),
  distinctInstance: setting(
    'distinct-instance',
    MODEL_DEFAULTS.distinctInstance,
    'What distinctInstance sees of tasks of earlier calls: `off` nothing, `lagging` the older ones, `strict` all.',
    z.enum(['off', 'lagging', 'strict']),
  ),
  distinctInstanceLagMs: setting(
    'distinct-instance-lag-ms',
    String(MODEL_DEFAULTS.distinctInstanceLagMs),
    'Age in milliseconds from which `lagging` sees a task.',
    millisecondsSchema,
  ),
  startTaskOnDraining: setting(
    'start-task-on-draining',
    MODEL_DEFAULTS.startTaskOnDraining,
    'Whether StartTask takes a DRAINING host: `accept` or `refuse`.',
    z.enum(['accept', 'refuse']),
  ),
  listLagMs: setting(
    'list-lag-ms',
    String(MODEL_DEFAULTS.listLagMs),
    'Milliseconds for which a new task is missing from ListTasks.',
    millisecondsSchema,
  ),
  describeLag: setting(
    'describe-lag',
    'off',
    'Whether new tasks are missing from DescribeTasks too: `on` or `off`.',
    switchSchema,
  ),
  throttling: setting('throttling', 'on', 'Whether the rate limits of ECS are enforced: `on` or `off`.', switchSchema),
  hostCpu: setting('host-cpu', String(MODEL_DEFAULTS.hostCpu), 'CPU units of a new host.', amountSchema),
  hostMemory: setting('host-memory', String(MODEL_DEFAULTS.hostMemory), 'MiB of memory of a new host.', amountSchema),
  events: setting(
    'events',
    'off',
    'Whether state changes are sent as EventBridge does, to a queue of Amazon SQS at this address: `on` or `off`.',
    switchSchema,
  ),
  eventsHttp: setting(
    'events-http',
    '',
    'URL that events are posted to as well.',
    z.union([z.literal('').transform(() => null), z.string().regex(/^https?:\/\/\S+$/, 'must be a URL')]),
  ),
  eventsDuplicates: setting('events-duplicates', '0', 'Part of the events that come twice, 0 to 1.', probabilitySchema),
  eventsReordering: setting(
    'events-reordering',
    '0',
    'Part of the events that are held back for up to a second, 0 to 1.',
    probabilitySchema,
  ),
  eventsLoss: setting('events-loss', '0', 'Part of the events that never come, 0 to 1.', probabilitySchema),
  eventsDelayMs: setting('events-delay-ms', '0', 'Most milliseconds that an event takes.', millisecondsSchema),
  logLevel: setting('log-level', 'info', 'Least level of log lines.', logLevelSchema),
};

/** One row for each setting, for the README. */
export function simulatorSettingRows(): readonly {
  readonly flag: string;
  readonly env: string;
  readonly default: string;
  readonly doc: string;
}[] {
  return Object.values(SETTINGS).map(({ flag, env, default: value, doc }) => ({
    flag: `--${flag}`,
    env,
    default: value,
    doc,
  }));
}

export type ReadOptions =
  | { readonly ok: true; readonly options: SimulatorOptions }
  | { readonly ok: false; readonly problem: string };

/** Settings from flags, else from the environment, else the defaults. */
export function readSimulatorOptions(argv: readonly string[], env: NodeJS.ProcessEnv): ReadOptions {
  const flags = readFlags(argv);
  if (typeof flags === 'string') return { ok: false, problem: flags };
  const values: Record<string, unknown> = {};
  for (const [name, { flag, env: variable, default: fallback, schema }] of Object.entries(SETTINGS)) {
    const parsed = schema.safeParse(flags[flag] ?? (env[variable] === '' ? undefined : env[variable]) ?? fallback);
    if (!parsed.success) {
      const source = flags[flag] === undefined ? variable : `--${flag}`;
      return { ok: false, problem: `${source}: ${parsed.error.issues[0]?.message ?? 'not valid'}` };
    }
    values[name] = parsed.data;
  }
  return { ok: true, options: values as unknown as SimulatorOptions };
}

/** The text of `--help`. */
export function simulatorHelp(): string {
  const settings = simulatorSettingRows();
  const width = Math.max(...settings.map(({ flag }) => flag.length)) + 1;
  const rows = settings.map((row) => `  ${row.flag.padEnd(width)}${row.doc} [${row.default}] (${row.env})`);
  return ['Usage: daemon-scheduler simulator [options]', '', ...rows, ''].join('\n');
}

function readFlags(argv: readonly string[]): Readonly<Record<string, unknown>> | string {
  try {
    const options = Object.fromEntries(Object.values(SETTINGS).map(({ flag }) => [flag, { type: 'string' as const }]));
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return problem.replaceAll('\n', ' ');
  }
}

function setting<T>(flag: string, value: string, doc: string, schema: z.ZodType<T, unknown>): Setting<T> {
  return { flag, env: `DS_SIM_${flag.toUpperCase().replaceAll('-', '_')}`, default: value, doc, schema };
}
