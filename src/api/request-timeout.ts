import type { ApiMiddleware } from './app-env.ts';
import { Deadline } from './deadline.ts';
import type { ApiLimits } from './limits.ts';

interface Open {
  readonly until: number;
  readonly expire: () => void;
}

/** Looks at the clock in the time of one request. */
const LOOKS = 20;

/** Answers in time, whatever hangs (D1). One timer serves all: one for each costs a short request a tenth of its time. */
export const requestTimeout = ({ requestTimeoutMs }: Pick<ApiLimits, 'requestTimeoutMs'>): ApiMiddleware => {
  const everyMs = requestTimeoutMs / LOOKS;
  /** In order of arrival, and so of their ends. */
  const requests = new Set<Open>();
  let looking: NodeJS.Timeout | null = null;
  const look = (): void => {
    // Nobody may be late, so whose time ends before the next look is told now.
    const soon = performance.now() + everyMs;
    for (const request of requests) {
      if (request.until > soon) return;
      requests.delete(request);
      request.expire();
    }
    if (looking !== null) clearInterval(looking);
    looking = null;
  };

  return (c, next) => {
    const deadline = new Deadline();
    c.set('deadline', deadline);
    return new Promise((resolve, reject) => {
      const request = {
        until: performance.now() + requestTimeoutMs,
        expire: () => reject(deadline.expire()),
      };
      requests.add(request);
      looking ??= setInterval(look, everyMs).unref();
      void next()
        .then(resolve, reject)
        .finally(() => requests.delete(request));
    });
  };
};
