/** The scheduler under test: worker processes that take the real turns and surveys over simulated ports. */
import { isOverdue, surveyCluster } from '../src/actors/survey.ts';
import { ReadingRoom } from '../src/actors/reading-room.ts';
import { takeTurn } from '../src/actors/turn.ts';
import type { AlarmSource } from '../src/alarms/alarms.ts';
import { as, type ClusterArn, type EnvironmentId, type Instant } from '../src/domain/ids.ts';
import type { Policy } from '../src/domain/policy.ts';
import type { TokenSource } from '../src/ecs/budget.ts';
import type { EcsGateway } from '../src/ecs/gateway.ts';
import { EcsReadError } from '../src/ecs/gateway.ts';
import { FactsUnavailableError } from '../src/store/facts-store.ts';
import { StoreUnavailableError, type ActorStore } from '../src/store/store.ts';
import { alarmsPort } from './alarms-port.ts';
import type { Chance } from './chance.ts';
import { ecsPort, minting } from './ecs-port.ts';
import type { EcsNetwork } from './ecs-network.ts';
import { factsPort, type RedisNetwork } from './facts-port.ts';
import { deliver, mailboxPort, type MailboxPort, type MailNetwork } from './mailbox-port.ts';
import { Process, type Surroundings } from './process.ts';
import { Queue, type Activation } from './queue.ts';
import type { Turn } from './rollout-witness.ts';
import { SURVEY_INTERVAL_MS, SWEEP_INTERVAL_MS } from './scale.ts';
import { storePort, type StoreNetwork } from './store-port.ts';

const WORKERS = 3;
const RESTART_MS = { least: 100, most: 1_500 };

export interface SchedulerOptions {
  readonly around: Omit<Surroundings, 'onSilence'>;
  readonly store: StoreNetwork;
  readonly redis: Omit<RedisNetwork, 'empty'>;
  readonly ecs: EcsNetwork;
  readonly tokens: TokenSource;
  readonly cluster: ClusterArn;
  readonly policy: Policy;
  /** Clocks differ by up to this from each other and from the true time. */
  readonly skewsMs: readonly number[];
}

interface Worker {
  readonly process: Process;
  readonly store: ActorStore;
  readonly facts: ReturnType<typeof factsPort>;
  readonly ecs: (turn: Turn) => EcsGateway;
  readonly alarms: AlarmSource;
  readonly mailbox: MailboxPort;
}

export class Scheduler {
  readonly queue: Queue;
  private readonly options: SchedulerOptions;
  private readonly chance: Chance;
  private readonly workers = new Map<Process, Worker>();
  private readonly mint = minting();
  private started = 0;

  constructor(options: SchedulerOptions) {
    this.options = options;
    this.chance = options.around.chance.fork('scheduler');
    const { timeline, faults } = options.around;
    this.queue = new Queue({
      timeline,
      faults,
      chance: this.chance.fork('queue'),
      workers: () => [...this.workers.keys()].filter((process) => process.frozenUntil <= timeline.now),
    });
    this.queue.open(options.cluster, (activation) => this.survey(activation));
    for (let index = 0; index < WORKERS; index += 1) this.startWorker(index);
    this.sweep();
  }

  open(environment: EnvironmentId): void {
    this.queue.open(environment, (activation) => this.turn(environment, activation));
  }

  wake(environment: EnvironmentId): void {
    deliver(this.mail, environment);
  }

  /** A survey beside the one that may be running. */
  surveyBeside(): void {
    const process = this.chance.pick([...this.workers.keys()]);
    if (process !== undefined) {
      void this.survey({ process, signal: new AbortController().signal });
    }
  }

  /** FLUSHALL. */
  empty(): void {
    this.options.redis.redis.empty();
    this.queue.empty();
  }

  thaw(): void {
    for (const process of this.workers.keys()) process.frozenUntil = 0;
  }

  private get mail(): MailNetwork {
    return { queue: this.queue, ...this.options.around };
  }

  private startWorker(index: number): void {
    const { around, store, redis, ecs, tokens, skewsMs } = this.options;
    this.started += 1;
    const process = new Process(`w${index}.${this.started}`, skewsMs[index] ?? 0, {
      ...around,
      onSilence: (silent, until) => {
        this.queue.silent(silent, until);
        if (silent.alive) return;
        this.workers.delete(silent);
        const ms = this.chance.int(RESTART_MS.least, RESTART_MS.most);
        around.timeline.after(ms, `worker ${index} starts`, () => this.startWorker(index));
      },
    });
    this.workers.set(process, {
      process,
      store: storePort(process, store),
      facts: factsPort(process, { ...redis, empty: () => this.empty() }),
      ecs: ecsPort(process, ecs, tokens) as (turn: Turn) => EcsGateway,
      alarms: alarmsPort(process, { ...around, model: ecs.model }),
      mailbox: mailboxPort(process, this.mail),
    });
  }

  private async turn(environment: EnvironmentId, { process, signal }: Activation): Promise<boolean> {
    const worker = this.workers.get(process);
    if (worker === undefined) return false;
    const { facts, alarms, mailbox } = worker;
    const { policy, ecs: network } = this.options;
    const turn: Turn = { world: null };
    const store = observed(worker.store, turn);
    const ecs = worker.ecs(turn);
    const { now, name: holder } = process;
    // Of its own: no environment here is large.
    const room = new ReadingRoom();
    const deps = { store, facts, ecs, alarms, mailbox, room, policy, now, mint: this.mint, holder };
    try {
      const ending = await takeTurn(environment, deps, signal);
      network.witness.note(`turn: ${ending.kind}`);
      return ending.kind === 'done' || ending.kind === 'gone';
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) network.witness.violate('N10', stackOf(error));
      return false;
    }
  }

  private async survey({ process, signal }: Activation): Promise<boolean> {
    const worker = this.workers.get(process);
    if (worker === undefined) return false;
    const { store, facts, mailbox } = worker;
    const { cluster, ecs: network } = this.options;
    const ecs = worker.ecs({ world: null });
    const deps = { store, facts, ecs, mailbox, now: process.now, intervalMs: SURVEY_INTERVAL_MS };
    try {
      const ending = await surveyCluster(cluster, deps, signal);
      network.witness.note(`survey: ${ending.kind}`);
      if (ending.kind === 'unwatched') return true;
      await mailbox.surveyAt(cluster, ending.again);
      return true;
    } catch (error) {
      const expected =
        error instanceof StoreUnavailableError ||
        error instanceof FactsUnavailableError ||
        error instanceof EcsReadError;
      if (!expected) network.witness.violate('N10', stackOf(error));
      return false;
    }
  }

  private sweep(): void {
    const { around, store, redis, cluster } = this.options;
    around.timeline.after(SWEEP_INTERVAL_MS, 'sweep', () => {
      this.sweep();
      if (store.awayUntil > around.timeline.now) return;
      void store.memory.inventory().then(({ specs }) => {
        for (const { value: spec } of specs) deliver(this.mail, spec.id);
        const survey = { now: () => as<Instant>(around.timeline.now), intervalMs: SURVEY_INTERVAL_MS };
        if (isOverdue(redis.redis.about(cluster), survey)) deliver(this.mail, cluster);
      });
    });
  }
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** What the turn has claimed, for those who judge it. */
const observed = (store: ActorStore, turn: Turn): ActorStore => ({
  ...store,
  async claim(environment, holder) {
    const result = await store.claim(environment, holder);
    if (result.kind === 'claimed') turn.world = result.claim.world;
    return result;
  },
});

export const clusterArn = (account: string, region: string, name: string): ClusterArn =>
  as<ClusterArn>(`arn:aws:ecs:${region}:${account}:cluster/${name}`);
