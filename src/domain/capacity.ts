/** What a task takes of a host and what a host has left, as ECS's placement counts them. */
import type { Attributes } from './facts.ts';

export interface TaskNeeds {
  /** CPU units, 1,024 a CPU. */
  readonly cpu: number;
  /** MiB. */
  readonly memory: number;
  /** Whole GPUs. */
  readonly gpus: number;
  /** Ports that are fixed on the host. Those that Docker chooses, and those of a task with its own network, are none. */
  readonly tcpPorts: readonly number[];
  readonly udpPorts: readonly number[];
  /** What the host must be capable of. A value of null: the attribute must be there, whatever its value. */
  readonly attributes: readonly { readonly name: string; readonly value: string | null }[];
}

export interface HostCapacity {
  /** CPU units that are left. */
  readonly cpu: number;
  /** MiB that are left. */
  readonly memory: number;
  /** GPUs that are left. */
  readonly gpus: number;
  /** By tasks, and by the agent, Docker and sshd. */
  readonly tcpPortsTaken: ReadonlySet<number>;
  readonly udpPortsTaken: ReadonlySet<number>;
  readonly attributes: Attributes;
}
