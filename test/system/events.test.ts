/** Events from the simulator's queue, through the whole system. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../scripts/local/ports.ts';
import { startRedis } from '../support/servers.ts';
import {
  addHosts,
  cover,
  eventually,
  exitTask,
  hostsOf,
  json,
  ledgerOf,
  liveTasks,
  startStack,
  type Stack,
  type StackOptions,
} from './stack.ts';

const GROUP = 'daemon:logs';
/** So long that nothing of what these tests wait for can come of a survey or a sweep. */
const NEVER = ['--survey-interval=3600000', '--sweep-interval=3600000'];

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A stack whose scheduler takes its events from the simulator's queue. */
async function withQueue({ simulator = {}, flags = NEVER, ...more }: StackOptions = {}): Promise<Stack> {
  const stack = await startStack({
    ...more,
    simulator: { hosts: 3, events: true, ...simulator },
    flags: ['--role=api'],
  });
  closers.push(() => stack.close());
  await stack.start(['--role=worker', `--sqs-queue-url=${stack.simulator.queueUrl}`, ...flags]);
  return stack;
}

interface Events {
  readonly counts: Readonly<Record<string, number>>;
  readonly queue: { readonly visible: number; readonly inFlight: number };
}

const eventsOf = (stack: Stack): Promise<Events> => json(`${stack.simulator.url}/_sim/events`);

const covered = (stack: Stack, hosts: number): Promise<unknown> =>
  eventually(
    () => liveTasks(stack, GROUP),
    (tasks) => new Set(tasks.map((task) => task.containerInstanceArn)).size === hosts,
    `${hosts} hosts covered`,
  );

test('a host that joins is covered, and a task that dies is replaced, with no survey', async () => {
  const stack = await withQueue();
  await cover(stack, 'logs');
  await addHosts(stack, 2);
  await covered(stack, 5);

  const [first] = await liveTasks(stack, GROUP);
  if (first === undefined) throw new Error('no task');
  await exitTask(stack, first);
  await eventually(
    () => liveTasks(stack, GROUP),
    (tasks) => tasks.length === 5 && tasks.every(({ taskArn }) => taskArn !== first.taskArn),
    'another task in its place',
  );
  await eventually(
    () => eventsOf(stack),
    ({ queue }) => queue.visible + queue.inFlight === 0,
    'every message deleted',
  );
  expect((await ledgerOf(stack)).maxLivePerHostAndGroup).toBe(1);
});

/** What events do not tell is seen soon; the same for all workers, as each survey sets the time of the next. */
const SOON = ['--survey-interval=1000', '--sweep-interval=1000'];

test('events that come twice, late, out of order or never change nothing but the time it takes', async () => {
  const stack = await withQueue({
    simulator: {
      hosts: 6,
      distinctInstance: 'off',
      eventsDuplicates: 0.5,
      eventsReordering: 0.5,
      eventsLoss: 0.2,
      eventsDelayMs: 100,
    },
    flags: SOON,
  });
  for (let n = 0; n < 2; n += 1) {
    await stack.start(['--role=worker', `--sqs-queue-url=${stack.simulator.queueUrl}`, ...SOON]);
  }
  await cover(stack, 'logs');
  for (let round = 0; round < 4; round += 1) {
    const [first, second] = await liveTasks(stack, GROUP);
    const [gone] = await hostsOf(stack);
    await addHosts(stack, 3);
    for (const task of [first, second]) if (task !== undefined) await exitTask(stack, task).catch(() => undefined);
    await flap(stack);
    if (gone !== undefined)
      await fetch(`${stack.simulator.url}/_sim/hosts/${gone.ec2InstanceId}`, { method: 'DELETE' });
    await covered(stack, 6 + 2 * (round + 1));
  }
  const { counts } = await eventsOf(stack);
  for (const count of Object.values({ ...counts, posted: 1, postsFailed: 1 })) expect(count).toBeGreaterThan(0);
  expect((await ledgerOf(stack)).maxLivePerHostAndGroup).toBe(1);
});

/** Agents come and go. */
async function flap(stack: Stack): Promise<void> {
  for (const connected of [false, true]) {
    for (const { ec2InstanceId } of (await hostsOf(stack)).slice(-2)) {
      await json(`${stack.simulator.url}/_sim/hosts/${ec2InstanceId}/agent`, { connected });
    }
  }
}

test('a message nobody can read stays in the queue, and is counted; the others go on', async () => {
  const metrics = `127.0.0.1:${await freePort()}`;
  const stack = await withQueue({ flags: [...NEVER, `--metrics-bind=${metrics}`] });
  await cover(stack, 'logs');
  const sqs = new SQSClient({ endpoint: stack.simulator.url });
  closers.push(() => sqs.destroy());
  const QueueUrl = stack.simulator.queueUrl ?? '';
  await sqs.send(
    new SendMessageCommand({ QueueUrl, MessageBody: '{"source": "aws.ecs", "detail-type": "ECS Task State Change"}' }),
  );
  await addHosts(stack, 1);
  await covered(stack, 4);
  await eventually(
    () => eventsOf(stack),
    ({ queue }) => queue.visible + queue.inFlight === 1,
    'every message deleted but one',
  );
  const counters = await (await fetch(`http://${metrics}/metrics`)).text();
  expect(counters).toMatch(/daemon_scheduler_events_total\{outcome="poison"\} [1-9]/);
  expect(counters).toMatch(/daemon_scheduler_events_total\{outcome="stored"\} [1-9]/);
});

test('a message is deleted only after it was taken in: with Redis away it waits, and Redis may come back empty', async () => {
  const redis = await startRedis();
  closers.push(() => redis.stop());
  const stack = await withQueue({ redisUrl: redis.url });
  await cover(stack, 'logs');
  await eventually(
    () => eventsOf(stack),
    ({ queue }) => queue.visible + queue.inFlight === 0,
    'every message deleted',
  );
  await redis.kill();
  await addHosts(stack, 1);
  // Those that are handed out now are not taken in; and nothing more is received after that.
  await eventually(
    () => eventsOf(stack),
    ({ queue }) => queue.inFlight > 0,
    'the event handed out',
  );
  await redis.restart();
  await covered(stack, 4);
  expect((await ledgerOf(stack)).maxLivePerHostAndGroup).toBe(1);
  const { queue } = await eventsOf(stack);
  expect(queue.visible + queue.inFlight).toBeGreaterThan(0);
});

test('events by HTTP do the same, and are believed in nothing', async () => {
  // The API's port is known only after the simulator's start.
  const target = { url: '' };
  const relay = createServer((request, response) => {
    void relayed(request, target.url).then((status) => response.writeHead(status).end());
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  closers.push(() => void relay.close());
  const { port } = relay.address() as AddressInfo;
  const eventsHttp = `http://127.0.0.1:${port}/`;
  const stack = await startStack({ simulator: { hosts: 3, events: true, eventsHttp }, flags: NEVER });
  target.url = `${stack.api}/v1/cluster-events`;
  closers.push(() => stack.close());
  await cover(stack, 'logs');
  await addHosts(stack, 2);
  await covered(stack, 5);
  const [first, second] = await liveTasks(stack, GROUP);
  if (first === undefined || second === undefined) throw new Error('no tasks');
  // A lie: the task runs on.
  const lie = {
    'detail-type': 'ECS Task State Change',
    detail: {
      clusterArn: await clusterOf(stack),
      taskArn: second.taskArn,
      group: GROUP,
      lastStatus: 'STOPPED',
      version: 99,
    },
  };
  expect(await json(target.url, lie)).toEqual({ accepted: 1 });
  await exitTask(stack, first);
  await eventually(
    () => liveTasks(stack, GROUP),
    (tasks) => tasks.length === 5 && tasks.every(({ taskArn }) => taskArn !== first.taskArn),
    'another task in its place',
  );
  expect((await liveTasks(stack, GROUP)).map(({ taskArn }) => taskArn)).toContain(second.taskArn);
  expect((await ledgerOf(stack)).tasks).toHaveLength(6);
});

async function relayed(request: IncomingMessage, url: string): Promise<number> {
  const body = await text(request);
  return (await fetch(url, { method: 'POST', body }).catch(() => ({ status: 503 }))).status;
}

const clusterOf = async (stack: Stack): Promise<string> =>
  (await json<{ items: readonly { instanceGroup: { cluster: string } }[] }>(`${stack.api}/v1/environments`)).items[0]
    ?.instanceGroup.cluster ?? '';
