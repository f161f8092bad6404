/**
 * What vitest's JSON report says of a run. As a command, `test-counts.ts FILE`, it prints the closing line of the tests,
 * `N passed, N failed`, and exits with 1 when that was not a clean run.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

const reportSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
});

export interface Counts {
  readonly line: string;
  /** A sentence for each reason why the run is not clean. */
  readonly faults: readonly string[];
}

/** Takes the text of the report; a run that wrote none has no tests. */
export function countsOf(text: string): Counts {
  if (text.trim() === '') return { line: '0 passed, 0 failed', faults: ['the tests did not run to their end'] };
  const report = reportSchema.parse(JSON.parse(text));
  const skipped = report.numPendingTests + report.numTodoTests;
  const checks: readonly (readonly [boolean, string])[] = [
    [report.numPassedTests + report.numFailedTests > 0, 'no test ran'],
    [skipped === 0, `${skipped} tests were skipped`],
    [report.success, 'the run failed'],
  ];
  return {
    line: `${report.numPassedTests} passed, ${report.numFailedTests} failed`,
    faults: checks.filter(([holds]) => !holds).map(([, fault]) => fault),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { line, faults } = countsOf(readFileSync(process.argv[2] ?? '', 'utf8'));
  for (const fault of faults) console.error(`tests: ${fault}`);
  console.log(line);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
