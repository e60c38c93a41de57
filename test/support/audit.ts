import { join } from 'node:path';
import type { AuditRecord } from '../../src/audit/record.ts';
import { verifyAuditDirectory } from '../../src/audit/verify.ts';
import type { TestServer } from './server.ts';

/** What a server has recorded so far, stream by stream. */
export async function auditRecordsOf(server: TestServer): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  await verifyAuditDirectory(join(server.dataDir, 'audit'), (record) => records.push(record));
  return records;
}
