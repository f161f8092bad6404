import { describe, expect, it } from 'vitest';

import type { EcsErrorType } from '../../sim/model/answer.ts';
import { driverWith, only } from './ecs-driver.ts';

const ID = 'f'.repeat(32);
const HOSTS_11 = Array.from({ length: 11 }, () => ID);
const IDS_101 = Array.from({ length: 101 }, (_, index) => `${ID}${index}`);
const INVALID = 'InvalidParameterException';
const memberOf = (expression?: string) => ({ placementConstraints: [{ type: 'memberOf', expression }] });

/** What is sent, the code of the error, and a part of its message where reports tell ECS's own wording. */
type Case = readonly [operation: string, body: object, type: EcsErrorType, message?: string];

const RUN = { taskDefinition: 'daemon' };
const START = { taskDefinition: 'daemon', containerInstances: [ID] };

const CASES: readonly Case[] = [
  ...[
    'RunTask',
    'StartTask',
    'StopTask',
    'ListTasks',
    'DescribeTasks',
    'ListContainerInstances',
    'DescribeContainerInstances',
    'DeregisterContainerInstance',
    'DeleteCluster',
  ].map((operation): Case => {
    const body = { ...START, tasks: [ID], task: ID, containerInstance: ID, cluster: 'no' };
    return [operation, body, 'ClusterNotFoundException', 'Cluster not found.'];
  }),
  ['RunTask', { ...RUN, cluster: 'arn:aws:ecs:eu-west-1:123456789012:cluster/default' }, 'ClusterNotFoundException'],
  ['RunTask', { ...RUN, cluster: 'deleted' }, 'ClusterNotFoundException', 'inactive'],
  ['RunTask', { ...RUN, cluster: 'empty' }, INVALID, 'No Container Instances were found in your cluster.'],
  ['RunTask', {}, INVALID],
  ['RunTask', { taskDefinition: 7 }, 'SerializationException'],
  ['RunTask', { taskDefinition: 'no' }, 'ClientException', 'TaskDefinition not found.'],
  ['RunTask', { taskDefinition: 'daemon:9' }, 'ClientException', 'TaskDefinition not found.'],
  ['RunTask', { taskDefinition: 'old:1' }, 'ClientException', 'TaskDefinition is inactive'],
  ['RunTask', { ...RUN, count: 0 }, INVALID],
  ['RunTask', { ...RUN, count: 11 }, INVALID],
  ['RunTask', { ...RUN, count: 'two' }, 'SerializationException'],
  ['RunTask', { ...RUN, clientToken: 'x'.repeat(65) }, INVALID],
  ['RunTask', { ...RUN, clientToken: 'with space' }, INVALID],
  ['RunTask', { ...RUN, clientToken: 'ümlaut' }, INVALID],
  ['RunTask', { ...RUN, startedBy: 'x'.repeat(129) }, INVALID],
  ['RunTask', { ...RUN, startedBy: 'a b' }, INVALID],
  ['RunTask', { ...RUN, group: 'x'.repeat(256) }, INVALID],
  ['RunTask', { ...RUN, launchType: 'EC2', capacityProviderStrategy: [{ capacityProvider: 'x' }] }, INVALID, 'both'],
  ['RunTask', { ...RUN, capacityProviderStrategy: [{ capacityProvider: 'x' }] }, INVALID],
  ['RunTask', { ...RUN, launchType: 'FARGATE' }, 'UnsupportedFeatureException'],
  ['RunTask', { ...RUN, launchType: 'MOON' }, INVALID],
  ['RunTask', { ...RUN, ...memberOf(`ec2InstanceId == ${'x'.repeat(2_000)}`) }, INVALID],
  ['RunTask', { ...RUN, ...memberOf('ec2InstanceId ==') }, INVALID],
  ['RunTask', { ...RUN, ...memberOf() }, INVALID],
  ['RunTask', { ...RUN, placementConstraints: [{ type: 'distinctInstance', expression: 'x exists' }] }, INVALID],
  [
    'RunTask',
    { ...RUN, placementConstraints: Array.from({ length: 11 }, () => ({ type: 'distinctInstance' })) },
    INVALID,
  ],
  [
    'RunTask',
    { taskDefinition: 'bound', placementConstraints: Array.from({ length: 10 }, () => ({ type: 'distinctInstance' })) },
    INVALID,
  ],
  ['RunTask', { ...RUN, tags: Array.from({ length: 51 }, (_, index) => ({ key: `k${index}`, value: '' })) }, INVALID],
  ['RunTask', { ...RUN, overrides: { cpu: 'lots' } }, INVALID],
  ['RunTask', { taskDefinition: 'vpc' }, INVALID, 'Network Configuration must be provided'],
  ['RunTask', { taskDefinition: 'vpc', launchType: 'EXTERNAL', networkConfiguration: {} }, INVALID],
  ['RunTask', { ...RUN, networkConfiguration: {} }, INVALID, 'Network Configuration is not valid'],
  ['StartTask', { ...START, containerInstances: [] }, INVALID],
  ['StartTask', { taskDefinition: 'daemon' }, INVALID],
  ['StartTask', { ...START, containerInstances: HOSTS_11 }, INVALID],
  ['StartTask', { ...START, startedBy: 'x'.repeat(37) }, INVALID],
  ['StartTask', { ...START, taskDefinition: 'vpc' }, INVALID],
  ['StartTask', { ...START, taskDefinition: 'old:1' }, 'ClientException'],
  ['StopTask', { task: ID }, INVALID, 'The referenced task was not found.'],
  ['StopTask', {}, INVALID],
  ['StopTask', { task: ID, reason: 'x'.repeat(1_025) }, INVALID, 'reason'],
  ['DescribeTasks', {}, INVALID, 'Tasks cannot be empty.'],
  ['DescribeTasks', { tasks: [] }, INVALID, 'Tasks cannot be empty.'],
  ['DescribeTasks', { tasks: IDS_101 }, INVALID],
  ['DescribeTasks', { tasks: ID }, 'SerializationException'],
  ['DescribeContainerInstances', { containerInstances: [] }, INVALID, 'Container instances cannot be empty.'],
  ['DescribeContainerInstances', { containerInstances: IDS_101 }, INVALID],
  ['DescribeClusters', { clusters: IDS_101 }, INVALID],
  ['ListTasks', { startedBy: 'x', family: 'y' }, INVALID],
  ['ListTasks', { startedBy: 'x', containerInstance: ID }, INVALID],
  ['ListTasks', { startedBy: 'x', desiredStatus: 'STOPPED' }, INVALID],
  ['ListTasks', { serviceName: 'x' }, 'ServiceNotFoundException'],
  ['ListTasks', { maxResults: 0 }, INVALID],
  ['ListTasks', { maxResults: 101 }, INVALID],
  ['ListTasks', { nextToken: 'junk' }, INVALID],
  ['ListTasks', { desiredStatus: 'GONE' }, INVALID],
  ['ListContainerInstances', { status: 'INACTIVE' }, INVALID],
  ['ListContainerInstances', { filter: 'nonsense == 1' }, INVALID],
  ['ListContainerInstances', { nextToken: 'junk' }, INVALID],
  ['UpdateContainerInstancesState', { containerInstances: [ID], status: 'INACTIVE' }, INVALID],
  ['UpdateContainerInstancesState', { containerInstances: HOSTS_11, status: 'ACTIVE' }, INVALID],
  ['DeregisterContainerInstance', { containerInstance: ID }, INVALID],
  ['RegisterContainerInstance', { instanceIdentityDocument: 'not json' }, INVALID],
  ['RegisterContainerInstance', { cluster: 'no' }, 'ClientException'],
  ['DescribeTaskDefinition', { taskDefinition: 'no' }, 'ClientException', 'Unable to describe task definition.'],
  ['RegisterTaskDefinition', { family: 'f', containerDefinitions: [] }, INVALID],
  ['RegisterTaskDefinition', { family: 'f/f', containerDefinitions: [{ name: 'a', image: 'b', memory: 4 }] }, INVALID],
  ['RegisterTaskDefinition', { family: 'f', containerDefinitions: [{ name: 'a', image: 'b' }] }, 'ClientException'],
  [
    'RegisterTaskDefinition',
    { family: 'f', cpu: 'x', containerDefinitions: [{ name: 'a', image: 'b', memory: 4 }] },
    INVALID,
  ],
  [
    'RegisterTaskDefinition',
    {
      family: 'f',
      containerDefinitions: [{ name: 'a', image: 'b', memory: 4 }],
      placementConstraints: [{ type: 'distinctInstance' }],
    },
    INVALID,
  ],
  ['DeregisterTaskDefinition', { taskDefinition: 'daemon' }, INVALID],
  ['CreateCluster', { clusterName: 'a/b' }, INVALID],
  ['DeleteCluster', { cluster: 'default' }, 'ClusterContainsContainerInstancesException'],
  ['TagResource', { resourceArn: 'nonsense', tags: [] }, INVALID],
  [
    'ListTagsForResource',
    { resourceArn: `arn:aws:ecs:us-east-1:123456789012:task/default/${ID}` },
    'ResourceNotFoundException',
  ],
  ['SubmitTaskStateChange', { task: ID, status: 'RUNNING' }, INVALID],
  ['MakeCoffee', {}, 'UnknownOperationException'],
];

describe('validation', () => {
  it.each(CASES.map(([operation, body, type, message]) => ({ operation, body, type, message })))(
    '$operation $body → $type',
    ({ operation, body, type, message }) => {
      const ecs = driverWith(1);
      ecs.define('old');
      ecs.define('bound', {}, { placementConstraints: [{ type: 'memberOf', expression: 'attribute:x exists' }] });
      ecs.define('vpc', {}, { networkMode: 'awsvpc' });
      ecs.call('DeregisterTaskDefinition', { taskDefinition: 'old:1' });
      for (const clusterName of ['empty', 'deleted']) ecs.call('CreateCluster', { clusterName });
      ecs.call('DeleteCluster', { cluster: 'deleted' });

      const error = ecs.fail(operation, body);
      expect(error).toMatchObject({ type, status: 400 });
      expect(error.message).toContain(message ?? '');
      expect(ecs.model.ledger(ecs.now).tasks).toEqual([]);
      expect(ecs.model.hosts(ecs.now)).toHaveLength(1);
    },
  );

  it('takes what is just within the limits', () => {
    const ecs = driverWith(1);
    const { tasks } = ecs.run({
      count: 10,
      clientToken: '~'.repeat(64),
      startedBy: 'a-Z_/9'.padEnd(128, 'x'),
      group: 'x'.repeat(255),
      placementConstraints: [{ type: 'memberOf', expression: 'ec2InstanceId exists'.padEnd(2_000, ' ') }],
    });
    expect(tasks).toHaveLength(10);
    expect(ecs.call('StartTask', { ...RUN, containerInstances: HOSTS_11.slice(1) }).failures).toHaveLength(10);
    expect(ecs.call('DescribeTasks', { tasks: IDS_101.slice(1) }).failures).toHaveLength(100);
  });

  it('runs an awsvpc task with its network configuration', () => {
    const ecs = driverWith(1);
    ecs.define('vpc', {}, { networkMode: 'awsvpc' });
    const networkConfiguration = { awsvpcConfiguration: { subnets: ['subnet-1'] } };
    expect(ecs.run({ taskDefinition: 'vpc', networkConfiguration }).tasks).toHaveLength(1);
  });
});

describe('clusters, task definitions and tags', () => {
  it('names unknown clusters as MISSING and deleted ones as INACTIVE', () => {
    const ecs = driverWith(1);
    ecs.run();
    ecs.call('CreateCluster', { clusterName: 'gone' });
    ecs.call('DeleteCluster', { cluster: 'gone' });
    const answer = ecs.call('DescribeClusters', { clusters: ['default', 'gone', 'no'] });
    expect(answer['clusters']).toMatchObject([
      { status: 'ACTIVE', registeredContainerInstancesCount: 1, pendingTasksCount: 1, runningTasksCount: 0 },
      { status: 'INACTIVE' },
    ]);
    expect(answer.failures).toEqual([{ arn: 'arn:aws:ecs:us-east-1:123456789012:cluster/no', reason: 'MISSING' }]);
    expect(ecs.call('ListClusters')['clusterArns']).toEqual(['arn:aws:ecs:us-east-1:123456789012:cluster/default']);
  });

  it('counts revisions, resolves a family to its latest active one, and keeps the inactive ones', () => {
    const ecs = driverWith(0);
    ecs.define('daemon');
    ecs.define('daemon');
    const arn = (revision: number) => `arn:aws:ecs:us-east-1:123456789012:task-definition/daemon:${revision}`;
    ecs.call('DeregisterTaskDefinition', { taskDefinition: arn(3) });
    const describe = (taskDefinition: string) =>
      ecs.call('DescribeTaskDefinition', { taskDefinition })['taskDefinition'];
    expect(describe('daemon')).toMatchObject({ taskDefinitionArn: arn(2), revision: 2, status: 'ACTIVE' });
    expect(describe('daemon:3')).toMatchObject({ status: 'INACTIVE', family: 'daemon' });
    expect(ecs.call('ListTaskDefinitions')['taskDefinitionArns']).toEqual([arn(1), arn(2)]);
    expect(ecs.call('ListTaskDefinitions', { sort: 'DESC', maxResults: 1 })['taskDefinitionArns']).toEqual([arn(2)]);
    expect(ecs.call('ListTaskDefinitions', { status: 'INACTIVE' })['taskDefinitionArns']).toEqual([arn(3)]);
    expect(ecs.call('ListTaskDefinitionFamilies', { familyPrefix: 'dae' })['families']).toEqual(['daemon']);
  });

  it('tags and untags', () => {
    const ecs = driverWith(1);
    const { taskArn: resourceArn } = ecs.runOne({ tags: [{ key: 'a', value: '1' }] });
    ecs.call('TagResource', {
      resourceArn,
      tags: [
        { key: 'a', value: '2' },
        { key: 'b', value: '3' },
      ],
    });
    expect(ecs.call('ListTagsForResource', { resourceArn })['tags']).toEqual([
      { key: 'a', value: '2' },
      { key: 'b', value: '3' },
    ]);
    ecs.call('UntagResource', { resourceArn, tagKeys: ['a'] });
    const host = only(ecs.model.hosts(ecs.now)).containerInstanceArn;
    expect(ecs.call('ListTagsForResource', { resourceArn })['tags']).toEqual([{ key: 'b', value: '3' }]);
    expect(ecs.call('ListTagsForResource', { resourceArn: host })['tags']).toEqual([]);
  });
});
