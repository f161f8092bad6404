/** Outcomes in, what to record out. The other half of the planner: it decides what an ending means. */
import { after, type InstanceArn, type Instant, type TaskArn } from '../domain/ids.ts';
import type { Launch, Member, Slot } from '../domain/launch.ts';
import type { Acted, ChangeGroup, LaunchOutcome, PlacementFailure } from '../domain/plan.ts';
import { backoff, type Policy } from '../domain/policy.ts';
import { recordChange } from './history.ts';
import { emptySlot, postponed, settleMembers } from './slots.ts';

export interface Settlement {
  readonly changes: readonly ChangeGroup[];
  readonly wakeAt: Instant | null;
}

export function settle(acted: readonly Acted[], slots: ReadonlyMap<InstanceArn, Slot>, policy: Policy): Settlement {
  const changes: ChangeGroup[] = [];
  const times: Instant[] = [];
  const slotByTask = new Map<TaskArn, Slot>();
  for (const slot of slots.values()) if (slot.task !== null) slotByTask.set(slot.task.arn, slot);

  for (const one of acted) {
    if (one.effect.kind === 'launch') {
      const { launch, replay } = one.effect;
      const slotOf = (member: Member): Slot => slots.get(member.instance) ?? emptySlot(member, one.endedAt);
      const settled = settleLaunch(
        launch,
        replay,
        one.outcome as LaunchOutcome,
        slotOf,
        (host) => slots.get(host),
        one.endedAt,
        policy,
      );
      changes.push(settled.changes);
      times.push(settled.wakeAt);
    } else {
      if (one.outcome.kind !== 'done') {
        times.push(after(one.endedAt, policy.startPollMs.most));
        continue;
      }
      const slot = slotByTask.get(one.effect.task);
      if (slot !== undefined && slot.stop !== null) {
        changes.push([{ kind: 'put-slot', slot: { ...slot, stop: { ...slot.stop, accepted: true } } }]);
      }
      times.push(one.effect.reason === 'deletion' ? one.endedAt : after(one.endedAt, policy.startPollMs.first));
    }
  }
  return { changes, wakeAt: times.length === 0 ? null : times.reduce((a, b) => (a < b ? a : b)) };
}

interface SettledLaunch {
  readonly changes: ChangeGroup;
  readonly wakeAt: Instant;
}

function settleLaunch(
  launch: Launch,
  replay: boolean,
  outcome: LaunchOutcome,
  slotOf: (member: Member) => Slot,
  slotBefore: (instance: InstanceArn) => Slot | undefined,
  now: Instant,
  policy: Policy,
): SettledLaunch {
  const close = (slots: readonly Slot[], wakeAt: Instant): SettledLaunch => ({
    changes: [
      { kind: 'delete-launch', launch: launch.id },
      ...slots.flatMap((slot) => recordChange(slotBefore(slot.instance), slot, now).changes),
    ],
    wakeAt,
  });
  const keepOpen = (next: Partial<Launch>): SettledLaunch => {
    const open: Launch = { ...launch, ...next, endedAt: now };
    return {
      changes: [{ kind: 'put-launch', launch: open }],
      wakeAt: after(now, backoff(policy.replayBackoffMs, launch.sends)),
    };
  };
  switch (outcome.kind) {
    case 'unknown':
      return keepOpen({});
    case 'refused': {
      // A replay's refusal says nothing about the call before it.
      if (replay) return keepOpen(outcome.retry ? {} : { noReplay: 'replay-refused' });
      const refusal = `${outcome.fault.code}: ${outcome.fault.message}`;
      const slots = outcome.retry
        ? launch.members.map((member) => postponed(slotOf(member), launch.template, now, policy))
        : settleMembers(launch, { taskOn: new Map(), refusal: () => refusal }, slotOf, now, policy);
      return close(slots, after(now, policy.attemptBackoffMs.first));
    }
    case 'done': {
      const members = new Set(launch.members.map((member) => member.instance));
      const taskOn = new Map<InstanceArn, TaskArn>();
      let unmapped = false;
      for (const task of outcome.tasks) {
        // A host we did not name: a later registration of a member's machine. The planner finds out whose it is.
        if (task.instance === null || !members.has(task.instance)) unmapped = true;
        else if (!taskOn.has(task.instance)) taskOn.set(task.instance, task.arn);
      }
      if (unmapped) return { ...keepOpen({ returned: outcome.tasks.map((task) => task.arn) }), wakeAt: now };
      const refusal = refusalBy(outcome.failures);
      return close(
        settleMembers(launch, { taskOn, refusal }, slotOf, now, policy),
        after(now, policy.startPollMs.first),
      );
    }
  }
}

/** The failure that names the host; else, as ECS may name none, what it said at all. */
function refusalBy(failures: readonly PlacementFailure[]): (instance: InstanceArn) => string {
  const byInstance = new Map<InstanceArn | null, string>();
  for (const failure of failures) byInstance.set(failure.instance, failure.reason);
  const all = [...new Set(failures.map((failure) => failure.reason))].toSorted().join('; ');
  return (instance) => byInstance.get(instance) ?? (all === '' ? 'ECS placed no task here and gave no reason' : all);
}
