/** What a definition asks of a host, and what hosts have left, as ECS describes them. */
import type { ContainerDefinition, TaskDefinition } from '@aws-sdk/client-ecs';
import { RegisterContainerInstanceCommand, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import type { Budget } from '../../src/ecs/budget.ts';
import { hasHealthCheck, taskNeedsOf } from '../../src/ecs/capacity.ts';
import { EcsReadError } from '../../src/ecs/gateway.ts';
import { as } from '../../src/domain/ids.ts';
import type { ClusterArn, InstanceArn, Instant, TaskDefinitionArn } from '../../src/domain/ids.ts';
import { startUnderTest } from '../sim/sim-client.ts';
import { CLUSTER, DEFINITION, gatewayTo, instanceArn, open } from './samples.ts';
import { answer, ecsError, operations, silence, startScriptedServer } from './scripted-server.ts';
import type { ScriptedServer } from './scripted-server.ts';

const NOTHING = { cpu: 0, memory: 0, gpus: 0, tcpPorts: [], udpPorts: [], attributes: [] };
const defined = (
  containerDefinitions: readonly ContainerDefinition[],
  over: Partial<TaskDefinition> = {},
): TaskDefinition => ({ containerDefinitions: [...containerDefinitions], ...over });
const PORTS: ContainerDefinition = {
  portMappings: [
    { containerPort: 80, hostPort: 8_080 },
    { containerPort: 53, hostPort: 5_353, protocol: 'udp' },
    { containerPort: 81, hostPort: 0 },
    { containerPort: 82 },
  ],
};

describe('a task needs', () => {
  it.each<[string, TaskDefinition, object]>([
    ['nothing that it does not name', {}, {}],
    ['the CPU of its containers together', defined([{ cpu: 10 }, {}, { cpu: 5 }]), { cpu: 15 }],
    [
      'the memory of its containers together, of each its reservation first',
      defined([{ memory: 100 }, { memory: 100, memoryReservation: 30 }, {}]),
      { memory: 130 },
    ],
    [
      'its own size before that of its containers',
      defined([{ cpu: 10, memory: 100 }], { cpu: '512', memory: '1024' }),
      { cpu: 512, memory: 1_024 },
    ],
    ['its size as people write it', { cpu: ' .5 vCPU', memory: '0.5GB' }, { cpu: 512, memory: 512 }],
    [
      'the GPUs of its containers together, and no other accelerators',
      defined([
        { resourceRequirements: [{ type: 'GPU', value: '2' }] },
        {
          resourceRequirements: [
            { type: 'GPU', value: '1' },
            { type: 'InferenceAccelerator', value: 'device_1' },
          ],
        },
      ]),
      { gpus: 3 },
    ],
    ['the ports that are fixed on the host', defined([PORTS]), { tcpPorts: [8_080], udpPorts: [5_353] }],
    [
      'its own ports in the network of the host',
      defined([{ portMappings: [{ containerPort: 80 }, { containerPort: 53, protocol: 'udp' }] }], {
        networkMode: 'host',
      }),
      { tcpPorts: [80], udpPorts: [53] },
    ],
    ['no ports in a network of its own', defined([PORTS], { networkMode: 'awsvpc' }), {}],
    ['no ports without a network', defined([PORTS], { networkMode: 'none' }), {}],
    [
      'the attributes that ECS says, with their values',
      { requiresAttributes: [{ name: 'ecs.capability.efs' }, { name: 'ecs.os-type', value: 'linux' }] },
      {
        attributes: [
          { name: 'ecs.capability.efs', value: null },
          { name: 'ecs.os-type', value: 'linux' },
        ],
      },
    ],
  ])('%s', (_what, definition, needs) => {
    expect(taskNeedsOf(definition)).toEqual({ ...NOTHING, ...needs });
  });
});

describe('the health of a task is told', () => {
  const healthCheck = { command: ['CMD', 'true'] };
  it.each<[string, boolean, TaskDefinition]>([
    ['by an essential container', true, defined([{ essential: false }, { essential: true, healthCheck }])],
    ['by one that is essential because nothing else is said', true, defined([{ healthCheck }])],
    ['by no other container', false, defined([{ essential: false, healthCheck }, { essential: true }])],
    ['by no container at all', false, {}],
  ])('%s: %s', (_who, told, definition) => {
    expect(hasHealthCheck(definition)).toBe(told);
  });
});

describe('over a socket', () => {
  let server: ScriptedServer;
  let gateway: AwsGateway;
  let now = 0;

  beforeEach(async () => {
    server = await startScriptedServer();
    gateway = gatewayTo(server.url, { now: () => as<Instant>(now) });
  });

  afterEach(async () => {
    gateway.close();
    await server.close();
  });

  const hosts = (arns: readonly string[], over: object = {}): object[] =>
    arns.map((containerInstanceArn) => ({ containerInstanceArn, ...over }));

  describe('the capacity of hosts', () => {
    it('is what ECS says is left, and of ports what is taken', async () => {
      const remainingResources = [
        { name: 'CPU', type: 'INTEGER', integerValue: 1_988 },
        { name: 'MEMORY', type: 'INTEGER', integerValue: 3_000 },
        { name: 'PORTS', type: 'STRINGSET', stringSetValue: ['22', '2375'] },
        { name: 'PORTS_UDP', type: 'STRINGSET', stringSetValue: ['53'] },
        { name: 'GPU', type: 'STRINGSET', stringSetValue: ['GPU-a', 'GPU-b'] },
      ];
      const attributes = [{ name: 'ecs.capability.efs' }, { name: 'ecs.os-type', value: 'linux' }];
      server.reply(
        answer(200, {
          containerInstances: [
            ...hosts([instanceArn(1)], { remainingResources, attributes }),
            ...hosts([instanceArn(2)]),
          ],
          failures: [{ arn: instanceArn(3), reason: 'MISSING' }],
        }),
      );
      const asked = [instanceArn(1), instanceArn(2), instanceArn(3), instanceArn(1)];
      expect(await gateway.capacities(CLUSTER, asked, open())).toEqual(
        new Map<InstanceArn, unknown>([
          [
            instanceArn(1),
            {
              cpu: 1_988,
              memory: 3_000,
              gpus: 2,
              tcpPortsTaken: new Set([22, 2_375]),
              udpPortsTaken: new Set([53]),
              attributes: new Map([
                ['ecs.capability.efs', null],
                ['ecs.os-type', 'linux'],
              ]),
            },
          ],
          [
            instanceArn(2),
            {
              cpu: 0,
              memory: 0,
              gpus: 0,
              tcpPortsTaken: new Set(),
              udpPortsTaken: new Set(),
              attributes: new Map(),
            },
          ],
          [instanceArn(3), 'MISSING'],
        ]),
      );
      expect(JSON.parse(server.arrived[0]?.body ?? '')).toEqual({
        cluster: CLUSTER,
        containerInstances: asked.slice(0, 3),
      });
    });

    it('is asked for a hundred hosts at a time, and after everything urgent', async () => {
      const taken: string[] = [];
      const budget: Budget = {
        take: (bucket, priority) => {
          taken.push(`${bucket} ${priority}`);
          return Promise.resolve('taken');
        },
        throttled: () => undefined,
      };
      const counted = gatewayTo(server.url, { budget });
      const asked: number[] = [];
      server.reply(
        operations({
          DescribeContainerInstances: ({ containerInstances }) => {
            const arns = containerInstances as readonly string[];
            asked.push(arns.length);
            return { containerInstances: hosts(arns), failures: [] };
          },
        }),
      );
      const arns = Array.from({ length: 250 }, (_, n) => instanceArn(n));
      expect([...(await counted.capacities(CLUSTER, arns, open())).keys()]).toEqual(arns);
      expect(asked.toSorted((a, b) => b - a)).toEqual([100, 100, 50]);
      expect(taken).toEqual(['read rollout', 'read rollout', 'read rollout']);
      expect((await counted.capacities(CLUSTER, [], open())).size).toBe(0);
      counted.close();
    });

    it('is not known when ECS fails, says anything but MISSING, or does not answer for a host', async () => {
      const ask = (): Promise<unknown> => gateway.capacities(CLUSTER, [instanceArn(1)], open());
      server.reply(answer(200, { failures: [{ arn: instanceArn(1), reason: 'THROTTLED', detail: 'later' }] }));
      await expect(ask()).rejects.toEqual(new EcsReadError({ code: 'THROTTLED', message: 'later' }));
      server.reply(answer(200, { containerInstances: hosts([instanceArn(2)]), failures: [] }));
      await expect(ask()).rejects.toMatchObject({ name: 'EcsReadError', fault: { code: 'IncompleteAnswer' } });
      server.reply(ecsError('ClusterNotFoundException'));
      await expect(ask()).rejects.toMatchObject({
        name: 'EcsReadError',
        fault: { code: 'ClusterNotFoundException' },
      });
    });
  });

  describe('a task definition', () => {
    const definition = (status: string) => ({
      taskDefinition: {
        taskDefinitionArn: DEFINITION,
        status,
        networkMode: 'host',
        containerDefinitions: [{ name: 'a', cpu: 64, memory: 32, healthCheck: { command: ['CMD', 'true'] } }],
      },
    });
    const read = {
      arn: DEFINITION,
      networkMode: 'host',
      healthCheck: true,
      needs: { ...NOTHING, cpu: 64, memory: 32 },
    };

    it('is read and remembered together with its status', async () => {
      server.reply(answer(200, definition('ACTIVE')));
      expect(await gateway.taskDefinition(DEFINITION, open())).toEqual(read);
      expect(await gateway.taskDefinitionStatus(DEFINITION, open())).toBe('ACTIVE');
      expect(server.arrived).toHaveLength(1);
      now += 30_000;
      server.reply(answer(200, definition('INACTIVE')));
      expect(await gateway.taskDefinitionStatus(DEFINITION, open())).toBe('INACTIVE');
      expect(await gateway.taskDefinition(DEFINITION, open()), 'tasks of it may still run').toEqual(read);
      expect(server.arrived).toHaveLength(2);
    });

    it('that a name leads to says as much', async () => {
      server.reply(answer(200, definition('ACTIVE')));
      expect(await gateway.resolveTaskDefinition('agent', open())).toEqual({ kind: 'found', value: read });
    });

    it('that is gone has a status and nothing else', async () => {
      server.reply(ecsError('ClientException', 'Unable to describe'));
      expect(await gateway.taskDefinitionStatus(DEFINITION, open())).toBe('INACTIVE');
      await expect(gateway.taskDefinition(DEFINITION, open())).rejects.toMatchObject({
        name: 'EcsReadError',
        fault: { code: 'ClientException', message: 'Unable to describe' },
      });
      expect(server.arrived).toHaveLength(1);
    });

    it('is not waited for longer than the caller waits', async () => {
      server.reply(silence);
      const stop = new AbortController();
      const asked = gateway.taskDefinition(DEFINITION, stop.signal);
      await server.next();
      stop.abort();
      await expect(asked).rejects.toMatchObject({ name: 'EcsReadError', fault: { code: 'Aborted' } });
    });
  });
});

it('hosts and definitions of the simulator are read as they are', async () => {
  const at = await startUnderTest({ hosts: 1, hostCpu: 500, hostMemory: 600 });
  const gateway = gatewayTo(at.sim.url);
  try {
    const { containerInstance } = await at.ecs.send(
      new RegisterContainerInstanceCommand({
        totalResources: [
          { name: 'CPU', type: 'INTEGER', integerValue: 7 },
          { name: 'PORTS_UDP', type: 'STRINGSET', stringSetValue: ['53'] },
        ],
        attributes: [{ name: 'rack', value: '4' }],
      }),
    );
    const known = at.sim.model.hosts(Date.now())[0]?.containerInstanceArn;
    const arns = [known, containerInstance?.containerInstanceArn].map((arn) => as<InstanceArn>(arn ?? ''));
    const capacities = await gateway.capacities(as<ClusterArn>('default'), arns, open());
    const [first, second] = arns.map((arn) => capacities.get(arn));
    const taken = new Set([22, 2_375, 2_376, 51_678, 51_679]);
    expect(first).toMatchObject({ cpu: 500, memory: 600, gpus: 0, tcpPortsTaken: taken, udpPortsTaken: new Set() });
    expect(second).toMatchObject({ cpu: 7, memory: 600, udpPortsTaken: new Set([53]) });
    expect(second !== undefined && second !== 'MISSING' && second.attributes.get('rack')).toBe('4');

    const { taskDefinition } = await at.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: 'web',
        cpu: '0.25 vCPU',
        containerDefinitions: [{ name: 'web', image: 'web', memory: 50, portMappings: [{ hostPort: 80 }] }],
      }),
    );
    const arn = as<TaskDefinitionArn>(taskDefinition?.taskDefinitionArn ?? '');
    expect(await gateway.taskDefinition(arn, open())).toEqual({
      arn,
      networkMode: null,
      healthCheck: false,
      needs: {
        ...NOTHING,
        cpu: 256,
        memory: 50,
        tcpPorts: [80],
        attributes: [{ name: 'com.amazonaws.ecs.capability.docker-remote-api.1.18', value: null }],
      },
    });
  } finally {
    gateway.close();
    await at.close();
  }
});
