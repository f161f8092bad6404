import { describe, expect, it } from 'vitest';

import { driverWith, only, pin, type EcsDriver } from './ecs-driver.ts';

const HOUR_MS = 3_600_000;

function register(ecs: EcsDriver, body: object = {}) {
  const { containerInstance } = ecs.call('RegisterContainerInstance', body);
  if (containerInstance === undefined) throw new Error('no container instance');
  return containerInstance;
}

describe('a host', () => {
  it('joins through the public API and gets tasks', () => {
    const ecs = driverWith(0);
    const host = register(ecs, {
      instanceIdentityDocument: JSON.stringify({ instanceId: 'i-0123456789abcdef0', region: 'us-east-1' }),
      totalResources: [
        { name: 'CPU', type: 'INTEGER', integerValue: 128 },
        { name: 'MEMORY', type: 'INTEGER', integerValue: 256 },
      ],
      attributes: [{ name: 'stack', value: 'prod' }],
    });
    expect(host).toMatchObject({ ec2InstanceId: 'i-0123456789abcdef0', status: 'ACTIVE', agentConnected: true });
    expect(host.containerInstanceArn).toMatch(
      /^arn:aws:ecs:us-east-1:123456789012:container-instance\/default\/[0-9a-f]{32}$/,
    );
    const constraint = { type: 'memberOf', expression: 'attribute:stack == prod' };
    const { tasks, failures } = ecs.run({ count: 3, placementConstraints: [constraint] });
    expect(tasks).toHaveLength(2);
    expect(failures).toEqual([{ arn: host.containerInstanceArn, reason: 'RESOURCE:CPU' }]);
  });

  it('that registers anew gets a new ARN, and its old registration loses its agent', () => {
    const ecs = driverWith(1);
    const old = only(ecs.model.hosts(ecs.now));
    const fresh = register(ecs, { instanceIdentityDocument: JSON.stringify({ instanceId: old.ec2InstanceId }) });
    expect(fresh.ec2InstanceId).toBe(old.ec2InstanceId);
    expect(fresh.containerInstanceArn).not.toBe(old.containerInstanceArn);
    expect(ecs.instance(old.containerInstanceArn)).toMatchObject({ status: 'ACTIVE', agentConnected: false });
    expect(ecs.runOne(pin(old.ec2InstanceId)).containerInstanceArn).toBe(fresh.containerInstanceArn);
  });

  it('that registers with its ARN keeps it and is connected again', () => {
    const ecs = driverWith(1);
    const { containerInstanceArn } = only(ecs.model.hosts(ecs.now));
    ecs.model.setAgentConnected(ecs.now, containerInstanceArn, false);
    const again = register(ecs, { containerInstanceArn });
    expect(again).toMatchObject({ containerInstanceArn, agentConnected: true });
    expect(ecs.model.hosts(ecs.now)).toHaveLength(1);
  });

  it('counts up its version with each change', () => {
    const ecs = driverWith(1);
    const { containerInstanceArn } = only(ecs.model.hosts(ecs.now));
    const versions = [ecs.instance(containerInstanceArn).version];
    const note = () => versions.push(ecs.instance(containerInstanceArn).version);
    const { taskArn } = ecs.runOne();
    note();
    ecs.call('StopTask', { task: taskArn });
    note();
    ecs.call('UpdateContainerInstancesState', { containerInstances: [containerInstanceArn], status: 'DRAINING' });
    note();
    ecs.model.setAgentConnected(ecs.now, containerInstanceArn, false);
    note();
    expect(versions).toEqual([1, 2, 3, 4, 5]);
  });

  it('with tasks is deregistered only by force, and its tasks end with it', () => {
    const ecs = driverWith(1);
    const { taskArn, containerInstanceArn = '' } = ecs.runOne();
    const request = { containerInstance: containerInstanceArn };
    expect(ecs.fail('DeregisterContainerInstance', request).type).toBe('InvalidParameterException');
    expect(ecs.task(taskArn).desiredStatus).toBe('RUNNING');
    expect(ecs.call('DeregisterContainerInstance', { ...request, force: true }).containerInstance?.status).toBe(
      'INACTIVE',
    );
    expect(ecs.task(taskArn).lastStatus).toBe('STOPPED');
  });

  it('is described as INACTIVE for a while after its deregistration, then as MISSING', () => {
    const ecs = driverWith(1);
    const { containerInstanceArn } = only(ecs.model.hosts(ecs.now));
    ecs.model.removeHost(ecs.now, containerInstanceArn);
    ecs.wait(HOUR_MS - 1);
    expect(ecs.instance(containerInstanceArn)).toMatchObject({ status: 'INACTIVE', agentConnected: false });
    ecs.wait(1);
    const request = { containerInstances: [containerInstanceArn] };
    expect(ecs.call('DescribeContainerInstances', request).failures).toEqual([
      { arn: containerInstanceArn, reason: 'MISSING' },
    ]);
  });

  it('goes from ACTIVE to DRAINING and back; unknown and deregistered ones are failures', () => {
    const ecs = driverWith(2);
    const [one = '', gone = ''] = ecs.model.hosts(ecs.now).map((host) => host.containerInstanceArn);
    ecs.model.removeHost(ecs.now, gone);
    const answer = ecs.call('UpdateContainerInstancesState', {
      containerInstances: [one, gone, 'f'.repeat(32)],
      status: 'DRAINING',
    });
    expect(answer.containerInstances.map((host) => host.status)).toEqual(['DRAINING']);
    expect(answer.failures.map((failure) => failure.reason)).toEqual(['INACTIVE', 'MISSING']);
    ecs.call('UpdateContainerInstancesState', { containerInstances: [one], status: 'ACTIVE' });
    expect(ecs.run().tasks).toHaveLength(1);
  });

  it('counts running tasks by the desired status', () => {
    const ecs = driverWith(1);
    const { taskArn, containerInstanceArn = '' } = ecs.runOne();
    expect(ecs.instance(containerInstanceArn)).toMatchObject({ runningTasksCount: 1, pendingTasksCount: 1 });
    ecs.wait(1_000);
    expect(ecs.instance(containerInstanceArn)).toMatchObject({ runningTasksCount: 1, pendingTasksCount: 0 });
    ecs.call('StopTask', { task: taskArn });
    expect(ecs.instance(containerInstanceArn).runningTasksCount).toBe(0);
  });

  it('shows free CPU and memory, but taken ports', () => {
    const ecs = driverWith(1);
    ecs.define('web', { portMappings: [{ containerPort: 80, hostPort: 8_080 }] });
    const { containerInstanceArn = '' } = ecs.runOne({ taskDefinition: 'web' });
    expect(ecs.instance(containerInstanceArn).remainingResources).toMatchObject([
      { name: 'CPU', integerValue: 4_096 - 64 },
      { name: 'MEMORY', integerValue: 15_360 - 64 },
      { name: 'PORTS', stringSetValue: ['22', '2375', '2376', '51678', '51679', '8080'] },
      { name: 'PORTS_UDP', stringSetValue: [] },
    ]);
  });
});

describe('attributes', () => {
  it('are put, listed and deleted, and constrain placement', () => {
    const ecs = driverWith(2);
    const [host, other] = ecs.model.hosts(ecs.now).map((each) => each.containerInstanceArn);
    const attribute = { name: 'stack', value: 'prod', targetId: host };
    ecs.call('PutAttributes', { attributes: [attribute] });
    const list = () =>
      ecs.call('ListAttributes', { targetType: 'container-instance', attributeName: 'stack' })['attributes'];
    expect(list()).toEqual([{ name: 'stack', value: 'prod', targetType: 'container-instance', targetId: host }]);
    const constraint = { type: 'memberOf', expression: 'attribute:stack == prod' };
    expect(ecs.runOne({ placementConstraints: [constraint] }).containerInstanceArn).toBe(host);
    ecs.call('DeleteAttributes', { attributes: [{ name: 'stack', value: 'test', targetId: host }] });
    expect(list()).toHaveLength(1);
    ecs.call('DeleteAttributes', { attributes: [attribute] });
    expect(list()).toEqual([]);
    expect(ecs.fail('PutAttributes', { attributes: [{ ...attribute, targetId: 'x' }] }).type).toBe(
      'TargetNotFoundException',
    );
    expect(other).toBeDefined();
  });

  it('are at most ten custom ones on a host, and a refused call puts none', () => {
    const ecs = driverWith(1);
    const targetId = only(ecs.model.hosts(ecs.now)).containerInstanceArn;
    const named = (name: string) => ({ name, value: 'x', targetId });
    ecs.call('PutAttributes', { attributes: Array.from({ length: 10 }, (_, index) => named(`a${index}`)) });
    ecs.call('PutAttributes', { attributes: [named('a0'), named('ecs.own')] });
    expect(ecs.fail('PutAttributes', { attributes: [named('a1'), named('b')] }).type).toBe(
      'AttributeLimitExceededException',
    );
    const request = { targetType: 'container-instance', attributeName: 'b' };
    expect(ecs.call('ListAttributes', request)['attributes']).toEqual([]);
  });
});
