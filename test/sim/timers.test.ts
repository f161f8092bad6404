import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TimerQueue } from '../../sim/model/timers.ts';
import { driverWith } from './ecs-driver.ts';

describe('the timer queue', () => {
  it('gives what is due, soonest first, and first come first served within an instant', () => {
    const instants = fc.array(fc.nat({ max: 9 }), { maxLength: 50, size: 'max' });
    fc.assert(
      fc.property(instants, fc.nat({ max: 9 }), (ats, now) => {
        const queue = new TimerQueue<number>();
        ats.forEach((at, index) => queue.add(at, index));
        const taken: number[] = [];
        for (let due = queue.takeDue(now); due !== null; due = queue.takeDue(now)) taken.push(due.item);
        const sorted = ats.map((at, index) => ({ at, index })).toSorted((a, b) => a.at - b.at || a.index - b.index);
        expect(taken).toEqual(sorted.filter(({ at }) => at <= now).map(({ index }) => index));
        expect(queue.nextAt()).toBe(sorted.find(({ at }) => at > now)?.at ?? null);
      }),
    );
  });

  it('lets a task that starts and stops in no time pass through all its states', () => {
    const ecs = driverWith(1, { taskStartMs: 0, taskStopMs: 0 });
    const { taskArn } = ecs.runOne();
    expect(ecs.task(taskArn)).toMatchObject({ lastStatus: 'RUNNING', version: 3 });
    ecs.call('StopTask', { task: taskArn });
    expect(ecs.task(taskArn)).toMatchObject({ lastStatus: 'STOPPED', version: 8 });
  });
});
