import { bodyLimit } from 'hono/body-limit';
import type { ApiContext, ApiDeps, ApiMiddleware } from './app-env.ts';
import { refusal, refuse } from './errors.ts';

/** Refuses a body that is too long. For POST and PATCH: no other method's body is read. */
export const bodyBound = ({ limits }: Pick<ApiDeps, 'limits'>): ApiMiddleware => {
  const onError = (c: ApiContext): Response => {
    const refused = refusal(413, `The body is longer than ${limits.bodyBytes} bytes`);
    // The rest of the body is not read, so nothing else can come over this connection.
    return refuse(c, refused, { Connection: 'close' });
  };
  const counted = bodyLimit({ maxSize: limits.bodyBytes, onError });
  return async (c, next) => {
    const announced = c.req.header('Content-Length');
    // Counting what comes costs the body its fast path, and HTTP holds a sender to the length he announced.
    if (announced === undefined || c.req.header('Transfer-Encoding') !== undefined) return await counted(c, next);
    if (Number(announced) > limits.bodyBytes) return onError(c);
    return await next();
  };
};
