/** How hosts stand towards the target deployment. */
import type { Instance } from '../domain/facts.ts';
import { after, type InstanceArn, type Instant } from '../domain/ids.ts';
import type { Slot } from '../domain/launch.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import type { Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import { isReady, triesOf } from './slots.ts';

type Standing =
  /** Its ready task is the target's. */
  | 'done'
  /** The target's attempts are used up; they go on, ever more slowly. */
  | 'failed'
  /** Neither yet. */
  | 'open'
  /**
   * Not done, and nobody waits for it: its agent is disconnected, or ECS gave no id to launch by. A host that the rollout
   * emptied is waited for as long as a task may take to start: agents restart.
   */
  | 'deferred';

export interface Standings {
  /** Hosts that the target covers; those that drain or have another status are not among them. */
  readonly of: ReadonlyMap<InstanceArn, Standing>;
}

export function standingsOf(sight: Sight, rollout: Rollout, draft: Draft, policy: Policy): Standings {
  const of = new Map<InstanceArn, Standing>();
  for (const instance of sight.hosts) {
    if (instance.status !== 'ACTIVE' || rollout.isExcluded(instance) || rollout.target === null) continue;
    const covered = rollout.covers(rollout.target, instance);
    if (covered === false) continue;
    // A query that this release cannot read leaves everything open: nothing is said to be complete.
    if (covered === null) of.set(instance.arn, 'open');
    else of.set(instance.arn, standingOf(instance, rollout, draft, policy));
  }
  return { of };
}

function standingOf(instance: Instance, rollout: Rollout, draft: Draft, policy: Policy): Standing {
  const slot = draft.slots.get(instance.arn);
  if (slot?.task != null && isReady(slot) && rollout.isCurrent(slot.task)) return 'done';
  if (!instance.agentConnected) {
    const given = givenUntil(instance, slot, rollout, policy);
    if (given === null || given <= draft.now) return 'deferred';
    draft.wake(given);
    return 'open';
  }
  if (
    slot !== undefined &&
    rollout.target !== null &&
    triesOf(slot, rollout.target.template).count >= policy.attempts
  ) {
    return 'failed';
  }
  return instance.ec2InstanceId === null ? 'deferred' : 'open';
}

/**
 * No host of the waves that are open is open itself. A wave that was done stays so (`wasDone`) while hosts join it; one that
 * the rollout emptied, or where it failed, is another matter.
 */
export const isDone = (
  open: number,
  { of }: Standings,
  sight: Sight,
  rollout: Rollout,
  draft: Draft,
  wasDone = false,
): boolean =>
  !sight.hosts.some((instance) => {
    if (of.get(instance.arn) !== 'open') return false;
    const slot = draft.slots.get(instance.arn);
    return rollout.waveOf(instance, slot) < open && (!wasDone || isTouched(slot, rollout));
  });

/** Until when a host that the rollout silenced is waited for; a person who resumes gives it its time again. null: it is not one. */
export function givenUntil(
  instance: Instance,
  slot: Slot | undefined,
  rollout: Rollout,
  { startGraceMs }: Policy,
): Instant | null {
  if (slot === undefined || slot.gapSince === null || rollout.progress === null) return null;
  if (!rollout.isSilenced(instance, slot)) return null;
  const { openedAt } = rollout.progress;
  return after(openedAt > slot.gapSince ? openedAt : slot.gapSince, startGraceMs);
}

/** Some host of the wave tells how the target does: it is done there, or failed. */
export const hasTried = (wave: number, { of }: Standings, sight: Sight, rollout: Rollout, draft: Draft): boolean =>
  sight.hosts.some((instance) => {
    const standing = of.get(instance.arn);
    const told = standing === 'done' || standing === 'failed';
    return told && rollout.waveOf(instance, draft.slots.get(instance.arn)) === wave;
  });

const isTouched = (slot: Slot | undefined, { target }: Rollout): boolean =>
  slot !== undefined && (slot.vacated || (target !== null && triesOf(slot, target.template).count > 0));
