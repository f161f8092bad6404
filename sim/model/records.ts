/** What the simulated ECS keeps, as records that refer to each other. Instants are epoch milliseconds. */

export interface Cluster {
  readonly arn: string;
  readonly name: string;
  status: 'ACTIVE' | 'INACTIVE';
  tags: Tag[];
  readonly hosts: Map<string, Host>;
  /** One machine may have registered more than once. */
  readonly hostsByEc2InstanceId: Map<string, Host[]>;
  readonly tasks: Map<string, Task>;
  readonly tokens: Map<string, TokenEntry>;
}

export interface Host {
  readonly id: string;
  readonly arn: string;
  readonly order: number;
  readonly cluster: Cluster;
  readonly ec2InstanceId: string;
  readonly registeredAt: number;
  readonly attributes: Map<string, string | null>;
  registered: HostResources;
  used: HostResources;
  agentVersion: string;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  agentConnected: boolean;
  version: number;
  tags: Tag[];
  /** Tasks whose last status is not STOPPED. */
  readonly tasks: Set<Task>;
  /** What happened on the host while its agent was disconnected: ECS hears of it at the reconnection. */
  unheard: Due[];
}

export interface HostResources {
  readonly cpu: number;
  readonly memory: number;
  readonly tcpPorts: ReadonlySet<number>;
  readonly udpPorts: ReadonlySet<number>;
}

export type LastStatus =
  | 'PENDING'
  | 'ACTIVATING'
  | 'RUNNING'
  | 'DEACTIVATING'
  | 'STOPPING'
  | 'DEPROVISIONING'
  | 'STOPPED';

export interface Task {
  readonly id: string;
  readonly arn: string;
  readonly order: number;
  readonly cluster: Cluster;
  readonly host: Host;
  readonly definition: TaskDefinition;
  readonly group: string;
  readonly startedBy: string | undefined;
  readonly launchType: 'EC2' | 'EXTERNAL';
  readonly overrides: object;
  readonly needs: TaskNeeds;
  readonly behaviour: TaskBehaviour;
  readonly containers: readonly TaskContainer[];
  readonly createdAt: number;
  tags: Tag[];
  lastStatus: LastStatus;
  desiredStatus: 'RUNNING' | 'STOPPED';
  healthStatus: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';
  version: number;
  startedAt: number | undefined;
  stoppingAt: number | undefined;
  stoppedAt: number | undefined;
  stopCode: StopCode | undefined;
  stoppedReason: string | undefined;
  exitCode: number | undefined;
  /** Counts the changes of plan. A timer of an older plan is void. */
  plan: number;
}

export type StopCode = 'TaskFailedToStart' | 'EssentialContainerExited' | 'UserInitiated' | 'TerminationNotice';

export interface TaskContainer {
  readonly arn: string;
  readonly name: string;
  readonly image: string;
}

export interface TaskNeeds {
  readonly cpu: number;
  readonly memory: number;
  readonly gpu: boolean;
  readonly tcpPorts: readonly number[];
  readonly udpPorts: readonly number[];
}

/** What a task does by itself, as its container environment tells. */
export interface TaskBehaviour {
  readonly exitAfterMs: number | null;
  readonly exitCode: number;
  readonly failToStart: string | null;
  readonly healthOnceRunning: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';
}

export interface TaskDefinition {
  readonly arn: string;
  readonly family: string;
  readonly revision: number;
  readonly registeredAt: number;
  readonly networkMode: string | undefined;
  readonly cpu: string | undefined;
  readonly memory: string | undefined;
  readonly containers: readonly ContainerDefinition[];
  /** Cluster query expressions of its memberOf constraints. */
  readonly memberOf: readonly string[];
  readonly requiredAttributes: readonly Attribute[];
  /** The request that registered it, to be described as it came. */
  readonly source: object;
  status: 'ACTIVE' | 'INACTIVE';
  deregisteredAt: number | undefined;
  tags: Tag[];
}

export interface ContainerDefinition {
  readonly name: string;
  readonly image: string;
  readonly cpu?: number | undefined;
  readonly memory?: number | undefined;
  readonly memoryReservation?: number | undefined;
  readonly essential?: boolean | undefined;
  readonly environment?: readonly EnvironmentVariable[] | undefined;
  readonly portMappings?:
    | readonly {
        readonly containerPort?: number | undefined;
        readonly hostPort?: number | undefined;
        readonly protocol?: string | undefined;
      }[]
    | undefined;
  readonly resourceRequirements?: readonly { readonly type: string; readonly value: string }[] | undefined;
  readonly healthCheck?: object | undefined;
  readonly logConfiguration?: { readonly logDriver: string } | undefined;
}

interface EnvironmentVariable {
  readonly name?: string | undefined;
  readonly value?: string | undefined;
}

export interface Attribute {
  readonly name: string;
  readonly value?: string | undefined;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** A client token and the result that it is bound to. */
export interface TokenEntry {
  readonly canonical: string;
  readonly boundAt: number;
  readonly tasks: readonly Task[];
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly arn?: string;
  readonly reason: string;
  readonly detail?: string;
}

/** Something that happens by itself at an instant. */
export type Due =
  | { readonly kind: 'task-step'; readonly task: Task; readonly plan: number; readonly step: TaskStep }
  | { readonly kind: 'forget-task'; readonly task: Task }
  | { readonly kind: 'forget-host'; readonly host: Host };

export type TaskStep =
  | { readonly kind: 'reach'; readonly status: LastStatus }
  | { readonly kind: 'fail-to-start'; readonly reason: string }
  | { readonly kind: 'exit'; readonly exitCode: number; readonly reason: string };

/** A change of a host or a task, with the thing as it was then. */
export type Change =
  | { readonly kind: 'host'; readonly at: number; readonly host: Host }
  | { readonly kind: 'task'; readonly at: number; readonly task: Task };
