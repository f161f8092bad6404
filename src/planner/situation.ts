import type { Deployment } from '../domain/environment.ts';
import type { Policy } from '../domain/policy.ts';
import type { Draft } from './draft.ts';
import type { Observation, Sight } from './observation.ts';

/** What each step of a rollout looks at, and where it puts what it decides. */
export interface Situation {
  readonly target: Deployment;
  readonly seen: Observation;
  readonly sight: Sight;
  readonly draft: Draft;
  readonly policy: Policy;
}
