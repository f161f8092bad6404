import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { Mailbox, ReadinessMailbox, WakeReason } from '../actors/mailbox.ts';
import { SharedQuestions } from '../concurrency/shared-question.ts';
import type { ClusterArn, EnvironmentId, Instant } from '../domain/ids.ts';
import {
  closeQueue,
  producerOptions,
  promptly,
  READINESS_QUEUE,
  SURVEY_QUEUE,
  surveyRequest,
  timer,
  TIMER_QUEUE,
  wakeUp,
  WAKE_QUEUE,
  type ReadinessJob,
  type RedisSettings,
  type SurveyJob,
  type TimerJob,
  type WakeJob,
} from './queues.ts';

/** Least time between two requests for the same cluster's survey: it takes longer to make one. */
const REQUEST_EVERY_MS = 100;
/** The same for readiness: tasks become ready by the hundred, and each look reads all facts of the cluster. */
const READINESS_EVERY_MS = 1_000;

/** The mailbox on BullMQ. Every call ends promptly, whatever Redis does. */
export class BullMailbox implements Mailbox, ReadinessMailbox {
  private readonly wakes: Queue<WakeJob>;
  private readonly surveys: Queue<SurveyJob>;
  private readonly readiness: Queue<ReadinessJob>;
  private readonly timers: Queue<TimerJob>;
  private readonly surveyRequests: SharedQuestions<ClusterArn, boolean>;
  private readonly readinessRequests: SharedQuestions<ClusterArn, boolean>;
  private readonly now: () => Instant;
  private readonly log: Logger;

  constructor(redis: RedisSettings, now: () => Instant, log: Logger) {
    const options = producerOptions(redis);
    this.wakes = new Queue<WakeJob>(WAKE_QUEUE, options);
    this.surveys = new Queue<SurveyJob>(SURVEY_QUEUE, options);
    this.readiness = new Queue<ReadinessJob>(READINESS_QUEUE, options);
    this.timers = new Queue<TimerJob>(TIMER_QUEUE, options);
    this.surveyRequests = new SharedQuestions((cluster) => this.addSurvey(cluster), REQUEST_EVERY_MS);
    this.readinessRequests = new SharedQuestions((cluster) => this.addReadiness(cluster), READINESS_EVERY_MS);
    this.now = now;
    this.log = log;
    for (const queue of this.queues()) {
      queue.on('error', (error) => log.debug({ err: error.message, queue: queue.name }, 'queue connection'));
    }
  }

  async wake(environment: EnvironmentId, reason: WakeReason): Promise<boolean> {
    return await this.attempt('wake', () => this.wakes.add(reason, { environment }, wakeUp(environment)));
  }

  async wakeAt(environment: EnvironmentId, at: Instant): Promise<boolean> {
    const job: TimerJob = { wake: 'environment', environment };
    return await this.attempt('wakeAt', () => this.timers.add('timer', job, timer(environment, at - this.now())));
  }

  async requestSurvey(cluster: ClusterArn): Promise<boolean> {
    return await this.surveyRequests.ask(cluster);
  }

  /** Asks for a survey at `at`, replacing an earlier `surveyAt` of the same cluster. */
  async surveyAt(cluster: ClusterArn, at: Instant): Promise<boolean> {
    const job: TimerJob = { wake: 'survey', cluster };
    return await this.attempt('surveyAt', () => this.timers.add('timer', job, timer(cluster, at - this.now())));
  }

  async requestReadiness(cluster: ClusterArn): Promise<boolean> {
    return await this.readinessRequests.ask(cluster);
  }

  /** Whether Redis answers now. */
  async answers(): Promise<boolean> {
    return await promptly(this.wakes.getJobCounts('wait')).then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.queues().map(closeQueue));
  }

  private queues(): readonly Queue[] {
    return [this.wakes, this.surveys, this.readiness, this.timers];
  }

  private async addSurvey(cluster: ClusterArn): Promise<boolean> {
    return await this.attempt('survey', () => this.surveys.add('survey', { cluster }, surveyRequest(cluster)));
  }

  private async addReadiness(cluster: ClusterArn): Promise<boolean> {
    return await this.attempt('readiness', () => this.readiness.add('readiness', { cluster }, wakeUp(cluster)));
  }

  private async attempt(what: string, add: () => Promise<unknown>): Promise<boolean> {
    try {
      await promptly(add());
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.log.warn({ what, err: why }, 'wake-up not queued; the sweep makes up for it');
      return false;
    }
  }
}
