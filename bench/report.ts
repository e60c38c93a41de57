import { availableParallelism, cpus } from 'node:os';
import type { BenchmarkReport, KeyholdMeasurement, ServerReport } from './benchmark.ts';
import { profileSummary } from './profile.ts';

/** What is aimed at (docs/benchmarks.md). A miss is told, and fails nothing. */
export const targets = {
  ratioToBare: 2.0,
  /** How much more CPU time a request may take with many keys than with few. */
  growth: 0.1,
  residentMebibytes: 300,
} as const;

/** One operation as `--json` prints it. */
export interface JsonMeasurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerRequest: number;
  readonly ratioToBare: number;
}

/** By operation; those of servers with more keys than the first as `Encrypt@100000keys`. */
export function jsonReport({ servers }: BenchmarkReport): Record<string, JsonMeasurement> {
  return Object.fromEntries(
    servers.flatMap(({ keys, operations }, position) =>
      operations.map((measured) => [
        position === 0 ? measured.operation : `${measured.operation}@${keys}keys`,
        {
          requestsPerSecond: rounded(measured.requestsPerSecond, 0),
          p50Ms: rounded(measured.p50Ms, 3),
          p99Ms: rounded(measured.p99Ms, 3),
          cpuMicrosPerRequest: rounded(measured.cpuMicrosPerRequest, 2),
          ratioToBare: rounded(ratioToBare(measured), 3),
        },
      ]),
    ),
  );
}

/** The same as a table for people, with the targets. */
export function tableReport(report: BenchmarkReport): string {
  const [first] = report.servers;
  const lines = [
    `Keyhold with one worker, and a bare node:http server, over ${report.plan.connections} connections.`,
    `Node.js ${process.version} on ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}`,
    '',
    row(
      '',
      'requests/s',
      'p50 ms',
      'p99 ms',
      'CPU µs/request',
      'bare µs',
      'ratio',
      `≤ ${targets.ratioToBare.toFixed(1)}`,
    ),
  ];
  for (const server of report.servers) {
    lines.push(`${server.keys} keys`);
    for (const measured of server.operations) lines.push(measurementRow(measured));
  }
  lines.push('');
  for (const server of report.servers) {
    if (first !== undefined && server !== first) lines.push(growthLine(first, server));
    const { keys, residentMebibytes, coldCpuMicrosPerRequest } = server;
    lines.push(
      `${keys} keys: ${residentMebibytes.toFixed(0)} MiB resident, ${verdict(residentMebibytes < targets.residentMebibytes)} (< ${targets.residentMebibytes})`,
    );
    if (coldCpuMicrosPerRequest !== undefined) {
      lines.push(
        `${keys} keys: ${coldCpuMicrosPerRequest.toFixed(0)} CPU µs for an Encrypt whose key is not in memory`,
      );
    }
  }
  if (report.profiles.length > 0) {
    lines.push('', 'Keyhold was slower than it is, because it wrote profiles:');
    for (const path of report.profiles) lines.push('', path, ...profileSummary(path));
  }
  return lines.join('\n');
}

function measurementRow(measured: KeyholdMeasurement): string {
  const ratio = ratioToBare(measured);
  return row(
    `  ${measured.operation}`,
    measured.requestsPerSecond.toFixed(0),
    measured.p50Ms.toFixed(2),
    measured.p99Ms.toFixed(2),
    measured.cpuMicrosPerRequest.toFixed(1),
    measured.bare.cpuMicrosPerRequest.toFixed(1),
    ratio.toFixed(2),
    verdict(ratio <= targets.ratioToBare),
  );
}

/** All operations together: each alone is within the noise of a short run. */
function growthLine(few: ServerReport, many: ServerReport): string {
  const growth = meanCpu(many) / meanCpu(few) - 1;
  const shown = `${growth < 0 ? '−' : '+'}${Math.abs(growth * 100).toFixed(1)} %`;
  return `${many.keys} keys: ${shown} CPU per request against ${few.keys} keys, ${verdict(growth <= targets.growth)} (≤ +${targets.growth * 100} %)`;
}

function meanCpu({ operations }: ServerReport): number {
  return operations.reduce((sum, { cpuMicrosPerRequest }) => sum + cpuMicrosPerRequest, 0) / operations.length;
}

function ratioToBare(measured: KeyholdMeasurement): number {
  return measured.cpuMicrosPerRequest / measured.bare.cpuMicrosPerRequest;
}

function verdict(met: boolean): string {
  return met ? 'met' : 'missed';
}

const WIDTHS = [19, 12, 9, 9, 16, 10, 8, 9];

function row(...cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[0] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join('');
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
