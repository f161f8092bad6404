import { describe, expect, it } from 'vitest';

import { driverWith, type EcsDriver, only } from './ecs-driver.ts';

/** All pages of a listing, as the sizes of its pages and the ARNs in order. */
function pages(ecs: EcsDriver, operation: string, body: object, maxResults: number) {
  const sizes: number[] = [];
  const arns: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = ecs.call(operation, { ...body, maxResults, nextToken });
    const found = [...page.taskArns, ...page.containerInstanceArns];
    sizes.push(found.length);
    arns.push(...found);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return { sizes, arns };
}

describe('ListTasks', () => {
  it('goes by the desired status, RUNNING by default: a stopping task is in the STOPPED listing only', () => {
    const ecs = driverWith(2);
    const [kept = '', stopped = ''] = ecs.run({ count: 2 }).tasks.map((task) => task.taskArn);
    ecs.wait(1_000);
    ecs.call('StopTask', { task: stopped });
    expect(ecs.task(stopped).lastStatus).toBe('RUNNING');
    expect(ecs.call('ListTasks').taskArns).toEqual([kept]);
    expect(ecs.call('ListTasks', { desiredStatus: 'RUNNING' }).taskArns).toEqual([kept]);
    expect(ecs.call('ListTasks', { desiredStatus: 'STOPPED' }).taskArns).toEqual([stopped]);
    expect(ecs.call('ListTasks', { desiredStatus: 'PENDING' }).taskArns).toEqual([]);
  });

  it('filters by host, family, launch type and starter', () => {
    const ecs = driverWith(2);
    ecs.addHosts(1, { external: true });
    ecs.define('other');
    const daemon = ecs.runOne({ startedBy: 'me' });
    const other = ecs.runOne({ taskDefinition: 'other' });
    const far = ecs.runOne({ launchType: 'EXTERNAL' });
    const list = (body: object) => ecs.call('ListTasks', body).taskArns;
    expect(list({ containerInstance: other.containerInstanceArn })).toEqual([other.taskArn]);
    expect(list({ containerInstance: other.containerInstanceArn, family: 'daemon' })).toEqual([]);
    expect(list({ family: 'daemon' })).toEqual([daemon.taskArn, far.taskArn]);
    expect(list({ launchType: 'EXTERNAL' })).toEqual([far.taskArn]);
    expect(list({ startedBy: 'me' })).toEqual([daemon.taskArn]);
    ecs.call('StopTask', { task: other.taskArn });
    expect(list({ containerInstance: other.containerInstanceArn, desiredStatus: 'STOPPED' })).toEqual([other.taskArn]);
    expect(list({ containerInstance: 'f'.repeat(32) })).toEqual([]);
  });

  it('pages without gaps or repetitions while tasks come and go', () => {
    const ecs = driverWith(25);
    const all = [ecs.run({ count: 10 }), ecs.run({ count: 10 }), ecs.run({ count: 5 })].flatMap((each) =>
      each.tasks.map((task) => task.taskArn),
    );
    expect(pages(ecs, 'ListTasks', {}, 10)).toEqual({ sizes: [10, 10, 5], arns: all });
    expect(pages(ecs, 'ListTasks', {}, 25).sizes).toEqual([25]);

    const first = ecs.call('ListTasks', { maxResults: 10 });
    ecs.call('StopTask', { task: all[0] });
    const late = ecs.runOne().taskArn;
    const rest = ecs.call('ListTasks', { nextToken: first.nextToken });
    expect([...first.taskArns, ...rest.taskArns]).toEqual([...all, late]);
  });

  it('hides new tasks for the list lag, and from DescribeTasks only when told so', () => {
    for (const describeLag of [false, true]) {
      const ecs = driverWith(1, { listLagMs: 1_000, describeLag });
      const { taskArn } = ecs.runOne();
      ecs.wait(999);
      expect(ecs.call('ListTasks').taskArns).toEqual([]);
      expect(ecs.call('DescribeTasks', { tasks: [taskArn] }).failures).toHaveLength(describeLag ? 1 : 0);
      ecs.wait(1);
      expect(ecs.call('ListTasks').taskArns).toEqual([taskArn]);
      expect(ecs.task(taskArn).taskArn).toBe(taskArn);
    }
  });
});

describe('DescribeTasks', () => {
  it('finds by id and ARN, and names the rest as MISSING', () => {
    const ecs = driverWith(1);
    ecs.model.addHosts(ecs.now, { cluster: 'other', count: 0 });
    const { taskArn } = ecs.runOne();
    const id = taskArn.slice(-32);
    expect(taskArn).toMatch(/^arn:aws:ecs:us-east-1:123456789012:task\/default\/[0-9a-f]{32}$/);
    expect(ecs.call('DescribeTasks', { tasks: [id] }).tasks[0]?.taskArn).toBe(taskArn);
    const prefix = 'arn:aws:ecs:us-east-1:123456789012:task';
    expect(ecs.call('DescribeTasks', { tasks: ['f'.repeat(32)] }).failures).toEqual([
      { arn: `${prefix}/default/${'f'.repeat(32)}`, reason: 'MISSING' },
    ]);
    expect(ecs.call('DescribeTasks', { cluster: 'other', tasks: [taskArn] }).failures).toHaveLength(1);
    expect(ecs.call('DescribeTasks', { tasks: [`${prefix}/other/${id}`] }).failures).toHaveLength(1);
  });
});

describe('ListContainerInstances', () => {
  it('lists all but the deregistered ones, or those of one status, page by page', () => {
    const ecs = driverWith(7);
    const [drained = '', gone = '', ...others] = ecs.model.hosts(ecs.now).map((host) => host.containerInstanceArn);
    ecs.call('UpdateContainerInstancesState', { containerInstances: [drained], status: 'DRAINING' });
    ecs.call('DeregisterContainerInstance', { containerInstance: gone });
    expect(pages(ecs, 'ListContainerInstances', {}, 4)).toEqual({ sizes: [4, 2], arns: [drained, ...others] });
    expect(ecs.call('ListContainerInstances', { status: 'DRAINING' }).containerInstanceArns).toEqual([drained]);
    expect(ecs.call('ListContainerInstances', { status: 'ACTIVE' }).containerInstanceArns).toEqual(others);
  });

  it('filters by the cluster query language', () => {
    const ecs = driverWith(3);
    const prod = only(ecs.addHosts(1, { attributes: { stack: 'prod' } }));
    const { containerInstanceArn } = ecs.runOne({ group: 'g' });
    const list = (filter: string) => ecs.call('ListContainerInstances', { filter }).containerInstanceArns;
    expect(list('attribute:stack == prod')).toEqual([prod.containerInstanceArn]);
    expect(list('task:group == g')).toEqual([containerInstanceArn]);
    expect(list(`ec2InstanceId in ['${prod.ec2InstanceId}'] and attribute:stack == test`)).toEqual([]);
  });

  it('takes a token only with the filters that it came from', () => {
    const ecs = driverWith(3);
    const { nextToken } = ecs.call('ListContainerInstances', { maxResults: 1 });
    expect(ecs.fail('ListContainerInstances', { status: 'ACTIVE', nextToken }).type).toBe('InvalidParameterException');
  });
});
