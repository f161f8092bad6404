import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { Mailbox, WakeReason } from '../actors/mailbox.ts';
import { SharedQuestions } from '../concurrency/shared-question.ts';
import type { ClusterArn, EnvironmentId, Instant } from '../domain/ids.ts';
import {
  closeQueue,
  producerOptions,
  promptly,
  SURVEY_QUEUE,
  timer,
  TIMER_QUEUE,
  wakeUp,
  WAKE_QUEUE,
  type RedisSettings,
  type SurveyJob,
  type TimerJob,
  type WakeJob,
} from './queues.ts';

/** Least time between two requests for the same cluster's survey: it takes longer to make one. */
const REQUEST_EVERY_MS = 100;

/** The mailbox on BullMQ. Every call ends promptly, whatever Redis does. */
export class BullMailbox implements Mailbox {
  private readonly wakes: Queue<WakeJob>;
  private readonly surveys: Queue<SurveyJob>;
  private readonly timers: Queue<TimerJob>;
  private readonly surveyRequests: SharedQuestions<ClusterArn, boolean>;
  private readonly now: () => Instant;
  private readonly log: Logger;

  constructor(redis: RedisSettings, now: () => Instant, log: Logger) {
    const options = producerOptions(redis);
    this.wakes = new Queue<WakeJob>(WAKE_QUEUE, options);
    this.surveys = new Queue<SurveyJob>(SURVEY_QUEUE, options);
    this.timers = new Queue<TimerJob>(TIMER_QUEUE, options);
    this.surveyRequests = new SharedQuestions((cluster) => this.survey(cluster, true), REQUEST_EVERY_MS);
    this.now = now;
    this.log = log;
    for (const queue of [this.wakes, this.surveys, this.timers]) {
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

  /** A survey of the cluster as soon as its pace allows; a regular one also waits for its interval. */
  async survey(cluster: ClusterArn, requested: boolean): Promise<boolean> {
    const name = requested ? 'request' : 'survey';
    return await this.attempt('survey', () => this.surveys.add(name, { cluster }, wakeUp(cluster)));
  }

  async surveyAt(cluster: ClusterArn, at: Instant, requested: boolean): Promise<boolean> {
    const job: TimerJob = { wake: 'survey', cluster, requested };
    return await this.attempt('surveyAt', () => this.timers.add('timer', job, timer(cluster, at - this.now())));
  }

  /** Whether Redis answers now. */
  async answers(): Promise<boolean> {
    return await this.attempt('ping', () => this.wakes.getJobCounts('wait'));
  }

  async close(): Promise<void> {
    await Promise.all([this.wakes, this.surveys, this.timers].map(closeQueue));
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
