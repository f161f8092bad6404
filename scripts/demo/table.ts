/** A step of the story that came true. */
export interface Row {
  readonly what: string;
  readonly tookMs: number;
  readonly detail: string;
}

/** What is shown stays within this, as far as it is ours. */
export const COLUMNS_MOST = 100;

const HEAD = ['what happened', 'took', 'seen'] as const;
const GAP = '  ';

/** The story as aligned columns, one line each, the sum of the times below. */
export function renderTable(rows: readonly Row[]): readonly string[] {
  const totalMs = rows.reduce((sum, row) => sum + row.tookMs, 0);
  const cells = rows.map((row) => [row.what, seconds(row.tookMs), row.detail] as const);
  const foot = ['together', seconds(totalMs), ''] as const;
  const all = [HEAD, ...cells, foot];
  const width = (column: 0 | 1 | 2): number => Math.max(...all.map((line) => line[column].length));
  const render = ([what, took, detail]: readonly [string, string, string]): string =>
    [what.padEnd(width(0)), took.padStart(width(1)), detail].join(GAP).trimEnd();
  const rule = [width(0), width(1), width(2)].map((length) => '-'.repeat(length)).join(GAP);
  return [render(HEAD), rule, ...cells.map(render), rule, render(foot)];
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** The text as lines of at most so many columns, broken between words. */
export function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
