/** The API on a socket. */
import { once } from 'node:events';
import { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnv } from './app-env.ts';

export interface ServeOptions {
  readonly app: OpenAPIHono<ApiEnv>;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** How long `close` waits for requests under way, in milliseconds; then their connections are cut. */
  readonly closeWithinMs?: number;
}

export interface ApiServer {
  readonly port: number;
  /** Stops accepting, lets requests under way finish, and resolves when all connections are closed. Never rejects. */
  readonly close: () => Promise<void>;
}

/** The address cannot be listened on. The message is for people, and says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** A client that has not sent its headers by then is not one we wait for. */
const HEADERS_TIMEOUT_MS = 10_000;
/** For the whole request: a body of at most 1 MiB. */
const RECEIVE_TIMEOUT_MS = 30_000;
/** Longer than the idle time of usual load balancers (60 s), so that they never send into a connection we are closing. */
const KEEP_ALIVE_MS = 65_000;
/** A process that is to stop has about ten seconds in most orchestrators. */
const CLOSE_WITHIN_MS = 5_000;
const IDLE_CHECK_MS = 50;

/** Rejects with a ListenError when the address is taken or not ours. */
export const serveApi = async (options: ServeOptions): Promise<ApiServer> => {
  const { app, host, port, closeWithinMs = CLOSE_WITHIN_MS } = options;
  const server = createAdaptorServer({
    fetch: (request, env) => app.fetch(request, env),
    serverOptions: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: RECEIVE_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
  });
  if (!(server instanceof Server)) throw new TypeError('expected an HTTP/1 server');
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ListenError(whyNot(error, host, port), { cause: error });
  }
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => close(server, closeWithinMs),
  };
};

const close = async (server: Server, withinMs: number): Promise<void> => {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  // A connection whose request has just been answered is idle, and keep-alive would hold it open.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const bound = setTimeout(() => server.closeAllConnections(), withinMs);
  await closed;
  clearInterval(idle);
  clearTimeout(bound);
};

const whyNot = (error: unknown, host: string, port: number): string => {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `Cannot listen on ${address}: the port is in use. Stop what uses it, or choose another with --bind`;
    case 'EACCES':
      return `Cannot listen on ${address}: not permitted. Ports below 1024 need privileges; choose another with --bind`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `Cannot listen on ${address}: this machine does not have that address. Choose another with --bind`;
    default:
      return `Cannot listen on ${address}: ${error instanceof Error ? error.message : String(error)}`;
  }
};
