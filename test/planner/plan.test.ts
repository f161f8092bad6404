/** The plan as a whole: rest, limits, and what it asks for. */
import { describe, expect, test } from 'vitest';
import type { Instance } from '../../src/domain/facts.ts';
import { planEnvironment } from '../../src/planner/plan.ts';
import { progressCodec, statusCodec } from '../../src/store/codec.ts';
import {
  ago,
  changesOf,
  definition,
  facts,
  freeze,
  host,
  instance,
  launch,
  launchedOn,
  launchesIn,
  machine,
  minting,
  NOW,
  observation,
  plan,
  POLICY,
  revisionId,
  RUNNING_PROGRESS,
  slot,
  slotOf,
  starting,
  stopsIn,
  task,
  taskArn,
  tries,
  vacant,
  type Scene,
} from './fixtures.ts';

const range = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);

describe('at rest', () => {
  const settled: Scene = {
    slots: range(3).map((n) => slot(n)),
    facts: facts(
      range(3).map((n) => instance(n)),
      range(3).map((n) => task(n)),
    ),
    status: {
      health: 'healthy',
      reasons: [],
      hosts: { eligible: 3, running: 3, ready: 3, updated: 3, starting: 0, failed: 0, disconnected: 0, draining: 0 },
      revisions: [revisionId(1)],
    },
  };

  test('all hosts RUNNING: no change, no call, no look, no wake-up, no survey', () => {
    const quiet = plan(settled);
    expect(quiet).toMatchObject({
      changes: [],
      effects: [],
      look: { tasks: [], instances: [], taskDefinitions: [], alarms: [] },
      wakeAt: null,
      needsSurvey: false,
      finished: false,
    });
    expect(quiet.waiting.size).toBe(0);
  });

  test.each<[string, Scene]>([
    [
      'an agent is disconnected',
      {
        ...settled,
        facts: facts(
          range(3).map((n) => instance(n, { agentConnected: n > 1 })),
          range(3).map((n) => task(n)),
        ),
      },
    ],
    [
      'a host is failed and waits',
      {
        facts: facts([instance(1)]),
        slots: [vacant(1, { tries: tries(4, { reason: 'RESOURCE:CPU', until: ago(-60) }) })],
      },
    ],
    [
      'hosts drain',
      { facts: facts([instance(1, { status: 'DRAINING', foreignTasks: 2 })], [task(1)]), slots: [slot(1)] },
    ],
    [
      'a task starts',
      {
        facts: facts([instance(1)], [task(1, { lastStatus: 'PENDING' })]),
        slots: [starting(1, ago(600))],
        progress: RUNNING_PROGRESS,
      },
    ],
    [
      'a launch is open',
      { facts: facts([instance(1)]), launches: [launch(1, [1], ago(600), { noReplay: 'observed' })] },
    ],
    ['a task is MISSING', { facts: facts([instance(1)]), slots: [slot(1)], looks: { tasks: [taskArn(1)] } }],
    ['the environment is deleted', { facts: facts([instance(1)], [task(1)]), slots: [slot(1)], deletion: 'stop' }],
    ['the task definition is INACTIVE', { facts: facts([instance(1)]), looks: { definition: 'INACTIVE' } }],
  ])('%s: planned again after its changes landed, it writes nothing and does not wake at once', (_, scene) => {
    let world = observation(scene).world;
    for (let turn = 1; turn <= 3; turn += 1) {
      const seen = { ...observation(scene), world };
      const next = planEnvironment(seen, POLICY, minting());
      if (turn > 1) expect(changesOf(next)).toEqual([]);
      if (next.wakeAt !== null) expect(next.wakeAt).toBeGreaterThan(NOW);
      world = landed(world, next);
    }
  });

  test('what the store gives back is no news: status and progress read by the codec are equal', () => {
    const scene: Scene = {
      slots: [vacant(1, { tries: tries(3, { reason: 'RESOURCE:CPU', until: ago(-60) }) })],
      facts: facts([instance(1), instance(2, { agentConnected: false })]),
      progress: RUNNING_PROGRESS,
    };
    const first = changesOf(plan(scene));
    const status = first.flatMap((change) => (change.kind === 'put-status' ? [change.status] : []))[0];
    const progress = first.flatMap((change) => (change.kind === 'put-progress' ? [change.progress] : []))[0];
    if (status === undefined || progress === undefined) throw new Error('no status or progress');
    const statusRead = statusCodec.decode(statusCodec.encode(status));
    const progressRead = progressCodec.decode(progressCodec.encode(progress));
    if (!statusRead.ok || !progressRead.ok) throw new Error('unreadable');
    expect(changesOf(plan({ ...scene, status: statusRead.value, progress: progressRead.value }))).toEqual([]);
  });
});

/** The world with the plan's changes in it. */
function landed(
  world: Scene extends never ? never : ReturnType<typeof observation>['world'],
  next: ReturnType<typeof plan>,
) {
  const slots = new Map(world.slots);
  const launches = new Map(world.launches);
  const progress = new Map(world.progress);
  let { status } = world;
  for (const change of changesOf(next)) {
    const at = { created: world.spec.created, modified: world.spec.modified };
    if (change.kind === 'put-slot') slots.set(change.slot.instance, { value: change.slot, ...at });
    if (change.kind === 'delete-slot') slots.delete(change.instance);
    if (change.kind === 'put-launch') launches.set(change.launch.id, { value: change.launch, ...at });
    if (change.kind === 'delete-launch') launches.delete(change.launch);
    if (change.kind === 'put-progress') progress.set(change.progress.id, change.progress);
    if (change.kind === 'put-status') status = change.status;
  }
  return { ...world, slots, launches, progress, status };
}

describe('launching', () => {
  const hosts = (count: number): Scene => ({ facts: facts(range(count).map((n) => instance(n))) });

  test('every launch is promised in the changes, and nothing else is launched', () => {
    const next = plan(hosts(25));
    const promised = changesOf(next).flatMap((change) => (change.kind === 'put-launch' ? [change.launch] : []));
    expect(launchesIn(next).map((effect) => effect.launch)).toEqual(promised);
    expect(promised.map((launch) => launch.members.length)).toEqual([10, 10, 5]);
  });

  test('the task definition is asked about first, and nothing is launched without the answer', () => {
    const before = plan({ ...hosts(2), looks: { definition: null } });
    expect(before.look.taskDefinitions).toEqual([definition(1)]);
    expect(before.effects).toEqual([]);
    expect([...before.waiting.values()]).toEqual(['facts', 'facts']);
    expect(before.wakeAt).not.toBeNull();
  });

  test('a deregistered task definition stops launches and says so, while stops go on', () => {
    const next = plan({
      facts: facts([instance(1), instance(2, { status: 'DRAINING' })], [task(2)]),
      slots: [slot(2)],
      looks: { definition: 'INACTIVE' },
    });
    expect(launchesIn(next)).toEqual([]);
    expect(next.waiting.get(host(1))).toBe('task-definition');
    expect(stopsIn(next)).toEqual([[taskArn(2), 'draining']]);
    const status = changesOf(next).find((change) => change.kind === 'put-status');
    expect(status).toMatchObject({
      status: {
        health: 'unhealthy',
        reasons: ['1 host has no ready task: the task definition is not ACTIVE any more (000001)'],
      },
    });
  });

  test('before the first deployment nothing is launched', () => {
    expect(plan({ ...hosts(2), spec: { target: null } }).effects).toEqual([]);
  });

  test('a turn promises as many launches as it may, and the next follows at once', () => {
    const next = plan(hosts(25), { launchesPerTurn: 2 });
    expect(launchesIn(next)).toHaveLength(2);
    expect([...next.waiting.values()].filter((why) => why === 'turn-limit')).toHaveLength(5);
    expect(next.wakeAt).toBe(NOW);
  });

  test('repetitions count against the same limit', () => {
    const open = range(3).map((n) => launch(n, [n], ago(60)));
    const next = plan({ facts: facts(range(5).map((n) => instance(n))), launches: open }, { launchesPerTurn: 2 });
    expect(launchesIn(next).map((effect) => effect.replay)).toEqual([true, true]);
    expect(next.wakeAt).toBe(NOW);
  });
});

describe('machines that registered twice (rule 6)', () => {
  const twice = [instance(1), instance(2, { ec2InstanceId: machine(1), registeredAt: ago(10) })];

  test('of two registrations without a task only the latest is launched on', () => {
    const next = plan({ facts: facts(twice) });
    expect(launchedOn(next)).toEqual([host(2)]);
    expect(next.waiting.get(host(1))).toBe('other-registration');
  });

  test.each<[string, Scene]>([
    ['a recorded task', { facts: facts(twice), slots: [slot(1)] }],
    ['an open launch', { facts: facts(twice), launches: [launch(1, [1], ago(1))] }],
    ['a live task not recorded before', { facts: facts(twice, [task(1)]) }],
    [
      'a live task behind a disconnected agent',
      { facts: facts([instance(1, { agentConnected: false }), ...twice.slice(1)], [task(1)]) },
    ],
  ])('nothing is launched on one while the other has %s', (_, scene) => {
    const next = plan(scene);
    expect(launchedOn(next)).toEqual([]);
    expect(next.waiting.get(host(2))).toBe('other-registration');
  });

  describe('the agent of the earlier one is gone', () => {
    const listed = facts([instance(1, { agentConnected: false }), ...twice.slice(1)], [task(1)]);
    const since = (seconds: number) => slot(1, { supersededSince: ago(seconds) });
    const quiet = POLICY.supersededAfterMs / 1_000;

    test('from the first sight of it the time counts, also where no slot was', () => {
      for (const slots of [[slot(1)], []]) {
        const next = plan({ facts: listed, slots });
        expect(slotOf(next, 1)?.supersededSince).toBe(NOW);
        expect(next.wakeAt).toBeLessThanOrEqual(ago(-quiet));
        expect(launchedOn(next)).toEqual([]);
      }
    });

    test('then the later one is launched on, and the task that nobody can stop stays on record', () => {
      expect(launchedOn(plan({ facts: listed, slots: [since(quiet - 1)] }))).toEqual([]);
      const next = plan({ facts: listed, slots: [since(quiet)] });
      expect(launchedOn(next)).toEqual([host(2)]);
      expect(slotOf(next, 1)?.task?.arn).toBe(taskArn(1));
    });

    test('not while a launch is open there', () => {
      const open = launch(1, [1], ago(1));
      expect(launchedOn(plan({ facts: listed, slots: [since(quiet)], launches: [open] }))).toEqual([]);
    });

    test('not when it comes back: then the time begins anew', () => {
      const next = plan({ facts: facts(twice, [task(1)]), slots: [since(quiet)] });
      expect(launchedOn(next)).toEqual([]);
      expect(slotOf(next, 1)?.supersededSince).toBeNull();
    });

    test.each<[string, Partial<Instance>]>([
      ['registered earlier', { registeredAt: ago(99_999) }],
      ['has no agent either', { agentConnected: false }],
    ])('not when the other %s', (_, changes) => {
      const other = { ...listed, instances: new Map(listed.instances) };
      other.instances.set(host(2), instance(2, { ec2InstanceId: machine(1), registeredAt: ago(10), ...changes }));
      expect(launchedOn(plan({ facts: other, slots: [since(quiet)] }))).toEqual([]);
    });
  });

  test('once the other is forgotten, the launch comes in the same turn: nothing else would wake us for it', () => {
    const next = plan({
      facts: facts(twice.slice(1)),
      slots: [slot(1)],
      looks: { tasks: [task(1)], instances: [host(1)] },
    });
    expect(next.slots.has(host(1))).toBe(false);
    expect(launchedOn(next)).toEqual([host(2)]);
  });
});

describe('stops', () => {
  const draining = (count: number): Scene => ({
    facts: facts(
      range(count).map((n) => instance(n, { status: 'DRAINING' })),
      range(count).map((n) => task(n)),
    ),
    slots: range(count).map((n) => slot(n, { stop: { reason: 'draining', requestedAt: ago(60), accepted: false } })),
  });

  test('a turn asks for as many as it may, and the rest is not forgotten', () => {
    const next = plan(draining(5), { stopsPerTurn: 2 });
    expect(stopsIn(next)).toHaveLength(2);
    expect(next.wakeAt).not.toBeNull();
  });

  test('stops that ECS refuses are not asked for in a hot loop', () => {
    expect(plan(draining(5), { stopsPerTurn: 2 }).wakeAt).toBeGreaterThan(NOW);
  });
});

describe('looks', () => {
  test('what does not fit the turn brings another one', () => {
    const lost = range(5).map((n) => slot(n));
    const next = plan({ facts: facts(range(5).map((n) => instance(n))), slots: lost }, { looksPerTurn: 2 });
    expect(next.look.tasks).toHaveLength(2);
    expect(next.wakeAt).toBe(ago(-1));
  });

  test('a question answered in this turn is not asked again in it', () => {
    const scene: Scene = { facts: facts([instance(1)]), slots: [starting(1, ago(10))] };
    expect(plan(scene).look.tasks).toEqual([taskArn(1)]);
    const pending = task(1, { lastStatus: 'PENDING' });
    expect(plan({ ...scene, looks: { tasks: [pending] } }).look.tasks).toEqual([]);
  });
});

test('facts unknown: a survey is asked for and nothing is launched, stopped or forgotten', () => {
  const next = plan({ slots: [slot(1), vacant(2)] });
  expect(next.needsSurvey).toBe(true);
  expect(next.effects).toEqual([]);
  expect(changesOf(next)).toEqual([]);
});

test('the same observation gives the same plan, and is not changed', () => {
  const scene: Scene = {
    facts: facts(
      [instance(1), instance(2), instance(3, { status: 'DRAINING' })],
      [task(3), task(4, { instance: host(2) })],
    ),
    slots: [slot(3), vacant(1)],
    launches: [launch(5, [5], ago(60))],
    progress: null,
  };
  const seen = freeze(observation(scene));
  expect(planEnvironment(seen, POLICY, minting())).toEqual(planEnvironment(seen, POLICY, minting()));
});
