/** An HTTP server that does exactly what a test tells it to, also what no decent server does. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Arrived {
  readonly operation: string;
  /** The request body as it was on the wire. */
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

export type Reply = (response: ServerResponse, arrived: Arrived) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  /** Every request that arrived whole, in order. */
  readonly arrived: readonly Arrived[];
  connections(): number;
  reply(reply: Reply): void;
  /** Resolves with the next request to arrive. */
  next(): Promise<Arrived>;
  close(): Promise<void>;
}

export async function startScriptedServer(first: Reply = answer(200, {})): Promise<ScriptedServer> {
  let current = first;
  let connections = 0;
  const arrived: Arrived[] = [];
  let waiting: ((arrived: Arrived) => void)[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      const one = { operation, body: Buffer.concat(parts).toString('utf8'), headers: request.headers };
      arrived.push(one);
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake(one);
      current(response, one);
    });
  });
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    arrived,
    connections: () => connections,
    reply: (reply) => (current = reply),
    next: () => new Promise((resolve) => waiting.push(resolve)),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export const answer =
  (status: number, body: object, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers });
    response.end(JSON.stringify(body));
  };

export const ecsError = (code: string, message = 'in its own words', status = 400): Reply =>
  answer(status, { __type: code, message });

export const text =
  (status: number, body: string): Reply =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end(body);
  };

export const silence: Reply = () => undefined;

export const reset: Reply = (response) => {
  response.socket?.resetAndDestroy();
};

export const hangUp: Reply = (response) => {
  response.socket?.destroy();
};

/** A status and half a body; then the connection breaks, or nothing more comes. */
export const half =
  (status: number, then: 'reset' | 'silence'): Reply =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'content-length': '1000' });
    response.write('{"tasks":[{"taskArn":"arn:aws:ecs:us-east-1:1:task/c/1"', () => {
      if (then === 'reset') response.socket?.resetAndDestroy();
    });
  };

/** Answers by operation, as ECS would. */
export const operations =
  (handlers: Readonly<Record<string, (input: Record<string, unknown>) => object>>): Reply =>
  (response, arrived) => {
    const handler = handlers[arrived.operation];
    const send =
      handler === undefined
        ? ecsError('UnknownOperationException', arrived.operation)
        : answer(200, handler(JSON.parse(arrived.body) as Record<string, unknown>));
    send(response, arrived);
  };
