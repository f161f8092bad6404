import type { ApiContext } from './app-env.ts';

/**
 * Every answer is made here, so that each has its request id. Its headers stay plain, and go out in one piece: a `Headers` of
 * more than one, or one set on the socket's side, costs a short answer a tenth of its time.
 */
export const answer = (
  c: ApiContext,
  status: number,
  body: string | Uint8Array<ArrayBuffer> | null,
  headers: Readonly<Record<string, string>> = {},
): Response => new Response(body, { status, headers: { ...headers, 'X-Request-Id': c.get('requestId') } });
