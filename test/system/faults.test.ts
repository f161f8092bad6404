/** ECS answers late, wrongly or not at all; Redis is away or emptied. At most one task, and everyone covered in the end. */
import { afterEach, describe, expect, test } from 'vitest';
import { startRedis, type TestServer } from '../support/servers.ts';
import {
  addHosts,
  completed,
  createEnvironment,
  deploy,
  eventually,
  json,
  ledgerOf,
  liveTasks,
  startStack,
  type Stack,
} from './stack.ts';

const QUICK = [
  '--survey-interval',
  '200',
  '--sweep-interval',
  '1000',
  '--ecs-timeout',
  '1000',
  '--act-within',
  '1000',
  '--clock-skew',
  '200',
];

let stack: Stack;
let redis: TestServer | null = null;
afterEach(async () => {
  expect((await ledgerOf(stack)).maxLivePerHostAndGroup).toBeLessThanOrEqual(1);
  await stack.close();
  await redis?.stop();
  redis = null;
});

const live = () => liveTasks(stack, 'daemon:logs');

async function fired(): Promise<number> {
  const { faults } = await json<{ faults: readonly { fired: number }[] }>(`${stack.simulator.url}/_sim/faults`);
  return faults.reduce((sum, fault) => sum + fault.fired, 0);
}

describe('RunTask', () => {
  test.each([
    ['answers into a dropped connection', { kind: 'drop-reply-after-commit' }, 20],
    ['answers with half a body', { kind: 'truncate-reply-after-commit' }, 20],
    ['answers after our deadline', { kind: 'delay', ms: 1_500, when: 'after-commit' }, 20],
    ['fails after it did it', { kind: 'error-500', when: 'after-commit' }, 20],
    ['fails before it did it', { kind: 'error-500', when: 'before-commit' }, 20],
    ['throttles', { kind: 'throttle' }, 20],
  ])('%s: the same tasks, not second ones', async (_, fault, tasks) => {
    stack = await startStack({ simulator: { hosts: 20, distinctInstance: 'off' }, flags: QUICK });
    await json(`${stack.simulator.url}/_sim/faults`, { operation: 'RunTask', times: 3, ...fault });
    await deploy(stack, await createEnvironment(stack, 'logs'));
    await completed(stack, 'logs');
    expect(await fired()).toBe(3);
    expect((await ledgerOf(stack)).tasks).toHaveLength(tasks);
  });
});

describe('Redis', () => {
  test('is away: a deployment is accepted all the same, and carried out when Redis is back', async () => {
    redis = await startRedis();
    stack = await startStack({ simulator: { hosts: 8, distinctInstance: 'off' }, flags: QUICK, redisUrl: redis.url });
    const environment = await createEnvironment(stack, 'logs');
    await redis.kill();
    const deployment = await deploy(stack, environment);
    expect(deployment.status).toBe('pending');
    expect(await live()).toEqual([]);
    await redis.restart();
    await completed(stack, 'logs');
    expect((await ledgerOf(stack)).tasks).toHaveLength(8);
  });

  test('is emptied in mid-rollout: nothing is lost and nothing launched twice', async () => {
    redis = await startRedis();
    const { port } = redis;
    stack = await startStack({
      simulator: { hosts: 60, distinctInstance: 'off', taskStartMs: 500 },
      flags: QUICK,
      redisUrl: redis.url,
    });
    await json(`${stack.simulator.url}/_sim/faults`, {
      operation: 'RunTask',
      kind: 'delay',
      ms: 300,
      when: 'after-commit',
      times: 6,
    });
    await deploy(stack, await createEnvironment(stack, 'logs'));
    await eventually(live, (tasks) => tasks.length > 0, 'the rollout has begun');
    await flush(port);
    await completed(stack, 'logs');
    await addHosts(stack, 2);
    await eventually(live, (tasks) => tasks.length === 62, 'hosts that join afterwards are covered');
    expect((await ledgerOf(stack)).tasks).toHaveLength(62);
  });
});

async function flush(port: number): Promise<void> {
  const { Redis } = await import('ioredis');
  const client = new Redis(port, '127.0.0.1');
  expect(await client.flushall()).toBe('OK');
  client.disconnect();
}
