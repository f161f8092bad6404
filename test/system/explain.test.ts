/** What the scheduler says of hosts, through the real path: how they stand, why, and what was decided about them. */
import { RunTaskCommand, UpdateContainerInstancesStateCommand } from '@aws-sdk/client-ecs';
import { expect, test } from 'vitest';
import type { StatusWire } from '../../src/api/insight-schemas.ts';
import { count, hostInsight, hostTold, stage, tasksOf, type HostInsight, type Scene } from './scene.ts';
import {
  addHosts,
  completed,
  deploy,
  deploymentIn,
  environmentOf,
  eventually,
  json,
  register,
  rollOut,
  setAgent,
  type Host,
} from './stack.ts';

const on = stage();

const first = (set: Scene): Host => {
  const [host] = set.hosts;
  if (host === undefined) throw new Error('no host');
  return host;
};

const statusOf = ({ stack, name }: Scene): Promise<StatusWire> => json(`${stack.api}/v1/environments/${name}/status`);

const listOf = ({ stack, name }: Scene, token = ''): Promise<{ items: readonly HostInsight[]; nextToken?: string }> =>
  json(`${stack.api}/v1/environments/${name}/hosts${token === '' ? '' : `?nextToken=${token}`}`);

test.concurrent('covered, and the history of how it came to be', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3, deploymentConfiguration: { maxUnavailable: '100%' } });
  const { containerInstanceArn: host } = first(set);
  const environment = await environmentOf(stack, set.name);
  const told = await hostInsight(set, host);
  expect(told).toMatchObject({
    instance: host,
    state: 'ready',
    explanation: 'covered: its task is ready',
    failedAttempts: 0,
    task: { revision: environment.revision, taskDefinition: set.old, current: true },
  });
  expect(told).not.toHaveProperty('waitingFor');
  expect(rulesOf(told)).toEqual(['readiness', 'H2']);
  expect(await statusOf(set)).toMatchObject({
    observedRevision: environment.revision,
    desired: 3,
    current: 3,
    updated: 3,
    ready: 3,
    unavailable: 0,
    deferred: 0,
    misplaced: 0,
    duplicates: 0,
  });

  const deployment = await rollOut(stack, set.name, { taskDefinition: set.next });
  await deploymentIn(stack, set.name, deployment, 'completed');
  const after = await hostInsight(set, host);
  expect(rulesOf(after)).toEqual(['readiness', 'H2', 'H1', 'U1', 'readiness', 'H2']);
  const [, launched, , stopped] = after.history;
  const tasks = tasksOf(set).filter(({ containerInstanceArn }) => containerInstanceArn === host);
  const [old, next] = tasks.map(({ taskArn }) => taskArn.slice(taskArn.lastIndexOf('/') + 1));
  expect(stopped).toMatchObject({ did: `StopTask task ${old}`, saw: expect.stringContaining('is outdated') });
  expect(launched).toMatchObject({ saw: 'no task here', outcome: expect.stringContaining(`task ${next}`) });
  const { uncoveredHostSeconds } = await statusOf(set);
  expect(uncoveredHostSeconds).toBeGreaterThanOrEqual(0);
});

const rulesOf = ({ history }: HostInsight): readonly string[] => history.map(({ rule }) => rule);

test.concurrent('waiting for budget, and for readiness', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3 });
  const deploymentConfiguration = { maxUnavailable: 1, minReadySeconds: 3_600 };
  await rollOut(stack, set.name, { taskDefinition: set.next, deploymentConfiguration });
  await count(set, set.next, 1);
  const [moved, ...waiting] = await eventually(
    async () => (await listOf(set)).items.toSorted((a, b) => Number(b.task?.current) - Number(a.task?.current)),
    (hosts) => hosts[0]?.task?.current === true,
    'one moved',
  );
  expect(moved).toMatchObject({ state: 'starting', waitingFor: 'start' });
  for (const host of waiting) {
    expect(host).toMatchObject({ state: 'ready', waitingFor: 'budget', task: { current: false } });
    expect(host.explanation).toMatch(/^outdated, and waiting for budget/);
  }
  expect(await statusOf(set)).toMatchObject({ desired: 3, current: 3, updated: 1, ready: 2, unavailable: 1 });
});

test.concurrent('backoff, and what came of the last attempt', async () => {
  const { stack } = on;
  const set = await on.empty({ hosts: 1 });
  const failing = await register(stack, set.name, { SIM_FAIL_TO_START: 'no such image' });
  await rollOut(stack, set.name, { taskDefinition: failing });
  await completed(stack, set.name);
  const told = await hostTold(
    set,
    first(set).containerInstanceArn,
    ({ waitingFor }) => waitingFor === 'backoff',
    'in backoff',
  );
  expect(told.state).toBe('empty');
  expect(told.failedAttempts).toBeGreaterThanOrEqual(3);
  expect(told.explanation).toBe(
    `the next attempt is delayed, until ${told.until}; the last attempt came to nothing: no such image`,
  );
  expect(await statusOf(set)).toMatchObject({ desired: 1, ready: 0, unavailable: 1 });
});

test.concurrent('no memory: in the words of ECS', async () => {
  const { stack } = on;
  const set = await on.empty({ hosts: 1 });
  const huge = await register(stack, set.name, {}, { memory: 1_000_000 });
  await rollOut(stack, set.name, { taskDefinition: huge });
  const [deployment] = await completed(stack, set.name);
  const host = first(set).containerInstanceArn;
  expect(deployment?.failures).toMatchObject([{ instance: host, reason: 'RESOURCE:MEMORY' }]);
  const told = await hostTold(set, host, ({ waitingFor }) => waitingFor === 'backoff', 'in backoff');
  expect(told.explanation).toContain('the last attempt came to nothing: RESOURCE:MEMORY');
  expect(told.history[0]).toMatchObject({ saw: 'no task here', rule: 'H2', did: 'asked ECS for a task' });
});

test.concurrent('draining, behind another task', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 1 });
  const { containerInstanceArn: host } = first(set);
  const { cluster } = set;
  await stack.ecs.send(new RunTaskCommand({ cluster, taskDefinition: 'daemon', launchType: 'EC2' }));
  await stack.ecs.send(
    new UpdateContainerInstancesStateCommand({ cluster, containerInstances: [host], status: 'DRAINING' }),
  );
  const told = await hostTold(set, host, ({ until }) => until !== undefined, 'seen as draining');
  expect(told).toMatchObject({ state: 'draining', waitingFor: 'drain' });
  expect(told.explanation).toBe(`it drains; its task leaves after the others, until ${told.until}`);
  expect(await statusOf(set)).toMatchObject({ desired: 0, unavailable: 0 });
});

test.concurrent('disconnected', async () => {
  const set = await on.covered({ hosts: 2 });
  const host = first(set);
  await setAgent(on.stack, host, false);
  const told = await hostTold(set, host.containerInstanceArn, ({ state }) => state === 'disconnected', 'seen so');
  expect(told).toMatchObject({
    waitingFor: 'agent',
    explanation: 'its agent is disconnected: left alone, and caught up when it returns',
  });
  expect(await statusOf(set)).toMatchObject({ desired: 1, ready: 1, unavailable: 0 });
});

test.concurrent('not matching', async () => {
  const set = await on.covered({ hosts: [{ tier: 'a' }, { tier: 'b' }], query: 'attribute:tier == b' });
  expect(await hostInsight(set, first(set).containerInstanceArn)).toMatchObject({
    state: 'not-matching',
    waitingFor: 'not-matching',
    explanation: 'the query of the instance group does not match it',
  });
  expect(await statusOf(set)).toMatchObject({ desired: 1, ready: 1, misplaced: 0 });
});

test.concurrent('hosts come in pages, each once and in order', async () => {
  const { stack } = on;
  const set = await on.empty({ hosts: 1 });
  const more = await addHosts(stack, 204, { cluster: set.cluster });
  const environment = await environmentOf(stack, set.name);
  await deploy(stack, environment);
  await completed(stack, set.name);
  const pages: (readonly HostInsight[])[] = [];
  let token: string | undefined = '';
  while (token !== undefined) {
    const page: { items: readonly HostInsight[]; nextToken?: string } = await listOf(set, token);
    pages.push(page.items);
    token = page.nextToken;
  }
  expect(pages.map(({ length }) => length)).toEqual([100, 100, 5]);
  const all = [...set.hosts, ...more].map(({ containerInstanceArn }) => containerInstanceArn);
  expect(pages.flat().map(({ instance }) => instance)).toEqual(all.toSorted());
  await expect(listOf(set, 'nonsense')).rejects.toThrow(/400 .*nextToken/);
  await expect(hostInsight(set, 'f'.repeat(32))).rejects.toThrow(/404 .*not known/);
});
