import { expect, it } from 'vitest';
import { countsOf } from '../../scripts/test-counts.ts';

const report = (change: object = {}): string =>
  JSON.stringify({
    success: true,
    numPassedTests: 12,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...change,
  });

it('counts what passed', () => {
  expect(countsOf(report())).toEqual({ line: '12 passed, 0 failed', faults: [] });
});

it.each([
  ['failed tests', report({ success: false, numFailedTests: 3 }), '12 passed, 3 failed', 'the run failed'],
  ['a run of nothing', report({ numPassedTests: 0 }), '0 passed, 0 failed', 'no test ran'],
  ['skipped tests', report({ numPendingTests: 1, numTodoTests: 1 }), '12 passed, 0 failed', '2 tests were skipped'],
  ['a run that broke off', '', '0 passed, 0 failed', 'the tests did not run to their end'],
])('does not take %s for clean', (_, text, line, fault) => {
  expect(countsOf(text)).toEqual({ line, faults: [fault] });
});
