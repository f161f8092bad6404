/** One structured line a request, and the id that ties it to every other line about that request. */
import { routePath } from 'hono/route';
import type { ApiDeps, ApiMiddleware } from './app-env.ts';

/** What we take over from a caller or a proxy: short, and unable to forge a log line or a header. */
const SANE_REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

/** Room for the names and ids of every route; whoever probes for others does not fill the log. */
const MOST_PATH_CHARACTERS = 200;

export const requestLog =
  (deps: Pick<ApiDeps, 'log' | 'now' | 'uuid'>): ApiMiddleware =>
  async (c, next) => {
    const startedAt = deps.now();
    const given =
      c.env?.incoming === undefined ? c.req.header('X-Request-Id') : single(c.env.incoming.headers['x-request-id']);
    const requestId = given !== undefined && SANE_REQUEST_ID.test(given) ? given : deps.uuid();
    c.set('requestId', requestId);
    await next();
    const line = {
      requestId,
      method: c.req.method,
      route: routePath(c, -1),
      path: c.req.path.slice(0, MOST_PATH_CHARACTERS),
      status: c.res.status,
      ms: deps.now() - startedAt,
    };
    if (line.status >= 500) deps.log.warn(line, 'request');
    else deps.log.info(line, 'request');
  };

const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header;
