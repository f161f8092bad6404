/** EventBridge's envelopes in, observations or poison out. */
import { describe, expect, test } from 'vitest';
import { parseEvent } from '../../src/intake/ecs-event.ts';

const ARN = 'arn:aws:ecs:eu-west-1:123456789012';
const HOST = `${ARN}:container-instance/prod/0123456789abcdef0123456789abcdef`;
const TASK = `${ARN}:task/prod/fedcba9876543210fedcba9876543210`;

const envelope = (type: string, detail: object): Record<string, unknown> => ({
  version: '0',
  id: '105f6bb1-4da6-c630-4965-35383018cac4',
  'detail-type': type,
  source: 'aws.ecs',
  account: '123456789012',
  time: '2026-01-01T00:00:10Z',
  region: 'eu-west-1',
  resources: [],
  detail,
});
const hostDetail = {
  containerInstanceArn: HOST,
  clusterArn: `${ARN}:cluster/prod`,
  ec2InstanceId: 'i-0abc',
  agentConnected: true,
  status: 'ACTIVE',
  attributes: [{ name: 'ecs.availability-zone', value: 'eu-west-1a' }, { name: 'ecs.capability.task-eni' }],
  registeredAt: '2026-01-01T00:00:09.500Z',
  versionInfo: { agentVersion: '1.90.0', dockerVersion: 'DockerVersion: 25.0.3' },
  remainingResources: [{ name: 'CPU', type: 'INTEGER', integerValue: 1988 }],
  version: 14_801,
};
const taskDetail = {
  taskArn: TASK,
  clusterArn: `${ARN}:cluster/prod`,
  containerInstanceArn: HOST,
  taskDefinitionArn: `${ARN}:task-definition/agent:7`,
  group: 'daemon:logs',
  startedBy: '6a8e4bb8-0000-4000-8000-000000000000',
  launchType: 'EC2',
  lastStatus: 'STOPPED',
  desiredStatus: 'STOPPED',
  createdAt: '2026-01-01T00:00:00.100Z',
  stopCode: 'EssentialContainerExited',
  stoppedReason: 'Essential container in task exited',
  containers: [{ name: 'agent', lastStatus: 'STOPPED', exitCode: 1 }],
  version: 4,
};
const host = (changes: object = {}) => envelope('ECS Container Instance State Change', { ...hostDetail, ...changes });
const task = (changes: object = {}) => envelope('ECS Task State Change', { ...taskDetail, ...changes });
const parse = (event: unknown) => parseEvent(JSON.stringify(event));

test('a host as it was, with its version', () => {
  expect(parse(host())).toEqual({
    kind: 'event',
    event: {
      cluster: `${ARN}:cluster/prod`,
      at: Date.UTC(2026, 0, 1, 0, 0, 10),
      sighting: {
        kind: 'instance',
        instance: {
          arn: HOST,
          ec2InstanceId: 'i-0abc',
          status: 'ACTIVE',
          agentConnected: true,
          launchType: 'EC2',
          registeredAt: Date.UTC(2026, 0, 1, 0, 0, 9, 500),
          version: 14_801,
          attributes: new Map([
            ['ecs.availability-zone', 'eu-west-1a'],
            ['ecs.capability.task-eni', null],
          ]),
          agentVersion: '1.90.0',
          // Not told: a drain must not take it for empty.
          foreignTasks: 1,
        },
      },
    },
  });
});

test('a task as it was, without the moments of a clock that is not ours', () => {
  expect(parse(task())).toMatchObject({
    kind: 'event',
    event: {
      sighting: {
        kind: 'task',
        task: {
          arn: TASK,
          instance: HOST,
          group: 'daemon:logs',
          startedBy: taskDetail.startedBy,
          taskDefinition: taskDetail.taskDefinitionArn,
          lastStatus: 'STOPPED',
          desiredStatus: 'STOPPED',
          createdAt: null,
          stopCode: 'EssentialContainerExited',
          stoppedReason: 'Essential container in task exited',
          version: 4,
        },
      },
    },
  });
});

test('the health of a task, when it is told', () => {
  const health = (changes: object) => {
    const parsed = parse(task(changes));
    return parsed.kind === 'event' && parsed.event.sighting.kind === 'task' ? parsed.event.sighting.task.health : null;
  };
  expect([health({}), health({ healthStatus: 'UNHEALTHY' })]).toEqual(['UNKNOWN', 'UNHEALTHY']);
});

test('a host outside EC2 is told by its id or by its attribute', () => {
  const launchType = (changes: object) => {
    const parsed = parse(host(changes));
    return parsed.kind === 'event' && parsed.event.sighting.kind === 'instance'
      ? parsed.event.sighting.instance.launchType
      : null;
  };
  expect(launchType({ ec2InstanceId: 'mi-0abc' })).toBe('EXTERNAL');
  expect(launchType({ attributes: [{ name: 'ecs.capability.external' }] })).toBe('EXTERNAL');
  expect(launchType({ attributes: undefined, registeredAt: undefined })).toBe('EC2');
});

test('what some tasks do not have may be missing, and what ECS adds is passed over', () => {
  const { containerInstanceArn: _, group: __, startedBy: ___, ...fargate } = taskDetail;
  expect(parse(envelope('ECS Task State Change', { ...fargate, attachments: [{ type: 'eni' }] }))).toMatchObject({
    kind: 'event',
    event: { sighting: { task: { instance: null, group: '', startedBy: null } } },
  });
});

describe('poison', () => {
  test.each<[string, string, string]>([
    ['no JSON', '{half', 'not JSON'],
    ['no object', '"event"', ''],
    ['of another service', JSON.stringify({ ...host(), source: 'aws.ec2' }), 'source'],
    ['of another kind', JSON.stringify(envelope('ECS Service Action', {})), 'detail-type'],
    ['without a version', JSON.stringify(host({ version: undefined })), 'detail.version'],
    ['with a version that is none', JSON.stringify(task({ version: -1 })), 'detail.version'],
    ['without its host', JSON.stringify(host({ containerInstanceArn: undefined })), 'detail.containerInstanceArn'],
    ['without its cluster', JSON.stringify(task({ clusterArn: '' })), 'detail.clusterArn'],
    ['without a status', JSON.stringify(task({ lastStatus: undefined })), 'detail.lastStatus'],
    ['without the state of its agent', JSON.stringify(host({ agentConnected: undefined })), 'detail.agentConnected'],
    ['without a time', JSON.stringify({ ...task(), time: 'today' }), 'time'],
  ])('%s', (_, body, names) => {
    const parsed = parseEvent(body);
    expect(parsed.kind).toBe('poison');
    expect(parsed.kind === 'poison' ? parsed.fault : '').toContain(names);
  });
});
