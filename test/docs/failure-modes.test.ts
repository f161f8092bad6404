/** Every row of docs/failure-modes.md names a test that is there and metrics that are there. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { exposeEnvironments } from '../../src/telemetry/environment-metrics.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const COLUMNS = 6;

const text = readFileSync(at('docs/failure-modes.md'), 'utf8');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| fault '))
  .map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );

test('there are rows, and each has all columns filled', () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    expect(row, row[0]).toHaveLength(COLUMNS);
    for (const cell of row) expect(cell, row[0]).not.toBe('');
  }
});

test('the tests are there, by file and name', () => {
  for (const [fault, , , , , proof = ''] of rows) {
    const [, file = '', name = ''] = /^`([^`]+)`: (.+)$/.exec(proof) ?? [];
    expect(existsSync(at(file)), `${fault}: ${file}`).toBe(true);
    // A name with a place for the case (`%s`) is written so in the file; a quote may be escaped there.
    expect(readFileSync(at(file), 'utf8'), `${fault}: ${file}`).toContain(name);
  }
});

async function knownMetrics(): Promise<Set<string>> {
  const { registry } = createMetrics();
  exposeEnvironments(registry, () => Promise.resolve([]));
  return new Set((await registry.getMetricsAsJSON()).map(({ name }) => name.replace('daemon_scheduler_', '')));
}

test('every metric is explained', async () => {
  const section = /## Metrics\n([\s\S]*?)\n## /.exec(text)?.[1] ?? '';
  const explained = [...section.matchAll(/`([a-z_]+)`/g)].map((match) => match[1] ?? '');
  expect([...(await knownMetrics())].filter((name) => !explained.includes(name))).toEqual([]);
});

test('the metrics are there', async () => {
  const known = await knownMetrics();
  const named = rows.flatMap(([, , , , cell = '']) =>
    [...cell.matchAll(/`([a-z_]+)(?:\{[^`]*\})?`/g)].map((match) => match[1] ?? ''),
  );
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((name) => !known.has(name.replace(/_count$/, '')))).toEqual([]);
});
