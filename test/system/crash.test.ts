/** A worker process is killed in the middle of a launch; another one takes over. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { daemonScheduler } from '../../scripts/local/parts.ts';
import { completed, createEnvironment, deploy, eventually, json, ledgerOf, startStack, type Stack } from './stack.ts';

const QUICK = [
  '--survey-interval',
  '200',
  '--sweep-interval',
  '1000',
  '--ecs-timeout',
  '2000',
  '--act-within',
  '1000',
  '--clock-skew',
  '200',
];

let stack: Stack;
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await stack.close();
});

/** A worker process of the stack's installation. */
function spawnWorker(): ChildProcess {
  const [command, ...args] = daemonScheduler('--role', 'worker', ...stack.shared, ...QUICK);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

test('kill -9 between the launch and its record: the same tasks, not second ones', async () => {
  stack = await startStack({ simulator: { hosts: 20, distinctInstance: 'off' }, flags: ['--role', 'api', ...QUICK] });
  // ECS has done it, and its answer is on a long way: the time in which a crash hurts most.
  await json(`${stack.simulator.url}/_sim/faults`, {
    operation: 'RunTask',
    kind: 'delay',
    ms: 60_000,
    when: 'after-commit',
    times: 2,
  });
  const first = spawnWorker();
  await deploy(stack, await createEnvironment(stack, 'logs'));
  await eventually(
    () => ledgerOf(stack),
    (ledger) => ledger.tasks.length === 20,
    'ECS started the tasks',
  );
  first.kill('SIGKILL');
  await once(first, 'exit');
  expect(first.signalCode).toBe('SIGKILL');

  spawnWorker();
  await completed(stack, 'logs');
  const ledger = await ledgerOf(stack);
  expect(ledger.tasks).toHaveLength(20);
  expect(ledger.tokenReplays).toBeGreaterThanOrEqual(2);
  expect(ledger.maxLivePerHostAndGroup).toBe(1);
}, 60_000);

test('SIGTERM ends a worker in the middle of a launch, with exit code 0', async () => {
  stack = await startStack({ simulator: { hosts: 10, distinctInstance: 'off' }, flags: ['--role', 'api', ...QUICK] });
  await json(`${stack.simulator.url}/_sim/faults`, {
    operation: 'RunTask',
    kind: 'delay',
    ms: 60_000,
    when: 'after-commit',
    times: 1,
  });
  const first = spawnWorker();
  await deploy(stack, await createEnvironment(stack, 'logs'));
  await eventually(
    () => ledgerOf(stack),
    (ledger) => ledger.tasks.length === 10,
    'ECS started the tasks',
  );
  first.kill('SIGTERM');
  const [code] = await once(first, 'exit');
  expect(code).toBe(0);
  spawnWorker();
  await completed(stack, 'logs');
  expect((await ledgerOf(stack)).tasks).toHaveLength(10);
}, 60_000);
