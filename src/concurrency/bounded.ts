/** `TooLate`: it was not sent by the moment it had to be. */
type CallEndedCode = 'RequestTimeout' | 'Aborted' | 'TooLate';

/** Why a call of ours ended before ECS answered. */
export class CallEndedError extends Error {
  override readonly name = 'CallEndedError';
  readonly code: CallEndedCode;
  constructor(code: CallEndedCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const ABORTED = { code: 'Aborted', message: 'the caller gave up' } as const;

export interface Bound {
  /** Aborted by the caller's signal, by the deadline or by `abort`, whichever is first; its reason is a CallEndedError. */
  readonly signal: AbortSignal;
  abort(): void;
  /** Must be called when the work is over: the caller's signal may live much longer. */
  release(): void;
}

/** A signal of its own for one piece of work. `withinMs` null: no deadline of its own. */
export function bounded(outer: AbortSignal, withinMs: number | null): Bound {
  const inner = new AbortController();
  const abort = (): void => inner.abort(new CallEndedError('Aborted', ABORTED.message));
  const timer =
    withinMs === null
      ? undefined
      : setTimeout(
          () => inner.abort(new CallEndedError('RequestTimeout', `no answer within ${withinMs} ms`)),
          withinMs,
        );
  if (outer.aborted) abort();
  else outer.addEventListener('abort', abort, { once: true });
  return {
    signal: inner.signal,
    abort,
    release: () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', abort);
    },
  };
}

/** The work's result, or the signal's reason if that comes first; what the work does later is of no interest. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener('abort', abort);
    // When the signal was first, a later rejection of the work has nobody left to hear it.
    work.catch(() => undefined);
  }
}

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
