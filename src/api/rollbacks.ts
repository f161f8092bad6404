/** Going back, by hand: a deployment of what was there before. */
import type { OpenAPIHono, z } from '@hono/zod-openapi';
import { as } from '../domain/ids.ts';
import type { DeploymentId, DeploymentToken, EnvironmentName, RevisionId } from '../domain/ids.ts';
import { currentDeployment } from '../domain/orders.ts';
import { forgettable } from '../domain/retention.ts';
import { decideRollback } from '../domain/transitions.ts';
import type { RollbackDecision } from '../domain/transitions.ts';
import { revisionsToKeep } from '../domain/update.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { changeEnvironment, type ChangeRequest, type Step } from './changes.ts';
import { PAGE_NOT_FOUND, refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import type { Changed } from './idempotency.ts';
import { deploymentId, deploymentParameters, notOrdered, ordering, REFUSED, type Ordering } from './orders.ts';
import { renderOrdered } from './render.ts';
import { noMembersSchema, rollbackSchema } from './request-schemas.ts';
import { idempotencyHeader, jsonAnswer, serve } from './route.ts';
import { deploymentSchema, nameParameter } from './schemas.ts';
import { noSuchEnvironment } from './validation.ts';

const LOOK_FIRST =
  'Look at the deployments first: it may have gone back by itself, and then this leaves the good version for the one ' +
  'before. The deploymentConfiguration is taken back, too.';

export const serveRollbacks = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  serve(
    app,
    {
      method: 'post',
      path: '/v1/environments/{name}/deployments/{id}/rollback',
      operationId: 'RollbackDeployment',
      summary:
        'Deploy what was completed last, or if that is this deployment, what was before it; at once and without waves.',
      description: LOOK_FIRST,
      request: { params: deploymentParameters, headers: idempotencyHeader },
      responses: { 200: jsonAnswer(deploymentSchema, 'The deployment that takes it back.'), ...REFUSED },
    },
    (c) => ordering(c, deps, noMembersSchema, (request) => rollBackDeployment(c, deps, request)),
  );

  serve(
    app,
    {
      method: 'post',
      path: '/v1/environments/{name}/rollback',
      operationId: 'RollbackEnvironment',
      summary:
        'Deploy a revision, or what was completed last, or if that is the target, what was before it; at once and without waves.',
      description: LOOK_FIRST,
      request: {
        params: nameParameter,
        headers: idempotencyHeader,
        body: { content: { 'application/json': { schema: rollbackSchema } } },
      },
      responses: { 200: jsonAnswer(deploymentSchema, 'The deployment that does it.'), ...REFUSED },
    },
    (c) => ordering(c, deps, rollbackSchema, (request) => rollBackEnvironment(c, deps, request)),
  );
};

const rollBackDeployment = async (c: ApiContext, deps: ApiDeps, request: ChangeRequest): Promise<Changed | Refusal> => {
  const id = deploymentId(c);
  if (id === null) return PAGE_NOT_FOUND;
  return rollBack(c, deps, request, null, (record) => {
    const current = currentDeployment(record, id);
    return current.kind === 'current' ? null : notOrdered(request.name, id, current);
  });
};

const rollBackEnvironment = (
  c: ApiContext,
  deps: ApiDeps,
  request: Ordering<z.infer<typeof rollbackSchema>>,
): Promise<Changed | Refusal> => {
  const to = request.body.to ?? null;
  return rollBack(c, deps, request, to === null ? null : as<RevisionId>(to), () => null);
};

const rollBack = (
  c: ApiContext,
  deps: ApiDeps,
  request: ChangeRequest,
  to: RevisionId | null,
  fault: (record: EnvironmentRecord) => Refusal | null,
): Promise<Changed | Refusal> => {
  const id = as<DeploymentId>(deps.uuid());
  const token = as<DeploymentToken>(deps.uuid());
  return changeEnvironment(c, deps, request, (record): Step => {
    if (record === null) return noSuchEnvironment(request.name);
    const refused = fault(record);
    if (refused !== null) return refused;
    const decision = decideRollback(record, { id, token, at: deps.now(), to });
    if (decision.kind !== 'deploy') return notRolledBack(request.name, to, decision);
    const { spec, deployment } = decision;
    const revisions = revisionsToKeep(record.spec.value, spec);
    return {
      kind: 'change',
      change: { spec, deployment, revisions, forget: forgettable(record, spec.revision.id) },
      answer: renderOrdered(spec, deployment),
      wake: true,
    };
  });
};

const notRolledBack = (
  name: EnvironmentName,
  to: RevisionId | null,
  decision: Exclude<RollbackDecision, { readonly kind: 'deploy' }>,
): Refusal => {
  switch (decision.kind) {
    case 'gone':
      return noSuchEnvironment(name);
    case 'never-deployed':
      return refusal(400, `Environment ${name} was never deployed, so there is nothing to roll back`);
    case 'no-earlier':
      return refusal(
        400,
        `No earlier deployment of environment ${name} was completed, so there is nothing to roll back to`,
      );
    case 'no-such-revision':
      return refusal(404, `Revision ${to} does not exist for environment ${name}`);
  }
};
