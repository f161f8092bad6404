/** Listings by the old cluster-state-service, with ECS's own word on every task. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { CssListing } from '../../src/css/css-listing.ts';
import type { Task } from '../../src/domain/facts.ts';
import { as, type ClusterArn, type TaskArn } from '../../src/domain/ids.ts';
import { EcsReadError } from '../../src/ecs/gateway.ts';
import { host, machine, stopped, task, taskArn } from '../planner/fixtures.ts';

const CLUSTER = as<ClusterArn>('arn:aws:ecs:eu-west-1:123456789012:cluster/prod');
const NEVER = new AbortController().signal;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const hostEntity = (n: number, changes: object = {}): object => ({
  metadata: { entityVersion: '12' },
  entity: {
    EC2InstanceID: machine(n),
    containerInstanceARN: host(n),
    clusterARN: CLUSTER,
    agentConnected: true,
    status: 'ACTIVE',
    attributes: [
      { name: 'ecs.os-type', value: 'linux' },
      { name: 'ecs.capability.task-eni', value: '' },
    ],
    versionInfo: { agentVersion: '1.13.1' },
    ...changes,
  },
});
const taskEntity = (n: number, changes: object = {}): object => ({
  entity: {
    taskARN: taskArn(n),
    taskDefinitionARN: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/agent:1',
    containerInstanceARN: host(n),
    clusterARN: CLUSTER,
    startedBy: 'somebody',
    lastStatus: 'RUNNING',
    desiredStatus: 'RUNNING',
    ...changes,
  },
});

interface Css {
  readonly instances: unknown;
  readonly tasks: unknown;
  readonly status?: number;
}

async function listing(css: Css, known: readonly Task[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const body = request.url?.startsWith('/v1/instances?') === true ? css.instances : css.tasks;
    response.writeHead(css.status ?? 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const described: (readonly TaskArn[])[] = [];
  const subject = new CssListing({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ecs: {
      describeTasks: async (_, arns, __, priority) => {
        expect(priority).toBe('rollout');
        described.push(arns);
        const byArn = new Map(known.map((one) => [one.arn, one]));
        return new Map(arns.map((arn) => [arn, byArn.get(arn) ?? ('MISSING' as const)]));
      },
    },
  });
  return { subject, asked, described };
}

test('hosts are as it shows them, tasks as ECS describes them; foreign ones are counted', async () => {
  const foreign = task(3, { group: 'service:web', instance: host(1) });
  const { subject, asked } = await listing(
    {
      instances: { items: [hostEntity(1), hostEntity(2, { status: 'DRAINING', agentConnected: false })] },
      // It is behind: ECS knows that the second one has stopped, and nothing of the fourth.
      tasks: { items: [taskEntity(1), taskEntity(2), taskEntity(3), taskEntity(4)] },
    },
    [task(1), stopped(2), foreign],
  );
  const survey = await subject.survey(CLUSTER, [], NEVER);
  expect(survey.instances).toEqual([
    expect.objectContaining({
      arn: host(1),
      ec2InstanceId: machine(1),
      launchType: 'EC2',
      foreignTasks: 1,
      version: 0,
      attributes: new Map([
        ['ecs.os-type', 'linux'],
        ['ecs.capability.task-eni', null],
      ]),
      agentVersion: '1.13.1',
    }),
    expect.objectContaining({ arn: host(2), status: 'DRAINING', agentConnected: false, foreignTasks: 0 }),
  ]);
  expect(survey.tasks).toEqual([task(1), stopped(2)]);
  expect(survey.reads).toBe(1);
  const query = `?cluster=${encodeURIComponent(CLUSTER)}`;
  expect(asked).toEqual([`/v1/tasks${query}`, `/v1/instances${query}`]);
});

test('what an environment adopts is ours, and not foreign', async () => {
  const adopted = task(3, { group: 'service:web', instance: host(1) });
  const { subject } = await listing(
    { instances: { items: [hostEntity(1)] }, tasks: { items: [taskEntity(1), taskEntity(3)] } },
    [task(1), adopted],
  );
  const survey = await subject.survey(CLUSTER, [{ kind: 'service', value: 'web' }], NEVER);
  expect(survey.tasks).toEqual([task(1), adopted]);
  expect(survey.instances).toMatchObject([{ foreignTasks: 0 }]);
});

test('an old one that tells no version of the agent, and no attributes', async () => {
  const items = [hostEntity(1, { versionInfo: undefined, attributes: undefined }), hostEntity(2, { versionInfo: {} })];
  const { subject } = await listing({ instances: { items }, tasks: { items: [] } }, []);
  const { instances } = await subject.survey(CLUSTER, [], NEVER);
  expect(instances).toMatchObject([{ agentVersion: null, attributes: new Map() }, { agentVersion: null }]);
});

test('a task seen stopped is not described again', async () => {
  const { subject, described } = await listing(
    { instances: { items: [hostEntity(1)] }, tasks: { items: [taskEntity(1), taskEntity(2)] } },
    [task(1), stopped(2)],
  );
  await subject.survey(CLUSTER, [], NEVER);
  expect((await subject.survey(CLUSTER, [], NEVER)).tasks).toEqual([task(1), stopped(2)]);
  expect(described).toEqual([[taskArn(1), taskArn(2)], [taskArn(1)]]);
});

test('C1: what it calls INACTIVE is not listed, nor what is of another cluster', async () => {
  const elsewhere = { clusterARN: 'arn:aws:ecs:eu-west-1:123456789012:cluster/test' };
  const { subject } = await listing(
    {
      instances: { items: [hostEntity(1, { status: 'INACTIVE' }), hostEntity(2, elsewhere), hostEntity(3)] },
      tasks: { items: [taskEntity(2, elsewhere)] },
    },
    [task(2)],
  );
  const { instances, tasks } = await subject.survey(CLUSTER, [], NEVER);
  expect(instances.map(({ arn }) => arn)).toEqual([host(3)]);
  expect(tasks).toEqual([]);
});

test('a host outside EC2 is told by its id or by its attribute', async () => {
  const external = { attributes: [{ name: 'ecs.capability.external' }] };
  const items = [
    hostEntity(1, { EC2InstanceID: 'mi-1' }),
    hostEntity(2, external),
    hostEntity(3, { attributes: null }),
  ];
  const { subject } = await listing({ instances: { items }, tasks: { items: [] } }, []);
  const { instances } = await subject.survey(CLUSTER, [], NEVER);
  expect(instances.map(({ launchType }) => launchType)).toEqual(['EXTERNAL', 'EXTERNAL', 'EC2']);
});

test.each<[string, Css]>([
  ['an error', { instances: { items: [] }, tasks: { items: [] }, status: 500 }],
  ['a host without a status', { instances: { items: [hostEntity(1, { status: undefined })] }, tasks: { items: [] } }],
  ['no list', { instances: { items: [] }, tasks: {} }],
])('C3: %s fails the survey', async (_, css) => {
  const { subject } = await listing(css, []);
  await expect(subject.survey(CLUSTER, [], NEVER)).rejects.toThrow(EcsReadError);
});

test('so does a service that is away', async () => {
  const subject = new CssListing({ host: '127.0.0.1', port: 1, ecs: { describeTasks: async () => new Map() } });
  await expect(subject.survey(CLUSTER, [], NEVER)).rejects.toThrow(/ClusterStateService: http:\/\/127\.0\.0\.1:1/);
});
