import { setTimeout as delay } from 'node:timers/promises';
import type { View } from '../store/store.ts';
import type { ApiMiddleware } from './app-env.ts';

/** A timer's time is cut to whole milliseconds, so it may go off by so much too early. */
const TIMER_EARLY_MS = 1;

/**
 * Answers a request that may have changed something when no read can miss the change any more (`sharedForMs` of the view).
 * Whatever the answer is: also a refusal or a remembered answer may tell of a change that another process has just made.
 */
export const heldAnswers = ({ sharedForMs }: Pick<View, 'sharedForMs'>): ApiMiddleware => {
  if (sharedForMs === 0) return (_, next) => next();
  return async (_, next) => {
    await next();
    await delay(sharedForMs + TIMER_EARLY_MS);
  };
};
