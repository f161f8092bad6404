import { describe, expect, it } from 'vitest';

import { driverWith, EcsDriver, only, pin } from './ecs-driver.ts';

const DISTINCT = { placementConstraints: [{ type: 'distinctInstance' }] };
const REFUSED = 'DistinctInstance placement constraint unsatisfied';

function hostOf(ecs: EcsDriver, index: number) {
  const host = ecs.model.hosts(ecs.now)[index];
  if (host === undefined) throw new Error(`no host ${index}`);
  return host;
}

describe('placement of RunTask', () => {
  it('places on the hosts that memberOf names, one task each with distinctInstance', () => {
    const ecs = driverWith(5);
    const wanted = [hostOf(ecs, 1), hostOf(ecs, 3)];
    const { tasks, failures } = ecs.run({ count: 2, ...pin(...wanted.map((host) => host.ec2InstanceId)) });
    expect(failures).toEqual([]);
    expect(new Set(tasks.map((task) => task.containerInstanceArn))).toEqual(
      new Set(wanted.map((host) => host.containerInstanceArn)),
    );
  });

  it('never puts two tasks of one call on one host with distinctInstance, in any mode', () => {
    for (const distinctInstance of ['off', 'lagging', 'strict'] as const) {
      const ecs = driverWith(3, { distinctInstance });
      const { tasks, failures } = ecs.run({ count: 5, ...DISTINCT });
      expect(new Set(tasks.map((task) => task.containerInstanceArn)).size).toBe(3);
      expect(failures.map((failure) => failure.reason)).toEqual([REFUSED, REFUSED, REFUSED]);
    }
  });

  it('spreads without distinctInstance, and doubles up when it must', () => {
    const ecs = driverWith(2);
    const { tasks } = ecs.run({ count: 3 });
    expect(new Set(tasks.slice(0, 2).map((task) => task.containerInstanceArn)).size).toBe(2);
    expect(tasks).toHaveLength(3);
  });

  describe.each([
    ['off', 0, 'placed'],
    ['off', 60_000, 'placed'],
    ['lagging', 999, 'placed'],
    ['lagging', 1_000, 'refused'],
    ['strict', 0, 'refused'],
  ] as const)('distinctInstance %s, %d ms after an earlier call', (distinctInstance, ms, outcome) => {
    it(`is ${outcome}`, () => {
      const ecs = driverWith(1, { distinctInstance });
      ecs.run({ group: 'g', ...DISTINCT });
      ecs.wait(ms);
      expect(ecs.run({ group: 'g', ...DISTINCT }).failures.map((failure) => failure.reason)).toEqual(
        outcome === 'refused' ? [REFUSED] : [],
      );
    });
  });

  it('looks with distinctInstance at tasks of the same group only', () => {
    const ecs = driverWith(1, { distinctInstance: 'strict' });
    ecs.run({ group: 'g', ...DISTINCT });
    expect(ecs.run({ group: 'other', ...DISTINCT }).tasks).toHaveLength(1);
    expect(ecs.run({ group: 'g' }).tasks).toHaveLength(1);
  });

  it('does not see a task that is desired STOPPED and still runs: two live tasks, as ECS does', () => {
    const ecs = driverWith(1, { distinctInstance: 'strict' });
    const first = ecs.runOne({ group: 'g', ...DISTINCT });
    ecs.wait(1_000);
    ecs.call('StopTask', { task: first.taskArn });
    expect(ecs.task(first.taskArn).lastStatus).toBe('RUNNING');
    expect(ecs.run({ group: 'g', ...DISTINCT }).tasks).toHaveLength(1);
    expect(ecs.model.ledger(ecs.now).maxLivePerHostAndGroup).toBe(2);
  });

  it('gives one failure for each host that memberOf matches', () => {
    const ecs = driverWith(3);
    const [a, b] = [hostOf(ecs, 0), hostOf(ecs, 2)];
    ecs.define('big', { memory: 1_000_000 });
    ecs.model.setAgentConnected(ecs.now, b.ec2InstanceId, false);
    const { tasks, failures } = ecs.run({ taskDefinition: 'big', ...pin(a.ec2InstanceId, b.ec2InstanceId) });
    expect(tasks).toEqual([]);
    expect(failures).toEqual([
      { arn: a.containerInstanceArn, reason: 'RESOURCE:MEMORY' },
      { arn: b.containerInstanceArn, reason: 'AGENT' },
    ]);
  });

  it('gives one failure without a host when memberOf matches none', () => {
    const ecs = driverWith(2);
    expect(ecs.run(pin('i-0')).failures).toEqual([{ reason: 'MemberOf placement constraint unsatisfied' }]);
  });

  it('does not place on DRAINING or deregistered hosts', () => {
    const ecs = driverWith(2);
    const [draining, gone] = [hostOf(ecs, 0), hostOf(ecs, 1)];
    ecs.call('UpdateContainerInstancesState', {
      containerInstances: [draining.containerInstanceArn],
      status: 'DRAINING',
    });
    ecs.model.removeHost(ecs.now, gone.ec2InstanceId);
    for (const host of [draining, gone]) expect(ecs.run(pin(host.ec2InstanceId)).tasks).toEqual([]);
  });

  it('joins the constraints of the task definition', () => {
    const ecs = driverWith(1);
    const [host] = ecs.addHosts(1, { attributes: { stack: 'prod' } });
    ecs.define('prod', {}, { placementConstraints: [{ type: 'memberOf', expression: 'attribute:stack == prod' }] });
    expect(ecs.runOne({ taskDefinition: 'prod' }).containerInstanceArn).toBe(host?.containerInstanceArn);
    expect(ecs.run({ taskDefinition: 'prod', ...pin(hostOf(ecs, 0).ec2InstanceId) }).tasks).toEqual([]);
  });

  it('keeps EC2 and EXTERNAL hosts apart', () => {
    const ecs = driverWith(1);
    const external = only(ecs.addHosts(1, { external: true }));
    expect(external.ec2InstanceId).toMatch(/^mi-[0-9a-f]{17}$/);
    expect(ecs.runOne({ launchType: 'EXTERNAL' }).containerInstanceArn).toBe(external.containerInstanceArn);
    expect(ecs.run({ launchType: 'EXTERNAL', ...pin(external.ec2InstanceId) }).tasks).toHaveLength(1);
    expect(ecs.run(pin(external.ec2InstanceId)).tasks).toEqual([]);
    expect(ecs.runOne().containerInstanceArn).toBe(hostOf(ecs, 0).containerInstanceArn);
  });
});

describe('resources', () => {
  it('accounts CPU and memory until nothing fits', () => {
    const ecs = new EcsDriver({ hostCpu: 100, hostMemory: 1_000 });
    const host = only(ecs.addHosts(1));
    ecs.define('daemon', { cpu: 50, memory: 100 });
    expect(ecs.run({ count: 3 }).failures).toEqual([{ arn: host.containerInstanceArn, reason: 'RESOURCE:CPU' }]);
    const { remainingResources } = ecs.instance(host.containerInstanceArn);
    expect(remainingResources.slice(0, 2).map((resource) => resource.integerValue)).toEqual([0, 800]);
  });

  it('takes the sizes of the task before those of its containers, and overrides before both', () => {
    const ecs = new EcsDriver({ hostCpu: 1_024, hostMemory: 1_024 });
    const host = only(ecs.addHosts(1));
    ecs.define('daemon', { cpu: 1, memory: 1 }, { cpu: '.5 vCPU', memory: '0.5GB' });
    ecs.run({ overrides: { memory: '100' } });
    const { remainingResources } = ecs.instance(host.containerInstanceArn);
    expect(remainingResources.slice(0, 2).map((resource) => resource.integerValue)).toEqual([512, 924]);
  });

  it.each([
    ['a bridge host port', { portMappings: [{ containerPort: 80, hostPort: 8_080 }] }, {}, 'RESOURCE:PORTS'],
    ['a port in host mode', { portMappings: [{ containerPort: 80 }] }, { networkMode: 'host' }, 'RESOURCE:PORTS'],
    ['a dynamic port', { portMappings: [{ containerPort: 80, hostPort: 0 }] }, {}, null],
    ['a UDP port', { portMappings: [{ containerPort: 80, hostPort: 53, protocol: 'udp' }] }, {}, 'RESOURCE:PORTS'],
  ])('accounts %s', (_what, container, definition, reason) => {
    const ecs = driverWith(1);
    ecs.define('web', container, definition);
    expect(ecs.run({ taskDefinition: 'web' }).tasks).toHaveLength(1);
    expect(ecs.run({ taskDefinition: 'web' }).failures[0]?.reason ?? null).toBe(reason);
  });

  it.each([
    ['a reserved port', { portMappings: [{ containerPort: 22, hostPort: 22 }] }, 'RESOURCE:PORTS'],
    ['a GPU', { resourceRequirements: [{ type: 'GPU', value: '1' }] }, 'RESOURCE:GPU'],
    ['a log driver the agent lacks', { logConfiguration: { logDriver: 'splunk' } }, 'ATTRIBUTE'],
  ])('refuses %s', (_what, container, reason) => {
    const ecs = driverWith(1);
    ecs.define('odd', container);
    expect(ecs.run({ taskDefinition: 'odd' }).failures.map((failure) => failure.reason)).toEqual([reason]);
  });

  it('gives resources back with the wish to stop', () => {
    const ecs = driverWith(1);
    ecs.define('web', { portMappings: [{ containerPort: 80, hostPort: 80 }] });
    const { taskArn } = ecs.runOne({ taskDefinition: 'web' });
    ecs.call('StopTask', { task: taskArn });
    expect(ecs.run({ taskDefinition: 'web' }).tasks).toHaveLength(1);
  });
});

describe('StartTask', () => {
  it('starts one task on each host and gives a reason for each that cannot', () => {
    const ecs = driverWith(4);
    const hosts = ecs.model.hosts(ecs.now).map((host) => host.containerInstanceArn);
    const [good = '', gone = '', cut = '', full = ''] = hosts;
    ecs.model.removeHost(ecs.now, gone);
    ecs.model.setAgentConnected(ecs.now, cut, false);
    ecs.define('web', { portMappings: [{ containerPort: 80, hostPort: 80 }] });
    ecs.call('StartTask', { taskDefinition: 'web', containerInstances: [full] });
    const { tasks, failures } = ecs.call('StartTask', {
      taskDefinition: 'web',
      containerInstances: [good, gone, cut, full, 'f'.repeat(32)],
    });
    expect(tasks.map((task) => task.containerInstanceArn)).toEqual([good]);
    expect(failures).toEqual([
      { arn: gone, reason: 'INACTIVE' },
      { arn: cut, reason: 'AGENT' },
      { arn: full, reason: 'RESOURCE:PORTS' },
      { arn: `arn:aws:ecs:us-east-1:123456789012:container-instance/default/${'f'.repeat(32)}`, reason: 'MISSING' },
    ]);
  });

  it.each([
    ['accept', 1],
    ['refuse', 0],
  ] as const)('on a DRAINING host: %s', (startTaskOnDraining, started) => {
    const ecs = driverWith(1, { startTaskOnDraining });
    const containerInstances = [hostOf(ecs, 0).containerInstanceArn];
    ecs.call('UpdateContainerInstancesState', { containerInstances, status: 'DRAINING' });
    expect(ecs.call('StartTask', { taskDefinition: 'daemon', containerInstances }).tasks).toHaveLength(started);
  });

  it('has no regard for constraints: a second task of a group starts', () => {
    const ecs = driverWith(1, { distinctInstance: 'strict' });
    const containerInstances = [hostOf(ecs, 0).containerInstanceArn];
    for (const _time of [1, 2]) ecs.call('StartTask', { taskDefinition: 'daemon', containerInstances, group: 'g' });
    expect(ecs.model.ledger(ecs.now).maxLivePerHostAndGroup).toBe(2);
  });
});
