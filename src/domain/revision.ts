import type { InstanceArn, Instant, RevisionId, TaskDefinitionArn, Template } from './ids.ts';
import type { JsonObject } from './json.ts';

/** What an environment is to be, and how it gets there. Never changed; its id is a hash of its content. */
export interface EnvironmentRevision {
  readonly id: RevisionId;
  /** Hash of what tasks are made from: the task definition and the network configuration. */
  readonly template: Template;
  readonly taskDefinition: TaskDefinitionArn;
  /** An essential container has a health check: such a task is ready when ECS calls it HEALTHY. */
  readonly healthCheck: boolean;
  /** ECS's `networkConfiguration`, needed by `awsvpc` task definitions; passed through to RunTask. */
  readonly networkConfiguration: JsonObject | null;
  /** Which hosts of the cluster, in ECS's cluster query language; null: all. */
  readonly query: string | null;
  readonly configuration: DeploymentConfiguration;
  readonly createdAt: Instant;
}

/** A number of hosts, or a share of them. */
export type Amount = number | `${number}%`;

/** How fast a rollout goes, and what stops it. */
export interface DeploymentConfiguration {
  /** Hosts that may be without a ready task through the rollout at a time; at least one. */
  readonly maxUnavailable: Amount;
  /** In this order; hosts of none of them come last. */
  readonly waves: readonly WaveConfiguration[];
  /** How long a task must be RUNNING before it counts as ready. */
  readonly minReadySeconds: number;
  /**
   * Failed attempts that trip the circuit breaker, 3 to 200 (ECS API reference, DeploymentCircuitBreaker); a percentage is of
   * the hosts whose wave is open. null: half of them, and none for an environment's first deployment, which has nothing to break.
   */
  readonly failures: Amount | null;
  /** Longest a wave may take until its hosts are ready; null: no limit. */
  readonly waveDeadlineMinutes: number | null;
  /** CloudWatch alarms that trip the breaker. One that fires when the rollout begins does not count until it was OK. */
  readonly alarms: readonly string[];
  /** What a tripped breaker does: deploys the last completed revision, or pauses the rollout. */
  readonly rollback: 'auto' | 'pause';
}

export interface WaveConfiguration {
  /** A canary of so many hosts, or a wave for each value of a host attribute. */
  readonly of:
    | { readonly kind: 'canary'; readonly hosts: Amount }
    | { readonly kind: 'attribute'; readonly name: string };
  /** What opens the next wave once this one is ready: `bakeMinutes` of staying so, or a person. */
  readonly promote: 'auto' | 'manual';
  readonly bakeMinutes: number;
}

export const DEFAULT_CONFIGURATION: DeploymentConfiguration = {
  maxUnavailable: '10%',
  waves: [],
  minReadySeconds: 0,
  failures: null,
  waveDeadlineMinutes: null,
  alarms: [],
  rollback: 'auto',
};

/** `amount` of `total` hosts; a percentage is rounded down. */
export const hostsOf = (amount: Amount, total: number): number =>
  typeof amount === 'number' ? amount : Math.floor((Number.parseFloat(amount) * total) / 100);

/** A wave as a rollout found it when it began. */
export interface Wave {
  readonly name: string;
  /** Its hosts: those chosen as canaries, those with this attribute, or (null) those of no other wave. */
  readonly of:
    | { readonly kind: 'canary'; readonly hosts: Amount }
    | { readonly kind: 'attribute'; readonly name: string; readonly value: string | null }
    | null;
  readonly promote: 'auto' | 'manual';
  readonly bakeMinutes: number;
}

/** A retry by hand: the backoff of the host was forgotten so many times. */
export interface Retry {
  readonly instance: InstanceArn;
  readonly count: number;
}
