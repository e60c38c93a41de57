import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openFileTrail } from '../../audit/file-trail.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import { kmsOperations } from '../../services/kms/index.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import { type FamilyName, families, MOST_ACCOUNTS } from './catalogue.ts';
import { exposition } from './exposition.ts';
import { accountNumbers, accountOf, cellsOf, type MetricsMemory, metricsMemory, totalsOf } from './memory.ts';
import { type Answered, type WorkerMetrics, workerMetrics } from './worker-metrics.ts';

const watching: WorkerMetrics[] = [];
afterEach(() => {
  for (const metrics of watching.splice(0)) metrics.stop();
});

function worker(memory: MetricsMemory, slot: number): WorkerMetrics {
  const metrics = workerMetrics(memory, slot);
  watching.push(metrics);
  return metrics;
}

const linesOf = async (memory: MetricsMemory, accept = '') =>
  (await exposition(memory, { now: () => 0 }).write(accept)).body.split('\n');

const success: Answered = {
  service: 'kms',
  operation: kmsOperations.get('Encrypt'),
  accountId: '111122223333',
  code: undefined,
  error: undefined,
  seconds: 0.0002,
};

test('what every worker counted is summed up, whoever is asked', async () => {
  const memory = metricsMemory(3);
  for (const slot of [0, 1, 1, 2]) worker(memory, slot).answered(success);
  const lines = await linesOf(memory);
  expect(lines).toContain('keyhold_requests_total{service="kms",operation="Encrypt",result="success",error=""} 4');
  expect(lines).toContain('keyhold_account_requests_total{account="111122223333",service="kms",result="success"} 4');
});

test('a worker that is started anew goes on counting where the dead one was, but has no queue of its', async () => {
  const memory = metricsMemory(1);
  worker(memory, 0).answered(success);
  cellsOf(memory, 0, 'auditQueue').set(0, 17);
  const restarted = worker(memory, 0);
  restarted.ofTrail({ append: async () => {}, close: async () => {} });
  restarted.answered(success);
  const lines = await linesOf(memory);
  expect(lines).toContain('keyhold_requests_total{service="kms",operation="Encrypt",result="success",error=""} 2');
  expect(lines).toContain('keyhold_audit_queue_records 0');
});

test('the buckets of a histogram count all that was no slower than their bound', async () => {
  const memory = metricsMemory(1);
  const metrics = worker(memory, 0);
  for (const seconds of [0.0001, 0.0002, 0.4, 60]) metrics.answered({ ...success, seconds });
  const labels = 'service="kms",class="cryptographic"';
  const lines = await linesOf(memory);
  for (const [le, count] of [
    ['0.0001', 1],
    ['0.00025', 2],
    ['0.25', 2],
    ['0.5', 3],
    ['10', 3],
    ['+Inf', 4],
  ]) {
    expect(lines).toContain(`keyhold_request_duration_seconds_bucket{${labels},le="${le}"} ${count}`);
  }
  expect(lines).toContain(`keyhold_request_duration_seconds_sum{${labels}} 60.4003`);
  expect(lines).toContain(`keyhold_request_duration_seconds_count{${labels}} 4`);
});

test('no more accounts than there is room for have series of their own, in every thread the same', async () => {
  const memory = metricsMemory(2);
  const [one, two] = [accountNumbers(memory), accountNumbers(memory)];
  const ids = Array.from({ length: 3 * MOST_ACCOUNTS }, (_, at) => String(at).padStart(12, '0'));
  const given = ids.map((id) => one(id));
  expect(given.slice(0, MOST_ACCOUNTS)).toEqual(Array.from({ length: MOST_ACCOUNTS }, (_, at) => at));
  expect(new Set(given.slice(MOST_ACCOUNTS))).toEqual(new Set([undefined]));
  expect(ids.toReversed().map((id) => two(id))).toEqual(given.toReversed());
  expect(accountOf(memory, 0)).toBe('000000000000');

  const metrics = worker(memory, 0);
  for (const accountId of ids) metrics.answered({ ...success, accountId });
  const series = (await linesOf(memory)).filter((line) => line.startsWith('keyhold_account_requests_total'));
  expect(series).toHaveLength(MOST_ACCOUNTS + 1);
  expect(series).toContain(
    `keyhold_account_requests_total{account="other",service="kms",result="success"} ${2 * MOST_ACCOUNTS}`,
  );
});

test('no two figures share a cell', () => {
  const memory = metricsMemory(2);
  const names = Object.keys(families) as FamilyName[];
  for (const [at, name] of names.entries()) {
    const cells = cellsOf(memory, 1, name);
    for (let cell = 0; cell < totalsOf(memory, name).length; cell++) cells.set(cell, at + 1);
  }
  for (const [at, name] of names.entries()) {
    expect(
      totalsOf(memory, name).every((value) => value === at + 1),
      name,
    ).toBe(true);
  }
});

test('all series of a family have labels of their own', () => {
  for (const family of Object.values(families)) {
    const shown = Array.from({ length: family.size }, (_, series) => family.labels(series, (number) => `${number}`));
    const texts = shown.filter((labels) => labels !== undefined).map((labels) => JSON.stringify(labels));
    expect(new Set(texts).size, family.name).toBe(texts.length);
  }
});

test('audit records that are written, that wait and that cannot be written are counted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-test-'));
  try {
    const memory = metricsMemory(1);
    const trail = worker(memory, 0).ofTrail(openFileTrail({ directory, stream: 'w0' }));
    const written = [trail.append('{}'), trail.append('{}'), trail.append('{}')];
    expect(await linesOf(memory)).toContain('keyhold_audit_queue_records 3');
    await Promise.all(written);
    await trail.close();
    await expect(trail.append('{}')).rejects.toThrow(KeyholdError);
    const lines = await linesOf(memory);
    expect(lines).toContain('keyhold_audit_records_total 3');
    expect(lines).toContain('keyhold_audit_failures_total 1');
    expect(lines).toContain('keyhold_audit_queue_records 0');
    // The three went out in one write.
    expect(lines).toContain('keyhold_audit_write_duration_seconds_count 2');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('transactions are timed, and those that the store cannot do are counted apart from those that are refused', async () => {
  const memory = metricsMemory(1);
  const store = worker(memory, 0).ofStore(sealedMemoryStore());
  await store.transact(async () => {});
  await expect(store.transact(() => Promise.reject(new KeyholdError('AccessDeniedException')))).rejects.toThrow();
  await store.close();
  await expect(store.transact(async () => {})).rejects.toMatchObject({ code: 'StoreUnavailable' });
  const lines = await linesOf(memory);
  expect(lines).toContain('keyhold_store_transaction_duration_seconds_count 3');
  expect(lines).toContain('keyhold_store_failures_total 1');
});

test('a refusal is counted by its class and, without a decision, as a denial for another reason', async () => {
  const memory = metricsMemory(1);
  const metrics = worker(memory, 0);
  const refuse = (code: NonNullable<Answered['code']>, error: unknown = new KeyholdError(code)) =>
    metrics.answered({ ...success, code, error });
  refuse('NotFoundException');
  refuse('ThrottlingException');
  refuse('KMSInternalException', new Error('unforeseen'));
  refuse('AccessDeniedException');
  const lines = await linesOf(memory);
  for (const [result, error] of [
    ['client_error', 'NotFoundException'],
    ['throttled', 'ThrottlingException'],
    ['server_error', 'KMSInternalException'],
    ['denied', 'AccessDeniedException'],
  ]) {
    expect(lines).toContain(
      `keyhold_requests_total{service="kms",operation="Encrypt",result="${result}",error="${error}"} 1`,
    );
  }
  expect(lines).toContain('keyhold_server_errors_total{service="kms"} 1');
  expect(lines).toContain('keyhold_authorization_denials_total{reason="other",grants="not-asked"} 1');
});

test('OpenMetrics is written for who asks for it', async () => {
  const memory = metricsMemory(1);
  const lines = await linesOf(memory, 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
  expect(lines).toContain('# TYPE keyhold_audit_records counter');
  expect(lines).toContain('keyhold_audit_records_total 0');
  expect(lines.at(-2)).toBe('# EOF');
});
