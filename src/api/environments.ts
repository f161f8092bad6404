/** `/v1/environments`. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import { AS_MADE } from '../domain/environment.ts';
import type { Deletion, EnvironmentSpec } from '../domain/environment.ts';
import { as } from '../domain/ids.ts';
import type { DeploymentToken, EnvironmentId, EnvironmentName } from '../domain/ids.ts';
import { NOTHING_FORGOTTEN } from '../domain/retention.ts';
import { DEFAULT_CONFIGURATION } from '../domain/revision.ts';
import { decideDeletion } from '../domain/transitions.ts';
import { answer } from './answer.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { busy, nudge, twinCameFirst } from './changes.ts';
import { configured } from './configuration-schema.ts';
import { refusal, refuse } from './errors.ts';
import type { Refusal } from './errors.ts';
import { answerOnce } from './idempotency.ts';
import type { Changed, Remember } from './idempotency.ts';
import { renderChanged, renderEnvironment, renderEnvironments } from './render.ts';
import { createEnvironmentSchema } from './request-schemas.ts';
import { checkNetwork, resolveTarget } from './resolution.ts';
import { revisionOf } from './revisions.ts';
import { ANY_QUERY, answerJson, answerTagged, idempotencyHeader, jsonAnswer, refusals, serve } from './route.ts';
import { environmentListSchema, environmentSchema, nameParameter } from './schemas.ts';
import { checkDrainOrder, networkOf, selectorOf } from './standing.ts';
import { pathName, recordOf, single, valid, validateBody, validateListQuery, writeNextToken } from './validation.ts';
import type { Valid } from './validation.ts';

export const serveEnvironments = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  serve(
    app,
    {
      method: 'post',
      path: '/v1/environments',
      operationId: 'CreateEnvironment',
      summary: 'Create an environment. Nothing is launched before its first deployment.',
      request: {
        headers: idempotencyHeader,
        body: { required: true, content: { 'application/json': { schema: createEnvironmentSchema } } },
      },
      responses: { 200: jsonAnswer(environmentSchema, 'Created.'), ...refusals(400, 404, 413, 422, 502, 504) },
    },
    async (c) => {
      const body = await c.req.text();
      return answerOnce(c, { store: deps.store, body }, (remember) => create(c, deps, body, remember));
    },
  );

  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments',
      operationId: 'ListEnvironments',
      summary: 'List environments, in order of name.',
      request: {
        // Loose, as `validateListQuery` refuses other names in the words of v0.3.0.
        query: z.looseObject({
          cluster: z.string().optional().openapi({ description: 'Only those of this cluster, by name or ARN.' }),
          nextToken: z.string().optional().openapi({ description: 'From the page before.' }),
        }),
      },
      responses: { 200: jsonAnswer(environmentListSchema, 'A page of environments.'), ...refusals(400) },
    },
    async (c) => {
      const query = validateListQuery(new URL(c.req.url).searchParams);
      if (query.kind === 'refused') return refuse(c, query);
      const snapshot = await deps.view.current();
      const { items, more } = snapshot.list({ ...query.value, limit: deps.limits.pageSize });
      const last = items.at(-1);
      return answerJson(
        c,
        renderEnvironments(items, more && last !== undefined ? writeNextToken(last.spec.value.name) : null),
      );
    },
  );

  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments/{name}',
      operationId: 'GetEnvironment',
      summary: 'Show an environment.',
      request: { params: nameParameter, query: ANY_QUERY },
      responses: { 200: jsonAnswer(environmentSchema, 'The environment.'), ...refusals(404) },
    },
    async (c) => {
      const record = await recordOf(deps, c.req.param('name') ?? '');
      if (record.kind === 'refused') return refuse(c, record);
      return answerTagged(c, renderEnvironment(record.value), record.value.spec.value.deploymentToken);
    },
  );

  serve(
    app,
    {
      method: 'delete',
      path: '/v1/environments/{name}',
      operationId: 'DeleteEnvironment',
      summary: 'Delete an environment. It is gone at once; its tasks are stopped in the background.',
      request: {
        params: nameParameter,
        query: z.object({
          tasks: z.enum(['keep', 'stop']).optional().openapi({ description: 'keep: leave its tasks running.' }),
        }),
      },
      responses: { 200: { description: 'Gone, now or before.' }, ...refusals(400, 404, 504) },
    },
    async (c) => {
      const name = pathName(c.req.param('name') ?? '');
      if (name.kind === 'refused') return refuse(c, name);
      const tasks = tasksParameter(new URL(c.req.url).searchParams);
      if (tasks.kind === 'refused') return refuse(c, tasks);
      const refused = await remove(c, deps, name.value, { requestedAt: deps.now(), tasks: tasks.value });
      return refused === null ? answer(c, 200, null) : refuse(c, refused);
    },
  );
};

/** The environment is written last, when ECS has answered and nothing but the store can refuse: who is told "failed" has none. */
const create = async (c: ApiContext, deps: ApiDeps, body: string, remember: Remember): Promise<Changed | Refusal> => {
  const validated = validateBody(createEnvironmentSchema, body);
  if (validated.kind === 'refused') return validated;
  const request = validated.value;
  const wanted = { cluster: request.instanceGroup.cluster, taskDefinition: request.taskDefinition };
  const target = await resolveTarget(deps, wanted, c.get('deadline').signal);
  if (target.kind === 'refused') return target;
  const { cluster, definition } = target.value;
  const networkConfiguration = networkOf(request.networkConfiguration);
  const name = as<EnvironmentName>(request.name);
  const drainAfter = (request.drainAfter ?? []).map((other) => as<EnvironmentName>(other));
  const fault =
    checkNetwork(definition, networkConfiguration) ?? (await checkDrainOrder(deps, { name, cluster, drainAfter }));
  if (fault !== null) return fault;

  const id = as<EnvironmentId>(deps.uuid());
  const deploymentToken = as<DeploymentToken>(deps.uuid());
  const createdAt = deps.now();
  const content = {
    taskDefinition: definition.arn,
    healthCheck: definition.healthCheck,
    networkConfiguration,
    query: request.instanceGroup.query ?? null,
    configuration: configured(DEFAULT_CONFIGURATION, request.deploymentConfiguration),
  };
  const spec: EnvironmentSpec = {
    id,
    name,
    cluster,
    revision: revisionOf(content, createdAt),
    deploymentToken,
    createdAt,
    ...AS_MADE,
    adopt: selectorOf(request.adopt),
    drainAfter,
    required: request.required ?? false,
  };
  const made = renderChanged(spec, null);
  c.get('deadline').beginChange();
  const result = await deps.store.create(spec, remember(made));
  switch (result.kind) {
    case 'done':
      c.get('deadline').changeLanded();
      // Nothing waits for it before a deployment does.
      void nudge(deps, spec, () => deps.mailbox.requestSurvey(spec.cluster));
      return { kind: 'changed', body: made };
    case 'exists':
      return refusal(400, `Error saving environment ${name} to store: An environment with name ${name} already exists`);
    case 'deleting':
      return refusal(
        400,
        `Error saving environment ${name} to store: The environment with name ${name} is still being deleted; ` +
          'its name is free once its tasks were stopped',
      );
    case 'remembered':
      return twinCameFirst(deps);
  }
};

/** Null when the environment is gone. */
const remove = async (
  c: ApiContext,
  deps: ApiDeps,
  name: EnvironmentName,
  deletion: Deletion,
): Promise<Refusal | null> => {
  let first: EnvironmentId | null = null;
  for (let attempt = 0; attempt < deps.limits.changeAttempts; attempt += 1) {
    const record = await deps.store.read(name);
    if (record === null) return null;
    const { value: spec, modified } = record.spec;
    // The one we were asked to delete is gone; a successor of the same name was not meant.
    if (first !== null && first !== spec.id) return null;
    first = spec.id;
    const decision = decideDeletion(spec, deletion);
    if (decision.kind === 'delete') {
      c.get('deadline').beginChange();
      const result = await deps.store.update(
        { spec: decision.spec, seen: modified, deployment: null, revisions: [], forget: NOTHING_FORGOTTEN },
        null,
      );
      if (result.kind !== 'done') continue;
      c.get('deadline').changeLanded();
    }
    await nudge(deps, spec, () => deps.mailbox.wake(spec.id, 'deploy'));
    return null;
  }
  return busy(deps, name);
};

const tasksParameter = (parameters: URLSearchParams): Valid<Deletion['tasks']> => {
  const given = single(parameters, 'tasks');
  if (given.kind === 'refused') return given;
  if (given.value === null || given.value === 'stop') return valid('stop');
  return given.value === 'keep' ? valid('keep') : refusal(400, 'tasks in query should be one of [keep stop]');
};
