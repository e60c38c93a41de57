import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bucketDirectory, checkTrailDir } from './bucket-directory.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'keyhold-buckets-'));
});
afterEach(() => rmSync(base, { recursive: true }));

const root = (): string => join(base, 'trails');
const name = { bucket: 'our-bucket', key: 'in/AWSLogs/111122223333/CloudTrail/111122223333_CloudTrail_x.json.gz' };

test('a start is refused where the directory of the buckets is something else, or below it', () => {
  checkTrailDir(root());
  const file = join(base, 'file');
  writeFileSync(file, '');
  expect(() => checkTrailDir(file)).toThrow(`--trail-dir ${file} is not a directory`);
  expect(() => checkTrailDir(join(file, 'trails'))).toThrow('--trail-dir');
  mkdirSync(root());
  symlinkSync(root(), join(base, 'link'));
  checkTrailDir(join(base, 'link'));
});

async function write(object: typeof name, text: string): Promise<void> {
  const file = bucketDirectory(root()).openIncomplete(object);
  file.end(text);
  await finished(file);
}

test('an object is there once it is placed, and whole', async () => {
  const buckets = bucketDirectory(root());
  await write(name, 'all of it');
  expect(() => statSync(join(root(), name.bucket, name.key))).toThrow('ENOENT');
  expect(buckets.isIncomplete(name)).toBe(true);
  buckets.place(name);
  // Again, as after a crash.
  buckets.place(name);
  expect(readFileSync(join(root(), name.bucket, name.key), 'utf8')).toBe('all of it');
  expect(statSync(join(root(), name.bucket, name.key)).mode & 0o777).toBe(0o600);
  expect(statSync(join(root(), name.bucket, 'in')).mode & 0o777).toBe(0o700);
  expect(buckets.isIncomplete(name)).toBe(false);
});

test('what a crash left is swept away, but for what is wanted, and what is of another account', async () => {
  const file = (account: string, mark: string) => `${account}_CloudTrail_${mark}.json.gz`;
  const files = [file('111122223333', 'lost'), file('111122223333', 'wanted'), file('444455556666', 'theirs')];
  for (const each of files) await write({ ...name, key: each }, 'x');
  bucketDirectory(root()).sweep(name.bucket, '111122223333', (each) => each.includes('wanted'));
  expect(readdirSync(join(root(), name.bucket, '.incomplete'))).toEqual(files.slice(1));
  bucketDirectory(root()).sweep('no-such-bucket', '111122223333', () => false);
  expect(readdirSync(root())).toEqual([name.bucket]);
});

test('metadata is beside an object, under a name that is none of an object', () => {
  bucketDirectory(root()).put({ bucket: 'our-bucket', key: 'a/b.json.gz' }, Buffer.from('content'), {
    signature: 'ab',
  });
  expect(readdirSync(join(root(), 'our-bucket', 'a')).sort()).toEqual(['.b.json.gz.metadata', 'b.json.gz']);
  expect(readFileSync(join(root(), 'our-bucket', 'a', '.b.json.gz.metadata'), 'utf8')).toBe('{"signature":"ab"}\n');
});

test.each([
  { bucket: '..', key: 'a' },
  { bucket: '../other', key: 'a' },
  { bucket: 'our-bucket', key: '../a' },
  { bucket: 'our-bucket', key: 'a/../../b' },
  { bucket: 'our-bucket', key: '/a' },
  { bucket: 'our-bucket', key: '.incomplete/a' },
  { bucket: 'our-bucket', key: 'a\0' },
])('$bucket/$key becomes no path', (odd) => {
  const buckets = bucketDirectory(root());
  const refused = expect.objectContaining({ code: 'EINVAL' });
  expect(() => buckets.openIncomplete(odd)).toThrow(refused);
  expect(() => buckets.put(odd, Buffer.from(''), {})).toThrow(refused);
  expect(() => buckets.place(odd)).toThrow(refused);
  expect(readdirSync(base)).toEqual([]);
});

test('a link on the way is not followed', async () => {
  const elsewhere = join(base, 'elsewhere');
  mkdirSync(elsewhere);
  mkdirSync(join(root(), 'our-bucket'), { recursive: true });
  symlinkSync(elsewhere, join(root(), 'our-bucket', 'in'));
  symlinkSync(elsewhere, join(root(), 'linked-bucket'));
  const buckets = bucketDirectory(root());
  const refused = expect.objectContaining({ code: 'ENOTDIR' });
  expect(() => buckets.put(name, Buffer.from(''), {})).toThrow(refused);
  expect(() => buckets.openIncomplete({ ...name, bucket: 'linked-bucket' })).toThrow(refused);
  await write(name, 'x');
  expect(() => buckets.place(name)).toThrow(refused);
  expect(readdirSync(elsewhere)).toEqual([]);
});

test('a file in the place of a directory is left alone', () => {
  mkdirSync(root());
  writeFileSync(join(root(), 'our-bucket'), 'mine');
  expect(() => bucketDirectory(root()).openIncomplete(name)).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  expect(readFileSync(join(root(), 'our-bucket'), 'utf8')).toBe('mine');
});
