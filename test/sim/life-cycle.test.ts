import { describe, expect, it } from 'vitest';

import { driverWith, type EcsDriver } from './ecs-driver.ts';

const START_MS = 500;
const STOP_MS = 400;

function running(container: object = {}): { ecs: EcsDriver; taskArn: string; host: string } {
  const ecs = driverWith(1, { taskStartMs: START_MS, taskStopMs: STOP_MS });
  ecs.define('own', container);
  const { taskArn, containerInstanceArn = '' } = ecs.runOne({
    taskDefinition: 'own',
    tags: [{ key: 'k', value: 'v' }],
  });
  ecs.wait(START_MS);
  return { ecs, taskArn, host: containerInstanceArn };
}

/** Every last status that a task shows within a second, with the version of each. */
function history(ecs: EcsDriver, taskArn: string): readonly string[] {
  const seen: string[] = [];
  for (let ms = 0; ms <= 1_000; ms += 10) {
    const { lastStatus, desiredStatus, version } = ecs.task(taskArn);
    const entry = `${lastStatus} ${desiredStatus} v${version}`;
    if (seen.at(-1) !== entry) seen.push(entry);
    ecs.wait(10);
  }
  return seen;
}

describe('life of a task', () => {
  it('goes to RUNNING by the configured time, one version for each change', () => {
    const ecs = driverWith(1, { taskStartMs: START_MS });
    const created = ecs.now;
    const { taskArn } = ecs.runOne();
    expect(history(ecs, taskArn)).toEqual(['PENDING RUNNING v1', 'ACTIVATING RUNNING v2', 'RUNNING RUNNING v3']);
    expect(ecs.task(taskArn)).toMatchObject({ createdAt: created / 1_000, startedAt: (created + START_MS) / 1_000 });
  });

  it('stops in two steps: first the wish, then the way to STOPPED', () => {
    const { ecs, taskArn } = running();
    const asked = ecs.now;
    const { task } = ecs.call('StopTask', { task: taskArn, reason: 'because' });
    expect(task).toMatchObject({
      lastStatus: 'RUNNING',
      desiredStatus: 'STOPPED',
      stopCode: 'UserInitiated',
      tags: [],
    });
    expect(history(ecs, taskArn)).toEqual([
      'RUNNING STOPPED v4',
      'DEACTIVATING STOPPED v5',
      'STOPPING STOPPED v6',
      'DEPROVISIONING STOPPED v7',
      'STOPPED STOPPED v8',
    ]);
    expect(ecs.task(taskArn)).toMatchObject({
      stoppedReason: 'because',
      stoppingAt: asked / 1_000,
      stoppedAt: (asked + STOP_MS) / 1_000,
    });
  });

  it('takes a second wish to stop, even of a stopped task, and changes nothing', () => {
    const { ecs, taskArn } = running();
    ecs.call('StopTask', { task: taskArn, reason: 'first' });
    ecs.wait(STOP_MS);
    const stopped = ecs.task(taskArn);
    expect(stopped.lastStatus).toBe('STOPPED');
    expect(ecs.call('StopTask', { task: taskArn, reason: 'second' }).task).toEqual(stopped);
  });

  it('never runs when it is stopped before it started', () => {
    const ecs = driverWith(1, { taskStartMs: START_MS, taskStopMs: STOP_MS });
    const { taskArn } = ecs.runOne();
    ecs.call('StopTask', { task: taskArn });
    expect(history(ecs, taskArn)).toEqual(['PENDING STOPPED v2', 'DEPROVISIONING STOPPED v3', 'STOPPED STOPPED v4']);
  });

  it('clears the tags with the wish to stop', () => {
    const { ecs, taskArn } = running();
    const tags = () => ecs.call('DescribeTasks', { tasks: [taskArn], include: ['TAGS'] }).tasks[0]?.['tags'];
    expect(tags()).toEqual([{ key: 'k', value: 'v' }]);
    ecs.call('StopTask', { task: taskArn });
    expect(tags()).toEqual([]);
  });

  it('exits by itself when its environment says so', () => {
    const { ecs, taskArn } = running({
      environment: [
        { name: 'SIM_EXIT_AFTER_MS', value: '200' },
        { name: 'SIM_EXIT_CODE', value: '7' },
      ],
    });
    ecs.wait(199);
    expect(ecs.task(taskArn).desiredStatus).toBe('RUNNING');
    ecs.wait(1 + STOP_MS);
    expect(ecs.task(taskArn)).toMatchObject({
      lastStatus: 'STOPPED',
      stopCode: 'EssentialContainerExited',
      containers: [{ exitCode: 7, lastStatus: 'STOPPED' }],
    });
  });

  it.each([
    ['1', /^CannotPullContainerError: /],
    ['ResourceInitializationError: no', /^ResourceInitializationError: no$/],
  ])('never starts when its environment says %s', (value, reason) => {
    const { ecs, taskArn } = running({ environment: [{ name: 'SIM_FAIL_TO_START', value }] });
    ecs.wait(STOP_MS);
    const task = ecs.task(taskArn);
    expect(task).toMatchObject({ lastStatus: 'STOPPED', stopCode: 'TaskFailedToStart' });
    expect(task['stoppedReason']).toMatch(reason);
    expect(task).not.toHaveProperty('startedAt', expect.anything());
  });

  it('lets an override of one launch say so too', () => {
    const ecs = driverWith(1, { taskStartMs: START_MS });
    const environment = [{ name: 'SIM_FAIL_TO_START', value: 'no' }];
    const { taskArn } = ecs.runOne({ overrides: { containerOverrides: [{ name: 'main', environment }] } });
    ecs.wait(START_MS);
    expect(ecs.task(taskArn)).toMatchObject({ desiredStatus: 'STOPPED', stoppedReason: 'no' });
  });

  it.each([
    [{}, 'UNKNOWN'],
    [{ healthCheck: { command: ['CMD', 'true'] } }, 'HEALTHY'],
    [{ healthCheck: { command: ['CMD', 'true'] }, environment: [{ name: 'SIM_UNHEALTHY', value: '1' }] }, 'UNHEALTHY'],
  ])('has the health of its checks: %j', (container, health) => {
    const { ecs, taskArn } = running(container);
    expect(ecs.task(taskArn)).toMatchObject({ healthStatus: health });
  });

  it('stands still while the agent is disconnected, and catches up afterwards', () => {
    const { ecs, taskArn, host } = running();
    ecs.model.setAgentConnected(ecs.now, host, false);
    ecs.model.exitTask(ecs.now, taskArn, { exitCode: 3, reason: 'gone' });
    ecs.wait(60_000);
    expect(ecs.task(taskArn)).toMatchObject({
      lastStatus: 'RUNNING',
      desiredStatus: 'RUNNING',
      connectivity: 'DISCONNECTED',
    });
    ecs.model.setAgentConnected(ecs.now, host, true);
    ecs.wait(STOP_MS);
    expect(ecs.task(taskArn)).toMatchObject({ lastStatus: 'STOPPED', stoppedReason: 'gone' });
  });

  it('takes the wish to stop while the agent is disconnected, but only the wish', () => {
    const { ecs, taskArn, host } = running();
    ecs.model.setAgentConnected(ecs.now, host, false);
    ecs.call('StopTask', { task: taskArn });
    ecs.wait(60_000);
    expect(ecs.task(taskArn)).toMatchObject({ lastStatus: 'RUNNING', desiredStatus: 'STOPPED' });
    ecs.model.setAgentConnected(ecs.now, host, true);
    expect(ecs.task(taskArn).lastStatus).toBe('STOPPED');
  });

  it('keeps running on a DRAINING host', () => {
    const { ecs, taskArn, host } = running();
    ecs.call('UpdateContainerInstancesState', { containerInstances: [host], status: 'DRAINING' });
    ecs.wait(3_600_000);
    expect(ecs.task(taskArn)).toMatchObject({ lastStatus: 'RUNNING', desiredStatus: 'RUNNING' });
  });

  it('stops at once with its host', () => {
    const { ecs, taskArn, host } = running();
    ecs.model.removeHost(ecs.now, host);
    expect(ecs.task(taskArn)).toMatchObject({ lastStatus: 'STOPPED', stopCode: 'TerminationNotice' });
  });

  it('believes what an agent submits', () => {
    const ecs = driverWith(1, { taskStartMs: 60_000 });
    const { taskArn } = ecs.runOne();
    ecs.call('SubmitTaskStateChange', { task: taskArn, status: 'RUNNING' });
    expect(ecs.task(taskArn).lastStatus).toBe('RUNNING');
    ecs.call('SubmitTaskStateChange', {
      task: taskArn,
      status: 'STOPPED',
      reason: 'oom',
      containers: [{ exitCode: 137 }],
    });
    expect(ecs.task(taskArn)).toMatchObject({
      lastStatus: 'STOPPED',
      stoppedReason: 'oom',
      containers: [{ exitCode: 137 }],
    });
  });

  it('is described for an hour after it stopped, then it is MISSING, but never leaves the ledger', () => {
    const { ecs, taskArn } = running();
    ecs.call('StopTask', { task: taskArn });
    ecs.wait(STOP_MS + 3_600_000 - 1);
    expect(ecs.task(taskArn).lastStatus).toBe('STOPPED');
    expect(ecs.call('ListTasks', { desiredStatus: 'STOPPED' }).taskArns).toEqual([taskArn]);
    ecs.wait(1);
    expect(ecs.call('DescribeTasks', { tasks: [taskArn] }).failures).toEqual([{ arn: taskArn, reason: 'MISSING' }]);
    expect(ecs.call('ListTasks', { desiredStatus: 'STOPPED' }).taskArns).toEqual([]);
    expect(ecs.model.ledger(ecs.now).tasks.map((task) => task.taskArn)).toEqual([taskArn]);
  });

  it('tells when something will happen next', () => {
    const ecs = driverWith(1, { taskStartMs: START_MS });
    expect(ecs.model.nextChangeAt()).toBe(null);
    ecs.runOne();
    expect(ecs.model.nextChangeAt()).toBe(ecs.now + START_MS / 2);
  });
});
