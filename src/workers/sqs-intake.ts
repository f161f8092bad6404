/**
 * Takes events in from a queue of Amazon SQS. Several receives wait at once, so that one always waits while others are worked on.
 *
 * S1. A message is deleted only after all of it was taken in. What is not deleted comes again.
 * S2. A message nobody can read is counted, logged and left: after some receives the queue's redrive policy puts it aside.
 * S3. While something we need is away nothing is received: a message handed out in vain would be put aside as unreadable.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ClusterArn, Instant } from '../domain/ids.ts';
import { parseEvent } from '../intake/ecs-event.ts';
import type { Observation } from '../intake/judge.ts';
import { isStale, takeIn, type IntakeDeps } from './intake.ts';
import { within } from './queues.ts';
import { RECEIVE_WAIT_S, type MessageSource, type QueueMessage } from './sqs-source.ts';

/** One that waits, one that is read, one that is worked on. */
const RECEIVES_AT_ONCE = 3;
const PAUSE_FIRST_MS = 500;
const PAUSE_MOST_MS = 30_000;
/** A receive ends within its wait; without one for this long, events may be missed. */
const SILENT_AFTER_MS = (RECEIVE_WAIT_S + 10) * 1_000;
/** What is being taken in when we are told to stop is done in milliseconds, or comes again. */
const CLOSE_WITHIN_MS = 1_000;

export interface SqsIntakeOptions {
  readonly source: MessageSource;
  readonly intake: IntakeDeps;
  /** Whether etcd and Redis answer. */
  readonly ready: () => Promise<boolean>;
  readonly log: Logger;
  readonly now: () => Instant;
  readonly monotonic: () => number;
  readonly random: () => number;
}

export class SqsIntake {
  private readonly options: SqsIntakeOptions;
  private readonly stop = new AbortController();
  private readonly lanes: Promise<unknown>;
  private failures = 0;
  private receivedAt: number;

  constructor(options: SqsIntakeOptions) {
    this.options = options;
    this.receivedAt = options.monotonic();
    this.lanes = Promise.all(Array.from({ length: RECEIVES_AT_ONCE }, () => this.lane()));
  }

  /** False: events may be going by unseen. */
  get healthy(): boolean {
    return this.failures === 0 && this.options.monotonic() - this.receivedAt < SILENT_AFTER_MS;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await within(CLOSE_WITHIN_MS, this.lanes);
    this.options.source.close();
  }

  private async lane(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      try {
        const messages = await this.options.source.receive(signal);
        await this.take(messages);
        this.receivedAt = this.options.monotonic();
        this.recovered();
      } catch (error) {
        if (signal.aborted) return;
        await this.pause(error);
      }
    }
  }

  /** Throws when some of it was not taken in; the rest is deleted all the same. */
  private async take(messages: readonly QueueMessage[]): Promise<void> {
    const began = this.options.monotonic();
    const failures: unknown[] = [];
    const done: QueueMessage[] = [];
    const tasks = [...this.byCluster(messages)].map(async ([cluster, of]) => {
      try {
        await takeIn(
          cluster,
          of.map(({ observation }) => observation),
          this.options.intake,
        );
        for (const { message } of of) done.push(message);
        this.options.log.debug(
          { cluster, events: of.length, ms: Math.round(this.options.monotonic() - began) },
          'events',
        );
      } catch (error) {
        failures.push(error);
        this.options.intake.metrics.events.inc({ outcome: 'failed' }, of.length);
      }
    });
    await Promise.all(tasks);
    if (done.length > 0) await this.options.source.remove(done);
    if (failures.length > 0) throw failures[0];
  }

  private byCluster(messages: readonly QueueMessage[]): ReadonlyMap<ClusterArn, readonly Parcel[]> {
    const clusters = new Map<ClusterArn, Parcel[]>();
    for (const message of messages) {
      const parsed = parseEvent(message.body);
      if (parsed.kind === 'poison') {
        this.options.intake.metrics.events.inc({ outcome: 'poison' });
        this.options.log.warn(
          { message: message.id, received: message.received, fault: parsed.fault },
          'message cannot be read; it is left to the redrive policy of the queue',
        );
        continue;
      }
      const { cluster, at, sighting } = parsed.event;
      const again = message.received > 1;
      const stale = isStale(at, this.options.now());
      const parcel: Parcel = { message, observation: { sighting, source: 'event', again, stale } };
      const there = clusters.get(cluster);
      if (there === undefined) clusters.set(cluster, [parcel]);
      else there.push(parcel);
    }
    return clusters;
  }

  private recovered(): void {
    if (this.failures > 0) this.options.log.info('events are taken in again');
    this.failures = 0;
  }

  /** Waits longer each time, and until what we need answers. */
  private async pause(error: unknown): Promise<void> {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (this.failures === 0) this.options.log.warn({ err: why }, 'events are not taken in; trying again');
    const { signal } = this.stop;
    do {
      this.failures += 1;
      const full = Math.min(PAUSE_MOST_MS, PAUSE_FIRST_MS * 2 ** Math.min(this.failures - 1, 10));
      await sleep(full * (0.5 + this.options.random() / 2), undefined, { signal }).catch(() => {});
    } while (!signal.aborted && !(await this.options.ready()));
  }
}

interface Parcel {
  readonly message: QueueMessage;
  readonly observation: Observation;
}
