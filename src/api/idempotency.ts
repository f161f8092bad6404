/**
 * `Idempotency-Key`: the same request again gives the same answer again, without a second effect.
 * I1. Only answers of changes that were made are remembered, in the transaction that makes the change.
 * I2. A refusal changed nothing and is not remembered, so the key stays free.
 * I3. Of concurrent duplicates the store lets one through; the others are told its answer.
 */
import { createHash } from 'node:crypto';
import type { EnvironmentStore, Remembered, RememberedAnswer } from '../store/store.ts';
import type { ApiContext } from './app-env.ts';
import { refusal, refuse } from './errors.ts';
import type { Refusal } from './errors.ts';
import { answerJson } from './route.ts';

/** Visible ASCII: what survives every proxy. */
const KEY = /^[\x21-\x7e]{1,255}$/;

export interface Changed {
  readonly kind: 'changed';
  /** JSON, as it is sent. */
  readonly body: string;
}

/** Makes what the change's transaction is to remember; null when the caller sent no key. */
export type Remember = (body: string) => Remembered | null;

interface Request {
  readonly store: EnvironmentStore;
  readonly body: string;
}

/** Answers a POST with what `change` comes to, or with the answer it came to before. */
export const answerOnce = async (
  c: ApiContext,
  { store, body }: Request,
  change: (remember: Remember) => Promise<Changed | Refusal>,
): Promise<Response> => {
  const given = c.req.header('Idempotency-Key');
  if (given === undefined) {
    const outcome = await change(() => null);
    return outcome.kind === 'changed' ? answerJson(c, outcome.body) : refuse(c, outcome);
  }
  if (!KEY.test(given)) {
    return refuse(c, refusal(400, 'Idempotency-Key in header should be 1 to 255 visible ASCII characters'));
  }

  const url = new URL(c.req.url);
  const key = sha256(c.req.method, url.pathname, given);
  const requestHash = sha256(url.search, body);
  const earlier = await store.recall(key);
  if (earlier !== null) return replay(c, earlier, requestHash);

  const outcome = await change((answer) => ({ key, answer: { requestHash, status: 200, body: answer } }));
  if (outcome.kind === 'changed') return answerJson(c, outcome.body);
  // What refused us may be our own duplicate, which took the name or the token in between.
  const meanwhile = await store.recall(key);
  return meanwhile === null ? refuse(c, outcome) : replay(c, meanwhile, requestHash);
};

const replay = (c: ApiContext, answer: RememberedAnswer, requestHash: string): Response => {
  if (answer.requestHash !== requestHash) {
    return refuse(c, refusal(422, 'Idempotency-Key in header was used before with another request'));
  }
  return answerJson(c, answer.body, answer.status, { 'Idempotency-Replayed': 'true' });
};

/** The parts are hashed with their lengths, so that no two lists of parts look alike. */
const sha256 = (...parts: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex');
};
