/** When the waves of a rollout open. */
import { describe, expect, test } from 'vitest';
import { NO_ORDERS } from '../../src/domain/environment.ts';
import { as, type Template } from '../../src/domain/ids.ts';
import type { Slot } from '../../src/domain/launch.ts';
import type { Amount, Wave, WaveConfiguration } from '../../src/domain/revision.ts';
import { Rollout } from '../../src/planner/rollout.ts';
import { WAVES_MOST } from '../../src/planner/waves.ts';
import {
  ago,
  deploymentId,
  host,
  instance,
  NOW,
  plan,
  POLICY,
  slot,
  starting,
  vacant,
  world,
  type Scene,
} from './fixtures.ts';
import {
  progressIn,
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

type Promotion = Partial<Pick<Wave, 'promote' | 'bakeMinutes'>>;
const AUTO = { promote: 'auto', bakeMinutes: 0 } as const;
const canaries = (hosts: Amount, changes: Promotion = {}) =>
  ({ ...AUTO, ...changes, of: { kind: 'canary', hosts } }) as const;
const byZone = { ...AUTO, of: { kind: 'attribute', name: 'zone' } } as const;
const inZone = (n: number, zone: string) => instance(n, { attributes: new Map([['zone', zone]]) });

/** Waves as the rollout found them: two canaries, then the rest. */
const waves = (changes: Promotion = {}): readonly Wave[] => [
  { name: 'canary of 2', ...canaries(2, changes) },
  { ...AUTO, name: 'the rest', of: null },
];
const chosen = { canary: { deployment: deploymentId(2), wave: 0 } };
const two = [updated(1, chosen), updated(2, chosen)];
const namesOf = (scene: Scene) => progressIn(plan(scene))?.waves.map(({ name }) => name);
const canariesIn = (scene: Scene) =>
  [...plan(scene).slots.values()].flatMap(({ instance: arn, canary: of }) => (of === null ? [] : [[arn, of.wave]]));

describe('the waves are made when the rollout begins', () => {
  const begin = (parts: RolloutParts, hosts = 10): Scene =>
    rolling(hosts, { ...parts, progress: null, instances: parts.instances ?? [] });
  const configured = (...of: readonly WaveConfiguration[]) => ({ configuration: { waves: of } });

  test('one of all hosts, if nothing is said', () => {
    expect(progressIn(plan(begin({})))).toMatchObject({
      state: 'running',
      waves: [{ name: 'all', of: null }],
      open: 1,
      openedAt: NOW,
    });
  });

  test('none for a rollback: it hurries', () => {
    expect(namesOf(begin({ ...configured(canaries(2)), deployment: { kind: 'rollback' } }))).toEqual(['all']);
  });

  test('an attribute makes one for each of its values, in their order, and one for the hosts without it', () => {
    const instances = [inZone(1, 'b'), inZone(2, 'a'), inZone(3, 'b')];
    expect(namesOf(begin({ ...configured(canaries(1), byZone), instances }))).toEqual([
      'canary of 1',
      'zone=a',
      'zone=b',
      'the rest',
    ]);
  });

  test('so many and no more: hosts with other values come last, with those that have none', () => {
    const zones = range(WAVES_MOST + 2).map((n) => inZone(n, String(n).padStart(4, '0')));
    const scene = begin({ ...configured(canaries(1), byZone, { ...byZone, bakeMinutes: 5 }), instances: zones }, 0);
    const next = plan(scene);
    const names = progressIn(next)?.waves.map(({ name }) => name);
    expect(names).toHaveLength(WAVES_MOST + 1);
    expect([names?.at(1), names?.at(-2), names?.at(-1)]).toEqual(['zone=0001', 'zone=0199', 'the rest']);
    const rollout = new Rollout(world(scene), progressIn(next) ?? null, true);
    const waveOf = (n: number) => rollout.waveOf(zones[n - 1] ?? expect.unreachable(), undefined);
    expect([1, 199, 200, 202].map(waveOf)).toEqual([1, 199, WAVES_MOST, WAVES_MOST]);
  });

  test.each([
    [3, [1, 2, 3]],
    ['25%', [1, 2]],
    ['1%', [1]],
  ] as const)('a canary of %s is chosen in order of ARN', (hosts, expected) => {
    expect(canariesIn(begin(configured(canaries(hosts))))).toEqual(expected.map((n) => [host(n), 0]));
  });

  test('among hosts that are well, as it is not the host that is tried', () => {
    const slots = [vacant(1), starting(2, ago(5))];
    expect(canariesIn(begin({ ...configured(canaries(2)), slots }))).toEqual([
      [host(3), 0],
      [host(4), 0],
    ]);
  });

  test('first where the new version is tried: not on hosts whose tasks it adopts, nor on those that were broken before', () => {
    const adopted = (n: number): Slot => {
      const { task } = updated(n);
      if (task === null) throw new Error('no task');
      const template = as<Template>(`adopted under ${deploymentId(2)}`);
      return updated(n, { task: { ...task, template, revision: null } });
    };
    const parts = { ...configured(canaries(1)), slots: [adopted(1), adopted(2), vacant(3)] };
    expect(canariesIn(begin({ ...parts, deployment: { base: null } }, 3))).toEqual([[host(3), 0]]);
    const instances = [inZone(1, 'a')];
    const broken = { ...configured(canaries(1)), progress: null, instances, slots: [vacant(1), vacant(2)] };
    expect(canariesIn(rollingFrom('attribute:zone == a', 2, broken))).toEqual([[host(2), 0]]);
  });

  test('not before the hosts are known', () => {
    expect(progressIn(plan({ ...begin(configured(canaries(1))), facts: null }))).toMatchObject({ waves: [], open: 0 });
  });
});

describe('a host keeps the wave it is in', () => {
  const configuration = { waves: [canaries(2)] };

  test('a canary stays one when hosts join that come before it', () => {
    const slots = [updated(8, chosen), startingAnew(9, chosen)];
    const scene = rolling(9, { configuration, progress: { waves: waves() }, slots });
    expect(canariesIn(scene)).toEqual([
      [host(8), 0],
      [host(9), 0],
    ]);
    expect(replacedIn(plan(scene))).toEqual([]);
    expect(waitingIn(plan(scene))).toMatchObject({ 1: 'wave', 9: 'start' });
  });

  test('one of an earlier deployment is none of this', () => {
    const slots = [updated(1, { canary: { deployment: deploymentId(1), wave: 0 } })];
    expect(waitingIn(plan(rolling(2, { configuration, progress: { waves: waves() }, slots })))).toEqual({ 2: 'stop' });
  });

  test('a second canary is chosen among hosts that the rollout has not reached', () => {
    const configured = { waves: [byZone, canaries(1)] };
    const made = [
      { ...byZone, name: 'zone=a', of: { kind: 'attribute', name: 'zone', value: 'a' } },
      { name: 'canary of 1', ...canaries(1) },
      { ...AUTO, name: 'the rest', of: null },
    ] as const;
    const scene = rolling(4, {
      configuration: configured,
      progress: { waves: made },
      instances: [inZone(1, 'a'), inZone(2, 'a')],
      slots: [updated(1), updated(2)],
    });
    expect(canariesIn(scene)).toEqual([[host(3), 1]]);
  });
});

describe('G1: a wave opens', () => {
  const open = (scene: Scene): number | undefined => progressIn(plan(scene))?.open;
  const parts = (changes: Promotion, rest: RolloutParts = {}): RolloutParts => ({
    configuration: { waves: [canaries(2, changes)] },
    slots: two,
    ...rest,
    progress: { waves: waves(changes), ...rest.progress },
  });

  test('when every host of the one before is done, at once if there is no bake', () => {
    expect(progressIn(plan(rolling(4, parts({}))))).toMatchObject({ open: 2, openedAt: NOW, doneAt: null });
    expect(replacedIn(plan(rolling(4, parts({}))))).toEqual([3]);
  });

  test.each([
    ['has no task', taken(2, chosen)],
    ['starts its task', startingAnew(2, chosen)],
    [
      'has attempts left',
      taken(2, { ...chosen, tries: { ...vacant(2).tries, count: 2, template: updated(2).task?.template ?? null } }),
    ],
  ])('not while a host of it %s', (_, second) => {
    expect(open(rolling(4, parts({}, { slots: [updated(1, chosen), second] })))).toBeUndefined();
  });

  test('a host that failed, or whose agent is gone, is not waited for', () => {
    const tries = { ...vacant(2).tries, count: 3, template: updated(2).task?.template ?? null };
    const configuration = { waves: [canaries(2)], failures: 100 };
    const failing = parts({}, { configuration, slots: [updated(1, chosen), taken(2, { ...chosen, tries })] });
    expect(open(rolling(4, failing))).toBe(2);
    const gone = parts(
      {},
      {
        slots: [updated(1, chosen), taken(2, chosen)],
        instances: [instance(2, { agentConnected: false })],
      },
    );
    expect(open(rolling(4, gone))).toBe(2);
  });

  test('not before it has stayed so for its bake, and wakes for that', () => {
    const first = plan(rolling(4, parts({ bakeMinutes: 10 })));
    expect(progressIn(first)).toMatchObject({ open: 1, doneAt: NOW });
    expect(first.wakeAt).toBe(ago(-600));
    const baking = (seconds: number) => rolling(4, parts({ bakeMinutes: 10 }, { progress: { doneAt: ago(seconds) } }));
    expect(open(baking(599))).toBeUndefined();
    expect(open(baking(600))).toBe(2);
  });

  const failedOnce = { ...vacant(2).tries, count: 1, template: updated(2).task?.template ?? null };

  test('the bake begins anew when a host of it is not well any more', () => {
    const crashed = startingAnew(2, { ...chosen, tries: failedOnce });
    const slots = [updated(1, chosen), crashed];
    const next = plan(rolling(4, parts({ bakeMinutes: 10 }, { slots, progress: { doneAt: ago(590) } })));
    expect(progressIn(next)).toMatchObject({ open: 1, doneAt: null });
  });

  test('the bake goes on when a host joins the wave', () => {
    const slots = [updated(1, chosen), startingAnew(2, chosen)];
    expect(
      progressIn(plan(rolling(4, parts({ bakeMinutes: 10 }, { slots, progress: { doneAt: ago(590) } })))),
    ).toBeUndefined();
  });

  describe('canaries of which nobody is left to tell', () => {
    const draining = (...hosts: readonly number[]) => hosts.map((n) => instance(n, { status: 'DRAINING' }));
    const left = (rest: RolloutParts = {}, changes: Promotion = {}, hosts = 6): Scene =>
      rolling(hosts, parts(changes, { instances: draining(1, 2), ...rest }));

    test('have tried nothing: others take their place, and have as long', () => {
      expect(progressIn(plan(left()))).toMatchObject({ open: 1, canaries: 2, openedAt: NOW });
      // Also when the first ones return.
      expect(canariesIn(left())).toEqual([3, 4].map((n) => [host(n), 0]));
    });

    test('one that is left is enough', () => {
      expect(open(left({ instances: draining(2) }))).toBe(2);
      expect(canariesIn(left({ instances: draining(2) }))).toEqual([1, 2].map((n) => [host(n), 0]));
    });

    test('the bake begins anew with others; those that baked have told', () => {
      const baking = (seconds: number) => left({ progress: { doneAt: ago(seconds) } }, { bakeMinutes: 10 });
      expect(progressIn(plan(baking(599)))).toMatchObject({ open: 1, doneAt: null, openedAt: NOW });
      expect(open(baking(600))).toBe(2);
    });

    test('that goes on once, then it trips: what they were given may be why they left', () => {
      const configuration = { waves: [canaries(2)], rollback: 'pause' } as const;
      const again = (chosen: number) => progressIn(plan(left({ configuration, progress: { canaries: chosen } })));
      expect(again(3)).toMatchObject({ state: 'running', open: 1, canaries: 5 });
      expect(again(4)).toMatchObject({
        state: 'paused',
        reason: '4 hosts left wave canary of 2 before one told how it does',
      });
    });

    test('are waited for while agents are away that could take their place', () => {
      const away = range(4).map((n) => instance(n, { agentConnected: false }));
      const slots = [slot(1, chosen), slot(2, chosen)];
      const waiting = (seconds: number) =>
        plan(left({ instances: away, slots, progress: { openedAt: ago(seconds) } }, {}, 4));
      const graceS = POLICY.startGraceMs / 1_000;
      expect(progressIn(waiting(graceS - 1))?.open).toBe(1);
      expect(waiting(graceS - 1).wakeAt).toBe(ago(-1));
      // They may be gone for good, and others need their tasks.
      expect(progressIn(waiting(graceS))?.open).toBe(2);
    });

    test('and nobody is there to try it on: the wave opens', () => {
      expect(open(left({ instances: draining(1, 2, 3, 4) }, {}, 4))).toBe(2);
    });
  });

  test('only by a person, if it is to be promoted by hand', () => {
    const manual = parts({ promote: 'manual' }, { progress: { doneAt: ago(9_000) } });
    expect(open(rolling(4, manual))).toBeUndefined();
    expect(open(rolling(4, { ...manual, spec: { orders: { ...NO_ORDERS, promoted: 1 } } }))).toBe(2);
  });

  test('a person need not wait until it is done', () => {
    const spec = { orders: { ...NO_ORDERS, promoted: 1 } };
    expect(open(rolling(4, parts({ bakeMinutes: 10 }, { spec, slots: [taken(1, chosen), taken(2, chosen)] })))).toBe(2);
  });

  test('not while the rollout is paused', () => {
    const spec = { orders: { ...NO_ORDERS, paused: true, promoted: 1 } };
    expect(progressIn(plan(rolling(4, parts({}, { spec }))))).toMatchObject({ open: 1, state: 'paused' });
  });

  test('several at once, where waves have no hosts', () => {
    const empty = { name: 'zone=gone', of: { kind: 'attribute', name: 'zone', value: 'gone' } } as const;
    const made = [...waves().slice(0, 1), { ...empty, ...AUTO } as const, ...waves().slice(1)];
    expect(open(rolling(4, parts({}, { progress: { waves: made } })))).toBe(3);
  });

  test('the rollout is completed when the last one is done', () => {
    const slots = range(4).map((n) => updated(n, n < 3 ? chosen : {}));
    expect(progressIn(plan(rolling(4, parts({}, { slots }))))).toMatchObject({
      open: 2,
      state: 'completed',
      endedAt: NOW,
    });
  });
});
