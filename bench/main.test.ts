import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Plan, runBenchmark } from './benchmark.ts';
import { canMeasureProcesses } from './process-usage.ts';
import {
  AUDITING,
  CONTENTION,
  GRANTS,
  IDENTITY_POLICIES,
  type JsonMeasurement,
  jsonReport,
  tableReport,
} from './report.ts';
import { workloads } from './workload.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });

const tiny: Plan = {
  workloads,
  keyCounts: [3, 5],
  connections: 2,
  roundMs: 50,
  measureMs: 0,
  wholeMs: 0,
  warmUpRequests: 20,
  warmUpMs: 1000,
  contention: { rounds: 1, roundMs: 100, patienceMs: 0 },
  grants: { few: 1, many: 3, rounds: 1, decisionsPerRound: 5 },
  identityPolicies: { policies: 1, statementsEach: 5, rounds: 1, requestsPerRound: 5 },
  auditing: { rounds: 1, requestsPerRound: 10 },
  profile: false,
};

test.runIf(canMeasureProcesses())(
  'a small run of everything reports each operation in the promised shape',
  async () => {
    const report = await runBenchmark(tiny, () => {});
    const {
      [CONTENTION]: contention,
      [GRANTS]: grants,
      [IDENTITY_POLICIES]: policies,
      [AUDITING]: auditing,
      ...json
    } = jsonReport(report);
    const everywhere = ['Encrypt', 'Decrypt', 'GenerateDataKey'];
    const withPrimitive = [
      'Sign ECC_NIST_P256',
      'Verify ECC_NIST_P256',
      'Sign RSA_2048',
      'Verify RSA_2048',
      'Sign ML_DSA_65',
      'Verify ML_DSA_65',
      'GenerateMac HMAC_256',
      'GenerateDataKeyPair ECC_NIST_P256',
    ];
    expect(Object.keys(json)).toEqual([...everywhere, ...withPrimitive, ...everywhere.map((name) => `${name}@5keys`)]);
    for (const [name, measured] of Object.entries(json) as [string, JsonMeasurement][]) {
      expect(Object.keys(measured)).toEqual([
        'requestsPerSecond',
        'p50Ms',
        'p99Ms',
        'cpuMicrosPerRequest',
        'ratioToBare',
        ...(withPrimitive.includes(name) ? ['primitiveCpuMicros', 'targetCpuMicros'] : []),
      ]);
      // Processor time may round to nothing in so short a run; what clocks tell does not.
      expect(measured.requestsPerSecond).toBeGreaterThan(0);
      expect(measured.p99Ms).toBeGreaterThanOrEqual(measured.p50Ms);
      expect(measured.p50Ms).toBeGreaterThan(0);
    }
    expect(contention).toEqual({
      quietP99Ms: expect.any(Number),
      p99Ms: expect.any(Number),
      ratioToQuiet: expect.any(Number),
      keyPairs: expect.any(Number),
    });
    expect(grants).toMatchObject({ 'as many grantees': { ratioToFew: expect.any(Number) } });
    expect(auditing).toEqual({
      withMicros: expect.any(Number),
      withoutMicros: expect.any(Number),
      share: expect.any(Number),
    });
    expect(policies).toEqual({ withMicros: expect.any(Number), withoutMicros: expect.any(Number) });
    expect(tableReport(report)).toMatch(/GenerateDataKey +\d+/);
  },
);

test('an unknown option is refused with one line and status 2', () => {
  const { status, stdout, stderr } = bench('--fast');
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^bench: Unknown option '--fast'.*\n$/);
});

test('a part of a name that no operation has is refused', () => {
  const { status, stderr } = bench('--only', 'Sing');
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: "bench: no operation's name contains 'Sing'. See --help.\n",
  });
});

test('--help tells the options', () => {
  const { status, stdout } = bench('--help');
  expect(status).toBe(0);
  for (const option of ['--quick', '--only', '--audit', '--json', '--profile']) expect(stdout).toContain(option);
});
