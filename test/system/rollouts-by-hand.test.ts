/** What people do to a rollout, through the real path. */
import { expect, test } from 'vitest';
import { arnsOf, count, countOf, hostTold, liveOf, stage, tasksOf, type Scene } from './scene.ts';
import {
  completed,
  deploy,
  deploymentIn,
  environmentOf,
  eventually,
  exitTask,
  json,
  order,
  register,
  rollOut,
  update,
  type Deployment,
  type LedgerTask,
} from './stack.ts';

const on = stage();

const MANUAL = { maxUnavailable: '100%', waves: [{ canary: 1, promote: 'manual' }] };

/** Rolls out to the canary, where it waits for a person. Gives the deployment and the canary's task. */
async function baked(set: Scene): Promise<{ readonly deployment: Deployment; readonly canary: LedgerTask }> {
  const { id } = await rollOut(set.stack, set.name, { taskDefinition: set.next, deploymentConfiguration: MANUAL });
  const deployment = await eventually(
    () => json<Deployment>(`${set.stack.api}/v1/environments/${set.name}/deployments/${id}`),
    ({ waves }) => waves[0]?.state === 'done',
    'the canary is done',
  );
  const [canary, ...others] = liveOf(set).filter(({ taskDefinitionArn }) => taskDefinitionArn === set.next);
  if (canary === undefined) throw new Error('no canary');
  expect(others).toEqual([]);
  return { deployment, canary };
}

/** Ends the task, and waits until the scheduler has recorded that. */
async function ends(set: Scene, task: LedgerTask): Promise<void> {
  await exitTask(set.stack, task);
  const id = task.taskArn.slice(task.taskArn.lastIndexOf('/') + 1);
  await hostTold(
    set,
    task.containerInstanceArn,
    ({ history }) => history.some(({ did }) => did === `recorded the end of task ${id}`),
    'its end recorded',
  );
}

async function oldTask(set: Scene): Promise<LedgerTask> {
  const task = liveOf(set).find(({ taskDefinitionArn }) => taskDefinitionArn === set.old);
  if (task === undefined) throw new Error('no old task');
  return task;
}

test.concurrent('a paused rollout replaces nothing and goes on repairing; resumed, it ends', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 4 });
  const { deployment } = await baked(set);
  await order(stack, set.name, `deployments/${deployment.id}/pause`);
  await deploymentIn(stack, set.name, deployment, 'paused');
  await order(stack, set.name, `deployments/${deployment.id}/promote`);
  const victim = await oldTask(set);
  await ends(set, victim);
  await eventually(
    async () => liveOf(set),
    (tasks) => tasks.length === 4 && tasks.every(({ taskArn }) => taskArn !== victim.taskArn),
    'repaired',
  );
  expect(countOf(set, set.old)).toBe(3);
  await order(stack, set.name, `deployments/${deployment.id}/resume`);
  await deploymentIn(stack, set.name, deployment, 'completed');
  expect(countOf(set, set.next)).toBe(4);
});

test.concurrent('a wave waits for the person who promotes it', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3 });
  const { deployment } = await baked(set);
  // A turn that goes by all the same: it replaces nothing, and what it repairs gets what was completed last.
  const victim = await oldTask(set);
  await ends(set, victim);
  await count(set, set.old, 2);
  await order(stack, set.name, `deployments/${deployment.id}/promote`);
  await deploymentIn(stack, set.name, deployment, 'completed');
  expect(countOf(set, set.next)).toBe(3);
});

test.concurrent('a cancelled rollout leaves what it has done, and repairs with what was completed last', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3 });
  const before = arnsOf(set);
  const { deployment, canary } = await baked(set);
  await order(stack, set.name, `deployments/${deployment.id}/cancel`);
  const cancelled = await deploymentIn(stack, set.name, deployment, 'cancelled');
  expect(cancelled).toMatchObject({ status: 'completed', reason: 'cancelled by request' });
  const after = arnsOf(set);
  for (const [host, arn] of before) expect(after.get(host) === arn).toBe(host !== canary.containerInstanceArn);
  expect(after.get(canary.containerInstanceArn)).toBe(canary.taskArn);
  await ends(set, canary);
  await count(set, set.old, 3);
});

test.concurrent('what was deployed is taken back, from its middle, after its end, and to a revision by name', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3, deploymentConfiguration: { maxUnavailable: '100%' } });
  const { deployment } = await baked(set);
  const back = await order<Deployment>(stack, set.name, `deployments/${deployment.id}/rollback`);
  expect(back).toMatchObject({ kind: 'rollback', rollsBack: deployment.id });
  await deploymentIn(stack, set.name, back, 'completed');
  await deploymentIn(stack, set.name, deployment, 'superseded');
  expect(countOf(set, set.old)).toBe(3);

  const forth = await order<Deployment>(stack, set.name, 'rollback', { to: deployment.revision });
  await deploymentIn(stack, set.name, forth, 'completed');
  expect(countOf(set, set.next)).toBe(3);

  const last = await order<Deployment>(stack, set.name, 'rollback');
  await deploymentIn(stack, set.name, last, 'completed');
  expect(countOf(set, set.old)).toBe(3);
  expect(await environmentOf(stack, set.name)).toMatchObject({ taskDefinition: set.old, revision: last.revision });
});

test.concurrent('a frozen environment launches nothing and stops nothing; thawed, it makes up for that', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3, deploymentConfiguration: { maxUnavailable: '100%' } });
  const before = arnsOf(set);
  await order(stack, set.name, 'freeze');
  expect(await environmentOf(stack, set.name)).toMatchObject({ frozen: true });
  const deployment = await rollOut(stack, set.name, { taskDefinition: set.next });
  const victim = await oldTask(set);
  await ends(set, victim);
  const told = await hostTold(set, victim.containerInstanceArn, ({ state }) => state === 'empty', 'empty');
  expect(told).toMatchObject({ waitingFor: 'frozen', explanation: 'the environment is frozen' });
  const frozen = arnsOf(set);
  expect(frozen.size).toBe(2);
  for (const [host, arn] of frozen) expect(before.get(host)).toBe(arn);
  await order(stack, set.name, 'thaw');
  await deploymentIn(stack, set.name, deployment, 'completed');
  expect(countOf(set, set.next)).toBe(3);
});

test.concurrent('an excluded host is left alone by a rollout, and caught up when it is included', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3, deploymentConfiguration: { maxUnavailable: '100%' } });
  const before = arnsOf(set);
  const left = await oldTask(set);
  const id = left.containerInstanceArn.slice(left.containerInstanceArn.lastIndexOf('/') + 1);
  await order(stack, set.name, `hosts/${id}/exclude`);
  const deployment = await rollOut(stack, set.name, { taskDefinition: set.next });
  await deploymentIn(stack, set.name, deployment, 'completed');
  expect(countOf(set, set.next)).toBe(2);
  expect(arnsOf(set).get(left.containerInstanceArn)).toBe(before.get(left.containerInstanceArn));
  expect(await hostTold(set, id, () => true, 'known')).toMatchObject({ state: 'excluded', waitingFor: 'excluded' });
  await order(stack, set.name, `hosts/${id}/include`);
  await count(set, set.next, 3);
});

test.concurrent('a retry by hand does not wait for the backoff', async () => {
  const { stack } = on;
  const set = await on.empty({ hosts: 1 });
  const [host] = set.hosts;
  if (host === undefined) throw new Error('no host');
  const failing = await register(stack, set.name, { SIM_FAIL_TO_START: 'no such image' });
  await update(stack, set.name, { taskDefinition: failing });
  await deploy(stack, await environmentOf(stack, set.name));
  await completed(stack, set.name);
  const told = await hostTold(
    set,
    host.containerInstanceArn,
    ({ failedAttempts, waitingFor }) => failedAttempts >= 4 && waitingFor === 'backoff',
    'four failed attempts',
  );
  expect(told.explanation).toMatch(
    /^the next attempt is delayed, until .*the last attempt came to nothing: no such image/,
  );
  const tasks = tasksOf(set);
  const id = host.containerInstanceArn.slice(host.containerInstanceArn.lastIndexOf('/') + 1);
  await order(stack, set.name, `hosts/${id}/retry`);
  const next = await eventually(
    async () => tasksOf(set)[tasks.length],
    (task) => task !== undefined,
    'a further attempt',
  );
  expect(next?.createdAt).toBeLessThan(Date.parse(told.until ?? ''));
  await hostTold(set, id, ({ history }) => history.some(({ rule }) => rule === 'retry'), 'the retry in its history');
});

test.concurrent('a deployment takes the place of another only when it is told to', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3 });
  const { deployment } = await baked(set);
  const third = await register(stack, set.name);
  const environment = await update(stack, set.name, { taskDefinition: third, deploymentConfiguration: null });
  await expect(deploy(stack, environment)).rejects.toThrow(/400 .*in progress/);
  const taker = await deploy(stack, environment, '&supersede=true');
  await deploymentIn(stack, set.name, taker, 'completed');
  await deploymentIn(stack, set.name, deployment, 'superseded');
  expect(countOf(set, third)).toBe(3);
});

test.concurrent('a restart makes every task anew, of the same revision', async () => {
  const { stack } = on;
  const set = await on.covered({ hosts: 3, deploymentConfiguration: { maxUnavailable: '100%' } });
  const before = arnsOf(set);
  const environment = await environmentOf(stack, set.name);
  const restart = await deploy(stack, environment, '&restart=true');
  expect(restart).toMatchObject({ kind: 'restart', revision: environment.revision });
  await deploymentIn(stack, set.name, restart, 'completed');
  expect(countOf(set, set.old)).toBe(3);
  for (const arn of arnsOf(set).values()) expect([...before.values()]).not.toContain(arn);
});
