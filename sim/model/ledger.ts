import type { Host, Task } from './records.ts';

/**
 * The witness: what really happened, kept for ever and from the model's own changes of state.
 *
 * L1. A task lives from its creation until its last status is STOPPED.
 * L2. Lives are counted by container instance ARN and task group.
 */
export class Ledger {
  readonly #tasks: Task[] = [];
  readonly #lives = new Map<string, Lives>();
  readonly #operations = new Map<string, OperationCount>();
  #mostLive = 0;
  #tokenReplays = 0;
  #tokenConflicts = 0;

  taskCreated(task: Task): void {
    this.#tasks.push(task);
    const lives = this.#livesOf(task.host, task.group);
    lives.live += 1;
    lives.maxLive = Math.max(lives.maxLive, lives.live);
    this.#mostLive = Math.max(this.#mostLive, lives.live);
  }

  /** The greatest number of live tasks that a host ever had of one group. */
  get mostLive(): number {
    return this.#mostLive;
  }

  taskStopped(task: Task): void {
    this.#livesOf(task.host, task.group).live -= 1;
  }

  callMade(operation: string, outcome: 'ok' | 'error' | 'throttled'): void {
    const count = this.#operations.get(operation) ?? { calls: 0, errors: 0, throttled: 0 };
    count.calls += 1;
    if (outcome === 'error') count.errors += 1;
    if (outcome === 'throttled') count.throttled += 1;
    this.#operations.set(operation, count);
  }

  tokenReplayed(): void {
    this.#tokenReplays += 1;
  }

  tokenConflicted(): void {
    this.#tokenConflicts += 1;
  }

  report(): LedgerReport {
    const hostsAndGroups = [...this.#lives.values()].map((lives) => ({
      containerInstanceArn: lives.host.arn,
      ec2InstanceId: lives.host.ec2InstanceId,
      group: lives.group,
      live: lives.live,
      maxLive: lives.maxLive,
    }));
    return {
      maxLivePerHostAndGroup: this.#mostLive,
      hostsAndGroups,
      operations: Object.fromEntries([...this.#operations].map(([operation, count]) => [operation, { ...count }])),
      tokenReplays: this.#tokenReplays,
      tokenConflicts: this.#tokenConflicts,
      tasks: this.#tasks.map(taskEntry),
    };
  }

  #livesOf(host: Host, group: string): Lives {
    const key = `${host.arn} ${group}`;
    const known = this.#lives.get(key);
    if (known !== undefined) return known;
    const lives: Lives = { host, group, live: 0, maxLive: 0 };
    this.#lives.set(key, lives);
    return lives;
  }
}

interface Lives {
  readonly host: Host;
  readonly group: string;
  live: number;
  maxLive: number;
}

interface OperationCount {
  /** All calls, those with errors and throttled ones included. */
  calls: number;
  errors: number;
  throttled: number;
}

/** Instants are epoch milliseconds. */
export interface LedgerReport {
  readonly maxLivePerHostAndGroup: number;
  readonly hostsAndGroups: readonly {
    readonly containerInstanceArn: string;
    readonly ec2InstanceId: string;
    readonly group: string;
    readonly live: number;
    readonly maxLive: number;
  }[];
  readonly operations: Readonly<Record<string, Readonly<OperationCount>>>;
  readonly tokenReplays: number;
  readonly tokenConflicts: number;
  readonly tasks: readonly LedgerTask[];
}

export interface LedgerTask {
  readonly taskArn: string;
  readonly containerInstanceArn: string;
  readonly ec2InstanceId: string;
  readonly group: string;
  readonly startedBy: string | null;
  readonly taskDefinitionArn: string;
  readonly createdAt: number;
  readonly startedAt: number | null;
  /** When the last status became STOPPED; null while the task lives. */
  readonly stoppedAt: number | null;
  readonly lastStatus: string;
  readonly desiredStatus: string;
  readonly stopCode: string | null;
  readonly stoppedReason: string | null;
}

function taskEntry(task: Task): LedgerTask {
  return {
    taskArn: task.arn,
    containerInstanceArn: task.host.arn,
    ec2InstanceId: task.host.ec2InstanceId,
    group: task.group,
    startedBy: task.startedBy ?? null,
    taskDefinitionArn: task.definition.arn,
    createdAt: task.createdAt,
    startedAt: task.startedAt ?? null,
    stoppedAt: task.stoppedAt ?? null,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    stopCode: task.stopCode ?? null,
    stoppedReason: task.stoppedReason ?? null,
  };
}
