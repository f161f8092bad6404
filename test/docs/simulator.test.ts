/** docs/simulator.md names all that the simulator's admin side takes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const page = read('docs/simulator.md');

test.each([
  ['calls', 'sim/http/admin-route.ts', /case '((?:GET|POST|DELETE) [^']+)'/g, 12],
  ['faults', 'sim/http/admin-route.ts', /kind: z\.literal\('([a-z0-9-]+)'\)/g, 7],
  ['what tasks do', 'sim/model/task-creation.ts', /'(SIM_[A-Z_]+)'/g, 4],
])('%s', (_, file, pattern, least) => {
  const names = [...read(file).matchAll(pattern)].map((match) => match[1] ?? '');
  expect(names.length).toBeGreaterThanOrEqual(least);
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
