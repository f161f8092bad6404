import type { ClusterArn, InstanceArn, Instant, Revision, TaskArn, TaskDefinitionArn } from './ids.ts';

/**
 * What the survey saw of a cluster: a rebuildable cache, published a whole generation at a time.
 * No facts at all means "not known yet", never "nothing there".
 */
export interface Facts {
  readonly cluster: ClusterArn;
  /** Moment the listing began. Nothing it does not show is proven absent after this moment. */
  readonly startedAt: Instant;
  /** Store revision when the listing began: what was written to the store later, the listing cannot know of. */
  readonly revision: Revision;
  /** Identity of the store that revision belongs to; another store (a restored backup) makes it meaningless. */
  readonly storeId: string;
  readonly instances: ReadonlyMap<InstanceArn, Instance>;
  /** Tasks whose group begins with `daemon:`, and those that an environment of the cluster adopts, each under its own group. */
  readonly tasks: ReadonlyMap<string, readonly Task[]>;
  /** Those of them that the listing did not show: sighted since. The next listing may still lag behind them. */
  readonly unlisted: ReadonlySet<TaskArn>;
}

/** Names and values. null: an attribute without a value. */
export type Attributes = ReadonlyMap<string, string | null>;

/** The attribute that this scheduler itself sets on hosts. */
export const READY_ATTRIBUTE = 'daemons.ready';

/** A container instance (ECS API reference, ContainerInstance). */
export interface Instance {
  readonly arn: InstanceArn;
  /** `i-…`, or the SSM id `mi-…` of an external host. */
  readonly ec2InstanceId: string | null;
  /** ACTIVE, DRAINING, REGISTERING, DEREGISTERING, REGISTRATION_FAILED or INACTIVE; an open set. */
  readonly status: string;
  readonly agentConnected: boolean;
  readonly launchType: 'EC2' | 'EXTERNAL';
  readonly registeredAt: Instant | null;
  readonly version: number;
  /** All of them, capabilities too. Hosts with equal ones may share the object. */
  readonly attributes: Attributes;
  /** As the agent tells it: `1.90.0`. */
  readonly agentVersion: string | null;
  /** Live tasks of no environment: what a drain waits for. */
  readonly foreignTasks: number;
}

/** A task (ECS API reference, Task). */
export interface Task {
  readonly arn: TaskArn;
  readonly instance: InstanceArn | null;
  readonly group: string;
  readonly startedBy: string | null;
  readonly taskDefinition: TaskDefinitionArn;
  /** Only STOPPED means stopped. */
  readonly lastStatus: string;
  /** What ECS is working towards. Never evidence that a task is gone. */
  readonly desiredStatus: string;
  readonly createdAt: Instant | null;
  readonly stopCode: string | null;
  readonly stoppedReason: string | null;
  /** What its essential containers' checks say; UNKNOWN without a check, and before the first answer. */
  readonly health: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';
  readonly version: number;
}

/** Live until ECS says `lastStatus` STOPPED; DELETED comes after it. */
export const isLive = (task: Task): boolean => task.lastStatus !== 'STOPPED' && task.lastStatus !== 'DELETED';

/** Answers to what the planner asked to have described in this turn. Newer than any facts. */
export interface Looks {
  readonly tasks: ReadonlyMap<TaskArn, Task | 'MISSING'>;
  readonly instances: ReadonlyMap<InstanceArn, Instance | 'MISSING'>;
  readonly taskDefinitions: ReadonlyMap<TaskDefinitionArn, 'ACTIVE' | 'INACTIVE'>;
  readonly alarms: ReadonlyMap<string, AlarmState>;
}

/** MISSING: CloudWatch knows no alarm of the name. */
export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA' | 'MISSING';

export const NO_LOOKS: Looks = {
  tasks: new Map(),
  instances: new Map(),
  taskDefinitions: new Map(),
  alarms: new Map(),
};
