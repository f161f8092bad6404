/** `npm run bench -- [NAME…] [--tiny]`: runs benchmarks and prints a line a figure. */
import { parseArgs } from 'node:util';
import { rowText } from './bench.ts';
import { BENCHES } from './benches.ts';

const HELP = `npm run bench -- [NAME]... [--tiny]
  --tiny  smaller and quicker: whether they work, not what they measure

${BENCHES.map(({ name, doc }) => `  ${name}: ${doc}`).join('\n')}`;

function fail(message: string): never {
  console.error(`${message}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: { tiny: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals: names } = readArguments();
const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) fail(`no benchmark ${unknown.join(', ')}`);
if (values.help) {
  console.log(HELP);
} else {
  for (const bench of BENCHES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    console.log(`${bench.name}: ${bench.doc}`);
    for await (const row of bench.run(values.tiny ? 'tiny' : 'full')) console.log(`  ${rowText(row)}`);
  }
}
