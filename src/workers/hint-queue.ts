import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { Hint, HintQueue } from '../intake/hints.ts';
import {
  closeQueue,
  EVENT_QUEUE,
  hintJob,
  producerOptions,
  promptly,
  type HintJob,
  type RedisSettings,
} from './queues.ts';

/** Jobs that may wait. Whoever posts more than ECS can be asked about is told to come later. */
const WAITING_MOST = 1_000;

/** The queue of hints on BullMQ. Every call ends promptly, whatever Redis does. */
export class BullHints implements HintQueue {
  private readonly queue: Queue<HintJob>;
  private readonly log: Logger;

  constructor(redis: RedisSettings, log: Logger) {
    this.queue = new Queue<HintJob>(EVENT_QUEUE, producerOptions(redis));
    this.log = log;
    this.queue.on('error', (error) => log.debug({ err: error.message, queue: EVENT_QUEUE }, 'queue connection'));
  }

  add(hints: readonly Hint[]): Promise<boolean> {
    return this.attempt(hints, () => this.queue.add('hints', { hints }, hintJob()));
  }

  /** For hints of people we do not know: false also when too much is waiting already. */
  offer(hints: readonly Hint[]): Promise<boolean> {
    return this.attempt(hints, async () => {
      const waiting = await this.queue.getWaitingCount();
      if (waiting >= WAITING_MOST) throw new Error(`${waiting} jobs are waiting already`);
      await this.queue.add('hints', { hints }, hintJob());
    });
  }

  close(): Promise<void> {
    return closeQueue(this.queue);
  }

  private async attempt(hints: readonly Hint[], add: () => Promise<unknown>): Promise<boolean> {
    try {
      await promptly(add());
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.log.warn({ hints: hints.length, err: why }, 'hints not queued');
      return false;
    }
  }
}
