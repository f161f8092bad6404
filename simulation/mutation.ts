/**
 * Deliberate bugs. Each changes one place of the code, which must be there exactly once, and the simulation has to find it.
 * `withinSeeds`, counted from 1, says how soon; `seed` is one that is known to, and tried first: chance falls otherwise with
 * many a change of the code, and then the search takes longer but holds.
 */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly mix: string;
  readonly seed: number;
  readonly withinSeeds: number;
}
