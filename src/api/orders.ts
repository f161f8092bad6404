/** What people order by hand: of a deployment, of an environment, and of it on one host. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import type { EnvironmentSpec } from '../domain/environment.ts';
import { as } from '../domain/ids.ts';
import type { DeploymentId, EnvironmentName, InstanceArn } from '../domain/ids.ts';
import { decideEnvironmentOrder, decideOrder, EXCLUDED_MOST } from '../domain/orders.ts';
import type { EnvironmentOrder, OrderDecision, RolloutOrder } from '../domain/orders.ts';
import { NOTHING_FORGOTTEN } from '../domain/retention.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { changeEnvironment, type ChangeRequest, type Step } from './changes.ts';
import { PAGE_NOT_FOUND, refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import { UUID } from './fields.ts';
import { hostArn, noSuchHost } from './host-arn.ts';
import { answerOnce } from './idempotency.ts';
import type { Changed } from './idempotency.ts';
import { renderChanged, renderOrdered } from './render.ts';
import { noMembersSchema } from './request-schemas.ts';
import { idempotencyHeader, jsonAnswer, refusals, serve } from './route.ts';
import { deploymentSchema, environmentSchema, nameParameter } from './schemas.ts';
import { noSuchDeployment, noSuchEnvironment, pathName, validateOptionalBody } from './validation.ts';
import type { Valid } from './validation.ts';

const ROLLOUT_ORDERS: Readonly<Record<RolloutOrder, string>> = {
  pause: 'Make no further replacement; repair goes on.',
  resume: 'Go on with a rollout that a person or the circuit breaker paused.',
  promote: 'Open the next wave now; once that was heeded, another call opens one more. The answer is from before it.',
  cancel: 'End a deployment where it is. Hosts that have it keep it.',
};

const ENVIRONMENT_ORDERS: Readonly<Record<'freeze' | 'thaw', string>> = {
  freeze: 'Launch nothing and stop nothing until it is thawed.',
  thaw: 'Take up a frozen environment again.',
};

const HOST_ORDERS: Readonly<Record<'retry' | 'exclude' | 'include', string>> = {
  retry: 'Try a host again now, whatever its backoff.',
  exclude: 'Leave a host alone: nothing is launched or stopped there.',
  include: 'Take up an excluded host again.',
};

const orders = <Order extends string>(summaries: Readonly<Record<Order, string>>): readonly Order[] =>
  Object.keys(summaries) as Order[];

export const deploymentParameters = nameParameter.extend({ id: z.string().regex(UUID) });
const hostParameters = nameParameter.extend({
  id: z.string().openapi({ description: 'Id of the container instance, or its ARN, URL-encoded.' }),
});
export const REFUSED = refusals(400, 404, 413, 422, 504);

export const serveOrders = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  for (const order of orders(ROLLOUT_ORDERS)) {
    serve(
      app,
      {
        method: 'post',
        path: `/v1/environments/{name}/deployments/{id}/${order}`,
        operationId: `${capital(order)}Deployment`,
        summary: ROLLOUT_ORDERS[order],
        request: { params: deploymentParameters, headers: idempotencyHeader },
        responses: { 200: jsonAnswer(deploymentSchema, 'Ordered, now or before.'), ...REFUSED },
      },
      (c) => ordering(c, deps, noMembersSchema, (request) => orderRollout(c, deps, request, order)),
    );
  }

  for (const order of orders(ENVIRONMENT_ORDERS)) {
    serve(
      app,
      {
        method: 'post',
        path: `/v1/environments/{name}/${order}`,
        operationId: `${capital(order)}Environment`,
        summary: ENVIRONMENT_ORDERS[order],
        request: { params: nameParameter, headers: idempotencyHeader },
        responses: { 200: jsonAnswer(environmentSchema, 'It is so, now or before.'), ...REFUSED },
      },
      (c) =>
        ordering(c, deps, noMembersSchema, (request) =>
          orderEnvironment(c, deps, request, () => Promise.resolve({ kind: order })),
        ),
    );
  }

  for (const order of orders(HOST_ORDERS)) {
    serve(
      app,
      {
        method: 'post',
        path: `/v1/environments/{name}/hosts/{id}/${order}`,
        operationId: `${capital(order)}Host`,
        summary: HOST_ORDERS[order],
        request: { params: hostParameters, headers: idempotencyHeader },
        responses: { 200: jsonAnswer(environmentSchema, 'It is so, now or before.'), ...REFUSED },
      },
      (c) =>
        ordering(c, deps, noMembersSchema, (request) =>
          orderEnvironment(c, deps, request, async ({ spec }) => {
            const host = await knownHost(deps, spec.value, c.req.param('id') ?? '');
            return host.kind === 'refused' ? host : { kind: order, instance: host.value };
          }),
        ),
    );
  }
};

const capital = (word: string): string => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;

export interface Ordering<Body> extends ChangeRequest {
  readonly body: Body;
}

/** Answers a POST whose body, if it has one, is optional. */
export const ordering = async <Schema extends z.ZodType>(
  c: ApiContext,
  deps: ApiDeps,
  schema: Schema,
  change: (request: Ordering<z.infer<Schema>>) => Promise<Changed | Refusal>,
): Promise<Response> => {
  const text = await c.req.text();
  return answerOnce(c, { store: deps.store, body: text }, async (remember) => {
    const name = pathName(c.req.param('name') ?? '');
    if (name.kind === 'refused') return name;
    const body = validateOptionalBody(schema, text);
    return body.kind === 'refused' ? body : change({ name: name.value, remember, body: body.value });
  });
};

const orderRollout = async (
  c: ApiContext,
  deps: ApiDeps,
  request: ChangeRequest,
  order: RolloutOrder,
): Promise<Changed | Refusal> => {
  const id = deploymentId(c);
  if (id === null) return PAGE_NOT_FOUND;
  return changeEnvironment(c, deps, request, (record): Step => {
    if (record === null) return noSuchEnvironment(request.name);
    const decision = decideOrder(record, { deployment: id, order });
    if (decision.kind !== 'change' && decision.kind !== 'same') return notOrdered(request.name, id, decision);
    const deployment = record.deployments.get(id)?.value;
    if (deployment === undefined) return noSuchDeployment(id, request.name);
    const spec = decision.kind === 'change' ? decision.spec : record.spec.value;
    const answer = renderOrdered(spec, deployment, record.progress.get(id));
    return decision.kind === 'same' ? { kind: 'changed', body: answer } : specAlone(spec, answer);
  });
};

export const notOrdered = (
  name: EnvironmentName,
  id: DeploymentId,
  decision: Exclude<OrderDecision, { readonly kind: 'change' | 'same' }>,
): Refusal => {
  switch (decision.kind) {
    case 'gone':
      return noSuchEnvironment(name);
    case 'no-such-deployment':
      return noSuchDeployment(id, name);
    case 'not-current':
      return refusal(400, `Deployment ${id} is not the current deployment of environment ${name}`);
    case 'over':
      return refusal(400, `Deployment ${id} of environment ${name} is over: it is ${decision.state}`);
    case 'no-waves':
      return refusal(400, `Deployment ${id} of environment ${name} has no waves yet: its hosts are not known`);
    case 'all-open':
      return refusal(400, `All waves of deployment ${id} of environment ${name} are open`);
  }
};

/** A typo must not be taken for an order that was carried out. While nobody can say which hosts there are, any will do. */
const knownHost = async (
  { insight }: ApiDeps,
  { name, cluster, excluded }: EnvironmentSpec,
  given: string,
): Promise<Valid<InstanceArn>> => {
  const host = hostArn(given, cluster);
  // One that is excluded can be included again when it is gone.
  if (host.kind === 'refused' || excluded.includes(host.value)) return host;
  return (await insight.knows(name, host.value)) === false ? noSuchHost(host.value, name) : host;
};

const orderEnvironment = (
  c: ApiContext,
  deps: ApiDeps,
  request: ChangeRequest,
  orderFor: (record: EnvironmentRecord) => Promise<EnvironmentOrder | Refusal>,
): Promise<Changed | Refusal> =>
  changeEnvironment(c, deps, request, async (record): Promise<Step> => {
    if (record === null) return noSuchEnvironment(request.name);
    const order = await orderFor(record);
    if (order.kind === 'refused') return order;
    const decision = decideEnvironmentOrder(record.spec.value, order);
    switch (decision.kind) {
      case 'gone':
        return noSuchEnvironment(request.name);
      case 'too-many':
        return refusal(
          400,
          `Environment ${request.name} excludes ${EXCLUDED_MOST} hosts already; leave out more by the query of its instanceGroup`,
        );
      case 'same':
        return { kind: 'changed', body: renderChanged(record.spec.value, record.status) };
      case 'change':
        return specAlone(decision.spec, renderChanged(decision.spec, record.status));
    }
  });

const specAlone = (spec: EnvironmentSpec, answer: string): Step => ({
  kind: 'change',
  change: { spec, deployment: null, revisions: [], forget: NOTHING_FORGOTTEN },
  answer,
  wake: true,
});

/** null: no deployment can have it. */
export const deploymentId = (c: ApiContext): DeploymentId | null => {
  const id = c.req.param('id') ?? '';
  return UUID.test(id) ? as<DeploymentId>(id) : null;
};
