/** Faults of the original daemon-scheduler v0.3.0, each pinned by what must be true instead. See also test/planner/original-faults.test.ts. */
import { CreateClusterCommand } from '@aws-sdk/client-ecs';
import { afterEach, expect, test } from 'vitest';
import {
  addHosts,
  completed,
  cover,
  createEnvironment,
  deleteEnvironment,
  deploy,
  eventually,
  hostsOf,
  json,
  ledgerOf,
  liveTasks,
  startStack,
  type Stack,
} from './stack.ts';

const QUICK = ['--survey-interval', '200', '--sweep-interval', '1000'];

let stack: Stack;
const begin = async (hosts: number, more: object = {}): Promise<void> => {
  stack = await startStack({ simulator: { hosts, distinctInstance: 'off', ...more }, flags: QUICK });
};
afterEach(async () => {
  expect((await ledgerOf(stack)).maxLivePerHostAndGroup).toBeLessThanOrEqual(1);
  await stack.close();
});

const fault = (faults: object): Promise<unknown> => json(`${stack.simulator.url}/_sim/faults`, faults);
const live = (group = 'daemon:logs') => liveTasks(stack, group);

test('one failing batch makes every tick start the whole rollout again', async () => {
  await begin(40);
  await fault({ operation: 'RunTask', kind: 'error-500', when: 'before-commit', times: 1 });
  await cover(stack, 'logs');
  const ledger = await ledgerOf(stack);
  const faults = await json<{ faults: readonly { fired: number }[] }>(`${stack.simulator.url}/_sim/faults`);
  expect(faults.faults[0]?.fired).toBe(1);
  expect(ledger.tasks).toHaveLength(40);
});

test('only the first 100 tasks decide `completed`', async () => {
  // 130 hosts, and the tasks of the last ones to be listed are the slow ones.
  await begin(130, { taskStartMs: 1_500 });
  await deploy(stack, await createEnvironment(stack, 'logs'));
  const [deployment] = await completed(stack, 'logs');
  const tasks = (await ledgerOf(stack)).tasks;
  expect(deployment?.failedInstances).toEqual([]);
  expect(tasks).toHaveLength(130);
  expect(tasks.filter((task) => task.lastStatus === 'RUNNING')).toHaveLength(130);
});

test('a deletion during a rollout is undone', async () => {
  await begin(30, { taskStartMs: 1_000 });
  await deploy(stack, await createEnvironment(stack, 'logs'));
  await eventually(live, (tasks) => tasks.length > 0, 'the rollout has begun');
  await deleteEnvironment(stack, 'logs');
  await eventually(live, (tasks) => tasks.length === 0, 'every task stopped', 30_000);
  const sweeps = (await ledgerOf(stack)).tasks.length;
  expect((await fetch(`${stack.api}/v1/environments/logs`)).status).toBe(404);
  expect(await json(`${stack.api}/v1/environments`)).toEqual({ items: [] });
  // The name is free only when its actor is done for good, so nothing can come back behind it.
  await eventually(
    () => createEnvironment(stack, 'logs').catch(() => null),
    (made) => made !== null,
    'the name is free',
  );
  expect((await ledgerOf(stack)).tasks).toHaveLength(sweeps);
});

test('deletion leaves tasks running; only when asked to', async () => {
  await begin(5);
  await cover(stack, 'logs');
  await cover(stack, 'kept');
  await deleteEnvironment(stack, 'logs');
  await deleteEnvironment(stack, 'kept', '?tasks=keep');
  await eventually(live, (tasks) => tasks.length === 0, 'the tasks of the one are stopped');
  expect((await live('daemon:kept')).filter((task) => task.desiredStatus === 'RUNNING')).toHaveLength(5);
  // A successor of the same name adopts what was kept.
  await eventually(
    () => createEnvironment(stack, 'kept').catch(() => null),
    (made) => made !== null,
    'the name is free',
  ).then(async (made) => {
    if (made !== null) await deploy(stack, made);
  });
  await completed(stack, 'kept');
  expect((await ledgerOf(stack)).tasks.filter((task) => task.group === 'daemon:kept')).toHaveLength(5);
});

test('re-creation on another cluster watches the old one', async () => {
  await begin(3);
  await stack.ecs.send(new CreateClusterCommand({ clusterName: 'second' }));
  const moved = await addHosts(stack, 2, { cluster: 'second' });
  await cover(stack, 'logs');
  await deleteEnvironment(stack, 'logs');
  const again = await eventually(
    () => createEnvironment(stack, 'logs', { cluster: 'second' }).catch(() => null),
    (made) => made !== null,
    'the name is free',
  );
  if (again === null) throw new Error('not created');
  await deploy(stack, again);
  await completed(stack, 'logs');
  const hosts = (await live())
    .filter((task) => task.desiredStatus === 'RUNNING')
    .map((task) => task.containerInstanceArn);
  expect(hosts.toSorted()).toEqual(moved.map((host) => host.containerInstanceArn).toSorted());
  // A host that joins the old cluster is nobody's any more; one that joins the new one is covered.
  await addHosts(stack, 1);
  await addHosts(stack, 1, { cluster: 'second' });
  await eventually(
    live,
    (tasks) => tasks.filter((task) => task.desiredStatus === 'RUNNING').length === 3,
    'three covered',
  );
  const old = new Set((await hostsOf(stack)).map((host) => host.containerInstanceArn));
  expect(
    (await live()).filter((task) => task.desiredStatus === 'RUNNING' && old.has(task.containerInstanceArn)),
  ).toEqual([]);
});

test('zero hosts never complete', async () => {
  await begin(0);
  const deployment = await cover(stack, 'logs');
  expect(deployment).toMatchObject({ status: 'completed', failedInstances: [] });
  await addHosts(stack, 2);
  await eventually(live, (tasks) => tasks.length === 2, 'hosts that join later are covered');
});

test('a slow rollout overlaps itself', async () => {
  await begin(30);
  // Each call takes longer than a sweep, a survey and their wake-ups together.
  await fault({ operation: 'RunTask', kind: 'delay', ms: 1_500, when: 'before-commit', times: 3 });
  await deploy(stack, await createEnvironment(stack, 'logs'));
  await completed(stack, 'logs');
  const ledger = await ledgerOf(stack);
  expect(ledger.operations['RunTask']?.calls).toBe(3);
  expect(ledger.tasks).toHaveLength(30);
});

test('joins start twice', async () => {
  await begin(2);
  await cover(stack, 'logs');
  for (let wave = 1; wave <= 5; wave += 1) await addHosts(stack, 3);
  await eventually(live, (tasks) => tasks.length === 17, 'all joined hosts covered');
  await completed(stack, 'logs');
  expect((await ledgerOf(stack)).tasks).toHaveLength(17);
});
