/** Whether a task fits: a table, and the simulator as the judge. */
import type { TaskDefinition } from '@aws-sdk/client-ecs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EcsModel } from '../../sim/model/model.ts';
import type { HostCapacity, TaskNeeds } from '../../src/domain/capacity.ts';
import { as, type ClusterArn, type InstanceArn } from '../../src/domain/ids.ts';
import { describeCapacities, taskNeedsOf } from '../../src/ecs/capacity.ts';
import type { EcsReader } from '../../src/ecs/describe.ts';
import { misfit } from '../../src/planner/fit.ts';

const NEEDS: TaskNeeds = { cpu: 100, memory: 200, gpus: 1, tcpPorts: [80], udpPorts: [53], attributes: [] };
const EXACT: HostCapacity = {
  cpu: 100,
  memory: 200,
  gpus: 1,
  tcpPortsTaken: new Set([22, 53]),
  udpPortsTaken: new Set([80]),
  attributes: new Map<string, string | null>([
    ['ssd', null],
    ['os', 'linux'],
  ]),
};
const nothing: TaskNeeds = { cpu: 0, memory: 0, gpus: 0, tcpPorts: [], udpPorts: [], attributes: [] };
const wants = (name: string, value: string | null): Partial<TaskNeeds> => ({ attributes: [{ name, value }] });

describe('a task', () => {
  it.each<[string, Partial<TaskNeeds>, Partial<HostCapacity>, Partial<TaskNeeds> | null, string | null]>([
    ['fits what is just enough', {}, {}, null, null],
    ['lacks CPU', { cpu: 101 }, {}, null, 'RESOURCE:CPU'],
    ['lacks memory', { memory: 201 }, {}, null, 'RESOURCE:MEMORY'],
    ['lacks a GPU', { gpus: 2 }, {}, null, 'RESOURCE:GPU'],
    ['lacks a TCP port', { tcpPorts: [80, 22] }, {}, null, 'RESOURCE:PORTS'],
    ['lacks a UDP port', { udpPorts: [80] }, {}, null, 'RESOURCE:PORTS'],
    ['finds an attribute, whatever its value', wants('os', null), {}, null, null],
    ['finds an attribute of this value', wants('os', 'linux'), {}, null, null],
    ['lacks an attribute', wants('efs', null), {}, null, 'ATTRIBUTE'],
    ['lacks an attribute of this value', wants('os', 'windows'), {}, null, 'ATTRIBUTE'],
    ['does not take no value for this one', wants('ssd', 'fast'), {}, null, 'ATTRIBUTE'],
    ['hears of attributes before CPU', { ...wants('efs', null), cpu: 101 }, {}, null, 'ATTRIBUTE'],
    ['hears of CPU before memory', { cpu: 101, memory: 201 }, {}, null, 'RESOURCE:CPU'],
    ['hears of memory before GPUs', { memory: 201, gpus: 2 }, {}, null, 'RESOURCE:MEMORY'],
    ['hears of GPUs before ports', { gpus: 2, tcpPorts: [22] }, {}, null, 'RESOURCE:GPU'],
    ['takes over what its predecessor frees', {}, { cpu: 0, memory: 0, gpus: 0 }, NEEDS, null],
    ['takes over the CPU and no more', { cpu: 131 }, {}, { cpu: 30 }, 'RESOURCE:CPU'],
    ['takes over the memory and no more', { memory: 231 }, {}, { memory: 30 }, 'RESOURCE:MEMORY'],
    ['takes over the GPUs and no more', { gpus: 3 }, {}, { gpus: 1 }, 'RESOURCE:GPU'],
    ['takes over the ports', {}, { tcpPortsTaken: new Set([80]), udpPortsTaken: new Set([53]) }, NEEDS, null],
    ['takes over TCP ports as such', {}, { udpPortsTaken: new Set([53]) }, { tcpPorts: [53] }, 'RESOURCE:PORTS'],
    ['takes over UDP ports as such', {}, { tcpPortsTaken: new Set([80]) }, { udpPorts: [80] }, 'RESOURCE:PORTS'],
  ])('%s', (_name, needs, capacity, freed, reason) => {
    const before = freed === null ? null : { ...nothing, ...freed };
    expect(misfit({ ...NEEDS, ...needs }, { ...EXACT, ...capacity }, before)).toBe(reason);
  });
});

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const seldom = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
const port = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(0, 53, 53, 80, 80) },
  { weight: 1, arbitrary: fc.constant(22) },
);
const container = fc.record({
  name: fc.constant('main'),
  image: fc.constant('busybox'),
  cpu: maybe(fc.integer({ min: 0, max: 60 })),
  memory: fc.integer({ min: 4, max: 200 }),
  memoryReservation: maybe(fc.integer({ min: 4, max: 100 })),
  portMappings: maybe(
    fc.array(
      fc.record({
        containerPort: port,
        hostPort: maybe(port),
        protocol: maybe(fc.constantFrom('tcp', 'udp')),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  ),
  resourceRequirements: seldom(fc.constant([{ type: 'GPU', value: '1' }])),
  logConfiguration: seldom(fc.constantFrom({ logDriver: 'awslogs' }, { logDriver: 'splunk' })),
});
const definition = fc.record({
  networkMode: maybe(fc.constantFrom('bridge', 'host', 'none', 'awsvpc')),
  cpu: maybe(fc.constantFrom('16', '64', ' .05 vCPU ', '0.1vcpu')),
  memory: maybe(fc.constantFrom('32', '120', '0.1 GB', '.25gb')),
  runtimePlatform: seldom(fc.record({ cpuArchitecture: fc.constantFrom('X86_64', 'ARM64') })),
  containerDefinitions: fc.array(container, { minLength: 1, maxLength: 2 }),
});
const story = fc.record({
  host: fc.record({ hostCpu: fc.integer({ min: 60, max: 400 }), hostMemory: fc.integer({ min: 60, max: 900 }) }),
  architecture: fc.constantFrom('x86_64', 'arm64'),
  other: definition,
  first: definition,
  second: definition,
  stopsFirst: fc.boolean(),
});
type Definition = typeof definition extends fc.Arbitrary<infer Value> ? Value : never;

/** One host of the simulator, asked as the gateway asks ECS. */
function hostWith(options: object, architecture: string) {
  const model = new EcsModel({ ...options, throttling: false });
  const call = (operation: string, body: object): Record<string, unknown> => {
    const answer = model.apply(0, { operation, body });
    if (answer.kind === 'error') throw new Error(`${operation}: ${answer.message}`);
    return answer.body as Record<string, unknown>;
  };
  const attributes = { 'ecs.cpu-architecture': architecture };
  const [host] = model.addHosts(0, { cluster: 'default', count: 1, attributes });
  const instance = as<InstanceArn>(host?.containerInstanceArn ?? '');
  const client = {
    read: (command: { readonly input: object }) => Promise.resolve(call('DescribeContainerInstances', command.input)),
  } as unknown as EcsReader;
  return {
    define(family: string, given: Definition): TaskNeeds {
      call('RegisterTaskDefinition', { family, ...given });
      return taskNeedsOf(
        call('DescribeTaskDefinition', { taskDefinition: family })['taskDefinition'] as TaskDefinition,
      );
    },
    async capacity(): Promise<HostCapacity> {
      const bounds = { priority: 'repair', signal: new AbortController().signal } as const;
      const capacity = (await describeCapacities(client, as<ClusterArn>('default'), [instance], bounds)).get(instance);
      if (capacity === undefined || capacity === 'MISSING') throw new Error('the host is gone');
      return capacity;
    },
    /** Why ECS did not place the task; null: it did. */
    run(family: string, { networkMode }: Definition): string | null {
      const networkConfiguration = networkMode === 'awsvpc' ? { awsvpcConfiguration: { subnets: [] } } : undefined;
      const body = { taskDefinition: family, networkConfiguration };
      const { failures, tasks } = call('RunTask', body) as {
        readonly failures: readonly { readonly reason: string }[];
        readonly tasks: readonly unknown[];
      };
      expect(tasks.length + failures.length).toBe(1);
      return failures[0]?.reason ?? null;
    },
    stopAll(): void {
      const family = 'first';
      for (const task of call('ListTasks', { family })['taskArns'] as readonly string[]) call('StopTask', { task });
    },
  };
}

it('what is foretold of a task is what the simulator answers, on hosts empty and full, and in place of another', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(story, async ({ host, architecture, other, first, second, stopsFirst }) => {
      const at = hostWith(host, architecture);
      const needs = { first: at.define('first', first), second: at.define('second', second) };
      at.define('other', other);
      at.run('other', other);
      const foretold = misfit(needs.first, await at.capacity(), null);
      expect(at.run('first', first)).toBe(foretold);
      const replaces = stopsFirst && foretold === null;
      const next = misfit(needs.second, await at.capacity(), replaces ? needs.first : null);
      if (replaces) at.stopAll();
      expect(at.run('second', second)).toBe(next);
      const what = `${replaces ? 'in place' : 'beside'}: ${next}`;
      seen.set(what, (seen.get(what) ?? 0) + 1);
    }),
    { seed: 20_260, numRuns: 1_000 },
  );
  const reasons = ['ATTRIBUTE', 'RESOURCE:CPU', 'RESOURCE:GPU', 'RESOURCE:MEMORY', 'RESOURCE:PORTS', 'null'];
  for (const where of ['in place', 'beside'])
    for (const reason of reasons)
      expect(seen.get(`${where}: ${reason}`) ?? 0, `${where}: ${reason}`).toBeGreaterThan(5);
});
