/** `GET …/hosts`, `GET …/hosts/{id}`, `GET …/status` and `POST …/plan`: what is, why, and what would be. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import { isOver } from '../domain/environment.ts';
import { as, type DeploymentId, type DeploymentToken, type Instant, type Revision } from '../domain/ids.ts';
import { decideDeployment } from '../domain/transitions.ts';
import { progressOf, targetOf, type EnvironmentRecord } from '../domain/world.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { refusal, refuse } from './errors.ts';
import { hostArn, hostOnMachine, isMachineId, noSuchHost } from './host-arn.ts';
import { renderHost, renderHosts, renderPlan, renderStatus } from './insight-render.ts';
import { hostListSchema, hostWithHistorySchema, planSchema, statusSchema } from './insight-schemas.ts';
import { updateEnvironmentSchema } from './request-schemas.ts';
import { answerJson, jsonAnswer, refusals, serve } from './route.ts';
import { nameParameter } from './schemas.ts';
import { resolveUpdate, type Wanted } from './updates.ts';
import {
  noSuchEnvironment,
  pathName,
  recordOf,
  single,
  valid,
  validateOptionalBody,
  type Valid,
} from './validation.ts';

const hostParameters = nameParameter.extend({
  id: z.string().openapi({
    description:
      'Id of the container instance, or its ARN, URL-encoded, or the EC2 instance id (`mi-…` of an external host). ' +
      'Of several registrations of a machine, the ACTIVE one is shown.',
  }),
});

export const serveInsights = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments/{name}/hosts',
      operationId: 'ListHosts',
      summary: 'Show every host of the cluster: what it has, what it waits for, and until when.',
      request: {
        params: nameParameter,
        query: z.object({ nextToken: z.string().optional().openapi({ description: 'From the page before.' }) }),
      },
      responses: { 200: jsonAnswer(hostListSchema, 'A page of hosts.'), ...refusals(400, 404) },
    },
    (c) => listHosts(c, deps),
  );

  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments/{name}/hosts/{id}',
      operationId: 'GetHost',
      summary: 'Show a host, and the last decisions about it.',
      request: { params: hostParameters },
      responses: { 200: jsonAnswer(hostWithHistorySchema, 'The host.'), ...refusals(400, 404) },
    },
    (c) => getHost(c, deps),
  );

  serve(
    app,
    {
      method: 'get',
      path: '/v1/environments/{name}/status',
      operationId: 'GetStatus',
      summary: 'Count the hosts of an environment by how they stand.',
      description: '503 as long as nothing is known of the hosts of an environment that was deployed.',
      request: { params: nameParameter },
      responses: { 200: jsonAnswer(statusSchema, 'The counts.'), ...refusals(400, 404) },
    },
    async (c) => {
      const name = pathName(c.req.param('name') ?? '');
      if (name.kind === 'refused') return refuse(c, name);
      const status = await deps.insight.status(name.value);
      return status === null ? refuse(c, noSuchEnvironment(name.value)) : answerJson(c, renderStatus(status));
    },
  );

  serve(
    app,
    {
      method: 'post',
      path: '/v1/environments/{name}/plan',
      operationId: 'PlanEnvironment',
      summary: 'Say what a deployment would do, host by host, without doing it.',
      request: {
        params: nameParameter,
        body: {
          description: 'As of PATCH: what is to be changed first. Without one, what is there now is deployed.',
          content: { 'application/json': { schema: updateEnvironmentSchema } },
        },
      },
      responses: { 200: jsonAnswer(planSchema, 'What would be done.'), ...refusals(400, 404, 413, 502, 504) },
    },
    (c) => plan(c, deps),
  );
};

const listHosts = async (c: ApiContext, deps: ApiDeps): Promise<Response> => {
  const name = pathName(c.req.param('name') ?? '');
  if (name.kind === 'refused') return refuse(c, name);
  const token = single(new URL(c.req.url).searchParams, 'nextToken');
  if (token.kind === 'refused') return refuse(c, token);
  const last = token.value === null ? '' : Buffer.from(token.value, 'base64url').toString();
  if (token.value !== null && !last.startsWith('arn:')) {
    return refuse(c, refusal(400, 'nextToken in query is not one that a list of hosts gave out'));
  }
  const hosts = await deps.insight.hosts(name.value);
  if (hosts === null) return refuse(c, noSuchEnvironment(name.value));
  const rest = hosts.filter(({ instance }) => instance > last);
  return answerJson(c, renderHosts(rest.slice(0, deps.limits.pageSize), rest.length > deps.limits.pageSize));
};

const getHost = async (c: ApiContext, deps: ApiDeps): Promise<Response> => {
  const record = await recordOf(deps, c.req.param('name') ?? '');
  if (record.kind === 'refused') return refuse(c, record);
  const { name, cluster } = record.value.spec.value;
  const id = c.req.param('id') ?? '';
  const given: Valid<string> = isMachineId(id) ? valid(id) : hostArn(id, cluster);
  if (given.kind === 'refused') return refuse(c, given);
  const hosts = (await deps.insight.hosts(name)) ?? [];
  const host = isMachineId(id) ? hostOnMachine(id, hosts) : hosts.find(({ instance }) => instance === given.value);
  if (host === undefined) return refuse(c, noSuchHost(given.value, name));
  const history = await deps.insight.history(name, host.instance);
  return answerJson(c, renderHost(host, history.toReversed()));
};

const plan = async (c: ApiContext, deps: ApiDeps): Promise<Response> => {
  const name = pathName(c.req.param('name') ?? '');
  if (name.kind === 'refused') return refuse(c, name);
  const request = validateOptionalBody(updateEnvironmentSchema, await c.req.text());
  if (request.kind === 'refused') return refuse(c, request);
  const record = await deps.store.read(name.value);
  if (record === null || record.spec.value.deletion !== null) return refuse(c, noSuchEnvironment(name.value));
  const wanted = await resolveUpdate(deps, record, request.value, c.get('deadline').signal);
  if (wanted.kind === 'refused') return refuse(c, wanted);
  const ids = { id: as<DeploymentId>(deps.uuid()), token: as<DeploymentToken>(deps.uuid()), at: deps.now() };
  const foretold = await deps.insight.foretell(name.value, (now) => deployed(now, wanted.value, ids));
  return foretold === null ? refuse(c, noSuchEnvironment(name.value)) : answerJson(c, renderPlan(foretold));
};

/** The environment as a deployment of what is wanted would make it; null: that is what it has, or is getting. */
const deployed = (
  record: EnvironmentRecord,
  { revision, adopt, drainAfter, required }: Wanted,
  ids: { readonly id: DeploymentId; readonly token: DeploymentToken; readonly at: Instant },
): EnvironmentRecord | null => {
  const { spec } = record;
  const progress = progressOf(record);
  const stands = progress === null || !isOver(progress) || progress.state === 'completed';
  if (targetOf(record)?.revision.id === revision.id && stands) return null;
  const value = { ...spec.value, revision, adopt, drainAfter, required, deploymentToken: ids.token };
  const decision = decideDeployment({ ...record, spec: { ...spec, value } }, { ...ids, supersede: true });
  if (decision.kind !== 'deploy') return null;
  const created = as<Revision>(spec.modified + 1);
  const deployments = new Map(record.deployments);
  deployments.set(ids.id, { value: decision.deployment, created, modified: created });
  return { ...record, spec: { ...spec, value: decision.spec }, deployments };
};
