/**
 * Takes outdated tasks away, so that hosts get the target's.
 *
 * U1. Only where the host's wave is open, nothing holds the rollout, and the target's task definition is known to be ACTIVE:
 *     a host is not emptied for a task that cannot come, nor for one whose next attempt there is delayed.
 * U2. Never more hosts than `maxUnavailable` are without a ready task because a rollout took it, at least one may be. Hosts that an
 *     earlier rollout emptied, and that get nothing before their wave opens, or nothing that becomes ready, or whose agents are
 *     gone, do not count: it would never open. Of its own, those whose agents are gone count for as long as a task may take to
 *     start, and longer where the breaker sees to it that they do not hold it up for ever.
 * U3. A host without a ready task loses nothing: it is replaced first and does not count.
 * U4. A stop that is not accepted yet is withdrawn when it would not be asked for now: something holds the rollout, or the task is
 *     what the target wants, or the host is none of those it replaces on.
 * U5. A host that an earlier rollout emptied, and whose task of that rollout never became ready, gets the base while its wave is
 *     closed: it counts towards the budget, and could use it up for ever.
 */
import type { Instance } from '../domain/facts.ts';
import type { Slot } from '../domain/launch.ts';
import type { Policy } from '../domain/policy.ts';
import { isWatched, unavailableMost } from './breaker.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import { isReady, stopping, triesOf } from './slots.ts';
import { givenUntil } from './standing.ts';

export function replaceOutdated(seen: Observation, sight: Sight, rollout: Rollout, draft: Draft, policy: Policy): void {
  const { target, hold } = rollout;
  if (target === null) return;
  withdrawStops(seen, sight, rollout, draft);
  const outdated: Outdated[] = [];
  let inScope = 0;
  let unavailable = 0;
  let underWay = 0;
  for (const instance of sight.hosts) {
    const slot = draft.slots.get(instance.arn);
    if (!rollout.inScope(instance)) {
      const stays = instance.status === 'ACTIVE' && rollout.belongs(instance);
      const given = stays ? givenUntil(instance, slot, rollout, policy) : null;
      if (given !== null && (given > seen.now || isWatched(target, rollout.progress))) unavailable += 1;
      continue;
    }
    inScope += 1;
    if (slot === undefined) continue;
    if (slot.vacated && !isBeyondHelp(instance, slot, rollout, seen, policy)) unavailable += 1;
    if (slot.stop !== null && !slot.stop.accepted) underWay += 1;
    if (slot.task === null || slot.stop !== null || rollout.isCurrent(slot.task)) continue;
    outdated.push({ instance, slot });
  }
  if (outdated.length === 0) return;
  if (hold !== null) {
    for (const { instance } of outdated) draft.waiting.set(instance.arn, hold);
    return;
  }
  const open = outdated.filter(({ instance, slot }) => {
    const goesOn = rollout.isOpen(instance, slot) || isStranded(slot, rollout);
    const wanted = rollout.deploymentFor(instance, slot);
    const until = wanted === null ? seen.now : triesOf(slot, wanted.template).until;
    if (goesOn && instance.ec2InstanceId !== null && until <= seen.now) return true;
    if (goesOn && until > seen.now) draft.wakeFor(instance.arn, until);
    draft.waiting.set(instance.arn, !goesOn ? 'wave' : until > seen.now ? 'backoff' : 'no-instance-id');
    return false;
  });
  if (open.length === 0) return;
  const definition = seen.looks.taskDefinitions.get(target.revision.taskDefinition);
  if (definition !== 'ACTIVE') {
    if (definition === undefined) draft.lookAtDefinition(target.revision.taskDefinition);
    const on = definition === undefined ? 'facts' : 'task-definition';
    for (const { instance } of open) draft.waiting.set(instance.arn, on);
    return;
  }
  let room = unavailableMost(target, inScope) - unavailable;
  let stops = policy.stopsPerTurn - underWay;
  for (const { instance, slot } of open.toSorted(brokenFirst)) {
    const ready = isReady(slot);
    if (ready && room <= 0) {
      draft.waiting.set(instance.arn, 'budget');
    } else if (stops <= 0) {
      draft.waiting.set(instance.arn, 'turn-limit');
      // Stops of an earlier turn that ECS did not accept have a time of their own.
      if (underWay === 0) draft.wake(seen.now);
    } else {
      stops -= 1;
      if (ready) room -= 1;
      draft.slots.set(instance.arn, { ...stopping(slot, 'update', seen.now), vacated: slot.vacated || ready });
      draft.waiting.set(instance.arn, 'stop');
    }
  }
}

interface Outdated {
  readonly instance: Instance;
  readonly slot: Slot;
}

/** U3; then by ARN, so that every turn goes on where the last one was. */
const brokenFirst = (a: Outdated, b: Outdated): number =>
  Number(isReady(a.slot)) - Number(isReady(b.slot)) || (a.instance.arn < b.instance.arn ? -1 : 1);

/** U2. Its wave is closed, and the base is none, or not for this host, or has had its chance there. */
function isBeyondHelp(
  instance: Instance,
  slot: Slot,
  rollout: Rollout,
  { now }: Observation,
  { attempts, startGraceMs }: Policy,
): boolean {
  const wanted = rollout.deploymentFor(instance, slot);
  if (wanted === null || rollout.isOpen(instance, slot)) return wanted === null;
  if (rollout.covers(wanted, instance) === false) return true;
  const { tries, task } = slot;
  if (tries.template === wanted.template && tries.count >= attempts) return true;
  const { minReadyMs } = rollout.readinessOf(wanted.template);
  // One that was ready is on its way out, and what comes after it has not had its chance.
  if (task === null || task.readyAt !== null) return false;
  return task.template === wanted.template && now - task.placedAt >= minReadyMs + startGraceMs;
}

/** U5. */
const isStranded = (slot: Slot, { base }: Rollout): boolean =>
  slot.vacated &&
  slot.task !== null &&
  slot.task.readyAt === null &&
  base !== null &&
  slot.task.template !== base.template;

/** U4. Should ECS have taken one all the same, the host is still counted: a look tells, in the turn that follows. */
function withdrawStops(seen: Observation, sight: Sight, rollout: Rollout, draft: Draft): void {
  for (const slot of draft.slots.values()) {
    if (slot.task === null || slot.stop === null || slot.stop.reason !== 'update' || slot.stop.accepted) continue;
    const instance = sight.instance(slot.instance);
    const replaced =
      rollout.hold === null &&
      !rollout.isCurrent(slot.task) &&
      instance !== null &&
      instance !== 'MISSING' &&
      rollout.inScope(instance) &&
      (rollout.isOpen(instance, slot) || isStranded(slot, rollout));
    if (replaced) continue;
    draft.slots.set(slot.instance, { ...slot, stop: null });
    draft.wake(seen.now);
  }
}
