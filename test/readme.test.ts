import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GENERATED, withGeneratedParts } from '../scripts/docs/settings-table.ts';
import { settingRows } from '../src/config.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the README lists the settings as they are', () => {
  expect(Object.keys(GENERATED)).toHaveLength(2);
  expect(withGeneratedParts(readme), 'run `npm run docs`').toBe(readme);
});

test('every setting has a row of its own in the README', () => {
  const rows = settingRows();
  expect(rows.length).toBeGreaterThan(10);
  for (const { flag, env } of rows) expect(readme).toContain(`| \`${flag}\` | \`${env}\` |`);
});

test('the README names commands that exist', () => {
  const scripts = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { scripts: object })
    .scripts;
  const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1]);
  expect(named.length).toBeGreaterThan(0);
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});
