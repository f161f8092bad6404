/**
 * The pure rules of what people may ask of an environment. The API reads, asks here, and writes by compare-and-set;
 * when the compare fails it reads and asks again, so a decision always holds for exactly the spec it replaces.
 */
import { isOver, NO_ORDERS, type Deletion, type Deployment, type EnvironmentSpec } from './environment.ts';
import type { DeploymentId, DeploymentToken, Instant, RevisionId, Template } from './ids.ts';
import type { EnvironmentRevision } from './revision.ts';
import { progressOf, targetOf, type EnvironmentRecord } from './world.ts';

export interface DeploymentRequest {
  /** The token the caller shows: proof that he has seen what he deploys. */
  readonly token: DeploymentToken;
  /** Id of the deployment, should there be one. */
  readonly id: DeploymentId;
  readonly at: Instant;
  /** Make every task anew, though nothing changed. A token that was used before is good for it. */
  readonly restart?: boolean;
  /** Take the place of a deployment that is under way. */
  readonly supersede?: boolean;
}

export type DeploymentDecision =
  | { readonly kind: 'deploy'; readonly spec: EnvironmentSpec; readonly deployment: Deployment }
  /** The environment is being deleted, so for callers it does not exist. */
  | { readonly kind: 'gone' }
  /** A deployment was made with this token: a token is good for one. */
  | { readonly kind: 'token-used'; readonly since: TokenFate }
  /** The environment has another token. */
  | { readonly kind: 'outdated' }
  /** One at a time: the deployment that is the target has not completed. */
  | { readonly kind: 'in-progress'; readonly deployment: DeploymentId };

/** What became of a used token: another took its place, or its deployment came to nothing; null: neither. */
export type TokenFate = 'replaced' | 'cancelled' | 'failed' | null;

/**
 * What a request for a deployment does to an environment. A used token is told before an outdated one: whoever repeats
 * a request whose answer he lost learns that it was carried out.
 */
export const decideDeployment = (record: EnvironmentRecord, request: DeploymentRequest): DeploymentDecision => {
  const spec = record.spec.value;
  if (spec.deletion !== null) return { kind: 'gone' };
  const restart = request.restart === true;
  for (const { value } of record.deployments.values()) {
    if (value.token === request.token && !(restart && value.token === spec.deploymentToken)) {
      return { kind: 'token-used', since: fateOf(record, request.token) };
    }
  }
  if (spec.deploymentToken !== request.token) return { kind: 'outdated' };
  const running = underWay(record);
  if (running !== null && request.supersede !== true) return { kind: 'in-progress', deployment: running };
  const deployment: Deployment = {
    id: request.id,
    token: request.token,
    kind: restart ? 'restart' : 'deploy',
    revision: spec.revision,
    template: restart ? anew(spec.revision.template, request.id) : templateOf(spec.revision, record),
    base: lastCompleted(record)?.id ?? null,
    rollsBack: null,
    createdAt: request.at,
  };
  return { kind: 'deploy', spec: { ...spec, target: request.id, orders: NO_ORDERS }, deployment };
};

export interface RollbackRequest {
  readonly id: DeploymentId;
  /** What the environment's token becomes: its content changes. */
  readonly token: DeploymentToken;
  readonly at: Instant;
  /** null: what was last completed; if that is the target, what was before it and has other tasks. A restart has the same ones. */
  readonly to: RevisionId | null;
}

export type RollbackDecision =
  | { readonly kind: 'deploy'; readonly spec: EnvironmentSpec; readonly deployment: Deployment }
  | { readonly kind: 'gone' }
  /** It was never deployed, so there is nothing to take back. */
  | { readonly kind: 'never-deployed' }
  /** Nothing was completed before. */
  | { readonly kind: 'no-earlier' }
  /** The environment has no such revision (any more). */
  | { readonly kind: 'no-such-revision' };

/** What a rollback does: a deployment of an earlier revision, at once and without waves. */
export const decideRollback = (record: EnvironmentRecord, request: RollbackRequest): RollbackDecision => {
  const spec = record.spec.value;
  if (spec.deletion !== null) return { kind: 'gone' };
  if (spec.target === null) return { kind: 'never-deployed' };
  const earlier = request.to === null ? beforeTarget(record, spec.target) : null;
  const revision = request.to === null ? earlier?.revision : record.revisions.get(request.to)?.value;
  if (revision === undefined) return { kind: request.to === null ? 'no-earlier' : 'no-such-revision' };
  const deployment: Deployment = {
    id: request.id,
    token: request.token,
    kind: 'rollback',
    revision,
    template: earlier?.template ?? templateOf(revision, record),
    base: lastCompleted(record)?.id ?? null,
    rollsBack: spec.target,
    createdAt: request.at,
  };
  return {
    kind: 'deploy',
    spec: { ...spec, revision, deploymentToken: request.token, target: request.id, orders: NO_ORDERS },
    deployment,
  };
};

/** As long as a token is the environment's, the last deployment made with it is the target. */
const fateOf = (record: EnvironmentRecord, token: DeploymentToken): TokenFate => {
  const { deploymentToken, orders } = record.spec.value;
  if (deploymentToken !== token) return 'replaced';
  if (orders.cancelled) return 'cancelled';
  const state = progressOf(record)?.state;
  return state === 'cancelled' || state === 'failed' ? state : null;
};

/** The target, if it has not ended. */
const underWay = (record: EnvironmentRecord): DeploymentId | null => {
  const { target } = record.spec.value;
  if (target === null) return null;
  const progress = record.progress.get(target);
  return progress === undefined || !isOver(progress) ? target : null;
};

/** The deployment that was completed last; its tasks are what hosts get where a newer one may not go. */
export const lastCompleted = (record: EnvironmentRecord): Deployment | null => newestCompleted(record, () => true);

const beforeTarget = (record: EnvironmentRecord, target: DeploymentId): Deployment | null => {
  const given = record.deployments.get(target);
  if (given === undefined) return null;
  if (record.progress.get(target)?.state !== 'completed') return lastCompleted(record);
  return newestCompleted(
    record,
    ({ revision }, created) => created < given.created && revision.template !== given.value.revision.template,
  );
};

const newestCompleted = (
  record: EnvironmentRecord,
  counts: (deployment: Deployment, created: number) => boolean,
): Deployment | null => {
  let newest: { readonly value: Deployment; readonly created: number } | null = null;
  for (const stored of record.deployments.values()) {
    if (record.progress.get(stored.value.id)?.state !== 'completed') continue;
    if (!counts(stored.value, stored.created)) continue;
    if (newest === null || stored.created > newest.created) newest = stored;
  }
  return newest?.value ?? null;
};

/**
 * A revision's template; that of a restart, where the target or what was last completed is one of the same: what hosts have is not
 * made anew by the way.
 */
const templateOf = (revision: EnvironmentRevision, record: EnvironmentRecord): Template => {
  const alike = [targetOf(record), lastCompleted(record)].find((one) => one?.revision.template === revision.template);
  return alike?.template ?? revision.template;
};

/** A template that no task has yet, of the same content. */
const anew = (template: Template, restart: DeploymentId): Template => `${template}+${restart}` as Template;

export type DeletionDecision =
  | { readonly kind: 'delete'; readonly spec: EnvironmentSpec }
  /** A deletion is set once and for all: what becomes of the tasks was decided by the first. */
  | { readonly kind: 'already' };

/** What a request for deletion does to an environment. */
export const decideDeletion = (spec: EnvironmentSpec, deletion: Deletion): DeletionDecision =>
  spec.deletion === null ? { kind: 'delete', spec: { ...spec, deletion } } : { kind: 'already' };
