import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface MetricsOptions {
  readonly registry: Registry;
  /** Whether what this process depends on answers; what there is to say about it. */
  readonly ready: () => Promise<{ readonly ready: boolean }>;
  readonly host: string;
  readonly port: number;
}

/** Serves `/metrics`, `/healthz` and `/readyz`, for processes that have no API. Rejects when the address cannot be listened on. */
export async function serveMetrics({
  registry,
  ready,
  ...at
}: MetricsOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const fail = (): void => void response.writeHead(500).end();
    if (path === '/healthz') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    } else if (path === '/readyz') {
      ready().then((answer) => {
        response.writeHead(answer.ready ? 200 : 503, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify(answer)}\n`);
      }, fail);
    } else if (path === '/metrics') {
      registry.metrics().then((text) => {
        response.writeHead(200, { 'content-type': registry.contentType }).end(text);
      }, fail);
    } else {
      response.writeHead(404).end();
    }
  });
  await listening(server, at);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : at.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const listening = (server: Server, at: { readonly host: string; readonly port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
