/** A store as its conformance tests see it, and what they all do with one. */
import { expect } from 'vitest';
import type { EnvironmentSpec } from '../../src/domain/environment.ts';
import type { EnvironmentId, EnvironmentName } from '../../src/domain/ids.ts';
import type { EnvironmentRecord } from '../../src/domain/world.ts';
import type { ActorStore, Claim, EnvironmentStore, View } from '../../src/store/store.ts';

export interface StoreUnderTest {
  readonly actors: ActorStore;
  readonly environments: EnvironmentStore;
  /** Another process's access to the same data. */
  readonly other: { readonly actors: ActorStore; readonly environments: EnvironmentStore };
  /** A view, filled. */
  readonly view: View;
  /** Puts something unreadable in place of the spec, or of a slot (of instance 1). */
  spoil(id: EnvironmentId, part: 'spec' | 'slot'): Promise<void>;
  close(): Promise<void>;
}

/** Gives an empty store whose pages hold `pageSize` keys. */
export type OpenStore = (options: { readonly pageSize: number }) => Promise<StoreUnderTest>;

/** Creates an environment and gives its record. */
export async function create(store: StoreUnderTest, spec: EnvironmentSpec): Promise<EnvironmentRecord> {
  expect(await store.environments.create(spec, null)).toEqual({ kind: 'done' });
  return await read(store, spec.name);
}

export async function read(store: StoreUnderTest, name: EnvironmentName): Promise<EnvironmentRecord> {
  const record = await store.environments.read(name);
  if (record === null) throw new Error(`no environment ${name}`);
  return record;
}

export async function claim(actors: ActorStore, id: EnvironmentId): Promise<Claim> {
  const result = await actors.claim(id, 'test');
  if (result.kind !== 'claimed') throw new Error(`claim of ${id}: ${result.kind}`);
  return result.claim;
}
