/** Reads the settings: a flag wins over the environment, the environment over the default. */
import { parseArgs } from 'node:util';
import { DEFAULT_POLICY, type Policy } from './domain/policy.ts';
import { SETTINGS, type Row } from './settings.ts';

type Table = typeof SETTINGS;
export type Config = { readonly [Key in keyof Table]: Table[Key] extends Row<infer T> ? T : never };

export type ParsedConfig =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** One line for each thing that is wrong, naming the setting as it was given. */
  | { readonly kind: 'wrong'; readonly faults: readonly string[] };

export function parseConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): ParsedConfig {
  const rows = Object.entries(SETTINGS) as [keyof Table, Row<unknown>][];
  const options = Object.fromEntries(rows.map(([, { flag }]) => [flag, { type: 'string', multiple: true } as const]));
  let flags: Readonly<Record<string, unknown>>;
  try {
    flags = parseArgs({
      args: [...argv],
      options: { ...options, help: { type: 'boolean' }, version: { type: 'boolean' } },
      strict: true,
    }).values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'wrong', faults: [/^Un(known|expected)/.test(message) ? `${message}; see --help` : message] };
  }
  if (flags['help'] === true) return { kind: 'help' };
  if (flags['version'] === true) return { kind: 'version' };

  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, row] of rows) {
    const flag = flags[row.flag] as readonly string[] | undefined;
    if (flag !== undefined && flag.length > 1 && key !== 'etcdEndpoints')
      faults.push(`--${row.flag} is given more than once`);
    // An empty variable is how Compose files and unit files leave one out.
    const given = flag === undefined ? env[row.env] || row.default : flag.join(',');
    const parsed = row.schema.safeParse(given);
    if (parsed.success) values[key] = parsed.data;
    else
      faults.push(`${flag === undefined ? row.env : `--${row.flag}`} ${parsed.error.issues[0]?.message ?? 'is wrong'}`);
  }
  if (faults.length > 0) return { kind: 'wrong', faults };
  return { kind: 'config', config: Object.freeze(values) as Config };
}

const OURS = 'DS_';
/** The simulator's settings, which may stand in the same environment; it reads them itself. */
const SIMULATORS = 'DS_SIM_';

/** Variables that are named like settings and are none: most often typos. */
export const unknownVariables = (env: Readonly<Record<string, string | undefined>>): readonly string[] => {
  const known = new Set(settingRows().map((row) => row.env));
  return Object.keys(env)
    .filter((name) => name.startsWith(OURS) && !name.startsWith(SIMULATORS) && !known.has(name))
    .toSorted();
};

/** More launches a turn than this gain nothing: reading what is there takes a small part of such a turn. */
const LAUNCHES_PER_TURN_MOST = 1_000;

/** A turn promises what the budget can send in time: fewer launches at a lower rate, more where AWS raised it. */
const launchesPerTurn = (ratePercent: number): number =>
  Math.max(1, Math.min(LAUNCHES_PER_TURN_MOST, Math.floor((DEFAULT_POLICY.launchesPerTurn * ratePercent) / 100)));

export const policyOf = (config: Config): Policy => ({
  ...DEFAULT_POLICY,
  launchesPerTurn: launchesPerTurn(config.ecsRatePercent),
  actWithinMs: config.actWithinMs,
  requestTimeoutMs: config.ecsTimeoutMs,
  visibilityMs: config.visibilityMs,
  clockSkewMs: config.clockSkewMs,
  attempts: config.attempts,
  startGraceMs: config.startGraceMs,
  drainDeadlineMs: config.drainDeadlineMs,
  primitive: config.launchWith === 'run-task' ? 'RunTask' : 'StartTask',
});

/** Time between two surveys of a cluster, in milliseconds. */
export interface SurveyIntervals {
  /** When the survey alone finds what changed. */
  readonly alone: number;
  /** When events tell of it, and the survey makes up for those that were lost. */
  readonly withEvents: number;
}

const SURVEYS_ALONE_MS = 10_000;
const SURVEYS_WITH_EVENTS_MS = 60_000;

export const surveyIntervals = ({ surveyIntervalMs: given }: Pick<Config, 'surveyIntervalMs'>): SurveyIntervals => ({
  alone: given ?? SURVEYS_ALONE_MS,
  withEvents: given ?? SURVEYS_WITH_EVENTS_MS,
});

export interface SettingRow {
  readonly flag: string;
  readonly env: string;
  readonly default: string;
  readonly doc: string;
}

/** The table, for the help text and the README. */
export const settingRows = (): readonly SettingRow[] =>
  Object.values(SETTINGS).map(({ flag, env, default: fallback, doc }) => ({
    flag: `--${flag}`,
    env,
    default: fallback,
    doc,
  }));
