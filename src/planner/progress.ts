/** How the environment stands: its deployment's progress, its health, its counts. */
import type { Deployment, DeploymentProgress, EnvironmentStatus, FailedInstance } from '../domain/environment.ts';
import type { Instance } from '../domain/facts.ts';
import { after, type InstanceArn, type Instant, type RevisionId } from '../domain/ids.ts';
import type { Slot } from '../domain/launch.ts';
import type { Waiting } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { Stored } from '../domain/world.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import type { Rollout } from './rollout.ts';
import { isReady } from './slots.ts';
import { standingsOf, type Standings } from './standing.ts';
import { listedFailures, listedHosts, sentences } from './troubles.ts';

/** States of hosts that must have a task. */
const ELIGIBLE: ReadonlySet<string> = new Set(['running', 'starting', 'failed', 'missing']);

interface Host {
  readonly instance: Instance;
  readonly slot: Slot | undefined;
  readonly state: HostState;
}

type HostState = 'running' | 'starting' | 'failed' | 'missing' | 'disconnected' | 'draining' | 'other';

const stateOf = (instance: Instance, slot: Slot | undefined, rollout: Rollout, policy: Policy): HostState => {
  if (rollout.isExcluded(instance) || (rollout.target !== null && !isWanted(instance, slot, rollout))) return 'other';
  if (instance.status === 'DRAINING') return 'draining';
  if (instance.status !== 'ACTIVE') return 'other';
  if (!instance.agentConnected) return 'disconnected';
  if (slot?.task?.ranAt != null && slot.stop === null) return 'running';
  if (slot !== undefined && slot.tries.count >= policy.attempts) return 'failed';
  return slot?.task != null ? 'starting' : 'missing';
};

/** What the host is to have, covers it. */
function isWanted(instance: Instance, slot: Slot | undefined, rollout: Rollout): boolean {
  const wanted = rollout.deploymentFor(instance, slot) ?? rollout.target;
  return wanted !== null && rollout.covers(wanted, instance) !== false;
}

export function recordProgress(seen: Observation, sight: Sight, rollout: Rollout, draft: Draft, policy: Policy): void {
  const { target } = seen.world.spec.value;
  const deployment = target === null ? undefined : seen.world.deployments.get(target);
  if (deployment !== undefined && draft.progress !== null) {
    const before = seen.world.progress.get(deployment.value.id);
    const progress = completed(draft.progress, deployment, seen, sight, rollout, draft, policy);
    draft.progress = same(before, progress) ? null : progress;
  }
  // Without facts nothing is known of the hosts, and what was known stands.
  if (seen.facts === null) return;
  const hosts = sight.hosts.map((instance): Host => {
    const slot = draft.slots.get(instance.arn);
    return { instance, slot, state: stateOf(instance, slot, rollout, policy) };
  });
  const status = statusOf(deployment?.value, hosts, seen, rollout, draft, policy);
  if (!same(seen.world.status, status)) draft.status = status;
}

/**
 * The deployment is completed when all waves are open and every host is done, or failed, or deferred. Where nobody tells how the
 * new version does, agents that are away have as long to return as a task may take to start: what is completed is what
 * rollbacks go back to.
 */
function completed(
  progress: DeploymentProgress,
  deployment: Stored<Deployment>,
  seen: Observation,
  sight: Sight,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): DeploymentProgress {
  if (seen.facts === null) return progress;
  const failedInstances: FailedInstance[] = [];
  const deferredInstances: InstanceArn[] = [];
  let open = 0;
  const { of } = standingsOf(sight, rollout, draft, policy);
  for (const [instance, standing] of of) {
    if (standing === 'failed') {
      const tries = draft.slots.get(instance)?.tries;
      failedInstances.push({ instance, reason: tries?.reason ?? 'unknown', attempts: tries?.count ?? 0 });
    }
    if (standing === 'deferred') deferredInstances.push(instance);
    if (standing === 'open') open += 1;
  }
  // A listing begun before the deployment may lack a host that is there by now.
  const current = sight.listedSince(deployment.created);
  if (!current) draft.needsSurvey = true;
  const allOpen = progress.waves.length > 0 && progress.open === progress.waves.length;
  const done = progress.state === 'running' && allOpen && current && open === 0;
  const given = done ? agentsGivenUntil(progress, of, sight, draft, policy) : null;
  const isAwaited = given !== null && given > seen.now;
  if (isAwaited) draft.wake(given);
  const next: DeploymentProgress = {
    ...progress,
    failedInstances: listedFailures(failedInstances),
    deferredInstances: listedHosts(deferredInstances),
  };
  return done && !isAwaited ? { ...next, state: 'completed', endedAt: seen.now } : next;
}

/**
 * Until when agents that are away may return where nobody else tells how the new version does; null: somebody does, or none is
 * away. A host that was broken before does not tell.
 */
function agentsGivenUntil(
  { openedAt }: DeploymentProgress,
  of: Standings['of'],
  sight: Sight,
  draft: Draft,
  { startGraceMs }: Policy,
): Instant | null {
  let someAway = false;
  for (const { arn, agentConnected } of sight.hosts) {
    const standing = of.get(arn);
    if (standing === 'done') return null;
    if (standing === 'failed' && draft.slots.get(arn)?.tries.exempt !== true) return null;
    if (standing === 'deferred' && !agentConnected) someAway = true;
  }
  return someAway ? after(openedAt, startGraceMs) : null;
}

function statusOf(
  deployment: Deployment | undefined,
  hosts: readonly Host[],
  seen: Observation,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): EnvironmentStatus {
  const count = { running: 0, starting: 0, failed: 0, missing: 0, disconnected: 0, draining: 0, other: 0 };
  let launching = 0;
  let ready = 0;
  let updated = 0;
  for (const { instance, slot, state } of hosts) {
    count[state] += 1;
    if (state === 'missing' && draft.waiting.get(instance.arn) === 'launch') launching += 1;
    if (slot?.task == null || !ELIGIBLE.has(state)) continue;
    if (isReady(slot)) ready += 1;
    if (rollout.isCurrent(slot.task)) updated += 1;
  }
  const revisions = new Set<RevisionId>();
  for (const { task } of draft.slots.values())
    if (task !== null && task.revision !== null) revisions.add(task.revision);
  const counts = {
    eligible: count.running + count.starting + count.failed + count.missing,
    running: count.running,
    ready,
    updated,
    starting: count.starting + launching,
    failed: count.failed,
    disconnected: count.disconnected,
    draining: count.draining,
  };
  const reasons = deployment === undefined ? [] : reasonsOf(deployment, hosts, seen, rollout, draft, policy);
  return {
    health: reasons.length === 0 ? 'healthy' : 'unhealthy',
    reasons,
    hosts: counts,
    revisions: [...revisions].toSorted(),
  };
}

/** Hosts without a ready task whose start grace is over, by what keeps them. The grace ends early when attempts are used up. */
function reasonsOf(
  deployment: Deployment,
  hosts: readonly Host[],
  seen: Observation,
  rollout: Rollout,
  draft: Draft,
  policy: Policy,
): readonly string[] {
  const troubles = new Map<string, InstanceArn[]>();
  for (const { instance, slot, state } of hosts) {
    if (!ELIGIBLE.has(state) || isReady(slot)) continue;
    const graceEnds = after(graceBegan(instance, slot, deployment), policy.startGraceMs);
    if (state !== 'failed' && graceEnds > seen.now) {
      draft.wake(graceEnds);
      continue;
    }
    const why = explain(draft.waiting.get(instance.arn), slot, rollout);
    const there = troubles.get(why);
    if (there === undefined) troubles.set(why, [instance.arn]);
    else there.push(instance.arn);
  }
  return sentences(troubles);
}

function graceBegan(instance: Instance, slot: Slot | undefined, deployment: Deployment): Instant {
  if (slot !== undefined) return slot.since;
  const registeredAt = instance.registeredAt ?? deployment.createdAt;
  return registeredAt > deployment.createdAt ? registeredAt : deployment.createdAt;
}

function explain(waiting: Waiting | undefined, slot: Slot | undefined, { progress }: Rollout): string {
  const last = slot?.tries.reason ?? null;
  switch (waiting) {
    case 'start':
      return last === null ? 'its task has not become ready' : `its task has not become ready; before that: ${last}`;
    case 'launch':
      return 'the outcome of its launch is not known yet';
    case 'facts':
      return 'waiting for fresh facts about the cluster';
    case 'other-registration':
      return 'another registration of the same machine still has a task or an open launch';
    case 'task-definition':
      return 'the task definition is not ACTIVE any more';
    case 'no-instance-id':
      return 'ECS gives no EC2 or SSM id to pin a task to';
    case 'stop':
      return 'its old task is being stopped';
    case 'wave':
      return 'its wave of the rollout is not open yet, and nothing was completed before';
    case 'paused':
      return `the rollout is paused (${progress?.reason ?? 'no reason given'}), and nothing was completed before`;
    case 'no-revision':
      return `the rollout has ended (${progress?.reason ?? 'no reason given'}), and nothing was completed before`;
    case 'frozen':
      return 'the environment is frozen';
    case 'alarms':
      return 'the states of the CloudWatch alarms of its deployment are not known';
    case 'agent':
    case 'backoff':
    case 'budget':
    case 'drain':
    case 'excluded':
    case 'not-matching':
    case 'turn-limit':
    case undefined:
      return last ?? 'waiting to be launched';
  }
}

/** Plain data, built in one order of members: equal text is equal content. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
