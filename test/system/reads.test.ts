/** What many environments on one cluster cost, and what a reader sees. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import {
  completed,
  cover,
  createEnvironment,
  deploy,
  eventually,
  json,
  ledgerOf,
  startStack,
  type Environment,
  type Ledger,
  type Stack,
} from './stack.ts';

let stack: Stack;
afterEach(() => stack.close());

const READS = ['ListContainerInstances', 'DescribeContainerInstances', 'ListTasks', 'DescribeTasks'];
const surveys = (ledger: Ledger): number => ledger.operations['ListContainerInstances']?.calls ?? 0;
const reads = (ledger: Ledger): number => READS.reduce((sum, name) => sum + (ledger.operations[name]?.calls ?? 0), 0);

test('ECS reads at rest do not grow with the environments on a cluster', async () => {
  stack = await startStack({
    simulator: { hosts: 4 },
    flags: ['--survey-interval', '300', '--sweep-interval', '1000'],
  });
  const perSurvey = async (): Promise<number> => {
    // At rest: whole surveys only, from one listing of instances to a later one.
    const from = await ledgerOf(stack);
    const to = await eventually(
      () => ledgerOf(stack),
      (ledger) => surveys(ledger) >= surveys(from) + 8,
      '8 surveys',
    );
    return (reads(to) - reads(from)) / (surveys(to) - surveys(from));
  };
  const names = Array.from({ length: 10 }, (_, n) => `env-${n}`);
  await cover(stack, names[0] ?? '');
  const one = await perSurvey();
  for (const name of names.slice(1)) await deploy(stack, await createEnvironment(stack, name));
  for (const name of names) await completed(stack, name);
  const ten = await perSurvey();
  expect(one).toBeGreaterThan(2);
  // A survey cut in half by the edges of the count is worth less than one read in eight surveys.
  expect(Math.abs(ten - one)).toBeLessThan(1);
});

test("a read sees the caller's own last write, also through another API process", async () => {
  stack = await startStack({ simulator: { hosts: 0 }, flags: ['--role', 'api'] });
  const { api: other } = await stack.start(['--role', 'api']);
  for (let n = 0; n < 50; n += 1) {
    const made = await createEnvironment(stack, `env-${n}`);
    expect(await json(`${other}/v1/environments/env-${n}`)).toMatchObject({ deploymentToken: made.deploymentToken });
    expect(await json<Environment>(`${stack.api}/v1/environments/env-${n}`)).toMatchObject({ name: `env-${n}` });
  }
  const { items } = await json<{ items: readonly Environment[] }>(`${other}/v1/environments`);
  expect(items).toHaveLength(50);
});

test('the AWS CLI lists the daemon tasks in the simulator', async () => {
  stack = await startStack({ simulator: { hosts: 3 }, flags: ['--survey-interval', '200'] });
  const deployment = await cover(stack, 'logs');
  const list = ['ecs', 'list-tasks', '--cluster', 'default', '--started-by', deployment.id];
  const { stdout } = await promisify(execFile)('aws', [
    ...list,
    '--endpoint-url',
    stack.simulator.url,
    '--output',
    'json',
  ]);
  expect((JSON.parse(stdout) as { taskArns: readonly string[] }).taskArns).toHaveLength(3);
});
