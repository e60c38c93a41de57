import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { vi } from 'vitest';
import type { AuditRecord } from '../../src/audit/record.ts';
import { objectsOf } from './s3-directory.ts';
import type { TestServer } from './server.ts';

/** What trails have delivered, as whoever has the bucket reads it. */

export function cloudTrailOf(server: TestServer, region = 'us-east-1'): CloudTrailClient {
  const { url: endpoint, credentials } = server;
  return new CloudTrailClient({ endpoint, region, credentials, maxAttempts: 1 });
}

export function trailDirOf(server: TestServer): string {
  return join(server.dataDir, 'trails');
}

export function readObject(trailDir: string, bucket: string, key: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(join(trailDir, bucket, key))).toString('utf8'));
}

export const isDigest = (key: string): boolean => key.includes('/CloudTrail-Digest/');

export function logFilesOf(trailDir: string, bucket: string): string[] {
  return objectsOf(trailDir, bucket).filter((key) => !isDigest(key));
}

export function digestsOf(trailDir: string, bucket: string): string[] {
  return objectsOf(trailDir, bucket).filter(isDigest);
}

export interface Digest {
  readonly digestStartTime: string;
  readonly digestEndTime: string;
  readonly previousDigestS3Object: string | null;
  readonly previousDigestSignature: string | null;
  readonly newestEventTime: string | null;
  readonly logFiles: readonly { readonly s3Object: string }[];
}

export function digestAt(trailDir: string, bucket: string, key: string): Digest {
  return readObject(trailDir, bucket, key) as Digest;
}

export function recordsIn(trailDir: string, bucket: string): AuditRecord[] {
  return logFilesOf(trailDir, bucket).flatMap(
    (key) => (readObject(trailDir, bucket, key) as { Records: AuditRecord[] }).Records,
  );
}

/** Whether each log file is in a digest. */
export function areAllDigested(trailDir: string, bucket: string): boolean {
  const digested = new Set(
    digestsOf(trailDir, bucket).flatMap((key) => digestAt(trailDir, bucket, key).logFiles.map((file) => file.s3Object)),
  );
  return logFilesOf(trailDir, bucket).every((key) => digested.has(key));
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: 60_000, interval: 50 });
}
