/** The end of an environment. */
import { describe, expect, test } from 'vitest';
import {
  ago,
  changesOf,
  facts,
  instance,
  launch,
  launchesIn,
  plan,
  slot,
  slotOf,
  starting,
  stopsIn,
  stopped,
  task,
  taskArn,
  vacant,
  type Scene,
} from './fixtures.ts';

const accepted = { reason: 'deletion', requestedAt: ago(5), accepted: true } as const;
const asked = { ...accepted, accepted: false };

test('nothing is launched, written of progress, or adopted any more', () => {
  const next = plan({ deletion: 'stop', facts: facts([instance(1), instance(2)], [task(2)]) });
  expect(next.effects).toEqual([]);
  expect(changesOf(next)).toEqual([]);
  expect(next.finished).toBe(true);
});

describe('D1: every open launch is settled first', () => {
  test.each<[string, Scene]>([
    ['an open launch', { launches: [launch(1, [1], ago(60))] }],
    ['ARNs without hosts', { launches: [launch(1, [1], ago(60), { returned: [taskArn(1)] })] }],
  ])('%s keeps it, and is not repeated', (_, scene) => {
    const next = plan({ deletion: 'stop', facts: facts([instance(1)]), ...scene });
    expect(next.finished).toBe(false);
    expect(launchesIn(next)).toEqual([]);
    expect(next.wakeAt).not.toBeNull();
  });

  test('a task that turns up for it is stopped in the same turn', () => {
    const found = task(1, { createdAt: ago(59) });
    const next = plan({
      deletion: 'stop',
      facts: facts([instance(1)], [found]),
      launches: [launch(1, [1], ago(60))],
      looks: { tasks: [found] },
    });
    expect(stopsIn(next)).toEqual([[taskArn(1), 'deletion']]);
  });
});

describe('D2: every recorded task is gone, or its stop accepted, or it is kept', () => {
  test('each is stopped by its ARN, with facts or without', () => {
    for (const seen of [null, facts([])]) {
      const next = plan({ deletion: 'stop', facts: seen, slots: [slot(1), slot(2), vacant(3)] });
      expect(stopsIn(next)).toEqual([
        [taskArn(1), 'deletion'],
        [taskArn(2), 'deletion'],
      ]);
      expect(next.finished).toBe(false);
    }
  });

  test.each<[string, Scene, boolean]>([
    ['a stop not accepted yet', { slots: [slot(1, { stop: asked })] }, false],
    ['a stop accepted', { slots: [slot(1, { stop: accepted })] }, true],
    [
      'a disconnected host with a stop accepted',
      { slots: [slot(1, { stop: accepted })], facts: facts([instance(1, { agentConnected: false })], [task(1)]) },
      true,
    ],
    [
      'a task gone before its stop was accepted',
      { slots: [slot(1, { stop: asked })], looks: { tasks: [stopped(1)] } },
      true,
    ],
    ['no task at all', { slots: [vacant(1)] }, true],
  ])('%s', (_, scene, finished) => {
    expect(plan({ deletion: 'stop', ...scene }).finished).toBe(finished);
  });

  test('a task that ECS does not know, so that no stop of it is ever accepted, is gone after the visibility time', () => {
    const missing = (seconds: number): Scene => {
      const { task } = slot(1);
      if (task === null) throw new Error('no task');
      return {
        deletion: 'stop',
        slots: [slot(1, { stop: asked, task: { ...task, missingSince: ago(seconds) } })],
        looks: { tasks: [taskArn(1)] },
      };
    };
    expect(plan(missing(119)).finished).toBe(false);
    expect(plan(missing(120)).finished).toBe(true);
  });

  test('kept tasks are not stopped', () => {
    const next = plan({ deletion: 'keep', slots: [slot(1)], facts: facts([instance(1)], [task(1)]) });
    expect(next.effects).toEqual([]);
    expect(slotOf(next, 1)?.stop).toBeNull();
    expect(next.finished).toBe(true);
  });
});

describe('D3: every task left behind can be seen by a successor', () => {
  const fresh = (seconds: number): Scene => ({ deletion: 'keep', slots: [starting(1, ago(seconds))] });
  const { task: running } = slot(1);
  if (running === null) throw new Error('no task');

  test('one that nobody has seen yet keeps it until it must be visible', () => {
    expect(plan(fresh(119)).finished).toBe(false);
    expect(plan(fresh(119)).wakeAt).not.toBeNull();
    expect(plan(fresh(120)).finished).toBe(true);
  });

  test('one that a listing shows does not, whatever its state', () => {
    for (const shown of [task(1, { lastStatus: 'PENDING' }), task(1, { desiredStatus: 'STOPPED' })]) {
      expect(plan({ ...fresh(1), facts: facts([instance(1)], [shown]) }).finished).toBe(true);
    }
  });

  test('a description is no listing, as a listing may lag behind it: one is asked for', () => {
    for (const lastStatus of ['PENDING', 'RUNNING']) {
      const next = plan({ ...fresh(1), looks: { tasks: [task(1, { lastStatus })] } });
      expect(next).toMatchObject({ finished: false, needsSurvey: true });
      expect(next.wakeAt).not.toBeNull();
    }
    expect(plan({ ...fresh(1), slots: [slot(1, { task: { ...running, placedAt: ago(1) } })] }).finished).toBe(false);
  });

  test('a task that only an event has shown is not listed either', () => {
    const shown = facts([instance(1)], [task(1)], { unlisted: new Set([taskArn(1)]) });
    expect(plan({ ...fresh(1), facts: shown })).toMatchObject({ finished: false, needsSurvey: true });
  });

  test('MISSING is not seen', () => {
    expect(plan({ ...fresh(1), looks: { tasks: [taskArn(1)] } }).finished).toBe(false);
  });
});
