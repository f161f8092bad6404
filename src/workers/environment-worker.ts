import type { Logger } from 'pino';
import { takeTurn, type TurnDeps, type TurnEnding } from '../actors/turn.ts';
import type { EnvironmentId } from '../domain/ids.ts';
import { StoreUnavailableError } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { GuardedWorker } from './guarded-worker.ts';
import { WAKE_QUEUE, type RedisSettings, type WakeJob } from './queues.ts';

/** Turns a worker process takes at once; each spends most of its time waiting for etcd or ECS. */
const TURNS_AT_ONCE = 50;

/** A turn that must be taken again. Not a fault: BullMQ brings the job back shortly. */
class TurnAgain extends Error {
  override readonly name = 'TurnAgain';
}

export interface EnvironmentWorkerOptions {
  readonly redis: RedisSettings;
  readonly turn: TurnDeps;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly monotonic: () => number;
}

/** Pulls wake-ups and takes turns. */
export function startEnvironmentWorker(options: EnvironmentWorkerOptions): GuardedWorker<WakeJob> {
  const { log, metrics, monotonic } = options;
  const told = new LookFaults(log);
  return new GuardedWorker<WakeJob>({
    ...options,
    queue: WAKE_QUEUE,
    concurrency: TURNS_AT_ONCE,
    run: async (job, signal) => {
      const { environment } = job.data;
      const began = monotonic();
      const ending = await takeTurn(environment, options.turn, signal).catch((error: unknown) => {
        if (error instanceof StoreUnavailableError) throw new TurnAgain(error.message);
        throw error;
      });
      const seconds = (monotonic() - began) / 1_000;
      metrics.turns.observe({ ending: ending.kind, woken_by: job.name }, seconds);
      told.note(environment, ending);
      report(ending, { environment, wokenBy: job.name, ms: Math.round(seconds * 1_000) }, log, metrics);
    },
  });
}

/** Tells once for each environment what its turns wait to be told, and once that they are told. They ask every second. */
class LookFaults {
  private readonly log: Logger;
  private readonly open = new Set<EnvironmentId>();

  constructor(log: Logger) {
    this.log = log;
  }

  note(environment: EnvironmentId, ending: TurnEnding): void {
    if (ending.kind === 'gone') this.open.delete(environment);
    if (ending.kind !== 'done') return;
    const { name, lookFault } = ending.report;
    if (lookFault !== null && !this.open.has(environment)) {
      this.open.add(environment);
      this.log.warn(
        { environment, name, lookFault },
        'ECS or CloudWatch does not tell what a turn asks; it waits for that',
      );
    }
    if (lookFault === null && this.open.delete(environment))
      this.log.info({ environment, name }, 'turns are told again');
  }
}

function report(ending: TurnEnding, about: object, log: Logger, metrics: Metrics): void {
  const sent = 'report' in ending ? ending.report : undefined;
  if (sent !== undefined) {
    // Also of a turn that was fenced off: ECS got its calls all the same.
    metrics.launches.inc(sent.launches);
    metrics.replays.inc(sent.replays);
    metrics.stops.inc(sent.stops);
    metrics.duplicates.inc(sent.duplicates);
    metrics.replacements.inc(sent.replacements);
  }
  switch (ending.kind) {
    case 'done': {
      const { report } = ending;
      if (report.rolledBack !== null) {
        metrics.rollbacks.inc();
        log.warn({ ...about, name: report.name, reason: report.rolledBack }, 'rolled back');
      }
      if (report.paused !== null) {
        metrics.pauses.inc();
        log.warn({ ...about, name: report.name, reason: report.paused }, 'rollout paused');
      }
      const idle = report.launches + report.replays + report.stops === 0;
      log[idle ? 'debug' : 'info']({ ...about, ...report }, 'turn');
      return;
    }
    case 'gone':
      // Without a name it was gone before, and said so: a wake-up came late.
      log[ending.name === undefined ? 'debug' : 'info']({ ...about, name: ending.name }, 'environment is gone');
      return;
    case 'fenced':
      metrics.fenced.inc();
      log.info({ ...about, ...sent }, 'turn fenced off');
      throw new TurnAgain('fenced');
    case 'unknown':
      log.warn({ ...about, ...sent, reason: ending.reason }, 'commit outcome unknown');
      throw new TurnAgain(ending.reason);
    case 'unreadable':
      // Trying again would not help; the sweep looks again now and then.
      metrics.unreadable.inc();
      log.error(
        { ...about, key: ending.key, fault: ending.fault },
        'stored value cannot be read: environment stands still',
      );
      return;
  }
}
