/** What a benchmark is: named, explained, and run at one of two sizes. */

export type Size =
  /** The figures of docs/benchmarks.md. */
  | 'full'
  /** Seconds: `npm test` runs every benchmark so, to see that it still works. */
  | 'tiny';

export interface Bench {
  readonly name: string;
  readonly doc: string;
  /** Yields rows as they come. Throws when what was measured was not done right. */
  readonly run: (size: Size) => AsyncGenerator<Row>;
}

export interface Row {
  readonly what: string;
  readonly figure: number;
  readonly unit: string;
  /** What the figure is held against, in the same unit; null: nothing states one. */
  readonly limit: number | null;
  /** Further figures, in words. */
  readonly also?: string;
}

/** For a larger-is-better figure the ratio reads the other way round; the row says which by its unit. */
export function rowText({ what, figure, unit, limit, also }: Row): string {
  const against = limit === null ? '' : `  ${(figure / limit).toFixed(2)} x the limit of ${round(limit)} ${unit}`;
  return `${what.padEnd(58)} ${round(figure).padStart(9)} ${unit}${against}${also === undefined ? '' : `  (${also})`}`;
}

const round = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** A benchmark of wrong work is worth nothing. */
export function must(held: boolean, what: string): void {
  if (!held) throw new Error(`the benchmark went wrong: ${what}`);
}
