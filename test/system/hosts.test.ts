/** What happens to hosts and tasks, and what the scheduler makes of it, through the real path. */
import {
  DeregisterTaskDefinitionCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  UpdateContainerInstancesStateCommand,
} from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  addHosts,
  completed,
  cover,
  createEnvironment,
  deploy,
  environmentOf,
  eventually,
  exitTask,
  hostsOf,
  json,
  ledgerOf,
  liveTasks,
  startStack,
  type Host,
  type Stack,
} from './stack.ts';

const QUICK = ['--survey-interval', '200', '--sweep-interval', '1000', '--start-grace', '1000'];

let stack: Stack;
beforeEach(async () => {
  stack = await startStack({ simulator: { hosts: 3, distinctInstance: 'off' }, flags: QUICK });
});
afterEach(async () => {
  expect((await ledgerOf(stack)).maxLivePerHostAndGroup).toBeLessThanOrEqual(1);
  await stack.close();
});

const live = () => liveTasks(stack, 'daemon:logs');

async function first<T>(things: Promise<readonly T[]>): Promise<T> {
  const [thing] = await things;
  if (thing === undefined) throw new Error('there is none');
  return thing;
}

const drain = (host: Host) =>
  stack.ecs.send(
    new UpdateContainerInstancesStateCommand({
      cluster: 'default',
      containerInstances: [host.containerInstanceArn],
      status: 'DRAINING',
    }),
  );

const register = (name: string, environment: readonly { name: string; value: string }[]) =>
  stack.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: name,
      containerDefinitions: [{ name: 'agent', image: 'agent', cpu: 10, memory: 10, environment: [...environment] }],
    }),
  );

test('a draining host keeps its daemon until the other tasks are gone, and then loses it', async () => {
  await cover(stack, 'logs');
  const host = await first(hostsOf(stack));
  const other = await stack.ecs.send(
    new RunTaskCommand({
      cluster: 'default',
      taskDefinition: 'daemon',
      launchType: 'EC2',
      placementConstraints: [{ type: 'memberOf', expression: `ec2InstanceId in ['${host.ec2InstanceId}']` }],
    }),
  );
  const otherArn = other.tasks?.[0]?.taskArn ?? '';
  await eventually(
    () => ledgerOf(stack),
    (ledger) => ledger.tasks.some((task) => task.taskArn === otherArn && task.lastStatus === 'RUNNING'),
    'the other task runs',
  );
  const before = (await ledgerOf(stack)).operations['DescribeContainerInstances']?.calls ?? 0;
  await drain(host);
  // Two surveys later the scheduler has seen the drain, and the other task still on it.
  await eventually(
    () => ledgerOf(stack),
    (ledger) => (ledger.operations['DescribeContainerInstances']?.calls ?? 0) >= before + 2,
    'two surveys',
  );
  expect((await live()).filter((task) => task.desiredStatus === 'RUNNING')).toHaveLength(3);
  await json(`${stack.simulator.url}/_sim/tasks/${encodeURIComponent(otherArn)}/exit`, {});
  await eventually(live, (tasks) => tasks.length === 2, 'the daemon of the draining host stopped');
  expect((await live()).map((task) => task.containerInstanceArn)).not.toContain(host.containerInstanceArn);
});

test('a host whose agent is disconnected is left alone, and is repaired when it returns', async () => {
  await cover(stack, 'logs');
  const host = await first(hostsOf(stack));
  const agent = `${stack.simulator.url}/_sim/hosts/${encodeURIComponent(host.containerInstanceArn)}/agent`;
  await json(agent, { connected: false });
  await eventually(
    () => json<{ hosts: { disconnected: number } }>(`${stack.api}/v1/environments/logs`),
    ({ hosts }) => hosts.disconnected === 1,
    'seen as disconnected',
  );
  expect(await live()).toHaveLength(3);
  await json(agent, { connected: true });
  const task = (await live()).find((one) => one.containerInstanceArn === host.containerInstanceArn);
  if (task === undefined) throw new Error('its task is gone');
  await exitTask(stack, task);
  await eventually(
    live,
    (tasks) => tasks.length === 3 && tasks.every((one) => one.taskArn !== task.taskArn),
    'replaced',
  );
});

test('a host that vanishes is forgotten', async () => {
  await cover(stack, 'logs');
  const host = await first(hostsOf(stack));
  await fetch(`${stack.simulator.url}/_sim/hosts/${encodeURIComponent(host.containerInstanceArn)}`, {
    method: 'DELETE',
  });
  const environment = await eventually(
    () => json<{ hosts: { eligible: number; running: number }; health: string }>(`${stack.api}/v1/environments/logs`),
    ({ hosts }) => hosts.eligible === 2 && hosts.running === 2,
    'two hosts left',
  );
  expect(environment.health).toBe('healthy');
});

test('tasks that never start are reported with the reason ECS gives, and tried again behind the deployment', async () => {
  await register('broken', [{ name: 'SIM_FAIL_TO_START', value: 'CannotPullContainerError: no such image' }]);
  const deployment = await cover(stack, 'logs', { taskDefinition: 'broken' });
  expect(deployment.failedInstances).toHaveLength(3);
  for (const failure of deployment.failures) {
    expect(failure.reason).toContain('CannotPullContainerError');
    expect(failure.attempts).toBeGreaterThanOrEqual(3);
  }
  const attempts = (await ledgerOf(stack)).tasks.length;
  expect(attempts).toBeGreaterThanOrEqual(9);
  await eventually(
    () => ledgerOf(stack),
    (ledger) => ledger.tasks.length > attempts,
    'a further attempt',
  );
  const environment = await environmentOf(stack, 'logs');
  expect(environment.health).toBe('unhealthy');
  expect(environment.reasons.join()).toContain('3 hosts have no ready task');
  // What it was at its end stays: the deployment is history.
  expect((await first(completed(stack, 'logs'))).failedInstances).toHaveLength(3);
});

test('tasks that die after they had been running are replaced ever more slowly', async () => {
  await register('dying', [{ name: 'SIM_EXIT_AFTER_MS', value: '50' }]);
  await deploy(stack, await createEnvironment(stack, 'logs', { taskDefinition: 'dying' }));
  const host = await first(hostsOf(stack));
  const starts = async (): Promise<readonly number[]> =>
    (await ledgerOf(stack)).tasks
      .filter((task) => task.containerInstanceArn === host.containerInstanceArn)
      .map((task) => task.createdAt);
  const [one, two, three, four] = await eventually(starts, (times) => times.length >= 4, 'four tasks on one host');
  if (one === undefined || two === undefined || three === undefined || four === undefined)
    throw new Error('fewer than four');
  // Backoffs of at least 1, 2 and 4 s: whatever the machine's pace, no wait is shorter.
  expect(two - one).toBeGreaterThanOrEqual(1_000);
  expect(three - two).toBeGreaterThanOrEqual(2_000);
  expect(four - three).toBeGreaterThanOrEqual(4_000);
});

test('a deregistered task definition stops launches, with a reason; the tasks that run go on', async () => {
  await register('agent', []);
  await cover(stack, 'logs', { taskDefinition: 'agent' });
  await stack.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: 'agent:1' }));
  await addHosts(stack, 1);
  // The status of a definition is remembered for 30 s; a launch before that is refused by ECS itself.
  const environment = await eventually(
    () => environmentOf(stack, 'logs'),
    ({ health }) => health === 'unhealthy',
    'unhealthy',
  );
  expect(environment.reasons.join()).toMatch(/1 host has no ready task/);
  expect(await live()).toHaveLength(3);
});

test('external hosts are covered by launches of their own type', async () => {
  await addHosts(stack, 2, { external: true });
  await cover(stack, 'logs');
  expect(await live()).toHaveLength(5);
});

test('a live task of the group that nothing recorded is adopted, not doubled', async () => {
  const host = await first(hostsOf(stack));
  await stack.ecs.send(
    new RunTaskCommand({
      cluster: 'default',
      taskDefinition: 'daemon',
      launchType: 'EC2',
      group: 'daemon:logs',
      startedBy: 'somebody',
      placementConstraints: [{ type: 'memberOf', expression: `ec2InstanceId in ['${host.ec2InstanceId}']` }],
    }),
  );
  await cover(stack, 'logs');
  const tasks = await live();
  expect(tasks).toHaveLength(3);
  expect(tasks.filter((task) => task.startedBy === 'somebody')).toHaveLength(1);
});
