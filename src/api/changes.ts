/** What all changes of an environment have in common once the rules have decided. */
import type { EnvironmentName, EnvironmentId } from '../domain/ids.ts';
import type { EnvironmentRecord } from '../domain/world.ts';
import type { SpecChange } from '../store/store.ts';
import type { ApiContext, ApiDeps } from './app-env.ts';
import { refusal } from './errors.ts';
import type { Refusal } from './errors.ts';
import type { Changed, Remember } from './idempotency.ts';

/** What a record comes to: a refusal, an answer that needs no change, or a change and what is answered once it is made. */
export type Step =
  | Refusal
  | Changed
  | {
      readonly kind: 'change';
      readonly change: Omit<SpecChange, 'seen'>;
      readonly answer: string;
      /** Whether the actor has something new to do. */
      readonly wake: boolean;
    };

export interface ChangeRequest {
  readonly name: EnvironmentName;
  readonly remember: Remember;
}

/** Reads, decides and writes by compare-and-set until one of it holds; only then is the actor woken. */
export const changeEnvironment = async (
  c: ApiContext,
  deps: ApiDeps,
  { name, remember }: ChangeRequest,
  decide: (record: EnvironmentRecord | null) => Step | Promise<Step>,
): Promise<Changed | Refusal> => {
  for (let attempt = 0; attempt < deps.limits.changeAttempts; attempt += 1) {
    const record = await deps.store.read(name);
    const step = await decide(record);
    if (step.kind !== 'change') return step;
    if (record === null) throw new Error(`a change of ${name}, which does not exist`);
    const { change, answer, wake } = step;
    c.get('deadline').beginChange();
    const result = await deps.store.update({ ...change, seen: record.spec.modified }, remember(answer));
    if (result.kind === 'remembered') return twinCameFirst(deps);
    if (result.kind === 'done') {
      c.get('deadline').changeLanded();
      const { spec } = change;
      if (wake) await nudge(deps, spec, () => deps.mailbox.wake(spec.id, 'deploy'));
      return { kind: 'changed', body: answer };
    }
  }
  return busy(deps, name);
};

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
