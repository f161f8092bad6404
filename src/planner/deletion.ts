/**
 * The end of an environment. Its name is free again once nothing we started for it can still come up unseen:
 *
 * D1. Every open launch is settled.
 * D2. Every recorded task is gone, or ECS accepted its stop, or it is to be kept. Tasks are stopped by ARN, never by group.
 * D3. Every task left behind was in a listing, or is old enough to be: a successor's first listing shows it. A description
 *     does not count, as a listing may lag behind it.
 */
import type { Deletion } from '../domain/environment.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import { stopping } from './slots.ts';

export function stopForDeletion(deletion: Deletion, seen: Observation, draft: Draft): void {
  if (deletion.tasks === 'keep') return;
  for (const slot of draft.slots.values()) {
    if (slot.task !== null) draft.slots.set(slot.instance, stopping(slot, 'deletion', seen.now));
  }
}

export function isFinished(deletion: Deletion, seen: Observation, sight: Sight, draft: Draft, policy: Policy): boolean {
  if (draft.launches.size > 0) return false;
  for (const slot of draft.slots.values()) {
    if (slot.task === null) continue;
    if (deletion.tasks === 'stop' && slot.stop?.accepted !== true) return false;
    if (sight.listed(slot.task.arn) || seen.now - slot.task.placedAt >= policy.visibilityMs) continue;
    draft.needsSurvey = true;
    return false;
  }
  return true;
}
