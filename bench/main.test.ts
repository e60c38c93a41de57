import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Plan, runBenchmark } from './benchmark.ts';
import { canMeasureProcesses } from './process-usage.ts';
import { jsonReport, tableReport } from './report.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });

const tiny: Plan = {
  keyCounts: [3, 5],
  connections: 2,
  roundMs: 50,
  measureMs: 0,
  wholeMs: 0,
  warmUpRequests: 20,
  profile: false,
};

test.runIf(canMeasureProcesses())(
  'a small run of everything reports each operation in the promised shape',
  async () => {
    const report = await runBenchmark(tiny, () => {});
    const json = jsonReport(report);
    const names = ['Encrypt', 'Decrypt', 'GenerateDataKey'];
    expect(Object.keys(json)).toEqual([...names, ...names.map((name) => `${name}@5keys`)]);
    for (const measured of Object.values(json)) {
      expect(Object.keys(measured)).toEqual([
        'requestsPerSecond',
        'p50Ms',
        'p99Ms',
        'cpuMicrosPerRequest',
        'ratioToBare',
      ]);
      // Processor time may round to nothing in so short a run; what clocks tell does not.
      expect(measured.requestsPerSecond).toBeGreaterThan(0);
      expect(measured.p99Ms).toBeGreaterThanOrEqual(measured.p50Ms);
      expect(measured.p50Ms).toBeGreaterThan(0);
    }
    expect(tableReport(report)).toMatch(/GenerateDataKey +\d+/);
  },
);

test('an unknown option is refused with one line and status 2', () => {
  const { status, stdout, stderr } = bench('--fast');
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^bench: Unknown option '--fast'.*\n$/);
});

test('--help tells the options', () => {
  const { status, stdout } = bench('--help');
  expect(status).toBe(0);
  for (const option of ['--quick', '--json', '--profile']) expect(stdout).toContain(option);
});
