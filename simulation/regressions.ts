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
];
