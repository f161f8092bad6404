/**
 * The planner: what is seen in, what to do out. It reads no clock, asks nothing and keeps nothing; the same observation
 * gives the same plan. The steps stand below in the order they are taken.
 */
import { after, type InstanceArn, type LaunchId } from '../domain/ids.ts';
import type { LookRequest, Plan } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import { batchesOf, intent } from './batches.ts';
import { stopForDeletion, isFinished } from './deletion.ts';
import { Draft } from './draft.ts';
import { claimsOf, followTask, planHost } from './hosts.ts';
import { settleOpenLaunches } from './launches.ts';
import { onePerMachine, type Candidate } from './machines.ts';
import { Sight, type Observation } from './observation.ts';
import { beginDeployment, recordProgress } from './progress.ts';
import { nextPoll } from './slots.ts';

/** A requested survey of a cluster of hundreds of hosts is done by then; a later one is found by the next look. */
const SURVEY_WAIT_MS = 2_000;

/** `mint` gives a new launch id at each call; it is the only source of chance, and an argument. */
export function planEnvironment(seen: Observation, policy: Policy, mint: () => LaunchId): Plan {
  const draft = new Draft(seen.world);
  const sight = new Sight(seen);
  const deletion = seen.world.spec.value.deletion;
  if (seen.facts === null) draft.needsSurvey = true;

  settleOpenLaunches(seen, sight, draft, policy);
  for (const slot of draft.slots.values()) followTask(slot, seen, sight, draft, policy);
  if (deletion === null) {
    beginDeployment(seen, draft);
    launchOn(planHosts(seen, sight, draft, policy), seen, draft, policy, mint);
    recordProgress(seen, sight, draft, policy);
  } else {
    stopForDeletion(deletion, seen, draft);
  }
  requestStops(seen, draft, policy);
  const finished = deletion !== null && isFinished(deletion, seen, sight, draft, policy);
  // The survey wakes those for whom something changed; who only waits for a newer listing looks for himself.
  if (draft.needsSurvey) draft.wake(after(seen.now, SURVEY_WAIT_MS));
  const look = draft.look(policy.looksPerTurn);
  // Stands only if this plan is the turn's last, with something still to ask.
  if (asks(look)) draft.wake(after(seen.now, policy.attemptBackoffMs.first));

  return {
    changes: draft.changes(),
    effects: draft.effects,
    slots: draft.slots,
    look,
    waiting: draft.waiting,
    wakeAt: draft.wakeAt,
    needsSurvey: draft.needsSurvey,
    finished,
  };
}

function planHosts(seen: Observation, sight: Sight, draft: Draft, policy: Policy): readonly Candidate[] {
  const claims = claimsOf(draft);
  const hosts = new Set<InstanceArn>(seen.facts?.instances.keys());
  for (const host of draft.slots.keys()) hosts.add(host);
  const candidates: Candidate[] = [];
  for (const host of hosts) {
    const candidate = planHost(host, seen, sight, claims, draft, policy);
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
  if (candidates.length === 0 || spec.target === null) return;
  if (seen.looks.taskDefinition !== 'ACTIVE') {
    if (seen.looks.taskDefinition === null) draft.lookAtTaskDefinition = true;
    const on = seen.looks.taskDefinition === null ? 'facts' : 'task-definition';
    for (const candidate of candidates) draft.waiting.set(candidate.instance.arn, on);
    return;
  }
  const batches = batchesOf(candidates, policy);
  const room = policy.launchesPerTurn - draft.effects.filter((effect) => effect.kind === 'launch').length;
  for (const batch of batches.slice(0, room)) {
    const launch = intent(batch, spec, spec.target, mint(), seen.now, policy.primitive);
    draft.launches.set(launch.id, launch);
    draft.effects.push({ kind: 'launch', launch, replay: false, priority: batch.priority });
    for (const instance of batch.instances) draft.waiting.set(instance.arn, 'launch');
  }
  const later = batches.slice(room);
  if (later.length === 0) return;
  for (const batch of later) for (const instance of batch.instances) draft.waiting.set(instance.arn, 'turn-limit');
  draft.wake(seen.now);
}

/** Asks ECS for stops that it has not accepted yet, as many as a turn may; those it takes bring the next turn at once. */
function requestStops(seen: Observation, draft: Draft, policy: Policy): void {
  let room = policy.stopsPerTurn;
  for (const slot of draft.slots.values()) {
    if (slot.task === null || slot.stop === null || slot.stop.accepted) continue;
    draft.wake(nextPoll(slot.stop.requestedAt, seen.now, policy));
    if (room === 0) return;
    room -= 1;
    draft.effects.push({ kind: 'stop', task: slot.task.arn, reason: slot.stop.reason, priority: 'repair' });
  }
}

const asks = (look: LookRequest): boolean => look.taskDefinition || look.tasks.length + look.instances.length > 0;
