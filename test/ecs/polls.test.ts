/** Polls over a real socket, and what they leave of the budget. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import { ECS_LIMITS, scaled } from '../../src/ecs/buckets.ts';
import { WaitingBudget, type Budget } from '../../src/ecs/budget.ts';
import { SYSTEM_CLOCK } from '../../src/ecs/clock.ts';
import { LocalTokens } from '../../src/ecs/local-tokens.ts';
import { fakeEcs } from './fake-ecs.ts';
import { CLUSTER, gatewayTo, open, taskArn } from './samples.ts';
import { ecsError, silence, startScriptedServer, type ScriptedServer } from './scripted-server.ts';

const TASKS = Array.from({ length: 250 }, (_, id) => ({ id }));
const ECS = fakeEcs({ hosts: [1], tasks: TASKS, pageSize: 100 });

let server: ScriptedServer;
const gateways: AwsGateway[] = [];

beforeEach(async () => {
  server = await startScriptedServer(ECS);
});

afterEach(async () => {
  for (const gateway of gateways.splice(0)) gateway.close();
  await server.close();
});

function gatewayWith(budget?: Budget): AwsGateway {
  const gateway = gatewayTo(server.url, budget === undefined ? {} : { budget });
  gateways.push(gateway);
  return gateway;
}

const budgetAt = (share: number): Budget =>
  new WaitingBudget({
    source: new LocalTokens({ limits: scaled(ECS_LIMITS, share), clock: SYSTEM_CLOCK }),
    clock: SYSTEM_CLOCK,
  });

/** Environments that each poll a task of their own every second, one after the other, until `over` says so. */
async function environments(count: number, gateway: AwsGateway, over: () => boolean): Promise<void> {
  const environment = async (n: number): Promise<void> => {
    await sleep((n * 1_000) / count);
    while (!over()) {
      await gateway.pollTasks(CLUSTER, [taskArn(n)], open());
      await sleep(1_000);
    }
  };
  await Promise.all(Array.from({ length: count }, (_, n) => environment(n)));
}

test('P1: a hundred environments share a few calls, and each gets its own answer', async () => {
  const gateway = gatewayWith();
  const polls = Array.from({ length: 100 }, async (_, n) => {
    await sleep(n * 10);
    return await gateway.pollTasks(CLUSTER, [taskArn(n), taskArn(n + 1)], open());
  });
  for (const [n, answer] of (await Promise.all(polls)).entries())
    expect([...answer.keys()]).toEqual([taskArn(n), taskArn(n + 1)]);
  // A dozen, where the machine is never late.
  expect(server.arrived.length).toBeLessThan(50);
});

test('a hundred tasks go in a call', async () => {
  const arns = TASKS.map(({ id }) => taskArn(id));
  expect((await gatewayWith().pollTasks(CLUSTER, arns, open())).size).toBe(250);
  expect(server.arrived).toHaveLength(3);
  expect((await gatewayWith().pollTasks(CLUSTER, [], open())).size).toBe(0);
  expect(server.arrived).toHaveLength(3);
});

test.each([
  ['a worker', 1],
  ['four workers', 4],
])('P2: at a tenth of the rate, with environments that poll in %s, surveys get their share', async (_, workers) => {
  const budget = budgetAt(0.1);
  const gateway = gatewayWith(budget);
  const end = performance.now() + 6_000;
  const over = (): boolean => performance.now() >= end;
  const polling = Array.from({ length: workers }, () => environments(25, gatewayWith(budget), over));
  let reads = 0;
  while (!over()) reads += (await gateway.survey(CLUSTER, [], open())).reads;
  await Promise.all(polling);
  // Twelve tokens come in that time, and the bucket holds seven above a quarter; a survey takes nine.
  expect(reads).toBeGreaterThanOrEqual(9);
});

test('P3: without a token a poll is over soon, and nobody was asked', async () => {
  const allowed: number[] = [];
  const budget: Budget = {
    take: async (_bucket, _priority, { notAfter, signal }) => {
      const ms = (notAfter ?? Infinity) - Date.now();
      allowed.push(ms);
      await sleep(ms, undefined, { signal });
      return 'late';
    },
    throttled: () => undefined,
  };
  const gateway = gatewayWith(budget);
  const polls = Array.from({ length: 20 }, async (_, n) => {
    await sleep(n * 20);
    const before = allowed.length;
    expect((await gateway.pollTasks(CLUSTER, [taskArn(n)], open())).size).toBe(0);
    return allowed.length - before;
  });
  // The round before one's own was under way already, or had yet to begin.
  expect(Math.max(...(await Promise.all(polls)))).toBeLessThanOrEqual(2);
  expect(Math.max(...allowed)).toBeLessThanOrEqual(500);
  expect(server.arrived).toHaveLength(0);
});

test('P3: tasks that ECS does not answer for are left out, and the others are not', async () => {
  server.reply((response, arrived) => {
    const refused = arrived.body.includes(`"${taskArn(150)}"`);
    (refused ? ecsError('InvalidParameterException') : ECS)(response, arrived);
  });
  const found = await gatewayWith().pollTasks(
    CLUSTER,
    TASKS.map(({ id }) => taskArn(id)),
    open(),
  );
  expect(found.size).toBe(150);
  expect(found.has(taskArn(150))).toBe(false);
});

test('P3: a poll ends with the caller, and with ECS that says nothing', async () => {
  server.reply(silence);
  const gateway = gatewayWith();
  const turn = new AbortController();
  const arrival = server.next();
  const given = gateway.pollTasks(CLUSTER, [taskArn(1)], turn.signal);
  await arrival;
  turn.abort();
  expect((await given).size).toBe(0);
  expect((await gateway.pollTasks(CLUSTER, [taskArn(1)], open())).size).toBe(0);
}, 10_000);
