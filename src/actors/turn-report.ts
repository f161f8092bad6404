import type { Acted, Plan } from '../domain/plan.ts';
import { progressOf, type World } from '../domain/world.ts';

/** What a turn came to, in numbers and in ECS's own words: for the log and the metrics. */
export interface TurnReport {
  readonly name: string;
  readonly launches: number;
  readonly replays: number;
  readonly stops: number;
  readonly duplicates: number;
  /** Stops for a rollout. */
  readonly replacements: number;
  /** Why the deployment was rolled back in this turn; null: it was not. */
  readonly rolledBack: string | null;
  /** Why the breaker paused the rollout in this turn; null: it did not. */
  readonly paused: string | null;
  readonly outcomes: { readonly done: number; readonly refused: number; readonly unknown: number };
  /** Why a task was not made, of the first launch that says so; null: none does. One that is `done` may: ECS answers, and names hosts it refused. */
  readonly launchFault: string | null;
  /** Why a task was not stopped, of the first stop that says so; null: none does. */
  readonly stopFault: string | null;
  /** What ECS or CloudWatch did not tell, so that something waits for it; null: they told all that was asked. */
  readonly lookFault: string | null;
  readonly waiting: { readonly [why: string]: number };
}

export function reportOf(world: World, plan: Plan, acted: readonly Acted[], lookFault: string | null): TurnReport {
  const waiting: { [why: string]: number } = {};
  for (const why of plan.waiting.values()) waiting[why] = (waiting[why] ?? 0) + 1;
  const outcomes = { done: 0, refused: 0, unknown: 0 };
  for (const one of acted) outcomes[one.outcome.kind] += 1;
  const launches = plan.effects.filter((effect) => effect.kind === 'launch');
  const stops = plan.effects.filter((effect) => effect.kind === 'stop');
  return {
    name: world.spec.value.name,
    launches: launches.filter((effect) => !effect.replay).length,
    replays: launches.filter((effect) => effect.replay).length,
    stops: stops.length,
    duplicates: stops.filter((effect) => effect.reason === 'duplicate').length,
    replacements: stops.filter((effect) => effect.reason === 'update').length,
    rolledBack: plan.rollback?.progress.reason ?? null,
    paused: pausedIn(plan, world),
    outcomes,
    launchFault: firstFault(acted, 'launch'),
    stopFault: firstFault(acted, 'stop'),
    lookFault,
    waiting,
  };
}

/** A person's pause is no news to that person, and neither is what an earlier turn said. */
function pausedIn(plan: Plan, world: World): string | null {
  const before = progressOf(world);
  for (const change of plan.changes.flat()) {
    if (change.kind !== 'put-progress' || change.progress.state !== 'paused' || change.progress.trip === null) continue;
    const { reason } = change.progress;
    if (before?.state !== 'paused' || before.reason !== reason) return reason;
  }
  return null;
}

const firstFault = (acted: readonly Acted[], kind: Acted['effect']['kind']): string | null =>
  acted.map((one) => (one.effect.kind === kind ? faultOf(one) : null)).find((why) => why !== null) ?? null;

function faultOf({ outcome }: Acted): string | null {
  if ('fault' in outcome) return `${outcome.fault.code}: ${outcome.fault.message}`;
  return 'failures' in outcome ? (outcome.failures[0]?.reason ?? null) : null;
}
