/**
 * The planner: what is seen in, what to do out. It reads no clock, asks nothing and keeps nothing; the same observation
 * gives the same plan. The steps stand below in the order they are taken.
 */
import { after, type InstanceArn, type LaunchId } from '../domain/ids.ts';
import { isAsking, withoutPolls, type LookRequest, type Plan } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import { batchesOf, intent, type Batch } from './batches.ts';
import { stopForDeletion, isFinished } from './deletion.ts';
import { Draft } from './draft.ts';
import { followTask } from './following.ts';
import { claimsOf, planHost } from './hosts.ts';
import { settleOpenLaunches } from './launches.ts';
import { onePerMachine, type Candidate } from './machines.ts';
import { Sight, type Observation } from './observation.ts';
import { recordProgress } from './progress.ts';
import { replaceOutdated } from './replacements.ts';
import type { Rollout } from './rollout.ts';
import { nextPoll, untried } from './slots.ts';
import { rolloutBefore, steer } from './steering.ts';

/** A requested survey of a cluster of hundreds of hosts is done by then; a later one is found by the next look. */
const SURVEY_WAIT_MS = 2_000;

/** Looks and plans a turn at most: each plan may ask for what the one before could not know to ask for. */
export const PLANS_PER_TURN = 3;

/** `mint` gives a new id at each call; it is the only source of chance, and an argument. */
export function planEnvironment(seen: Observation, policy: Policy, mint: () => LaunchId): Plan {
  const draft = new Draft(seen.world, seen.now);
  const sight = new Sight(seen);
  const { deletion } = seen.world.spec.value;
  if (seen.facts === null) draft.needsSurvey = true;

  const before = rolloutBefore(seen);
  settleOpenLaunches(seen, sight, before, draft, policy);
  for (const slot of draft.slots.values()) followTask(slot, seen, sight, before, draft, policy);
  if (deletion === null) {
    retryAsAsked(seen, draft);
    const rollout = steer(before, seen, sight, draft, policy, mint);
    // The next turn begins with the deployment that rolls this one back; what was promised in this one is sent then, if it is still wanted.
    if (draft.rollback !== null) return rolledBack(draft, seen);
    launchOn(planHosts(seen, sight, rollout, draft, policy), seen, draft, policy, mint);
    replaceOutdated(seen, sight, rollout, draft, policy);
    recordProgress(seen, sight, rollout, draft, policy);
  } else {
    stopForDeletion(deletion, seen, draft);
  }
  // Kept tasks are kept, whatever stop was promised before.
  if (!before.frozen && deletion?.tasks !== 'keep') requestStops(seen, before, draft, policy);
  const finished = deletion !== null && isFinished(deletion, seen, sight, draft, policy);
  // The survey wakes those for whom something changed; who only waits for a newer listing looks for himself.
  if (draft.needsSurvey) draft.wake(after(seen.now, SURVEY_WAIT_MS));
  const look = draft.look(policy.looksPerTurn);
  // Stands only if this plan is the turn's last, with something still to ask. A poll has its own time to come again.
  if (isAsking(withoutPolls(look))) draft.wake(after(seen.now, policy.attemptBackoffMs.first));
  return planOf(draft, look, finished);
}

const planOf = (draft: Draft, look: LookRequest, finished: boolean): Plan => ({
  changes: draft.changes(),
  effects: draft.effects,
  slots: draft.slots,
  look,
  waiting: draft.waiting,
  until: draft.until,
  rollback: draft.rollback,
  wakeAt: draft.wakeAt,
  needsSurvey: draft.needsSurvey,
  finished,
});

/** A promise without a deed is always safe: a launch or a stop that is not sent now is sent later or never. */
function rolledBack(draft: Draft, seen: Observation): Plan {
  draft.effects.length = 0;
  // It is written with the rollback, or not at all.
  draft.progress = null;
  draft.wake(seen.now);
  return planOf(draft, NOTHING_TO_ASK, false);
}

/** A retry by hand forgets the host's failed tries, once for each time it was asked for. */
function retryAsAsked(seen: Observation, draft: Draft): void {
  for (const { instance, count } of seen.world.spec.value.retries) {
    const slot = draft.slots.get(instance);
    if (slot === undefined || slot.retried >= count) continue;
    draft.slots.set(instance, { ...untried(slot, slot.tries.template, slot.tries.exempt), retried: count });
  }
}

function planHosts(
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): readonly Candidate[] {
  const claims = claimsOf(draft);
  const hosts = new Set<InstanceArn>(seen.facts?.instances.keys());
  for (const host of draft.slots.keys()) hosts.add(host);
  const candidates: Candidate[] = [];
  for (const host of hosts) {
    const candidate = planHost(host, seen, sight, rollout, claims, draft, policy);
    if (candidate !== null) candidates.push(candidate);
  }
  return onePerMachine(candidates, seen, sight, draft, policy);
}

/** Turns candidates into promises, as many as a turn may make. */
function launchOn(
  candidates: readonly Candidate[],
  seen: Observation,
  draft: Draft,
  policy: Policy,
  mint: () => LaunchId,
): void {
  const spec = seen.world.spec.value;
  const batches = batchesOf(candidates, policy).filter((batch) => isActive(batch, seen, draft));
  const room = policy.launchesPerTurn - draft.effects.filter((effect) => effect.kind === 'launch').length;
  for (const batch of batches.slice(0, room)) {
    const launch = intent(batch, spec, mint(), seen.now, policy.primitive);
    draft.launches.set(launch.id, launch);
    draft.effects.push({ kind: 'launch', launch, replay: false, priority: batch.priority });
    for (const instance of batch.instances) draft.waiting.set(instance.arn, 'launch');
  }
  const later = batches.slice(room);
  if (later.length === 0) return;
  for (const batch of later) for (const instance of batch.instances) draft.waiting.set(instance.arn, 'turn-limit');
  draft.wake(seen.now);
}

/** Its task definition is known to be ACTIVE; if not, its hosts wait. */
function isActive(batch: Batch, seen: Observation, draft: Draft): boolean {
  const { taskDefinition } = batch.deployment.revision;
  const status = seen.looks.taskDefinitions.get(taskDefinition);
  if (status === 'ACTIVE') return true;
  if (status === undefined) draft.lookAtDefinition(taskDefinition);
  const on = status === undefined ? 'facts' : 'task-definition';
  for (const { arn } of batch.instances) draft.waiting.set(arn, on);
  return false;
}

/** Asks ECS for stops that it has not accepted yet, as many as a turn may; those it takes bring the next turn at once. */
function requestStops(seen: Observation, rollout: Rollout, draft: Draft, policy: Policy): void {
  const { deletion } = seen.world.spec.value;
  let room = policy.stopsPerTurn;
  for (const slot of draft.slots.values()) {
    if (slot.task === null || slot.stop === null || slot.stop.accepted) continue;
    if (deletion === null && rollout.isExcluded({ arn: slot.instance })) continue;
    draft.wake(nextPoll(slot.stop.requestedAt, seen.now, policy));
    if (room === 0) return;
    room -= 1;
    const { reason } = slot.stop;
    const priority = reason === 'update' ? 'rollout' : 'repair';
    draft.effects.push({ kind: 'stop', task: slot.task.arn, reason, priority });
  }
}

const NOTHING_TO_ASK: LookRequest = { tasks: [], polls: [], instances: [], taskDefinitions: [], alarms: [] };
