/** What each host is to have while a deployment rolls out. */
import { describe, expect, test } from 'vitest';
import { NO_ORDERS } from '../../src/domain/environment.ts';
import { as, type EnvironmentName, type Template } from '../../src/domain/ids.ts';
import type { Wave } from '../../src/domain/revision.ts';
import {
  ago,
  at,
  changesOf,
  definition,
  deployment,
  deploymentId,
  facts,
  host,
  instance,
  launch,
  launchedOn,
  launchesIn,
  machine,
  NOW,
  plan,
  progress,
  revision,
  revisionId,
  slot,
  slotOf,
  stopped,
  stopsIn,
  task,
  taskArn,
  template,
  vacant,
  type Scene,
} from './fixtures.ts';
import { replacedIn, rolling, taken, updated, waitingIn, type RolloutParts } from './rollout-scenes.ts';

const AUTO = { promote: 'auto', bakeMinutes: 0 } as const;
const byZone: readonly Wave[] = [
  { ...AUTO, name: 'zone=a', of: { kind: 'attribute', name: 'zone', value: 'a' } },
  { ...AUTO, name: 'the rest', of: null },
];
const inZone = (n: number, zone: string) => instance(n, { attributes: new Map([['zone', zone]]) });
const given = (scene: Scene) =>
  launchesIn(plan(scene)).flatMap(({ launch }) => launch.members.map((one) => [one.instance, launch.template]));

describe('R1: a host without a task gets', () => {
  const parts: RolloutParts = { slots: [taken(1), vacant(2)], instances: [inZone(1, 'a'), inZone(2, 'b')] };

  test('the target’s where its wave is open, what was last completed where it is not', () => {
    const first = { waves: byZone, open: 1, openedAt: ago(5) };
    expect(given(rolling(2, { ...parts, progress: first }))).toEqual([
      [host(1), template(2)],
      [host(2), template(1)],
    ]);
  });

  test.each<[string, RolloutParts]>([
    [
      'tripped',
      { configuration: { rollback: 'pause' }, progress: { state: 'paused', trip: { reason: 'x', resumes: 0 } } },
    ],
    ['failed', { progress: { state: 'failed', endedAt: ago(5) } }],
    ['cancelled', { progress: { state: 'cancelled', endedAt: ago(5) } }],
  ])('what was last completed, everywhere, once the rollout %s', (_, ended) => {
    const scene = rolling(3, { ...parts, ...ended, slots: [...(parts.slots ?? []), updated(3)] });
    expect(given(scene)).toEqual([
      [host(1), template(1)],
      [host(2), template(1)],
    ]);
    // Nothing happened to host 3: it keeps what it has.
    expect(stopsIn(plan(scene))).toEqual([]);
  });

  test('nothing while its wave is closed and nothing was completed before', () => {
    const scene = rolling(2, { ...parts, progress: { waves: byZone, open: 1 }, deployment: { base: null } });
    expect(given(scene)).toEqual([[host(1), template(2)]]);
    expect(waitingIn(plan(scene))).toMatchObject({ 2: 'wave' });
  });

  test('a launch of what nobody wants any more is not repeated', () => {
    const open = launch(2, [1], ago(60), { template: template(2), deployment: deploymentId(2) });
    const repeated = (parts: RolloutParts) =>
      launchesIn(plan({ ...rolling(1, { slots: [vacant(1)], ...parts }), launches: [open] })).map(
        ({ replay }) => replay,
      );
    expect(repeated({})).toEqual([true]);
    expect(repeated({ spec: { orders: { ...NO_ORDERS, paused: true } } })).toEqual([true]);
    expect(repeated({ progress: { state: 'cancelled', endedAt: ago(5) } })).toEqual([]);
    expect(repeated({ spec: { frozen: true } })).toEqual([]);
    expect(repeated({ spec: { excluded: [host(1)] } })).toEqual([]);
  });
});

describe('R2: tasks are taken away for a rollout', () => {
  test.each<[string, RolloutParts, readonly number[]]>([
    ['while it runs', {}, [1]],
    ['also when it has completed: a host that came back is caught up', { progress: { state: 'completed' } }, [1]],
    ['not while it is paused', { progress: { state: 'paused', trip: { reason: 'x', resumes: 0 } } }, []],
    ['not when it was cancelled', { progress: { state: 'cancelled' } }, []],
    ['not when it failed', { progress: { state: 'failed' } }, []],
    ['not while the environment is frozen', { spec: { frozen: true } }, []],
    ['not while its alarms are not known', { configuration: { alarms: ['errors'] } }, []],
  ])('%s', (_, parts, expected) => {
    expect(replacedIn(plan(rolling(1, parts)))).toEqual(expected);
  });
});

test('while its alarms are not known no wave opens, and that is what a host without a task waits for', () => {
  const parts = { configuration: { alarms: ['errors'] }, deployment: { base: null }, slots: [vacant(1)] };
  expect(waitingIn(plan(rolling(1, { ...parts, progress: null })))).toEqual({ 1: 'alarms' });
  expect(waitingIn(plan(rolling(1, { ...parts, progress: null, alarms: { errors: 'OK' } })))).toEqual({ 1: 'launch' });
});

describe('R3: which hosts count is said by the query', () => {
  const query = 'attribute:zone == a';
  const instances = [inZone(1, 'a'), inZone(2, 'b'), inZone(3, 'a'), inZone(4, 'b')];

  test('a host that the target’s does not match loses its task, one without a task gets none', () => {
    const next = plan(
      rolling(4, { revision: { query }, instances, slots: [updated(1), updated(2), vacant(3), vacant(4)] }),
    );
    expect(stopsIn(next)).toEqual([[taskArn(102), 'not-matching']]);
    expect(launchedOn(next)).toEqual([host(3)]);
    expect(waitingIn(next)).toMatchObject({ 2: 'not-matching', 4: 'not-matching' });
  });

  test('it is that of the deployment the host is to have', () => {
    const waves: readonly Wave[] = [{ ...AUTO, name: 'none', of: { kind: 'canary', hosts: 1 } }, ...byZone.slice(1)];
    const canary = { canary: { deployment: deploymentId(2), wave: 0 } };
    const scene = rolling(4, { revision: { query }, instances, progress: { waves }, slots: [slot(1, canary)] });
    expect(stopsIn(plan(scene))).toEqual([[taskArn(1), 'update']]);
    expect(waitingIn(plan(scene))).toEqual({ 1: 'stop', 3: 'wave' });
  });

  test('hosts that do not match are no part of the budget’s denominator', () => {
    const configuration = { maxUnavailable: '50%' } as const;
    const scene = rolling(4, { revision: { query }, configuration, instances: instances.slice(0, 3) });
    expect(replacedIn(plan(scene))).toEqual([1]);
  });

  test('one that cannot be read tells nothing: nothing is launched and nothing stopped', () => {
    const next = plan(rolling(2, { revision: { query: '((' }, slots: [vacant(1)] }));
    expect(next.effects).toEqual([]);
  });
});

describe('H8: hosts that are left alone', () => {
  test('an excluded one, whatever its task does', () => {
    const spec = { excluded: [host(1)] };
    const sick = (changes: RolloutParts['looks']) => plan(rolling(1, { spec, looks: { ...changes } }));
    expect(waitingIn(sick({}))).toEqual({ 1: 'excluded' });
    expect(sick({}).effects).toEqual([]);
    expect(sick({ tasks: [task(1, { health: 'UNHEALTHY' })] }).effects).toEqual([]);
    expect(slotOf(sick({ tasks: [task(1, { health: 'UNHEALTHY' })] }), 1)?.stop).toBeNull();
    expect(sick({ tasks: [stopped(1)] }).effects).toEqual([]);
    expect(slotOf(sick({ tasks: [stopped(1)] }), 1)?.task).toBeNull();
  });

  test('stops that ECS has not accepted are not asked for there', () => {
    const stop = { reason: 'draining', requestedAt: ago(60), accepted: false } as const;
    const parts = {
      slots: [slot(1, { stop, drainingSince: ago(60) })],
      instances: [instance(1, { status: 'DRAINING' })],
    };
    expect(stopsIn(plan(rolling(1, parts)))).toEqual([[taskArn(1), 'draining']]);
    expect(stopsIn(plan(rolling(1, { ...parts, spec: { excluded: [host(1)] } })))).toEqual([]);
  });

  test('one whose agent is gone: that its task is UNHEALTHY may be old', () => {
    const looks = { tasks: [task(1, { health: 'UNHEALTHY' })] } as const;
    expect(stopsIn(plan(rolling(1, { looks, slots: [slot(1)], configuration: { alarms: ['x'] } })))).toEqual([
      [taskArn(1), 'unhealthy'],
    ]);
    const gone = [instance(1, { agentConnected: false })];
    expect(stopsIn(plan(rolling(1, { looks, instances: gone })))).toEqual([]);
  });

  test('all of them, while the environment is frozen', () => {
    const next = plan(
      rolling(4, {
        spec: { frozen: true },
        slots: [vacant(1), slot(3, { stop: { reason: 'draining', requestedAt: ago(9), accepted: false } })],
        instances: [instance(2, { status: 'DRAINING' })],
        looks: { tasks: [task(4, { health: 'UNHEALTHY' })] },
      }),
    );
    expect(next.effects).toEqual([]);
    expect(waitingIn(next)).toEqual({ 1: 'frozen', 2: 'frozen', 3: 'frozen', 4: 'frozen' });
  });

  test('frozen does not keep a deletion from its stops', () => {
    const scene = rolling(1, {});
    const frozen = { frozen: true, deletion: { requestedAt: ago(1), tasks: 'stop' } } as const;
    expect(stopsIn(plan({ ...scene, spec: frozen }))).toEqual([[taskArn(1), 'deletion']]);
  });
});

describe('H8: on a draining host its task leaves', () => {
  const sidecar = as<EnvironmentName>('sidecar');
  const draining = (foreignTasks: number, others: readonly string[], drainAfter: readonly EnvironmentName[]): Scene => {
    const scene = rolling(1, { spec: { drainAfter }, slots: [updated(1)] });
    const listed = facts([instance(1, { status: 'DRAINING', foreignTasks })], [task(101)]);
    const tasks = new Map(listed.tasks);
    for (const group of others) tasks.set(group, [task(7, { group, instance: host(1) })]);
    return { ...scene, facts: { ...listed, tasks } };
  };

  test.each<[string, Scene, string]>([
    ['at once when nobody else is there', draining(0, [], []), 'stop'],
    ['after all other tasks', draining(1, [], []), 'drain'],
    ['after those of the environments it names', draining(0, ['daemon:sidecar'], [sidecar]), 'drain'],
    ['without regard to other environments', draining(0, ['daemon:sidecar'], []), 'stop'],
  ])('%s', (_, scene, why) => {
    const next = plan(scene);
    expect(waitingIn(next)).toEqual({ 1: why });
    expect(stopsIn(next)).toHaveLength(why === 'stop' ? 1 : 0);
    if (why === 'drain') expect(next.until.get(host(1))).toBe(ago(-600));
  });
});

describe('tasks that something else started', () => {
  const foreign = task(1, { group: 'family:agent', startedBy: 'old-scheduler', createdAt: at(5) });
  const listed = (tasks = [foreign]) => facts([instance(1)], [], { tasks: new Map([['family:agent', tasks]]) });
  const adopt = { kind: 'startedBy', value: 'old-scheduler' } as const;

  test('are adopted, where the environment says so, rather than doubled', () => {
    const next = plan({ facts: listed(), spec: { adopt } });
    expect(next.effects).toEqual([]);
    expect(slotOf(next, 1)?.task).toMatchObject({ arn: taskArn(1), launch: null, revision: null });
    expect(launchedOn(plan({ facts: listed(), spec: {} }))).toEqual([host(1)]);
    expect(launchedOn(plan({ facts: listed(), spec: { adopt: { ...adopt, value: 'another' } } }))).toEqual([host(1)]);
  });

  test.each([
    ['before the first deployment', null],
    ['under it', deploymentId(1)],
  ])('adopted %s, they are kept by it and replaced by the next rollout', (_, under) => {
    const adopted = slotOf(plan({ facts: listed(), spec: { adopt, target: under } }), 1);
    if (adopted === undefined) throw new Error('not adopted');
    const kept = plan({
      facts: listed(),
      slots: [adopted],
      spec: { adopt },
      progress: { state: 'running', endedAt: null },
    });
    expect(kept.effects).toEqual([]);
    expect(changesOf(kept)).toContainEqual(
      expect.objectContaining({ progress: expect.objectContaining({ state: 'completed', endedAt: NOW }) }),
    );
    const next = plan({ ...rolling(1, { slots: [adopted], spec: { adopt } }), facts: listed() });
    expect(stopsIn(next)).toEqual([[taskArn(1), 'update']]);
  });

  test('are no more replaced by a rollback than others that never moved', () => {
    const adopted = slot(1).task;
    if (adopted === null) throw new Error('no task');
    const under = (n: number) => ({
      ...adopted,
      launch: null,
      template: as<Template>(`adopted under ${deploymentId(n)}`),
    });
    const back = (n: number, base: number) => ({
      deployment: deployment(n, {
        kind: 'rollback',
        revision: revision(1),
        template: template(1),
        base: deploymentId(base),
      }),
      progress: progress(n, { state: 'running', endedAt: null }),
    });
    const failed = { deployment: deployment(2, { base: deploymentId(1) }), progress: progress(2, { state: 'failed' }) };
    const replaced = (rollouts: Scene['rollouts'] & {}, under2: ReturnType<typeof under>) =>
      stopsIn(plan({ slots: [slot(1, { task: under2 })], facts: facts([instance(1)], [task(1)]), rollouts }));
    expect(replaced([failed, back(3, 1)], under(1))).toEqual([]);
    // Nor by one that comes after a rollback.
    const done = { ...back(3, 1), progress: progress(3) };
    const again = {
      ...failed,
      deployment: deployment(4, { base: deploymentId(3) }),
      progress: progress(4, { state: 'failed' }),
    };
    expect(replaced([failed, done, again, back(5, 3)], under(1))).toEqual([]);
    // What was adopted under the deployment that it takes back was not there before.
    expect(replaced([failed, back(3, 1)], under(2))).toEqual([[taskArn(1), 'update']]);
  });

  test.each<[string, Partial<typeof foreign>, ReturnType<typeof template> | string, string | null]>([
    ['ours, by the deployment that started it', { startedBy: deploymentId(1) }, template(1), revisionId(1)],
    [
      'not, of another definition',
      { startedBy: deploymentId(1), taskDefinition: definition(9) },
      `adopted under ${deploymentId(1)}`,
      null,
    ],
    ['not, by a deployment we do not know', { startedBy: deploymentId(7) }, `adopted under ${deploymentId(1)}`, null],
    ['not, started by nobody', { startedBy: null }, `adopted under ${deploymentId(1)}`, null],
  ])('a task of the group is %s', (_, changes, made, of) => {
    const next = plan({ facts: facts([instance(1)], [task(1, changes)]) });
    expect(slotOf(next, 1)?.task).toMatchObject({ template: made, revision: of });
  });
});

describe('R2: what its query alone sends away', () => {
  const narrower = (parts: RolloutParts): Scene =>
    rolling(3, { revision: { query: `ec2InstanceId == ${machine(1)}` }, slots: [updated(1)], ...parts });

  test('goes while it runs', () => {
    expect(stopsIn(plan(narrower({})))).toEqual([2, 3].map((n) => [taskArn(n), 'not-matching']));
  });

  test.each<[string, RolloutParts]>([
    ['a person paused it', { spec: { orders: { ...NO_ORDERS, paused: true } } }],
    ['its alarms are not known', { configuration: { alarms: ['errors'] } }],
  ])('stays while %s, also where its stop was promised', (_, held) => {
    const stop = { reason: 'not-matching', requestedAt: ago(1), accepted: false } as const;
    const next = plan(narrower({ ...held, slots: [updated(1), slot(3, { stop, gapSince: ago(1) })] }));
    expect(stopsIn(next)).toEqual([]);
    expect([2, 3].map((n) => slotOf(next, n)?.stop)).toEqual([null, null]);
    // Nothing comes there either.
    expect(launchedOn(plan(narrower({ ...held, slots: [updated(1), vacant(2)] })))).toEqual([]);
  });

  test('goes all the same where what was completed does not match it either', () => {
    const base = deployment(1, { revision: revision(1, { query: `ec2InstanceId != ${machine(2)}` }) });
    const scene = narrower({ spec: { orders: { ...NO_ORDERS, paused: true } } });
    const rollouts = [{ deployment: base, progress: progress(1) }, ...(scene.rollouts ?? [])];
    expect(stopsIn(plan({ ...scene, rollouts }))).toEqual([[taskArn(2), 'not-matching']]);
  });
});

describe('a restart', () => {
  test('makes every task of the same content anew', () => {
    const anew = as<ReturnType<typeof template>>(`${template(1)}+${deploymentId(2)}`);
    const restart = { kind: 'restart', template: anew, revision: revision(1) } as const;
    const next = plan(rolling(2, { deployment: restart }));
    expect(replacedIn(next)).toEqual([1]);
    const launched = plan(rolling(2, { deployment: restart, slots: [taken(1)] }));
    expect(launchesIn(launched)[0]?.launch).toMatchObject({
      template: anew,
      revision: revisionId(1),
      taskDefinition: definition(1),
      deployment: deploymentId(2),
    });
  });

  test('is done where a task started by it is found', () => {
    const restarted = deployment(2, {
      kind: 'restart',
      template: as(`${template(1)}+2`),
      revision: revision(1),
      base: deploymentId(1),
    });
    const found = task(5, { instance: host(1), startedBy: deploymentId(2) });
    const next = plan({
      facts: facts([instance(1)], [found]),
      rollouts: [{ deployment: restarted, progress: progress(2) }],
    });
    expect(slotOf(next, 1)?.task).toMatchObject({ arn: taskArn(5), template: `${template(1)}+2` });
    expect(next.effects).toEqual([]);
  });
});
