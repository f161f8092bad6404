import type { Deployment, DeploymentProgress, EnvironmentSpec, EnvironmentStatus } from './environment.ts';
import type { DeploymentId, InstanceArn, LaunchId, Revision, RevisionId } from './ids.ts';
import type { Launch, Slot } from './launch.ts';
import type { EnvironmentRevision } from './revision.ts';

/** A value with the store revisions at which it was made and last changed. */
export interface Stored<T> {
  readonly value: T;
  readonly created: Revision;
  readonly modified: Revision;
}

/** What readers see of an environment. */
export interface EnvironmentRecord {
  readonly spec: Stored<EnvironmentSpec>;
  /** Those that were deployed or replaced, as far as they are kept; the current one of a new environment is in its spec alone. */
  readonly revisions: ReadonlyMap<RevisionId, Stored<EnvironmentRevision>>;
  readonly deployments: ReadonlyMap<DeploymentId, Stored<Deployment>>;
  readonly progress: ReadonlyMap<DeploymentId, DeploymentProgress>;
  readonly status: EnvironmentStatus | null;
}

/** All of it: what an actor's turn starts from. */
export interface World extends EnvironmentRecord {
  readonly slots: ReadonlyMap<InstanceArn, Stored<Slot>>;
  readonly launches: ReadonlyMap<LaunchId, Stored<Launch>>;
}

/** The deployment that the environment is to have; null before the first. */
export const targetOf = ({ spec, deployments }: EnvironmentRecord): Deployment | null => {
  const { target } = spec.value;
  return target === null ? null : (deployments.get(target)?.value ?? null);
};

/** What the target falls back to; null: nothing was completed before it. */
export const baseOf = (record: EnvironmentRecord): Deployment | null => {
  const base = targetOf(record)?.base ?? null;
  return base === null ? null : (record.deployments.get(base)?.value ?? null);
};

/** How far the target is; null: nothing was done about it yet. */
export const progressOf = ({ spec, progress }: EnvironmentRecord): DeploymentProgress | null => {
  const { target } = spec.value;
  return target === null ? null : (progress.get(target) ?? null);
};
