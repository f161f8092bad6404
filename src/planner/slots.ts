/** How one slot changes. Small pure steps, shared by the plan and by the settling of outcomes. */
import type { Task } from '../domain/facts.ts';
import { after, type InstanceArn, type Instant, type TaskArn, type TaskDefinitionArn } from '../domain/ids.ts';
import type { Launch, Member, PlacedTask, Slot, StopRequest, Tries } from '../domain/launch.ts';
import { backoff, type Policy } from '../domain/policy.ts';

/** ECS's reasons run to thousands of characters where a registry's answer is quoted; they are kept for every host that failed. */
const REASON_CHARACTERS_MOST = 500;

const NO_TRIES: Tries = { count: 0, reason: null, until: 0 as Instant };

export const emptySlot = (member: Member, now: Instant): Slot => ({
  instance: member.instance,
  ec2InstanceId: member.ec2InstanceId,
  task: null,
  stop: null,
  tries: NO_TRIES,
  drainingSince: null,
  supersededSince: null,
  since: now,
});

/** The host got a task from the launch. */
export const placed = (slot: Slot, launch: Launch, arn: TaskArn, now: Instant): Slot => ({
  ...slot,
  task: placedTask(arn, launch.id, launch.taskDefinition, now),
  stop: null,
  since: now,
});

/** A live task of ours that no slot knew of becomes the host's task. */
export const adopted = (slot: Slot, task: Task, now: Instant, policy: Policy): Slot => {
  const placed = placedTask(task.arn, null, task.taskDefinition, now);
  return sighted({ ...slot, task: placed, stop: null, since: now }, placed, task, now, policy);
};

const placedTask = (
  arn: TaskArn,
  launch: PlacedTask['launch'],
  taskDefinition: TaskDefinitionArn,
  placedAt: Instant,
): PlacedTask => ({ arn, launch, taskDefinition, placedAt, ranAt: null, missingSince: null });

/** An attempt on the host came to nothing: the next one waits, longer each time. */
export const failed = (slot: Slot, reason: string, now: Instant, policy: Policy): Slot => {
  const count = slot.tries.count + 1;
  return {
    ...slot,
    tries: {
      count,
      reason: reason.slice(0, REASON_CHARACTERS_MOST),
      until: after(now, backoff(policy.attemptBackoffMs, count)),
    },
  };
};

/** An attempt did not take place, by no fault of the host: it is not counted, and comes again shortly. */
export const postponed = (slot: Slot, now: Instant, policy: Policy): Slot => ({
  ...slot,
  tries: { ...slot.tries, until: after(now, policy.attemptBackoffMs.first) },
});

/** A new deployment tries the host anew: the attempts and the backoff were another's. */
export const untried = (slot: Slot): Slot => (slot.tries.count === 0 ? slot : { ...slot, tries: NO_TRIES });

/** A live task was seen. Gives the same object when that is no news. */
export const sighted = (slot: Slot, task: PlacedTask, seen: Task, now: Instant, policy: Policy): Slot => {
  const runs = seen.lastStatus === 'RUNNING';
  const ranAt = task.ranAt ?? (runs ? now : null);
  const stable = ranAt !== null && now - ranAt >= policy.stableAfterMs && slot.tries.count > 0;
  if (ranAt === task.ranAt && task.missingSince === null && !stable) return slot;
  return { ...slot, task: { ...task, ranAt, missingSince: null }, tries: stable ? NO_TRIES : slot.tries };
};

/**
 * The host's task is gone. A stop that we or a person asked for is no failure; everything else is, also after the
 * task had been running, unless it ran for long enough to be called stable.
 */
export const ended = (
  slot: Slot,
  task: PlacedTask,
  end: { readonly reason: string; readonly stopCode: string | null },
  now: Instant,
  policy: Policy,
): Slot => {
  const vacant: Slot = { ...slot, task: null, stop: null, since: now };
  if (slot.stop !== null || end.stopCode === 'UserInitiated') return vacant;
  const stable = task.ranAt !== null && now - task.ranAt >= policy.stableAfterMs;
  return failed(stable ? { ...vacant, tries: NO_TRIES } : vacant, end.reason, now, policy);
};

export const stopping = (slot: Slot, reason: StopRequest['reason'], now: Instant): Slot =>
  slot.stop === null ? { ...slot, stop: { reason, requestedAt: now, accepted: false } } : slot;

/** ECS's words for the end of a task. */
export const endOf = (task: Task): { readonly reason: string; readonly stopCode: string | null } => ({
  reason: task.stoppedReason ?? task.stopCode ?? 'task stopped',
  stopCode: task.stopCode,
});

/**
 * Settles the members of a launch as ECS's answer has it: who got a task keeps it, the others were refused.
 * Call it only when no member can get a task from this launch any more.
 */
export const settleMembers = (
  launch: Launch,
  answer: {
    readonly taskOn: ReadonlyMap<InstanceArn, TaskArn>;
    readonly refusal: (instance: InstanceArn) => string;
  },
  slotOf: (member: Member) => Slot,
  now: Instant,
  policy: Policy,
): readonly Slot[] =>
  launch.members.map((member) => {
    const arn = answer.taskOn.get(member.instance);
    return arn === undefined
      ? failed(slotOf(member), answer.refusal(member.instance), now, policy)
      : placed(slotOf(member), launch, arn, now);
  });

/** When to look again at something ECS began at `begun`: soon at first, then at half its age. */
export const nextPoll = (begun: Instant, now: Instant, policy: Policy): Instant =>
  after(now, Math.min(policy.startPollMs.most, Math.max(policy.startPollMs.first, (now - begun) / 2)));
