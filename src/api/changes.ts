/** What creating, deploying and deleting have in common once the rules have decided. */
import type { EnvironmentName, EnvironmentId } from '../domain/ids.ts';
import type { ApiDeps } from './app-env.ts';
import { refusal } from './errors.ts';
import type { Refusal } from './errors.ts';

/**
 * Tells the workers about a change that is already made. Whatever becomes of it, the change stands and so does the answer:
 * without a queue the sweep finds it.
 */
export const nudge = async (
  deps: Pick<ApiDeps, 'log'>,
  environment: { readonly id: EnvironmentId; readonly name: EnvironmentName },
  send: () => Promise<boolean>,
): Promise<void> => {
  const about = { environmentId: environment.id, environment: environment.name };
  try {
    if (!(await send())) deps.log.warn(about, 'the queue did not take the wake-up; the sweep will find the change');
  } catch (err) {
    deps.log.error({ ...about, err }, 'waking failed; the sweep will find the change');
  }
};

/** Others kept changing the environment between our reads and our writes. */
export const busy = (deps: Pick<ApiDeps, 'limits'>, name: EnvironmentName): Refusal => ({
  ...refusal(503, `Environment ${name} is being changed by others; nothing was changed, try again`),
  retryAfterS: deps.limits.retryAfterS,
});

/** The twin of this request was there first. Its answer is remembered, so callers see this only if it was forgotten since. */
export const twinCameFirst = (deps: Pick<ApiDeps, 'limits'>): Refusal => ({
  ...refusal(503, 'Another request with the same Idempotency-Key came first; nothing was changed, try again'),
  retryAfterS: deps.limits.retryAfterS,
});
