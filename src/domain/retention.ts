/**
 * What is kept of an environment's past: enough to go back, and bounded.
 * K1. Never dropped: the current revision, the target and its base, and what live tasks run.
 */
import type { DeploymentId, RevisionId } from './ids.ts';
import { lastCompleted } from './transitions.ts';
import { targetOf, type EnvironmentRecord } from './world.ts';

/** As many as ECS shows of a service's deployments in its console, about; each is some kilobyte in the store. */
export const REVISIONS_KEPT = 20;
/** More than revisions: a restart and a rollback are deployments of a revision that is there already. */
export const DEPLOYMENTS_KEPT = 50;

export interface Forgotten {
  readonly revisions: readonly RevisionId[];
  readonly deployments: readonly DeploymentId[];
}

export const NOTHING_FORGOTTEN: Forgotten = { revisions: [], deployments: [] };

/** What a change may drop that adds at most one of each. The oldest go. */
export const forgettable = (record: EnvironmentRecord, current: RevisionId): Forgotten => {
  const { target } = record.spec.value;
  const pinned = new Set<DeploymentId>();
  const completed = lastCompleted(record);
  for (const id of [target, targetOf(record)?.base ?? null, completed?.id ?? null]) if (id !== null) pinned.add(id);
  const pinnedRevisions = new Set<RevisionId>([
    current,
    record.spec.value.revision.id,
    ...(record.status?.revisions ?? []),
  ]);
  for (const id of pinned) {
    const deployment = record.deployments.get(id);
    if (deployment !== undefined) pinnedRevisions.add(deployment.value.revision.id);
  }
  return {
    revisions: oldest(record.revisions, pinnedRevisions, REVISIONS_KEPT - 1),
    deployments: oldest(record.deployments, pinned, DEPLOYMENTS_KEPT - 1),
  };
};

const oldest = <Id>(
  kept: ReadonlyMap<Id, { readonly created: number }>,
  pinned: ReadonlySet<Id>,
  most: number,
): readonly Id[] =>
  [...kept]
    .toSorted(([, a], [, b]) => b.created - a.created)
    .slice(most)
    .map(([id]) => id)
    .filter((id) => !pinned.has(id));
