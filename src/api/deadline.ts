/**
 * D1. Every request is answered within `requestTimeoutMs`.
 * D2. Until a change begins, running out of time means that nothing was changed, and nothing will be: `beginChange` throws.
 * D3. Once a change has begun, running out of time is reported as an outcome that is not known, never as a failure.
 */
import type { ApiMiddleware } from './app-env.ts';
import type { ApiLimits } from './limits.ts';

export class Deadline {
  #state: 'open' | 'changing' | 'over' = 'open';
  #controller: AbortController | null = null;

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#state === 'over') this.#controller.abort();
    return this.#controller.signal;
  }

  /** To be called right before a write to the store. */
  beginChange(): void {
    if (this.#state === 'over') throw new RequestTimeoutError('nothing-changed');
    this.#state = 'changing';
  }

  /** The time is over. */
  expire(): RequestTimeoutError {
    const error = new RequestTimeoutError(this.#state === 'changing' ? 'unknown' : 'nothing-changed');
    this.#state = 'over';
    this.#controller?.abort();
    return error;
  }
}

export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';
  readonly outcome: 'nothing-changed' | 'unknown';
  constructor(outcome: 'nothing-changed' | 'unknown') {
    super(`the request ran out of time: ${outcome}`);
    this.outcome = outcome;
  }
}

export const requestTimeout =
  (limits: ApiLimits): ApiMiddleware =>
  async (c, next) => {
    const deadline = new Deadline();
    c.set('deadline', deadline);
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(deadline.expire()), limits.requestTimeoutMs);
    });
    try {
      await Promise.race([next(), expired]);
    } finally {
      clearTimeout(timer);
    }
  };

/** `work`, or `otherwise` when the signal aborts first. Does not rely on the work to heed the signal. */
export const orWhenAborted = async <T, U>(work: Promise<T>, signal: AbortSignal, otherwise: U): Promise<T | U> => {
  let giveUp = (): void => {};
  const aborted = new Promise<U>((resolve) => {
    giveUp = () => resolve(otherwise);
  });
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
};
