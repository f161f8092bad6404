/** How outdated tasks are taken away. */
import { describe, expect, test } from 'vitest';
import { NO_ORDERS, type DeploymentProgress } from '../../src/domain/environment.ts';
import type { Slot } from '../../src/domain/launch.ts';
import type { Amount } from '../../src/domain/revision.ts';
import {
  ago,
  definition,
  deploymentId,
  host,
  instance,
  launchedOn,
  launchesIn,
  NOW,
  plan,
  slot,
  slotOf,
  starting,
  stopsIn,
  task,
  taskArn,
  template,
  vacant,
} from './fixtures.ts';
import {
  failing,
  range,
  replacedIn,
  rolling,
  rollingFrom,
  startingAnew,
  taken,
  updated,
  waitingIn,
  type RolloutParts,
} from './rollout-scenes.ts';

const requested = { reason: 'update', requestedAt: ago(20), accepted: false } as const;

describe('U1: only where a task of the target can come', () => {
  test('a host that is outdated is, and what it waits for is said', () => {
    const next = plan(rolling(1));
    expect(stopsIn(next)).toEqual([[taskArn(1), 'update']]);
    expect(next.effects[0]).toMatchObject({ kind: 'stop', priority: 'rollout' });
    expect(slotOf(next, 1)).toMatchObject({
      stop: { reason: 'update', accepted: false },
      gapSince: NOW,
      vacated: true,
    });
    expect(waitingIn(next)).toEqual({ 1: 'stop' });
  });

  test('a host that has the target’s task is not', () => {
    expect(replacedIn(plan(rolling(1, { slots: [updated(1)] })))).toEqual([]);
  });

  test('a host whose wave is closed is not', () => {
    const waves = [
      { name: 'zone=a', of: { kind: 'attribute', name: 'zone', value: 'a' }, promote: 'manual', bakeMinutes: 0 },
      { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
    ] as const;
    const zone = (n: number) => instance(n, { attributes: new Map([['zone', 'a']]) });
    const next = plan(rolling(3, { progress: { waves, open: 1 }, instances: [zone(2)] }));
    expect(replacedIn(next)).toEqual([2]);
    expect(waitingIn(next)).toEqual({ 1: 'wave', 2: 'stop', 3: 'wave' });
  });

  test('not before the target’s definition is known to be ACTIVE', () => {
    const asking = plan(rolling(1, { looks: { definition: null } }));
    expect(asking.look.taskDefinitions).toEqual([definition(2)]);
    expect(replacedIn(asking)).toEqual([]);
    expect(waitingIn(asking)).toEqual({ 1: 'facts' });
  });

  test('not where a launch could not be pinned to the host', () => {
    const next = plan(rolling(2, { instances: [instance(1, { ec2InstanceId: null })] }));
    expect(replacedIn(next)).toEqual([2]);
    expect(waitingIn(next)).toMatchObject({ 1: 'no-instance-id' });
  });

  test.each([
    ['DRAINING', { status: 'DRAINING', foreignTasks: 1 }],
    ['without its agent', { agentConnected: false }],
  ])('not on a host that is %s', (_, changes) => {
    expect(replacedIn(plan(rolling(2, { instances: [instance(1, changes)] })))).toEqual([2]);
  });
});

describe('U2: the budget', () => {
  test.each<[Amount, number, number]>([
    ['10%', 30, 3],
    ['10%', 29, 2],
    ['10%', 5, 1],
    ['0%', 5, 1],
    ['100%', 5, 5],
    ['12.5%', 16, 2],
    [1, 5, 1],
    [4, 5, 4],
    [9, 5, 5],
  ])('%s of %i hosts are %i', (maxUnavailable, hosts, expected) => {
    const next = plan(rolling(hosts, { configuration: { maxUnavailable } }));
    expect(replacedIn(next)).toEqual(range(expected));
    const waiting = Object.values(waitingIn(next)).filter((why) => why === 'budget');
    expect(waiting).toHaveLength(hosts - expected);
  });

  test('hosts that were emptied for the rollout count until they are ready again', () => {
    const configuration = { maxUnavailable: 3 };
    const slots = [
      taken(1),
      startingAnew(2, { vacated: true }),
      slot(3, { stop: { ...requested, accepted: true }, gapSince: ago(20), vacated: true }),
    ];
    expect(replacedIn(plan(rolling(6, { configuration, slots })))).toEqual([3]);
    expect(replacedIn(plan(rolling(6, { configuration, slots: slots.slice(1) })))).toEqual([1, 3]);
  });

  test('a host whose agent is gone is no part of the whole, but counts if this rollout emptied it', () => {
    const configuration = { maxUnavailable: '50%' } as const;
    const gone = [instance(1, { agentConnected: false })];
    const replacedOf = (hosts: number, slots: readonly Slot[]) =>
      replacedIn(plan(rolling(hosts, { configuration, slots, instances: gone })));
    // 50 % of three are one, of four are two.
    expect(replacedOf(4, [vacant(1)])).toEqual([2]);
    expect(replacedOf(5, [vacant(1)])).toEqual([2, 3]);
    expect(replacedOf(4, [taken(1)])).toEqual([]);
    expect(replacedOf(5, [taken(1)])).toEqual([2]);
    // By an earlier rollout: this one may be what mends it.
    expect(replacedOf(5, [taken(1, { gapSince: ago(86_400) })])).toEqual([2, 3]);
  });

  test('nor for ever once the rollout is completed, when no breaker trips on it: others return and are caught up', () => {
    const replacedOf = (seconds: number, progress: Partial<DeploymentProgress>): readonly number[] =>
      replacedIn(
        plan(
          rolling(3, {
            configuration: { maxUnavailable: 1 },
            instances: [instance(1, { agentConnected: false })],
            slots: [taken(1, { gapSince: ago(seconds) }), updated(3)],
            progress,
          }),
        ),
      );
    const completed = { state: 'completed', endedAt: ago(1), deferredInstances: [host(1), host(2)] } as const;
    expect(replacedOf(119, completed)).toEqual([]);
    expect(replacedOf(120, completed)).toEqual([2]);
  });

  test.each<[string, RolloutParts, readonly number[]]>([
    ['as long as it is gone, while the breaker watches', {}, [2]],
    [
      'for the start grace alone in a rollback',
      { deployment: { kind: 'rollback', rollsBack: deploymentId(1) } },
      [2, 3],
    ],
    ['for the start grace alone once a person forgave', { progress: { forgiven: 1 } }, [2, 3]],
  ])('a host that this rollout emptied and whose agent is gone counts %s', (_, parts, later) => {
    const replacedWhen = (gone: number) =>
      replacedIn(
        plan(
          rolling(9, {
            configuration: { maxUnavailable: 3 },
            // The other one failed once, so that there is something to forgive; it counts all the while.
            slots: [taken(1, { gapSince: ago(gone) }), failing(9, 1)],
            instances: [instance(1, { agentConnected: false })],
            ...parts,
          }),
        ),
      );
    expect(replacedWhen(100)).toEqual([2]);
    expect(replacedWhen(130)).toEqual(later);
  });

  test('a host in a closed wave that the base does not cover holds nothing: it gets its task when its wave opens', () => {
    const waves = [
      { name: 'zone=a', of: { kind: 'attribute', name: 'zone', value: 'a' }, promote: 'auto', bakeMinutes: 0 },
      { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
    ] as const;
    const instances = [instance(1, { attributes: new Map([['zone', 'a']]) })];
    const based = (query: string) =>
      rollingFrom(query, 3, { instances, slots: [taken(2)], progress: { waves, open: 1 } });
    expect(replacedIn(plan(based('attribute:zone != c')))).toEqual([]);
    expect(replacedIn(plan(based('attribute:zone == a')))).toEqual([1]);
  });

  test('as many at a time as a turn may stop, and the rest follows at once', () => {
    const next = plan(rolling(5, { configuration: { maxUnavailable: 5 } }), { stopsPerTurn: 2 });
    expect(replacedIn(next)).toEqual([1, 2]);
    expect(waitingIn(next)[3]).toBe('turn-limit');
    expect(next.wakeAt).toBe(NOW);
  });
});

describe('U3: a host without a ready task loses nothing', () => {
  const configuration = { maxUnavailable: 1 };

  test('it goes first, and does not count', () => {
    const slots = [starting(3, ago(1)), starting(4, ago(1))];
    const next = plan(rolling(4, { configuration, slots }));
    expect(new Set(replacedIn(next))).toEqual(new Set([1, 3, 4]));
    expect([1, 3, 4].map((n) => slotOf(next, n)?.vacated)).toEqual([true, false, false]);
    expect(replacedIn(plan(rolling(4, { configuration, slots }), { stopsPerTurn: 1 }))).toEqual([3]);
  });

  test('also when the budget is used up', () => {
    const next = plan(rolling(4, { configuration, slots: [taken(1), starting(3, ago(1))] }));
    expect(replacedIn(next)).toEqual([3]);
    expect(waitingIn(next)).toMatchObject({ 2: 'budget', 3: 'stop', 4: 'budget' });
  });

  test('repair and new hosts never wait for the budget', () => {
    const scene = rolling(6, { configuration, slots: [taken(1), vacant(2)], instances: [instance(7)] });
    expect(launchedOn(plan(scene)).toSorted()).toEqual([host(1), host(2), host(7)]);
    for (const { launch } of launchesIn(plan(scene))) expect(launch.taskDefinition).toBe(definition(2));
  });
});

describe('U4: a stop that is not accepted yet is withdrawn', () => {
  const marked = slot(1, { stop: requested, gapSince: ago(20), vacated: true });
  const accepted = slot(2, { stop: { ...requested, accepted: true }, gapSince: ago(20), vacated: true });
  const paused = { orders: { ...NO_ORDERS, paused: true } };
  const trip = { reason: 'x', resumes: 0 };

  test.each([
    ['a person paused', { spec: paused }],
    ['it tripped', { configuration: { rollback: 'pause' }, progress: { state: 'paused', trip } }],
    ['a person cancelled', { spec: { orders: { ...NO_ORDERS, cancelled: true } } }],
    ['frozen', { spec: { frozen: true } }],
    ['its alarms are not known', { configuration: { alarms: ['errors'] } }],
    ['the host is excluded', { spec: { excluded: [host(1)] } }],
  ] as const)('%s', (_, parts) => {
    const next = plan(rolling(3, { ...parts, slots: [marked, accepted] }));
    expect(slotOf(next, 1)?.stop).toBeNull();
    expect(slotOf(next, 2)?.stop).toEqual(accepted.stop);
    expect(stopsIn(next)).toEqual([]);
  });

  test('a task that a newer deployment wants is spared', () => {
    const back = rolling(2, { deployment: { kind: 'rollback', template: template(1) } });
    const next = plan({ ...back, slots: [marked, slot(2)] });
    expect(slotOf(next, 1)?.stop).toBeNull();
    expect(stopsIn(next)).toEqual([]);
  });

  test('should ECS have taken it all the same, the host counts until a look tells otherwise', () => {
    const doubtful = slot(1, { gapSince: ago(20), vacated: true });
    const scene = rolling(3, { configuration: { maxUnavailable: 1 }, slots: [updated(3), doubtful] });
    expect(plan(scene).look.tasks).toEqual([taskArn(1)]);
    const dying = task(1, { desiredStatus: 'STOPPED' });
    expect(slotOf(plan({ ...scene, looks: { tasks: [dying] } }), 1)).toMatchObject({
      gapSince: ago(20),
      vacated: true,
    });
    const held = { ...scene, spec: paused, looks: { tasks: [task(1)] } };
    expect(slotOf(plan(held), 1)).toMatchObject({ gapSince: null, vacated: false });
  });

  test('while it waits for its alarms’ states, the outdated say so', () => {
    const next = plan(rolling(2, { configuration: { alarms: ['errors'] } }));
    expect(waitingIn(next)).toEqual({ 1: 'alarms', 2: 'alarms' });
    expect(next.look.alarms).toEqual(['errors']);
  });
});
