/**
 * The port to what the scheduler knows and would do: for people who look. It reads the same world and the same facts as
 * an actor's turn, and asks the same planner; it takes no fence, writes nothing and starts nothing.
 */
import type { EnvironmentName, InstanceArn, Instant, RevisionId, TaskArn } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/launch.ts';
import type { Waiting } from '../domain/plan.ts';
import type { EnvironmentRecord } from '../domain/world.ts';

export interface Insight {
  /** In order of ARN; null: no such environment. Throws StoreUnavailableError, InsightUnavailableError. */
  hosts(environment: EnvironmentName): Promise<readonly HostView[] | null>;
  /** Whether `hosts` would show it; null: nobody can say, as the facts are not there, or no such environment. */
  knows(environment: EnvironmentName, host: InstanceArn): Promise<boolean | null>;
  /** The last decisions about a host, the oldest first. */
  history(environment: EnvironmentName, host: InstanceArn): Promise<readonly HistoryEntry[]>;
  /** Throws InsightUnavailableError too where nothing is known of the hosts of a deployed environment: 0 would be wrong. */
  status(environment: EnvironmentName): Promise<StatusView | null>;
  /** What would happen if the record were as `change` makes it; `change` gives null for "as it is". */
  foretell(
    environment: EnvironmentName,
    change: (record: EnvironmentRecord) => EnvironmentRecord | null,
  ): Promise<Foretold | null>;
}

/** What is needed to tell is not there: the facts, or answers of ECS. `message` says what. */
export class InsightUnavailableError extends Error {
  override readonly name = 'InsightUnavailableError';
}

export interface HostView {
  readonly instance: InstanceArn;
  readonly ec2InstanceId: string | null;
  /** What ECS calls the registration: ACTIVE, DRAINING, …; null: the facts do not show it. */
  readonly status: string | null;
  readonly state: HostState;
  readonly task: {
    readonly arn: TaskArn;
    readonly taskDefinition: string;
    /** null: adopted. */
    readonly revision: RevisionId | null;
    readonly current: boolean;
  } | null;
  /** Since when it has its task, or none. */
  readonly since: Instant | null;
  /** Name of its wave; null without a rollout. */
  readonly wave: string | null;
  readonly waitingFor: Waiting | null;
  readonly until: Instant | null;
  /** One sentence for people. */
  readonly explanation: string;
  readonly failedAttempts: number;
}

export type HostState =
  | 'ready'
  | 'starting'
  | 'stopping'
  | 'launching'
  /** No task, and none under way. */
  | 'empty'
  | 'disconnected'
  | 'draining'
  | 'excluded'
  | 'not-matching';

export interface StatusView {
  /** Revision that the actor works towards; null before the first deployment was begun. */
  readonly observedRevision: RevisionId | null;
  /** Hosts that must have a task. */
  readonly desired: number;
  /** Those that have one. */
  readonly current: number;
  /** Those whose task is the target's. */
  readonly updated: number;
  /** Those whose task is ready. */
  readonly ready: number;
  readonly unavailable: number;
  /** Hosts with their agent disconnected, that have no ready task of the target: caught up when they return. */
  readonly deferred: number;
  /** Hosts with a task that should have none. */
  readonly misplaced: number;
  /** Hosts with more than one live task that nobody is stopping, as far as the facts are newer than our own records. */
  readonly duplicates: number;
  /** Time that hosts were without a ready task since the running deployment was asked for, in seconds, of all hosts together. */
  readonly uncoveredHostSeconds: number;
  /** By the pace so far; null: nothing is rolling out, nothing has moved yet, or a wave bakes or waits for a person. */
  readonly estimatedSecondsLeft: number | null;
}

export interface Foretold {
  /** How it ends: the deployment's state, or that it goes on for longer than can be told. */
  readonly ending: 'completed' | 'failed' | 'paused' | 'cancelled' | 'endless' | 'nothing-to-do';
  readonly hosts: readonly ForetoldHost[];
  readonly calls: { readonly runTask: number; readonly stopTask: number };
  /** What ECS's shared bucket of Run, Start and Stop allows, from a full one: 100 calls at once and 40 a second. */
  readonly budgetSeconds: number;
  /** What the rollout waits for by itself: readiness, bakes, backoffs. A manual promotion counts as given at once. */
  readonly waitSeconds: number;
  /** Waves that wait for a person. */
  readonly manualWaves: readonly string[];
}

export interface ForetoldHost {
  readonly instance: InstanceArn;
  readonly action: 'launch' | 'replace' | 'stop' | 'none' | 'fail';
  readonly wave: string | null;
  /** Why it fails, or why nothing is done, where something should be. */
  readonly reason: string | null;
  readonly launches: number;
  readonly stops: number;
}
