/**
 * What speaks against a rollout.
 *
 * G2. The breaker trips on: failed attempts of the target's template, at most as many as configured; a wave in which not one
 *     host became ready; `maxUnavailable` used up by hosts that used up their attempts, or whose agents we lost, as then nothing
 *     moves any more; canaries that leave before they tell, others in their place included; a wave's deadline; an alarm that did
 *     not fire when the rollout began; a definition that is not ACTIVE. Hosts that were broken before the rollout began do not count.
 */
import { isOver, type Deployment, type DeploymentProgress } from '../domain/environment.ts';
import { after } from '../domain/ids.ts';
import { hostsOf, type Amount } from '../domain/revision.ts';
import type { Draft } from './draft.ts';
import type { Rollout } from './rollout.ts';
import type { Situation } from './situation.ts';
import { isReady, triesOf } from './slots.ts';
import { isDone, type Standings } from './standing.ts';
import { isBaked, isCanary, mayTryOthers } from './waves.ts';

/** ECS's own bounds of a circuit breaker's threshold (ECS developer guide, Deployment circuit breaker). */
const FAILURES_LEAST = 3;
const FAILURES_MOST = 200;
const FAILURES_USUAL = '50%';
const MINUTE_MS = 60_000;

export const alarmsOf = (target: Deployment): readonly string[] =>
  target.kind === 'rollback' ? [] : target.revision.configuration.alarms;

/** G2. null: nothing speaks against it. */
export function tripReason(
  progress: DeploymentProgress,
  rollout: Rollout,
  standings: Standings,
  { target, seen, sight, draft }: Situation,
): string | null {
  const { configuration, taskDefinition } = target.revision;
  if (target.kind === 'rollback' || progress.waves.length === 0) return null;
  if (seen.looks.taskDefinitions.get(taskDefinition) === 'INACTIVE')
    return 'the task definition is not ACTIVE any more';
  for (const name of alarmsOf(target)) {
    const state = seen.looks.alarms.get(name);
    if (state === 'MISSING') return `CloudWatch knows no alarm ${name}`;
    if (state === 'ALARM' && !progress.ignoredAlarms.includes(name)) return `alarm ${name} fired`;
  }
  const wave = progress.open - 1;
  const name = progress.waves[wave]?.name ?? '';
  const deadline = configuration.waveDeadlineMinutes;
  if (deadline !== null && progress.doneAt === null) {
    const due = after(progress.openedAt, deadline * MINUTE_MS);
    if (due > seen.now) draft.wake(due);
    // A turn that comes late finds it done, and does not call that late.
    else if (!isDone(progress.open, standings, sight, rollout, draft)) {
      return `wave ${name} was not done within ${deadline} minutes`;
    }
  }
  // A share of hosts that are not seen is none.
  if (sight.facts === null) return null;
  const count = { done: 0, failed: 0, open: 0, deferred: 0 };
  let brokenByIt = 0;
  let opened = 0;
  let inScope = 0;
  let lost = 0;
  let heldUp = false;
  for (const instance of sight.hosts) {
    const standing = standings.of.get(instance.arn);
    if (standing === undefined) continue;
    const slot = draft.slots.get(instance.arn);
    if (standing !== 'deferred') inScope += 1;
    const broken = standing === 'failed' && slot?.tries.exempt !== true;
    const silenced = standing === 'deferred' && rollout.isSilenced(instance, slot);
    if (silenced || (broken && slot?.vacated === true)) lost += 1;
    const its = rollout.waveOf(instance, slot);
    if (its <= wave && standing !== 'deferred') opened += 1;
    // A person may have opened the next wave meanwhile. Who has no ready task needs no budget.
    if (its <= wave && standing === 'open' && isReady(slot)) heldUp = true;
    if (its !== wave) continue;
    count[standing] += 1;
    if (broken || silenced) brokenByIt += 1;
  }
  const amount = boundOf(target);
  if (amount === null) return null;
  // Failures add up over the waves, and so do the hosts that they are a share of: what a large wave bore does not trip a small one.
  const threshold = Math.min(FAILURES_MOST, Math.max(FAILURES_LEAST, hostsOf(amount, opened)));
  const failures = failuresOf(target, draft) - progress.forgiven;
  if (failures >= threshold) {
    return `${failures} failed attempts in wave ${name}, where ${threshold} trip${exampleOf(target, draft)}`;
  }
  const nobodyTells =
    count.done + count.failed + count.open === 0 && isCanary(progress) && !isBaked(progress, seen.now);
  if (nobodyTells && !mayTryOthers(progress, inScope)) {
    return `${progress.canaries} hosts left wave ${name} before one told how it does`;
  }
  // A person who resumed it in spite of its failures has seen these.
  if (progress.forgiven > 0) return null;
  if (brokenByIt > 0 && count.done === 0 && count.open === 0) {
    return `not one host of wave ${name} became ready${exampleOf(target, draft)}`;
  }
  if (lost >= unavailableMost(target, inScope) && heldUp) {
    return `${lost} hosts used up their attempts, or lost their agents, in wave ${name}: all that maxUnavailable allows`;
  }
  return null;
}

/**
 * The breaker trips on what its hosts come to: not in a rollback, nor in a first deployment that sets no bound, nor once a person
 * forgave, nor when it is over.
 */
export const isWatched = (target: Deployment, progress: DeploymentProgress | null): boolean =>
  target.kind !== 'rollback' &&
  boundOf(target) !== null &&
  progress !== null &&
  !isOver(progress) &&
  progress.forgiven === 0;

const boundOf = ({ base, revision }: Deployment): Amount | null =>
  revision.configuration.failures ?? (base === null ? null : FAILURES_USUAL);

/** Hosts that the rollout may take a ready task from at a time: one at least. */
export const unavailableMost = ({ revision }: Deployment, inScope: number): number =>
  Math.max(1, hostsOf(revision.configuration.maxUnavailable, inScope));

/** What most of the failed attempts ended with, and a host where one did; empty when nothing is known of any. */
function exampleOf(target: Deployment, draft: Draft): string {
  const seen = new Map<string, { count: number; readonly host: string }>();
  for (const slot of draft.slots.values()) {
    const { count, reason, exempt } = triesOf(slot, target.template);
    if (count === 0 || reason === null || exempt) continue;
    const one = seen.get(reason) ?? { count: 0, host: slot.ec2InstanceId ?? slot.instance };
    one.count += count;
    seen.set(reason, one);
  }
  const [commonest] = [...seen].toSorted(([, a], [, b]) => b.count - a.count);
  return commonest === undefined ? '' : `; on ${commonest[1].host}: ${commonest[0]}`;
}

export function failuresOf(target: Deployment, draft: Draft): number {
  let failures = 0;
  for (const slot of draft.slots.values()) {
    const tries = triesOf(slot, target.template);
    if (!tries.exempt) failures += tries.count;
  }
  return failures;
}
