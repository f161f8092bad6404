/**
 * The pure rules of what people may ask of an environment. The API reads, asks here, and writes by compare-and-set;
 * when the compare fails it reads and asks again, so a decision always holds for exactly the spec it replaces.
 */
import type { Deletion, Deployment, EnvironmentSpec } from './environment.ts';
import type { DeploymentId, DeploymentToken, Instant } from './ids.ts';
import type { EnvironmentRecord } from './world.ts';

export interface DeploymentRequest {
  /** The token the caller shows: proof that he has seen what he deploys. */
  readonly token: DeploymentToken;
  /** Id of the deployment, should there be one. */
  readonly id: DeploymentId;
  readonly at: Instant;
}

export type DeploymentDecision =
  | { readonly kind: 'deploy'; readonly spec: EnvironmentSpec; readonly deployment: Deployment }
  /** The environment is being deleted, so for callers it does not exist. */
  | { readonly kind: 'gone' }
  /** A deployment was made with this token: a token is good for one. */
  | { readonly kind: 'token-used' }
  /** The environment has another token. */
  | { readonly kind: 'outdated' }
  /** One at a time: the deployment that is the target has not completed. */
  | { readonly kind: 'in-progress'; readonly deployment: DeploymentId };

/**
 * What a request for a deployment does to an environment. A used token is told before an outdated one: whoever repeats
 * a request whose answer he lost learns that it was carried out.
 */
export const decideDeployment = (record: EnvironmentRecord, request: DeploymentRequest): DeploymentDecision => {
  const spec = record.spec.value;
  if (spec.deletion !== null) return { kind: 'gone' };
  for (const { value } of record.deployments.values()) {
    if (value.token === request.token) return { kind: 'token-used' };
  }
  if (spec.deploymentToken !== request.token) return { kind: 'outdated' };
  if (spec.target !== null && record.progress.get(spec.target)?.status !== 'completed') {
    return { kind: 'in-progress', deployment: spec.target };
  }
  return {
    kind: 'deploy',
    spec: { ...spec, target: request.id },
    deployment: {
      id: request.id,
      token: request.token,
      taskDefinition: spec.taskDefinition,
      createdAt: request.at,
    },
  };
};

export type DeletionDecision =
  | { readonly kind: 'delete'; readonly spec: EnvironmentSpec }
  /** A deletion is set once and for all: what becomes of the tasks was decided by the first. */
  | { readonly kind: 'already' };

/** What a request for deletion does to an environment. */
export const decideDeletion = (spec: EnvironmentSpec, deletion: Deletion): DeletionDecision =>
  spec.deletion === null ? { kind: 'delete', spec: { ...spec, deletion } } : { kind: 'already' };
