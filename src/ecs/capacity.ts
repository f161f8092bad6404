/** What a task definition asks of a host, and what a container instance has left, from ECS's own descriptions. */
import { DescribeContainerInstancesCommand } from '@aws-sdk/client-ecs';
import type { ContainerDefinition, ContainerInstance, Resource, TaskDefinition } from '@aws-sdk/client-ecs';
import { attributesOf } from '../domain/attributes.ts';
import type { HostCapacity, TaskNeeds } from '../domain/capacity.ts';
import { as } from '../domain/ids.ts';
import type { ClusterArn, InstanceArn } from '../domain/ids.ts';
import type { ReadBounds } from './aws-client.ts';
import { describeAll, type Described, type EcsReader } from './describe.ts';

/** CPU units of one CPU, and MiB of one GB: how ECS reads `1 vCPU` and `1 GB` (ECS API reference, RegisterTaskDefinition). */
const UNITS_PER_CPU = 1_024;
const MIB_PER_GB = 1_024;

/** What RunTask reserves on a host for a task without overrides. ENIs are not told: ECS shows nowhere how many a host has left. */
export function taskNeedsOf(definition: TaskDefinition): TaskNeeds {
  const { containerDefinitions: containers = [], requiresAttributes = [], cpu, memory } = definition;
  return {
    cpu: cpu === undefined ? sum(containers.map((one) => one.cpu ?? 0)) : amount(cpu, /vcpu/i, UNITS_PER_CPU),
    memory: memory === undefined ? sum(containers.map(reservedMemory)) : amount(memory, /gb/i, MIB_PER_GB),
    gpus: sum(containers.map(gpusOf)),
    tcpPorts: hostPorts(definition, 'tcp'),
    udpPorts: hostPorts(definition, 'udp'),
    attributes: [...attributesOf(requiresAttributes)].map(([name, value]) => ({ name, value })),
  };
}

/** Whether ECS will tell the health of its tasks: that of its essential containers which have a check. */
export const hasHealthCheck = ({ containerDefinitions = [] }: TaskDefinition): boolean =>
  containerDefinitions.some(({ essential = true, healthCheck }) => essential && healthCheck !== undefined);

export function describeCapacities(
  client: EcsReader,
  cluster: ClusterArn,
  arns: readonly InstanceArn[],
  bounds: ReadBounds,
): Promise<Described<InstanceArn, HostCapacity>> {
  return describeAll(arns, async (batch) => {
    const { containerInstances = [], failures = [] } = await client.read(
      new DescribeContainerInstancesCommand({ cluster, containerInstances: [...batch] }),
      bounds,
    );
    const found = containerInstances.map(
      (one) => [as<InstanceArn>(one.containerInstanceArn ?? ''), capacityOf(one)] as const,
    );
    return { found, failures };
  });
}

/** A resource that is not told is not there. */
function capacityOf({ remainingResources = [], attributes = [] }: ContainerInstance): HostCapacity {
  const resource = (name: string): Resource | undefined => remainingResources.find((one) => one.name === name);
  const ports = (name: string): ReadonlySet<number> => new Set(resource(name)?.stringSetValue?.map(Number));
  return {
    cpu: resource('CPU')?.integerValue ?? 0,
    memory: resource('MEMORY')?.integerValue ?? 0,
    // One string a GPU: its id, as the agent registered it.
    gpus: resource('GPU')?.stringSetValue?.length ?? 0,
    // Of ports alone ECS tells those that are taken (ECS API reference, ContainerInstance).
    tcpPortsTaken: ports('PORTS'),
    udpPortsTaken: ports('PORTS_UDP'),
    attributes: attributesOf(attributes),
  };
}

const reservedMemory = ({ memoryReservation, memory }: ContainerDefinition): number => memoryReservation ?? memory ?? 0;

const gpusOf = ({ resourceRequirements = [] }: ContainerDefinition): number =>
  sum(resourceRequirements.filter(({ type }) => type === 'GPU').map(({ value }) => Number(value)));

function hostPorts(
  { networkMode, containerDefinitions = [] }: TaskDefinition,
  protocol: 'tcp' | 'udp',
): readonly number[] {
  if (networkMode === 'awsvpc' || networkMode === 'none') return [];
  return containerDefinitions
    .flatMap(({ portMappings = [] }) => portMappings)
    .filter((mapping) => (mapping.protocol ?? 'tcp') === protocol)
    .map(({ hostPort, containerPort = 0 }) => hostPort ?? (networkMode === 'host' ? containerPort : 0))
    .filter((port) => port !== 0);
}

/** ECS tells the size of a task in units, and takes it as people write it: `512`, `.5 vCPU`, `1 GB`. */
function amount(text: string, unit: RegExp, factor: number): number {
  const value = Number.parseFloat(text);
  return unit.test(text) ? value * factor : value;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
