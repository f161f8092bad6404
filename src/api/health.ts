/** For those who run the service: `/healthz`, `/readyz`, `/v1/ping` and the OpenAPI document. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import type { ApiDeps, ApiEnv } from './app-env.ts';
import { ANY_QUERY, answerJson, jsonAnswer, refusals, serve } from './route.ts';

const livenessSchema = z.object({ status: z.literal('ok'), version: z.string() }).openapi('Liveness');

const upOrDown = z.enum(['up', 'down']);
const readinessSchema = z
  .object({
    ready: z.boolean(),
    degraded: z.boolean().openapi({ description: 'Requests are served, but what they ask for waits for the sweep.' }),
    etcd: upOrDown,
    redis: upOrDown,
  })
  .openapi('Readiness');

export const serveHealth = (app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void => {
  serve(
    app,
    {
      method: 'get',
      path: '/v1/ping',
      operationId: 'Ping',
      summary: 'Answers with an empty body.',
      request: { query: ANY_QUERY },
      responses: { 200: { description: 'The API serves.' } },
    },
    (c) => answerJson(c, ''),
  );

  serve(
    app,
    {
      method: 'get',
      path: '/healthz',
      operationId: 'Liveness',
      summary: 'The process lives.',
      request: { query: ANY_QUERY },
      responses: { 200: jsonAnswer(livenessSchema, 'It does.') },
    },
    (c) => answerJson(c, toLine({ status: 'ok', version: deps.version } satisfies z.infer<typeof livenessSchema>)),
  );

  serve(
    app,
    {
      method: 'get',
      path: '/readyz',
      operationId: 'Readiness',
      summary: 'Whether etcd and Redis answer.',
      request: { query: ANY_QUERY },
      responses: {
        200: jsonAnswer(readinessSchema, 'Requests are served; degraded when Redis is down.'),
        503: jsonAnswer(readinessSchema, 'etcd is down: nothing can be read or changed.'),
      },
    },
    async (c) => {
      const { etcd, redis } = await deps.ready();
      const ready = etcd === 'up';
      const readiness: z.infer<typeof readinessSchema> = { ready, degraded: ready && redis === 'down', etcd, redis };
      return answerJson(c, toLine(readiness), ready ? 200 : 503);
    },
  );

  let document: string | null = null;
  serve(
    app,
    {
      method: 'get',
      path: '/v1/openapi.json',
      operationId: 'OpenApi',
      summary: 'This document.',
      responses: { 200: jsonAnswer(z.object({}).loose(), 'OpenAPI 3.1.'), ...refusals(400) },
    },
    (c) => {
      document ??= toLine(
        app.getOpenAPI31Document({
          openapi: '3.1.0',
          info: {
            title: 'daemon-scheduler',
            version: deps.version,
            description: 'Keeps exactly one task per host on Amazon ECS clusters.',
            license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
          },
        }),
      );
      return answerJson(c, document);
    },
  );
};

const toLine = (value: object): string => `${JSON.stringify(value)}\n`;
