/**
 * One turn of a cluster for the attribute `daemons.ready`: claim, decide, put and delete. It starts and stops nothing.
 *
 * D1. A turn begins by taking the cluster's fence, and asks before each call whether it still has it. A call leaves at most
 *     `actWithin` after that. What a fenced turn did all the same the next listing shows, and the turn after it corrects.
 * D2. Without facts nothing is done. Facts of another store, or of a later state of it, are not facts.
 */
import pMap from 'p-map';
import { READY_ATTRIBUTE, type Facts } from '../domain/facts.ts';
import { after, type ClusterArn, type InstanceArn, type Instant } from '../domain/ids.ts';
import type { Fault } from '../domain/plan.ts';
import type { Policy } from '../domain/policy.ts';
import { ATTRIBUTES_PER_CALL } from '../ecs/gateway.ts';
import type { AttributeCall, AttributeGateway, AttributeOutcome } from '../ecs/gateway.ts';
import { planReadiness, READY_VALUE } from '../planner/readiness.ts';
import type { ClusterClaim, ClusterStore } from '../store/cluster-store.ts';
import { FactsUnavailableError, type FactsStore } from '../store/facts-store.ts';
import type { WrittenMarks } from './written-marks.ts';

export interface ReadinessDeps {
  readonly clusters: ClusterStore;
  readonly facts: Pick<FactsStore, 'read'>;
  readonly ecs: AttributeGateway;
  /** The process's own, from turn to turn. */
  readonly marks: WrittenMarks;
  readonly policy: Pick<Policy, 'actWithinMs' | 'clockSkewMs'>;
  readonly now: () => Instant;
  /** Who takes the fence: for people who read it. */
  readonly holder: string;
}

export type ReadinessEnding =
  /** Everything that was to be done was tried; `again`: some of it may succeed shortly, or was too much for one turn. */
  | { readonly kind: 'done'; readonly report: ReadinessReport; readonly again: boolean }
  /** No environment of the cluster is required, or ever was. */
  | { readonly kind: 'unconcerned' }
  /** Not known yet what is on the cluster: a survey brings it. */
  | { readonly kind: 'no-facts' }
  /** A newer claim stands against this turn. */
  | { readonly kind: 'fenced' }
  /** A stored value cannot be read: all marks stay as they are until a person mends it. */
  | { readonly kind: 'unreadable'; readonly key: string; readonly fault: string };

interface ReadinessReport {
  /** Hosts that got the attribute, and that lost it. */
  readonly set: number;
  readonly unset: number;
  readonly refused: number;
  readonly unknown: number;
  /** The first reason of something refused or unknown. */
  readonly fault: Fault | null;
}

/** At the budget's rate of 40 a second they take 2.5 s; the facts they were decided by should not get much older. */
const CALLS_PER_TURN = 100;
/** Nobody waits for them one by one, and launches need the connections. */
const CALLS_AT_ONCE = 4;
/** A host with ten attributes of its own, or a missing permission, stays so until somebody changes it. */
const REST_MS = 5 * 60_000;

export async function takeReadinessTurn(
  cluster: ClusterArn,
  deps: ReadinessDeps,
  signal: AbortSignal,
): Promise<ReadinessEnding> {
  const claimed = await deps.clusters.claim(cluster, deps.holder);
  if (claimed.kind !== 'claimed') return claimed;
  const { claim } = claimed;
  const facts = await factsFor(cluster, claim, deps);
  if (facts === null) return { kind: 'no-facts' };

  const { clockSkewMs } = deps.policy;
  const listing = { cluster, listedAt: facts.startedAt, now: deps.now(), clockSkewMs };
  const { written, resting } = deps.marks.beside(listing);
  const plan = planReadiness({ facts, required: claim.required, last: !claim.watched, written });
  const may = (hosts: readonly InstanceArn[]): readonly InstanceArn[] => hosts.filter((host) => !resting.has(host));
  // First what must not stand any longer.
  const batches = [...batchesOf(may(plan.unset), false), ...batchesOf(may(plan.set), true)];
  const acted = await act(cluster, batches.slice(0, CALLS_PER_TURN), claim, deps, signal);
  if (acted === null) return { kind: 'fenced' };
  const again = batches.length > CALLS_PER_TURN || acted.some(({ outcome }) => mayYetSucceed(outcome));
  return { kind: 'done', report: reportOf(acted), again };
}

async function factsFor(cluster: ClusterArn, claim: ClusterClaim, deps: ReadinessDeps): Promise<Facts | null> {
  try {
    const facts = await deps.facts.read(cluster);
    return facts !== null && facts.storeId === claim.storeId && facts.revision <= claim.revision ? facts : null;
  } catch (error) {
    if (error instanceof FactsUnavailableError) return null;
    throw error;
  }
}

interface Batch {
  readonly set: boolean;
  readonly hosts: readonly InstanceArn[];
}

interface Acted {
  readonly set: boolean;
  readonly outcome: AttributeOutcome;
}

const batchesOf = (hosts: readonly InstanceArn[], set: boolean): readonly Batch[] =>
  Array.from({ length: Math.ceil(hosts.length / ATTRIBUTES_PER_CALL) }, (_, n) => ({
    set,
    hosts: hosts.slice(n * ATTRIBUTES_PER_CALL, (n + 1) * ATTRIBUTES_PER_CALL),
  }));

/** null: the fence was lost on the way. */
async function act(
  cluster: ClusterArn,
  batches: readonly Batch[],
  claim: ClusterClaim,
  deps: ReadinessDeps,
  signal: AbortSignal,
): Promise<readonly Acted[] | null> {
  let lost = false;
  const acted = await pMap(
    batches,
    async ({ set, hosts }): Promise<readonly Acted[]> => {
      // Before the fence is asked for: a freeze in between must not prolong it.
      const notAfter = after(deps.now(), deps.policy.actWithinMs);
      if (!lost && !(await claim.holds())) lost = true;
      if (lost) return [];
      const call: AttributeCall = { cluster, change: set ? PUT : DELETE, instances: hosts, notAfter };
      const outcomes = await deps.ecs.changeAttribute(call, signal);
      for (const [host, outcome] of outcomes) remember(cluster, host, { set, outcome }, deps);
      return [...outcomes.values()].map((outcome) => ({ set, outcome }));
    },
    { concurrency: CALLS_AT_ONCE },
  );
  return lost ? null : acted.flat();
}

const PUT = { kind: 'put', name: READY_ATTRIBUTE, value: READY_VALUE } as const;
const DELETE = { kind: 'delete', name: READY_ATTRIBUTE } as const;

function remember(
  cluster: ClusterArn,
  host: InstanceArn,
  { set, outcome }: Acted,
  { marks, now }: ReadinessDeps,
): void {
  if (outcome.kind === 'done') marks.wrote(cluster, host, set, now());
  else if (mayYetSucceed(outcome)) marks.forget(cluster, host);
  else marks.rest(cluster, host, after(now(), REST_MS));
}

const mayYetSucceed = (outcome: AttributeOutcome): boolean =>
  outcome.kind === 'unknown' || (outcome.kind === 'refused' && outcome.retry);

function reportOf(acted: readonly Acted[]): ReadinessReport {
  const count = (counts: (one: Acted) => boolean): number => acted.filter(counts).length;
  const faults = acted.flatMap(({ outcome }) => (outcome.kind === 'done' ? [] : [outcome.fault]));
  return {
    set: count(({ set, outcome }) => set && outcome.kind === 'done'),
    unset: count(({ set, outcome }) => !set && outcome.kind === 'done'),
    refused: count(({ outcome }) => outcome.kind === 'refused'),
    unknown: count(({ outcome }) => outcome.kind === 'unknown'),
    fault: faults[0] ?? null,
  };
}
