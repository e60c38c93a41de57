import { readFileSync } from 'node:fs';

/** Sums vitest's JSON report up in one line, `N passed, N failed`, for CI. Exit status 1 if anything failed. */

interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export interface Summary {
  readonly failed: number;
  readonly line: string;
}

/** @param json the report; undefined if vitest did not come to write one, which counts as one failure */
export function summarise(json: string | undefined): Summary {
  if (json === undefined) return summaryOf(0, 1, 0);
  const { success, testResults } = JSON.parse(json) as VitestReport;
  const statuses = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const passed = statuses.filter((status) => status === 'passed').length;
  const failedTests = statuses.filter((status) => status === 'failed').length;
  // A file that could not be loaded, or whose set-up failed, has no test that failed.
  const failedFiles = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  ).length;
  const failed = failedTests + failedFiles;
  // An error outside of every test, or no test at all, is no success either.
  const unexplained = failed === 0 && (!success || passed === 0) ? 1 : 0;
  return summaryOf(passed, failed + unexplained, statuses.length - passed - failedTests);
}

function summaryOf(passed: number, failed: number, skipped: number): Summary {
  return { failed, line: `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}` };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const { line, failed } = summarise(readIfThere(process.argv[2] ?? ''));
  console.log(line);
  if (failed > 0) process.exitCode = 1;
}
