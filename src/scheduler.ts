/** The composition root: the only file that names every adapter. Builds what a role needs, and takes it down in order. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { ReadingRoom } from './actors/reading-room.ts';
import { WrittenMarks } from './actors/written-marks.ts';
import { createApp } from './api/app.ts';
import type { Readiness } from './api/app-env.ts';
import { API_LIMITS } from './api/limits.ts';
import { ListenError, serveApi } from './api/server.ts';
import { policyOf, surveyIntervals, type Config } from './config.ts';
import { CssListing } from './css/css-listing.ts';
import { as, type LaunchId } from './domain/ids.ts';
import { plannerInsight } from './insight/planner-insight.ts';
import { ecsLimitsOf, monotonic, now, openParts, StartError, type Closers, type Parts } from './parts.ts';
import type { EtcdStore } from './store/etcd-store.ts';
import { openEtcdView } from './store/view.ts';
import { exposeEnvironments } from './telemetry/environment-metrics.ts';
import { serveMetrics } from './telemetry/metrics-server.ts';
import type { BullMailbox } from './workers/bull-mailbox.ts';
import { startEnvironmentWorker } from './workers/environment-worker.ts';
import { startEventIntake } from './workers/event-intake.ts';
import { startReadinessWorker } from './workers/readiness-worker.ts';
import { startSurveyWorker } from './workers/survey-worker.ts';
import { startSweeper } from './workers/sweep-worker.ts';
import { startTimerWorker } from './workers/timer-worker.ts';

const random = (): number => Math.random();

export interface Scheduler {
  /** Address of the API, if this role serves it. */
  readonly api: string | null;
  readonly metrics: string | null;
  close(): Promise<void>;
}

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
    const metrics = await startMetrics(config, parts, closers);
    return { api, metrics, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function startWorkers(config: Config, parts: Parts, log: Logger, closers: Closers): void {
  const { etcd, ecs, alarms, facts, mailbox, metrics } = parts;
  const redis = { url: config.redisUrl, prefix: config.redisPrefix };
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
  const policy = policyOf(config);
  const holder = `${hostname()}/${process.pid}`;
  const started = [
    events,
    startSweeper({ ...common, store, survey, intervalMs: config.sweepIntervalMs }),
    startTimerWorker(common),
    startSurveyWorker({ ...common, survey }),
    startReadinessWorker({
      ...common,
      readiness: { clusters: etcd.clusters, facts, ecs, marks: new WrittenMarks(), policy, now, holder },
    }),
    startEnvironmentWorker({
      ...common,
      turn: {
        store,
        facts,
        ecs,
        alarms,
        mailbox,
        room: new ReadingRoom(),
        policy,
        now,
        mint: () => as<LaunchId>(randomUUID()),
        holder,
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
  const { etcd, ecs, alarms, facts, mailbox, hints } = parts;
  const view = openEtcdView({
    store: etcd,
    deadlineMs: API_LIMITS.storeDeadlineMs,
    onUnreadable: (item) => log.error(item, 'stored value cannot be read'),
    onTrouble: (error) => log.debug({ err: error instanceof Error ? error.message : String(error) }, 'watch'),
  });
  closers.unshift(() => view.close());
  await view.ready(stop);
  exposeEnvironments(parts.metrics.registry, async () => {
    const snapshot = await view.current();
    const { items } = snapshot.list({ after: null, limit: Infinity, matches: () => true });
    return items.map(({ spec, status }) => ({ name: spec.value.name, status }));
  });
  const app = createApp({
    store: etcd.environments,
    view,
    ecs,
    mailbox,
    now,
    uuid: randomUUID,
    log,
    insight: plannerInsight({
      store: etcd.environments,
      facts,
      ecs,
      alarms,
      policy: policyOf(config),
      callLimits: ecsLimitsOf(config).modify,
      now,
    }),
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

async function startMetrics(config: Config, parts: Parts, closers: Closers): Promise<string | null> {
  if (config.metricsBind === null) return null;
  const { host, port } = config.metricsBind;
  const ready = async () => {
    const up = await readiness(parts.etcd, parts.mailbox);
    // Without Redis the API serves, and a worker does nothing.
    return { ready: up.etcd === 'up' && (up.redis === 'up' || config.role === 'api'), ...up };
  };
  try {
    const server = await serveMetrics({ registry: parts.metrics.registry, ready, host, port });
    closers.unshift(() => server.close());
    return `http://${host}:${server.port}/metrics`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(`cannot serve metrics on ${host}:${port} (${why}); choose another with --metrics-bind`);
  }
}
