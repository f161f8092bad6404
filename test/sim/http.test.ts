import {
  CreateClusterCommand,
  DescribeContainerInstancesCommand,
  DescribeTasksCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RegisterContainerInstanceCommand,
  RunTaskCommand,
  StopTaskCommand,
  type RunTaskCommandInput,
} from '@aws-sdk/client-ecs';
import { afterEach, describe, expect, it } from 'vitest';

import type { SimulatorOptions } from '../../sim/options.ts';
import { startUnderTest, until, type SimulatorUnderTest } from './sim-client.ts';

const RUN: RunTaskCommandInput = { taskDefinition: 'daemon', launchType: 'EC2', clientToken: 'a' };

let open: SimulatorUnderTest | undefined;

async function start(options: Partial<SimulatorOptions> = {}): Promise<SimulatorUnderTest> {
  open = await startUnderTest({ hosts: 3, ...options });
  return open;
}

afterEach(async () => {
  await open?.close();
  open = undefined;
});

describe('the ECS API over HTTP', () => {
  it('serves the SDK: run, watch and stop a task', async () => {
    const { ecs } = await start();
    const run = await ecs.send(new RunTaskCommand({ ...RUN, count: 2 }));
    expect(run.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    const tasks = run.tasks?.map((task) => task.taskArn ?? '') ?? [];
    expect((await ecs.send(new ListTasksCommand({}))).taskArns).toEqual(tasks);
    const running = await until('RUNNING', async () => {
      const { tasks: described = [] } = await ecs.send(new DescribeTasksCommand({ tasks }));
      return described.every((task) => task.lastStatus === 'RUNNING') ? described : null;
    });
    expect(running[0]?.startedAt).toBeInstanceOf(Date);
    expect(Number(running[0]?.startedAt) - Number(running[0]?.createdAt)).toBe(5);
    const [task] = tasks;
    await ecs.send(new StopTaskCommand({ task, reason: 'test' }));
    const stopped = await until('STOPPED', async () => {
      const { tasks: described = [] } = await ecs.send(new DescribeTasksCommand({ tasks: tasks.slice(0, 1) }));
      return described.find((each) => each.lastStatus === 'STOPPED') ?? null;
    });
    expect(stopped).toMatchObject({ stopCode: 'UserInitiated', stoppedReason: 'test', desiredStatus: 'STOPPED' });
  });

  it('gives errors that the SDK understands', async () => {
    const { ecs } = await start();
    await ecs.send(new RunTaskCommand(RUN));
    await expect(ecs.send(new RunTaskCommand({ ...RUN, cluster: 'no' }))).rejects.toMatchObject({
      name: 'ClusterNotFoundException',
      message: 'Cluster not found.',
      $metadata: { httpStatusCode: 400 },
    });
    await expect(ecs.send(new RunTaskCommand({ ...RUN, group: 'other' }))).rejects.toMatchObject({
      name: 'ConflictException',
      resourceIds: [expect.stringMatching(/^arn:aws:ecs:us-east-1:123456789012:task\/default\//)],
    });
  });

  it('lets a host join through the public API', async () => {
    const { ecs } = await start();
    const instanceIdentityDocument = JSON.stringify({ instanceId: 'i-0123456789abcdef0' });
    const joined = await ecs.send(new RegisterContainerInstanceCommand({ instanceIdentityDocument }));
    const containerInstance = joined.containerInstance?.containerInstanceArn ?? '';
    const listed = await ecs.send(new ListContainerInstancesCommand({}));
    expect(listed.containerInstanceArns).toContain(containerInstance);
    const described = await ecs.send(
      new DescribeContainerInstancesCommand({ containerInstances: [containerInstance] }),
    );
    expect(described.containerInstances?.[0]?.ec2InstanceId).toBe('i-0123456789abcdef0');
  });

  it('speaks AWS JSON 1.1', async () => {
    const { sim } = await start();
    const post = (target: string, body: string) =>
      fetch(sim.url, {
        method: 'POST',
        body,
        headers: { 'X-Amz-Target': `AmazonEC2ContainerServiceV20141113.${target}` },
      });
    const good = await post('ListClusters', '');
    expect(good.status).toBe(200);
    expect(good.headers.get('content-type')).toBe('application/x-amz-json-1.1');
    expect(good.headers.get('x-amzn-requestid')).not.toBeNull();
    expect(good.headers.get('date')).not.toBeNull();
    for (const [target, body, type] of [
      ['ListClusters', '{', 'SerializationException'],
      ['ListClusters', '[]', 'SerializationException'],
      ['MakeCoffee', '{}', 'UnknownOperationException'],
      ['ListTasks', '{"maxResults":0}', 'InvalidParameterException'],
    ] as const) {
      const bad = await post(target, body);
      expect(bad.status).toBe(400);
      expect(await bad.json()).toMatchObject({ __type: type, message: expect.any(String) });
    }
    expect((await post('ListClusters', JSON.stringify({ x: 'x'.repeat(1_100_000) }))).status).toBe(413);
    for (const path of ['/nowhere', '//', '/_sim']) expect((await fetch(`${sim.url}${path}`)).status).toBe(404);
  });

  it('throttles', async () => {
    const { ecs } = await start({ throttling: true });
    const calls = Array.from({ length: 40 }, () => ecs.send(new CreateClusterCommand({})));
    const results = await Promise.allSettled(calls);
    const refused = results.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);
    expect(refused[0]).toMatchObject({
      name: 'ThrottlingException',
      message: 'Rate exceeded',
      $metadata: { httpStatusCode: 400 },
    });
  });
});

describe('faults', () => {
  it('drops the reply after the commit: the call fails, the task exists, and a replay finds it', async () => {
    const { ecs, admin } = await start();
    await admin('POST', '/faults', { operation: 'RunTask', kind: 'drop-reply-after-commit', times: 1 });
    await expect(ecs.send(new RunTaskCommand(RUN))).rejects.toMatchObject({ code: 'ECONNRESET' });
    const replay = await ecs.send(new RunTaskCommand(RUN));
    expect(replay.tasks).toHaveLength(1);
    expect((await admin('GET', '/ledger')).body).toMatchObject({
      tokenReplays: 1,
      tasks: [{ taskArn: replay.tasks?.[0]?.taskArn }],
      operations: { RunTask: { calls: 2 } },
    });
  });

  it('truncates the reply after the commit', async () => {
    const { ecs, admin } = await start();
    await admin('POST', '/faults', { operation: 'RunTask', kind: 'truncate-reply-after-commit', times: 1 });
    await expect(ecs.send(new RunTaskCommand(RUN))).rejects.toThrow();
    expect((await admin('GET', '/ledger')).body).toMatchObject({ tasks: [{}] });
  });

  it.each([
    ['before-commit', 0],
    ['after-commit', 1],
  ])('answers 500 %s', async (when, tasks) => {
    const { ecs, admin } = await start();
    await admin('POST', '/faults', { operation: 'RunTask', kind: 'error-500', when, times: 1 });
    await expect(ecs.send(new RunTaskCommand(RUN))).rejects.toMatchObject({
      name: 'ServerException',
      $metadata: { httpStatusCode: 500 },
    });
    expect((await ecs.send(new ListTasksCommand({}))).taskArns).toHaveLength(tasks);
  });

  it.each([
    ['hang', 'before-commit', 0],
    ['hang', 'after-commit', 1],
    ['delay', 'before-commit', 0],
    ['delay', 'after-commit', 1],
  ])('%s %s keeps the caller waiting', async (kind, when, tasks) => {
    const { ecs, admin } = await start();
    const fault = { operation: 'RunTask', kind, when, ...(kind === 'delay' ? { ms: 60_000 } : {}) };
    await admin('POST', '/faults', fault);
    const giveUp = new AbortController();
    const call = ecs.send(new RunTaskCommand(RUN), { abortSignal: giveUp.signal });
    const settled = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await until('the fault', async () => {
      const { body } = await admin('GET', '/faults');
      return JSON.stringify(body).includes('"fired":1') ? body : null;
    });
    expect((await ecs.send(new ListTasksCommand({}))).taskArns).toHaveLength(tasks);
    giveUp.abort();
    await settled;
  });

  it('answers late, but answers', async () => {
    const { ecs, admin } = await start();
    await admin('POST', '/faults', { operation: '*', kind: 'delay', ms: 20 });
    expect((await ecs.send(new RunTaskCommand(RUN))).tasks).toHaveLength(1);
  });

  it('throttles, lags, counts what fired, and is cleared', async () => {
    const { ecs, admin } = await start();
    await ecs.send(new RunTaskCommand(RUN));
    const set = await admin('POST', '/faults', [
      { operation: 'RunTask', kind: 'throttle', times: 2 },
      { operation: 'ListTasks', kind: 'list-lag', ms: 60_000 },
    ]);
    expect(set.body).toMatchObject({
      faults: [
        { id: 1, fired: 0 },
        { id: 2, fired: 0, times: null },
      ],
    });
    for (const _time of [1, 2]) {
      await expect(ecs.send(new RunTaskCommand(RUN))).rejects.toMatchObject({ name: 'ThrottlingException' });
    }
    await ecs.send(new RunTaskCommand(RUN));
    expect((await ecs.send(new ListTasksCommand({}))).taskArns).toEqual([]);
    expect((await admin('GET', '/faults')).body).toMatchObject({ faults: [{ fired: 2 }, { fired: 1 }] });
    await admin('DELETE', '/faults');
    expect((await ecs.send(new ListTasksCommand({}))).taskArns).toHaveLength(1);
    expect((await admin('GET', '/faults')).body).toEqual({ faults: [] });
  });
});

describe('the admin side', () => {
  it('adds, cuts off and removes hosts', async () => {
    const { ecs, admin } = await start({ hosts: 0 });
    const added = await admin('POST', '/hosts', { count: 2, cluster: 'new', attributes: { a: 'b' }, external: true });
    expect(added).toMatchObject({
      status: 200,
      body: { hosts: [{ cluster: 'new', attributes: { a: 'b' } }, { agentConnected: true }] },
    });
    const [arn = '', other = ''] =
      (await ecs.send(new ListContainerInstancesCommand({ cluster: 'new' }))).containerInstanceArns ?? [];
    const described = await ecs.send(
      new DescribeContainerInstancesCommand({ cluster: 'new', containerInstances: [other] }),
    );
    const machine = described.containerInstances?.[0]?.ec2InstanceId ?? '';
    for (const id of [encodeURIComponent(arn), arn.slice(-32)]) {
      expect((await admin('POST', `/hosts/${id}/agent`, { connected: false })).status).toBe(200);
    }
    expect((await admin('DELETE', `/hosts/${machine}`)).status).toBe(200);
    expect((await admin('DELETE', `/hosts/${machine}`)).status).toBe(404);
    expect((await admin('GET', '/hosts?cluster=new')).body).toMatchObject({
      hosts: [{ containerInstanceArn: arn, agentConnected: false }],
    });
    expect((await admin('GET', '/hosts?cluster=default')).body).toEqual({ hosts: [] });
  });

  it('lets a task exit once', async () => {
    const { ecs, admin } = await start();
    const { tasks: [task] = [] } = await ecs.send(new RunTaskCommand(RUN));
    const path = `/tasks/${encodeURIComponent(task?.taskArn ?? '')}/exit`;
    expect((await admin('POST', path, { exitCode: 4, reason: 'boom' })).status).toBe(200);
    const stopped = await until('STOPPED', async () => {
      const { body } = await admin('GET', '/ledger');
      return JSON.stringify(body).includes('"lastStatus":"STOPPED"') ? body : null;
    });
    expect(stopped).toMatchObject({ tasks: [{ stoppedReason: 'boom', stopCode: 'EssentialContainerExited' }] });
    expect((await admin('POST', path)).status).toBe(400);
    expect((await admin('POST', '/tasks/none/exit')).status).toBe(404);
  });

  it('switches the buckets and tells its health', async () => {
    const { ecs, admin } = await start({ throttling: true });
    expect((await admin('POST', '/buckets', { enabled: false })).body).toEqual({ enabled: false });
    await Promise.all(Array.from({ length: 40 }, () => ecs.send(new CreateClusterCommand({}))));
    expect(await admin('GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it.each([
    ['/hosts', { count: 0 }, 'count: '],
    ['/hosts', { count: 20_001 }, 'count: '],
    ['/hosts', { cluster: 'a/b' }, 'cluster: '],
    ['/hosts', { conut: 3 }, 'conut'],
    ['/hosts/x/agent', {}, 'connected: '],
    ['/tasks/x/exit', { exitCode: 'x' }, 'exitCode: '],
    ['/buckets', { enabled: 'yes' }, 'enabled: '],
    ['/faults', { operation: 'Nothing', kind: 'throttle' }, 'operation: '],
    ['/faults', { operation: 'RunTask', kind: 'explode' }, 'kind: '],
    ['/faults', { operation: 'RunTask', kind: 'delay' }, 'ms: '],
    ['/faults', { operation: 'RunTask', kind: 'throttle', times: 0 }, 'times: '],
    ['/faults', [{ operation: 'RunTask', kind: 'delay' }], 'ms: '],
    ['/faults', [], ''],
  ])('refuses bad input: POST %s %j', async (path, body, problem) => {
    const { admin } = await start();
    const answer = await admin('POST', path, body);
    expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(problem) } });
    expect((await admin('GET', '/hosts')).body).toMatchObject({ hosts: { length: 3 } });
    expect((await admin('GET', '/faults')).body).toEqual({ faults: [] });
  });
});
