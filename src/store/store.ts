/**
 * The ports to the authoritative store. etcd is the truth about environments, deployments and every launch we promised;
 * `etcd-store.ts` is that, `memory-store.ts` the reference, and both pass `test/store/conformance-of-*.ts`.
 *
 * One kind of writer per key: the API writes specs, revisions and deployments, by compare-and-set (`EnvironmentStore`);
 * the actor writes everything else, behind its fence (`ActorStore`). When a rollout fails by itself, the actor writes the
 * spec and the deployment that roll it back, behind its fence and by the same compare; and it removes what was deleted.
 *
 * S1. A commit lands whole groups or nothing of a group, and only while the claim's fence is the newest.
 * S2. A commit of intents lands only while the spec is the one the claim loaded.
 * S3. No write is repeated blindly: one whose reply was lost is `unknown`, or is resolved by reading.
 */
import type { Deployment, EnvironmentSpec } from '../domain/environment.ts';
import type { EnvironmentId, EnvironmentName, InstanceArn, Revision } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/launch.ts';
import type { ChangeGroup, Rollback } from '../domain/plan.ts';
import type { Forgotten } from '../domain/retention.ts';
import type { EnvironmentRevision } from '../domain/revision.ts';
import type { EnvironmentRecord, Stored, World } from '../domain/world.ts';

/** The store did not answer, or not in time. For a read nothing happened; a write that throws it surely did not land. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** A write of the API whose reply was lost, and the store did not say in time whether it landed: it may have, or may yet. Read before repeating it. */
export class StoreOutcomeUnknownError extends Error {
  override readonly name = 'StoreOutcomeUnknownError';
}

/** A value in the store cannot be read by this release; `message` names the key and the reason. Waiting does not help, people must. */
export class UnreadableValueError extends Error {
  override readonly name = 'UnreadableValueError';
}

// --- the actor's side ------------------------------------------------------------------------------------------------

export interface ActorStore {
  /** Takes the fence and loads the world, in one transaction. Throws StoreUnavailableError. */
  claim(environment: EnvironmentId, holder: string): Promise<ClaimResult>;
  /** Ids and specs of all environments, deleted ones being cleared up included, and the revision the listing is of. Throws StoreUnavailableError. */
  inventory(): Promise<Inventory>;
}

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly claim: Claim }
  /** No such environment (any more). */
  | { readonly kind: 'gone' }
  /** A value cannot be read: this environment stops here, with `fault` for people; the others go on. */
  | { readonly kind: 'unreadable'; readonly key: string; readonly fault: string };

/** The right to write as the actor. There is no other way to. */
export interface Claim {
  readonly world: World;
  /** Identity of the store, as in Facts.storeId. */
  readonly storeId: string;
  /** The fence's revision: the fencing token. */
  readonly fence: Revision;
  /** Compares the fence and the spec's revision. */
  commitIntents(groups: readonly ChangeGroup[]): Promise<CommitResult>;
  /** Compares the fence alone. */
  commitOutcomes(groups: readonly ChangeGroup[]): Promise<CommitResult>;
  /** The spec, the deployment and the progress of a rollback, in one transaction. Compares fence and spec; the claim ends with it. */
  rollBack(rollback: Rollback): Promise<CommitResult>;
  /** Removes the environment and everything under it; its name is free again. Compares fence and spec. */
  remove(): Promise<CommitResult>;
}

export type CommitResult =
  | { readonly kind: 'committed' }
  /** A newer claim, or a changed spec: the turn ends without another call. Groups committed before stay committed. */
  | { readonly kind: 'fenced' }
  /** The reply was lost. The turn ends; the next claim reads what landed. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface Inventory {
  readonly revision: Revision;
  readonly storeId: string;
  readonly specs: readonly Stored<EnvironmentSpec>[];
  /** Environments whose spec cannot be read. */
  readonly unreadable: readonly EnvironmentId[];
}

// --- the API's side --------------------------------------------------------------------------------------------------

/** Throws StoreUnavailableError; a write throws StoreOutcomeUnknownError too, a reading UnreadableValueError. */
export interface EnvironmentStore {
  /** Refused when the name is taken, by a live environment or by one whose deletion is not done. */
  create(spec: EnvironmentSpec, remember: Remembered | null): Promise<CreateResult>;
  /** Makes the change, whole, if the spec is still at revision `seen`. */
  update(change: SpecChange, remember: Remembered | null): Promise<UpdateResult>;
  /** The environment of that name as it is now (linearizable), also while it is being deleted; null when there is none. */
  read(name: EnvironmentName): Promise<EnvironmentRecord | null>;
  /** All that is known of it, as its actor would load it, without taking the fence; null as for `read`. */
  inspect(name: EnvironmentName): Promise<Inspection | null>;
  /** The last decisions about a host, the oldest first. */
  history(environment: EnvironmentId, instance: InstanceArn): Promise<readonly HistoryEntry[]>;
  /** The answer remembered under an idempotency key, if any. */
  recall(key: string): Promise<RememberedAnswer | null>;
}

export interface SpecChange {
  readonly spec: EnvironmentSpec;
  readonly seen: Revision;
  readonly deployment: Deployment | null;
  /** Revisions to keep: what was written of one already is written again as it stands. */
  readonly revisions: readonly EnvironmentRevision[];
  /** What is dropped to keep the past bounded; the progress of a deployment goes with it. */
  readonly forget: Forgotten;
}

export interface Inspection {
  readonly world: World;
  /** Identity of the store, as in Facts.storeId. */
  readonly storeId: string;
  /** The state of the store that it shows. */
  readonly revision: Revision;
}

export type CreateResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'deleting' }
  /** Another request with the same idempotency key came first: recall it. */
  | { readonly kind: 'remembered' };

export type UpdateResult =
  | { readonly kind: 'done' }
  /** The spec has changed since: read again and decide again. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'remembered' };

/** An answer to keep, written in the same transaction as the change it answers for, so that neither exists without the other. Kept 24 h. */
export interface Remembered {
  /** Already scoped to method and path, and hashed: at most 64 characters of [0-9a-f]. */
  readonly key: string;
  readonly answer: RememberedAnswer;
}

export interface RememberedAnswer {
  /** Hash of the request body the key was first used with. */
  readonly requestHash: string;
  readonly status: number;
  readonly body: string;
}

/**
 * The API's read model: every environment, in memory, fed by a watch with its own cursor.
 * R1. A read that begins after a write of the API was answered sees that write, whichever process wrote it.
 *
 * To be sure, a view must confirm that it is current, which is a question to the store. Reads share one, by three rules. They compare
 * durations, each within one process, so no clock need agree with another; but each must go on while its machine stands still.
 * Both durations are the same in all processes: a release that shares for longer comes after one that holds for longer.
 *
 * H1. A read may use a confirmation that began at most `forMs` before it, if when it has that the view knows of no write within
 *     `quietForMs` before the read. Otherwise it has one that begins after it.
 * H2. A write is answered at least `forMs` after it landed. Whatever a read that begins then may use began after the write landed.
 * H3. Or it is answered at once, where another one landed at least `forMs` before the answer, and at most `quietForMs - forMs` before
 *     it itself did. For what a read may use after the answer began after that other one landed, so the view knows of that one, and
 *     nothing is shared until `quietForMs` after it; what is shared then began when this one had landed.
 */
export interface Sharing {
  readonly forMs: number;
  readonly quietForMs: number;
}

export interface View {
  /** null: reads share nothing, and nobody who writes need wait. */
  readonly sharing: Sharing | null;
  /** Shows every write of the API that was answered before now. Throws StoreUnavailableError when that cannot be had in time. */
  current(): Promise<Snapshot>;
  /** Resolves when the view has been filled once; rejects with StoreUnavailableError on abort. */
  ready(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Snapshot {
  /** Undefined also for an environment being deleted: readers see it as gone. */
  environment(name: EnvironmentName): EnvironmentRecord | undefined;
  /** Environments in order of name, after `after`, at most `limit`; those being deleted are left out. */
  list(options: {
    readonly after: EnvironmentName | null;
    readonly limit: number;
    readonly matches: (spec: EnvironmentSpec) => boolean;
  }): { readonly items: readonly EnvironmentRecord[]; readonly more: boolean };
}
