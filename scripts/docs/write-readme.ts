/** Writes the generated parts of the README anew: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withGeneratedParts } from './settings-table.ts';

const path = new URL('../../README.md', import.meta.url);
writeFileSync(path, withGeneratedParts(readFileSync(path, 'utf8')));
