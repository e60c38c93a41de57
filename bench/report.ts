import { availableParallelism, cpus } from 'node:os';
import type { AuditingMeasurement } from './auditing.ts';
import type { BenchmarkReport, KeyholdMeasurement, ServerReport } from './benchmark.ts';
import type { Contention } from './contention.ts';
import type { GrantsMeasurement } from './grants.ts';
import type { IdentityPoliciesMeasurement } from './identity-policies.ts';
import { profileSummary } from './profile.ts';

/** What is aimed at (docs/benchmarks.md). A miss is told, and fails nothing. */
export const targets = {
  /** An operation may take so many times what the bare server takes, … */
  ratioToBare: 2.0,
  /** … and so many times what its primitive takes alone, where it has one. */
  ratioToPrimitive: 1.3,
  /** The p99 of Encrypt while RSA keys are made, against its p99 otherwise. */
  contention: 5,
  /** How much longer a decision may take with many grants than with few. */
  grantsGrowth: 0.2,
  /** How many microseconds more an Encrypt may take whose caller has policies of its own. */
  identityPoliciesMicros: 10,
  /** The share of auditing in the CPU time of an Encrypt. */
  auditingShare: 0.15,
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
  /** These two where the operation has a primitive. */
  readonly primitiveCpuMicros?: number;
  readonly targetCpuMicros?: number;
}

/** Encrypt while RSA_4096 data key pairs are made without pause, as `--json` prints it. */
export interface JsonContention {
  readonly quietP99Ms: number;
  readonly p99Ms: number;
  readonly ratioToQuiet: number;
  readonly keyPairs: number;
}

/** Decisions by grant, as `--json` prints them: by the way in which so many grants can be on a key. */
export type JsonGrants = Readonly<Record<string, { fewMicros: number; manyMicros: number; ratioToFew: number }>>;

/** Encrypt by callers with policies of their own and without, as `--json` prints it. */
export interface JsonIdentityPolicies {
  readonly withMicros: number;
  readonly withoutMicros: number;
}

/** Encrypt with and without audit records, as `--json` prints it. */
export interface JsonAuditing {
  readonly withMicros: number;
  readonly withoutMicros: number;
  readonly share: number;
}

/** What `--json` prints is one of these, by name. */
export type JsonReport = Record<
  string,
  JsonMeasurement | JsonContention | JsonGrants | JsonIdentityPolicies | JsonAuditing
>;

export const CONTENTION = 'Encrypt while RSA_4096 data key pairs are made';
export const GRANTS = 'Decisions by grant';
export const AUDITING = 'Encrypt without audit records';
export const IDENTITY_POLICIES = 'Encrypt by a caller with policies';

/** By operation; those of servers with more keys than the first as `Encrypt@100000keys`. */
export function jsonReport({ servers, contention, grants, identityPolicies, auditing }: BenchmarkReport): JsonReport {
  const measurements = servers.flatMap(({ keys, measurements }, position) =>
    measurements.map((measured): [string, JsonMeasurement] => [
      position === 0 ? measured.name : `${measured.name}@${keys}keys`,
      jsonMeasurement(measured),
    ]),
  );
  return {
    ...Object.fromEntries(measurements),
    ...(contention === undefined ? {} : { [CONTENTION]: jsonContention(contention) }),
    ...(grants.length === 0 ? {} : { [GRANTS]: jsonGrants(grants) }),
    ...(identityPolicies === undefined ? {} : { [IDENTITY_POLICIES]: jsonIdentityPolicies(identityPolicies) }),
    ...(auditing === undefined ? {} : { [AUDITING]: jsonAuditing(auditing) }),
  };
}

function jsonMeasurement(measured: KeyholdMeasurement): JsonMeasurement {
  const { primitiveCpuMicros } = measured;
  return {
    requestsPerSecond: rounded(measured.requestsPerSecond, 0),
    p50Ms: rounded(measured.p50Ms, 3),
    p99Ms: rounded(measured.p99Ms, 3),
    cpuMicrosPerRequest: rounded(measured.cpuMicrosPerRequest, 2),
    ratioToBare: rounded(ratioToBare(measured), 3),
    ...(primitiveCpuMicros === undefined
      ? {}
      : {
          primitiveCpuMicros: rounded(primitiveCpuMicros, 2),
          targetCpuMicros: rounded(targetCpuMicros(measured), 2),
        }),
  };
}

function jsonContention({ quiet, busy, keyPairs }: Contention): JsonContention {
  return {
    quietP99Ms: rounded(quiet.p99Ms, 3),
    p99Ms: rounded(busy.p99Ms, 3),
    ratioToQuiet: rounded(busy.p99Ms / quiet.p99Ms, 3),
    keyPairs,
  };
}

function jsonGrants(grants: readonly GrantsMeasurement[]): JsonGrants {
  return Object.fromEntries(
    grants.map(({ layout, fewMicros, manyMicros }) => [
      layout,
      {
        fewMicros: rounded(fewMicros, 2),
        manyMicros: rounded(manyMicros, 2),
        ratioToFew: rounded(manyMicros / fewMicros, 3),
      },
    ]),
  );
}

/** The same as a table for people, with the targets. */
export function tableReport(report: BenchmarkReport): string {
  const [first] = report.servers;
  const lines = [
    `Keyhold with one worker, and a bare node:http server, over ${report.plan.connections} connections.`,
    `Node.js ${process.version} on ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}`,
    '',
    row('', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs/request', 'bare µs', 'ratio', 'primitive µs', 'target µs', ''),
  ];
  for (const server of report.servers) {
    lines.push(`${server.keys} keys`);
    for (const measured of server.measurements) lines.push(measurementRow(measured));
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
  if (report.contention !== undefined) lines.push(contentionLine(report.contention));
  lines.push(...grantsLines(report), ...identityPoliciesLines(report), ...auditingLines(report));
  if (report.profiles.length > 0) {
    lines.push('', 'Keyhold was slower than it is, because it wrote profiles:');
    for (const path of report.profiles) lines.push('', path, ...profileSummary(path));
  }
  return lines.join('\n');
}

function measurementRow(measured: KeyholdMeasurement): string {
  const target = targetCpuMicros(measured);
  return row(
    `  ${measured.name}`,
    measured.requestsPerSecond.toFixed(0),
    measured.p50Ms.toFixed(2),
    measured.p99Ms.toFixed(2),
    measured.cpuMicrosPerRequest.toFixed(1),
    measured.bare.cpuMicrosPerRequest.toFixed(1),
    ratioToBare(measured).toFixed(2),
    measured.primitiveCpuMicros?.toFixed(1) ?? '',
    target.toFixed(1),
    verdict(measured.cpuMicrosPerRequest <= target),
  );
}

/** All that is measured with both, together: each operation alone is within the noise of a short run. */
function growthLine(few: ServerReport, many: ServerReport): string {
  const names = many.measurements.map(({ name }) => name);
  const growth = meanCpu(many, names) / meanCpu(few, names) - 1;
  return `${many.keys} keys: ${signedPercent(growth)} CPU per request against ${few.keys} keys, ${verdict(growth <= targets.growth)} (≤ +${targets.growth * 100} %)`;
}

function meanCpu({ measurements }: ServerReport, names: readonly string[]): number {
  const measured = measurements.filter(({ name }) => names.includes(name));
  return measured.reduce((sum, { cpuMicrosPerRequest }) => sum + cpuMicrosPerRequest, 0) / measured.length;
}

function contentionLine({ quiet, busy, keyPairs }: Contention): string {
  const ratio = busy.p99Ms / quiet.p99Ms;
  return (
    `${CONTENTION} (${keyPairs} of them): p99 ${busy.p99Ms.toFixed(2)} ms, otherwise ${quiet.p99Ms.toFixed(2)} ms; ` +
    `ratio ${ratio.toFixed(2)}, ${verdict(ratio < targets.contention)} (< ${targets.contention})`
  );
}

function grantsLines({ plan, grants }: BenchmarkReport): string[] {
  if (plan.grants === undefined) return [];
  const { few, many } = plan.grants;
  return grants.flatMap((measured) => {
    const growth = measured.manyMicros / measured.fewMicros - 1;
    const ms = (value: number) => `${value.toFixed(1)} ms`;
    return [
      `Decision by grant, ${measured.layout}: ${measured.manyMicros.toFixed(2)} µs with ${many} grants, ${measured.fewMicros.toFixed(2)} µs with ${few}; ` +
        `${signedPercent(growth)}, ${verdict(growth <= targets.grantsGrowth)} (≤ +${targets.grantsGrowth * 100} %)`,
      `  with ${many}: the first decision ${ms(measured.firstDecisionMs)}, RevokeGrant ${ms(measured.revokeMs)}, ` +
        `the decision after it ${ms(measured.decisionAfterMs)}, destroying the key ${ms(measured.destroyKeyMs)}`,
    ];
  });
}

function signedPercent(share: number): string {
  return `${share < 0 ? '−' : '+'}${Math.abs(share * 100).toFixed(1)} %`;
}

function targetCpuMicros({ bare, primitiveCpuMicros }: KeyholdMeasurement): number {
  return targets.ratioToBare * bare.cpuMicrosPerRequest + targets.ratioToPrimitive * (primitiveCpuMicros ?? 0);
}

function ratioToBare(measured: KeyholdMeasurement): number {
  return measured.cpuMicrosPerRequest / measured.bare.cpuMicrosPerRequest;
}

function verdict(met: boolean): string {
  return met ? 'met' : 'missed';
}

const WIDTHS = [36, 12, 9, 9, 16, 10, 8, 14, 11, 8];

function row(...cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[0] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join('');
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function identityPoliciesLines({ plan, identityPolicies }: BenchmarkReport): string[] {
  if (plan.identityPolicies === undefined || identityPolicies === undefined) return [];
  const { policies, statementsEach } = plan.identityPolicies;
  const { withMicros, withoutMicros } = identityPolicies;
  const more = withMicros - withoutMicros;
  return [
    `Encrypt by a caller with ${policies} policies of ${statementsEach} statements: ${withMicros.toFixed(2)} µs, ${withoutMicros.toFixed(2)} µs without; ` +
      `${more.toFixed(2)} µs more, ${verdict(more <= targets.identityPoliciesMicros)} (≤ ${targets.identityPoliciesMicros})`,
  ];
}

function jsonIdentityPolicies({ withMicros, withoutMicros }: IdentityPoliciesMeasurement): JsonIdentityPolicies {
  return { withMicros: rounded(withMicros, 2), withoutMicros: rounded(withoutMicros, 2) };
}

/** Of all that the server does for a request, how much is for the audit trail and what is made of it. */
function auditingShare({ withMicros, withoutMicros }: AuditingMeasurement): number {
  return (withMicros - withoutMicros) / withMicros;
}

function auditingLines({ auditing }: BenchmarkReport): string[] {
  if (auditing === undefined) return [];
  const { withMicros, withoutMicros } = auditing;
  const share = auditingShare(auditing);
  return [
    `Encrypt with audit records: ${withMicros.toFixed(1)} µs, ${withoutMicros.toFixed(1)} µs without; ` +
      `${(share * 100).toFixed(1)} % of it is auditing, ${verdict(share <= targets.auditingShare)} (≤ ${targets.auditingShare * 100} %)`,
  ];
}

function jsonAuditing(auditing: AuditingMeasurement): JsonAuditing {
  const { withMicros, withoutMicros } = auditing;
  return {
    withMicros: rounded(withMicros, 2),
    withoutMicros: rounded(withoutMicros, 2),
    share: rounded(auditingShare(auditing), 3),
  };
}
