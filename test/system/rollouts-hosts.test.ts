/** Which hosts a rollout is for, through the real path: queries, attributes, agents, drains. */
import { PutAttributesCommand, UpdateContainerInstancesStateCommand } from '@aws-sdk/client-ecs';
import { expect, test } from 'vitest';
import { arnsOf, count, countOf, hostTold, liveOf, stage, tasksOf, type Scene } from './scene.ts';
import {
  completed,
  createEnvironment,
  deploy,
  deploymentIn,
  eventually,
  ledgerOf,
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

test.concurrent('a changed query moves the tasks, and a changed attribute moves one more', async () => {
  const { stack } = on;
  const tiers = ['a', 'a', 'b', 'b'].map((tier) => ({ tier }));
  const set = await on.covered({ hosts: tiers, query: 'attribute:tier == a' });
  const [a1, a2, b1, b2] = set.hosts.map(({ containerInstanceArn }) => containerInstanceArn);
  if (a1 === undefined || a2 === undefined || b1 === undefined || b2 === undefined) throw new Error('no hosts');
  expect([...arnsOf(set).keys()].toSorted()).toEqual([a1, a2].toSorted());

  const deployment = await rollOut(stack, set.name, { instanceGroup: { query: 'attribute:tier == b' } });
  await deploymentIn(stack, set.name, deployment, 'completed');
  await eventually(
    async () => [...arnsOf(set).keys()].toSorted(),
    (hosts) => hosts.join() === [b1, b2].toSorted().join(),
    'tasks on the other hosts',
  );

  const attributes = [{ name: 'tier', value: 'b', targetType: 'container-instance' as const, targetId: a1 }];
  await stack.ecs.send(new PutAttributesCommand({ cluster: set.cluster, attributes }));
  await count(set, set.old, 3);
  expect(arnsOf(set).has(a1)).toBe(true);
  expect(tasksOf(set)).toHaveLength(5);
});

test.concurrent('a disconnected host is deferred, and caught up when it returns', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 4, deploymentConfiguration: { maxUnavailable: '100%' } });
  const away = first(set);
  const before = arnsOf(set).get(away.containerInstanceArn);
  await setAgent(stack, away, false);
  await hostTold(set, away.containerInstanceArn, ({ state }) => state === 'disconnected', 'seen as disconnected');
  const deployment = await rollOut(stack, set.name, { taskDefinition: set.next });
  const done = await deploymentIn(stack, set.name, deployment, 'completed');
  expect(done).toMatchObject({ deferredInstances: [away.containerInstanceArn], failedInstances: [] });
  expect(countOf(set, set.next)).toBe(3);
  expect(arnsOf(set).get(away.containerInstanceArn)).toBe(before);
  await setAgent(stack, away, true);
  await count(set, set.next, 4);
  // It is history: what was deferred at its end stays written there.
  await deploymentIn(stack, set.name, deployment, 'completed');
});

test.concurrent('on a draining host environments leave in the order they were given', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 2 });
  const { cluster, name } = set;
  const last = `${name}-last`;
  await deploy(stack, await createEnvironment(stack, last, { cluster, taskDefinition: set.old, drainAfter: [name] }));
  await completed(stack, last);
  const host = first(set);
  await stack.ecs.send(
    new UpdateContainerInstancesStateCommand({
      cluster,
      containerInstances: [host.containerInstanceArn],
      status: 'DRAINING',
    }),
  );
  const { tasks } = await eventually(
    () => ledgerOf(stack),
    (ledger) =>
      ledger.tasks
        .filter(({ containerInstanceArn }) => containerInstanceArn === host.containerInstanceArn)
        .every(({ stoppedAt }) => stoppedAt !== null),
    'the host is empty',
  );
  const endOf = (group: string): number =>
    tasks.find((task) => task.group === group && task.stoppedAt !== null)?.stoppedAt ?? Number.NaN;
  expect(endOf(`daemon:${last}`) - stack.taskStopMs).toBeGreaterThanOrEqual(endOf(`daemon:${name}`));
  expect(liveOf(set)).toHaveLength(1);
});

test.concurrent('a drain order that closes a circle is refused', async () => {
  const { stack } = on;
  const set = await on.empty({ hosts: 1 });
  const { cluster, name } = set;
  await createEnvironment(stack, `${name}-2`, { cluster, drainAfter: [name] });
  await expect(rollOut(stack, name, { drainAfter: [`${name}-2`] })).rejects.toThrow(/400 /);
  await expect(rollOut(stack, name, { drainAfter: ['nobody'] })).rejects.toThrow(/400 .*nobody/s);
});
