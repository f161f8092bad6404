/** `/v1/environments/{name}/deployments`. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import { as } from '../domain/ids.ts';
import type { DeploymentId, DeploymentToken } from '../domain/ids.ts';
import { forgettable } from '../domain/retention.ts';
import { decideDeployment } from '../domain/transitions.ts';
import type { DeploymentDecision, TokenFate } from '../domain/transitions.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { changeEnvironment, type ChangeRequest, type Step } from './changes.ts';
import { PAGE_NOT_FOUND, refusal, refuse } from './errors.ts';
import type { Refusal } from './errors.ts';
import { UUID } from './fields.ts';
import { answerOnce } from './idempotency.ts';
import type { Changed } from './idempotency.ts';
import { renderDeployment, renderDeployments, renderOrdered } from './render.ts';
import { noMembersSchema } from './request-schemas.ts';
import { answerJson, idempotencyHeader, jsonAnswer, refusals, serve } from './route.ts';
import { deploymentListSchema, deploymentSchema, nameParameter } from './schemas.ts';
import {
  flag,
  noSuchDeployment,
  outdatedToken,
  pathName,
  recordOf,
  single,
  valid,
  validateOptionalBody,
} from './validation.ts';
import type { Valid } from './validation.ts';

const flagParameter = (description: string) => z.enum(['true', 'false']).optional().openapi({ description });

/** v0.3.0 answered a list that was asked for with these, so we do; the list is whole, so they have nothing to say. */
const ignored = z.string().optional().openapi({ description: 'Ignored, as by v0.3.0.' });
const ignoredParameters = z.object({ deploymentToken: ignored, nextToken: ignored });

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
          restart: flagParameter(
            'Make every task anew, though nothing changed; a token is good for that again and again.',
          ),
          supersede: flagParameter('Take the place of a deployment that is under way.'),
        }),
      },
      responses: { 200: jsonAnswer(deploymentSchema, 'Accepted.'), ...refusals(400, 404, 413, 422, 504) },
    },
    async (c) => {
      const body = await c.req.text();
      return answerOnce(c, { store: deps.store, body }, async (remember) => {
        const name = pathName(c.req.param('name') ?? '');
        if (name.kind === 'refused') return name;
        const asked = parametersOf(new URL(c.req.url).searchParams);
        if (asked.kind === 'refused') return asked;
        const members = validateOptionalBody(noMembersSchema, body);
        if (members.kind === 'refused') return members;
        return deploy(c, deps, { name: name.value, ...asked.value, remember });
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
      request: { params: nameParameter, query: ignoredParameters },
      responses: { 200: jsonAnswer(deploymentListSchema, 'All its deployments.'), ...refusals(400, 404) },
    },
    async (c) => {
      const record = await recordOf(deps, c.req.param('name') ?? '');
      return record.kind === 'refused' ? refuse(c, record) : answerJson(c, renderDeployments(record.value));
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
      responses: { 200: jsonAnswer(deploymentSchema, 'The deployment.'), ...refusals(400, 404) },
    },
    async (c) => {
      const id = c.req.param('id') ?? '';
      if (!UUID.test(id)) return refuse(c, PAGE_NOT_FOUND);
      const record = await recordOf(deps, c.req.param('name') ?? '');
      if (record.kind === 'refused') return refuse(c, record);
      const deployment = renderDeployment(record.value, as<DeploymentId>(id));
      return deployment === undefined
        ? refuse(c, noSuchDeployment(id, record.value.spec.value.name))
        : answerJson(c, deployment);
    },
  );
};

interface DeployParameters {
  readonly token: DeploymentToken;
  readonly restart: boolean;
  readonly supersede: boolean;
}

type DeployRequest = ChangeRequest & DeployParameters;

/** Writes the target and the deployment in one transaction. */
const deploy = (c: ApiContext, deps: ApiDeps, request: DeployRequest): Promise<Changed | Refusal> => {
  const { token, restart, supersede } = request;
  const id = as<DeploymentId>(deps.uuid());
  return changeEnvironment(c, deps, request, (record): Step => {
    if (record === null) return notDeployable(request, { kind: 'gone' });
    const decision = decideDeployment(record, { token, id, at: deps.now(), restart, supersede });
    if (decision.kind !== 'deploy') return notDeployable(request, decision);
    const { spec, deployment } = decision;
    return {
      kind: 'change',
      change: { spec, deployment, revisions: [spec.revision], forget: forgettable(record, spec.revision.id) },
      answer: renderOrdered(spec, deployment),
      wake: true,
    };
  });
};

const notDeployable = (
  { name, token }: DeployRequest,
  decision: Exclude<DeploymentDecision, { readonly kind: 'deploy' }>,
): Refusal => {
  switch (decision.kind) {
    case 'gone':
      return refusal(404, `Environment with name '${name}' does not exist`);
    case 'token-used':
      return refusal(400, `Deployment with token '${token}' already exists${whatNow(decision.since)}`);
    case 'outdated':
      return refusal(400, outdatedToken(token));
    case 'in-progress':
      return refusal(
        400,
        `Deployment ${decision.deployment} of environment ${name} is in progress; deploy again when it is completed, ` +
          'or in its place with supersede=true',
      );
  }
};

/** v0.3.0 knew no more than that it exists; what could not become of a token there is ours to tell. */
const whatNow = (since: TokenFate): string => {
  if (since === null) return '';
  if (since === 'replaced') return ', and the environment has another token since: read it again';
  return (
    `, and is ${since}. A token is good for one: PATCH the environment, also with {}, for a new one, ` +
    'or deploy with restart=true, which makes every task anew'
  );
};

const parametersOf = (parameters: URLSearchParams): Valid<DeployParameters> => {
  const token = tokenParameter(parameters);
  if (token.kind === 'refused') return token;
  const restart = flag(parameters, 'restart');
  if (restart.kind === 'refused') return restart;
  const supersede = flag(parameters, 'supersede');
  if (supersede.kind === 'refused') return supersede;
  return valid({ token: token.value, restart: restart.value, supersede: supersede.value });
};

const tokenParameter = (parameters: URLSearchParams): Valid<DeploymentToken> => {
  const given = single(parameters, 'deploymentToken');
  if (given.kind === 'refused') return given;
  if (given.value === null || given.value === '') return refusal(400, 'deploymentToken in query is required');
  return UUID.test(given.value)
    ? valid(as<DeploymentToken>(given.value))
    : refusal(400, `deploymentToken in query should match '${UUID.source}'`);
};
