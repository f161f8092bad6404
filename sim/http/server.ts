import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { answerAdmin } from './admin-route.ts';
import { answerCloudWatch, isCloudWatch } from './cloudwatch-route.ts';
import { answerEcs } from './ecs-route.ts';
import type { SimulatorSides } from './sides.ts';
import { answerSqs, isSqs } from './sqs-route.ts';

const ADMIN_PREFIX = '/_sim';

/** Far more than the largest request of ECS. */
const BODY_BYTES_MAX = 1_048_576;

/** Longer than a client's idle connections live: a server that closes first makes a call fail whose fate is unknown. */
const KEEP_ALIVE_MS = 75_000;

export function createSimulatorServer(sides: SimulatorSides): Server {
  const server = createServer((request, response) => {
    void serve(sides, request, response).finally(() => sides.events?.delivery.pump());
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

async function serve(
  { model, events }: SimulatorSides,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readText(request);
  if (body === null) {
    sendJson(response, 413, { error: `The body is larger than ${BODY_BYTES_MAX} bytes.` });
    return;
  }
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const method = request.method ?? '';
  if (path.startsWith(`${ADMIN_PREFIX}/`)) {
    const answer = answerAdmin({ model, events }, Date.now(), {
      method,
      path: path.slice(ADMIN_PREFIX.length),
      query: new URLSearchParams(query),
      body,
    });
    sendJson(response, answer.status, answer.body);
  } else if (method === 'POST' && isSqs(request)) {
    await answerSqs(events, request, response, body);
  } else if (method === 'POST' && isCloudWatch(request)) {
    answerCloudWatch(model.alarms, request, response, body);
  } else if (method === 'POST' && path === '/') {
    await answerEcs(model, request, response, body);
  } else {
    sendJson(response, 404, { error: 'ECS, SQS and CloudWatch are at POST /, the admin side at /_sim.' });
  }
}

/** Null when the body is too large or its connection broke. */
async function readText(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks).toString();
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
