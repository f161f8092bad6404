/**
 * D1. Every request is answered within `requestTimeoutMs`.
 * D2. Until a change begins, running out of time means that nothing was changed, and nothing will be: `beginChange` throws.
 * D3. Once a change has begun, running out of time is reported as an outcome that is not known, never as a failure.
 */

export class Deadline {
  #state: 'open' | 'changing' | 'over' = 'open';
  #controller: AbortController | null = null;
  #hasLanded = false;

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

  /** To be called when the store has said that the write is made. */
  changeLanded(): void {
    this.#hasLanded = true;
  }

  get hasLanded(): boolean {
    return this.#hasLanded;
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
