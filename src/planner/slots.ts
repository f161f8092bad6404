/** How one slot changes. Small pure steps, shared by the plan and by the settling of outcomes. */
import type { Facts, Task } from '../domain/facts.ts';
import {
  after,
  type DeploymentId,
  type InstanceArn,
  type Instant,
  type RevisionId,
  type TaskArn,
  type Template,
} from '../domain/ids.ts';
import type { Launch, Member, PlacedTask, Slot, StopRequest, Tries } from '../domain/launch.ts';
import { backoff, type Policy } from '../domain/policy.ts';

/** ECS's reasons run to thousands of characters where a registry's answer is quoted; they are kept for every host that failed. */
const REASON_CHARACTERS_MOST = 500;

const NO_TRIES: Tries = { count: 0, reason: null, until: 0 as Instant, template: null, exempt: false };

export const emptySlot = (member: Member, now: Instant): Slot => ({
  instance: member.instance,
  ec2InstanceId: member.ec2InstanceId,
  task: null,
  stop: null,
  tries: NO_TRIES,
  drainingSince: null,
  supersededSince: null,
  since: now,
  gapSince: now,
  vacated: false,
  canary: null,
  uncovered: null,
  retried: 0,
  entries: 0,
});

/** The host got a task from the launch. */
export const placed = (slot: Slot, launch: Launch, arn: TaskArn, now: Instant): Slot => ({
  ...slot,
  task: { ...unseen(arn, now), launch: launch.id, ...originOf(launch), taskDefinition: launch.taskDefinition },
  stop: null,
  since: now,
});

/** What a task was made from. */
export interface Origin {
  readonly revision: RevisionId | null;
  readonly template: Template;
}

/** A live task of ours that no slot knew of becomes the host's task. */
export const adopted = (slot: Slot, task: Task, origin: Origin, now: Instant): Slot => ({
  ...slot,
  task: { ...unseen(task.arn, now), launch: null, ...origin, taskDefinition: task.taskDefinition },
  stop: null,
  since: now,
});

const originOf = ({ revision, template }: Launch): Origin => ({ revision, template });

const unseen = (
  arn: TaskArn,
  placedAt: Instant,
): Pick<PlacedTask, 'arn' | 'placedAt' | 'ranAt' | 'readyAt' | 'missingSince'> => ({
  arn,
  placedAt,
  ranAt: null,
  readyAt: null,
  missingSince: null,
});

/** An attempt of the template on the host came to nothing: the next one waits, longer each time. Another template's tries do not count. */
export const failed = (slot: Slot, template: Template, reason: string, now: Instant, policy: Policy): Slot => {
  const tries = triesOf(slot, template);
  const count = tries.count + 1;
  return {
    ...slot,
    tries: {
      ...tries,
      count,
      reason: reason.slice(0, REASON_CHARACTERS_MOST),
      until: after(now, backoff(policy.attemptBackoffMs, count)),
    },
  };
};

/** An attempt did not take place, by no fault of the host: it is not counted, and comes again shortly. */
export const postponed = (slot: Slot, template: Template, now: Instant, policy: Policy): Slot => ({
  ...slot,
  tries: { ...triesOf(slot, template), until: after(now, policy.attemptBackoffMs.first) },
});

/** Attempts of the template on the host. That the host was broken before holds whatever is tried. */
export const triesOf = (slot: Slot, template: Template): Tries =>
  slot.tries.template === template ? slot.tries : { ...NO_TRIES, template, exempt: slot.tries.exempt };

/** The template is tried anew, or for the first time; `exempt` as in Tries. */
export const untried = (slot: Slot, template: Template | null, exempt: boolean): Slot =>
  slot.tries.count === 0 && slot.tries.exempt === exempt && (!exempt || slot.tries.template === template)
    ? slot
    : { ...slot, tries: { ...NO_TRIES, template, exempt } };

/** When a task counts as ready, and for whom the time without one is counted. */
export interface Readiness {
  readonly minReadyMs: number;
  readonly healthCheck: boolean;
  /** The task was described in this turn. */
  readonly fresh: boolean;
  /** The target deployment, and when it was asked for. */
  readonly rollout: { readonly deployment: DeploymentId; readonly since: Instant } | null;
}

const isHealthy = ({ health }: Task, { healthCheck }: Readiness): boolean =>
  healthCheck ? health === 'HEALTHY' : health !== 'UNHEALTHY';

/** As it was last seen, it wants nothing but time to be ready. */
export const isWell = (seen: Task | 'MISSING' | null, readiness: Readiness): boolean =>
  seen !== null && seen !== 'MISSING' && seen.lastStatus === 'RUNNING' && isHealthy(seen, readiness);

/** A live task was seen. Gives the same object when that is no news. */
export const sighted = (
  slot: Slot,
  task: PlacedTask,
  seen: Task,
  readiness: Readiness,
  now: Instant,
  policy: Policy,
): Slot => {
  const runs = seen.lastStatus === 'RUNNING';
  const ranAt = task.ranAt ?? (runs ? now : null);
  const lasted =
    readiness.minReadyMs === 0 || (readiness.fresh && ranAt !== null && now - ranAt >= readiness.minReadyMs);
  // One that ECS works on stopping is RUNNING for a while yet, and on its way out.
  const stays = runs && seen.desiredStatus !== 'STOPPED' && slot.stop === null;
  const readyAt = task.readyAt ?? (ranAt !== null && stays && lasted && isHealthy(seen, readiness) ? now : null);
  const stable = ranAt !== null && now - ranAt >= policy.stableAfterMs && slot.tries.count > 0;
  // Its stop was withdrawn, and ECS knows of none.
  const spared = isDoubtful(slot) && readiness.fresh && seen.desiredStatus !== 'STOPPED';
  if (ranAt === task.ranAt && readyAt === task.readyAt && task.missingSince === null && !stable && !spared) return slot;
  const next: Slot = {
    ...slot,
    task: { ...task, ranAt, readyAt, missingSince: null },
    tries: stable ? NO_TRIES : slot.tries,
  };
  return readyAt === task.readyAt && !spared ? next : covered(next, readiness, now);
};

/** The host counts as one without a task, and its task was ready: the stop that made it so was withdrawn. */
export const isDoubtful = (slot: Slot): boolean => slot.gapSince !== null && isReady(slot);

/** The host has a ready task again. */
const covered = (slot: Slot, { rollout }: Readiness, now: Instant): Slot => {
  if (slot.gapSince === null || rollout === null) return { ...slot, gapSince: null, vacated: false };
  const before = slot.uncovered?.deployment === rollout.deployment ? slot.uncovered.ms : 0;
  const ms = before + Math.max(0, now - Math.max(slot.gapSince, rollout.since));
  return { ...slot, gapSince: null, vacated: false, uncovered: { deployment: rollout.deployment, ms } };
};

/**
 * The host's task is gone. A stop that we or a person asked for is no failure; everything else is, also after the
 * task had been running, unless it ran for long enough to be called stable. Nor is a stop for its health check an exemption.
 */
export const ended = (
  slot: Slot,
  task: PlacedTask,
  end: { readonly reason: string; readonly stopCode: string | null },
  now: Instant,
  policy: Policy,
): Slot => {
  const vacant: Slot = { ...slot, task: null, stop: null, since: now, gapSince: slot.gapSince ?? now };
  if (slot.stop?.reason === 'unhealthy') return failed(vacant, task.template, UNHEALTHY, now, policy);
  if (slot.stop !== null || end.stopCode === 'UserInitiated') return vacant;
  const stable = task.ranAt !== null && now - task.ranAt >= policy.stableAfterMs;
  const before = stable ? { ...vacant, tries: NO_TRIES } : vacant;
  return failed(before, task.template, end.reason, now, policy);
};

const UNHEALTHY = 'its container health check failed: UNHEALTHY';

/** Whoever is about to lose a task is not covered from here on. */
export const stopping = (slot: Slot, reason: StopRequest['reason'], now: Instant): Slot =>
  slot.stop === null
    ? { ...slot, stop: { reason, requestedAt: now, accepted: false }, gapSince: slot.gapSince ?? now }
    : slot;

/** The host has a ready task that nobody takes away. */
export const isReady = (slot: Slot | undefined): boolean =>
  slot !== undefined && slot.task !== null && slot.task.readyAt !== null && slot.stop === null;

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
      ? failed(slotOf(member), launch.template, answer.refusal(member.instance), now, policy)
      : placed(slotOf(member), launch, arn, now);
  });

/** When to look again at something ECS began at `begun`: soon at first, then at half its age. */
export const nextPoll = (begun: Instant, now: Instant, policy: Policy): Instant =>
  after(now, pollEveryMs(begun, now, policy));

const pollEveryMs = (begun: Instant, now: Instant, { startPollMs }: Policy): number =>
  Math.min(startPollMs.most, Math.max(startPollMs.first, (now - begun) / 2));

/**
 * Not before `first`, when hardly a task has got anywhere; and once polls are as rare as they get, not while listings come
 * nearly as often: a host on which nothing starts would be asked about by all its environments for as long as that lasts.
 */
export function isPollDue(begun: Instant, facts: Facts | null, now: Instant, policy: Policy): boolean {
  const { first, most } = policy.startPollMs;
  if (now - begun < first) return false;
  return pollEveryMs(begun, now, policy) < most || facts === null || now - facts.startedAt > 2 * most;
}
