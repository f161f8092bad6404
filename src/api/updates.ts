/** `PATCH /v1/environments/{name}`, and the revisions that it makes. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import type { EnvironmentSpec } from '../domain/environment.ts';
import { as } from '../domain/ids.ts';
import type { DeploymentToken, EnvironmentName } from '../domain/ids.ts';
import { forgettable } from '../domain/retention.ts';
import type { EnvironmentRevision } from '../domain/revision.ts';
import { decideUpdate, mayUpdate, revisionsToKeep, type Standing } from '../domain/update.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { ResolvedTaskDefinition } from '../ecs/gateway.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { changeEnvironment, type Step } from './changes.ts';
import { configured } from './configuration-schema.ts';
import { refusal, refuse } from './errors.ts';
import type { Refusal } from './errors.ts';
import { UUID } from './fields.ts';
import { answerOnce } from './idempotency.ts';
import type { Changed, Remember } from './idempotency.ts';
import { renderChanged, renderRevisions } from './render.ts';
import { updateEnvironmentSchema } from './request-schemas.ts';
import type { UpdateEnvironmentRequest } from './request-schemas.ts';
import { checkNetwork, resolveDefinition } from './resolution.ts';
import { revisionOf } from './revisions.ts';
import { answerJson, idempotencyHeader, jsonAnswer, refusals, serve } from './route.ts';
import { environmentSchema, nameParameter, revisionListSchema } from './schemas.ts';
import { checkDrainOrder, networkOf, selectorOf } from './standing.ts';
import {
  invalid,
  noSuchEnvironment,
  outdatedToken,
  pathName,
  recordOf,
  valid,
  validateOptionalBody,
} from './validation.ts';
import type { Valid } from './validation.ts';

export const serveUpdates = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  serve(
    app,
    {
      method: 'patch',
      path: '/v1/environments/{name}',
      operationId: 'UpdateEnvironment',
      summary:
        'Change an environment: it gets a new deploymentToken, and nothing moves before it is deployed with that.',
      request: {
        params: nameParameter,
        headers: idempotencyHeader.extend({
          'If-Match': z.string().optional().openapi({
            description: 'The deploymentToken of the environment, as its ETag, unless the body has it.',
          }),
        }),
        body: { content: { 'application/json': { schema: updateEnvironmentSchema } } },
      },
      responses: {
        200: jsonAnswer(environmentSchema, 'Changed.'),
        ...refusals(400, 404, 412, 413, 422, 502, 504),
      },
    },
    async (c) => {
      const body = await c.req.text();
      // What is the same request shows the same token, wherever it shows it.
      const whole = `${c.req.header('If-Match') ?? ''}\n${body}`;
      return answerOnce(c, { store: deps.store, body: whole }, (remember) => update(c, deps, body, remember));
    },
  );

  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments/{name}/revisions',
      operationId: 'ListRevisions',
      summary: 'List the revisions of an environment that are kept, the newest first.',
      request: { params: nameParameter },
      responses: { 200: jsonAnswer(revisionListSchema, 'Its revisions.'), ...refusals(400, 404) },
    },
    async (c) => {
      const record = await recordOf(deps, c.req.param('name') ?? '');
      return record.kind === 'refused' ? refuse(c, record) : answerJson(c, renderRevisions(record.value));
    },
  );
};

/** What a request would make of an environment. */
export interface Wanted extends Standing {
  readonly revision: EnvironmentRevision;
}

const update = async (c: ApiContext, deps: ApiDeps, body: string, remember: Remember): Promise<Changed | Refusal> => {
  const name = pathName(c.req.param('name') ?? '');
  if (name.kind === 'refused') return name;
  const request = validateOptionalBody(updateEnvironmentSchema, body);
  if (request.kind === 'refused') return request;
  const shown = shownToken(c.req.header('If-Match'), request.value.deploymentToken);
  if (shown.kind === 'refused') return shown;
  const { token, outdated } = shown.value;
  const next = as<DeploymentToken>(deps.uuid());

  const refused = (why: 'gone' | 'outdated'): Refusal =>
    why === 'gone' ? noSuchEnvironment(name.value) : refusal(outdated, outdatedToken(token));
  let wanted: Wanted | null = null;
  return changeEnvironment(c, deps, { name: name.value, remember }, async (record): Promise<Step> => {
    const may = record === null ? 'gone' : mayUpdate(record.spec.value, token);
    if (record === null || may !== null) return refused(may ?? 'gone');
    if (wanted === null) {
      // Holds for all attempts: while the token is the same, so is the content.
      const resolved = await resolveUpdate(deps, record, request.value, c.get('deadline').signal);
      if (resolved.kind === 'refused') return resolved;
      wanted = resolved.value;
    }
    const before = record.spec.value;
    const decision = decideUpdate(before, { ...wanted, token, next });
    if (decision.kind !== 'update') return refused(decision.kind);
    const { spec } = decision;
    return {
      kind: 'change',
      change: {
        spec,
        deployment: null,
        revisions: revisionsToKeep(before, spec),
        forget: forgettable(record, spec.revision.id),
      },
      answer: renderChanged(spec, record.status),
      wake: standsOtherwise(before, spec),
    };
  });
};

/** Revisions wait for a deployment; the rest holds at once. */
const standsOtherwise = (a: Standing, b: Standing): boolean =>
  a.required !== b.required ||
  a.adopt?.kind !== b.adopt?.kind ||
  a.adopt?.value !== b.adopt?.value ||
  a.drainAfter.join(' ') !== b.drainAfter.join(' ');

/** What a request makes of the environment as it is. Asks ECS only about what the request names. */
export const resolveUpdate = async (
  deps: ApiDeps,
  record: EnvironmentRecord,
  request: UpdateEnvironmentRequest,
  signal: AbortSignal,
): Promise<Valid<Wanted>> => {
  const spec = record.spec.value;
  const { name, cluster } = spec;
  if (!isCluster(spec, request.instanceGroup?.cluster)) {
    return invalid([`instanceGroup.cluster in body must stay ${cluster}: an environment does not move`]);
  }
  const definition = await definitionOf(deps, spec, request, signal);
  if (definition.kind === 'refused') return definition;

  const old = spec.revision;
  const networkConfiguration =
    request.networkConfiguration === undefined ? old.networkConfiguration : networkOf(request.networkConfiguration);
  const networkFault = definition.value === null ? null : checkNetwork(definition.value, networkConfiguration);
  if (networkFault !== null) return networkFault;
  const drainAfter = request.drainAfter?.map((other) => as<EnvironmentName>(other)) ?? [];
  const drainFault = await checkDrainOrder(deps, { name, cluster, drainAfter });
  if (drainFault !== null) return drainFault;

  const query = request.instanceGroup?.query;
  const revision = revisionOf(
    {
      taskDefinition: definition.value?.arn ?? old.taskDefinition,
      healthCheck: definition.value?.healthCheck ?? old.healthCheck,
      networkConfiguration,
      query: query === undefined ? old.query : query,
      configuration: configured(old.configuration, request.deploymentConfiguration),
    },
    deps.now(),
  );
  return valid({
    // Equal content is the same revision, with the age it has.
    revision: revision.id === old.id ? old : (record.revisions.get(revision.id)?.value ?? revision),
    adopt: request.adopt === undefined ? spec.adopt : selectorOf(request.adopt),
    drainAfter: request.drainAfter === undefined ? spec.drainAfter : drainAfter,
    required: request.required === undefined ? spec.required : (request.required ?? false),
  });
};

/** null: neither it nor what must fit to it changes. */
const definitionOf = async (
  deps: ApiDeps,
  { revision }: EnvironmentSpec,
  { taskDefinition, networkConfiguration }: UpdateEnvironmentRequest,
  signal: AbortSignal,
): Promise<Valid<ResolvedTaskDefinition | null>> => {
  if (taskDefinition === undefined && networkConfiguration === undefined) return valid(null);
  return resolveDefinition(deps, taskDefinition ?? revision.taskDefinition, signal);
};

const isCluster = ({ cluster }: EnvironmentSpec, given: string | undefined): boolean =>
  given === undefined || given === cluster || cluster.endsWith(`:cluster/${given}`);

interface ShownToken {
  readonly token: DeploymentToken;
  /** What an outdated one is: If-Match has a status of its own. */
  readonly outdated: 400 | 412;
}

const shownToken = (header: string | undefined, body: string | undefined): Valid<ShownToken> => {
  if (header === undefined) {
    return body === undefined
      ? refusal(400, 'deploymentToken in body is required, or If-Match in header')
      : valid({ token: as<DeploymentToken>(body), outdated: 400 });
  }
  const token = header.replace(/^"(.*)"$/, '$1');
  if (!UUID.test(token)) {
    // `*` among them: it would change what the caller has not seen.
    return refusal(400, `If-Match in header should be a deploymentToken, and match '${UUID.source}'`);
  }
  if (body !== undefined && body !== token) {
    return refusal(400, 'deploymentToken in body and If-Match in header should be the same');
  }
  return valid({ token: as<DeploymentToken>(token), outdated: 412 });
};
