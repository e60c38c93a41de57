import { hash } from 'node:crypto';
import { isoSeconds } from '../../../runtime/iso-seconds.ts';
import type { DigestLink, LogFile } from './delivery-record.ts';
import type { ObjectName } from './object-names.ts';

/**
 * What a digest file says, and what of it is signed ("CloudTrail digest file structure" and "Custom implementations of
 * CloudTrail log file integrity validation", AWS CloudTrail user guide).
 */
export interface DigestFacts {
  readonly accountId: string;
  readonly name: ObjectName;
  readonly startMs: number;
  readonly endMs: number;
  readonly fingerprint: string;
  /** The digest before it; absent in the first of a chain. */
  readonly previous?: DigestLink;
  readonly logFiles: readonly LogFile[];
}

export function digestText(facts: DigestFacts): string {
  const { accountId, name, startMs, endMs, fingerprint, previous, logFiles } = facts;
  return JSON.stringify({
    awsAccountId: accountId,
    digestStartTime: isoSeconds(startMs),
    digestEndTime: isoSeconds(endMs),
    digestS3Bucket: name.bucket,
    digestS3Object: name.key,
    digestPublicKeyFingerprint: fingerprint,
    digestSignatureAlgorithm: 'SHA256withRSA',
    newestEventTime: extreme(logFiles, ({ newestEventTime }) => newestEventTime, 1),
    oldestEventTime: extreme(logFiles, ({ oldestEventTime }) => oldestEventTime, -1),
    previousDigestS3Bucket: previous?.bucket ?? null,
    previousDigestS3Object: previous?.key ?? null,
    previousDigestHashValue: previous?.hash ?? null,
    previousDigestHashAlgorithm: previous === undefined ? null : 'SHA-256',
    previousDigestSignature: previous?.signature ?? null,
    logFiles: logFiles.map(({ bucket, key, hash: hashValue, newestEventTime, oldestEventTime }) => ({
      s3Bucket: bucket,
      s3Object: key,
      hashValue,
      hashAlgorithm: 'SHA-256',
      newestEventTime,
      oldestEventTime,
    })),
  });
}

/** Times in ISO 8601 sort as text. */
function extreme(files: readonly LogFile[], of: (file: LogFile) => string, sign: 1 | -1): string | null {
  const [first, ...rest] = files.map(of);
  if (first === undefined) return null;
  return rest.reduce((a, b) => ((b > a ? 1 : -1) === sign ? b : a), first);
}

/** SHA-256 of what a file holds before it is compressed, in hex: of digest files and log files alike. */
export function contentHash(text: string): string {
  return hash('sha256', text, 'hex');
}

export function stringToSign({ name, endMs, previous }: DigestFacts, text: string): string {
  // Before the first digest there is no signature, which AWS's validators take for the word.
  return [isoSeconds(endMs), `${name.bucket}/${name.key}`, contentHash(text), previous?.signature ?? 'null'].join('\n');
}
