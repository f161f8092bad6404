import type { Logger } from 'pino';
import { surveyCluster, type SurveyDeps } from '../actors/survey.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { BullMailbox } from './bull-mailbox.ts';
import { GuardedWorker } from './guarded-worker.ts';
import { SURVEY_QUEUE, type RedisSettings, type SurveyJob } from './queues.ts';

/** Surveys a worker process runs at once: each lists a whole cluster. */
const SURVEYS_AT_ONCE = 4;

export interface SurveyWorkerOptions {
  readonly redis: RedisSettings;
  readonly survey: Omit<SurveyDeps, 'mailbox'>;
  readonly mailbox: BullMailbox;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly monotonic: () => number;
}

/** Pulls surveys, and sets the timer for the next one of the cluster. */
export function startSurveyWorker(options: SurveyWorkerOptions): GuardedWorker<SurveyJob> {
  const { log, mailbox, metrics, monotonic } = options;
  return new GuardedWorker<SurveyJob>({
    ...options,
    queue: SURVEY_QUEUE,
    concurrency: SURVEYS_AT_ONCE,
    run: async (job, signal) => {
      const { cluster } = job.data;
      const began = monotonic();
      const ending = await surveyCluster(cluster, { ...options.survey, mailbox }, signal);
      if (ending.kind === 'unwatched') {
        log.info({ cluster }, 'no environment on the cluster: no more surveys');
        void mailbox.requestReadiness(cluster);
        return;
      }
      await mailbox.surveyAt(cluster, ending.again);
      if (ending.kind === 'early') return;
      // Not waited for: where events ask for it too, a request takes its time, and the next survey makes up for it.
      if (ending.published && ending.readiness) void mailbox.requestReadiness(cluster);
      const seconds = (monotonic() - began) / 1_000;
      metrics.surveys.observe({ published: String(ending.published) }, seconds);
      const { published, woken, hosts, tasks, reads } = ending;
      log.debug({ cluster, published, woken, hosts, tasks, reads, ms: Math.round(seconds * 1_000) }, 'survey');
    },
  });
}
