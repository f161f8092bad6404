/** Names to ARNs, and whether a task definition is still ACTIVE. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import type { Budget } from '../../src/ecs/budget.ts';
import { after, as } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/ids.ts';
import { CLUSTER, DEFINITION, gatewayTo, open } from './samples.ts';
import { answer, ecsError, operations, silence, startScriptedServer } from './scripted-server.ts';
import type { ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
let gateway: AwsGateway;

beforeEach(async () => {
  server = await startScriptedServer();
  gateway = gatewayTo(server.url);
});

afterEach(async () => {
  gateway.close();
  await server.close();
});

const RESOLVED = {
  arn: DEFINITION,
  networkMode: 'awsvpc',
  healthCheck: false,
  needs: { cpu: 0, memory: 0, gpus: 0, tcpPorts: [], udpPorts: [], attributes: [] },
};

describe('names', () => {
  const cluster = (status: string) => answer(200, { clusters: [{ clusterArn: CLUSTER, status }], failures: [] });
  const definition = (status: string) =>
    answer(200, { taskDefinition: { taskDefinitionArn: DEFINITION, status, networkMode: 'awsvpc' } });

  it.each([
    ['ACTIVE', cluster('ACTIVE'), { kind: 'found', value: CLUSTER }],
    ['PROVISIONING', cluster('PROVISIONING'), { kind: 'found', value: CLUSTER }],
    ['INACTIVE', cluster('INACTIVE'), { kind: 'inactive' }],
    ['DEPROVISIONING', cluster('DEPROVISIONING'), { kind: 'inactive' }],
    [
      'unknown',
      answer(200, { clusters: [], failures: [{ arn: 'prod', reason: 'MISSING' }] }),
      { kind: 'missing', fault: { code: 'MISSING', message: 'cluster prod was not found' } },
    ],
    [
      'no name at all',
      ecsError('InvalidParameterException', 'Invalid identifier'),
      { kind: 'missing', fault: { code: 'InvalidParameterException', message: 'Invalid identifier' } },
    ],
    [
      'not allowed',
      ecsError('AccessDeniedException', 'not you'),
      { kind: 'failed', fault: { code: 'AccessDeniedException', message: 'not you' } },
    ],
  ] as const)('of a cluster: %s', async (_name, reply, expected) => {
    server.reply(reply);
    expect(await gateway.resolveCluster('prod', open())).toEqual(expected);
  });

  it.each([
    ['ACTIVE', definition('ACTIVE'), { kind: 'found', value: RESOLVED }],
    ['INACTIVE', definition('INACTIVE'), { kind: 'inactive' }],
    ['DELETE_IN_PROGRESS', definition('DELETE_IN_PROGRESS'), { kind: 'inactive' }],
    [
      'unknown',
      ecsError('ClientException', 'Unable to describe'),
      { kind: 'missing', fault: { code: 'ClientException', message: 'Unable to describe' } },
    ],
    [
      'denied',
      ecsError('AccessDeniedException', 'not you'),
      { kind: 'failed', fault: { code: 'AccessDeniedException', message: 'not you' } },
    ],
  ] as const)('of a task definition: %s', async (_name, reply, expected) => {
    server.reply(reply);
    expect(await gateway.resolveTaskDefinition('agent', open())).toEqual(expected);
  });

  it('are asked for again later when ECS throttles', async () => {
    const fault = { code: 'ThrottlingException', message: 'Rate exceeded' };
    server.reply(ecsError(fault.code, fault.message));
    expect(await gateway.resolveCluster('prod', open())).toEqual({ kind: 'throttled', fault });
    expect(await gateway.resolveTaskDefinition('agent', open())).toEqual({ kind: 'throttled', fault });
  });

  it('are asked of ECS once by those who ask together', async () => {
    server.reply(cluster('ACTIVE'));
    const asked = Array.from({ length: 5 }, () => gateway.resolveCluster('prod', open()));
    expect(await Promise.all(asked)).toEqual(asked.map(() => ({ kind: 'found', value: CLUSTER })));
    expect(server.arrived).toHaveLength(1);
  });

  it('of a cluster that was found are not asked for again for a second; those of one that was not are', async () => {
    let now = as<Instant>(1_000_000);
    const asked = gatewayTo(server.url, { now: () => now });
    const missing = answer(200, { clusters: [], failures: [{ arn: 'prod', reason: 'MISSING' }] });
    const steps = [
      [0, missing, 'missing', 1],
      [0, cluster('ACTIVE'), 'found', 2],
      [999, missing, 'found', 2],
      [1, missing, 'missing', 3],
      [0, cluster('ACTIVE'), 'found', 4],
    ] as const;
    for (const [later, reply, kind, questions] of steps) {
      now = after(now, later);
      server.reply(reply);
      expect((await asked.resolveCluster('prod', open())).kind).toBe(kind);
      expect(server.arrived).toHaveLength(questions);
    }
    asked.close();
  });

  it('are not waited for longer than the person waits, be it ECS or the budget', async () => {
    server.reply(silence);
    for (const budget of [undefined, emptyBudget]) {
      const asked = gatewayTo(server.url, budget === undefined ? {} : { budget });
      expect(await asked.resolveCluster('prod', AbortSignal.timeout(50))).toEqual({ kind: 'timeout' });
      expect(await asked.resolveTaskDefinition('agent', AbortSignal.timeout(50))).toEqual({ kind: 'timeout' });
      asked.close();
    }
  });
});

const emptyBudget: Budget = {
  take: (_bucket, _priority, { signal }) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve('aborted'));
    }),
  throttled: () => undefined,
};

describe('the status of a task definition', () => {
  const statusReply = (status: string) =>
    operations({ DescribeTaskDefinition: () => ({ taskDefinition: { taskDefinitionArn: DEFINITION, status } }) });

  it('is asked for once by all who ask together, and again after 30 s', async () => {
    let now = as<Instant>(1_000_000);
    const timed = gatewayTo(server.url, { now: () => now });
    const ask = (): Promise<string> => timed.taskDefinitionStatus(DEFINITION, open());
    server.reply(statusReply('ACTIVE'));
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE']);
    now = as<Instant>(now + 29_999);
    server.reply(statusReply('INACTIVE'));
    expect(await ask()).toBe('ACTIVE');
    expect(server.arrived).toHaveLength(1);
    now = as<Instant>(now + 1);
    expect(await ask()).toBe('INACTIVE');
    timed.close();
  });

  it('of a deleted one is INACTIVE; an error is nobody’s knowledge', async () => {
    server.reply(ecsError('AccessDeniedException'));
    await expect(gateway.taskDefinitionStatus(DEFINITION, open())).rejects.toMatchObject({ name: 'EcsReadError' });
    server.reply(ecsError('ClientException'));
    expect(await gateway.taskDefinitionStatus(DEFINITION, open())).toBe('INACTIVE');
  });

  it('is not lost to the others when one gives up', async () => {
    let release: (() => void) | undefined;
    server.reply((response, arrived) => (release = () => statusReply('ACTIVE')(response, arrived)));
    const turn = new AbortController();
    const arrival = server.next();
    const first = gateway.taskDefinitionStatus(DEFINITION, turn.signal);
    const second = gateway.taskDefinitionStatus(DEFINITION, open());
    await arrival;
    turn.abort();
    await expect(first).rejects.toMatchObject({ name: 'EcsReadError', fault: { code: 'Aborted' } });
    release?.();
    expect(await second).toBe('ACTIVE');
    expect(server.arrived).toHaveLength(1);
  });
});
