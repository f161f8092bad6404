/** What one host needs. */
import { describe, expect, test } from 'vitest';
import {
  ago,
  before,
  changesOf,
  facts,
  host,
  instance,
  launch,
  launchedOn,
  launchesIn,
  NOW,
  plan,
  REVISION,
  slot,
  slotOf,
  starting,
  stopped,
  task,
  taskArn,
  tries,
  vacant,
  type Scene,
} from './fixtures.ts';

const MINUTE = 60;

describe('H1: a task is gone only when ECS says so', () => {
  const scene: Scene = { facts: facts([instance(1)]), slots: [slot(1)] };
  const placed = slot(1).task;

  test('not being listed proves nothing: it is described first', () => {
    const next = plan(scene);
    expect(next.look.tasks).toEqual([taskArn(1)]);
    expect(slotOf(next, 1)).toEqual(slot(1));
  });

  test('a listing older than what we wrote of the host is no reason to ask', () => {
    expect(
      plan({ ...scene, facts: facts([instance(1)], [], { revision: before(REVISION.written) }) }).look.tasks,
    ).toEqual([]);
  });

  test.each(['PENDING', 'DEACTIVATING', 'STOPPING', 'DEPROVISIONING'])(
    'it is there while %s, whatever is desired',
    (lastStatus) => {
      const next = plan({ ...scene, facts: facts([instance(1)], [task(1, { lastStatus, desiredStatus: 'STOPPED' })]) });
      expect(slotOf(next, 1)?.task?.arn).toBe(taskArn(1));
      expect(next.effects).toEqual([]);
    },
  );

  test.each(['STOPPED', 'DELETED'])('it is gone when %s', (lastStatus) => {
    const next = plan({ ...scene, looks: { tasks: [stopped(1, { lastStatus })] } });
    expect(slotOf(next, 1)).toMatchObject({ task: null, since: NOW });
  });

  test('MISSING is written down, believed after an hour, and asked about again only then', () => {
    const first = plan({ ...scene, looks: { tasks: [taskArn(1)] } });
    expect(slotOf(first, 1)?.task?.missingSince).toBe(NOW);

    if (placed === null) throw new Error('no task');
    const missing = (seconds: number): Scene => ({
      ...scene,
      slots: [slot(1, { task: { ...placed, missingSince: ago(seconds) } })],
    });
    expect(plan(missing(59 * MINUTE)).look.tasks).toEqual([]);
    expect(plan(missing(59 * MINUTE)).wakeAt).toBe(ago(-MINUTE));
    expect(plan(missing(60 * MINUTE)).look.tasks).toEqual([taskArn(1)]);
    expect(slotOf(plan({ ...missing(60 * MINUTE), looks: { tasks: [taskArn(1)] } }), 1)?.task).toBeNull();
  });

  test('a sight of it clears that', () => {
    if (placed === null) throw new Error('no task');
    const next = plan({
      ...scene,
      slots: [slot(1, { task: { ...placed, missingSince: ago(59 * MINUTE) } })],
      facts: facts([instance(1)], [task(1)]),
    });
    expect(slotOf(next, 1)?.task?.missingSince).toBeNull();
  });
});

test('news of starting tasks wait while there is something to launch', () => {
  const seen = facts([instance(1), instance(2)], [task(1, { lastStatus: 'PENDING' })]);
  const busy = plan({ facts: seen, slots: [starting(1, ago(10))] });
  expect(launchedOn(busy)).toEqual([host(2)]);
  expect(busy.look).toMatchObject({ tasks: [], polls: [] });
  expect(busy.wakeAt).not.toBeNull();
  const idle = plan({
    facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]),
    slots: [starting(1, ago(10))],
  });
  expect(idle.look).toMatchObject({ tasks: [], polls: [taskArn(1)] });
});

describe('a task that does not start', () => {
  const hanging = (seconds: number, listedAgo: number) =>
    plan({
      facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })], { startedAt: ago(listedAgo) }),
      slots: [starting(1, ago(seconds))],
    }).look.polls;

  test.each([
    ['not at once', 0.4, 1, 0],
    ['soon', 0.5, 1, 1],
    ['also while listings come, as they are rarer', 19, 1, 1],
    ['not as often as listings come', 20, 20, 0],
    ['for as long as it takes where listings do not come', 3_600, 20.1, 1],
  ])('is polled %s', (_, seconds, listedAgo, polls) => {
    expect(hanging(seconds, listedAgo)).toHaveLength(polls);
  });
});

describe('H2: a host is launched on only if nothing of ours can be there', () => {
  test('an empty host is', () => {
    expect(launchedOn(plan({ facts: facts([instance(1)]), slots: [vacant(1)] }))).toEqual([host(1)]);
  });

  test.each<[string, Scene]>([
    ['its slot has a task', { slots: [slot(1)] }],
    [
      'its task is on its way out',
      {
        slots: [slot(1)],
        facts: facts([instance(1)], [task(1, { lastStatus: 'STOPPING', desiredStatus: 'STOPPED' })]),
      },
    ],
    ['a launch for it is open', { launches: [launch(1, [1], ago(1))] }],
    [
      'a live task of the group is seen there',
      { slots: [vacant(1)], facts: facts([instance(1)], [task(2, { instance: host(1) })]) },
    ],
    ['its agent is disconnected', { facts: facts([instance(1, { agentConnected: false })]) }],
    ['it is DRAINING', { facts: facts([instance(1, { status: 'DRAINING' })]) }],
    ['it is REGISTERING', { facts: facts([instance(1, { status: 'REGISTERING' })]) }],
    ['it has no id to pin a task to', { facts: facts([instance(1, { ec2InstanceId: null })]) }],
    ['its backoff is not over', { slots: [vacant(1, { tries: tries(1, { reason: 'x', until: ago(-1) }) })] }],
    ['only a look shows it, gone', { looks: { instances: [host(1)] } }],
  ])('not when %s', (_, scene) => {
    expect(launchedOn(plan({ facts: facts([instance(1)]), ...scene }))).toEqual([]);
  });

  test('a task that stopped is replaced, and a later death waits longer', () => {
    const dies = (count: number): Scene => ({
      facts: facts([instance(1)], [stopped(1)]),
      slots: [starting(1, ago(30), { tries: tries(count, { until: ago(100) }) })],
    });
    expect(slotOf(plan(dies(0)), 1)?.tries).toEqual(
      tries(1, { reason: 'Essential container in task exited', until: ago(-1) }),
    );
    expect(slotOf(plan(dies(4)), 1)?.tries).toMatchObject({ count: 5, until: ago(-16) });
    expect(slotOf(plan(dies(40)), 1)?.tries.until).toBe(ago(-5 * MINUTE));
    expect(plan(dies(4)).wakeAt).toBe(ago(-16));
  });

  test('its death counts also after it had been running, unless it ran for long', () => {
    const ran = (seconds: number): Scene => {
      const { task } = slot(1);
      if (task === null) throw new Error('no task');
      const before = tries(4, { until: ago(100) });
      return {
        facts: facts([instance(1)], [stopped(1)]),
        slots: [slot(1, { task: { ...task, ranAt: ago(seconds) }, tries: before })],
      };
    };
    expect(slotOf(plan(ran(9 * MINUTE)), 1)?.tries.count).toBe(5);
    expect(slotOf(plan(ran(10 * MINUTE)), 1)?.tries.count).toBe(1);
  });

  test('a stop that a person or we asked for is no failure', () => {
    const byPerson = stopped(1, { stopCode: 'UserInitiated' });
    expect(launchedOn(plan({ facts: facts([instance(1)], [byPerson]), slots: [slot(1)] }))).toEqual([host(1)]);
    const ours = slot(1, { stop: { reason: 'draining', requestedAt: ago(5), accepted: true } });
    expect(slotOf(plan({ facts: facts([instance(1)], [stopped(1)]), slots: [ours] }), 1)).toMatchObject({
      tries: { count: 0 },
      stop: null,
    });
  });

  test('a stale listing that still shows the old task asks for a new one rather than wait for it', () => {
    const next = plan({
      facts: facts([instance(1)], [task(1)], { revision: before(REVISION.written) }),
      slots: [vacant(1)],
    });
    expect(launchedOn(next)).toEqual([]);
    expect(slotOf(next, 1)?.task).toBeNull();
    expect(next.needsSurvey).toBe(true);
    expect(next.look.tasks).toEqual([taskArn(1)]);
  });

  test('a stale listing holds nobody up once its task was described as STOPPED', () => {
    const next = plan({
      facts: facts([instance(1)], [task(1)], { revision: before(REVISION.written) }),
      slots: [vacant(1)],
      looks: { tasks: [stopped(1)] },
    });
    expect(launchedOn(next)).toEqual([host(1)]);
  });

  test('a host that lost its task goes before one that never had one', () => {
    const next = plan({ facts: facts([instance(1), instance(2)]), slots: [vacant(2)] });
    expect(launchesIn(next).map(({ launch, priority }) => [priority, launch.members[0]?.instance])).toEqual([
      ['repair', host(2)],
      ['new-host', host(1)],
    ]);
  });
});

describe('H3: only by facts listed after the environment came to be', () => {
  const stale = facts([instance(1)], [], { revision: before(REVISION.created) });

  test.each<[string, Scene]>([
    ['a new host', { facts: stale }],
    ['a host whose adopted task ended meanwhile', { facts: stale, slots: [vacant(1)] }],
  ])('%s waits for a survey', (_, scene) => {
    const next = plan(scene);
    expect(launchedOn(next)).toEqual([]);
    expect(next.waiting.get(host(1))).toBe('facts');
    expect(next.needsSurvey).toBe(true);
  });

  test('a listing begun at that very revision is enough', () => {
    expect(launchedOn(plan({ facts: facts([instance(1)], [], { revision: REVISION.created }) }))).toEqual([host(1)]);
  });
});

describe('H6: a host whose agent is disconnected is left alone', () => {
  const gone = instance(1, { agentConnected: false });

  test.each<[string, Scene]>([
    ['with a task', { slots: [slot(1)], facts: facts([gone], [task(1)]) }],
    ['with two', { slots: [slot(1)], facts: facts([gone], [task(1), task(2, { instance: host(1) })]) }],
    ['with none', { facts: facts([gone]) }],
    ['draining', { slots: [slot(1)], facts: facts([{ ...gone, status: 'DRAINING' }], [task(1)]) }],
  ])('%s', (_, scene) => {
    const next = plan(scene);
    expect(next.effects).toEqual([]);
    expect(changesOf(next).filter((change) => change.kind !== 'put-status')).toEqual([]);
    expect(next.waiting.get(host(1))).toBe('agent');
  });

  test('when it returns without a task, it gets one', () => {
    expect(
      launchedOn(
        plan({
          facts: facts([instance(1)], [stopped(1)]),
          slots: [slot(1, { stop: { reason: 'draining', requestedAt: ago(9), accepted: true } })],
        }),
      ),
    ).toEqual([host(1)]);
  });
});
