/**
 * How a rollout goes on, and when it stops itself.
 *
 * G1. A wave opens when every host of the waves before it is done or failed and has stayed so for the wave's bake, or when a
 *     person promotes; never while the rollout is paused. A canary whose hosts all left has tried nothing: others take their place.
 * G2. The breaker trips: `breaker.ts`.
 * G3. A tripped rollout takes no more tasks away. It is rolled back by a deployment of what was last completed, or paused
 *     until a person decides. A rollback is never tripped: there is nothing to fall back to.
 */
import { isOver, type Deployment, type DeploymentProgress } from '../domain/environment.ts';
import { after, type DeploymentId, type DeploymentToken, type Instant } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import { decideRollback } from '../domain/transitions.ts';
import { progressOf, targetOf } from '../domain/world.ts';
import { alarmsOf, failuresOf, tripReason } from './breaker.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import { Rollout } from './rollout.ts';
import { untried } from './slots.ts';
import { hasTried, isDone, standingsOf, type Standings } from './standing.ts';
import { chooseCanaries, wavesOf } from './waves.ts';

const MINUTE_MS = 60_000;

/** What the rollout was when this turn began. */
export const rolloutBefore = (seen: Observation): Rollout =>
  new Rollout(seen.world, progressOf(seen.world), alarmsKnown(seen));

/** Decides how the rollout of the target goes on from what it was before, and gives it as it is from here on. */
export function steer(
  before: Rollout,
  seen: Observation,
  sight: Sight,
  draft: Draft,
  policy: Policy,
  mint: () => string,
): Rollout {
  const { target, progress } = before;
  if (target === null || (progress !== null && isOver(progress))) return before;
  const { orders } = seen.world.spec.value;
  let next = progress ?? begun(target, seen);
  const as = (changed: DeploymentProgress): Rollout => new Rollout(seen.world, changed, alarmsKnown(seen));
  watchAlarms(target, seen, draft, policy);

  if (orders.cancelled) {
    next = { ...next, state: 'cancelled', endedAt: seen.now, reason: 'cancelled by request', trip: null };
  } else {
    if (next.waves.length === 0) next = opened(next, target, as(next), seen, sight, draft, policy);
    next = stillForgiven(resumed(next, target, seen, draft), target, draft);
    const standings = standingsOf(sight, as(next), draft, policy);
    const reason =
      next.trip === null && !isHeld(seen) ? tripReason(next, target, as(next), standings, seen, sight, draft) : null;
    if (reason !== null) next = { ...next, trip: { reason, resumes: orders.resumes } };
    if (next.trip !== null && !isHeld(seen)) next = fallenBack(next, next.trip, target, seen, draft, mint);
    if (next.state !== 'failed') next = pausedOrNot(next, seen);
    // Who does not see the hosts, or sees them as they were before, does not know that they are done.
    const created = seen.world.deployments.get(target.id)?.created;
    const seesHosts = created !== undefined && sight.listedSince(created);
    if (next.state === 'running' && seesHosts) {
      next = promoted(next, target, as(next), standings, seen, sight, draft);
    }
  }
  draft.progress = next;
  return as(next);
}

const begun = (target: Deployment, seen: Observation): DeploymentProgress => ({
  id: target.id,
  state: 'running',
  startedAt: seen.now,
  endedAt: null,
  reason: null,
  waves: [],
  open: 0,
  openedAt: seen.now,
  doneAt: null,
  ignoredAlarms: [],
  trip: null,
  forgiven: 0,
  failedInstances: [],
  deferredInstances: [],
});

function alarmsKnown(seen: Observation): boolean {
  const target = targetOf(seen.world);
  return target === null || alarmsOf(target).every((name) => seen.looks.alarms.has(name));
}

function watchAlarms(target: Deployment, seen: Observation, draft: Draft, policy: Policy): void {
  const names = alarmsOf(target);
  if (names.length === 0) return;
  if (!alarmsKnown(seen)) draft.lookAtAlarms(names);
  draft.wake(after(seen.now, policy.alarmPollMs));
}

/** The first wave opens once the hosts and the alarms are known. */
function opened(
  progress: DeploymentProgress,
  target: Deployment,
  rollout: Rollout,
  seen: Observation,
  sight: Sight,
  draft: Draft,
  policy: Policy,
): DeploymentProgress {
  if (sight.facts === null || !sight.listedSince(seen.world.spec.created) || !alarmsKnown(seen)) return progress;
  tryAnew(target, standingsOf(sight, rollout, draft, policy), draft);
  const waves = wavesOf(target, sight, rollout);
  const ignoredAlarms = alarmsOf(target).filter((name) => seen.looks.alarms.get(name) === 'ALARM');
  const first: DeploymentProgress = { ...progress, waves, open: 1, openedAt: seen.now, ignoredAlarms };
  chooseCanaries(first, target, rollout, sight, draft, seen.now);
  return first;
}

/** What an earlier deployment tried does not count against this one, and what was broken before it says nothing about it. */
function tryAnew(target: Deployment, standings: Standings, draft: Draft): void {
  for (const slot of draft.slots.values()) {
    const broken = target.base !== null && standings.of.has(slot.instance) && slot.gapSince !== null && !slot.vacated;
    draft.slots.set(slot.instance, untried(slot, target.template, broken));
  }
}

/** A person resumed it: what tripped it is forgiven, and the wave's time begins anew. */
function resumed(
  progress: DeploymentProgress,
  target: Deployment,
  seen: Observation,
  draft: Draft,
): DeploymentProgress {
  const { trip } = progress;
  if (trip !== null && seen.world.spec.value.orders.resumes <= trip.resumes) return progress;
  if (progress.state !== 'paused' || isHeld(seen)) return progress;
  // Which alarms it goes on in spite of is to be known.
  if (trip !== null && !alarmsKnown(seen)) return progress;
  const running = { ...progress, state: 'running', reason: null, openedAt: seen.now, doneAt: null } as const;
  if (trip === null) return running;
  const ignoredAlarms = alarmsOf(target).filter((name) => seen.looks.alarms.get(name) === 'ALARM');
  return { ...running, trip: null, forgiven: failuresOf(target, draft), ignoredAlarms };
}

/** Attempts that were cleared since are not there to be taken off. */
function stillForgiven(progress: DeploymentProgress, target: Deployment, draft: Draft): DeploymentProgress {
  if (progress.forgiven === 0) return progress;
  const forgiven = Math.min(progress.forgiven, failuresOf(target, draft));
  return forgiven === progress.forgiven ? progress : { ...progress, forgiven };
}

function pausedOrNot(progress: DeploymentProgress, seen: Observation): DeploymentProgress {
  if (progress.trip !== null) return { ...progress, state: 'paused', reason: progress.trip.reason };
  if (!isHeld(seen)) return progress;
  const { frozen } = seen.world.spec.value;
  return { ...progress, state: 'paused', reason: frozen ? 'the environment is frozen' : 'paused by request' };
}

/** By a person: nothing moves, and no time runs. */
const isHeld = ({ world }: Observation): boolean => world.spec.value.orders.paused || world.spec.value.frozen;

/** Rolls a tripped rollout back, if that is configured and there is something to go back to that can be launched. */
function fallenBack(
  progress: DeploymentProgress,
  trip: NonNullable<DeploymentProgress['trip']>,
  target: Deployment,
  seen: Observation,
  draft: Draft,
  mint: () => string,
): DeploymentProgress {
  if (target.revision.configuration.rollback !== 'auto' || target.base === null) return progress;
  const ids = { id: mint() as DeploymentId, token: mint() as DeploymentToken };
  const decision = decideRollback(seen.world, { ...ids, at: seen.now, to: null });
  if (decision.kind !== 'deploy') return progress;
  const { spec, deployment } = decision;
  const { taskDefinition } = deployment.revision;
  switch (seen.looks.taskDefinitions.get(taskDefinition)) {
    case undefined:
      // Paused until it is known.
      draft.lookAtDefinition(taskDefinition);
      return progress;
    case 'INACTIVE': {
      const why = `; not rolled back, as ${taskDefinition} is not ACTIVE any more`;
      const { reason } = trip;
      return { ...progress, trip: { ...trip, reason: reason.endsWith(why) ? reason : `${reason}${why}` } };
    }
    case 'ACTIVE': {
      const failed = { ...progress, state: 'failed', endedAt: seen.now, reason: trip.reason } as const;
      draft.rollback = { spec, deployment, progress: failed };
      return failed;
    }
  }
}

/** G1. Several at once, where waves have no hosts. */
function promoted(
  progress: DeploymentProgress,
  target: Deployment,
  rollout: Rollout,
  standings: Standings,
  seen: Observation,
  sight: Sight,
  draft: Draft,
): DeploymentProgress {
  let next = noticeQuiet(progress, seen);
  while (next.waves.length > 0) {
    const wave = next.waves[next.open - 1];
    const isLast = next.open === next.waves.length;
    if (wave === undefined || isLast) return next;
    const byHand = seen.world.spec.value.orders.promoted >= next.open;
    if (!byHand) {
      const wasDone = next.doneAt !== null;
      if (!isDone(next.open, standings, sight, rollout, draft, wasDone)) return undone(next, seen.now);
      const isTried = hasTried(next.open - 1, standings, sight, rollout, draft);
      if (!isTried && chooseCanaries(next, target, rollout, sight, draft, seen.now)) return undone(next, seen.now);
      next = { ...next, doneAt: next.doneAt ?? seen.now };
      if (wave.promote === 'manual') return next;
      const baked = after(next.doneAt ?? seen.now, wave.bakeMinutes * MINUTE_MS);
      if (baked > seen.now) {
        draft.wake(baked);
        return next;
      }
    }
    next = { ...next, open: next.open + 1, openedAt: seen.now, doneAt: null };
    chooseCanaries(next, target, rollout, sight, draft, seen.now);
  }
  return next;
}

/** Its bake begins anew. A wave that was done once kept its deadline: what broke since has as long again. */
const undone = (progress: DeploymentProgress, now: Instant): DeploymentProgress =>
  progress.doneAt === null ? progress : { ...progress, doneAt: null, openedAt: now };

/** An alarm that was OK counts from then on. */
function noticeQuiet(progress: DeploymentProgress, seen: Observation): DeploymentProgress {
  const ignoredAlarms = progress.ignoredAlarms.filter((name) => seen.looks.alarms.get(name) !== 'OK');
  return ignoredAlarms.length === progress.ignoredAlarms.length ? progress : { ...progress, ignoredAlarms };
}

/** The rollout as a plan leaves it, for those who look and do not act. */
export function rolloutAfter(seen: Observation, plan: Plan): Rollout {
  const { target } = seen.world.spec.value;
  for (const change of plan.changes.flat()) {
    if (change.kind === 'put-progress' && change.progress.id === target) {
      return new Rollout(seen.world, change.progress, alarmsKnown(seen));
    }
  }
  return rolloutBefore(seen);
}
