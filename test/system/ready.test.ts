/** Applications wait for their agents by one placement constraint, through the real path. */
import {
  DeregisterTaskDefinitionCommand,
  ListAttributesCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
} from '@aws-sdk/client-ecs';
import { afterEach, expect, test } from 'vitest';
import {
  completed,
  deleteEnvironment,
  deploy,
  eventually,
  exitTask,
  json,
  liveTasks,
  startStack,
  type Environment,
  type Stack,
  type StackOptions,
} from './stack.ts';

const QUICK = ['--survey-interval', '200', '--sweep-interval', '1000'];
/** So long that nothing of what a test waits for can come of a survey or a sweep. */
const NEVER = ['--survey-interval=3600000', '--sweep-interval=3600000'];

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function stackOf(options: StackOptions): Promise<Stack> {
  const stack = await startStack(options);
  closers.push(() => stack.close());
  await stack.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'agent',
      containerDefinitions: [{ name: 'agent', image: 'agent', cpu: 10, memory: 10 }],
    }),
  );
  return stack;
}

/** Deploys a required environment and waits until it is everywhere. */
async function coverRequired(stack: Stack, name: string): Promise<void> {
  const body = { name, instanceGroup: { cluster: 'default' }, taskDefinition: 'agent', required: true };
  await deploy(stack, await json<Environment>(`${stack.api}/v1/environments`, body));
  await completed(stack, name);
}

/** The hosts that carry the attribute. */
async function ready(stack: Stack): Promise<readonly string[]> {
  const { attributes = [] } = await stack.ecs.send(
    new ListAttributesCommand({
      cluster: 'default',
      targetType: 'container-instance',
      attributeName: 'daemons.ready',
      attributeValue: 'true',
    }),
  );
  return attributes.map(({ targetId = '' }) => targetId).toSorted();
}

const readyOn = (stack: Stack, count: number): Promise<readonly string[]> =>
  eventually(
    () => ready(stack),
    (hosts) => hosts.length === count,
    `${count} hosts ready`,
  );

/** Starts an application that wants its agents first: the hosts it was placed on, or why it was not. */
async function startApplication(stack: Stack, count: number) {
  const { tasks = [], failures = [] } = await stack.ecs.send(
    new RunTaskCommand({
      cluster: 'default',
      taskDefinition: 'daemon',
      launchType: 'EC2',
      group: 'family:application',
      count,
      placementConstraints: [{ type: 'memberOf', expression: 'attribute:daemons.ready == true' }],
    }),
  );
  return {
    hosts: new Set(tasks.map(({ containerInstanceArn = '' }) => containerInstanceArn)),
    failures: failures.map(({ reason }) => reason),
  };
}

test('an application is placed once the daemon runs, and only where it still does', async () => {
  const stack = await stackOf({ simulator: { hosts: 2 }, flags: QUICK });
  expect(await startApplication(stack, 1)).toEqual({
    hosts: new Set(),
    failures: ['MemberOf placement constraint unsatisfied'],
  });
  await coverRequired(stack, 'logs');
  const both = await readyOn(stack, 2);
  expect((await startApplication(stack, 2)).hosts).toEqual(new Set(both));

  // Without its definition a task that ends stays away.
  await stack.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: 'agent:1' }));
  const [ends, stays] = await liveTasks(stack, 'daemon:logs');
  if (ends === undefined || stays === undefined) throw new Error('not covered');
  await exitTask(stack, ends);
  expect(await readyOn(stack, 1)).toEqual([stays.containerInstanceArn]);
  expect((await startApplication(stack, 2)).hosts).toEqual(new Set([stays.containerInstanceArn]));

  await deleteEnvironment(stack, 'logs', '?tasks=keep');
  await readyOn(stack, 0);
});

test('with events it is there at once, with no survey', async () => {
  const stack = await stackOf({ simulator: { hosts: 3, events: true }, flags: ['--role=api'] });
  await stack.start(['--role=worker', `--sqs-queue-url=${stack.simulator.queueUrl}`, ...NEVER]);
  await coverRequired(stack, 'logs');
  await readyOn(stack, 3);
});
