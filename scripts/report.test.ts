import { expect, test } from 'vitest';
import { summarise } from './report.ts';

function report(success: boolean, ...files: { status: string; tests: string[] }[]): string {
  const testResults = files.map(({ status, tests }) => ({
    status,
    assertionResults: tests.map((each) => ({ status: each })),
  }));
  return JSON.stringify({ success, testResults });
}

test.each([
  ['tests that passed', report(true, { status: 'passed', tests: ['passed', 'passed'] }), '2 passed, 0 failed'],
  [
    'tests that were skipped',
    report(true, { status: 'passed', tests: ['passed', 'skipped', 'pending', 'todo'] }),
    '1 passed, 0 failed, 3 skipped',
  ],
  ['a test that failed', report(false, { status: 'failed', tests: ['passed', 'failed'] }), '1 passed, 1 failed'],
  [
    'a file that could not be loaded',
    report(false, { status: 'passed', tests: ['passed'] }, { status: 'failed', tests: [] }),
    '1 passed, 1 failed',
  ],
  [
    'a set-up that failed',
    report(false, { status: 'passed', tests: ['passed'] }, { status: 'failed', tests: ['skipped'] }),
    '1 passed, 1 failed, 1 skipped',
  ],
  ['an error outside of every test', report(false, { status: 'passed', tests: ['passed'] }), '1 passed, 1 failed'],
  ['no tests at all', report(true), '0 passed, 1 failed'],
  ['no report at all', undefined, '0 passed, 1 failed'],
])('%s', (_, json, line) => {
  const summary = summarise(json);
  expect(summary.line).toBe(line);
  expect(summary.failed > 0).toBe(!line.includes(' 0 failed'));
});
