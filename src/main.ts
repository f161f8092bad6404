/** Reads the settings, starts what they ask for, and stops it again in order. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { parseConfig, settingRows, unknownVariables, type Config } from './config.ts';
import { StartError } from './parts.ts';
import { startScheduler } from './scheduler.ts';
import { createLog, LogFileError } from './telemetry/log.ts';

/** Below the ten seconds that orchestrators commonly grant before they kill. */
const STOP_WITHIN_MS = 8_000;
/** Time for the last log lines once all is closed; then timers that libraries left behind hold us no longer. */
const LINGER_MS = 200;

/**
 * How far the heap may grow before its garbage is collected. Where memory is plenty V8 lets it grow severalfold: a worker of
 * 5,000 hosts and 10 environments then holds 380 MB for 70 MB in use.
 */
const HEAP_GROWS_BY = '--heap-growing-percent=20';

/** Exit codes: 0 after a signal, 1 when something needed is missing, 2 when a setting is wrong. */
export async function main(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const parsed = parseConfig(argv, env);
  switch (parsed.kind) {
    case 'help':
      process.stdout.write(help());
      return 0;
    case 'version':
      process.stdout.write(`${version()}\n`);
      return 0;
    case 'wrong':
      process.stderr.write(parsed.faults.map((fault) => `daemon-scheduler: ${fault}\n`).join(''));
      return 2;
    case 'config':
      return await run(parsed.config, unknownVariables(env));
  }
}

async function run(config: Config, ignored: readonly string[]): Promise<number> {
  const log = openLog(config);
  if (log === null) return 2;
  // Other programs may have variables of that prefix, as a cluster's services do, so it is no reason not to start.
  for (const variable of ignored) log.warn({ variable }, `${variable} is not a setting, and is ignored; see --help`);
  setFlagsFromString(HEAP_GROWS_BY);
  const stopped = nextSignal();
  try {
    const scheduler = await startScheduler(config, version(), log, stopped.signal);
    log.info({ version: version(), api: scheduler.api, metrics: scheduler.metrics }, 'started');
    const signal = await stopped.received;
    log.info({ signal }, 'stopping');
    const late = setTimeout(() => {
      log.warn('not everything closed in time');
      process.exit(0);
    }, STOP_WITHIN_MS);
    await scheduler.close();
    clearTimeout(late);
    log.info('stopped');
    setTimeout(() => process.exit(0), LINGER_MS).unref();
    return 0;
  } catch (error) {
    // What was under way when the signal came fails in many ways.
    if (stopped.signal.aborted) {
      log.info({ err: error instanceof Error ? error.message : String(error) }, 'stopped while starting');
      return 0;
    }
    if (!(error instanceof StartError)) throw error;
    log.fatal(error.message);
    process.stderr.write(`daemon-scheduler: ${error.message}\n`);
    return 1;
  }
}

/** Null when it cannot be written; the reason has been told. */
function openLog(config: Config): ReturnType<typeof createLog> | null {
  try {
    return createLog({ level: config.logLevel, file: config.logFile, role: config.role });
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    process.stderr.write(`daemon-scheduler: ${error.message}\n`);
    return null;
  }
}

function nextSignal(): { readonly received: Promise<string>; readonly signal: AbortSignal } {
  const abort = new AbortController();
  const received = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.once(name, () => {
        abort.abort();
        resolve(name);
      });
    }
  });
  return { received, signal: abort.signal };
}

/** The package file lies one folder up from the sources, two from the built files. */
function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const read = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { readonly version: string };
      return read.version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}

function help(): string {
  const rows = settingRows().map(
    ({ flag, env, default: fallback, doc }) =>
      `  ${flag}  (${env}${fallback === '' ? '' : `, default ${fallback}`})\n      ${doc}\n`,
  );
  return [
    'daemon-scheduler [serve] [settings]   keeps exactly one task per host on ECS clusters\n',
    'daemon-scheduler simulator --help     a stand-in for ECS, for laptops and tests\n\n',
    ...rows,
    "  --version\n  --help\n\nAWS settings are the SDK's own: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_ECS.\n",
  ].join('');
}
