/** What a rollout does by itself, through the real path: budget, waves, readiness, breaker. */
import { expect, test } from 'vitest';
import { arnsOf, count, countOf, liveOf, mostWithoutSince, stage, tasksOf } from './scene.ts';
import {
  completed,
  deploy,
  deploymentIn,
  deploymentsOf,
  environmentOf,
  json,
  order,
  register,
  rollOut,
  type Deployment,
} from './stack.ts';

const on = stage();

test.concurrent('an update replaces every task once, within the budget', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 10, deploymentConfiguration: { maxUnavailable: 3 } });
  const began = Date.now();
  const deployment = await rollOut(stack, set.name, { taskDefinition: set.next });
  expect(deployment).toMatchObject({ status: 'pending', state: 'pending', kind: 'deploy' });
  await deploymentIn(stack, set.name, deployment, 'completed');
  expect(countOf(set, set.next)).toBe(10);
  expect(tasksOf(set)).toHaveLength(20);
  expect(mostWithoutSince(set, began)).toBe(3);
  const { items } = await json<{ items: readonly { current: boolean; deployments: readonly string[] }[] }>(
    `${stack.api}/v1/environments/${set.name}/revisions`,
  );
  expect(items).toMatchObject([{ current: true, deployments: [deployment.id] }, { current: false }]);
});

test.concurrent('a bad revision ends with its canaries, and is rolled back by itself', async () => {
  const configuration = { waves: [{ canary: 2 }], maxUnavailable: 2, minReadySeconds: 1, failures: 3 };
  const { stack } = on;
  const set = await on.covered({ hosts: 8, deploymentConfiguration: configuration });
  const before = arnsOf(set);
  const bad = await register(stack, set.name, { SIM_EXIT_AFTER_MS: '500' });
  const deployment = await rollOut(stack, set.name, { taskDefinition: bad });
  const failed = await deploymentIn(stack, set.name, deployment, 'failed');
  expect(failed).toMatchObject({
    status: 'completed',
    reason: expect.stringMatching(/failed attempts in wave canary of 2/),
  });
  const [rollback] = await completed(stack, set.name);
  expect(rollback).toMatchObject({ kind: 'rollback', state: 'completed', rollsBack: deployment.id });
  expect(await environmentOf(stack, set.name)).toMatchObject({ taskDefinition: set.old, revision: rollback?.revision });

  const tasks = tasksOf(set);
  const tried = new Set(
    tasks.filter((task) => task.taskDefinitionArn === bad).map(({ containerInstanceArn }) => containerInstanceArn),
  );
  expect(tried.size).toBe(2);
  expect(countOf(set, set.old)).toBe(8);
  const after = arnsOf(set);
  for (const [host, arn] of before) expect(after.get(host) === arn).toBe(!tried.has(host));
});

test.concurrent('a breaker may pause instead; the host gets back what it had, and a person decides', async () => {
  const configuration = { waves: [{ canary: 1 }], failures: 3, rollback: 'pause' };
  const { stack } = on;
  const set = await on.covered({ hosts: 4, deploymentConfiguration: configuration });
  const bad = await register(stack, set.name, { SIM_FAIL_TO_START: '1' });
  const deployment = await rollOut(stack, set.name, { taskDefinition: bad });
  const paused = await deploymentIn(stack, set.name, deployment, 'paused');
  expect(paused.reason).toMatch(/^3 failed attempts in wave canary of 1/);
  // R1: what was completed last comes back where it had been taken away.
  await count(set, set.old, 4);
  expect(await deploymentsOf(stack, set.name)).toHaveLength(2);
  const back = await order<Deployment>(stack, set.name, `deployments/${deployment.id}/rollback`);
  await deploymentIn(stack, set.name, back, 'completed');
});

test.concurrent('an unhealthy revision does not count as ready', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3, deploymentConfiguration: { maxUnavailable: 1, failures: 3 } });
  const check = { healthCheck: { command: ['CMD', 'true'] } };
  const bad = await register(stack, set.name, { SIM_UNHEALTHY: '1' }, check);
  const deployment = await rollOut(stack, set.name, { taskDefinition: bad });
  await deploymentIn(stack, set.name, deployment, 'failed');
  await completed(stack, set.name);
  expect(countOf(set, set.old)).toBe(3);
  const tried = tasksOf(set).filter(({ taskDefinitionArn }) => taskDefinitionArn === bad);
  expect(new Set(tried.map(({ containerInstanceArn }) => containerInstanceArn)).size).toBe(1);
});

test.concurrent('waves by attribute go one after the other, and hosts without it come last', async () => {
  const racks = [{ rack: 'b' }, { rack: 'a' }, { rack: 'b' }, { rack: 'a' }, {}];
  const configuration = { maxUnavailable: '100%', waves: [{ by: 'rack' }] };
  const { stack } = on;
  const set = await on.covered({ hosts: racks, deploymentConfiguration: configuration });
  const deployment = await rollOut(stack, set.name, { taskDefinition: set.next });
  const { waves } = await deploymentIn(stack, set.name, deployment, 'completed');
  expect(waves.map(({ name, state }) => `${name} ${state}`)).toEqual(['rack=a done', 'rack=b done', 'the rest done']);
  const spans = ['a', 'b', undefined].map((rack) => {
    const arns = set.hosts.filter((_, index) => racks[index]?.rack === rack).map((host) => host.containerInstanceArn);
    return { rack, arns };
  });
  const tasks = tasksOf(set);
  const times = spans.map(({ arns }) => {
    const there = tasks.filter(({ containerInstanceArn }) => arns.includes(containerInstanceArn));
    const started = there.filter(({ taskDefinitionArn }) => taskDefinitionArn === set.next);
    const stopped = there.filter(({ taskDefinitionArn }) => taskDefinitionArn === set.old);
    expect(started).toHaveLength(arns.length);
    return {
      first: Math.min(...stopped.map(({ stoppedAt }) => (stoppedAt ?? Infinity) - stack.taskStopMs)),
      last: Math.max(...started.map(({ startedAt }) => startedAt ?? Infinity)),
    };
  });
  const [a, b, rest] = times;
  expect(a?.last).toBeLessThanOrEqual(b?.first ?? 0);
  expect(b?.last).toBeLessThanOrEqual(rest?.first ?? 0);
});

test.concurrent('a client of v0.3.0 sees nothing new: it creates, deploys, polls, and deploys no second time', async () => {
  const { stack } = on;
  const set = await on.empty({ hosts: 3 });
  const environment = await environmentOf(stack, set.name);
  const deployment: Deployment = await deploy(stack, environment);
  expect(deployment).toMatchObject({
    environmentName: set.name,
    status: 'pending',
    failedInstances: [],
    taskDefinition: set.old,
  });
  expect(await completed(stack, set.name)).toMatchObject([
    { id: deployment.id, status: 'completed', failedInstances: [] },
  ]);
  expect((await environmentOf(stack, set.name)).deploymentToken).toBe(environment.deploymentToken);
  await expect(deploy(stack, environment)).rejects.toThrow(/400 .*already exists/);
  expect(liveOf(set)).toHaveLength(3);
});
