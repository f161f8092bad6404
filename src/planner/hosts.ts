/**
 * What one host needs.
 *
 * H1. A task is gone only when ECS says `lastStatus` STOPPED, or has called it MISSING for as long as it describes stopped tasks.
 *     Not being listed proves nothing: it is described first.
 * H2. A host is launched on only if its slot has no task, no launch for it is open, and no live task of the group is seen there.
 * H3. A host is launched on only by facts listed after the environment came to be, or came to adopt: an earlier environment of
 *     the same name may have left a task, and so may whoever it takes over from.
 * H4. A live task of the group on a host without one is adopted, never doubled.
 * H5. Of two live tasks the recorded one stays; the other is stopped. Not while the recorded one is not seen: the other may be all
 *     there is, and takes its place once it is believed gone.
 * H6. A host whose agent is disconnected is left alone: what ECS says of its tasks is old.
 * H7. A slot is forgotten only when ECS, asked for the instance, calls it INACTIVE or MISSING, and no launch is open.
 * H8. To start here and to stay here are two questions. A DRAINING host may keep a task, not get one. A host that the query does
 *     not match loses its task, unless the rollout that gave it one was stopped and waits for a person, or the one that takes it
 *     is held (R2). An excluded host is left alone, and so is everything while the environment is frozen.
 * H9. A stop that ECS has not accepted yet is withdrawn when its reason is gone: the host does not drain any more, the query
 *     matches it again, the task is healthy again.
 */
import { isLive, type Instance, type Task } from '../domain/facts.ts';
import { after, type InstanceArn, type LaunchId, type Revision, type TaskArn } from '../domain/ids.ts';
import type { Deployment } from '../domain/environment.ts';
import type { Waiting } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import { followTask } from './following.ts';
import { returned, type Candidate } from './machines.ts';
import type { Observation, Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import { adopted, emptySlot, stopping, triesOf } from './slots.ts';

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

/** Decides for one host. Returns it if it is to be launched on now. */
export function planHost(
  host: InstanceArn,
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  claims: Claims,
  draft: Draft,
  policy: Policy,
): Candidate | null {
  const instance = sight.instance(host);
  if (instance === null || instance === 'MISSING' || instance.status === 'INACTIVE') {
    forget(host, instance, seen, sight, claims, draft);
    return null;
  }
  if (rollout.isExcluded(instance)) return wait(instance, 'excluded', draft);
  if (!instance.agentConnected) return wait(instance, 'agent', draft);
  returned(host, draft);
  if (!claims.openOn.has(host)) reconcileStrangers(instance, seen, sight, rollout, claims, draft, policy);
  if (rollout.frozen) return wait(instance, 'frozen', draft);
  if (instance.status === 'DRAINING') {
    drain(instance, seen, sight, draft, policy);
    return null;
  }
  if (instance.status !== 'ACTIVE') return null;
  const slot = draft.slots.get(host);
  if (slot !== undefined && slot.drainingSince !== null) draft.slots.set(host, { ...slot, drainingSince: null });
  const wanted = rollout.deploymentFor(instance, draft.slots.get(host));
  const covered = wanted === null ? null : rollout.covers(wanted, instance);
  const leaves = covered === false && (slot?.task == null || !(rollout.belongs(instance) || rollout.spares(instance)));
  if (leaves) return leave(instance, claims, seen, draft);
  stay(host, seen, draft);
  return launchable(instance, covered === null ? null : wanted, seen, sight, rollout, claims, draft);
}

/** H9. */
function stay(host: InstanceArn, seen: Observation, draft: Draft): void {
  const slot = draft.slots.get(host);
  if (slot === undefined || slot.stop === null || slot.stop.accepted) return;
  if (slot.stop.reason !== 'draining' && slot.stop.reason !== 'not-matching') return;
  draft.slots.set(host, { ...slot, stop: null });
  draft.wake(seen.now);
}

/** The host is none of the environment's any more. */
function leave(instance: Instance, claims: Claims, seen: Observation, draft: Draft): null {
  const slot = draft.slots.get(instance.arn);
  if (slot?.task != null) draft.slots.set(instance.arn, stopping(slot, 'not-matching', seen.now));
  return wait(instance, claims.openOn.has(instance.arn) ? 'launch' : 'not-matching', draft);
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
  rollout: Rollout,
  claims: Claims,
  draft: Draft,
  policy: Policy,
): void {
  if (!sight.listedSince(knownAt(instance.arn, seen))) return;
  const unknown = sight.liveOn(instance.arn).filter((task) => !claims.recorded.has(task.arn));
  if (unknown.length === 0) return;
  const strangers = unknown.toSorted((a, b) => preference(a, b, rollout));
  const slot = draft.slots.get(instance.arn) ?? emptySlot(memberOf(instance), seen.now);
  const [first, ...others] = strangers;
  if (slot.task === null && first !== undefined) {
    const next = adopted(slot, first, rollout.originOf(first), seen.now);
    draft.slots.set(instance.arn, next);
    // It was seen before it was recorded.
    followTask(next, seen, sight, rollout, draft, policy);
  }
  if (slot.task !== null && !isSeenLive(sight.task(slot.task.arn))) return;
  for (const task of slot.task === null ? others : strangers) {
    if (task.desiredStatus === 'STOPPED' || rollout.frozen) continue;
    if (!sight.lookedAtTask(task.arn)) draft.lookAtTask(task.arn);
    else draft.effects.push({ kind: 'stop', task: task.arn, reason: 'duplicate', priority: 'repair' });
  }
}

const isSeenLive = (seen: Task | 'MISSING' | null): boolean => seen !== null && seen !== 'MISSING' && isLive(seen);

/** Revision of what we last wrote of the host: an older listing says nothing about it. */
const knownAt = (host: InstanceArn, seen: Observation): Revision =>
  seen.world.slots.get(host)?.modified ?? seen.world.spec.created;

/** The current definition before others, then the oldest, then by ARN: a total order, so that every turn keeps the same one. */
function preference(a: Task, b: Task, rollout: Rollout): number {
  const current = rollout.target?.revision.taskDefinition;
  const byDefinition = Number(b.taskDefinition === current) - Number(a.taskDefinition === current);
  const byAge = (a.createdAt ?? Infinity) - (b.createdAt ?? Infinity);
  return byDefinition || byAge || (a.arn < b.arn ? -1 : 1);
}

/** ECS stops no standalone task for a drain; the drain would hang on ours. It goes last, but it goes. */
function drain(instance: Instance, seen: Observation, sight: Sight, draft: Draft, policy: Policy): void {
  const slot = draft.slots.get(instance.arn);
  if (slot === undefined) return;
  const since = slot.drainingSince ?? seen.now;
  const draining = slot.drainingSince === null ? { ...slot, drainingSince: since } : slot;
  const deadline = after(since, policy.drainDeadlineMs);
  const { drainAfter } = seen.world.spec.value;
  const alone = instance.foreignTasks === 0 && !sight.holdsOthers(instance.arn, drainAfter);
  const due = alone || seen.now >= deadline;
  draft.slots.set(instance.arn, slot.task !== null && due ? stopping(draining, 'draining', seen.now) : draining);
  if (slot.task === null) return;
  draft.waiting.set(instance.arn, due ? 'stop' : 'drain');
  if (!due) draft.wakeFor(instance.arn, deadline);
}

function launchable(
  instance: Instance,
  wanted: Deployment | null,
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  claims: Claims,
  draft: Draft,
): Candidate | null {
  const spec = seen.world.spec;
  const slot = draft.slots.get(instance.arn);
  if (slot?.task != null) {
    if (slot.stop !== null) return wait(instance, 'stop', draft);
    return slot.task.readyAt === null ? wait(instance, 'start', draft) : null;
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
  // A listing from before an `adopt` knows nothing of the tasks it selects.
  if (!sight.listedSince(spec.value.adopt === null ? spec.created : spec.modified)) {
    draft.needsSurvey = true;
    return wait(instance, 'facts', draft);
  }
  if (wanted === null) return wait(instance, rollout.whyNone(), draft);
  if (instance.ec2InstanceId === null) return wait(instance, 'no-instance-id', draft);
  const until = slot === undefined ? seen.now : triesOf(slot, wanted.template).until;
  if (until > seen.now) {
    draft.wakeFor(instance.arn, until);
    return wait(instance, 'backoff', draft);
  }
  return { instance, deployment: wanted, priority: slot === undefined ? 'new-host' : 'repair' };
}

function wait(instance: Instance, on: Waiting, draft: Draft): null {
  draft.waiting.set(instance.arn, on);
  return null;
}

const memberOf = (instance: Instance): { readonly instance: InstanceArn; readonly ec2InstanceId: string | null } => ({
  instance: instance.arn,
  ec2InstanceId: instance.ec2InstanceId,
});
