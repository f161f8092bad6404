/**
 * The end of an environment. Its name is free again once nothing we started for it can still come up unseen:
 *
 * D1. Every open launch is settled.
 * D2. Every recorded task is gone, or ECS accepted its stop, or it is to be kept. Tasks are stopped by ARN, never by group.
 * D3. Every task left behind has been seen by ECS's own account, or is old enough to be: a successor's first listing shows it.
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
    const shown = sight.task(slot.task.arn);
    const visible = (shown !== null && shown !== 'MISSING') || slot.task.ranAt !== null;
    if (!visible && seen.now - slot.task.placedAt < policy.visibilityMs) return false;
  }
  return true;
}
