/**
 * How the task on record goes on: H1, readiness, and H9 of `hosts.ts` for a task that is healthy again. A task that is UNHEALTHY
 * by a description is stopped, and its host launched on again; where none could follow, as the host drains, it stays to the last.
 */
import { isLive, type Instance } from '../domain/facts.ts';
import { after } from '../domain/ids.ts';
import type { PlacedTask, Slot } from '../domain/launch.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import {
  ended,
  endOf,
  isDoubtful,
  isPollDue,
  isReady,
  isWell,
  nextPoll,
  sighted,
  stopping,
  type Readiness,
} from './slots.ts';

/** Follows the recorded task of a slot: running, ready, ended, or not to be seen. */
export function followTask(
  slot: Slot,
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): void {
  if (slot.task === null) return;
  const readiness = readinessOf(slot.task, sight, rollout);
  const next = followed(slot, slot.task, readiness, seen, sight, rollout, draft, policy);
  if (next !== slot) draft.slots.set(slot.instance, next);
  if (next.task === null) return;
  if (isDoubtful(next)) draft.lookAtTask(next.task.arn);
  if (isReady(next)) return;
  const begun = next.stop?.requestedAt ?? next.task.placedAt;
  const { arn, ranAt } = next.task;
  if (next.stop === null && ranAt !== null && readiness.minReadyMs > 0 && !readiness.fresh) {
    const readyAt = after(ranAt, readiness.minReadyMs);
    // What a listing shows may have ended since: that it still runs is asked at the moment it counts.
    if (readyAt > seen.now) draft.wake(readyAt);
    else if (isWell(sight.task(arn), readiness)) draft.lookAtTask(arn);
  }
  if (isPollDue(begun, seen.facts, seen.now, policy) && !sight.lookedAtTask(arn)) draft.pollTask(arn);
  draft.wake(nextPoll(begun, seen.now, policy));
}

function readinessOf(task: PlacedTask, sight: Sight, rollout: Rollout): Readiness {
  const { minReadyMs, healthCheck } = rollout.readinessOf(task.template);
  return { minReadyMs, healthCheck, fresh: sight.lookedAtTask(task.arn), rollout: rollout.cause };
}

const takesTasks = (host: Instance | 'MISSING' | null): boolean =>
  host !== null && host !== 'MISSING' && host.status === 'ACTIVE';

function followed(
  slot: Slot,
  task: PlacedTask,
  readiness: Readiness,
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): Slot {
  const shown = sight.task(task.arn);
  const { deletion } = seen.world.spec.value;
  const patience = deletion === null ? policy.missingAfterMs : policy.visibilityMs;
  if (shown === null) {
    const believed = task.missingSince === null ? seen.now : after(task.missingSince, patience);
    const modified = seen.world.slots.get(slot.instance)?.modified;
    if (believed > seen.now) draft.wake(believed);
    else if (modified !== undefined && sight.listedSince(modified)) draft.lookAtTask(task.arn);
    return slot;
  }
  if (shown !== 'MISSING') {
    if (!isLive(shown)) return ended(slot, task, endOf(shown), seen.now, policy);
    const next = sighted(slot, task, shown, readiness, seen.now, policy);
    const { stop } = slot;
    if (stop?.reason === 'unhealthy' && !stop.accepted && shown.health === 'HEALTHY' && readiness.fresh) {
      return { ...next, stop: null };
    }
    if (shown.health !== 'UNHEALTHY' || slot.stop !== null || deletion !== null) return next;
    const host = sight.instance(slot.instance);
    if (rollout.leavesAlone(host) || !takesTasks(host)) return next;
    if (sight.lookedAtTask(task.arn)) return stopping(next, 'unhealthy', seen.now);
    // A listing may be older than its recovery.
    draft.lookAtTask(task.arn);
    return next;
  }
  const since = task.missingSince ?? seen.now;
  if (seen.now - since >= patience) {
    return ended(slot, task, { reason: 'ECS does not know the task any more', stopCode: null }, seen.now, policy);
  }
  draft.wake(after(since, patience));
  return task.missingSince === null ? { ...slot, task: { ...task, missingSince: since } } : slot;
}
