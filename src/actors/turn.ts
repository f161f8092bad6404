/**
 * One turn of an environment's actor: claim, plan, commit intents, act, commit outcomes. Nothing is decided here.
 *
 * A1. Every turn begins by taking the fence; a turn that finds itself fenced ends without another call to ECS.
 * A2. No effect happens before the changes of its plan are committed.
 * A3. A launch is sent only by the turn that just committed its promise, and not later than `actWithin` after it.
 * A4. Facts that belong to another store, or to a later state of it than this one has reached, are not facts.
 */
import pMap from 'p-map';
import { NO_LOOKS, type Facts, type Looks } from '../domain/facts.ts';
import { AlarmsUnavailableError, type AlarmSource } from '../alarms/alarms.ts';
import { isOver } from '../domain/environment.ts';
import { after, type EnvironmentId, type Instant, type LaunchId, type TaskDefinitionArn } from '../domain/ids.ts';
import {
  isAsking,
  withoutPolls,
  type Acted,
  type ChangeGroup,
  type Effect,
  type LookRequest,
  type Plan,
} from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import { EcsReadError, type EcsGateway } from '../ecs/gateway.ts';
import { PLANS_PER_TURN, planEnvironment } from '../planner/plan.ts';
import { settle } from '../planner/settle.ts';
import { FactsUnavailableError, type FactsStore } from '../store/facts-store.ts';
import type { ActorStore, Claim, ClaimResult, CommitResult } from '../store/store.ts';
import type { Mailbox } from './mailbox.ts';
import type { ReadingRoom } from './reading-room.ts';
import { reportOf, type TurnReport } from './turn-report.ts';

export interface TurnDeps {
  readonly store: ActorStore;
  readonly facts: FactsStore;
  readonly ecs: EcsGateway;
  readonly alarms: AlarmSource;
  readonly mailbox: Mailbox;
  readonly room: ReadingRoom;
  readonly policy: Policy;
  readonly now: () => Instant;
  readonly mint: () => LaunchId;
  /** Who takes the fence: for people who read it. */
  readonly holder: string;
}

/** `report`: what was sent before it ended so; none when nothing was. */
export type TurnEnding =
  /** Planned and acted to the end. */
  | { readonly kind: 'done'; readonly report: TurnReport }
  /** The environment is deleted and cleared up, by this turn, which knows its name, or before it. */
  | { readonly kind: 'gone'; readonly name?: string }
  /** A newer claim or a newer spec stands against this turn; it must be taken again. */
  | { readonly kind: 'fenced'; readonly report?: TurnReport }
  /** The store did not say whether a commit landed; the turn must be taken again, and will read what did. */
  | { readonly kind: 'unknown'; readonly reason: string; readonly report?: TurnReport }
  /** A stored value cannot be read: the environment stands still until a person mends it. */
  | { readonly kind: 'unreadable'; readonly key: string; readonly fault: string };

/** Calls to ECS under way at once: as many as the gateway has connections for them. */
const EFFECTS_AT_ONCE = 50;
/** Wait before trying again what a failed look left open. */
const LOOK_AGAIN_MS = 1_000;

export async function takeTurn(environment: EnvironmentId, deps: TurnDeps, signal: AbortSignal): Promise<TurnEnding> {
  const read = await deps.room.enter(environment, () => readAll(environment, deps, signal));
  if (read.kind !== 'claimed') return read;
  const { claim, facts } = read;
  const { plan, plannedAt, lookFault } = await lookAndPlan(claim, facts, deps, signal);
  const { name } = claim.world.spec.value;
  const report = (acted: readonly Acted[]): TurnReport => reportOf(claim.world, plan, acted, lookFault);

  const intents =
    plan.effects.length > 0 || plan.rollback !== null || endsDeployment(plan)
      ? await claim.commitIntents(plan.changes)
      : await commitIfAny(claim, plan.changes);
  if (intents.kind !== 'committed') return intents;
  if (plan.rollback !== null) {
    const rolledBack = await claim.rollBack(plan.rollback);
    if (rolledBack.kind !== 'committed') return rolledBack;
    await deps.mailbox.wake(environment, 'deploy');
    return { kind: 'done', report: report([]) };
  }
  if (plan.finished) {
    const removed = await claim.remove();
    return removed.kind === 'committed' ? { kind: 'gone', name } : removed;
  }

  const acted = await act(plan.effects, plannedAt, claim, deps, signal);
  const settlement = settle(acted, plan.slots, deps.policy);
  const outcomes = await commitIfAny(claim, settlement.changes);
  if (outcomes.kind !== 'committed') return { ...outcomes, report: report(acted) };

  if (plan.needsSurvey) await deps.mailbox.requestSurvey(claim.world.spec.value.cluster);
  const times = [plan.wakeAt, settlement.wakeAt, lookFault !== null ? after(deps.now(), LOOK_AGAIN_MS) : null];
  const wakeAt = times.filter((time) => time !== null).toSorted((a, b) => a - b)[0];
  if (wakeAt !== undefined) await deps.mailbox.wakeAt(environment, wakeAt);
  return { kind: 'done', report: report(acted) };
}

/** Nor may it land behind an order that replaces the deployment: what takes its place was decided by how far it was then. */
const endsDeployment = ({ changes }: Plan): boolean =>
  changes.flat().some((change) => change.kind === 'put-progress' && isOver(change.progress));

const commitIfAny = async (claim: Claim, changes: readonly ChangeGroup[]): Promise<CommitResult> =>
  changes.length === 0 ? { kind: 'committed' } : await claim.commitOutcomes(changes);

type Read =
  | { readonly kind: 'claimed'; readonly claim: Claim; readonly facts: Facts | null }
  | Exclude<ClaimResult, { readonly kind: 'claimed' }>;

/** The environment's record, under our fence, and the facts of its cluster. */
async function readAll(environment: EnvironmentId, deps: TurnDeps, signal: AbortSignal): Promise<Read> {
  // Whoever waited for a place may have lost the job since, and the fence is another's.
  if (signal.aborted) throw new Error('told to stop before it began');
  const claimed = await deps.store.claim(environment, deps.holder);
  deps.room.note(environment, claimed.kind === 'claimed' ? claimed.claim.world : null);
  if (claimed.kind !== 'claimed') return claimed;
  return { ...claimed, facts: await factsFor(claimed.claim, deps) };
}

/** Plans; describes what the plan wants to know; plans again with the answers. */
async function lookAndPlan(
  claim: Claim,
  facts: Facts | null,
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<{ readonly plan: Plan; readonly plannedAt: Instant; readonly lookFault: string | null }> {
  let looks: Looks = NO_LOOKS;
  let lookFault: string | null = null;
  let polled = false;
  for (let round = 1; ; round += 1) {
    const seen = { now: deps.now(), world: claim.world, facts, looks };
    const plan = planEnvironment(seen, deps.policy, deps.mint);
    // Once a turn: what a poll did not tell waits for the next one, or for a survey.
    const request: LookRequest = polled ? withoutPolls(plan.look) : plan.look;
    if (!isAsking(request) || lookFault !== null || round === PLANS_PER_TURN) {
      return { plan, plannedAt: seen.now, lookFault };
    }
    const answer = await look(request, claim, deps, signal);
    looks = merge(looks, answer.looks);
    lookFault = answer.fault;
    polled ||= request.polls.length > 0;
  }
}

async function factsFor(claim: Claim, deps: TurnDeps): Promise<Facts | null> {
  try {
    const facts = await deps.facts.read(claim.world.spec.value.cluster);
    return facts !== null && facts.storeId === claim.storeId && facts.revision <= claim.fence ? facts : null;
  } catch (error) {
    if (error instanceof FactsUnavailableError) return null;
    throw error;
  }
}

/** Asks ECS. What it does not answer stays unknown, and the rest counts. */
async function look(
  request: LookRequest,
  claim: Claim,
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<{ readonly looks: Looks; readonly fault: string | null }> {
  const { cluster } = claim.world.spec.value;
  let fault: string | null = null;
  const tolerate = async <T>(answer: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof EcsReadError || error instanceof AlarmsUnavailableError)) throw error;
      fault ??= error.message;
      return otherwise;
    }
  };
  const taskDefinitions = new Map<TaskDefinitionArn, 'ACTIVE' | 'INACTIVE'>();
  const [tasks, polled, instances, alarms] = await Promise.all([
    tolerate(deps.ecs.describeTasks(cluster, request.tasks, signal), new Map()),
    deps.ecs.pollTasks(cluster, request.polls, signal),
    tolerate(deps.ecs.describeInstances(cluster, request.instances, signal), new Map()),
    request.alarms.length === 0 ? new Map() : tolerate(deps.alarms.states(request.alarms, signal), new Map()),
    ...request.taskDefinitions.map(async (arn) => {
      const status = await tolerate(deps.ecs.taskDefinitionStatus(arn, signal), null);
      if (status !== null) taskDefinitions.set(arn, status);
    }),
  ]);
  return { looks: { tasks: new Map([...polled, ...tasks]), instances, taskDefinitions, alarms }, fault };
}

const merge = (a: Looks, b: Looks): Looks => ({
  tasks: new Map([...a.tasks, ...b.tasks]),
  instances: new Map([...a.instances, ...b.instances]),
  taskDefinitions: new Map([...a.taskDefinitions, ...b.taskDefinitions]),
  alarms: new Map([...a.alarms, ...b.alarms]),
});

async function act(
  effects: readonly Effect[],
  plannedAt: Instant,
  claim: Claim,
  deps: TurnDeps,
  signal: AbortSignal,
): Promise<readonly Acted[]> {
  const { cluster } = claim.world.spec.value;
  return await pMap(
    effects,
    async (effect): Promise<Acted> => {
      if (effect.kind === 'launch') {
        const notAfter = after(effect.launch.promisedAt, deps.policy.actWithinMs);
        const outcome = await deps.ecs.launch({ ...effect, notAfter }, signal);
        return { effect, outcome, endedAt: deps.now() };
      }
      // A turn that was frozen since may have been followed by one that wants the task to stay.
      const notAfter = after(plannedAt, deps.policy.actWithinMs);
      const reason = `daemon-scheduler: ${effect.reason}`;
      const outcome = await deps.ecs.stop({ ...effect, cluster, reason, notAfter }, signal);
      return { effect, outcome, endedAt: deps.now() };
    },
    { concurrency: EFFECTS_AT_ONCE },
  );
}
