/**
 * What one host needs.
 *
 * H1. A task is gone only when ECS says `lastStatus` STOPPED, or has called it MISSING for as long as it describes stopped tasks.
 *     Not being listed proves nothing: it is described first.
 * H2. A host is launched on only if its slot has no task, no launch for it is open, and no live task of the group is seen there.
 * H3. A host is launched on only by facts listed after the environment came to be: an earlier environment of the same name
 *     may have left a task.
 * H4. A live task of the group on a host without one is adopted, never doubled.
 * H5. Of two live tasks the recorded one stays; the other is stopped.
 * H6. A host whose agent is disconnected is left alone: what ECS says of its tasks is old.
 * H7. A slot is forgotten only when ECS, asked for the instance, calls it INACTIVE or MISSING, and no launch is open.
 */
import { isLive, type Instance, type Task } from '../domain/facts.ts';
import { after, type InstanceArn, type LaunchId, type Revision, type TaskArn } from '../domain/ids.ts';
import type { PlacedTask, Slot } from '../domain/launch.ts';
import type { Waiting } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import { returned, type Candidate } from './machines.ts';
import type { Observation, Sight } from './observation.ts';
import { adopted, emptySlot, ended, endOf, nextPoll, sighted, stopping } from './slots.ts';

/** What is taken already, over all hosts. */
export interface Claims {
  readonly openOn: ReadonlyMap<InstanceArn, LaunchId>;
  readonly recorded: ReadonlySet<TaskArn>;
}

export function claimsOf(draft: Draft): Claims {
  const openOn = new Map<InstanceArn, LaunchId>();
  const recorded = new Set<TaskArn>();
  for (const launch of draft.launches.values()) {
    for (const arn of launch.returned) recorded.add(arn);
    for (const member of launch.members) openOn.set(member.instance, launch.id);
  }
  for (const slot of draft.slots.values()) if (slot.task !== null) recorded.add(slot.task.arn);
  return { openOn, recorded };
}

/** Follows the recorded task of a slot: running, ended, or not to be seen. */
export function followTask(slot: Slot, seen: Observation, sight: Sight, draft: Draft, policy: Policy): void {
  if (slot.task === null) return;
  const next = followed(slot, slot.task, seen, sight, draft, policy);
  if (next !== slot) draft.slots.set(slot.instance, next);
  if (next.task === null || (next.task.ranAt !== null && next.stop === null)) return;
  const begun = next.stop?.requestedAt ?? next.task.placedAt;
  const { arn } = slot.task;
  if (seen.now - begun >= policy.startPollMs.first && !sight.lookedAtTask(arn)) draft.pollTask(arn);
  draft.wake(nextPoll(begun, seen.now, policy));
}

function followed(slot: Slot, task: PlacedTask, seen: Observation, sight: Sight, draft: Draft, policy: Policy): Slot {
  const shown = sight.task(task.arn);
  const patience = seen.world.spec.value.deletion === null ? policy.missingAfterMs : policy.visibilityMs;
  if (shown === null) {
    const believed = task.missingSince === null ? seen.now : after(task.missingSince, patience);
    const modified = seen.world.slots.get(slot.instance)?.modified;
    if (believed > seen.now) draft.wake(believed);
    else if (modified !== undefined && sight.listedSince(modified)) draft.lookAtTask(task.arn);
    return slot;
  }
  if (shown !== 'MISSING') {
    return isLive(shown)
      ? sighted(slot, task, shown, seen.now, policy)
      : ended(slot, task, endOf(shown), seen.now, policy);
  }
  const since = task.missingSince ?? seen.now;
  if (seen.now - since >= patience) {
    return ended(slot, task, { reason: 'ECS does not know the task any more', stopCode: null }, seen.now, policy);
  }
  draft.wake(after(since, patience));
  return task.missingSince === null ? { ...slot, task: { ...task, missingSince: since } } : slot;
}

/** Decides for one host. Returns it if it is to be launched on now. */
export function planHost(
  host: InstanceArn,
  seen: Observation,
  sight: Sight,
  claims: Claims,
  draft: Draft,
  policy: Policy,
): Candidate | null {
  const instance = sight.instance(host);
  if (instance === null || instance === 'MISSING' || instance.status === 'INACTIVE') {
    forget(host, instance, seen, sight, claims, draft);
    return null;
  }
  if (!instance.agentConnected) {
    draft.waiting.set(host, 'agent');
    return null;
  }
  returned(host, draft);
  if (!claims.openOn.has(host)) reconcileStrangers(instance, seen, sight, claims, draft, policy);
  if (instance.status === 'DRAINING') {
    drain(instance, seen, draft, policy);
    return null;
  }
  if (instance.status !== 'ACTIVE') return null;
  const slot = draft.slots.get(host);
  if (slot !== undefined && slot.drainingSince !== null) draft.slots.set(host, { ...slot, drainingSince: null });
  return launchable(instance, seen, sight, claims, draft);
}

function forget(
  host: InstanceArn,
  instance: Instance | 'MISSING' | null,
  seen: Observation,
  sight: Sight,
  claims: Claims,
  draft: Draft,
): void {
  if (!draft.slots.has(host)) return;
  if (claims.openOn.has(host)) draft.waiting.set(host, 'launch');
  else if (instance !== null) draft.slots.delete(host);
  else {
    draft.waiting.set(host, 'facts');
    const modified: Revision | undefined = seen.world.slots.get(host)?.modified;
    if (modified !== undefined && sight.listedSince(modified)) draft.lookAtInstance(host);
    else draft.needsSurvey = true;
  }
}

/** Live tasks of the group that no record speaks of: adopt one if the host has none (H4), stop the others (H5). */
function reconcileStrangers(
  instance: Instance,
  seen: Observation,
  sight: Sight,
  claims: Claims,
  draft: Draft,
  policy: Policy,
): void {
  if (!sight.listedSince(knownAt(instance.arn, seen))) return;
  const strangers = sight
    .liveOn(instance.arn)
    .filter((task) => !claims.recorded.has(task.arn))
    .toSorted((a, b) => preference(a, b, seen));
  if (strangers.length === 0) return;
  const slot = draft.slots.get(instance.arn) ?? emptySlot(memberOf(instance), seen.now);
  const [first, ...others] = strangers;
  if (slot.task === null && first !== undefined) {
    const next = adopted(slot, first, seen.now, policy);
    draft.slots.set(instance.arn, next);
    if (next.task?.ranAt === null) draft.wake(nextPoll(seen.now, seen.now, policy));
  }
  for (const task of slot.task === null ? others : strangers) {
    if (task.desiredStatus === 'STOPPED') continue;
    if (!sight.lookedAtTask(task.arn)) draft.lookAtTask(task.arn);
    else draft.effects.push({ kind: 'stop', task: task.arn, reason: 'duplicate', priority: 'repair' });
  }
}

/** Revision of what we last wrote of the host: an older listing says nothing about it. */
const knownAt = (host: InstanceArn, seen: Observation): Revision =>
  seen.world.slots.get(host)?.modified ?? seen.world.spec.created;

/** The current definition before others, then the oldest, then by ARN: a total order, so that every turn keeps the same one. */
function preference(a: Task, b: Task, seen: Observation): number {
  const current = seen.world.spec.value.taskDefinition;
  const byDefinition = Number(b.taskDefinition === current) - Number(a.taskDefinition === current);
  const byAge = (a.createdAt ?? Infinity) - (b.createdAt ?? Infinity);
  return byDefinition || byAge || (a.arn < b.arn ? -1 : 1);
}

/** ECS stops no standalone task for a drain; the drain would hang on ours. It goes last, but it goes. */
function drain(instance: Instance, seen: Observation, draft: Draft, policy: Policy): void {
  const slot = draft.slots.get(instance.arn);
  if (slot === undefined) return;
  const since = slot.drainingSince ?? seen.now;
  const draining = slot.drainingSince === null ? { ...slot, drainingSince: since } : slot;
  const deadline = after(since, policy.drainDeadlineMs);
  const due = instance.foreignTasks === 0 || seen.now >= deadline;
  draft.slots.set(instance.arn, slot.task !== null && due ? stopping(draining, 'draining', seen.now) : draining);
  if (slot.task === null) return;
  draft.waiting.set(instance.arn, due ? 'stop' : 'drain');
  if (!due) draft.wake(deadline);
}

function launchable(
  instance: Instance,
  seen: Observation,
  sight: Sight,
  claims: Claims,
  draft: Draft,
): Candidate | null {
  const spec = seen.world.spec;
  const slot = draft.slots.get(instance.arn);
  if (slot?.task != null) {
    if (slot.stop !== null) return wait(instance, 'stop', draft);
    return slot.task.ranAt === null ? wait(instance, 'start', draft) : null;
  }
  if (claims.openOn.has(instance.arn)) return wait(instance, 'launch', draft);
  if (spec.value.target === null || spec.value.deletion !== null) return null;
  const live = sight.liveOn(instance.arn);
  if (live.length > 0) {
    // Most often the very task whose end was just learned, in a listing from before it: describing it is the quickest way on.
    for (const task of live) if (!sight.lookedAtTask(task.arn)) draft.lookAtTask(task.arn);
    if (!sight.listedSince(knownAt(instance.arn, seen))) draft.needsSurvey = true;
    return wait(instance, 'facts', draft);
  }
  if (!sight.listedSince(spec.created)) {
    draft.needsSurvey = true;
    return wait(instance, 'facts', draft);
  }
  if (instance.ec2InstanceId === null) return wait(instance, 'no-instance-id', draft);
  if (slot !== undefined && slot.tries.until > seen.now) {
    draft.wake(slot.tries.until);
    return wait(instance, 'backoff', draft);
  }
  return { instance, priority: slot === undefined ? 'new-host' : 'repair' };
}

function wait(instance: Instance, on: Waiting, draft: Draft): null {
  draft.waiting.set(instance.arn, on);
  return null;
}

const memberOf = (instance: Instance): { readonly instance: InstanceArn; readonly ec2InstanceId: string | null } => ({
  instance: instance.arn,
  ec2InstanceId: instance.ec2InstanceId,
});
