/** What the store in memory holds of one environment, and how the actor's changes apply to it. */
import type { Deployment, DeploymentProgress, EnvironmentSpec, EnvironmentStatus } from '../domain/environment.ts';
import type { DeploymentId, InstanceArn, LaunchId, Revision, RevisionId } from '../domain/ids.ts';
import type { HistoryEntry, Launch, Slot } from '../domain/launch.ts';
import type { Change, ChangeGroup } from '../domain/plan.ts';
import type { EnvironmentRevision } from '../domain/revision.ts';
import type { EnvironmentRecord, Stored, World } from '../domain/world.ts';
import { packGroups } from './chunks.ts';
import { historyApart } from './host-history.ts';

export interface Held {
  spec: Stored<EnvironmentSpec>;
  readonly revisions: Map<RevisionId, Stored<EnvironmentRevision>>;
  readonly deployments: Map<DeploymentId, Stored<Deployment>>;
  readonly progress: Map<DeploymentId, DeploymentProgress>;
  status: EnvironmentStatus | null;
  readonly slots: Map<InstanceArn, Stored<Slot>>;
  readonly launches: Map<LaunchId, Stored<Launch>>;
  /** By host and place. */
  readonly history: Map<InstanceArn, Map<number, HistoryEntry>>;
  fence: Revision;
  /** What readers get until something of it changes. */
  record: EnvironmentRecord | null;
}

export const newlyHeld = (value: EnvironmentSpec, revision: Revision): Held => ({
  spec: { value, created: revision, modified: revision },
  revisions: new Map(),
  deployments: new Map(),
  progress: new Map(),
  status: null,
  slots: new Map(),
  launches: new Map(),
  history: new Map(),
  fence: 0 as Revision,
  record: null,
});

export const recordOf = (held: Held): EnvironmentRecord =>
  (held.record ??= {
    spec: held.spec,
    revisions: new Map(held.revisions),
    deployments: new Map(held.deployments),
    progress: new Map(held.progress),
    status: held.status,
  });

export const worldOf = (held: Held): World => ({
  ...recordOf(held),
  slots: new Map(held.slots),
  launches: new Map(held.launches),
});

export function putStored<Key, T>(values: Map<Key, Stored<T>>, key: Key, value: T, revision: Revision): void {
  values.set(key, { value, created: values.get(key)?.created ?? revision, modified: revision });
}

/** One write, as etcd has it: of two with one key in a transaction the later counts. */
export interface Write {
  readonly key: string;
  readonly apply: (held: Held, revision: Revision) => void;
}

/** The transactions of a commit: the same that etcd gets, but for their bytes. */
export const transactionsOf = (groups: readonly ChangeGroup[]): readonly (readonly Write[])[] =>
  historyApart(groups).flatMap((run) => [
    ...packGroups(
      run.map((group) => group.flatMap(writesOf)),
      { keyOf: ({ key }) => key, bytesOf: () => 0 },
    ),
  ]);

function writesOf(change: Change): readonly Write[] {
  switch (change.kind) {
    case 'put-launch': {
      const { launch } = change;
      return [
        {
          key: `launch ${launch.id}`,
          apply: (held, revision) => putStored(held.launches, launch.id, launch, revision),
        },
      ];
    }
    case 'delete-launch':
      return [{ key: `launch ${change.launch}`, apply: (held) => held.launches.delete(change.launch) }];
    case 'put-slot': {
      const { slot } = change;
      return [
        {
          key: `slot ${slot.instance}`,
          apply: (held, revision) => putStored(held.slots, slot.instance, slot, revision),
        },
      ];
    }
    case 'delete-slot':
      return [
        { key: `slot ${change.instance}`, apply: (held) => held.slots.delete(change.instance) },
        { key: `history ${change.instance}`, apply: (held) => held.history.delete(change.instance) },
      ];
    case 'put-history': {
      const { instance, place, entry } = change;
      return [
        {
          key: `history ${instance} ${place}`,
          apply: ({ history }) => history.set(instance, (history.get(instance) ?? new Map()).set(place, entry)),
        },
      ];
    }
    case 'put-progress': {
      const { progress } = change;
      return [
        {
          key: `progress ${progress.id}`,
          apply: (held) => {
            held.progress.set(progress.id, progress);
            held.record = null;
          },
        },
      ];
    }
    case 'put-status':
      return [
        {
          key: 'status',
          apply: (held) => {
            held.status = change.status;
            held.record = null;
          },
        },
      ];
  }
}
