/**
 * What must hold, checked against what ECS really did and what really landed in the store, never against what the
 * scheduler believes: N1 to N11 by `witness.ts`, N12 to N15 once faults stop (`convergence.ts`), N16 to N20 by `rollout-witness.ts`.
 */
export const INVARIANTS = {
  N1: 'a host never has two live tasks of an environment',
  N2: 'nor has a machine that registered again, but for a task whose agent is proven gone',
  N3: 'a launch call leaves only after its intent landed, and as it stands there',
  N4: 'a launch call leaves at most actWithin after its promise',
  N5: 'ECS never sees one idempotency key with two requests',
  N6: 'no write lands behind a newer fence or a later write of its turn, nor twice; no intent behind a newer spec',
  N7: 'once a launch is settled its calls start nothing, and what they started is recorded or over',
  N8: 'a recorded task is given up only when it is over',
  N9: 'no call without a token of the budget, no token for two calls',
  N10: 'a turn ends in one of its endings, never in another error',
  N11: 'a launch is not called again while its last call may still be under way',
  N12: 'once faults stop, every eligible host has its one running task, recorded, of what is deployed, and no deployment stays open',
  N13: 'once faults stop, no intent outlives its bound',
  N14: 'once faults stop, nothing is left of a deleted environment, but tasks that were to be kept',
  N15: 'once all is well nothing more is asked of ECS, and nobody wakes himself in a hot loop',
  N16: 'no more hosts are without a running task through the stops of a rollout than it allows',
  N17: 'while a wave is closed, nothing of the deployment goes to its hosts, and nothing is taken from them for it',
  N18: 'a bad revision runs on its canaries alone, a rollback brings back what was completed, and no host loses a task for its like',
  N19: 'a turn that begins after a pause or a trip takes nothing away for the rollout; one after a freeze, or a deletion that keeps tasks, sends nothing',
  N20: 'a turn launches only what the environment is to have as the turn begins',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly at: number;
  readonly detail: string;
}
