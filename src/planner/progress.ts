/** How the environment stands: its deployment's progress, its health, its counts. */
import type { Deployment, DeploymentProgress, EnvironmentStatus, FailedInstance } from '../domain/environment.ts';
import type { Instance } from '../domain/facts.ts';
import { after, type InstanceArn, type Instant } from '../domain/ids.ts';
import type { Slot } from '../domain/launch.ts';
import type { Waiting } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { Stored } from '../domain/world.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import { untried } from './slots.ts';

/** Hosts named in one reason; the rest are counted. */
const HOSTS_NAMED = 3;

type HostState = 'running' | 'starting' | 'failed' | 'missing' | 'disconnected' | 'draining' | 'other';

const stateOf = (instance: Instance, slot: Slot | undefined, policy: Policy): HostState => {
  if (instance.status === 'DRAINING') return 'draining';
  if (instance.status !== 'ACTIVE') return 'other';
  if (!instance.agentConnected) return 'disconnected';
  if (slot?.task?.ranAt != null && slot.stop === null) return 'running';
  if (slot !== undefined && slot.tries.count >= policy.attempts) return 'failed';
  return slot?.task != null ? 'starting' : 'missing';
};

/** The first turn of a deployment: what an earlier one tried does not count against it. */
export function beginDeployment(seen: Observation, draft: Draft): void {
  const { spec, deployments, progress } = seen.world;
  const { target } = spec.value;
  if (target === null || !deployments.has(target) || progress.has(target)) return;
  for (const slot of draft.slots.values()) draft.slots.set(slot.instance, untried(slot));
}

export function recordProgress(seen: Observation, sight: Sight, draft: Draft, policy: Policy): void {
  const states = new Map<InstanceArn, HostState>();
  for (const instance of sight.facts?.instances.values() ?? []) {
    const known = sight.instance(instance.arn);
    if (known === null || known === 'MISSING') continue;
    states.set(instance.arn, stateOf(known, draft.slots.get(instance.arn), policy));
  }
  const target = seen.world.spec.value.target;
  const deployment = target === null ? undefined : seen.world.deployments.get(target);
  if (deployment !== undefined) {
    const before = seen.world.progress.get(deployment.value.id);
    const progress = progressOf(before, deployment, states, seen, sight, draft);
    if (!same(before, progress)) draft.progress = progress;
  }
  // Without facts nothing is known of the hosts, and what was known stands.
  if (seen.facts === null) return;
  const status = statusOf(deployment?.value, states, seen, sight, draft, policy);
  if (!same(seen.world.status, status)) draft.status = status;
}

function progressOf(
  before: DeploymentProgress | undefined,
  deployment: Stored<Deployment>,
  states: ReadonlyMap<InstanceArn, HostState>,
  seen: Observation,
  sight: Sight,
  draft: Draft,
): DeploymentProgress {
  if (before?.status === 'completed' || (before !== undefined && seen.facts === null)) return before;
  const failedInstances: FailedInstance[] = [];
  let open = 0;
  for (const [instance, state] of states) {
    if (state === 'failed') {
      const tries = draft.slots.get(instance)?.tries;
      failedInstances.push({ instance, reason: tries?.reason ?? 'unknown', attempts: tries?.count ?? 0 });
    }
    if (state === 'starting' || state === 'missing') open += 1;
  }
  failedInstances.sort((a, b) => (a.instance < b.instance ? -1 : 1));
  // A listing begun before the deployment may lack a host that is there by now.
  const current = sight.listedSince(deployment.created);
  if (!current) draft.needsSurvey = true;
  const completed = current && open === 0;
  return {
    id: deployment.value.id,
    status: completed ? 'completed' : 'running',
    startedAt: before?.startedAt ?? seen.now,
    completedAt: completed ? seen.now : null,
    failedInstances,
  };
}

function statusOf(
  deployment: Deployment | undefined,
  states: ReadonlyMap<InstanceArn, HostState>,
  seen: Observation,
  sight: Sight,
  draft: Draft,
  policy: Policy,
): EnvironmentStatus {
  const count = { running: 0, starting: 0, failed: 0, missing: 0, disconnected: 0, draining: 0, other: 0 };
  let launching = 0;
  for (const [host, state] of states) {
    count[state] += 1;
    if (state === 'missing' && draft.waiting.get(host) === 'launch') launching += 1;
  }
  const hosts = {
    eligible: count.running + count.starting + count.failed + count.missing,
    running: count.running,
    starting: count.starting + launching,
    failed: count.failed,
    disconnected: count.disconnected,
    draining: count.draining,
  };
  const reasons = deployment === undefined ? [] : reasonsOf(deployment, states, seen, sight, draft, policy);
  return { health: reasons.length === 0 ? 'healthy' : 'unhealthy', reasons, hosts };
}

/** Hosts without a running task whose start grace is over, by what keeps them. The grace ends early when attempts are used up. */
function reasonsOf(
  deployment: Deployment,
  states: ReadonlyMap<InstanceArn, HostState>,
  seen: Observation,
  sight: Sight,
  draft: Draft,
  policy: Policy,
): readonly string[] {
  const troubles = new Map<string, InstanceArn[]>();
  for (const [host, state] of states) {
    if (state !== 'starting' && state !== 'missing' && state !== 'failed') continue;
    const graceEnds = after(graceBegan(host, deployment, sight, draft), policy.startGraceMs);
    if (state !== 'failed' && graceEnds > seen.now) {
      draft.wake(graceEnds);
      continue;
    }
    const why = explain(draft.waiting.get(host), draft.slots.get(host));
    const there = troubles.get(why);
    if (there === undefined) troubles.set(why, [host]);
    else there.push(host);
  }
  return [...troubles]
    .map(
      ([why, there]) =>
        `${there.length} ${there.length === 1 ? 'host has' : 'hosts have'} no running task: ${why} (${named(there)})`,
    )
    .toSorted();
}

function graceBegan(host: InstanceArn, deployment: Deployment, sight: Sight, draft: Draft): Instant {
  const slot = draft.slots.get(host);
  if (slot !== undefined) return slot.since;
  const registeredAt = sight.facts?.instances.get(host)?.registeredAt ?? deployment.createdAt;
  return registeredAt > deployment.createdAt ? registeredAt : deployment.createdAt;
}

function explain(waiting: Waiting | undefined, slot: Slot | undefined): string {
  const last = slot?.tries.reason ?? null;
  switch (waiting) {
    case 'start':
      return last === null
        ? 'its task has not reached RUNNING'
        : `its task has not reached RUNNING; before that: ${last}`;
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
    case 'agent':
    case 'backoff':
    case 'drain':
    case 'turn-limit':
    case undefined:
      return last ?? 'waiting to be launched';
  }
}

function named(hosts: readonly InstanceArn[]): string {
  const names = hosts
    .toSorted()
    .slice(0, HOSTS_NAMED)
    .map((arn) => arn.slice(arn.lastIndexOf('/') + 1));
  return hosts.length > HOSTS_NAMED ? `${names.join(', ')} and ${hosts.length - HOSTS_NAMED} more` : names.join(', ');
}

/** Plain data, built in one order of members: equal text is equal content. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
