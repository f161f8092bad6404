/** What becomes of launches whose outcome is not settled. */
import { describe, expect, test } from 'vitest';
import {
  ago,
  changesOf,
  deploymentId,
  facts,
  host,
  instance,
  launch,
  launchedOn,
  launchesIn,
  launchId,
  machine,
  NOW,
  plan,
  slot,
  slotOf,
  stopped,
  task,
  taskArn,
  template,
  vacant,
  type Scene,
} from './fixtures.ts';

const SECOND = 1;
const MINUTE = 60;
/** actWithin + request timeout + clock skew. */
const OVER = 25 * SECOND;
/** and the life of a signature + visibility. */
const SHOWN = OVER + 7 * MINUTE;

const hosts = (...numbers: number[]) => numbers.map((n) => instance(n));
const openLaunches = (next: ReturnType<typeof plan>) =>
  changesOf(next).flatMap((change) => (change.kind === 'put-launch' ? [change.launch] : []));

describe('L1: while a launch is open its members get no other', () => {
  test.each([
    ['just promised', launch(1, [1, 2], ago(1), { endedAt: null })],
    ['outcome unknown', launch(1, [1, 2], ago(60))],
    ['ARNs without hosts', launch(1, [1, 2], ago(60), { returned: [taskArn(7)] })],
    ['partly observed', launch(1, [1, 2], ago(60), { noReplay: 'observed' })],
    ['older than any replay', launch(1, [1, 2], ago(46 * MINUTE))],
  ])('%s', (_, open) => {
    const next = plan({ facts: facts(hosts(1, 2, 3)), launches: [open] });
    expect(
      launchesIn(next)
        .filter((effect) => !effect.replay)
        .flatMap((effect) => effect.launch.members.map((m) => m.instance)),
    ).toEqual([host(3)]);
    expect(next.waiting.get(host(1))).toBe('launch');
  });

  test('a member whose host is gone keeps its place until the launch is settled', () => {
    const next = plan({
      facts: facts([]),
      launches: [launch(1, [1], ago(60))],
      slots: [vacant(1)],
      looks: { instances: [host(1)] },
    });
    expect(changesOf(next).filter((change) => change.kind === 'delete-slot')).toEqual([]);
  });
});

describe('L2: it settles as a whole by ECS’s answer', () => {
  const open = launch(1, [1, 2], ago(10), { returned: [taskArn(1), taskArn(2)] });
  const scene: Scene = { facts: facts(hosts(1, 2)), launches: [open] };

  test('ARNs without a host are described first', () => {
    const next = plan(scene);
    expect(next.look.tasks).toEqual([taskArn(1), taskArn(2)]);
    expect(launchesIn(next)).toEqual([]);
    expect(next.wakeAt).not.toBeNull();
  });

  test('nobody is called refused while one ARN has no host', () => {
    const next = plan({
      ...scene,
      looks: { tasks: [task(1), task(2, { instance: null, lastStatus: 'PROVISIONING' })] },
    });
    expect(next.slots.size).toBe(0);
    expect(changesOf(next).filter((change) => change.kind === 'delete-launch')).toEqual([]);
  });

  test('MISSING is no answer for an hour after the call', () => {
    const look = { tasks: [task(1), taskArn(2)] };
    expect(plan({ ...scene, looks: look }).slots.size).toBe(0);
    const late = { ...open, promisedAt: ago(61 * MINUTE) };
    const next = plan({ ...scene, launches: [late], looks: look });
    expect(slotOf(next, 1)?.task?.arn).toBe(taskArn(1));
    expect(slotOf(next, 2)).toMatchObject({ task: null, tries: { count: 1 } });
  });

  test('all mapped: the launch and its slots land in one group', () => {
    const next = plan({ ...scene, looks: { tasks: [task(1), task(2)] } });
    expect(next.changes[0]?.map((change) => change.kind)).toEqual([
      'delete-launch',
      'put-slot',
      'put-history',
      'put-history',
      'put-slot',
      'put-history',
      'put-history',
    ]);
    expect(slotOf(next, 2)?.task).toMatchObject({ arn: taskArn(2), launch: launchId(1) });
  });

  test('a conflict whose tasks are all STOPPED is a refusal', () => {
    const gone = { instance: null };
    const next = plan({ ...scene, looks: { tasks: [stopped(1, gone), stopped(2, gone)] } });
    expect(slotOf(next, 1)).toMatchObject({ task: null, tries: { count: 1 } });
    expect(changesOf(next)).toContainEqual({ kind: 'delete-launch', launch: launchId(1) });
    expect(launchesIn(next)).toEqual([]);
  });

  test('a task that came up on another registration of the machine is recorded there, and neither gets a second', () => {
    const moved = instance(9, { ec2InstanceId: machine(1) });
    const answer = { tasks: [task(1, { instance: host(9) }), task(2)] };
    const stale: Scene = { ...scene, facts: facts(hosts(1, 2)) };

    const asking = plan({ ...stale, looks: answer });
    expect(asking.look.instances).toEqual([host(9)]);
    expect(asking.slots.size).toBe(0);

    const next = plan({ ...stale, looks: { ...answer, instances: [moved] } });
    expect(slotOf(next, 9)).toMatchObject({ ec2InstanceId: machine(1), task: { arn: taskArn(1) } });
    expect(slotOf(next, 1)?.task).toBeNull();

    const later = plan({
      facts: facts(hosts(1, 2)),
      slots: [vacant(1), slot(2), slot(9, { ec2InstanceId: machine(1) })],
    });
    expect(launchedOn(later)).toEqual([]);
    expect(later.waiting.get(host(1))).toBe('other-registration');
  });

  test('two tasks of the answer on one unnamed host make one slot', () => {
    const moved = instance(9, { ec2InstanceId: machine(1) });
    const answer = { tasks: [task(1, { instance: host(9) }), task(2, { instance: host(9) })], instances: [moved] };
    const group = plan({ ...scene, looks: answer }).changes[0] ?? [];
    expect(group.flatMap((change) => (change.kind === 'put-slot' ? [change.slot.instance] : [])).toSorted()).toEqual([
      host(1),
      host(2),
      host(9),
    ]);
  });
});

describe('L3: it is repeated', () => {
  const replays = (scene: Scene) =>
    launchesIn(plan({ facts: facts(hosts(1)), ...scene })).map((effect) => effect.replay);

  test.each([
    ['not while its call may be under way', launch(1, [1], ago(OVER - 1), { endedAt: null }), []],
    ['once its call must be over', launch(1, [1], ago(OVER), { endedAt: null }), [true]],
    ['a second after a call that is known to be over', launch(1, [1], ago(3), { endedAt: ago(1) }), [true]],
    ['not at once after it', launch(1, [1], ago(3), { endedAt: ago(0.5) }), []],
    ['with growing waits', launch(1, [1], ago(60), { endedAt: ago(29), sends: 6 }), []],
    ['of thirty seconds at most', launch(1, [1], ago(60), { endedAt: ago(30), sends: 600 }), [true]],
    ['not by an ending older than the last promise', launch(1, [1], ago(10), { endedAt: ago(20) }), []],
    ['while ECS surely remembers its key', launch(1, [1], ago(44 * MINUTE)), [true]],
    ['and no longer', launch(1, [1], ago(45 * MINUTE)), []],
    ['never StartTask', launch(1, [1], ago(60), { primitive: 'StartTask' }), []],
    ['never once a member was observed', launch(1, [1], ago(60), { noReplay: 'observed' }), []],
    ['never of a template that nobody wants any more', launch(1, [1], ago(60), { template: template(2) }), []],
  ])('%s', (_, open, expected) => {
    expect(replays({ launches: [open] })).toEqual(expected);
  });

  test('not when nobody wants it: deleted, draining, gone', () => {
    const launches = [launch(1, [1], ago(60))];
    expect(replays({ launches, deletion: 'stop' })).toEqual([]);
    expect(replays({ launches, facts: facts([instance(1, { status: 'DRAINING' })]) })).toEqual([]);
    expect(replays({ launches, facts: facts([]) })).toEqual([]);
  });

  test('also when the facts are lost', () => {
    expect(launchesIn(plan({ facts: null, launches: [launch(1, [1], ago(60))] }))).toHaveLength(1);
  });

  test('as it stands, promised anew before it is sent', () => {
    const open = launch(1, [1], ago(60), { emptyListingAt: ago(30) });
    const next = plan({ facts: facts(hosts(1)), launches: [open] });
    const promised = { ...open, promisedAt: NOW, sends: 2, emptyListingAt: null };
    expect(openLaunches(next)).toEqual([promised]);
    expect(next.effects).toEqual([{ kind: 'launch', launch: promised, replay: true, priority: 'repair' }]);
  });

  test('and then an empty listing before it counts for nothing', () => {
    const promisedAt = ago(SHOWN + 10);
    const unwanted = { facts: facts([instance(1, { status: 'DRAINING' })]) };
    const before = plan({
      facts: facts(hosts(1)),
      launches: [launch(1, [1], promisedAt, { emptyListingAt: ago(20) })],
    });
    const [replayed] = openLaunches(before);
    if (replayed === undefined) throw new Error('not replayed');
    const later = { ...replayed, promisedAt, endedAt: promisedAt };
    const next = plan({ ...unwanted, launches: [later] });
    expect(changesOf(next).filter((change) => change.kind === 'delete-launch')).toEqual([]);
  });
});

describe('L4: otherwise observation alone settles it', () => {
  const unwanted = { noReplay: 'replay-refused' } as const;
  const open = launch(1, [1, 2], ago(60), unwanted);
  const young = { createdAt: ago(59) };

  test('a live task that can only be its own is described, and then it is', () => {
    const scene: Scene = { facts: facts(hosts(1, 2), [task(1, young)]), launches: [open] };
    const asking = plan(scene);
    expect(asking.look.tasks).toEqual([taskArn(1)]);
    expect(slotOf(asking, 1)).toBeUndefined();

    const next = plan({ ...scene, looks: { tasks: [task(1, young)] } });
    expect(slotOf(next, 1)?.task?.launch).toBe(launchId(1));
    expect(openLaunches(next)).toEqual([
      { ...open, members: [{ instance: host(2), ec2InstanceId: machine(2) }], noReplay: 'observed' },
    ]);
  });

  test('a task that a listing older than the promise shows, dead by now, is not taken for its own', () => {
    const scene: Scene = {
      facts: facts(hosts(1, 2), [task(1, young)]),
      launches: [open],
      looks: { tasks: [stopped(1, young)] },
    };
    const next = plan(scene);
    expect(next.slots.size).toBe(0);
    expect(openLaunches(next)).toEqual([]);
  });

  test.each([
    ['created before the promise', task(1, { createdAt: ago(60 + 6) })],
    ['started by another deployment', task(1, { ...young, startedBy: deploymentId(2) })],
    ['on another host', task(1, { ...young, instance: host(3) })],
    ['STOPPED', stopped(1, young)],
  ])('not a task %s', (_, other) => {
    const next = plan({ facts: facts(hosts(1, 2), [other]), launches: [open], looks: { tasks: [other] } });
    expect(slotOf(next, 1)).toBeUndefined();
  });

  test('not a task that another launch or slot recorded', () => {
    const elsewhere = task(1, young);
    const bySlot = plan({
      facts: facts(hosts(1, 2), [elsewhere]),
      launches: [open],
      slots: [slot(3, { task: { ...present(3), arn: taskArn(1) } })],
      looks: { tasks: [elsewhere] },
    });
    expect(slotOf(bySlot, 1)).toBeUndefined();
    const byLaunch = plan({
      facts: facts(hosts(1, 2), [elsewhere]),
      launches: [open, launch(2, [3], ago(60), { returned: [taskArn(1), taskArn(5)] })],
      looks: { tasks: [elsewhere] },
    });
    expect(slotOf(byLaunch, 1)).toBeUndefined();
  });

  test('also one on a later registration of the machine, as the request names machines', () => {
    const listed = facts([...hosts(1), instance(9, { ec2InstanceId: machine(1) })], [task(1, { instance: host(9) })]);
    const open = launch(1, [1], ago(60), { ...unwanted, committedAt: ago(5_000) });
    const found = task(1, { instance: host(9), createdAt: ago(4_000) });
    const scene: Scene = { facts: { ...listed, tasks: new Map([['daemon:agent', [found]]]) }, launches: [open] };
    expect(plan(scene).look.tasks).toEqual([taskArn(1)]);
    const next = plan({ ...scene, looks: { tasks: [found] } });
    expect(changesOf(next)).toContainEqual({ kind: 'delete-launch', launch: launchId(1) });
    expect(slotOf(next, 9)).toMatchObject({ task: { arn: taskArn(1), launch: launchId(1) } });
    expect(slotOf(next, 1)).toMatchObject({ task: null, tries: { count: 1 } });
    expect(launchedOn(next)).toEqual([]);
  });

  test('not while the call that made it may still bring its own answer', () => {
    const found = task(1, { createdAt: ago(4) });
    const under = launch(1, [1], ago(5), { ...unwanted, endedAt: null });
    const next = plan({ facts: facts(hosts(1), [found]), launches: [under], looks: { tasks: [found] } });
    expect(next.slots.size).toBe(0);
    expect(next.wakeAt).toBe(ago(5 - OVER));
  });

  const silent = launch(1, [1], ago(SHOWN + 60), { ...unwanted, endedAt: null });
  const listing = (begun: ReturnType<typeof ago>) => facts(hosts(1), [], { startedAt: begun });

  test.each([
    ['while its call may be under way', launch(1, [1], ago(OVER - 1), { ...unwanted, endedAt: null }), ago(0)],
    ['by a listing begun too early', silent, ago(60)],
    ['by one listing', silent, ago(1)],
    ['by the same listing twice', { ...silent, emptyListingAt: ago(1) }, ago(1)],
    ['when it has a known ARN', { ...silent, emptyListingAt: ago(30), returned: [taskArn(1)] }, ago(1)],
  ])('no member is freed %s', (_, open, begun) => {
    const next = plan({ facts: listing(begun), launches: [open] });
    expect(changesOf(next).filter((change) => change.kind === 'delete-launch')).toEqual([]);
    expect(next.wakeAt).not.toBeNull();
  });

  test('a first empty listing is remembered, and another asked for', () => {
    const next = plan({ facts: listing(ago(1)), launches: [silent] });
    expect(openLaunches(next)).toEqual([{ ...silent, emptyListingAt: ago(1) }]);
    expect(next.needsSurvey).toBe(true);
  });

  test('a second, later one frees the members, at the cost of an attempt', () => {
    const next = plan({ facts: listing(ago(1)), launches: [{ ...silent, emptyListingAt: ago(30) }] });
    expect(next.changes[0]?.map((change) => change.kind)).toEqual(['delete-launch', 'put-slot', 'put-history']);
    expect(slotOf(next, 1)).toMatchObject({ task: null, tries: { count: 1 } });
    expect(launchedOn(next)).toEqual([]);
  });

  test('not while a task there waits to be described', () => {
    const shown = facts(hosts(1), [task(1, { createdAt: ago(400) })], { startedAt: ago(1) });
    const next = plan({ facts: shown, launches: [{ ...silent, emptyListingAt: ago(30) }] });
    expect(next.look.tasks).toEqual([taskArn(1)]);
    expect(next.slots.size).toBe(0);
  });
});

function present(n: number) {
  const { task } = slot(n);
  if (task === null) throw new Error('no task');
  return task;
}
