/**
 * How a rollout goes on, and when it stops itself.
 *
 * G1. A wave opens when every host of the waves before it is done or failed and has stayed so for the wave's bake, or when a
 *     person promotes; never while the rollout is paused. A canary of which nobody is left to tell how it does before it baked has
 *     tried nothing: others take their place, or it waits for those whose agents are away, for as long as a task may take to start.
 * G2. The breaker trips: `breaker.ts`.
 * G3. A tripped rollout takes no more tasks away. It is rolled back by a deployment of what was last completed, or paused
 *     until a person decides. A rollback is never tripped: there is nothing to fall back to.
 */
import { isOver, type Deployment, type DeploymentProgress } from '../domain/environment.ts';
import { after, type DeploymentId, type DeploymentToken, type InstanceArn, type Instant } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import { decideRollback, lastCompleted } from '../domain/transitions.ts';
import { progressOf, targetOf } from '../domain/world.ts';
import { alarmsOf, failuresOf, tripReason } from './breaker.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import { Rollout } from './rollout.ts';
import type { Situation } from './situation.ts';
import { untried } from './slots.ts';
import { hasTried, isDone, standingsOf, type Standings } from './standing.ts';
import { bakedAt, chooseCanaries, isBaked, isCanary, mayTryOthers, wavesOf } from './waves.ts';

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
  const at: Situation = { target, seen, sight, draft, policy };
  watchAlarms(at);

  if (orders.cancelled) {
    next = { ...next, state: 'cancelled', endedAt: seen.now, reason: 'cancelled by request', trip: null };
  } else {
    if (next.waves.length === 0) next = opened(next, as(next), at);
    next = stillForgiven(resumed(next, at), at);
    const standings = standingsOf(sight, as(next), draft, policy);
    const reason = next.trip === null && !isHeld(seen) ? tripReason(next, as(next), standings, at) : null;
    if (reason !== null) next = { ...next, trip: { reason, resumes: orders.resumes } };
    next = next.trip === null ? pausedOrNot(next, seen) : tripped(next, next.trip, at, mint);
    // Who does not see the hosts, or sees them as they were before, does not know that they are done.
    const created = seen.world.deployments.get(target.id)?.created;
    const seesHosts = created !== undefined && sight.listedSince(created);
    if (next.state === 'running' && seesHosts) next = promoted(next, as(next), standings, at);
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
  canaries: 0,
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

function watchAlarms({ target, seen, draft, policy }: Situation): void {
  const names = alarmsOf(target);
  if (names.length === 0) return;
  if (!alarmsKnown(seen)) draft.lookAtAlarms(names);
  draft.wake(after(seen.now, policy.alarmPollMs));
}

/** The first wave opens once the hosts and the alarms are known. */
function opened(progress: DeploymentProgress, rollout: Rollout, at: Situation): DeploymentProgress {
  const { target, seen, sight, draft } = at;
  if (sight.facts === null || !sight.listedSince(seen.world.spec.created) || !alarmsKnown(seen)) return progress;
  tryAnew(rollout, at);
  const waves = wavesOf(target, sight, rollout);
  const ignoredAlarms = alarmsOf(target).filter((name) => seen.looks.alarms.get(name) === 'ALARM');
  const first: DeploymentProgress = { ...progress, waves, open: 1, openedAt: seen.now, ignoredAlarms };
  return { ...first, canaries: chooseCanaries(first, target, rollout, sight, draft) };
}

/**
 * What an earlier deployment tried does not count against this one, and what was broken before it says nothing about it. Only
 * a host that was to have a task can be broken: one that the base does not cover is as good as any.
 */
function tryAnew(rollout: Rollout, { target, sight, draft, policy }: Situation): void {
  const { base } = rollout;
  const { of } = standingsOf(sight, rollout, draft, policy);
  const wereToHave = new Set<InstanceArn>();
  for (const instance of sight.hosts) {
    if (base !== null && of.has(instance.arn) && rollout.covers(base, instance) !== false) wereToHave.add(instance.arn);
  }
  for (const slot of draft.slots.values()) {
    const broken = wereToHave.has(slot.instance) && slot.gapSince !== null && !slot.vacated;
    draft.slots.set(slot.instance, untried(slot, target.template, broken));
  }
}

/** A person resumed it: what tripped it is forgiven, and the wave's time begins anew. */
function resumed(progress: DeploymentProgress, { target, seen, draft }: Situation): DeploymentProgress {
  const { trip } = progress;
  if (trip !== null && seen.world.spec.value.orders.resumes <= trip.resumes) return progress;
  if (progress.state !== 'paused' || isHeld(seen)) return progress;
  // Which alarms it goes on in spite of is to be known.
  if (trip !== null && !alarmsKnown(seen)) return progress;
  const running = { ...progress, state: 'running', reason: null, openedAt: seen.now, doneAt: null } as const;
  if (trip === null) return running;
  const ignoredAlarms = alarmsOf(target).filter((name) => seen.looks.alarms.get(name) === 'ALARM');
  return { ...running, trip: null, canaries: 0, forgiven: failuresOf(target, draft), ignoredAlarms };
}

/** Attempts that were cleared since are not there to be taken off. */
function stillForgiven(progress: DeploymentProgress, { target, draft }: Situation): DeploymentProgress {
  if (progress.forgiven === 0) return progress;
  const forgiven = Math.min(progress.forgiven, failuresOf(target, draft));
  return forgiven === progress.forgiven ? progress : { ...progress, forgiven };
}

function pausedOrNot(progress: DeploymentProgress, seen: Observation): DeploymentProgress {
  if (!isHeld(seen)) return progress;
  const { frozen } = seen.world.spec.value;
  return { ...progress, state: 'paused', reason: frozen ? 'the environment is frozen' : 'paused by request' };
}

/** By a person: nothing moves, and no time runs. */
const isHeld = ({ world }: Observation): boolean => world.spec.value.orders.paused || world.spec.value.frozen;

/** G3. Rolled back, if that is configured and what it goes back to can be launched; else paused. */
function tripped(
  progress: DeploymentProgress,
  { reason, resumes }: NonNullable<DeploymentProgress['trip']>,
  { target, seen, draft }: Situation,
  mint: () => string,
): DeploymentProgress {
  const paused = { ...progress, state: 'paused', reason } as const;
  // A person has the word: of one who resumed it, too, though what he resumed in spite of is not known yet.
  if (isHeld(seen) || seen.world.spec.value.orders.resumes > resumes) return paused;
  if (target.revision.configuration.rollback !== 'auto' || target.base === null) return paused;
  const definition = lastCompleted(seen.world)?.revision.taskDefinition;
  const status = definition === undefined ? undefined : seen.looks.taskDefinitions.get(definition);
  if (definition !== undefined && status === undefined) draft.lookAtDefinition(definition);
  if (status === 'INACTIVE') {
    return { ...paused, reason: `${reason}; not rolled back, as ${definition} is not ACTIVE any more` };
  }
  if (status !== 'ACTIVE') return paused;
  const ids = { id: mint() as DeploymentId, token: mint() as DeploymentToken };
  const decision = decideRollback(seen.world, { ...ids, at: seen.now, to: null });
  if (decision.kind !== 'deploy') return paused;
  const failed = { ...progress, state: 'failed', endedAt: seen.now, reason } as const;
  draft.rollback = { spec: decision.spec, deployment: decision.deployment, progress: failed };
  return failed;
}

/** G1. Several at once, where waves have no hosts. */
function promoted(
  progress: DeploymentProgress,
  rollout: Rollout,
  standings: Standings,
  at: Situation,
): DeploymentProgress {
  const { target, seen, sight, draft } = at;
  let next = noticeQuiet(progress, seen);
  while (next.waves.length > 0) {
    const wave = next.waves[next.open - 1];
    const isLast = next.open === next.waves.length;
    if (wave === undefined || isLast) return next;
    const byHand = seen.world.spec.value.orders.promoted >= next.open;
    if (!byHand) {
      const wasDone = next.doneAt !== null;
      if (!isDone(next.open, standings, sight, rollout, draft, wasDone)) return undone(next, seen.now);
      const again = isBaked(next, seen.now) ? null : triedAgain(next, rollout, standings, at);
      if (again !== null) return again;
      const doneAt = next.doneAt ?? seen.now;
      next = { ...next, doneAt };
      if (wave.promote === 'manual') return next;
      const baked = bakedAt(wave, doneAt);
      if (baked > seen.now) {
        draft.wake(baked);
        return next;
      }
    }
    next = { ...next, open: next.open + 1, openedAt: seen.now, doneAt: null };
    next = { ...next, canaries: chooseCanaries(next, target, rollout, sight, draft) };
  }
  return next;
}

/** A canary that nobody is left to tell of, with others in their place, or waiting for them. null: it is not one. */
function triedAgain(
  progress: DeploymentProgress,
  rollout: Rollout,
  standings: Standings,
  { target, seen, sight, draft, policy }: Situation,
): DeploymentProgress | null {
  const wave = progress.open - 1;
  if (!isCanary(progress) || hasTried(wave, standings, sight, rollout, draft)) return null;
  const inScope = sight.hosts.filter((instance) => rollout.inScope(instance)).length;
  const chosen = mayTryOthers(progress, inScope) ? chooseCanaries(progress, target, rollout, sight, draft) : 0;
  if (chosen > 0) return { ...progress, canaries: progress.canaries + chosen, openedAt: seen.now, doneAt: null };
  const someAway = sight.hosts.some((instance) => {
    const isAway = instance.status === 'ACTIVE' && !instance.agentConnected && rollout.belongs(instance);
    return isAway && rollout.waveOf(instance, draft.slots.get(instance.arn)) >= wave;
  });
  const given = after(progress.openedAt, policy.startGraceMs);
  if (!someAway || given <= seen.now) return null;
  draft.wake(given);
  return undone(progress, seen.now);
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
