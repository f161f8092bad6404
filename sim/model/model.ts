import { AlarmBoard } from './alarms.ts';
import { ecsError, isError, type EcsAnswer, type EcsError } from './answer.ts';
import { ensureCluster } from './clusters.ts';
import { FaultPlan, type FaultKind } from './faults.ts';
import { addHost, removeHost } from './hosts.ts';
import { Ledger, type LedgerReport } from './ledger.ts';
import { onDue, setAgentConnected, takeStep } from './life-cycle.ts';
import { findHost } from './lookup.ts';
import { OPERATIONS } from './operations.ts';
import { MODEL_DEFAULTS, type ModelOptions } from './options.ts';
import { SeededRandom } from './random.ts';
import type { Change } from './records.ts';
import { RESERVED_TCP_PORTS } from './resources.ts';
import { findTaskAnywhere } from './tasks.ts';
import { ThrottleBuckets } from './throttle.ts';
import { TimerQueue } from './timers.ts';
import type { Host, Task } from './records.ts';
import type { World } from './world.ts';

export interface EcsRequest {
  /** For example `RunTask`. */
  readonly operation: string;
  /** The members of the request, with instants as epoch seconds. */
  readonly body: object;
}

/** One registration of a machine, in short. Instants are epoch milliseconds. */
export interface HostSummary {
  readonly containerInstanceArn: string;
  readonly ec2InstanceId: string;
  readonly cluster: string;
  readonly status: string;
  readonly agentConnected: boolean;
  readonly registeredAt: number;
  readonly attributes: Readonly<Record<string, string | null>>;
  /** Tasks whose last status is not STOPPED. */
  readonly liveTasks: number;
}

export interface LiveTask {
  readonly taskArn: string;
  readonly containerInstanceArn: string;
  readonly ec2InstanceId: string;
  readonly group: string;
  readonly startedBy: string | null;
  readonly lastStatus: string;
  readonly desiredStatus: string;
  readonly createdAt: number;
}

/**
 * A deterministic Amazon ECS: no clock, no timers, no I/O. Time comes in as `now`, in epoch milliseconds; an instant
 * before one that came earlier counts as that one.
 *
 * The answer to a call depends only on the options and on all calls before it.
 */
export class EcsModel {
  /** What the way to ECS does to calls. Whoever carries the calls asks it, and hands the fault of a call to `apply`. */
  readonly faults = new FaultPlan();
  /** The alarms of CloudWatch, which know nothing of ECS. */
  readonly alarms = new AlarmBoard();
  readonly #world: World;
  readonly #buckets: ThrottleBuckets;

  constructor(options: Partial<ModelOptions> = {}) {
    const all = { ...MODEL_DEFAULTS, ...options };
    this.#buckets = new ThrottleBuckets(all.throttling);
    this.#world = {
      options: all,
      random: new SeededRandom(all.seed),
      timers: new TimerQueue(),
      ledger: new Ledger(),
      outbox: all.events ? [] : null,
      clusters: new Map(),
      families: new Map(),
      now: 0,
      created: 0,
    };
  }

  /** Carries out one call. A fault of the connection (drop, truncate, delay, hang) makes no difference here. */
  apply(now: number, request: EcsRequest, fault: FaultKind | null = null): EcsAnswer {
    this.advance(now);
    const answer = this.#answer(request, fault);
    const isThrottled = isError(answer) && answer.type === 'ThrottlingException';
    const outcome = isError(answer) ? 'error' : 'ok';
    this.#world.ledger.callMade(request.operation, isThrottled ? 'throttled' : outcome);
    return answer;
  }

  /** Lets everything happen that happens by itself until `now`, each thing at its own instant. */
  advance(now: number): void {
    const world = this.#world;
    for (let due = world.timers.takeDue(now); due !== null; due = world.timers.takeDue(now)) {
      world.now = Math.max(world.now, due.at);
      onDue(world, due.item);
    }
    world.now = Math.max(world.now, now);
  }

  /** The next instant at which something may happen by itself; null when nothing will. */
  nextChangeAt(): number | null {
    return this.#world.timers.nextAt();
  }

  /** Adds connected hosts, and the cluster when it does not exist. */
  addHosts(
    now: number,
    request: {
      readonly cluster: string;
      readonly count: number;
      readonly attributes?: Readonly<Record<string, string>>;
      readonly external?: boolean;
    },
  ): readonly HostSummary[] {
    this.advance(now);
    const { options } = this.#world;
    const cluster = ensureCluster(this.#world, request.cluster);
    return Array.from({ length: request.count }, () =>
      summaryOf(
        addHost(this.#world, cluster, {
          attributes: new Map(Object.entries(request.attributes ?? {})),
          external: request.external ?? false,
          resources: {
            cpu: options.hostCpu,
            memory: options.hostMemory,
            tcpPorts: RESERVED_TCP_PORTS,
            udpPorts: new Set(),
          },
        }),
      ),
    );
  }

  /** All registered hosts, of one cluster or of all. */
  hosts(now: number, cluster?: string): readonly HostSummary[] {
    this.advance(now);
    return [...this.#world.clusters.values()]
      .filter((each) => cluster === undefined || each.name === cluster)
      .flatMap((each) => [...each.hosts.values()])
      .filter((host) => host.status !== 'INACTIVE')
      .map(summaryOf);
  }

  /** The machine vanishes: it is deregistered and its tasks stop at once. False when there is none of this id. */
  removeHost(now: number, id: string): boolean {
    const host = this.#host(now, id);
    if (host === null) return false;
    removeHost(this.#world, host, 'TerminationNotice', `Host EC2 (instance ${host.ec2InstanceId}) terminated.`);
    return true;
  }

  /** Connects or disconnects an agent. False when there is no host of this id. */
  setAgentConnected(now: number, id: string, connected: boolean): boolean {
    const host = this.#host(now, id);
    if (host === null) return false;
    setAgentConnected(this.#world, host, connected);
    return true;
  }

  /** A task's essential container exits. ECS hears of it when the agent is connected. */
  exitTask(now: number, id: string, exit: { readonly exitCode: number; readonly reason: string }): ExitOutcome {
    this.advance(now);
    const task = findTaskAnywhere(this.#world, id);
    if (task === undefined) return 'unknown task';
    if (task.lastStatus === 'STOPPED') return 'stopped before';
    takeStep(this.#world, task, { kind: 'exit', ...exit });
    return 'exited';
  }

  /** Tasks of a cluster whose last status is not STOPPED. */
  liveTasks(now: number, cluster: string): readonly LiveTask[] {
    this.advance(now);
    const hosts = this.#world.clusters.get(cluster)?.hosts.values() ?? [];
    return [...hosts].flatMap((host) => [...host.tasks]).map(liveTaskOf);
  }

  /** A live task by ARN; null: it is stopped, or there is none. */
  liveTask(now: number, arn: string): LiveTask | null {
    this.advance(now);
    const task = findTaskAnywhere(this.#world, arn);
    return task === undefined || task.lastStatus === 'STOPPED' ? null : liveTaskOf(task);
  }

  /** The greatest number of live tasks that a host ever had of one group, by the ledger. */
  get mostLive(): number {
    return this.#world.ledger.mostLive;
  }

  /** All changes since they were last taken, in order. None unless the model was made with `events`. */
  takeChanges(): readonly Change[] {
    const changes = this.#world.outbox ?? [];
    if (changes.length > 0) this.#world.outbox = [];
    return changes;
  }

  setThrottling(enabled: boolean): void {
    this.#buckets.enabled = enabled;
  }

  ledger(now: number): LedgerReport {
    this.advance(now);
    return this.#world.ledger.report();
  }

  #answer(request: EcsRequest, fault: FaultKind | null): EcsAnswer {
    const known = OPERATIONS.get(request.operation);
    if (known === undefined) return ecsError('UnknownOperationException', `Unknown operation ${request.operation}.`);
    if (fault?.kind === 'throttle' || !this.#buckets.take(known.bucket, this.#world.now)) return throttled();
    if (fault?.kind === 'error-500' && fault.when === 'before-commit') return serverError();
    const lagMs = fault?.kind === 'list-lag' ? fault.ms : 0;
    const answer = known.answer(this.#world, withoutNulls(request.body), lagMs);
    if (fault?.kind === 'error-500') return serverError();
    return isError(answer) ? answer : { kind: 'ok', body: answer };
  }

  /** A registered host by ARN, id or EC2 instance id; of a machine that registered twice, the newest registration. */
  #host(now: number, id: string): Host | null {
    this.advance(now);
    for (const cluster of this.#world.clusters.values()) {
      const host = findHost(cluster, id) ?? cluster.hostsByEc2InstanceId.get(id)?.at(-1);
      if (host !== undefined && host.status !== 'INACTIVE') return host;
    }
    return null;
  }
}

export type ExitOutcome = 'exited' | 'stopped before' | 'unknown task';

function summaryOf(host: Host): HostSummary {
  return {
    containerInstanceArn: host.arn,
    ec2InstanceId: host.ec2InstanceId,
    cluster: host.cluster.name,
    status: host.status,
    agentConnected: host.agentConnected,
    registeredAt: host.registeredAt,
    // Costly, and rarely asked for.
    get attributes() {
      return Object.fromEntries(host.attributes);
    },
    liveTasks: host.tasks.size,
  };
}

function liveTaskOf(task: Task): LiveTask {
  return {
    taskArn: task.arn,
    containerInstanceArn: task.host.arn,
    ec2InstanceId: task.host.ec2InstanceId,
    group: task.group,
    startedBy: task.startedBy ?? null,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    createdAt: task.createdAt,
  };
}

function throttled(): EcsError {
  return ecsError('ThrottlingException', 'Rate exceeded');
}

function serverError(): EcsError {
  return ecsError('ServerException', 'Service Unavailable. Please try again later.');
}

/** To the AWS JSON protocol a null member is an absent one. */
function withoutNulls(body: object): object {
  if (!Object.values(body).includes(null)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}
