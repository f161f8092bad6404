/** `/v1/environments/{name}/deployments`. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import { as } from '../domain/ids.ts';
import type { DeploymentId, DeploymentToken, EnvironmentName } from '../domain/ids.ts';
import { decideDeployment } from '../domain/transitions.ts';
import type { DeploymentDecision } from '../domain/transitions.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { busy, nudge, twinCameFirst } from './changes.ts';
import { PAGE_NOT_FOUND, refusal, refuse } from './errors.ts';
import type { Refusal } from './errors.ts';
import { answerOnce } from './idempotency.ts';
import type { Changed, Remember } from './idempotency.ts';
import { renderDeployment, renderDeployments, renderPending } from './render.ts';
import { answerJson, idempotencyHeader, jsonAnswer, refusals, serve } from './route.ts';
import { deploymentListSchema, deploymentSchema, nameParameter, UUID } from './schemas.ts';
import { noSuchEnvironment, pathName, single, valid } from './validation.ts';
import type { Valid } from './validation.ts';

export const serveDeployments = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  serve(
    app,
    {
      method: 'post',
      path: '/v1/environments/{name}/deployments',
      operationId: 'CreateDeployment',
      summary: 'Deploy an environment: bring it about that every host runs its task.',
      request: {
        params: nameParameter,
        headers: idempotencyHeader,
        query: z.object({
          deploymentToken: z.string().regex(UUID).openapi({ description: 'The deploymentToken of the environment.' }),
        }),
      },
      responses: { 200: jsonAnswer(deploymentSchema, 'Accepted.'), ...refusals(400, 404, 413, 422, 504) },
    },
    async (c) => {
      const body = await c.req.text();
      return answerOnce(c, { store: deps.store, body }, async (remember) => {
        const name = pathName(c.req.param('name') ?? '');
        if (name.kind === 'refused') return name;
        const token = tokenParameter(new URL(c.req.url).searchParams);
        if (token.kind === 'refused') return token;
        return deploy(c, deps, { name: name.value, token: token.value, remember });
      });
    },
  );

  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments/{name}/deployments',
      operationId: 'ListDeployments',
      summary: 'List the deployments of an environment, the newest first.',
      request: { params: nameParameter },
      responses: { 200: jsonAnswer(deploymentListSchema, 'All its deployments.'), ...refusals(404) },
    },
    async (c) => {
      const record = await find(c, deps);
      return 'kind' in record ? refuse(c, record) : answerJson(c, renderDeployments(record));
    },
  );

  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments/{name}/deployments/{id}',
      operationId: 'GetDeployment',
      summary: 'Show a deployment.',
      request: { params: nameParameter.extend({ id: z.string().regex(UUID) }) },
      responses: { 200: jsonAnswer(deploymentSchema, 'The deployment.'), ...refusals(404) },
    },
    async (c) => {
      const id = c.req.param('id') ?? '';
      if (!UUID.test(id)) return refuse(c, PAGE_NOT_FOUND);
      const record = await find(c, deps);
      if ('kind' in record) return refuse(c, record);
      const deployment = renderDeployment(record, as<DeploymentId>(id));
      return deployment === undefined
        ? refuse(c, refusal(404, `Deployment ${id} does not exist for environment ${record.spec.value.name}`))
        : answerJson(c, deployment);
    },
  );
};

const find = async (c: ApiContext, deps: ApiDeps): Promise<EnvironmentRecord | Refusal> => {
  const name = pathName(c.req.param('name') ?? '');
  if (name.kind === 'refused') return name;
  const snapshot = await deps.view.current(deps.limits.storeDeadlineMs);
  return snapshot.environment(name.value) ?? noSuchEnvironment(name.value);
};

interface DeployRequest {
  readonly name: EnvironmentName;
  readonly token: DeploymentToken;
  readonly remember: Remember;
}

/** Writes the target and the deployment in one transaction; only then is the actor woken. */
const deploy = async (c: ApiContext, deps: ApiDeps, request: DeployRequest): Promise<Changed | Refusal> => {
  const { name, token, remember } = request;
  const id = as<DeploymentId>(deps.uuid());
  for (let attempt = 0; attempt < deps.limits.changeAttempts; attempt += 1) {
    const record = await deps.store.read(name);
    if (record === null) return notDeployable(request, { kind: 'gone' });
    const decision = decideDeployment(record, { token, id, at: deps.now() });
    if (decision.kind !== 'deploy') return notDeployable(request, decision);

    const { spec, deployment } = decision;
    const answer = renderPending(name, deployment);
    c.get('deadline').beginChange();
    const result = await deps.store.update(spec, record.spec.modified, deployment, remember(answer));
    if (result.kind === 'remembered') return twinCameFirst(deps);
    if (result.kind === 'done') {
      await nudge(deps, spec, () => deps.mailbox.wake(spec.id, 'deploy'));
      return { kind: 'changed', body: answer };
    }
  }
  return busy(deps, name);
};

const notDeployable = (
  { name, token }: DeployRequest,
  decision: Exclude<DeploymentDecision, { readonly kind: 'deploy' }>,
): Refusal => {
  switch (decision.kind) {
    case 'gone':
      return refusal(404, `Environment with name '${name}' does not exist`);
    case 'token-used':
      return refusal(400, `Deployment with token '${token}' already exists`);
    case 'outdated':
      return refusal(400, `Token '${token}' is outdated and does not match the environment token`);
    case 'in-progress':
      return refusal(
        400,
        `Deployment ${decision.deployment} of environment ${name} is in progress; deploy again when it is completed`,
      );
  }
};

const tokenParameter = (parameters: URLSearchParams): Valid<DeploymentToken> => {
  const given = single(parameters, 'deploymentToken');
  if (given.kind === 'refused') return given;
  if (given.value === null || given.value === '') return refusal(400, 'deploymentToken in query is required');
  return UUID.test(given.value)
    ? valid(as<DeploymentToken>(given.value))
    : refusal(400, `deploymentToken in query should match '${UUID.source}'`);
};
