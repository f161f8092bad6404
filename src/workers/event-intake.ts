/** What takes events in: the worker that asks ECS about hints, always; and the receiver of a queue, where there is one. */
import type { Logger } from 'pino';
import type { Mailbox, ReadinessMailbox } from '../actors/mailbox.ts';
import type { Instant } from '../domain/ids.ts';
import type { EcsGateway } from '../ecs/gateway.ts';
import type { HintQueue } from '../intake/hints.ts';
import type { FactsStore, SightingStore } from '../store/facts-store.ts';
import type { ActorStore } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { startHintWorker } from './hint-worker.ts';
import type { RedisSettings } from './queues.ts';
import { SqsIntake } from './sqs-intake.ts';
import { openSqsSource } from './sqs-source.ts';
import { Watchers } from './watchers.ts';

export interface EventIntakeOptions {
  /** Null: events come over HTTP alone, if at all. */
  readonly queueUrl: string | null;
  readonly redis: RedisSettings;
  readonly store: Pick<ActorStore, 'inventory'>;
  readonly facts: Pick<FactsStore, 'read'> & SightingStore;
  readonly ecs: Pick<EcsGateway, 'describeTasks' | 'describeInstances'>;
  readonly hints: HintQueue;
  readonly mailbox: Pick<Mailbox, 'wake' | 'requestSurvey'> & ReadinessMailbox;
  /** Whether etcd and Redis answer. */
  readonly ready: () => Promise<boolean>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => Instant;
  readonly monotonic: () => number;
  readonly random: () => number;
}

export interface EventIntake {
  /** Whether everything that happens is surely told: no listing is needed to find it. */
  readonly complete: boolean;
  close(): Promise<void>;
}

export function startEventIntake(options: EventIntakeOptions): EventIntake {
  const { queueUrl, facts, hints, mailbox, metrics } = options;
  const intake = { watchers: new Watchers(options), facts, hints, mailbox, metrics };
  const worker = startHintWorker({ ...options, intake });
  const queue = queueUrl === null ? null : new SqsIntake({ ...options, source: openSqsSource(queueUrl), intake });
  return {
    get complete() {
      return queue?.healthy === true;
    },
    async close() {
      await Promise.all([worker.close(), queue?.close()]);
    },
  };
}
