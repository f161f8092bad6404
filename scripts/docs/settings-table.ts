import { settingRows, type SettingRow } from '../../src/config.ts';
import { simulatorSettingRows } from '../../sim/options.ts';

/** The parts of the README that are made from the code, by the name between their markers. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  settings: () => table(settingRows()),
  'simulator settings': () => table(simulatorSettingRows()),
};

function table(rows: readonly SettingRow[]): string {
  const lines = rows.map(({ flag, env, default: fallback, doc }) => {
    const shown = fallback === '' ? '' : `\`${fallback}\``;
    return `| \`${flag}\` | \`${env}\` | ${shown} | ${doc.replaceAll('|', '\\|')} |`;
  });
  return ['| flag | environment variable | default | what it does |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** The text with every generated part made anew. Throws when a marker is missing. */
export function withGeneratedParts(text: string): string {
  return Object.entries(GENERATED).reduce((all, [name, make]) => {
    const begin = `<!-- begin generated: ${name} -->`;
    const end = `<!-- end generated: ${name} -->`;
    const from = all.indexOf(begin);
    const to = all.indexOf(end);
    if (from < 0 || to < from) throw new Error(`README.md lacks the markers of "${name}"`);
    return `${all.slice(0, from + begin.length)}\n\n${make()}\n\n${all.slice(to)}`;
  }, text);
}
