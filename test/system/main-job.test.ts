/** The main job through the real path: REST, etcd, BullMQ, actor, AWS SDK, simulator. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  addHosts,
  completed,
  createEnvironment,
  deleteEnvironment,
  deploy,
  environmentOf,
  eventually,
  exitTask,
  ledgerOf,
  liveTasks,
  startStack,
  type Stack,
} from './stack.ts';

const QUICK = ['--survey-interval', '200', '--sweep-interval', '1000'];

describe.each(['off', 'lagging', 'strict'] as const)('the main job, distinctInstance %s', (distinctInstance) => {
  let stack: Stack;
  beforeEach(async () => {
    stack = await startStack({ simulator: { hosts: 12, distinctInstance }, flags: QUICK });
  });
  afterEach(() => stack.close());

  test('covers, joins, repairs, drains, deletes; never two on a host', async () => {
    const created = await createEnvironment(stack, 'logs');
    expect((await ledgerOf(stack)).tasks).toEqual([]);
    await deploy(stack, created);
    const [deployment] = await completed(stack, 'logs');
    expect(deployment).toMatchObject({ status: 'completed', failedInstances: [] });
    const live = () => liveTasks(stack, 'daemon:logs');
    expect(await live()).toHaveLength(12);

    await addHosts(stack, 3);
    await eventually(live, (tasks) => tasks.length === 15, '15 hosts covered');

    const [victim] = await live();
    if (victim === undefined) throw new Error('no task');
    await exitTask(stack, victim);
    const replaced = await eventually(
      live,
      (tasks) =>
        tasks.some(
          (task) => task.containerInstanceArn === victim.containerInstanceArn && task.taskArn !== victim.taskArn,
        ),
      'the dead task replaced',
    );
    expect(replaced).toHaveLength(15);

    const healthy = await eventually(
      () => environmentOf(stack, 'logs'),
      (environment) => environment.health === 'healthy',
      'healthy',
    );
    expect(healthy.reasons).toEqual([]);

    await deleteEnvironment(stack, 'logs');
    expect((await fetch(`${stack.api}/v1/environments/logs`)).status).toBe(404);
    await eventually(live, (tasks) => tasks.length === 0, 'all tasks stopped');
    const again = await eventually(
      () => createEnvironment(stack, 'logs').catch((error: Error) => error),
      (answer) => !(answer instanceof Error),
      'the name is free again',
    );
    expect(again).toMatchObject({ name: 'logs' });

    const ledger = await ledgerOf(stack);
    expect(ledger.maxLivePerHostAndGroup).toBe(1);
    expect(ledger.tasks).toHaveLength(16);
  });
});
