import { expect, test } from 'vitest';
import { rowText } from '../../bench/bench.ts';
import { BENCHES } from '../../bench/benches.ts';

test('every benchmark has a name of its own and says what it measures', () => {
  expect(new Set(BENCHES.map(({ name }) => name)).size).toBe(BENCHES.length);
  for (const { doc } of BENCHES) expect(doc.length).toBeGreaterThan(20);
});

test('a row gives the figure, and the ratio to its limit', () => {
  expect(rowText({ what: 'x', figure: 5, unit: 's', limit: 10 })).toContain('5.00 s  0.50 x the limit of 10.0 s');
  expect(rowText({ what: 'x', figure: 5, unit: 's', limit: null })).not.toContain('limit');
});

test.each(BENCHES)('$name still works', async (bench) => {
  const rows = [];
  for await (const row of bench.run('tiny')) rows.push(row);
  expect(rows.length).toBeGreaterThan(0);
  // At rest nothing is written, and two seconds may be without a read.
  for (const { figure } of rows) expect(figure).toBeGreaterThanOrEqual(0);
});
