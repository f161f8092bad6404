/**
 * What readers see, built from etcd's entries: records in order of name, replaced and never changed, so that a snapshot
 * is one reference. A record that did not change stays the same object, so that its rendering can be kept with it.
 */
import type { Deployment, DeploymentProgress, EnvironmentSpec, EnvironmentStatus } from '../domain/environment.ts';
import type { DeploymentId, EnvironmentId, Revision, RevisionId } from '../domain/ids.ts';
import type { EnvironmentRevision } from '../domain/revision.ts';
import type { EnvironmentRecord, Stored } from '../domain/world.ts';
import { keyOf, type RangeChange } from './etcd-watch.ts';
import type { Entry } from './etcd-requests.ts';
import { itemOf, type Item, type UnreadableItem } from './items.ts';
import type { Keys } from './keys.ts';
import { firstAtOrAfter, snapshotOf } from './snapshot.ts';
import type { Snapshot } from './store.ts';

export interface ReadModelOptions {
  readonly keys: Keys;
  /** Called once for each value that cannot be read. An environment without a readable spec is not shown; another part is left out. */
  readonly onUnreadable: (item: UnreadableItem) => void;
}

interface Held {
  readonly modified: Revision;
  /** As it was stored: in a history that was set back, revisions come again with other values. */
  readonly text: string;
  readonly item: Item;
}

interface Environment {
  readonly items: Map<string, Held>;
  /** null: nothing to show (deleted, or its spec is missing or unreadable). */
  record: EnvironmentRecord | null;
}

export class ReadModel {
  readonly #keys: Keys;
  readonly #onUnreadable: (item: UnreadableItem) => void;
  #environments = new Map<EnvironmentId, Environment>();
  #records: EnvironmentRecord[] = [];
  /** A snapshot has it: it must not change any more. */
  #handedOut = false;

  constructor({ keys, onUnreadable }: ReadModelOptions) {
    this.#keys = keys;
    this.#onUnreadable = onUnreadable;
  }

  snapshot(): Snapshot {
    this.#handedOut = true;
    return snapshotOf(this.#records);
  }

  /** Replaces everything. What is the same as before stays the same object. */
  reset(entries: readonly Entry[]): void {
    const before = this.#environments;
    this.#environments = new Map();
    for (const entry of entries) {
      const id = this.#idOf(entry.key);
      if (id === null) continue;
      this.#environmentOf(id).items.set(entry.key, this.#held(entry, before.get(id)?.items.get(entry.key)));
    }
    for (const [id, environment] of this.#environments) {
      const old = before.get(id);
      environment.record =
        old !== undefined && sameItems(old.items, environment.items) ? old.record : recordOf(environment);
    }
    this.#records = [...this.#environments.values()]
      .flatMap(({ record }) => record ?? [])
      .toSorted((a, b) => (a.spec.value.name < b.spec.value.name ? -1 : 1));
    this.#handedOut = false;
  }

  /** Applies changes that belong together; readers see all of them or none. */
  apply(changes: readonly RangeChange[]): void {
    const touched = new Set<EnvironmentId>();
    for (const change of changes) {
      const key = keyOf(change);
      const id = this.#idOf(key);
      if (id === null) continue;
      const { items } = this.#environmentOf(id);
      if (change.kind === 'put') items.set(key, this.#held(change.entry, undefined));
      else items.delete(key);
      touched.add(id);
    }
    this.#publish(touched);
  }

  #publish(touched: ReadonlySet<EnvironmentId>): void {
    const records = this.#handedOut ? [...this.#records] : this.#records;
    for (const id of touched) {
      const environment = this.#environmentOf(id);
      const old = environment.record;
      const record = recordOf(environment);
      environment.record = record;
      if (old !== null) {
        const { name } = old.spec.value;
        const index = firstAtOrAfter(records, name);
        if (records[index] === old) records.splice(index, 1);
      }
      if (record !== null) records.splice(firstAtOrAfter(records, record.spec.value.name), 0, record);
      if (environment.items.size === 0) this.#environments.delete(id);
    }
    this.#records = records;
    this.#handedOut = false;
  }

  #environmentOf(id: EnvironmentId): Environment {
    let environment = this.#environments.get(id);
    if (environment === undefined) {
      environment = { items: new Map(), record: null };
      this.#environments.set(id, environment);
    }
    return environment;
  }

  #held(entry: Entry, before: Held | undefined): Held {
    if (before?.modified === entry.modified && before.text === entry.text) return before;
    const item = itemOf(this.#keys, entry);
    if (item.kind === 'unreadable') this.#onUnreadable(item);
    return { modified: entry.modified, text: entry.text, item };
  }

  #idOf(key: string): EnvironmentId | null {
    return this.#keys.parse(key)?.environment ?? null;
  }
}

function sameItems(a: ReadonlyMap<string, Held>, b: ReadonlyMap<string, Held>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, held] of b) if (a.get(key) !== held) return false;
  return true;
}

function recordOf({ items }: Environment): EnvironmentRecord | null {
  let spec: Stored<EnvironmentSpec> | null = null;
  let status: EnvironmentStatus | null = null;
  const revisions = new Map<RevisionId, Stored<EnvironmentRevision>>();
  const deployments = new Map<DeploymentId, Stored<Deployment>>();
  const progress = new Map<DeploymentId, DeploymentProgress>();
  for (const { item } of items.values()) {
    if (item.kind === 'spec') ({ spec } = item);
    else if (item.kind === 'status') ({ status } = item);
    else if (item.kind === 'revision') revisions.set(item.revision.value.id, item.revision);
    else if (item.kind === 'deployment') deployments.set(item.deployment.value.id, item.deployment);
    else if (item.kind === 'progress') progress.set(item.progress.id, item.progress);
  }
  return spec === null || spec.value.deletion !== null ? null : { spec, revisions, deployments, progress, status };
}
