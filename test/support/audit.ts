import { join } from 'node:path';
import { expect } from 'vitest';
import type { AuditRecord } from '../../src/audit/record.ts';
import { verifyAuditDirectory } from '../../src/audit/verify.ts';
import type { TestServer } from './server.ts';

/** What a server has recorded so far, stream by stream. */
export async function auditRecordsOf(server: TestServer): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  await verifyAuditDirectory(join(server.dataDir, 'audit'), (record) => records.push(record));
  return records;
}

/** What one stream of a data directory holds, all of whose streams must be intact. */
export async function streamOf(dataDir: string, name: string): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  const verdicts = await verifyAuditDirectory(join(dataDir, 'audit'), (record, stream) => {
    if (stream === name) records.push(record);
  });
  for (const { problem } of verdicts) expect(problem).toBeUndefined();
  return records;
}
