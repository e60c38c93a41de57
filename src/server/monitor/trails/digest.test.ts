import { expect, test } from 'vitest';
import { contentHash, digestText, stringToSign } from './digest.ts';

const [startMs, endMs] = [Date.UTC(2026, 10, 26, 14, 1, 31), Date.UTC(2026, 10, 26, 15, 1, 31)];
const first = {
  accountId: '111122223333',
  name: { bucket: 'our-bucket', key: 'a/key' },
  startMs,
  endMs,
  fingerprint: '31e8b5433410dfb61a9dc45cc65b22ff',
  logFiles: [],
};
const file = (key: string, oldestEventTime: string, newestEventTime: string) => ({
  bucket: 'our-bucket',
  key,
  hash: 'aa',
  oldestEventTime,
  newestEventTime,
});

test('the first digest of a chain says null of the one before it, and of events where there are none', () => {
  expect(JSON.parse(digestText(first))).toEqual({
    awsAccountId: '111122223333',
    digestStartTime: '2026-11-26T14:01:31Z',
    digestEndTime: '2026-11-26T15:01:31Z',
    digestS3Bucket: 'our-bucket',
    digestS3Object: 'a/key',
    digestPublicKeyFingerprint: '31e8b5433410dfb61a9dc45cc65b22ff',
    digestSignatureAlgorithm: 'SHA256withRSA',
    newestEventTime: null,
    oldestEventTime: null,
    previousDigestS3Bucket: null,
    previousDigestS3Object: null,
    previousDigestHashValue: null,
    previousDigestHashAlgorithm: null,
    previousDigestSignature: null,
    logFiles: [],
  });
  const text = digestText(first);
  expect(stringToSign(first, text)).toBe(`2026-11-26T15:01:31Z\nour-bucket/a/key\n${contentHash(text)}\nnull`);
});

test('a later one names the one before it, and signs its signature along', () => {
  const facts = {
    ...first,
    previous: { bucket: 'old-bucket', key: 'b/key', hash: 'bb', signature: 'cc' },
    logFiles: [
      file('one', '2026-11-26T14:30:00Z', '2026-11-26T14:40:00Z'),
      file('two', '2026-11-26T14:20:00Z', '2026-11-26T14:35:00Z'),
    ],
  };
  const text = digestText(facts);
  expect(JSON.parse(text)).toMatchObject({
    oldestEventTime: '2026-11-26T14:20:00Z',
    newestEventTime: '2026-11-26T14:40:00Z',
    previousDigestS3Bucket: 'old-bucket',
    previousDigestS3Object: 'b/key',
    previousDigestHashValue: 'bb',
    previousDigestHashAlgorithm: 'SHA-256',
    previousDigestSignature: 'cc',
    logFiles: [
      {
        s3Bucket: 'our-bucket',
        s3Object: 'one',
        hashValue: 'aa',
        hashAlgorithm: 'SHA-256',
        newestEventTime: '2026-11-26T14:40:00Z',
        oldestEventTime: '2026-11-26T14:30:00Z',
      },
      expect.objectContaining({ s3Object: 'two' }),
    ],
  });
  expect(stringToSign(facts, text).split('\n')).toEqual([
    '2026-11-26T15:01:31Z',
    'our-bucket/a/key',
    contentHash(text),
    'cc',
  ]);
});
