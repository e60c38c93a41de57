import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replayRandom } from '../../runtime/random.test-helper.ts';
import { systemRandom } from '../../runtime/random.ts';
import { createRootKeyFile, openRootKeyFile } from './file-root-key.ts';

const random = systemRandom();
const identity = Buffer.from('identity');
const domainKey = Buffer.alloc(32, 0x44);

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyhold-root-key-'));
  path = join(directory, 'root.key');
});

afterEach(() => rmSync(directory, { recursive: true }));

test('is one line of text that only its owner can read', () => {
  createRootKeyFile(path, replayRandom(Buffer.alloc(32, 0xfb)));
  expect(readFileSync(path, 'utf8')).toBe(`keyhold-root-key-v1 ${Buffer.alloc(32, 0xfb).toString('base64')}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('is never made in place of another, which would orphan everything under it', () => {
  createRootKeyFile(path, random);
  const first = readFileSync(path);
  expect(() => createRootKeyFile(path, random)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(readFileSync(path)).toEqual(first);
});

test('unwraps what it wrapped, also once it has been opened again', async () => {
  createRootKeyFile(path, random);
  const wrapped = await openRootKeyFile(path, random).wrap(domainKey, identity);
  expect(Buffer.from(wrapped).includes(domainKey)).toBe(false);
  expect(await openRootKeyFile(path, random).unwrap(wrapped, identity)).toEqual(domainKey);
});

test('refuses what another root key wrapped, what was changed, and what belongs elsewhere', async () => {
  createRootKeyFile(path, random);
  const otherPath = join(directory, 'other.key');
  createRootKeyFile(otherPath, random);
  const rootKey = openRootKeyFile(path, random);
  const wrapped = Buffer.from(await rootKey.wrap(domainKey, identity));
  const wrongRootKey = expect.objectContaining({ code: 'WrongRootKey' });
  await expect(openRootKeyFile(otherPath, random).unwrap(wrapped, identity)).rejects.toThrow(wrongRootKey);
  await expect(rootKey.unwrap(wrapped, Buffer.from('another'))).rejects.toThrow(wrongRootKey);
  await expect(rootKey.unwrap(wrapped.subarray(0, -1), identity)).rejects.toThrow(wrongRootKey);
  await expect(rootKey.unwrap(Buffer.alloc(0), identity)).rejects.toThrow(wrongRootKey);
  const changed = Buffer.from(wrapped);
  changed[20] = (changed[20] as number) ^ 1;
  await expect(rootKey.unwrap(changed, identity)).rejects.toThrow(wrongRootKey);
});

test('is opened with or without its line feed', () => {
  writeFileSync(path, `keyhold-root-key-v1 ${Buffer.alloc(32, 1).toString('base64')}`, { mode: 0o600 });
  expect(() => openRootKeyFile(path, random)).not.toThrow();
});

const good = Buffer.alloc(32, 0xfb).toString('base64');

test.each([
  ['empty', ''],
  ['of another format', `keyhold-root-key-v2 ${good}\n`],
  ['without its prefix', `${good}\n`],
  ['a key of 31 bytes', `keyhold-root-key-v1 ${Buffer.alloc(31, 1).toString('base64')}\n`],
  ['a key of 33 bytes', `keyhold-root-key-v1 ${Buffer.alloc(33, 1).toString('base64')}\n`],
  ['without its padding', `keyhold-root-key-v1 ${good.replace('=', '')}\n`],
  ['in the other alphabet of base64', `keyhold-root-key-v1 ${Buffer.alloc(32, 0xfb).toString('base64url')}=\n`],
  ['with a blank inside', `keyhold-root-key-v1 ${good.slice(0, 8)} ${good.slice(8)}\n`],
  ['with a letter too many', `keyhold-root-key-v1 ${good}A\n`],
  ['two of them', `keyhold-root-key-v1 ${good}\nkeyhold-root-key-v1 ${good}\n`],
])('a file that is %s is refused, and its content not quoted', (_, content) => {
  writeFileSync(path, content, { mode: 0o600 });
  let message = '';
  try {
    openRootKeyFile(path, random);
  } catch (error) {
    expect(error).toMatchObject({ code: 'StartupRefused' });
    message = (error as Error).message;
  }
  expect(message).toBe(`${path} is not a Keyhold root key file`);
});

test.skipIf(process.platform === 'win32').each(['640', '604', '660', '610', '644', '602'])(
  'a file of mode %s is refused with the command that mends it',
  (mode) => {
    createRootKeyFile(path, random);
    chmodSync(path, Number.parseInt(mode, 8));
    expect(() => openRootKeyFile(path, random)).toThrow(
      expect.objectContaining({ code: 'StartupRefused', message: expect.stringContaining(`chmod 600 ${path}`) }),
    );
  },
);

test('a file that its owner made read-only is taken', () => {
  createRootKeyFile(path, random);
  chmodSync(path, 0o400);
  expect(() => openRootKeyFile(path, random)).not.toThrow();
});

test('a missing file and a directory in its place are refused', () => {
  expect(() => openRootKeyFile(path, random)).toThrow(expect.objectContaining({ code: 'StartupRefused' }));
  expect(() => openRootKeyFile(directory, random)).toThrow(expect.objectContaining({ code: 'StartupRefused' }));
});
