import type { ApiMiddleware } from './app-env.ts';
import { Deadline } from './deadline.ts';
import type { ApiLimits } from './limits.ts';

/** Answers in time, whatever hangs (D1). */
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
