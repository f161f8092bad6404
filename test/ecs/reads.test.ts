/** Listings and descriptions over a real socket. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AwsGateway } from '../../src/ecs/aws-gateway.ts';
import type { Budget } from '../../src/ecs/budget.ts';
import { EcsReadError } from '../../src/ecs/gateway.ts';
import { as } from '../../src/domain/ids.ts';
import type { Instant } from '../../src/domain/ids.ts';
import { freePort } from '../../scripts/local/ports.ts';
import { ecsHost, ecsTask, fakeEcs } from './fake-ecs.ts';
import type { FakeCluster, FakeTask } from './fake-ecs.ts';
import { CLUSTER, gatewayTo, instanceArn, open, taskArn } from './samples.ts';
import { answer, ecsError, reset, silence, startScriptedServer } from './scripted-server.ts';
import type { ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
let gateway: AwsGateway;

beforeEach(async () => {
  server = await startScriptedServer();
  gateway = gatewayTo(server.url);
});

afterEach(async () => {
  gateway.close();
  await server.close();
});

const calls = (operation: string): readonly Record<string, unknown>[] =>
  server.arrived
    .filter((arrived) => arrived.operation === operation)
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>);

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

describe('a survey', () => {
  it('lists RUNNING to its last page, only then STOPPED, and describes each task once', async () => {
    const tasks = [
      ...range(7).map((id) => ({ id })),
      { id: 'leaving', lastStatus: 'RUNNING', desiredStatus: 'STOPPED' },
      { id: 'dead', lastStatus: 'STOPPED' },
    ];
    server.reply(fakeEcs({ hosts: [1], tasks, pageSize: 3 }));
    const survey = await gateway.survey(CLUSTER, [], open());
    expect(survey.tasks.map(({ arn, lastStatus }) => [arn, lastStatus])).toEqual([
      ...range(7).map((id) => [taskArn(id), 'RUNNING']),
      [taskArn('leaving'), 'RUNNING'],
      [taskArn('dead'), 'STOPPED'],
    ]);
    expect(
      calls('ListTasks').map(({ desiredStatus, nextToken }) => `${String(desiredStatus)} ${String(nextToken)}`),
    ).toEqual(['RUNNING undefined', 'RUNNING 0', 'RUNNING 3', 'RUNNING 6', 'STOPPED undefined', 'STOPPED 0']);
    expect(calls('DescribeTasks')).toHaveLength(1);
    expect(survey.reads).toBe(server.arrived.length);
  });

  it('asks for whatever is not INACTIVE and leaves out an instance that is gone by then', async () => {
    const cluster: FakeCluster = { hosts: [1, 2, 3], tasks: [], pageSize: 2 };
    const whole = fakeEcs(cluster);
    server.reply((response, arrived) => {
      if (arrived.operation === 'DescribeContainerInstances') cluster.hosts = [1, 3];
      whole(response, arrived);
    });
    const survey = await gateway.survey(CLUSTER, [], open());
    expect(survey.instances.map(({ arn }) => arn)).toEqual([instanceArn(1), instanceArn(3)]);
    expect(calls('ListContainerInstances').map(({ status }) => status)).toEqual([undefined, undefined, undefined]);
  });

  it('counts live tasks of others on their instance, and lists only ours', async () => {
    const tasks = [
      { id: 'ours', instance: 1 },
      { id: 'web', instance: 1, group: 'service:web' },
      { id: 'by-hand', instance: 1, group: 'family:tool', lastStatus: 'PENDING', desiredStatus: 'RUNNING' },
      { id: 'going', instance: 1, group: 'service:web', lastStatus: 'STOPPING', desiredStatus: 'STOPPED' },
      { id: 'gone', instance: 1, group: 'service:web', lastStatus: 'STOPPED' },
      { id: 'nowhere', group: 'service:web', lastStatus: 'PROVISIONING', desiredStatus: 'RUNNING' },
    ];
    server.reply(fakeEcs({ hosts: [1, 2], tasks, pageSize: 100 }));
    const survey = await gateway.survey(CLUSTER, [], open());
    expect(survey.instances.map(({ arn, foreignTasks }) => [arn, foreignTasks])).toEqual([
      [instanceArn(1), 3],
      [instanceArn(2), 0],
    ]);
    expect(survey.tasks.map(({ arn }) => arn)).toEqual([taskArn('ours')]);
  });

  it('lists what an environment adopts as ours, but nothing that is in the group of another', async () => {
    const tasks = [
      { id: 'ours', instance: 1 },
      { id: 'web', instance: 1, group: 'service:web', startedBy: 'ecs-svc/1' },
      { id: 'old', instance: 1, group: 'family:old', startedBy: 'v0.3.0' },
      { id: 'other', instance: 1, group: 'daemon:other', startedBy: 'v0.3.0' },
      { id: 'foreign', instance: 1, group: 'service:api', startedBy: 'ecs-svc/2' },
    ];
    server.reply(fakeEcs({ hosts: [1], tasks, pageSize: 100 }));
    const adopt = [
      { kind: 'service', value: 'web' },
      { kind: 'startedBy', value: 'v0.3.0' },
    ] as const;
    const survey = await gateway.survey(CLUSTER, adopt, open());
    expect(survey.tasks.map(({ arn, group }) => [arn, group])).toEqual([
      [taskArn('ours'), 'daemon:logs'],
      [taskArn('web'), 'service:web'],
      [taskArn('old'), 'family:old'],
      [taskArn('other'), 'daemon:other'],
    ]);
    expect(survey.instances.map(({ foreignTasks }) => foreignTasks)).toEqual([1]);
  });

  it('describes 250 of each in threes of at most a hundred', async () => {
    server.reply(fakeEcs({ hosts: range(250), tasks: range(250).map((id) => ({ id, instance: id })), pageSize: 100 }));
    const survey = await gateway.survey(CLUSTER, [], open());
    expect([survey.instances.length, survey.tasks.length]).toEqual([250, 250]);
    expect([calls('DescribeTasks').length, calls('DescribeContainerInstances').length]).toEqual([3, 3]);
  });

  it('describes a stopped task once, and forgets it when it is listed no more', async () => {
    const cluster: FakeCluster = {
      hosts: [],
      tasks: [{ id: 'dead', lastStatus: 'STOPPED' }, { id: 'live' }],
      pageSize: 100,
    };
    server.reply(fakeEcs(cluster));
    const first = await gateway.survey(CLUSTER, [], open());
    const second = await gateway.survey(CLUSTER, [], open());
    expect(second.tasks).toEqual(first.tasks);
    const asked = (): unknown => calls('DescribeTasks').at(-1)?.['tasks'];
    expect(asked()).toEqual([taskArn('live')]);
    cluster.tasks = [{ id: 'live' }];
    expect((await gateway.survey(CLUSTER, [], open())).tasks.map(({ arn }) => arn)).toEqual([taskArn('live')]);
    cluster.tasks = [{ id: 'dead', lastStatus: 'STOPPED' }, { id: 'live' }];
    await gateway.survey(CLUSTER, [], open());
    expect(asked()).toEqual([taskArn('live'), taskArn('dead')]);
  });

  it('is all or nothing', async () => {
    const whole = fakeEcs({ hosts: range(120), tasks: [], pageSize: 100 });
    let described = 0;
    server.reply((response, arrived) => {
      if (arrived.operation === 'DescribeContainerInstances') described += 1;
      if (described === 2) ecsError('AccessDeniedException')(response, arrived);
      else whole(response, arrived);
    });
    await expect(gateway.survey(CLUSTER, [], open())).rejects.toMatchObject({
      fault: { code: 'AccessDeniedException' },
    });
  });

  it('lets a repair read before it', async () => {
    const asked: string[] = [];
    const budget: Budget = {
      take: async (bucket, priority) => {
        asked.push(`${bucket} ${priority}`);
        return 'taken';
      },
      throttled: () => undefined,
    };
    server.reply(fakeEcs({ hosts: [1], tasks: [{ id: 1 }], pageSize: 100 }));
    const counted = gatewayTo(server.url, { budget });
    const { reads } = await counted.survey(CLUSTER, [], open());
    expect(asked).toEqual(Array.from({ length: reads }, () => 'read rollout'));
    await counted.describeTasks(CLUSTER, [taskArn(1)], open());
    expect(asked.at(-1)).toBe('read repair');
    counted.close();
  });
});

describe('a description', () => {
  it('says MISSING for what ECS calls so, and asks for each ARN once', async () => {
    server.reply(fakeEcs({ hosts: [], tasks: [{ id: 1, instance: 4 }], pageSize: 100 }));
    const found = await gateway.describeTasks(CLUSTER, [taskArn(1), taskArn(2), taskArn(1)], open());
    expect([...found.keys()]).toEqual([taskArn(1), taskArn(2)]);
    expect(found.get(taskArn(1))).toMatchObject({
      instance: instanceArn(4),
      lastStatus: 'RUNNING',
      group: 'daemon:logs',
    });
    expect(found.get(taskArn(2))).toBe('MISSING');
    expect(calls('DescribeTasks')).toEqual([{ cluster: CLUSTER, tasks: [taskArn(1), taskArn(2)] }]);
  });

  it('of nothing asks nothing', async () => {
    expect((await gateway.describeTasks(CLUSTER, [], open())).size).toBe(0);
    expect((await gateway.describeInstances(CLUSTER, [], open())).size).toBe(0);
    expect(server.arrived).toHaveLength(0);
  });

  it('never takes another reason, or silence about an ARN, for MISSING', async () => {
    server.reply(answer(200, { tasks: [], failures: [{ arn: taskArn(1), reason: 'THROTTLED', detail: 'later' }] }));
    const ask = (): Promise<unknown> => gateway.describeTasks(CLUSTER, [taskArn(1)], open());
    await expect(ask()).rejects.toEqual(new EcsReadError({ code: 'THROTTLED', message: 'later' }));
    server.reply(answer(200, { tasks: [], failures: [] }));
    await expect(ask()).rejects.toMatchObject({ name: 'EcsReadError', fault: { code: 'IncompleteAnswer' } });
    server.reply(answer(200, { tasks: [{ ...ecsTask({ id: 1 }), lastStatus: undefined }], failures: [] }));
    await expect(ask()).rejects.toMatchObject({ name: 'EcsReadError', fault: { code: 'UnreadableAnswer' } });
  });

  it('of an instance cannot tell whose tasks it has, and says there are some', async () => {
    server.reply(answer(200, { containerInstances: [ecsHost(1)], failures: [] }));
    const found = await gateway.describeInstances(CLUSTER, [instanceArn(1)], open());
    expect(found.get(instanceArn(1))).toMatchObject({ ec2InstanceId: 'i-1', launchType: 'EC2', foreignTasks: 8 });
  });

  it('of hosts tells their attributes, those without a value too, and the version of their agent', async () => {
    const attributes = [
      { name: 'stack', value: 'prod' },
      { name: 'ecs.capability.task-eni' },
      { name: 'empty', value: '' },
    ];
    const hosts = [
      { ...ecsHost(1), attributes, versionInfo: { agentVersion: '1.90.0', agentHash: 'x' } },
      { ...ecsHost(2), attributes: attributes.toReversed() },
      ecsHost(3),
    ];
    server.reply(answer(200, { containerInstances: hosts, failures: [] }));
    const found = await gateway.describeInstances(CLUSTER, [1, 2, 3].map(instanceArn), open());
    const [first, second, third] = [...found.values()].filter((host) => host !== 'MISSING');
    const told = new Map([
      ['stack', 'prod'],
      ['ecs.capability.task-eni', null],
      ['empty', null],
    ]);
    expect(first).toMatchObject({ attributes: told, agentVersion: '1.90.0' });
    // Thousands of hosts have the same ones, in whatever order: they share them.
    expect(second?.attributes).toBe(first?.attributes);
    expect(third).toMatchObject({ attributes: new Map(), agentVersion: null });
  });

  it('of a task tells its health, if it has any', async () => {
    const tasks: readonly FakeTask[] = [
      { id: 1, healthStatus: 'HEALTHY' },
      { id: 2, healthStatus: 'UNHEALTHY' },
      { id: 3 },
    ];
    server.reply(fakeEcs({ hosts: [], tasks, pageSize: 100 }));
    const found = await gateway.describeTasks(CLUSTER, [1, 2, 3].map(taskArn), open());
    expect([...found.values()]).toMatchObject([{ health: 'HEALTHY' }, { health: 'UNHEALTHY' }, { health: 'UNKNOWN' }]);
  });

  it('knows a host outside EC2', async () => {
    const byAttribute = { ...ecsHost(1), attributes: [{ name: 'ecs.capability.external' }] };
    const byId = { ...ecsHost(2), ec2InstanceId: 'mi-2' };
    server.reply(answer(200, { containerInstances: [byAttribute, byId], failures: [] }));
    const found = await gateway.describeInstances(CLUSTER, [instanceArn(1), instanceArn(2)], open());
    expect([...found.values()]).toMatchObject([{ launchType: 'EXTERNAL' }, { launchType: 'EXTERNAL' }]);
  });

  it('tells times by our clock when the clock of ECS is off', async () => {
    const ours = as<Instant>(1_795_000_000_000);
    const theirs = ours - 3_600_000;
    const exact = gatewayTo(server.url, { now: () => ours });
    const reply = (at: number) =>
      answer(
        200,
        { tasks: [ecsTask({ id: 1, createdAt: theirs / 1000 - 60 })], failures: [] },
        { date: new Date(at).toUTCString() },
      );
    server.reply(reply(theirs));
    const task = (await exact.describeTasks(CLUSTER, [taskArn(1)], open())).get(taskArn(1));
    const createdAt = task === undefined || task === 'MISSING' ? null : task.createdAt;
    expect(Math.abs((createdAt ?? 0) - (ours - 60_000))).toBeLessThanOrEqual(1_000);
    exact.close();
  });

  it('is repeated by the SDK, each attempt with a token of its own', async () => {
    let taken = 0;
    const throttled: string[] = [];
    const budget: Budget = {
      take: async () => {
        taken += 1;
        return 'taken';
      },
      throttled: (bucket) => throttled.push(bucket),
    };
    const counted = gatewayTo(server.url, { budget });
    const whole = fakeEcs({ hosts: [], tasks: [{ id: 1 }], pageSize: 100 });
    server.reply((response, arrived) => (server.arrived.length === 1 ? reset : whole)(response, arrived));
    await counted.describeTasks(CLUSTER, [taskArn(1)], open());
    expect([taken, server.arrived.length, throttled]).toEqual([2, 2, []]);
    server.reply((response, arrived) =>
      (server.arrived.length === 3 ? ecsError('ThrottlingException') : whole)(response, arrived),
    );
    await counted.describeTasks(CLUSTER, [taskArn(1)], open());
    expect([taken, server.arrived.length, throttled]).toEqual([4, 4, ['read']]);
    counted.close();
  });

  it('ends with the caller', async () => {
    server.reply(silence);
    const turn = new AbortController();
    const arrival = server.next();
    const asking = gateway.describeTasks(CLUSTER, [taskArn(1)], turn.signal);
    await arrival;
    turn.abort();
    await expect(asking).rejects.toMatchObject({ name: 'EcsReadError', fault: { code: 'Aborted' } });
  });

  it('that has no answer is an error', async () => {
    const lost = gatewayTo(`http://127.0.0.1:${await freePort()}`);
    await expect(lost.describeTasks(CLUSTER, [taskArn(1)], open())).rejects.toMatchObject({
      name: 'EcsReadError',
      fault: { code: 'ECONNREFUSED' },
    });
    lost.close();
    const impatient = gatewayTo(server.url, { readTimeoutMs: 50 });
    server.reply(silence);
    await expect(impatient.describeTasks(CLUSTER, [taskArn(1)], open())).rejects.toBeInstanceOf(EcsReadError);
    expect(server.arrived).toHaveLength(3);
    impatient.close();
  });
});
