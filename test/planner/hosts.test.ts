/** What one host needs. */
import { describe, expect, test } from 'vitest';
import { as, type Revision } from '../../src/domain/ids.ts';
import {
  ago,
  changesOf,
  definition,
  facts,
  host,
  instance,
  launch,
  launchedOn,
  launchesIn,
  NOW,
  plan,
  REVISION,
  revisionId,
  slot,
  slotOf,
  starting,
  stopped,
  stopsIn,
  task,
  taskArn,
  template,
  tries,
  vacant,
  type Scene,
} from './fixtures.ts';

const MINUTE = 60;
const before = (revision: Revision): Revision => as<Revision>(revision - 1);

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

describe('H4: a live task without a slot is adopted, never doubled', () => {
  test('on a host we know nothing of', () => {
    const next = plan({ facts: facts([instance(1)], [task(1)]) });
    expect(next.effects).toEqual([]);
    expect(slotOf(next, 1)?.task).toEqual({
      arn: taskArn(1),
      launch: null,
      revision: revisionId(1),
      template: template(1),
      taskDefinition: definition(1),
      placedAt: NOW,
      ranAt: NOW,
      readyAt: NOW,
      missingSince: null,
    });
  });

  test('one that has not reached RUNNING is looked at again soon', () => {
    const next = plan({ facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]) });
    expect(slotOf(next, 1)?.task?.ranAt).toBeNull();
    expect(next.wakeAt).toBe(ago(-0.5));
  });

  test('also before the first deployment', () => {
    expect(slotOf(plan({ facts: facts([instance(1)], [task(1)]), spec: { target: null } }), 1)?.task?.arn).toBe(
      taskArn(1),
    );
  });

  test('not by a listing older than the environment, or than what we wrote of the host', () => {
    const older = (revision: Revision) => facts([instance(1)], [task(1)], { revision: before(revision) });
    expect(plan({ facts: older(REVISION.created) }).slots.size).toBe(0);
    expect(slotOf(plan({ facts: older(REVISION.written), slots: [vacant(1)] }), 1)?.task).toBeNull();
  });

  test('not while a launch is open there: it may be the launch’s own', () => {
    expect(plan({ facts: facts([instance(1)], [task(1)]), launches: [launch(1, [1], ago(1))] }).slots.size).toBe(0);
  });

  test.each([
    [
      'the current definition before others',
      { taskDefinition: definition(9), createdAt: ago(500) },
      { createdAt: ago(100) },
      2,
    ],
    ['the oldest', { createdAt: ago(100) }, { createdAt: ago(500) }, 2],
    ['the lower ARN', {}, {}, 1],
  ])('of several, %s', (_, first, second, kept) => {
    const tasks = [task(1, first), task(2, { instance: host(1), ...second })];
    for (const listed of [tasks, tasks.toReversed()]) {
      expect(slotOf(plan({ facts: facts([instance(1)], listed) }), 1)?.task?.arn).toBe(taskArn(kept));
    }
  });
});

describe('H5: of two live tasks the recorded one stays', () => {
  const scene: Scene = {
    facts: facts([instance(1)], [task(2, { instance: host(1), createdAt: ago(999) }), task(1)]),
    slots: [slot(1)],
  };

  test('the other is described, then stopped', () => {
    expect(plan(scene)).toMatchObject({ effects: [], look: { tasks: [taskArn(2)] } });
    expect(stopsIn(plan({ ...scene, looks: { tasks: [task(2, { instance: host(1) })] } }))).toEqual([
      [taskArn(2), 'duplicate'],
    ]);
  });

  test('once: not when it is on its way out, nor when it is gone', () => {
    const leaving = task(2, { instance: host(1), desiredStatus: 'STOPPED' });
    expect(stopsIn(plan({ ...scene, looks: { tasks: [leaving] } }))).toEqual([]);
    expect(stopsIn(plan({ ...scene, looks: { tasks: [stopped(2, { instance: host(1) })] } }))).toEqual([]);
  });

  test('not while ECS does not know the recorded one: the other may be all there is, and takes its place in the end', () => {
    const other = task(2, { instance: host(1) });
    const listed = { ...scene, facts: facts([instance(1)], [other]) };
    const missing = { ...listed, looks: { tasks: [taskArn(1), other] } };
    expect(plan(missing)).toMatchObject({ effects: [] });
    expect(slotOf(plan(missing), 1)?.task).toMatchObject({ arn: taskArn(1), missingSince: NOW });
    const placed = slot(1).task;
    const since = (seconds: number): Scene => ({
      ...listed,
      slots: [slot(1, { task: placed === null ? null : { ...placed, missingSince: ago(seconds) } })],
    });
    expect(plan({ ...since(60), looks: { tasks: [other] } })).toMatchObject({ effects: [] });
    const believed = plan({ ...since(60 * MINUTE), looks: { tasks: [taskArn(1), other] } });
    expect(slotOf(believed, 1)?.task?.arn).toBe(taskArn(2));
    expect(believed.effects).toEqual([]);
  });

  test('a task of another group, or of another host, is none of ours', () => {
    const foreign = facts([instance(1)], [task(1)]);
    const others = new Map([
      ...foreign.tasks,
      ['daemon:other', [task(2, { instance: host(1), group: 'daemon:other' })]],
    ]);
    expect(plan({ ...scene, facts: { ...foreign, tasks: others } })).toMatchObject({
      effects: [],
      look: { tasks: [] },
    });
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

describe('H7: a slot is forgotten only when ECS, asked, does not know the instance any more', () => {
  const scene: Scene = { facts: facts([]), slots: [slot(1)] };

  test('not being listed proves nothing: the instance is described first', () => {
    const next = plan(scene);
    expect(next.look.instances).toEqual([host(1)]);
    expect(next.slots.has(host(1))).toBe(true);
  });

  test.each([
    ['MISSING', host(1)],
    ['INACTIVE', instance(1, { status: 'INACTIVE', agentConnected: false })],
  ])('forgotten when %s', (_, answer) => {
    expect(changesOf(plan({ ...scene, looks: { tasks: [task(1)], instances: [answer] } }))).toContainEqual({
      kind: 'delete-slot',
      instance: host(1),
    });
  });

  test('kept when it is there after all', () => {
    expect(plan({ ...scene, looks: { tasks: [task(1)], instances: [instance(1)] } }).slots.has(host(1))).toBe(true);
  });

  test('kept while a launch for it is open', () => {
    const next = plan({
      ...scene,
      slots: [vacant(1)],
      launches: [launch(1, [1], ago(1))],
      looks: { instances: [host(1)] },
    });
    expect(next.slots.has(host(1))).toBe(true);
    expect(next.waiting.get(host(1))).toBe('launch');
  });

  test('a listing older than the slot is not enough to ask, so a newer one is asked for', () => {
    const next = plan({ ...scene, facts: facts([], [], { revision: before(REVISION.written) }) });
    expect(next.look.instances).toEqual([]);
    expect(next.needsSurvey).toBe(true);
  });
});

describe('a drain', () => {
  const draining = (foreignTasks: number, since: ReturnType<typeof ago> | null): Scene => ({
    facts: facts([instance(1, { status: 'DRAINING', foreignTasks })], [task(1)]),
    slots: [slot(1, { drainingSince: since })],
  });

  test('waits for the tasks of others', () => {
    const next = plan(draining(1, null));
    expect(stopsIn(next)).toEqual([]);
    expect(slotOf(next, 1)?.drainingSince).toBe(NOW);
    expect(next.wakeAt).toBe(ago(-10 * MINUTE));
  });

  test('ends with ours once they are gone', () => {
    const next = plan(draining(0, ago(5)));
    expect(stopsIn(next)).toEqual([[taskArn(1), 'draining']]);
    expect(changesOf(next)).toContainEqual(
      expect.objectContaining({
        kind: 'put-slot',
        slot: expect.objectContaining({ stop: { reason: 'draining', requestedAt: NOW, accepted: false } }),
      }),
    );
  });

  test('or when the deadline passes', () => {
    expect(stopsIn(plan(draining(3, ago(10 * MINUTE - 1))))).toEqual([]);
    expect(stopsIn(plan(draining(3, ago(10 * MINUTE))))).toEqual([[taskArn(1), 'draining']]);
  });

  test('keeps a task that is UNHEALTHY: no other could take its place', () => {
    const sick = task(1, { health: 'UNHEALTHY' });
    const shown = (status: string, foreignTasks: number): Scene => ({
      facts: facts([instance(1, { status, foreignTasks })], [sick]),
      slots: [slot(1)],
      looks: { tasks: [sick] },
    });
    expect(stopsIn(plan(shown('DRAINING', 1)))).toEqual([]);
    expect(stopsIn(plan(shown('DRAINING', 0)))).toEqual([[taskArn(1), 'draining']]);
    expect(stopsIn(plan(shown('ACTIVE', 1)))).toEqual([[taskArn(1), 'unhealthy']]);
  });

  test('a stop that was accepted is not asked for again', () => {
    const scene = draining(0, ago(5));
    expect(
      stopsIn(
        plan({
          ...scene,
          slots: [
            slot(1, { drainingSince: ago(5), stop: { reason: 'draining', requestedAt: ago(4), accepted: true } }),
          ],
        }),
      ),
    ).toEqual([]);
  });

  test('called off is forgotten', () => {
    const next = plan({ facts: facts([instance(1)], [task(1)]), slots: [slot(1, { drainingSince: ago(5) })] });
    expect(slotOf(next, 1)?.drainingSince).toBeNull();
  });
});
