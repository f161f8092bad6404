/**
 * What becomes of a launch whose outcome is not settled.
 *
 * L1. While a launch is open, none of its members gets another, nor does another registration of a member's machine.
 * L2. It settles as a whole by ECS's answer: by the one that came, or by the one that the same request, repeated, brings.
 * L3. It is repeated only while ECS surely remembers its key, only if somebody still wants it, only after the last
 *     promised call can no longer be under way, and every repetition is promised like the first.
 * L4. Otherwise observation alone settles it: a live task, described, that can only be its own, or two listings without
 *     one, both begun after the last promised call can have had any effect and would show it. From then on it is never repeated.
 */
import { isLive, type Task } from '../domain/facts.ts';
import { after, type InstanceArn, type Instant, type TaskArn } from '../domain/ids.ts';
import type { Launch, Member, Slot } from '../domain/launch.ts';
import { backoff, type Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import { emptySlot, failed, nextPoll, placed, settleMembers } from './slots.ts';

const PLACED_ELSEWHERE = 'ECS placed no task here';

/** Moment after which the last promised call is over, whoever made it. */
const overAt = (launch: Launch, policy: Policy): Instant =>
  after(launch.promisedAt, policy.actWithinMs + policy.requestTimeoutMs + policy.clockSkewMs);

const endKnown = (launch: Launch): boolean => launch.endedAt !== null && launch.endedAt >= launch.promisedAt;

const isOver = (launch: Launch, now: Instant, policy: Policy): boolean =>
  endKnown(launch) || overAt(launch, policy) <= now;

/** Moment after which a listing would show whatever the last promised call did, even one delayed on its way. */
const shownAt = (launch: Launch, policy: Policy): Instant =>
  after(overAt(launch, policy), policy.signatureMs + policy.visibilityMs);

/** Moment of the next repetition: at once after a call known to be over, with growing waits, else when it must be over. */
const replayAt = (launch: Launch, policy: Policy): Instant =>
  launch.endedAt !== null && endKnown(launch)
    ? after(launch.endedAt, backoff(policy.replayBackoffMs, launch.sends))
    : overAt(launch, policy);

export function settleOpenLaunches(
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): void {
  if (draft.launches.size === 0) return;
  const recorded = recordedArns(draft);
  const open = [...draft.launches.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const launch of open) {
    if (launch.returned.length > 0) settleReturned(launch, seen, sight, draft, policy);
    else if (replayable(launch, seen, sight, rollout, draft, policy)) replay(launch, seen.now, draft, policy);
    else observe(launch, recorded, seen, sight, draft, policy);
  }
}

function replayable(
  launch: Launch,
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): boolean {
  const { deletion } = seen.world.spec.value;
  return (
    launch.primitive === 'RunTask' &&
    launch.noReplay === null &&
    seen.now - launch.committedAt < policy.replayWithinMs &&
    deletion === null &&
    !rollout.frozen &&
    launch.members.some((member) => isWanted(launch, member.instance, sight, rollout, draft))
  );
}

/** The host would get the same if it were launched on now. Unless we know better: a host we have no facts about counts as wanted. */
function isWanted(launch: Launch, host: InstanceArn, sight: Sight, rollout: Rollout, draft: Draft): boolean {
  const instance = sight.instance(host);
  if (instance === null) return sight.facts === null && rollout.mayWant(launch.template);
  if (instance === 'MISSING' || instance.status !== 'ACTIVE' || rollout.isExcluded(instance)) return false;
  const wanted = rollout.deploymentFor(instance, draft.slots.get(host));
  return wanted?.template === launch.template && rollout.covers(wanted, instance) === true;
}

function replay(launch: Launch, now: Instant, draft: Draft, policy: Policy): void {
  const due = replayAt(launch, policy);
  if (due > now) {
    draft.wake(due);
    return;
  }
  if (draft.effects.length >= policy.launchesPerTurn) {
    draft.wake(now);
    return;
  }
  // What a listing proved about the calls before, it did not prove about this one.
  const promised: Launch = { ...launch, promisedAt: now, sends: launch.sends + 1, emptyListingAt: null };
  draft.launches.set(launch.id, promised);
  draft.effects.push({ kind: 'launch', launch: promised, replay: true, priority: 'repair' });
}

/**
 * ECS gave ARNs without their hosts, or on a host we did not name: each must be mapped to its host, or seen STOPPED, before
 * anyone is called refused. A host we did not name is a later registration of a member's machine, as the request names
 * machines; the task is that host's from now on.
 */
function settleReturned(launch: Launch, seen: Observation, sight: Sight, draft: Draft, policy: Policy): void {
  const members = new Set(launch.members.map((member) => member.instance));
  const taskOn = new Map<InstanceArn, TaskArn>();
  const elsewhere = new Map<InstanceArn, Slot>();
  let unmapped = 0;
  for (const arn of launch.returned) {
    const task = sight.task(arn);
    const forgotten = task === 'MISSING' && seen.now - launch.promisedAt >= policy.missingAfterMs;
    if (task !== null && task !== 'MISSING' && task.instance !== null) {
      if (members.has(task.instance)) preferLive(taskOn, task.instance, task, sight);
      else if (isLive(task) && !elsewhere.has(task.instance)) {
        const slots = slotElsewhere(launch, task, task.instance, seen, sight, draft);
        if (slots === null) unmapped += 1;
        else for (const slot of slots) elsewhere.set(slot.instance, slot);
      }
    } else if (!forgotten && (task === null || task === 'MISSING' || isLive(task))) {
      unmapped += 1;
      if (!sight.lookedAtTask(arn)) draft.lookAtTask(arn);
    }
  }
  if (unmapped > 0) {
    draft.wake(nextPoll(launch.promisedAt, seen.now, policy));
    return;
  }
  const refusal = (): string => PLACED_ELSEWHERE;
  const slots = settleMembers(
    launch,
    { taskOn, refusal },
    (member) => slotOf(member, draft, seen.now),
    seen.now,
    policy,
  );
  draft.settle(launch, null, [...slots, ...elsewhere.values()]);
}

/** The slot of a host we did not name, if it takes one; null: the host is not known yet. */
function slotElsewhere(
  launch: Launch,
  task: Task,
  host: InstanceArn,
  seen: Observation,
  sight: Sight,
  draft: Draft,
): readonly Slot[] | null {
  const instance = sight.instance(host);
  if (instance === null) {
    draft.lookAtInstance(host);
    return null;
  }
  const slot = draft.slots.get(host);
  if (instance === 'MISSING' || slot?.task != null) return [];
  const { ec2InstanceId } = instance;
  return [placed(slot ?? emptySlot({ instance: host, ec2InstanceId }, seen.now), launch, task.arn, seen.now)];
}

/** Of two returned tasks on one host the live one counts; the other is history, or a duplicate that the host's turn stops. */
function preferLive(taskOn: Map<InstanceArn, TaskArn>, host: InstanceArn, task: Task, sight: Sight): void {
  const other = taskOn.get(host);
  const otherTask = other === undefined ? null : sight.task(other);
  if (otherTask === null || otherTask === 'MISSING' || !isLive(otherTask)) taskOn.set(host, task.arn);
}

function observe(
  launch: Launch,
  recorded: ReadonlySet<TaskArn>,
  seen: Observation,
  sight: Sight,
  draft: Draft,
  policy: Policy,
): void {
  if (!isOver(launch, seen.now, policy)) {
    draft.wake(overAt(launch, policy));
    return;
  }
  const found: Slot[] = [];
  const rest: Member[] = [];
  let doubtful = false;
  for (const member of launch.members) {
    const task = evidenceFor(member, launch, recorded, sight, policy);
    if (task?.instance != null && sight.lookedAtTask(task.arn)) {
      if (task.instance === member.instance) {
        found.push(placed(slotOf(member, draft, seen.now), launch, task.arn, seen.now));
        continue;
      }
      const slots = slotElsewhere(launch, task, task.instance, seen, sight, draft);
      if (slots !== null) {
        found.push(
          failed(slotOf(member, draft, seen.now), launch.template, PLACED_ELSEWHERE, seen.now, policy),
          ...slots,
        );
        continue;
      }
    }
    rest.push(member);
    if (task === undefined) continue;
    // A listing may be older than the promise, and the task in it long dead: it counts once it was described.
    doubtful = true;
    draft.lookAtTask(task.arn);
  }
  const listedAt = sight.facts?.startedAt ?? null;
  const proven = !doubtful && listedAt !== null && listedAt > shownAt(launch, policy);
  if (proven && launch.emptyListingAt !== null && listedAt > launch.emptyListingAt) {
    const expired = rest.map((member) =>
      failed(
        slotOf(member, draft, seen.now),
        launch.template,
        'outcome never learned; no task appeared',
        seen.now,
        policy,
      ),
    );
    draft.settle(launch, null, [...found, ...expired]);
    return;
  }
  if (found.length > 0) {
    const left: Launch = { ...launch, members: rest, noReplay: 'observed' };
    draft.settle(launch, rest.length === 0 ? null : left, found);
  }
  const left = draft.launches.get(launch.id);
  if (left === undefined) return;
  if (proven && launch.emptyListingAt === null) draft.launches.set(left.id, { ...left, emptyListingAt: listedAt });
  const due = shownAt(launch, policy);
  if (due <= seen.now) draft.needsSurvey = true;
  draft.wake(after(due > seen.now ? due : seen.now, policy.replayBackoffMs.most));
}

/** The member's own task; else one that came up on a later registration of its machine, as the request names machines. */
function evidenceFor(
  member: Member,
  launch: Launch,
  recorded: ReadonlySet<TaskArn>,
  sight: Sight,
  policy: Policy,
): Task | undefined {
  const on = (host: InstanceArn): Task | undefined =>
    sight.liveOn(host).find((task) => isEvidence(task, launch, recorded, policy));
  const own = on(member.instance);
  if (own !== undefined || member.ec2InstanceId === null || launch.primitive !== 'RunTask') return own;
  const named = new Set(launch.members.map(({ instance }) => instance));
  for (const { arn, ec2InstanceId } of sight.facts?.instances.values() ?? []) {
    if (ec2InstanceId !== member.ec2InstanceId || named.has(arn)) continue;
    const there = on(arn);
    if (there !== undefined) return there;
  }
  return undefined;
}

/**
 * A live task on a member's host is the launch's own only if nothing recorded it before and it is not older than the
 * promise. `startedBy` is the deployment's, so an outsider's task is not taken for it.
 */
function isEvidence(task: Task, launch: Launch, recorded: ReadonlySet<TaskArn>, policy: Policy): boolean {
  const young = task.createdAt === null || task.createdAt >= launch.committedAt - policy.clockSkewMs;
  return young && task.startedBy === launch.deployment && !recorded.has(task.arn);
}

function recordedArns(draft: Draft): ReadonlySet<TaskArn> {
  const recorded = new Set<TaskArn>();
  for (const slot of draft.slots.values()) if (slot.task !== null) recorded.add(slot.task.arn);
  for (const launch of draft.launches.values()) for (const arn of launch.returned) recorded.add(arn);
  return recorded;
}

const slotOf = (member: Member, draft: Draft, now: Instant): Slot =>
  draft.slots.get(member.instance) ?? emptySlot(member, now);
