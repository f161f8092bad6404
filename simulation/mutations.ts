import type { Mutation } from './mutation.ts';
import { MUTATIONS_OF_EVIDENCE } from './mutations-of-evidence.ts';
import { MUTATIONS_OF_LAUNCHES } from './mutations-of-launches.ts';
import { MUTATIONS_OF_ROLLOUTS } from './mutations-of-rollouts.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...MUTATIONS_OF_LAUNCHES,
  ...MUTATIONS_OF_EVIDENCE,
  ...MUTATIONS_OF_ROLLOUTS,
];
