/** What the parts of the API share: the dependencies from outside, and what a request carries with it. */
import type { IncomingMessage } from 'node:http';
import type { Context, MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { Mailbox } from '../actors/mailbox.ts';
import type { Instant } from '../domain/ids.ts';
import type { EcsGateway } from '../ecs/gateway.ts';
import type { Insight } from '../insight/insight.ts';
import type { HintQueue } from '../intake/hints.ts';
import type { EnvironmentStore, View } from '../store/store.ts';
import type { Deadline } from './deadline.ts';
import type { ApiLimits } from './limits.ts';

export interface ApiDeps {
  readonly store: EnvironmentStore;
  readonly view: View;
  readonly ecs: Pick<EcsGateway, 'resolveCluster' | 'resolveTaskDefinition'>;
  readonly mailbox: Mailbox;
  /** Takes what `/v1/cluster-events` names. */
  readonly hints: HintQueue;
  /** Answers what is, why, and what would be. */
  readonly insight: Insight;
  readonly now: () => Instant;
  /** A fresh UUID in lower case. */
  readonly uuid: () => string;
  readonly log: Logger;
  /** Asks etcd and Redis; bounded in time by itself. */
  readonly ready: () => Promise<Readiness>;
  readonly limits: ApiLimits;
  /** Of the product, as in package.json. */
  readonly version: string;
}

export interface Readiness {
  readonly etcd: 'up' | 'down';
  readonly redis: 'up' | 'down';
}

export interface ApiEnv {
  /** What the socket's side knows; absent in calls without one. */
  Bindings: {
    /**
     * The request as it came over the wire: its target, as `Request` resolves dot segments, and then nobody can redirect
     * them; its headers, as looking at one through `Request` copies them all.
     */
    readonly incoming?: Pick<IncomingMessage, 'headers'> & { readonly url?: string | undefined };
  };
  Variables: {
    requestId: string;
    deadline: Deadline;
  };
}

export type ApiContext = Context<ApiEnv>;
export type ApiMiddleware = MiddlewareHandler<ApiEnv>;
