/** Routes that are in the OpenAPI document by being served, and the two kinds of answer they give. */
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import { z } from '@hono/zod-openapi';
import { answer } from './answer.ts';
import type { ApiContext, ApiEnv } from './app-env.ts';
import { withoutTrailingSlash } from './clean-path.ts';
import { PROBLEM_JSON, refuse } from './errors.ts';
import { problemSchema } from './schemas.ts';
import { unknownParameter } from './validation.ts';

/**
 * Serves a route and puts it in the document. Not `app.openapi`: that would also check bodies and content types by its own
 * rules, and the contract has older ones (any content type, malformed JSON is an empty object).
 * Names of the query that the route does not declare are refused before anything else, unless its query is a loose object.
 */
export const serve = (
  app: OpenAPIHono<ApiEnv>,
  route: RouteConfig,
  handler: (c: ApiContext) => Response | Promise<Response>,
): void => {
  app.openAPIRegistry.registerPath(route);
  const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
  const known = queryNames(route);
  app.on(route.method, path, (c) => {
    // Most requests have no query, and are spared the parsing.
    if (known === null || !c.req.url.includes('?')) return handler(c);
    const refused = unknownParameter(new URL(c.req.url).searchParams, known);
    return refused === null ? handler(c) : refuse(c, refused);
  });
  app.on(route.method, `${path}/`, withoutTrailingSlash);
};

/** null: any name will do. */
const queryNames = ({ path, request }: RouteConfig): readonly string[] | null => {
  if (request?.query === undefined) return [];
  if (!(request.query instanceof z.ZodObject)) throw new Error(`the query of ${path} does not list its names`);
  return request.query.def.catchall instanceof z.ZodUnknown ? null : Object.keys(request.query.shape);
};

/** Of routes that change nothing and are called by what adds parameters of its own, as v0.3.0 let it. */
export const ANY_QUERY = z.looseObject({});

export const answerJson = (
  c: ApiContext,
  body: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response => answer(c, status, body, { 'Content-Type': 'application/json; charset=UTF-8', ...headers });

/** With the entity tag that `If-Match` takes. */
export const answerTagged = (c: ApiContext, body: string, tag: string): Response =>
  answerJson(c, body, 200, { ETag: `"${tag}"` });

export const jsonAnswer = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

const REFUSALS = {
  400: 'The input is wrong: the text names the field and the rule.',
  404: 'It does not exist.',
  412: 'The deploymentToken in If-Match is outdated: somebody changed the environment since. Read it again.',
  413: 'The body is too long.',
  422: 'The Idempotency-Key was used before with another request.',
  500: 'A fault of this service; the request id finds it in the log.',
  502: 'ECS answered with an error, which the text names. Nothing was changed.',
  503: 'The store did not answer, or the request took too long. Nothing was changed; try again.',
  504: 'ECS did not answer in time, and nothing was changed; or, as the text then says, the outcome is not known.',
} as const;

/** The refusals a route may answer with. Every route may fail with 500 and 503. */
export const refusals = (...statuses: readonly (keyof typeof REFUSALS)[]) =>
  Object.fromEntries(
    [...statuses, 500 as const, 503 as const].map((status) => [
      status,
      {
        description: REFUSALS[status],
        content: { 'text/plain': { schema: z.string() }, [PROBLEM_JSON]: { schema: problemSchema } },
      },
    ]),
  );

export const idempotencyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .openapi({ description: 'The same key with the same request gives the same answer again, for 24 hours.' }),
});
