/** `/v1/cluster-events`: the target of an EventBridge API destination. Answered once what it names is surely queued. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import { NAMES_PER_POST_MOST, namedIn } from '../intake/named.ts';
import type { ApiDeps, ApiEnv } from './app-env.ts';
import { refusal, refuse } from './errors.ts';
import { answerJson, jsonAnswer, refusals, serve } from './route.ts';
import { invalid } from './validation.ts';

const eventSchema = z
  .object({
    'detail-type': z.enum(['ECS Container Instance State Change', 'ECS Task State Change']),
    detail: z.object({
      clusterArn: z.string(),
      containerInstanceArn: z.string().optional().openapi({ description: 'Of a container instance state change.' }),
      taskArn: z.string().optional().openapi({ description: 'Of a task state change.' }),
    }),
  })
  .openapi('ClusterEvent', {
    description: 'An event of ECS as EventBridge sends it. Only these members are read; ECS is asked for the rest.',
  });

const eventsSchema = z.union([eventSchema, z.array(eventSchema).min(1).max(NAMES_PER_POST_MOST)]);

const acceptedSchema = z
  .object({ accepted: z.number().int().openapi({ description: 'Different things that ECS will be asked about.' }) })
  .openapi('AcceptedEvents');

export const serveClusterEvents = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  serve(
    app,
    {
      method: 'post',
      path: '/v1/cluster-events',
      operationId: 'PostClusterEvents',
      summary: 'Tell that something changed on a cluster: one event of ECS, or a list. ECS is asked what it was.',
      request: { body: { required: true, content: { 'application/json': { schema: eventsSchema } } } },
      responses: { 202: jsonAnswer(acceptedSchema, 'Queued.'), ...refusals(400, 413) },
    },
    async (c) => {
      const named = namedIn(await c.req.text());
      if (named.kind === 'wrong') return refuse(c, invalid(named.faults));
      if (await deps.hints.add(named.hints)) {
        return answerJson(c, `${JSON.stringify({ accepted: named.hints.length })}\n`, 202);
      }
      const full = refusal(503, 'The queue does not answer, or too much is waiting in it; nothing was accepted');
      return refuse(c, { ...full, retryAfterS: deps.limits.retryAfterS });
    },
  );
};
