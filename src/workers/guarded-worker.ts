/**
 * A BullMQ worker that tells its jobs when they are no longer theirs. BullMQ notices a lost lock and says so, but does
 * not stop the job; and while Redis is away it says nothing. Safety does not rest on this (the fence in the store does);
 * it saves calls, and it makes a shutdown quick.
 */
import { setMaxListeners } from 'node:events';
import { WaitingError, Worker, type Job } from 'bullmq';
import type { Logger } from 'pino';
import type { Metrics } from '../telemetry/metrics.ts';
import { DISCONNECT_WITHIN_MS, LOCK_MS, within, workerOptions, type RedisSettings } from './queues.ts';

/** A lock that was not renewed for this long may be gone: renewals come every half lock. */
const RENEWAL_OVERDUE_MS = LOCK_MS * 0.8;
const RENEWAL_CHECK_MS = 500;
/** A hand-over takes milliseconds while Redis answers. */
const CLOSE_WITHIN_MS = 3_000;

export interface GuardedWorkerOptions<Data> {
  readonly queue: string;
  readonly redis: RedisSettings;
  readonly concurrency: number;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'takeovers' | 'failures'>;
  readonly random: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic: () => number;
  /** Runs a job. A throw brings it back later; after an abort it should end soon, however. */
  readonly run: (job: Job<Data>, signal: AbortSignal) => Promise<void>;
}

export class GuardedWorker<Data> {
  private readonly worker: Worker<Data>;
  private readonly options: GuardedWorkerOptions<Data>;
  private readonly watchdog: NodeJS.Timeout;
  /** Last time each running job's lock was known to be ours. */
  private readonly held = new Map<string, number>();
  private closing = false;

  constructor(options: GuardedWorkerOptions<Data>) {
    this.options = options;
    const { log, metrics, queue } = options;
    // BullMQ hands over a signal only to a processor that declares three parameters.
    const processor = (job: Job<Data>, token: string | undefined, signal: AbortSignal | undefined): Promise<void> =>
      this.process(job, token, signal);
    this.worker = new Worker<Data>(
      options.queue,
      processor,
      workerOptions(options.redis, options.concurrency, options.random),
    );
    this.worker.on('lockRenewalFailed', (ids) => this.cancel(ids, 'lock lost'));
    this.worker.on('locksRenewed', ({ jobIds }) => {
      for (const id of jobIds) if (this.held.has(id)) this.held.set(id, options.monotonic());
    });
    this.worker.on('stalled', (id) => {
      metrics.takeovers.inc({ queue });
      log.warn({ queue, job: id }, 'took over a job whose worker went silent');
    });
    this.worker.on('failed', (job, error) => {
      metrics.failures.inc({ queue });
      log.warn({ queue, job: job?.name, data: job?.data, err: error.message }, 'job failed; it comes again');
    });
    this.worker.on('error', (error) => log.debug({ queue, err: error.message }, 'worker'));
    this.watchdog = setInterval(() => this.cancelOverdue(), RENEWAL_CHECK_MS);
  }

  /** Takes no more jobs; hands the running ones over to other workers. */
  async close(): Promise<void> {
    this.closing = true;
    const closed = this.worker.close();
    this.worker.cancelAllJobs('shutdown');
    // Without Redis neither a hand-over nor a goodbye ever ends; the lock then runs out by itself.
    await within(CLOSE_WITHIN_MS, closed);
    await within(DISCONNECT_WITHIN_MS, this.worker.disconnect());
    clearInterval(this.watchdog);
  }

  private async process(job: Job<Data>, token: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    // Taken in the moment of closing, and after everything running was told: not ours to begin.
    if (this.closing) return await this.handOver(job, token);
    const id = job.id ?? '';
    const abort = signal ?? new AbortController().signal;
    // Every call of a turn listens to it; Node would call more than ten a leak.
    setMaxListeners(0, abort);
    let failure: unknown = null;
    this.held.set(id, this.options.monotonic());
    try {
      await this.options.run(job, abort);
    } catch (error) {
      failure = error;
    }
    this.held.delete(id);
    if (this.closing && (failure !== null || abort.aborted)) return await this.handOver(job, token);
    if (failure !== null) throw failure;
  }

  private async handOver(job: Job<Data>, token: string | undefined): Promise<never> {
    await job.moveToWait(token);
    throw new WaitingError();
  }

  private cancelOverdue(): void {
    const oldest = this.options.monotonic() - RENEWAL_OVERDUE_MS;
    this.cancel(
      [...this.held].filter(([, renewed]) => renewed < oldest).map(([id]) => id),
      'lock not renewed',
    );
  }

  private cancel(ids: readonly string[], why: string): void {
    for (const id of ids) {
      // Told once: what is no longer held is not overdue either.
      this.held.delete(id);
      if (this.worker.cancelJob(id, why))
        this.options.log.warn({ queue: this.options.queue, job: id, why }, 'job cancelled');
    }
  }
}
