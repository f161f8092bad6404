/**
 * What one host needs.
 *
 * H1. A task is gone only when ECS says `lastStatus` STOPPED, or has called it MISSING for as long as it describes stopped tasks.
 *     Not being listed proves nothing: it is described first.
 * H2. A host is launched on only if its slot has no task, no launch for it is open, and no live task of the group is seen there.
 * H3. A host without a slot is launched on only by facts listed after the environment came to be: an earlier environment
 *     of the same name may have left a task.
 * H4. A live task of the group on a host without one is adopted, never doubled.
 * H5. Of two live tasks the recorded one stays; the other is stopped.
 * H6. A host whose agent is disconnected is left alone: what ECS says of its tasks is old.
 * H7. A slot is forgotten only when ECS, asked for the instance, calls it INACTIVE or MISSING, and no launch is open.
 */
import { isLive, type Instance, type Task } from '../domain/facts.ts';
import { after, type InstanceArn, type Revision, type TaskArn } from '../domain/ids.ts';
import type { LaunchId } from '../domain/ids.ts';
import type { PlacedTask, Slot } from '../domain/launch.ts';
import type { Priority } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import { adopted, emptySlot, ended, endOf, nextPoll, sighted, stopping } from './slots.ts';

/** A host that is to be launched on now. */
export interface Candidate {
  readonly instance: Instance;
  readonly priority: Priority;
}

/** What is taken already, over all hosts. */
export interface Claims {
  readonly openOn: ReadonlyMap<InstanceArn, LaunchId>;
  /** Instances with a task or an open launch, by the machine's EC2 or SSM id. */
  readonly registrationOf: ReadonlyMap<string, ReadonlySet<InstanceArn>>;
  readonly recorded: ReadonlySet<TaskArn>;
}

export function claimsOf(draft: Draft): Claims {
  const openOn = new Map<InstanceArn, LaunchId>();
  const registrationOf = new Map<string, Set<InstanceArn>>();
  const recorded = new Set<TaskArn>();
  const register = (id: string | null, instance: InstanceArn): void => {
    if (id === null) return;
    const known = registrationOf.get(id);
    if (known === undefined) registrationOf.set(id, new Set([instance]));
    else known.add(instance);
  };
  for (const launch of draft.launches.values()) {
    for (const arn of launch.returned) recorded.add(arn);
    for (const member of launch.members) {
      openOn.set(member.instance, launch.id);
      register(member.ec2InstanceId, member.instance);
    }
  }
  for (const slot of draft.slots.values()) {
    if (slot.task === null) continue;
    recorded.add(slot.task.arn);
    register(slot.ec2InstanceId, slot.instance);
  }
  return { openOn, registrationOf, recorded };
}

/** Follows the recorded task of a slot: running, ended, or not to be seen. */
export function followTask(slot: Slot, seen: Observation, sight: Sight, draft: Draft, policy: Policy): void {
  if (slot.task === null) return;
  const next = followed(slot, slot.task, seen, sight, draft, policy);
  if (next !== slot) draft.slots.set(slot.instance, next);
  if (next.task === null || (next.task.ranAt !== null && next.stop === null)) return;
  const begun = next.stop?.requestedAt ?? next.task.placedAt;
  if (seen.now - begun >= policy.startPollMs.first && next === slot) draft.lookAtTask(slot.task.arn);
  draft.wake(nextPoll(begun, seen.now, policy));
}

function followed(slot: Slot, task: PlacedTask, seen: Observation, sight: Sight, draft: Draft, policy: Policy): Slot {
  const shown = sight.task(task.arn);
  if (shown === null) {
    const modified = seen.world.slots.get(slot.instance)?.modified;
    if (modified !== undefined && sight.listedSince(modified)) draft.lookAtTask(task.arn);
    return slot;
  }
  if (shown !== 'MISSING') {
    return isLive(shown)
      ? sighted(slot, task, shown, seen.now, policy)
      : ended(slot, task, endOf(shown), seen.now, policy);
  }
  const since = task.missingSince ?? seen.now;
  const patience = seen.world.spec.value.deletion === null ? policy.missingAfterMs : policy.visibilityMs;
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
  if (!claims.openOn.has(host)) reconcileStrangers(instance, seen, sight, claims, draft);
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
  }
}

/** Live tasks of the group that no record speaks of: adopt one if the host has none (H4), stop the others (H5). */
function reconcileStrangers(instance: Instance, seen: Observation, sight: Sight, claims: Claims, draft: Draft): void {
  const stored = seen.world.slots.get(instance.arn);
  if (stored !== undefined && !sight.listedSince(stored.modified)) return;
  const strangers = sight
    .liveOn(instance.arn)
    .filter((task) => !claims.recorded.has(task.arn))
    .toSorted((a, b) => preference(a, b, seen));
  if (strangers.length === 0) return;
  const slot = draft.slots.get(instance.arn) ?? emptySlot(memberOf(instance), seen.now);
  const [first, ...others] = strangers;
  if (slot.task === null && first !== undefined) draft.slots.set(instance.arn, adopted(slot, first, seen.now));
  for (const task of slot.task === null ? others : strangers) {
    if (task.desiredStatus === 'STOPPED') continue;
    if (!sight.lookedAtTask(task.arn)) draft.lookAtTask(task.arn);
    else draft.effects.push({ kind: 'stop', task: task.arn, reason: 'duplicate', priority: 'repair' });
  }
}

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
  const wait = (on: Parameters<typeof draft.waiting.set>[1]): null => {
    draft.waiting.set(instance.arn, on);
    return null;
  };
  if (slot?.task != null) {
    if (slot.stop !== null) return wait('stop');
    return slot.task.ranAt === null ? wait('start') : null;
  }
  if (claims.openOn.has(instance.arn)) return wait('launch');
  if (spec.value.target === null || spec.value.deletion !== null) return null;
  if (sight.liveOn(instance.arn).length > 0) return wait('facts');
  if (slot === undefined && !sight.listedSince(spec.created)) {
    draft.needsSurvey = true;
    return wait('facts');
  }
  if (instance.ec2InstanceId === null) return wait('no-instance-id');
  const registrations = claims.registrationOf.get(instance.ec2InstanceId);
  if (registrations !== undefined && [...registrations].some((other) => other !== instance.arn)) {
    return wait('other-registration');
  }
  if (slot !== undefined && slot.tries.until > seen.now) {
    draft.wake(slot.tries.until);
    return wait('backoff');
  }
  return { instance, priority: slot === undefined ? 'new-host' : 'repair' };
}

const memberOf = (instance: Instance): { readonly instance: InstanceArn; readonly ec2InstanceId: string | null } => ({
  instance: instance.arn,
  ec2InstanceId: instance.ec2InstanceId,
});
