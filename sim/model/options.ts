/** How the model behaves. Every duration is in milliseconds. */
export interface ModelOptions {
  /** Seed of all generated ids. The same seed and the same calls give the same answers. */
  readonly seed: number;
  readonly account: string;
  readonly region: string;
  /** From the creation of a task to RUNNING. */
  readonly taskStartMs: number;
  /** From the wish to stop a task (or its own exit) to STOPPED. */
  readonly taskStopMs: number;
  /** How long a stopped task is still listed and described. ECS promises at least one hour. */
  readonly stoppedRetentionMs: number;
  /** How long a deregistered container instance is still described as INACTIVE. */
  readonly inactiveRetentionMs: number;
  /** How long a client token outlives the last task that it made. ECS promises one hour. */
  readonly tokenLifeAfterLastTaskMs: number;
  /** The longest life of a client token. ECS says 24 hours. */
  readonly tokenLifeMostMs: number;
  /** What `distinctInstance` sees of the tasks of earlier calls. ECS documents no guarantee, so all three are possible. */
  readonly distinctInstance: DistinctInstanceMode;
  /** In mode `lagging`: the age from which a task is seen. */
  readonly distinctInstanceLagMs: number;
  /** Whether StartTask takes a DRAINING container instance. AWS does not document it. */
  readonly startTaskOnDraining: 'accept' | 'refuse';
  /** A task younger than this is missing from ListTasks. */
  readonly listLagMs: number;
  /** Whether `listLagMs` holds for DescribeTasks too. */
  readonly describeLag: boolean;
  /** Whether the request rate limits of ECS are enforced. */
  readonly throttling: boolean;
  /** Whether changes are kept for `takeChanges`. */
  readonly events: boolean;
  /** CPU units of a host added by the admin side. */
  readonly hostCpu: number;
  /** MiB of memory of a host added by the admin side. */
  readonly hostMemory: number;
}

type DistinctInstanceMode = 'off' | 'lagging' | 'strict';

const HOUR_MS = 3_600_000;

export const MODEL_DEFAULTS: ModelOptions = {
  seed: 1,
  account: '123456789012',
  region: 'us-east-1',
  taskStartMs: 500,
  taskStopMs: 300,
  stoppedRetentionMs: HOUR_MS,
  inactiveRetentionMs: HOUR_MS,
  tokenLifeAfterLastTaskMs: HOUR_MS,
  tokenLifeMostMs: 24 * HOUR_MS,
  distinctInstance: 'lagging',
  distinctInstanceLagMs: 1_000,
  startTaskOnDraining: 'accept',
  listLagMs: 0,
  describeLag: false,
  throttling: true,
  events: false,
  hostCpu: 4_096,
  hostMemory: 15_360,
};
