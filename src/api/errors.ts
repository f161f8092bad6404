/**
 * How the API says no. A refusal is a value; `refuse` renders it as the plain text of v0.3.0, or as a problem document
 * (RFC 9457) for a caller whose `Accept` names that.
 */
import { STATUS_CODES } from 'node:http';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { answer } from './answer.ts';
import type { ApiContext } from './app-env.ts';

export const PROBLEM_JSON = 'application/problem+json';
const PLAIN_TEXT = 'text/plain; charset=utf-8';

export interface Refusal {
  readonly kind: 'refused';
  readonly status: ContentfulStatusCode;
  /** One sentence for people; no stack, no secret. */
  readonly detail: string;
  /** One line for each fault of the input, shown below the detail. */
  readonly faults?: readonly string[];
  /** Sent as `Retry-After`: the same request may succeed after so many seconds. */
  readonly retryAfterS?: number;
}

export const refusal = (status: ContentfulStatusCode, detail: string): Refusal => ({ kind: 'refused', status, detail });

/** The router's answer of v0.3.0, to unknown paths and to methods a path does not have. */
export const PAGE_NOT_FOUND = refusal(404, '404 page not found');

export const refuse = (c: ApiContext, refused: Refusal, more: Readonly<Record<string, string>> = {}): Response => {
  const { status, detail, faults = [], retryAfterS } = refused;
  const headers = { Vary: 'Accept', ...(retryAfterS !== undefined && { 'Retry-After': `${retryAfterS}` }), ...more };
  if (wantsProblem(c.req.header('Accept'))) {
    const problem = {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail,
      ...(faults.length > 0 && { errors: faults.map((fault) => ({ detail: fault })) }),
      requestId: c.get('requestId'),
    };
    return answer(c, status, `${JSON.stringify(problem)}\n`, { 'Content-Type': PROBLEM_JSON, ...headers });
  }
  return answer(c, status, `${[detail, ...faults].join('\n')}\n`, {
    'Content-Type': PLAIN_TEXT,
    ...headers,
    // The text repeats what the caller sent; no browser may take it for a page.
    'X-Content-Type-Options': 'nosniff',
  });
};

/** Only a named media type counts: a wildcard is what every old client sends, and they expect plain text. */
const wantsProblem = (accept: string | undefined): boolean =>
  accept !== undefined &&
  accept.split(',').some((range) => {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === PROBLEM_JSON && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
