/**
 * One machine, one task: RunTask names machines, so a task meant for one registration may come up on another.
 *
 * M1. A host gets no launch while another registration of its machine has a task or is itself about to get one.
 * M2. Nor while a launch is open on another registration, whatever that one's agent does.
 * M3. Only a task on a registration whose agent is gone does not count, once the agent was gone for `supersededAfter` while
 *     this host, which registered later, was connected. A machine has one agent: the new registration proves that the old
 *     agent does not come back, and without it nobody can stop that task or tell of its end.
 */
import type { Deployment } from '../domain/environment.ts';
import type { Instance } from '../domain/facts.ts';
import { after, type InstanceArn } from '../domain/ids.ts';
import type { Priority } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';
import { emptySlot } from './slots.ts';

/** A host that is to be launched on now. */
export interface Candidate {
  readonly instance: Instance;
  /** What it is to get. */
  readonly deployment: Deployment;
  readonly priority: Priority;
}

interface Holders {
  /** Registrations with a task, by machine. */
  readonly withTask: ReadonlyMap<string, ReadonlySet<InstanceArn>>;
  /** Registrations with an open launch, by machine. */
  readonly open: ReadonlyMap<string, ReadonlySet<InstanceArn>>;
}

/** Those candidates that their machine is free for. The latest registration goes first. Call it when every host was reconciled. */
export function onePerMachine(
  candidates: readonly Candidate[],
  seen: Observation,
  sight: Sight,
  draft: Draft,
  policy: Policy,
): readonly Candidate[] {
  if (candidates.length === 0) return [];
  const holders = holdersOf(sight, draft);
  const chosen = new Set<string>();
  return candidates.toSorted(latestRegistration).filter(({ instance }) => {
    const { arn, ec2InstanceId: machine } = instance;
    if (machine === null) return true;
    let free = !chosen.has(machine) && others(holders.open.get(machine), arn).length === 0;
    for (const other of others(holders.withTask.get(machine), arn)) {
      if (!isSuperseded(other, instance, seen, sight, draft, policy)) free = false;
    }
    if (free) chosen.add(machine);
    else draft.waiting.set(arn, 'other-registration');
    return free;
  });
}

/** The agent of a host is connected: nothing has taken its place. */
export function returned(host: InstanceArn, draft: Draft): void {
  const slot = draft.slots.get(host);
  if (slot !== undefined && slot.supersededSince !== null) draft.slots.set(host, { ...slot, supersededSince: null });
}

/** M3. Begins to count when it first sees the old agent gone and the new one there. */
function isSuperseded(
  host: InstanceArn,
  later: Instance,
  seen: Observation,
  sight: Sight,
  draft: Draft,
  policy: Policy,
): boolean {
  const instance = sight.instance(host);
  if (instance === null || instance === 'MISSING' || instance.agentConnected) return false;
  if ((instance.registeredAt ?? Infinity) >= (later.registeredAt ?? 0)) return false;
  const member = { instance: host, ec2InstanceId: instance.ec2InstanceId };
  const slot = draft.slots.get(host) ?? emptySlot(member, seen.now);
  const since = slot.supersededSince ?? seen.now;
  if (slot.supersededSince === null) draft.slots.set(host, { ...slot, supersededSince: since });
  const provenAt = after(since, policy.supersededAfterMs);
  if (provenAt <= seen.now) return true;
  draft.wake(provenAt);
  return false;
}

function holdersOf(sight: Sight, draft: Draft): Holders {
  const withTask = new Map<string, Set<InstanceArn>>();
  const open = new Map<string, Set<InstanceArn>>();
  const add = (holders: Map<string, Set<InstanceArn>>, machine: string | null, host: InstanceArn): void => {
    if (machine === null) return;
    const there = holders.get(machine);
    if (there === undefined) holders.set(machine, new Set([host]));
    else there.add(host);
  };
  for (const instance of sight.facts?.instances.values() ?? []) {
    if (sight.liveOn(instance.arn).length > 0) add(withTask, instance.ec2InstanceId, instance.arn);
  }
  for (const slot of draft.slots.values()) if (slot.task !== null) add(withTask, slot.ec2InstanceId, slot.instance);
  for (const launch of draft.launches.values()) {
    for (const member of launch.members) add(open, member.ec2InstanceId, member.instance);
  }
  return { withTask, open };
}

const others = (holders: ReadonlySet<InstanceArn> | undefined, host: InstanceArn): readonly InstanceArn[] =>
  holders === undefined ? [] : [...holders].filter((holder) => holder !== host);

function latestRegistration({ instance: a }: Candidate, { instance: b }: Candidate): number {
  return (b.registeredAt ?? 0) - (a.registeredAt ?? 0) || (a.arn < b.arn ? -1 : 1);
}
