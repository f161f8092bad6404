/** The REST API, without a socket: `createApp(deps).request('/v1/ping')` is a whole call. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { InsightUnavailableError } from '../insight/insight.ts';
import { StoreOutcomeUnknownError, StoreUnavailableError, UnreadableValueError } from '../store/store.ts';
import type { ApiContext, ApiDeps, ApiEnv } from './app-env.ts';
import { bodyBound } from './body-bound.ts';
import { cleanPath } from './clean-path.ts';
import { serveClusterEvents } from './cluster-events.ts';
import { RequestTimeoutError } from './deadline.ts';
import { serveDeployments } from './deployments.ts';
import { serveDocs } from './docs.ts';
import { serveEnvironments } from './environments.ts';
import { PAGE_NOT_FOUND, refusal, refuse } from './errors.ts';
import type { Refusal } from './errors.ts';
import { heldAnswers } from './held-answers.ts';
import { serveHealth } from './health.ts';
import { serveInsights } from './insights.ts';
import { serveOrders } from './orders.ts';
import { requestLog } from './request-log.ts';
import { requestTimeout } from './request-timeout.ts';
import { serveRollbacks } from './rollbacks.ts';
import { serveUpdates } from './updates.ts';

export const createApp = (deps: ApiDeps): OpenAPIHono<ApiEnv> => {
  const app = new OpenAPIHono<ApiEnv>();
  app.use(requestLog(deps));
  app.use(cleanPath);
  app.on(['POST', 'PATCH', 'DELETE'], '*', heldAnswers(deps.view));
  app.use(requestTimeout(deps.limits));
  app.on(['POST', 'PATCH'], '*', bodyBound(deps));
  serveHealth(app, deps);
  serveDocs(app);
  serveEnvironments(app, deps);
  serveUpdates(app, deps);
  serveDeployments(app, deps);
  serveOrders(app, deps);
  serveRollbacks(app, deps);
  serveInsights(app, deps);
  serveClusterEvents(app, deps);
  app.notFound((c) => refuse(c, PAGE_NOT_FOUND));
  app.onError((error, c) => {
    const expected = expectedFailure(error, deps, c);
    if (expected !== null) return refuse(c, expected);
    const requestId = c.get('requestId');
    deps.log.error({ err: error, requestId, method: c.req.method }, 'unexpected error');
    if (error instanceof UnreadableValueError) {
      return refuse(c, refusal(500, `The store holds a value that this release cannot read: ${error.message}`));
    }
    return refuse(c, refusal(500, `Internal error; the log tells more under request id ${requestId}`));
  });
  return app;
};

/** What may go wrong with the store and with time. Which of two things a failed change was is said in as many words. */
const expectedFailure = (error: Error, deps: ApiDeps, c: ApiContext): Refusal | null => {
  const { retryAfterS } = deps.limits;
  if (error instanceof InsightUnavailableError) {
    return { ...refusal(503, `Not to be told now: ${error.message}; try again`), retryAfterS };
  }
  if (error instanceof StoreUnavailableError) {
    const nothingChanged = isRead(c) ? '' : '; nothing was changed';
    return { ...refusal(503, `The store is not available: ${error.message}${nothingChanged}`), retryAfterS };
  }
  if (error instanceof RequestTimeoutError && error.outcome === 'nothing-changed') {
    return { ...refusal(503, `The request took too long${isRead(c) ? '' : '; nothing was changed'}`), retryAfterS };
  }
  if (error instanceof RequestTimeoutError || error instanceof StoreOutcomeUnknownError) {
    return refusal(
      504,
      `It is not known whether the change was made: the store did not say in time. ${howToFindOut(c)}`,
    );
  }
  return null;
};

const isRead = (c: ApiContext): boolean => c.req.method === 'GET' || c.req.method === 'HEAD';

const howToFindOut = (c: ApiContext): string => {
  const repeat = 'the request again with the same Idempotency-Key';
  switch (c.req.method) {
    case 'DELETE':
      return 'Send the request again: deleting what is gone is no error';
    default:
      return c.req.header('Idempotency-Key') === undefined
        ? 'GET the environment or its deployments to find out; with an Idempotency-Key the request could be repeated safely'
        : `Send ${repeat} to find out`;
  }
};
