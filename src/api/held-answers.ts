import { SYSTEM_TIMING } from '../concurrency/timing.ts';
import type { View } from '../store/store.ts';
import type { ApiMiddleware } from './app-env.ts';

/** A timer's time is cut to whole milliseconds, so it may go off by so much too early. */
const TIMER_EARLY_MS = 1;

/**
 * The writers' side of H1 to H3 of `store.ts`. Whatever the answer is: also a refusal or a remembered answer may tell of a
 * change that another process has just made.
 */
export const heldAnswers = ({ sharing }: Pick<View, 'sharing'>, timing = SYSTEM_TIMING): ApiMiddleware => {
  if (sharing === null) return (_, next) => next();
  const { forMs, quietForMs } = sharing;
  /** Of the changes of this process whose answers were held, the one that covers others longest (H3). */
  let coveredUntil = -Infinity;
  return async (c, next) => {
    const begunAt = timing.monotonic();
    await next();
    // Whatever the answer tells of has landed by now.
    if (timing.monotonic() <= coveredUntil) return;
    const { hasLanded } = c.get('deadline');
    await timing.sleep(forMs + TIMER_EARLY_MS);
    // It landed no earlier than it was asked for, and the hold that it needs before it covers another is over.
    if (hasLanded) coveredUntil = Math.max(coveredUntil, begunAt + quietForMs - forMs);
  };
};
