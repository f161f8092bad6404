/** Whether a task would be placed on a host, foretold from what both told of themselves. */
import type { HostCapacity, TaskNeeds } from '../domain/capacity.ts';

/**
 * Why ECS would not place a task on the host, in the words of its failure reasons; null: it would, as far as capacity
 * goes. Only the first reason is told, as ECS does: attributes, then CPU, memory, GPUs and ports.
 *
 * `freed`: the needs of the task that makes room first; null: none does. It has given its resources back when it is
 * desired STOPPED, so they count in full.
 */
export function misfit(needs: TaskNeeds, capacity: HostCapacity, freed: TaskNeeds | null): string | null {
  if (!needs.attributes.every((wanted) => hasAttribute(capacity, wanted))) return 'ATTRIBUTE';
  if (needs.cpu > capacity.cpu + (freed?.cpu ?? 0)) return 'RESOURCE:CPU';
  if (needs.memory > capacity.memory + (freed?.memory ?? 0)) return 'RESOURCE:MEMORY';
  if (needs.gpus > capacity.gpus + (freed?.gpus ?? 0)) return 'RESOURCE:GPU';
  const taken =
    collides(needs.tcpPorts, capacity.tcpPortsTaken, freed?.tcpPorts) ||
    collides(needs.udpPorts, capacity.udpPortsTaken, freed?.udpPorts);
  return taken ? 'RESOURCE:PORTS' : null;
}

function hasAttribute({ attributes }: HostCapacity, { name, value }: TaskNeeds['attributes'][number]): boolean {
  return attributes.has(name) && (value === null || attributes.get(name) === value);
}

const collides = (wanted: readonly number[], taken: ReadonlySet<number>, freed: readonly number[] = []): boolean =>
  wanted.some((port) => taken.has(port) && !freed.includes(port));
