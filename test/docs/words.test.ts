/** The pages for operators explain every word that answers, logs and metrics use, and no metric that is not there. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { exposeEnvironments } from '../../src/telemetry/environment-metrics.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): string => readFileSync(at(path), 'utf8');
const quoted = (text: string): readonly string[] => [...text.matchAll(/'([^']+)'/g)].map((match) => match[1] ?? '');

/** Members of a union of words, without their comments. */
function membersOf(file: string, type: string): readonly string[] {
  const declared = new RegExp(`type ${type} =([^;]*);`).exec(read(file).replaceAll(/\/\*\*.*?\*\//g, ''));
  return quoted(declared?.[1] ?? '');
}

/** The first cells of tables on the page. */
const explained = (page: string): readonly string[] =>
  [...read(page).matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');

const RULES = quoted(read('src/planner/history.ts')).filter((text) => /^(?:[A-Z]\d|readiness|retry)$/.test(text));
const OUTCOMES = [
  ...membersOf('src/intake/judge.ts', 'Verdict'),
  ...readdirSync(at('src/workers')).flatMap((file) =>
    [...read(`src/workers/${file}`).matchAll(/outcome: '([a-z]+)'/g)].map((match) => match[1] ?? ''),
  ),
];

test.each<[string, readonly string[], number, string]>([
  ['what hosts wait for', membersOf('src/domain/plan.ts', 'Waiting'), 19, 'docs/rollouts.md'],
  ['states of hosts', membersOf('src/insight/insight.ts', 'HostState'), 9, 'docs/rollouts.md'],
  ['rules of the history', RULES, 9, 'docs/rollouts.md'],
  ['what becomes of events', OUTCOMES, 9, 'docs/events.md'],
])('%s', (_, words, least, page) => {
  expect(new Set(words).size).toBeGreaterThanOrEqual(least);
  expect([...new Set(words)].filter((word) => !explained(page).includes(word))).toEqual([]);
});

test('states of deployments', () => {
  const [, states = ''] = /state: z\.enum\(\[([^\]]*'rolling-back'[^\]]*)\]\)/.exec(read('src/api/schemas.ts')) ?? [];
  const [, told = ''] = /States of a deployment: ([^.]*)\./.exec(read('docs/rollouts.md')) ?? [];
  expect(quoted(states).length).toBe(8);
  expect(quoted(states).filter((state) => !told.includes(`\`${state}\``))).toEqual([]);
});

test('metrics that the README and the design name are there', async () => {
  const { registry } = createMetrics();
  exposeEnvironments(registry, () => Promise.resolve([]));
  const known = (await registry.getMetricsAsJSON()).map(({ name }) => name);
  const named = ['README.md', 'docs/design.md', 'docs/events.md'].flatMap((page) =>
    [...read(page).matchAll(/daemon_scheduler_[a-z_]+/g)].map(([name]) => name.replace(/_count$/, '')),
  );
  expect(new Set(named).size).toBeGreaterThanOrEqual(7);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
});
