import { describe, expect, it } from 'vitest';

import { OPERATIONS } from '../../sim/model/operations.ts';
import { driverWith, type EcsDriver } from './ecs-driver.ts';

/** From the table of the API reference: how many calls pass at once, and how many more in a second after that. */
const LIMITS = [
  ['RunTask', 100, 40],
  ['StartTask', 100, 40],
  ['StopTask', 100, 40],
  ['PutAttributes', 100, 40],
  ['DeregisterContainerInstance', 100, 40],
  ['UpdateContainerInstancesState', 100, 40],
  ['DescribeTasks', 100, 20],
  ['ListTasks', 100, 20],
  ['DescribeContainerInstances', 100, 20],
  ['ListContainerInstances', 100, 20],
  ['ListAttributes', 100, 20],
  ['DescribeClusters', 50, 20],
  ['DescribeTaskDefinition', 50, 20],
  ['RegisterTaskDefinition', 20, 1],
  ['CreateCluster', 20, 1],
  ['TagResource', 20, 10],
  ['ListTagsForResource', 50, 20],
  ['RegisterContainerInstance', 200, 120],
  ['SubmitTaskStateChange', 200, 120],
] as const;

function passes(ecs: EcsDriver, operation: string): number {
  for (let calls = 0; ; calls += 1) {
    const answer = ecs.model.apply(ecs.now, { operation, body: {} });
    if (answer.kind === 'error' && answer.type === 'ThrottlingException') return calls;
  }
}

describe('throttling', () => {
  it.each(LIMITS)('%s: %d at once, then %d a second', (operation, burst, perSecond) => {
    const ecs = driverWith(0);
    ecs.model.setThrottling(true);
    expect(passes(ecs, operation)).toBe(burst);
    ecs.wait(1_000);
    expect(passes(ecs, operation)).toBe(perSecond);
    ecs.wait(3_600_000);
    expect(passes(ecs, operation)).toBe(burst);
  });

  it('takes from one bucket for all operations of a kind, and changes nothing when it is empty', () => {
    const ecs = driverWith(1);
    ecs.model.setThrottling(true);
    expect(passes(ecs, 'StopTask')).toBe(100);
    expect(ecs.fail('RunTask', { taskDefinition: 'daemon' })).toMatchObject({
      type: 'ThrottlingException',
      status: 400,
      message: 'Rate exceeded',
    });
    expect(ecs.call('ListTasks').taskArns).toEqual([]);
    expect(ecs.model.ledger(ecs.now).operations['RunTask']).toEqual({ calls: 1, errors: 0, throttled: 1 });
  });

  it('can be switched off', () => {
    const ecs = driverWith(0);
    ecs.model.setThrottling(true);
    passes(ecs, 'ListTasks');
    ecs.model.setThrottling(false);
    for (let call = 0; call < 500; call += 1) ecs.call('ListTasks');
  });

  it('is on by default', () => {
    const ecs = driverWith(0, { throttling: true });
    expect(passes(ecs, 'ListTasks')).toBe(100);
  });

  it('has a bucket for each operation', () => {
    expect(OPERATIONS.size).toBe(26);
  });
});
