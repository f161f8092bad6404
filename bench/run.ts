/** `npm run bench [name…] [-- --tiny]`: runs benchmarks and prints a line a figure. */
import { rowText } from './bench.ts';
import { BENCHES } from './benches.ts';

const args = process.argv.slice(2);
const size = args.includes('--tiny') ? 'tiny' : 'full';
const names = args.filter((arg) => !arg.startsWith('--'));
const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are: ${BENCHES.map((bench) => bench.name).join(', ')}`);
  process.exit(2);
}
for (const bench of BENCHES.filter(({ name }) => names.length === 0 || names.includes(name))) {
  console.log(`${bench.name}: ${bench.doc}`);
  for await (const row of bench.run(size)) console.log(`  ${rowText(row)}`);
}
