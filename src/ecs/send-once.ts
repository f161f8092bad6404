/**
 * The HTTP handler of calls that change something. It holds a request back until its connection stands.
 * S1. Nothing is written before `record.sent` is true: while it is false, ECS cannot have seen the request.
 * S2. `notAfter` and the signal are checked in the same breath as the write; no wait lies between.
 * S3. One request, one attempt.
 * The SDK's own handler writes into a connection that may stand seconds later, and does not tell whether it did.
 */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Instant } from '../domain/ids.ts';

/** Set by the handler, read by whoever sent the request. */
interface SendRecord {
  sent: boolean;
}

export interface SendOptions {
  readonly abortSignal: AbortSignal;
  readonly notAfter: Instant;
  readonly record: SendRecord;
}

/** The request was never written. `code` says why. */
class NotSentError extends Error {
  override readonly name = 'NotSentError';
  readonly code: 'ConnectionTimeout' | 'TooLate';
  constructor(code: 'ConnectionTimeout' | 'TooLate', message: string) {
    super(message);
    this.code = code;
  }
}

/** As many as the SDK's own handler; the token budget lets 40 a second go. */
const MOST_SOCKETS = 50;
/**
 * A kept connection that the other side closes just as we write leaves the ending unknown. So it is dropped well before
 * servers do that: AWS's own Java SDK trusts an idle connection for 60 s.
 */
const IDLE_SOCKET_MS = 20_000;

interface WireRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
}

interface WireResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: http.IncomingMessage;
}

export interface SendOnceOptions {
  readonly now: () => Instant;
  readonly connectionTimeoutMs: number;
}

export class SendOnceHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  private readonly options: SendOnceOptions;
  private readonly plain = new http.Agent({ keepAlive: true, maxSockets: MOST_SOCKETS, timeout: IDLE_SOCKET_MS });
  private readonly secure = new https.Agent({ keepAlive: true, maxSockets: MOST_SOCKETS, timeout: IDLE_SOCKET_MS });
  /** Connections that were established. Node marks a reused one only sometimes: not when a request had to wait for it. */
  private readonly standing = new WeakSet<Socket>();

  constructor(options: SendOnceOptions) {
    this.options = options;
  }

  /** `options`: SendOptions; the SDK hands on what `send` was given, and knows them only as its own. */
  handle(request: WireRequest, options?: object): Promise<{ response: WireResponse }> {
    const { now, connectionTimeoutMs } = this.options;
    const { abortSignal, notAfter, record } = options as SendOptions;
    return new Promise((resolve, reject) => {
      if (abortSignal.aborted) return reject(abortSignal.reason);
      const secure = request.protocol === 'https:';
      const outgoing = (secure ? https : http).request({
        agent: secure ? this.secure : this.plain,
        // A literal IPv6 address stands in brackets in a URL and without them here.
        host: request.hostname.replace(/^\[(.*)\]$/u, '$1'),
        port: request.port,
        method: request.method,
        path: request.path,
        headers: request.headers,
      });
      const fail = (error: unknown): void => {
        reject(error);
        outgoing.destroy();
      };
      const connecting = setTimeout(
        () => fail(new NotSentError('ConnectionTimeout', `no connection within ${connectionTimeoutMs} ms`)),
        connectionTimeoutMs,
      );
      const abort = (): void => fail(abortSignal.reason);
      abortSignal.addEventListener('abort', abort, { once: true });
      const write = (): void => {
        clearTimeout(connecting);
        if (abortSignal.aborted) return;
        if (now() > notAfter) return fail(new NotSentError('TooLate', 'the moment to send it by has passed'));
        record.sent = true;
        outgoing.end(request.body);
      };
      outgoing.once('socket', (socket) => {
        if (this.standing.has(socket)) return write();
        socket.once(secure ? 'secureConnect' : 'connect', () => {
          this.standing.add(socket);
          write();
        });
      });
      outgoing.once('response', (body) =>
        resolve({ response: { statusCode: body.statusCode ?? 0, headers: flat(body.headers), body } }),
      );
      // Not once: a destroyed request may report again, and an unheard error ends the process.
      outgoing.on('error', fail);
      outgoing.once('close', () => {
        clearTimeout(connecting);
        abortSignal.removeEventListener('abort', abort);
      });
    });
  }

  destroy(): void {
    this.plain.destroy();
    this.secure.destroy();
  }

  /** Part of the SDK's handler interface; there is nothing to change here. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

function flat(headers: http.IncomingHttpHeaders): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
}
