import { hostChanged } from './outbox.ts';
import type { ContainerDefinition, Host, HostResources, Task, TaskDefinition, TaskNeeds } from './records.ts';
import type { World } from './world.ts';

/**
 * What tasks take and what hosts have left.
 *
 * R1. A task takes its resources at its creation and gives them back when it is desired STOPPED, although it may still
 *     run: that is how ECS's own placement counts.
 * R2. No host ever has less than nothing left.
 */

export const NO_RESOURCES: HostResources = { cpu: 0, memory: 0, tcpPorts: new Set(), udpPorts: new Set() };

/** Ports that the ECS agent, Docker and sshd hold on every host. */
export const RESERVED_TCP_PORTS: ReadonlySet<number> = new Set([22, 2375, 2376, 51678, 51679]);

export interface ResourceOverrides {
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
  readonly containerOverrides?:
    | readonly {
        readonly name?: string | undefined;
        readonly cpu?: number | undefined;
        readonly memory?: number | undefined;
        readonly memoryReservation?: number | undefined;
      }[]
    | undefined;
}

export function needsOf(definition: TaskDefinition, overrides: ResourceOverrides): TaskNeeds {
  const containers = definition.containers.map((container) => {
    const override = overrides.containerOverrides?.find((each) => each.name === container.name);
    return {
      ...container,
      cpu: override?.cpu ?? container.cpu ?? 0,
      memory: override?.memoryReservation ?? container.memoryReservation ?? override?.memory ?? container.memory ?? 0,
    };
  });
  const taskCpu = overrides.cpu ?? definition.cpu;
  const taskMemory = overrides.memory ?? definition.memory;
  return {
    cpu: taskCpu === undefined ? sum(containers.map((container) => container.cpu)) : cpuUnits(taskCpu),
    memory: taskMemory === undefined ? sum(containers.map((container) => container.memory)) : mebibytes(taskMemory),
    gpu: definition.containers.some((container) =>
      (container.resourceRequirements ?? []).some((each) => each.type === 'GPU'),
    ),
    tcpPorts: hostPorts(definition, 'tcp'),
    udpPorts: hostPorts(definition, 'udp'),
  };
}

/** The first resource that the host cannot give, in the words of a failure's reason. */
export function missingResource(host: Host, needs: TaskNeeds): string | null {
  if (needs.cpu > host.registered.cpu - host.used.cpu) return 'RESOURCE:CPU';
  if (needs.memory > host.registered.memory - host.used.memory) return 'RESOURCE:MEMORY';
  if (needs.gpu) return 'RESOURCE:GPU';
  const taken =
    needs.tcpPorts.some((port) => host.used.tcpPorts.has(port) || host.registered.tcpPorts.has(port)) ||
    needs.udpPorts.some((port) => host.used.udpPorts.has(port) || host.registered.udpPorts.has(port));
  return taken ? 'RESOURCE:PORTS' : null;
}

export function reserve(world: World, task: Task): void {
  const { host, needs } = task;
  host.used = {
    cpu: host.used.cpu + needs.cpu,
    memory: host.used.memory + needs.memory,
    tcpPorts: new Set([...host.used.tcpPorts, ...needs.tcpPorts]),
    udpPorts: new Set([...host.used.udpPorts, ...needs.udpPorts]),
  };
  hostChanged(world, host);
}

export function release(world: World, task: Task): void {
  const { host, needs } = task;
  host.used = {
    cpu: host.used.cpu - needs.cpu,
    memory: host.used.memory - needs.memory,
    tcpPorts: without(host.used.tcpPorts, needs.tcpPorts),
    udpPorts: without(host.used.udpPorts, needs.udpPorts),
  };
  hostChanged(world, host);
}

/** For CPU and MEMORY what is left, for the port sets what is taken: that is how ECS shows "remaining" ports. */
export function resourceViews(resources: HostResources): readonly object[] {
  const portSet = (name: string, ports: ReadonlySet<number>): object => ({
    name,
    type: 'STRINGSET',
    doubleValue: 0,
    longValue: 0,
    integerValue: 0,
    stringSetValue: [...ports].map(String),
  });
  const amount = (name: string, integerValue: number): object => ({
    name,
    type: 'INTEGER',
    doubleValue: 0,
    longValue: 0,
    integerValue,
  });
  return [
    amount('CPU', resources.cpu),
    amount('MEMORY', resources.memory),
    portSet('PORTS', resources.tcpPorts),
    portSet('PORTS_UDP', resources.udpPorts),
  ];
}

export function remaining(host: Host): HostResources {
  return {
    cpu: host.registered.cpu - host.used.cpu,
    memory: host.registered.memory - host.used.memory,
    tcpPorts: new Set([...host.registered.tcpPorts, ...host.used.tcpPorts]),
    udpPorts: new Set([...host.registered.udpPorts, ...host.used.udpPorts]),
  };
}

/** Only ports that are fixed on the host: none with awsvpc or none, and no dynamic ones. */
function hostPorts(definition: TaskDefinition, protocol: string): readonly number[] {
  if (definition.networkMode === 'awsvpc' || definition.networkMode === 'none') return [];
  return definition.containers.flatMap((container) =>
    fixedPorts(container, protocol, definition.networkMode === 'host'),
  );
}

function fixedPorts(container: ContainerDefinition, protocol: string, isHostNetwork: boolean): readonly number[] {
  return (container.portMappings ?? [])
    .filter((mapping) => (mapping.protocol ?? 'tcp') === protocol)
    .map((mapping) => mapping.hostPort ?? (isHostNetwork ? (mapping.containerPort ?? 0) : 0))
    .filter((port) => port !== 0);
}

function without(ports: ReadonlySet<number>, released: readonly number[]): ReadonlySet<number> {
  return new Set([...ports].filter((port) => !released.includes(port)));
}

/** "1 vCPU" or "0.5 vcpu" are whole CPUs of 1,024 units, a bare number is units. */
function cpuUnits(text: string): number {
  const vcpu = /^([\d.]+)\s*vcpu$/i.exec(text.trim())?.[1];
  return vcpu === undefined ? Number(text) : Number(vcpu) * 1_024;
}

function mebibytes(text: string): number {
  const gigabytes = /^([\d.]+)\s*GB$/i.exec(text.trim())?.[1];
  return gigabytes === undefined ? Number(text) : Number(gigabytes) * 1_024;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
