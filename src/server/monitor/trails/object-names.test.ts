import { expect, test } from 'vitest';
import { digestName, fileOf, isBucketName, isKeyPrefix, logFileName } from './object-names.ts';
import { trailRecord } from './trail.test-helper.ts';

const MOMENT = Date.UTC(2026, 10, 26, 17, 5, 9, 999);

test('a log file is called as AWS calls it', () => {
  const name = logFileName(trailRecord(), 'us-east-2', MOMENT, 'Mu0KsOhtH1ar15ZZ');
  expect(name).toEqual({
    bucket: 'our-bucket',
    key: 'AWSLogs/111122223333/CloudTrail/us-east-2/2026/11/26/111122223333_CloudTrail_us-east-2_20261126T1705Z_Mu0KsOhtH1ar15ZZ.json.gz',
  });
  expect(fileOf(name)).toBe('111122223333_CloudTrail_us-east-2_20261126T1705Z_Mu0KsOhtH1ar15ZZ.json.gz');
});

test('a digest file is called as the validator of the AWS CLI puts it together', () => {
  const trail = trailRecord({ keyPrefix: 'a/b' });
  expect(digestName(trail, 'us-east-2', MOMENT).key).toBe(
    'a/b/AWSLogs/111122223333/CloudTrail-Digest/us-east-2/2026/11/26/111122223333_CloudTrail-Digest_us-east-2_everything_eu-central-1_20261126T170509Z.json.gz',
  );
});

test.each(['abc', 'a.b-c', '0-9', 'a'.repeat(63)])('%s can be a bucket', (bucket) => {
  expect(isBucketName(bucket)).toBe(true);
});

test.each([
  '',
  'ab',
  '..',
  '.ab',
  'ab.',
  'a..b',
  'a/b',
  'a\\b',
  'A-bucket',
  '.incomplete',
  'a\0b',
  'a'.repeat(64),
  'abc\n',
])('%j cannot be a bucket', (bucket) => {
  expect(isBucketName(bucket)).toBe(false);
});

test.each(['a', 'a/b', "it's (all) fine!", 'ünï', 'a'.repeat(200)])('%s can be a prefix', (prefix) => {
  expect(isKeyPrefix(prefix)).toBe(true);
});

test.each([
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  'a/../b',
  'a/.hidden',
  'a\\b',
  'a\0',
  'a\nb',
  '\ud800',
  'ü'.repeat(128),
  'a'.repeat(201),
])('%j cannot be a prefix', (prefix) => {
  expect(isKeyPrefix(prefix)).toBe(false);
});
