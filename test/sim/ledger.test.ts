import { describe, expect, it } from 'vitest';

import { driverWith, only } from './ecs-driver.ts';

describe('the ledger', () => {
  it('keeps the greatest number of live tasks, of each host and group and of all, for ever', () => {
    const ecs = driverWith(1, { taskStopMs: 300 });
    const [first, second] = ecs.run({ count: 2, group: 'a' }).tasks;
    ecs.run({ group: 'b' });
    for (const task of [first, second]) ecs.call('StopTask', { task: task?.taskArn });
    ecs.wait(299);
    const counts = () =>
      ecs.model.ledger(ecs.now).hostsAndGroups.map(({ group, live, maxLive }) => [group, live, maxLive]);
    expect(counts()).toEqual([
      ['a', 2, 2],
      ['b', 1, 1],
    ]);
    ecs.wait(1);
    ecs.run({ group: 'a' });
    expect(counts()).toEqual([
      ['a', 1, 2],
      ['b', 1, 1],
    ]);
    expect(ecs.model.ledger(ecs.now).maxLivePerHostAndGroup).toBe(2);
    expect(ecs.model.mostLive).toBe(2);
  });

  it('tells which tasks live, of a cluster and by ARN', () => {
    const ecs = driverWith(2, { taskStopMs: 300 });
    const { taskArn, containerInstanceArn } = ecs.runOne({ group: 'a', startedBy: 'me' });
    const live = { taskArn, containerInstanceArn, group: 'a', startedBy: 'me', lastStatus: 'PENDING' };
    expect(ecs.model.liveTasks(ecs.now, 'default')).toMatchObject([live]);
    expect(ecs.model.liveTasks(ecs.now, 'other')).toEqual([]);
    ecs.call('StopTask', { task: taskArn });
    ecs.wait(299);
    expect(ecs.model.liveTask(ecs.now, taskArn)).toMatchObject({ desiredStatus: 'STOPPED' });
    ecs.wait(1);
    expect(ecs.model.liveTask(ecs.now, taskArn)).toBeNull();
    expect(ecs.model.liveTasks(ecs.now, 'default')).toEqual([]);
  });

  it('counts a machine that registered anew as another host', () => {
    const ecs = driverWith(1);
    const { ec2InstanceId } = only(ecs.model.hosts(ecs.now));
    ecs.run({ group: 'a' });
    ecs.call('RegisterContainerInstance', { instanceIdentityDocument: JSON.stringify({ instanceId: ec2InstanceId }) });
    ecs.run({ group: 'a' });
    const { hostsAndGroups, maxLivePerHostAndGroup } = ecs.model.ledger(ecs.now);
    expect(hostsAndGroups.map((entry) => entry.ec2InstanceId)).toEqual([ec2InstanceId, ec2InstanceId]);
    expect(maxLivePerHostAndGroup).toBe(1);
  });

  it('counts calls, errors and throttled calls of each operation', () => {
    const ecs = driverWith(1);
    ecs.run();
    ecs.fail('RunTask', { taskDefinition: 'no' });
    ecs.model.apply(ecs.now, { operation: 'RunTask', body: {} }, { kind: 'throttle' });
    expect(ecs.model.ledger(ecs.now).operations).toEqual({
      RegisterTaskDefinition: { calls: 1, errors: 0, throttled: 0 },
      RunTask: { calls: 3, errors: 1, throttled: 1 },
    });
  });
});
