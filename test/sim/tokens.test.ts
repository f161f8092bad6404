import { describe, expect, it } from 'vitest';

import { driverWith } from './ecs-driver.ts';

const HOUR_MS = 3_600_000;

describe('client tokens of RunTask', () => {
  it('answers the same request with the tasks of the first one', () => {
    const ecs = driverWith(3);
    const first = ecs.run({ clientToken: 'a', count: 2 });
    ecs.wait(1_000);
    const again = ecs.run({ count: 2, clientToken: 'a' });
    expect(again.tasks.map((task) => task.taskArn)).toEqual(first.tasks.map((task) => task.taskArn));
    expect(again.tasks.map((task) => task.lastStatus)).toEqual(['RUNNING', 'RUNNING']);
    expect(ecs.call('ListTasks').taskArns).toHaveLength(2);
    expect(ecs.model.ledger(ecs.now).tokenReplays).toBe(1);
  });

  it('takes an absent member and its default, and members it does not know, for the same request', () => {
    const ecs = driverWith(1);
    const first = ecs.runOne({ clientToken: 'a' });
    expect(ecs.runOne({ clientToken: 'a', count: 1, enableFancyThing: true }).taskArn).toBe(first.taskArn);
  });

  it.each([
    ['count', { count: 2 }],
    ['group', { group: 'other' }],
    ['startedBy', { startedBy: 'other' }],
    ['tags', { tags: [{ key: 'a', value: 'b' }] }],
    ['overrides', { overrides: { containerOverrides: [{ name: 'main', command: ['x'] }] } }],
    ['constraints', { placementConstraints: [{ type: 'distinctInstance' }] }],
    ['task definition', { taskDefinition: 'daemon:1' }],
  ])('refuses the token with another %s and names the tasks bound to it', (_what, change) => {
    const ecs = driverWith(2);
    const task = ecs.runOne({ clientToken: 'a' });
    const error = ecs.fail('RunTask', { taskDefinition: 'daemon', clientToken: 'a', ...change });
    expect(error).toMatchObject({ type: 'ConflictException', status: 400, resourceIds: [task.taskArn] });
    expect(ecs.call('ListTasks').taskArns).toHaveLength(1);
    expect(ecs.model.ledger(ecs.now).tokenConflicts).toBe(1);
  });

  it('knows tokens per cluster', () => {
    const ecs = driverWith(1);
    ecs.model.addHosts(ecs.now, { cluster: 'other', count: 1 });
    const here = ecs.runOne({ clientToken: 'a' });
    const there = ecs.runOne({ clientToken: 'a', cluster: 'other', group: 'changed' });
    expect(there.taskArn).not.toBe(here.taskArn);
  });

  it('shows a task that stopped meanwhile with its ARN and statuses only', () => {
    const ecs = driverWith(1);
    const { taskArn } = ecs.runOne({ clientToken: 'a' });
    ecs.call('StopTask', { task: taskArn });
    ecs.wait(1_000);
    expect(ecs.run({ clientToken: 'a' }).tasks).toEqual([{ taskArn, lastStatus: 'STOPPED', desiredStatus: 'STOPPED' }]);
  });

  it('remembers failures, and does not try again what failed', () => {
    const ecs = driverWith(1);
    const request = { clientToken: 'a', count: 2, placementConstraints: [{ type: 'distinctInstance' }] };
    const first = ecs.run(request);
    expect([first.tasks.length, first.failures.length]).toEqual([1, 1]);
    ecs.addHosts(5);
    const again = ecs.run(request);
    expect(again.failures).toEqual(first.failures);
    expect(again.tasks).toHaveLength(1);
  });

  it('binds a result of failures only, for one hour', () => {
    const ecs = driverWith(1);
    const request = {
      clientToken: 'a',
      placementConstraints: [{ type: 'memberOf', expression: 'attribute:x exists' }],
    };
    expect(ecs.run(request).failures).toHaveLength(1);
    ecs.addHosts(1, { attributes: { x: 'y' } });
    ecs.wait(HOUR_MS - 1);
    expect(ecs.run(request).tasks).toHaveLength(0);
    ecs.wait(1);
    expect(ecs.run(request).tasks).toHaveLength(1);
  });

  it('forgets a token one hour after its last task stopped', () => {
    const ecs = driverWith(1, { taskStopMs: 300 });
    const { taskArn } = ecs.runOne({ clientToken: 'a' });
    ecs.wait(2 * HOUR_MS);
    ecs.call('StopTask', { task: taskArn });
    ecs.wait(300 + HOUR_MS - 1);
    expect(ecs.runOne({ clientToken: 'a' }).taskArn).toBe(taskArn);
    ecs.wait(1);
    expect(ecs.runOne({ clientToken: 'a' }).taskArn).not.toBe(taskArn);
  });

  it('forgets a token after 24 hours, although its task runs', () => {
    const ecs = driverWith(1);
    const { taskArn } = ecs.runOne({ clientToken: 'a' });
    ecs.wait(24 * HOUR_MS - 1);
    expect(ecs.runOne({ clientToken: 'a' }).taskArn).toBe(taskArn);
    ecs.wait(1);
    expect(ecs.runOne({ clientToken: 'a' }).taskArn).not.toBe(taskArn);
  });

  it.each([
    ['its last task', { tokenLifeAfterLastTaskMs: 5_000 }, 5_300],
    ['its first use', { tokenLifeMostMs: 4_000 }, 4_000],
  ])('forgets it as soon after %s as it is told to', (_, options, ms) => {
    const ecs = driverWith(1, { taskStopMs: 300, ...options });
    const task = ecs.runOne({ clientToken: 'a' });
    ecs.call('StopTask', { task: task.taskArn });
    ecs.wait(ms - 1);
    expect(ecs.runOne({ clientToken: 'a' }).taskArn).toBe(task.taskArn);
    ecs.wait(1);
    expect(ecs.runOne({ clientToken: 'a' }).taskArn).not.toBe(task.taskArn);
  });

  it('replays although the task definition is inactive by now', () => {
    const ecs = driverWith(1);
    const { taskArn } = ecs.runOne({ taskDefinition: 'daemon:1', clientToken: 'a' });
    ecs.call('DeregisterTaskDefinition', { taskDefinition: 'daemon:1' });
    expect(ecs.runOne({ taskDefinition: 'daemon:1', clientToken: 'a' }).taskArn).toBe(taskArn);
  });

  it('does not bind a token to an error', () => {
    const ecs = driverWith(0);
    ecs.fail('RunTask', { taskDefinition: 'daemon', clientToken: 'a' });
    ecs.addHosts(1);
    expect(ecs.run({ clientToken: 'a', count: 2 }).tasks).toHaveLength(2);
  });
});
