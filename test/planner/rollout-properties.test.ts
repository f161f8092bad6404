/** What holds of every rollout, whatever it meets: found by letting the planner loose on a toy cluster. */
import { array, assert, constant, constantFrom, integer, oneof, property, record, type Arbitrary } from 'fast-check';
import { expect, test } from 'vitest';
import { isOver, type DeploymentProgress } from '../../src/domain/environment.ts';
import type { DeploymentConfiguration } from '../../src/domain/revision.ts';
import { definition, deploymentId } from './fixtures.ts';
import { ToyRollout, type Order, type Setting, type TurnSeen } from './toy-rollout.ts';

const RUNS = 30;
const TURNS_MOST = 320;
/** Watched after the rollout is over: repair goes on, and hosts that return are caught up. */
const REST_TURNS = 5;
const SEED = 20_261;

const configurations: Arbitrary<Partial<DeploymentConfiguration>> = record({
  maxUnavailable: oneof(integer({ min: 1, max: 6 }), constantFrom('10%' as const, '40%' as const)),
  waves: constantFrom<DeploymentConfiguration['waves']>(
    [],
    [],
    [{ of: { kind: 'canary', hosts: 2 }, promote: 'auto', bakeMinutes: 1 }],
    [{ of: { kind: 'canary', hosts: '20%' }, promote: 'manual', bakeMinutes: 0 }],
    [
      { of: { kind: 'canary', hosts: 1 }, promote: 'auto', bakeMinutes: 0 },
      { of: { kind: 'attribute', name: 'zone' }, promote: 'auto', bakeMinutes: 0 },
    ],
  ),
  minReadySeconds: constantFrom(0, 0, 10),
  failures: constantFrom(null, 3, 8, '20%' as const),
  waveDeadlineMinutes: constantFrom(null, 20),
  rollback: constantFrom('auto' as const, 'pause' as const),
});

const hosts = integer({ min: 1, max: 30 });
const ORDERS: readonly Order[] = ['pause', 'resume', 'promote', 'cancel', 'freeze', 'thaw', 'disconnect', 'reconnect'];

/** All is well in the end: what a person held up goes on. */
const END: readonly Order[] = ['thaw', 'reconnect', 'resume', 'promote', 'promote', 'promote'];
const FIRST_END = 40;
const LAST_ORDER = FIRST_END + 8 * END.length;

const settings: Arbitrary<Setting> = hosts.chain((count) =>
  record({
    nature: record({
      hosts: constant(count),
      dead: array(integer({ min: 1, max: count }), { maxLength: 3 }).map((all) => new Set(all)),
      sickOn: array(integer({ min: 1, max: count }), { maxLength: 3 }).map((all) => new Set(all)),
      sickEverywhere: constantFrom(false, false, true),
      sickDefinition: constant<string>(definition(2)),
      sickAfterMs: constantFrom(0, 5_000),
      zones: integer({ min: 1, max: 3 }),
      refusedOneIn: constantFrom(0, 5, 7),
      lostOneIn: constantFrom(0, 0, 6),
    }),
    configuration: configurations,
    orders: array(
      record({
        turn: integer({ min: 1, max: 40 }),
        order: constantFrom(...ORDERS.filter((order) => order !== 'cancel'), ...ORDERS),
        host: integer({ min: 1, max: count }),
      }),
      { maxLength: 6 },
    ).map((orders) => [...orders, ...END.map((order, index) => ({ turn: FIRST_END + 8 * index, order, host: 1 }))]),
  }),
);

/** Runs every setting until nothing is left to come, and shows each turn. */
const everywhere = (
  check: (turn: TurnSeen, rollout: ToyRollout) => void,
  ended?: (rollout: ToyRollout) => void,
): void => {
  assert(
    property(settings, (setting) => {
      const rollout = new ToyRollout(setting);
      let left = REST_TURNS;
      while (rollout.turns < TURNS_MOST && left > 0) {
        check(rollout.turn(), rollout);
        if (isAtRest(rollout) || isStuck(rollout)) left -= 1;
      }
      ended?.(rollout);
    }),
    { seed: SEED, numRuns: RUNS },
  );
};

const isAtRest = ({ progress }: ToyRollout): boolean => progress !== undefined && isOver(progress);
/** The breaker paused it, and nobody resumes it any more. */
const isStuck = ({ progress, turns }: ToyRollout): boolean => turns > LAST_ORDER && progress?.state === 'paused';
const updates = ({ plan }: TurnSeen): number =>
  plan.effects.filter((effect) => effect.kind === 'stop' && effect.reason === 'update').length;
const targetOf = ({ world }: TurnSeen) => world.deployments.get(world.spec.value.target ?? deploymentId(0))?.value;
const progressBefore = ({ world }: TurnSeen): DeploymentProgress | undefined =>
  world.progress.get(world.spec.value.target ?? deploymentId(0));

test('never more hosts than the budget are emptied by our own action', () => {
  let replaced = 0;
  let full = 0;
  everywhere((turn, rollout) => {
    replaced += turn.emptied;
    if (turn.emptied === 0) return;
    const budget = rollout.budget();
    expect(rollout.unavailable).toBeLessThanOrEqual(budget);
    if (rollout.unavailable === budget) full += 1;
  });
  expect(replaced).toBeGreaterThan(300);
  expect(full).toBeGreaterThan(50);
});

test('never more than one live task a host', () => {
  let launched = 0;
  let replays = 0;
  everywhere(({ plan }, rollout) => {
    for (const effect of plan.effects) {
      if (effect.kind !== 'launch') continue;
      launched += effect.launch.members.length;
      if (effect.replay) replays += 1;
    }
    expect(rollout.cluster.doubled).toBe(0);
  });
  expect(launched).toBeGreaterThan(500);
  expect(replays).toBeGreaterThan(20);
});

test('a paused, tripped, cancelled or frozen rollout replaces nothing', () => {
  const held = { paused: 0, tripped: 0, frozen: 0, cancelled: 0 };
  everywhere((turn) => {
    const { orders, frozen } = turn.world.spec.value;
    const before = progressBefore(turn);
    if (frozen) held.frozen += 1;
    if (orders.paused) held.paused += 1;
    if (orders.cancelled) held.cancelled += 1;
    if (before?.trip != null && turn.progress?.trip != null) held.tripped += 1;
    const isHeld = frozen || (before?.state !== 'completed' && (orders.paused || orders.cancelled));
    if (isHeld || (before?.trip != null && turn.progress?.trip != null)) expect(updates(turn)).toBe(0);
    if (frozen) expect(turn.plan.effects).toEqual([]);
  });
  for (const [why, turns] of Object.entries(held)) expect(turns, why).toBeGreaterThan(2);
});

test('there is progress, or a reason why there is none', () => {
  const ends = { completed: 0, failed: 0, cancelled: 0, held: 0 };
  let rollbacks = 0;
  everywhere(
    (turn, rollout) => {
      if (turn.plan.rollback !== null) {
        rollbacks += 1;
        return;
      }
      const target = targetOf(turn);
      let moving = false;
      for (let n = 1; n <= rollout.hosts; n += 1) {
        const { slot, waiting } = rollout.standing(turn.plan, n);
        const wanted = slot?.task?.template === target?.template && slot?.task?.readyAt != null && slot.stop === null;
        if (!wanted) expect(waiting, `host ${n}`).toBeDefined();
        if (waiting !== undefined && MOVING.has(waiting)) moving = true;
      }
      // Whoever waits for what nobody tells us about asks to be woken.
      if (moving) expect(turn.wakes).toBe(true);
    },
    ({ progress, world }) => {
      if (progress !== undefined && isOver(progress)) {
        const { state } = progress;
        if (state === 'completed' || state === 'cancelled') ends[state] += 1;
      } else {
        // What holds it up is a person's or the breaker's, or hosts that keep failing eat the budget.
        const failing = [...world.slots.values()].some(({ value }) => value.vacated && value.tries.count > 0);
        expect(progress?.state === 'paused' || failing, JSON.stringify(progress)).toBe(true);
        ends.held += 1;
      }
    },
  );
  expect(ends.completed).toBeGreaterThan(12);
  expect(rollbacks).toBeGreaterThan(2);
});

const MOVING: ReadonlySet<string> = new Set(['start', 'stop', 'launch', 'backoff', 'turn-limit']);
