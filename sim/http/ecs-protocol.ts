import type { EcsAnswer } from '../model/answer.ts';

/** AWS JSON 1.1: one path, the operation in a header, errors as `__type` and `message`. */
export const CONTENT_TYPE = 'application/x-amz-json-1.1';

const TARGET_PREFIX = 'AmazonEC2ContainerServiceV20141113.';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** The operation that a target names; the whole target when it is of another service, which no operation matches. */
export function operationOf(target: string | undefined): string {
  if (target === undefined) return '';
  return target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : target;
}

/** The members of a request, or null when the body is not a JSON object. */
export function readBody(text: string): object | null {
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

export function httpAnswer(answer: EcsAnswer): HttpAnswer {
  if (answer.kind === 'ok') return { status: 200, body: JSON.stringify(answer.body) };
  const { status, type, message, resourceIds } = answer;
  return { status, body: JSON.stringify({ __type: type, message, resourceIds }) };
}
