import type { Deployment, EnvironmentSpec } from './environment.ts';
import type { EnvironmentRevision } from './revision.ts';
import type { Stored } from './world.ts';

/** An environment that hosts must wait for, with what their readiness is judged by. */
export interface RequiredEnvironment {
  readonly spec: Stored<EnvironmentSpec>;
  /** What its hosts get: the deployment that is the spec's target. */
  readonly target: Deployment;
  /** As far as they are kept: those that live tasks run are among them. */
  readonly revisions: readonly EnvironmentRevision[];
}

/** Whether hosts must wait for it: one that was never deployed has no tasks to wait for. */
export const isRequired = ({ required, target, deletion }: EnvironmentSpec): boolean =>
  required && target !== null && deletion === null;
