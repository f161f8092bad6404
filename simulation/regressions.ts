/** Seeds that once broke something, and what it was. The tests run them again. */
export interface Regression {
  readonly seed: number;
  readonly mix: string;
  readonly was: string;
}

export const REGRESSIONS: readonly Regression[] = [
  {
    seed: 139,
    mix: 'successors',
    was: 'a deletion took a description for a listing, and the successor doubled a task that its first listing did not show',
  },
  {
    seed: 2,
    mix: 'all',
    was: 'listings freed a launch whose task had come up on a later registration of the machine, and nobody recorded it',
  },
  {
    seed: 4,
    mix: 'hosts',
    was: 'a machine that had registered anew was never covered while its old registration stayed',
  },
  {
    seed: 181_944,
    mix: 'strict',
    was: 'all was called well while a stop, promised before the host was set ACTIVE again, was still to come',
  },
  {
    seed: 6,
    mix: 'rollouts',
    was: 'hosts that a superseded first deployment had emptied held the budget, and no canary was ever replaced',
  },
  {
    seed: 39,
    mix: 'rollouts',
    was: 'hosts whose task of a superseded rollout never became ready held the budget, and no canary was ever replaced',
  },
  {
    seed: 199,
    mix: 'rollouts',
    was: 'a task that had exited, and that ECS still called RUNNING, was ready, and opened the next wave',
  },
  {
    seed: 72,
    mix: 'rough-rollouts',
    was: 'a turn without facts saw no host that was not done, and opened the next wave',
  },
  {
    seed: 9,
    mix: 'rough-rollouts',
    was: 'a turn that broke off had marked its canaries, and the next one chose as many again',
  },
  {
    seed: 45,
    mix: 'rough-rollouts',
    was: 'the launch of a canary landed, and not the progress that opened its wave; it was repeated all the same',
  },
  {
    seed: 30,
    mix: 'rough-rollouts',
    was: 'the turn that wrote that a rollout was cancelled still repeated a launch for it',
  },
  {
    seed: 201_193,
    mix: 'rollouts',
    was: 'a rollback by hand to a bad revision went on over the hosts that it broke, one after the other',
  },
  {
    seed: 203_097,
    mix: 'all',
    was: 'the only canary drained, and the next wave opened with nothing tried',
  },
  {
    seed: 306_945,
    mix: 'all',
    was: 'a canary whose agent was away for a moment stayed one when another had taken its place, and both got a bad revision',
  },
  {
    seed: 304_244,
    mix: 'rough-rollouts',
    was: 'a host that a first deployment had emptied, and whose agent never returned, held its whole budget for ever',
  },
  {
    seed: 407_164,
    mix: 'rough-rollouts',
    was: 'a host that was emptied before, and that the base does not cover, held the budget of a canary for ever',
  },
  {
    seed: 414_344,
    mix: 'rollouts',
    was: 'the same, and no host was ever replaced',
  },
  {
    seed: 402_319,
    mix: 'all',
    was: 'a canary waited for an agent that never returned',
  },
  {
    seed: 301_272,
    mix: 'process',
    was: 'a listing by a worker whose clock was ahead, and that was frozen before it published, replaced a newer one',
  },
];
