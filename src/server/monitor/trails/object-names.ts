import type { Random } from '../../../runtime/random.ts';
import type { TrailRecord } from '../../../services/cloudtrail/records.ts';

/**
 * What log files and digest files are called ("CloudTrail log file name format" and "CloudTrail digest file structure", AWS
 * CloudTrail user guide). Names of objects become paths below `--trail-dir`, so whatever a caller had a say in is looked at
 * here once more, however it came into the store.
 */

/** Where an object is: a name that the validator of the AWS CLI, too, puts together so. */
export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

/** Letters, digits, hyphens and single dots between them ("Bucket naming rules", Amazon S3 user guide). */
const BUCKET = /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/;

export function isBucketName(bucket: string): boolean {
  return BUCKET.test(bucket);
}

export function isRegionName(region: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(region);
}

const MOST_PREFIX_CHARACTERS = 200;
const MOST_SEGMENT_BYTES = 255;

/**
 * Whether each part of a prefix can be the name of a directory, and of nothing but one. Names that begin with a dot are none
 * of objects: `bucket-directory.ts`.
 */
export function isKeyPrefix(prefix: string): boolean {
  return prefix.length <= MOST_PREFIX_CHARACTERS && prefix.split('/').every(isSegment);
}

function isSegment(segment: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  const isOdd = /^\.|[\u0000-\u001f\u007f\\]/.test(segment);
  return segment !== '' && !isOdd && segment.isWellFormed() && Buffer.byteLength(segment) <= MOST_SEGMENT_BYTES;
}

/** @param unique {@link uniqueString} */
export function logFileName(trail: TrailRecord, region: string, nowMs: number, unique: string): ObjectName {
  refuseOdd(trail, region);
  const minute = `${compact(nowMs).slice(0, 13)}Z`;
  const file = `${trail.accountId}_CloudTrail_${region}_${minute}_${unique}.json.gz`;
  return named(trail, `AWSLogs/${trail.accountId}/CloudTrail/${region}/${day(nowMs)}/${file}`);
}

export function digestName(trail: TrailRecord, region: string, endMs: number): ObjectName {
  refuseOdd(trail, region);
  const { accountId, name, homeRegion } = trail;
  const file = `${accountId}_CloudTrail-Digest_${region}_${name}_${homeRegion}_${compact(endMs)}.json.gz`;
  return named(trail, `AWSLogs/${accountId}/CloudTrail-Digest/${region}/${day(endMs)}/${file}`);
}

/** Sixteen letters and digits, each as likely as the other. */
export function uniqueString(random: Random): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  let text = '';
  while (text.length < 16) {
    for (const byte of random.bytes(16)) if (byte < 248 && text.length < 16) text += alphabet[byte % 62];
  }
  return text;
}

/** Throws. CreateTrail has looked at all of it, and authentication at the Region; nothing becomes a path on their word alone. */
function refuseOdd({ accountId, homeRegion, name, bucketName, keyPrefix = '' }: TrailRecord, region: string): void {
  const isPlain =
    /^\d{12}$/.test(accountId) &&
    [homeRegion, region].every((each) => isRegionName(each)) &&
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name) &&
    isBucketName(bucketName) &&
    (keyPrefix === '' || isKeyPrefix(keyPrefix));
  if (!isPlain) throw Object.assign(new Error('a bucket, prefix or name that cannot be a path'), { code: 'EINVAL' });
}

function named({ bucketName, keyPrefix }: TrailRecord, key: string): ObjectName {
  return { bucket: bucketName, key: keyPrefix === undefined || keyPrefix === '' ? key : `${keyPrefix}/${key}` };
}

/** `20261126T174503Z` */
function compact(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** `2026/11/26` */
function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).replaceAll('-', '/');
}

/** The last part of a key. */
export function fileOf({ key }: ObjectName): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
