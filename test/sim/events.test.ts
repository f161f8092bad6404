/** State changes as events: what the model tells, and how the simulator carries it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { RunTaskCommand } from '@aws-sdk/client-ecs';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type Message,
} from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, test } from 'vitest';
import { EcsDriver } from './ecs-driver.ts';
import { startUnderTest, until, type SimulatorUnderTest } from './sim-client.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Event {
  readonly id: string;
  readonly time: string;
  readonly 'detail-type': string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

describe('the model', () => {
  const story = (driver: EcsDriver): void => {
    const [first, second] = driver.model.addHosts(driver.now, { cluster: 'default', count: 2 });
    driver.call('RegisterTaskDefinition', {
      family: 'daemon',
      containerDefinitions: [{ name: 'daemon', image: 'busybox', cpu: 64, memory: 64 }],
    });
    const { tasks } = driver.call('RunTask', { taskDefinition: 'daemon', count: 1, group: 'daemon:logs' });
    driver.model.setAgentConnected(driver.now, second?.containerInstanceArn ?? '', false);
    driver.model.advance((driver.now += 1_000));
    driver.call('StopTask', { task: tasks[0]?.taskArn });
    driver.model.advance((driver.now += 1_000));
    driver.model.removeHost(driver.now, first?.containerInstanceArn ?? '');
  };
  const short = (driver: EcsDriver): readonly string[] =>
    driver.model
      .takeChanges()
      .map((change) =>
        change.kind === 'host'
          ? `host ${change.host.order} v${change.host.version} ${change.host.status} ${change.host.agentConnected}`
          : `task v${change.task.version} ${change.task.lastStatus} ${change.task.desiredStatus}`,
      );

  test('tells of every change as it was, with its version, each once', () => {
    const driver = new EcsDriver({ events: true });
    story(driver);
    expect(short(driver)).toEqual([
      'host 0 v1 ACTIVE true',
      'host 1 v1 ACTIVE true',
      'task v1 PENDING RUNNING',
      'host 0 v2 ACTIVE true',
      'host 1 v2 ACTIVE false',
      'task v2 ACTIVATING RUNNING',
      'task v3 RUNNING RUNNING',
      'task v4 RUNNING STOPPED',
      'host 0 v3 ACTIVE true',
      'task v5 DEACTIVATING STOPPED',
      'task v6 STOPPING STOPPED',
      'task v7 DEPROVISIONING STOPPED',
      'host 0 v4 ACTIVE true',
      'task v8 STOPPED STOPPED',
      'host 0 v5 INACTIVE false',
    ]);
    expect(short(driver)).toEqual([]);
  });

  test('tells the same twice by the same seed, and nothing unless asked to', () => {
    const [one, two, silent] = [{ events: true }, { events: true }, {}].map((options) => new EcsDriver(options));
    for (const driver of [one, two, silent]) if (driver !== undefined) story(driver);
    expect(one?.model.takeChanges()).toEqual(two?.model.takeChanges());
    expect(silent?.model.takeChanges()).toEqual([]);
  });

  test('an event has the version that a description shows', () => {
    const driver = new EcsDriver({ events: true });
    story(driver);
    const versions = new Map<string, number>();
    for (const change of driver.model.takeChanges()) {
      const { arn, version } = change.kind === 'host' ? change.host : change.task;
      expect(version).toBe((versions.get(arn) ?? 0) + 1);
      versions.set(arn, version);
    }
    const hosts = [...versions.keys()].filter((arn) => arn.includes(':container-instance/'));
    const { containerInstances } = driver.call('DescribeContainerInstances', { containerInstances: hosts });
    expect(containerInstances).toHaveLength(2);
    for (const { containerInstanceArn, version } of containerInstances) {
      expect(version).toBe(versions.get(containerInstanceArn));
    }
  });
});

async function underTest(options: Parameters<typeof startUnderTest>[0] = {}) {
  const under = await startUnderTest({ hosts: 0, events: true, ...options });
  const sqs = new SQSClient({
    endpoint: under.sim.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  closers.push(
    () => under.close(),
    () => sqs.destroy(),
  );
  const QueueUrl = under.sim.queueUrl ?? '';
  const receive = async (WaitTimeSeconds = 0, VisibilityTimeout = 30): Promise<readonly Message[]> =>
    (
      await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          WaitTimeSeconds,
          VisibilityTimeout,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
      )
    ).Messages ?? [];
  return { under, sqs, QueueUrl, receive };
}

const join = (under: SimulatorUnderTest, count = 1) => under.admin('POST', '/hosts', { count });

describe('the queue', () => {
  test('has the events, whole: the SDK checks their sums', async () => {
    const { under, receive } = await underTest();
    await join(under, 2);
    const messages = await receive();
    expect(messages.map(({ Attributes }) => Attributes?.ApproximateReceiveCount)).toEqual(['1', '1']);
    const event = JSON.parse(messages[0]?.Body ?? '') as Event;
    expect(event).toMatchObject({
      version: '0',
      source: 'aws.ecs',
      'detail-type': 'ECS Container Instance State Change',
      account: '123456789012',
      region: 'us-east-1',
      resources: [event.detail['containerInstanceArn']],
      detail: { status: 'ACTIVE', agentConnected: true, version: 1 },
    });
    expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  });

  test('tells what happens by itself when it happens', async () => {
    const { under, receive } = await underTest({ hosts: 1 });
    const { ecs, sim } = under;
    await ecs.send(new RunTaskCommand({ taskDefinition: 'daemon', group: 'daemon:logs', startedBy: 'me' }));
    const seen: Event[] = [];
    await until('RUNNING', async () => {
      for (const { Body } of await receive(1)) seen.push(JSON.parse(Body ?? '') as Event);
      return seen.some(({ detail }) => detail['lastStatus'] === 'RUNNING') ? seen : null;
    });
    expect(seen.find(({ detail }) => detail['lastStatus'] === 'RUNNING')?.detail).toMatchObject({
      group: 'daemon:logs',
      startedBy: 'me',
      desiredStatus: 'RUNNING',
      startedAt: expect.any(String) as string,
    });
    expect(sim.model.takeChanges()).toEqual([]);
  });

  test('a receive waits until there is a message', async () => {
    const { under, receive } = await underTest();
    const waiting = receive(20);
    await join(under);
    expect(await waiting).toHaveLength(1);
    expect(await receive()).toEqual([]);
  });

  test('a message that was not deleted comes again, with its count; one that was does not', async () => {
    const { under, sqs, QueueUrl, receive } = await underTest();
    await join(under, 3);
    const [first, second, third] = await receive(0, 0);
    const again = await receive(0, 30);
    expect(again.map(({ Attributes }) => Attributes?.ApproximateReceiveCount)).toEqual(['2', '2', '2']);
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
    const Entries = [
      { Id: 'good', ReceiptHandle: second?.ReceiptHandle },
      { Id: 'bad', ReceiptHandle: 'x' },
    ];
    expect(await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))).toMatchObject({
      Successful: [{ Id: 'good' }],
      Failed: [{ Id: 'bad', Code: 'ReceiptHandleIsInvalid' }],
    });
    const waiting = receive(20);
    await sqs.send(
      new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: third?.ReceiptHandle, VisibilityTimeout: 0 }),
    );
    expect((await waiting).map(({ MessageId }) => MessageId)).toEqual([third?.MessageId]);
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    expect(Attributes).toEqual({ ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '1' });
  });

  test('what nobody waits for any more is handed to somebody else', async () => {
    const { under, sqs, QueueUrl, receive } = await underTest();
    const gone = new AbortController();
    const given = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), { abortSignal: gone.signal });
    const ended = expect(given).rejects.toThrow();
    gone.abort();
    await ended;
    await join(under);
    expect(await receive(5)).toHaveLength(1);
  });

  test('takes other messages too, and refuses other queues and wrong calls', async () => {
    const { sqs, QueueUrl, receive, under } = await underTest();
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'not an event' }));
    expect((await receive()).map(({ Body }) => Body)).toEqual(['not an event']);
    const other = new ReceiveMessageCommand({ QueueUrl: `${under.sim.url}/123456789012/other` });
    await expect(sqs.send(other)).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
    const many = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 11 });
    await expect(sqs.send(many)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('is not there unless events are on', async () => {
    const { under, sqs } = await underTest({ events: false });
    expect(under.sim.queueUrl).toBeNull();
    const call = new ReceiveMessageCommand({ QueueUrl: `${under.sim.url}/123456789012/events` });
    await expect(sqs.send(call)).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
    expect((await under.admin('GET', '/events')).body).toEqual({ enabled: false });
    expect((await under.admin('POST', '/events', { loss: 1 })).status).toBe(400);
  });
});

describe('on the way', () => {
  const counts = async (under: SimulatorUnderTest): Promise<unknown> =>
    ((await under.admin('GET', '/events')).body as { readonly counts: unknown }).counts;

  test('events get lost, come twice, and are held back, as the mix has it', async () => {
    const { under, receive } = await underTest({ eventsLoss: 1 });
    await join(under, 5);
    expect(await receive()).toEqual([]);
    expect(await counts(under)).toMatchObject({ emitted: 5, lost: 5 });

    expect((await under.admin('POST', '/events', { loss: 0, duplicates: 1 })).status).toBe(200);
    await join(under, 5);
    const twice = (await receive()).map(({ Body }) => (JSON.parse(Body ?? '') as Event).id);
    expect([twice.length, new Set(twice).size]).toEqual([10, 5]);

    await under.admin('POST', '/events', { duplicates: 0, reordering: 0.5 });
    await join(under, 50);
    const ids: string[] = [];
    await until('all of them', async () => {
      for (const { Body } of await receive(1)) ids.push((JSON.parse(Body ?? '') as Event).id);
      return ids.length === 50 ? ids : null;
    });
    expect(ids).not.toEqual(ids.toSorted());
    expect(await counts(under)).toMatchObject({ emitted: 60, lost: 5, duplicated: 5 });
    expect((await under.admin('POST', '/events', { loss: 2 })).status).toBe(400);
  });

  test('are posted, and posted again while nobody takes them', async () => {
    const posted: Event[] = [];
    const taken: number[] = [];
    const target = createServer((request, response) => {
      void text(request).then((body) => {
        posted.push(JSON.parse(body) as Event);
        response.writeHead(posted.length === 1 ? 503 : 202).end();
        taken.push(posted.length);
      });
    }).listen(0, '127.0.0.1');
    await once(target, 'listening');
    closers.push(() => void target.close());
    const eventsHttp = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
    const { under } = await underTest({ eventsHttp });
    await join(under);
    await until('the second attempt', async () => (taken.length === 2 ? taken : null));
    expect(posted[0]).toEqual(posted[1]);
    await until('its count', async () => ((await counts(under)) as { posted: number }).posted === 1 || null);
  });
});
