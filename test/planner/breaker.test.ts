/** When a rollout stops itself. */
import { describe, expect, test } from 'vitest';
import type { AlarmState } from '../../src/domain/facts.ts';
import type { Slot } from '../../src/domain/launch.ts';
import type { Amount } from '../../src/domain/revision.ts';
import { settle } from '../../src/planner/settle.ts';
import {
  NOW,
  POLICY,
  ago,
  changesOf,
  definition,
  deploymentId,
  facts,
  host,
  instance,
  launchedOn,
  launchesIn,
  plan,
  slot,
  slotOf,
  task,
  template,
  tries,
  vacant,
} from './fixtures.ts';
import {
  failing,
  progressIn,
  range,
  replacedIn,
  rolling,
  rollingFrom,
  startingAnew,
  taken,
  updated,
  type RolloutParts,
} from './rollout-scenes.ts';

/** That it tripped, and why: of a rollout that is paused by it. */
const tripIn = (hosts: number, { configuration, ...parts }: RolloutParts): string | null =>
  progressIn(plan(rolling(hosts, { ...parts, configuration: { rollback: 'pause', ...configuration } })))?.reason ??
  null;

describe('G2: the breaker trips on failed attempts', () => {
  test.each<[Amount | null, number, number, boolean]>([
    [5, 100, 4, false],
    [5, 100, 5, true],
    // ECS's bounds: three at least, two hundred at most.
    [1, 100, 2, false],
    [1, 100, 3, true],
    [900, 1_000, 199, false],
    [900, 1_000, 200, true],
    ['10%', 60, 5, false],
    ['10%', 60, 6, true],
    ['10%', 10, 2, false],
    ['10%', 10, 3, true],
    // Half of them, if nothing is said.
    [null, 10, 4, false],
    [null, 10, 5, true],
  ])('%s of %i hosts: %i failures', (failures, hosts, count, trips) => {
    const slots = range(count).map((n) => failing(n, 1));
    expect(tripIn(hosts, { configuration: { failures }, slots })).toEqual(
      trips ? expect.stringContaining(`${count} failed attempts in wave all`) : null,
    );
  });

  test('those of one host count as often as it failed', () => {
    expect(tripIn(10, { configuration: { failures: 5 }, slots: [failing(1, 2), failing(2, 3)] })).toContain('5 failed');
  });

  test('those of another template do not', () => {
    const slots = range(9).map((n) => failing(n, 2, { template: template(1) }));
    expect(tripIn(10, { configuration: { failures: 3 }, slots })).toBeNull();
  });

  test('an environment’s first deployment has nothing to break, unless it says how many', () => {
    const first = { base: null };
    const slots = range(9).map((n) => failing(n, 2));
    expect(tripIn(10, { deployment: first, slots })).toBeNull();
    expect(tripIn(10, { deployment: first, slots, configuration: { failures: 3 } })).toContain('18 failed');
  });
});

test('G2: a wave whose hosts all lost their agents after we emptied them is no success', () => {
  const waves = [
    { name: 'canary of 2', of: { kind: 'canary', hosts: 2 }, promote: 'auto', bakeMinutes: 0 },
    { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
  ] as const;
  const canary = { canary: { deployment: deploymentId(2), wave: 0 } };
  const gone = (n: number) => ({ ...instance(n), agentConnected: false });
  const scene = (slots: readonly Slot[]) => ({
    ...rolling(4, { configuration: { rollback: 'pause' }, progress: { waves, open: 1 }, slots }),
    facts: facts(
      [gone(1), gone(2), instance(3), instance(4)],
      [3, 4].map((n) => task(n)),
    ),
  });
  expect(progressIn(plan(scene([taken(1, canary), taken(2, canary)])))).toMatchObject({
    state: 'paused',
    open: 1,
    reason: 'not one host of wave canary of 2 became ready',
  });
  // They were away before it came to them: others are tried.
  expect(progressIn(plan(scene([slot(1, canary), slot(2, canary)])))).toMatchObject({ state: 'running', open: 1 });
});

describe('G2: a rollout that cannot go on', () => {
  const two = { failures: 200, maxUnavailable: 2 } as const;

  test('trips when hosts that used up their attempts are all that maxUnavailable allows', () => {
    const slots = [failing(1, 3), failing(2, 3)];
    expect(tripIn(10, { configuration: two, slots })).toBe(
      '2 hosts used up their attempts, or lost their agents, in wave all: all that maxUnavailable allows',
    );
  });

  test('so do hosts whose agents are gone since it emptied them, once they had as long as a task may take to start', () => {
    const instances = [1, 2].map((n) => instance(n, { agentConnected: false }));
    const emptied = (seconds: number) => [1, 2].map((n) => taken(n, { gapSince: ago(seconds) }));
    const graceS = POLICY.startGraceMs / 1_000;
    expect(tripIn(10, { configuration: two, instances, slots: emptied(graceS) })).toContain('lost their agents');
    const before = rolling(10, { configuration: two, instances, slots: emptied(graceS - 1) });
    expect(progressIn(plan(before))?.trip ?? null).toBeNull();
    expect(replacedIn(plan(before))).toEqual([]);
    expect(plan(before).wakeAt).toBe(ago(-1));
    // A person who resumes it gives them their time again.
    expect(
      tripIn(10, { configuration: two, instances, slots: emptied(graceS), progress: { openedAt: ago(1) } }),
    ).toBeNull();
  });

  test('not while one of them still tries, nor while there is room', () => {
    expect(tripIn(10, { configuration: two, slots: [failing(1, 3), failing(2, 2)] })).toBeNull();
    expect(
      tripIn(10, { configuration: { ...two, maxUnavailable: 3 }, slots: [failing(1, 3), failing(2, 3)] }),
    ).toBeNull();
  });

  test('trips also for hosts of a wave before the last one, which a person opened', () => {
    const zone = { kind: 'attribute', name: 'zone', value: 'a' } as const;
    const waves = [
      { name: 'zone=a', of: zone, promote: 'auto', bakeMinutes: 0 },
      { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
    ] as const;
    const inZone = (n: number, agentConnected = true) =>
      instance(n, { agentConnected, attributes: new Map([['zone', 'a']]) });
    const parts = {
      configuration: { maxUnavailable: 1 },
      progress: { waves, open: 2 },
      instances: [inZone(1, false), inZone(2), inZone(3)],
      slots: [taken(1, { gapSince: ago(120) }), updated(2)],
    };
    expect(tripIn(3, parts)).toContain('1 hosts used up their attempts, or lost their agents');
  });

  test('not while those that are left need none of maxUnavailable: hosts that join, or whose task died', () => {
    const slots = [failing(1, 3), failing(2, 3), ...range(7).map((n) => updated(n + 2))];
    const rest = { configuration: two, slots: [...slots, startingAnew(10)], instances: [instance(11)] };
    expect(tripIn(10, rest)).toBeNull();
    expect(progressIn(plan(rolling(10, rest)))?.state ?? 'running').toBe('running');
  });

  test('nor when no other host is left to be replaced: then it is completed, and they are listed', () => {
    const slots = [failing(1, 3), failing(2, 3), ...range(8).map((n) => updated(n + 2))];
    const progress = progressIn(plan(rolling(10, { configuration: { ...two, rollback: 'pause' }, slots })));
    expect(progress).toMatchObject({ state: 'completed', failedInstances: [{ attempts: 3 }, { attempts: 3 }] });
  });

  test('nor again after a person resumed in spite of it', () => {
    const slots = [failing(1, 3), failing(2, 3)];
    expect(tripIn(10, { configuration: two, slots, progress: { forgiven: 6 } })).toBeNull();
  });
});

describe('G2: hosts that were broken before the rollout began do not count', () => {
  const configuration = { failures: 3, rollback: 'pause' } as const;
  const exempt = { exempt: true } as const;

  test('who they are is noted when it begins: hosts that lack a ready task, and not through an earlier rollout', () => {
    const next = plan(
      rolling(4, { progress: null, slots: [vacant(1), taken(2), vacant(3, { tries: tries(9, { until: ago(-60) }) })] }),
    );
    expect(range(4).map((n) => slotOf(next, n)?.tries.exempt)).toEqual([true, false, true, false]);
    // What an earlier deployment tried does not hold up this one.
    expect(slotOf(next, 3)?.tries).toEqual(tries(0, { template: template(2), exempt: true }));
  });

  test('one that was not to have a task was not broken', () => {
    const instances = [instance(1, { attributes: new Map([['zone', 'a']]) })];
    const next = plan(
      rollingFrom('attribute:zone == a', 2, { progress: null, instances, slots: [vacant(1), vacant(2)] }),
    );
    expect(range(2).map((n) => slotOf(next, n)?.tries.exempt)).toEqual([true, false]);
  });

  test('for a first deployment there are none', () => {
    expect(
      slotOf(plan(rolling(1, { progress: null, slots: [vacant(1)], deployment: { base: null } })), 1)?.tries.exempt,
    ).toBe(false);
  });

  test('their failed attempts trip nothing', () => {
    expect(tripIn(4, { configuration, slots: [failing(1, 9, exempt)] })).toBeNull();
  });

  test('not even when they are all that a wave has', () => {
    const broken = [failing(1, 3, exempt), failing(2, 3, exempt)];
    expect(progressIn(plan(rolling(2, { configuration, slots: broken })))).toMatchObject({ state: 'completed' });
  });

  test('nor when the base was tried there meanwhile, as their wave was closed', () => {
    const waves = [
      { name: 'canary of 1', of: { kind: 'canary', hosts: 1 }, promote: 'manual', bakeMinutes: 0 },
      { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
    ] as const;
    const canary = { canary: { deployment: deploymentId(2), wave: 0 } };
    const before = vacant(2, { tries: tries(0, { template: template(2), exempt: true }) });
    const scene = rolling(2, { configuration, progress: { waves, open: 1 }, slots: [updated(1, canary), before] });
    const next = plan(scene);
    const refused = { kind: 'refused', fault: { code: 'ClientException', message: 'no' }, retry: false } as const;
    const acted = launchesIn(next).map((effect) => ({ effect, outcome: refused, endedAt: NOW }));
    expect(acted.map(({ effect }) => effect.launch.taskDefinition)).toEqual([definition(1)]);
    const [dead] = changesOf(settle(acted, next.slots, POLICY)).flatMap((one) =>
      one.kind === 'put-slot' ? [one.slot] : [],
    );
    expect(dead?.tries).toMatchObject({ count: 1, template: template(1), exempt: true });
  });

  test('a retry by hand does not make them count', () => {
    const spec = { retries: [{ instance: host(1), count: 1 }] };
    const next = plan(rolling(4, { configuration, spec, slots: [failing(1, 9, exempt)] }));
    expect(slotOf(next, 1)).toMatchObject({ retried: 1, tries: { count: 0, exempt: true } });
    expect(launchedOn(next)).toEqual([host(1)]);
  });
});

test('G2: the reason tells what most attempts ended with, and where, as far as they count', () => {
  const slots = [
    failing(1, 9, { reason: 'broken before', exempt: true }),
    failing(2, 1, { reason: 'no such image' }),
    failing(3, 2, { reason: 'exit code 3' }),
  ];
  expect(tripIn(10, { configuration: { failures: 3 }, slots })).toBe(
    '3 failed attempts in wave all, where 3 trip; on i-000003: exit code 3',
  );
});

describe('G2: it trips also on', () => {
  test('a wave of which not one host became ready', () => {
    expect(tripIn(2, { configuration: { failures: 200 }, slots: [failing(1, 3), failing(2, 3)] })).toBe(
      'not one host of wave all became ready; on i-000001: RESOURCE:MEMORY',
    );
    expect(tripIn(2, { configuration: { failures: 200 }, slots: [updated(1), failing(2, 3)] })).toBeNull();
  });

  test('a wave’s deadline, and wakes for it', () => {
    const configuration = { waveDeadlineMinutes: 10, rollback: 'pause' } as const;
    const late = (seconds: number) => rolling(2, { configuration, progress: { openedAt: ago(seconds) } });
    expect(progressIn(plan(late(599)))).toBeUndefined();
    expect(plan({ ...late(590), looks: { definition: null } }).wakeAt).toBeLessThanOrEqual(ago(-10));
    expect(progressIn(plan(late(600)))?.reason).toBe('wave all was not done within 10 minutes');
  });

  test('but not on the deadline of a wave that was done in time and only waits', () => {
    const waves = [
      { name: 'canary of 1', of: { kind: 'canary', hosts: 1 }, promote: 'manual', bakeMinutes: 0 },
      { name: 'the rest', of: null, promote: 'auto', bakeMinutes: 0 },
    ] as const;
    const configuration = { waveDeadlineMinutes: 10, rollback: 'pause' } as const;
    const canary = { canary: { deployment: deploymentId(2), wave: 0 } };
    const progress = { waves, openedAt: ago(7_200), doneAt: ago(7_000) };
    const parts = { configuration, progress, slots: [updated(1, canary)] };
    expect(progressIn(plan(rolling(2, parts)))).toBeUndefined();
    // Its canary crashes once while it waits for a person.
    const again = startingAnew(1, { ...canary, tries: tries(1, { template: template(2) }) });
    const crashed = rolling(2, { ...parts, slots: [again] });
    const next = progressIn(plan(crashed));
    expect(next).toMatchObject({ doneAt: null, state: 'running' });
    expect(progressIn(plan(rolling(2, { ...parts, slots: [again], progress: { ...next } })))).toBeUndefined();
  });

  test('a definition that is not ACTIVE any more', () => {
    expect(tripIn(2, { looks: { definition: 'INACTIVE' } })).toBe('the task definition is not ACTIVE any more');
  });

  test.each<[AlarmState, readonly string[], string | null]>([
    ['ALARM', [], 'alarm errors fired'],
    ['ALARM', ['errors'], null],
    ['MISSING', [], 'CloudWatch knows no alarm errors'],
    ['MISSING', ['errors'], 'CloudWatch knows no alarm errors'],
    ['OK', [], null],
    ['INSUFFICIENT_DATA', [], null],
  ])('an alarm in state %s, ignored: %s', (state, ignoredAlarms, reason) => {
    const parts = { configuration: { alarms: ['errors'] }, alarms: { errors: state }, progress: { ignoredAlarms } };
    expect(tripIn(2, parts)).toBe(reason);
  });

  test('an alarm that fires at the start is ignored and said so, until it was OK', () => {
    const configuration = { alarms: ['errors', 'latency'], rollback: 'pause' } as const;
    const begun = rolling(2, { configuration, progress: null, alarms: { errors: 'ALARM', latency: 'OK' } });
    expect(progressIn(plan(begun))).toMatchObject({ state: 'running', open: 1, ignoredAlarms: ['errors'] });
    const quiet = {
      configuration,
      progress: { ignoredAlarms: ['errors'] },
      alarms: { errors: 'OK', latency: 'OK' },
    } as const;
    expect(progressIn(plan(rolling(2, quiet)))).toMatchObject({ state: 'running', ignoredAlarms: [] });
  });

  test('nothing begins before the alarms are known', () => {
    const next = plan(rolling(2, { configuration: { alarms: ['errors'] }, progress: null }));
    expect(progressIn(next)).toMatchObject({ waves: [], open: 0 });
    expect(next.look.alarms).toEqual(['errors']);
    expect(replacedIn(next)).toEqual([]);
  });
});
