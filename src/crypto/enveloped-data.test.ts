import { spawnSync } from 'node:child_process';
import {
  constants,
  createDecipheriv,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
} from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContentInfo, EnvelopedData } from '@peculiar/asn1-cms';
import { AsnConvert } from '@peculiar/asn1-schema';
import { afterAll, describe, expect, test } from 'vitest';
import { replayRandom, seededRandom } from '../runtime/random.test-helper.ts';
import type { Random } from '../runtime/random.ts';
import { envelopedData } from './enveloped-data.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const random = () => seededRandom('enveloped data');
const content = (length: number) => seededRandom(`content of ${length} bytes`).bytes(length);
const sizes = [0, 1, 15, 16, 17, 32, 1000, 1024, 4096, 10_000];

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('OpenSSL (skipped where there is no command)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-enveloped-data-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const keyPath = join(directory, 'key.pem');

  function openWithOpenssl(envelope: Buffer, keyPem: string | Buffer): Buffer {
    writeFileSync(keyPath, keyPem);
    const { status, stdout, stderr } = spawnSync(
      'openssl',
      ['cms', '-decrypt', '-binary', '-inform', 'DER', '-inkey', keyPath],
      { input: envelope },
    );
    if (status !== 0) throw new Error(`openssl did not open it: ${stderr}`);
    return stdout;
  }

  test.each(sizes)('opens what was enveloped: %i bytes', (length) => {
    const envelope = envelopedData(publicKey, content(length), random());
    expect(openWithOpenssl(envelope, privateKey.export({ format: 'pem', type: 'pkcs8' }))).toEqual(content(length));
  });

  test.each([3072, 4096])('opens it with a key of %i bits', (modulusLength) => {
    const pair = generateKeyPairSync('rsa', { modulusLength });
    const envelope = envelopedData(pair.publicKey, content(32), random());
    expect(openWithOpenssl(envelope, pair.privateKey.export({ format: 'pem', type: 'pkcs8' }))).toEqual(content(32));
  });

  test('does not open it with another key', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const envelope = envelopedData(publicKey, content(32), random());
    expect(() => openWithOpenssl(envelope, other.export({ format: 'pem', type: 'pkcs8' }))).toThrow('openssl did not');
  });
});

/** Walks through the one shape there is, as the enclave's SDK does: any other byte than expected fails. */
function openByShape(envelope: Buffer): Buffer {
  let at = 0;
  const take = (length: number) => {
    at += length;
    return envelope.subarray(at - length, at);
  };
  const expectBytes = (hex: string) => expect(take(hex.length / 2).toString('hex')).toBe(hex);
  /** What a DER length says that is in one byte, in two or in three. */
  const length = () => {
    const first = take(1).readUInt8();
    return first < 0x80 ? first : take(first & 0x7f).readUIntBE(0, first & 0x7f);
  };
  expectBytes('308006092a864886f70d010703a0803080020102');
  expectBytes('31');
  length();
  expectBytes('30');
  length();
  expectBytes('0201028020');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  expectBytes(createHash('sha256').update(spki).digest('hex'));
  expectBytes('303c06092a864886f70d010107302fa00f300d06096086480165030402010500');
  expectBytes('a11c301a06092a864886f70d010108300d06096086480165030402010500');
  expectBytes('04820100');
  const encryptedKey = take(256);
  expectBytes('308006092a864886f70d010701301d060960864801650304012a0410');
  const iv = take(16);
  expectBytes('a08004');
  const encrypted = take(length());
  expectBytes('00000000000000000000');
  expect(at).toBe(envelope.length);

  const contentKey = privateDecrypt(
    { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    encryptedKey,
  );
  const decipher = createDecipheriv('aes-256-cbc', contentKey, iv);
  return Buffer.concat([decipher.update(encrypted), decipher.final()]);
}

test.each(sizes)('an envelope has the bytes of AWS’s, all but the random ones: %i bytes', (length) => {
  expect(openByShape(envelopedData(publicKey, content(length), random()))).toEqual(content(length));
});

test('a decoder of CMS finds one recipient, named by the hash of its key', () => {
  const envelope = envelopedData(publicKey, content(32), random());
  const { encryptedContentInfo, recipientInfos, version } = AsnConvert.parse(
    AsnConvert.parse(envelope, ContentInfo).content,
    EnvelopedData,
  );
  expect(version).toBe(2);
  expect(encryptedContentInfo.encryptedContent?.constructedValue).toHaveLength(1);
  expect(recipientInfos).toHaveLength(1);
  expect(recipientInfos[0]?.ktri?.rid.subjectKeyIdentifier?.byteLength).toBe(32);
});

test('content key and IV are drawn anew for each envelope, and the key is wiped', () => {
  const drawn: Buffer[] = [];
  const source = random();
  const watched: Random = {
    bytes(length) {
      const bytes = source.bytes(length);
      drawn.push(bytes);
      return bytes;
    },
    uuid: source.uuid,
  };
  envelopedData(publicKey, content(32), watched);
  envelopedData(publicKey, content(32), watched);
  expect(drawn.map(({ length }) => length)).toEqual([32, 16, 32, 16]);
  expect(drawn[0]).toEqual(Buffer.alloc(32));
  expect(drawn[1]).not.toEqual(drawn[3]);
});

test('the caller’s buffer stays as it was, and two envelopes of the same differ even with the same randomness', () => {
  const plaintext = content(32);
  const [key, iv] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2)];
  const one = envelopedData(publicKey, plaintext, replayRandom(key, iv));
  const two = envelopedData(publicKey, plaintext, replayRandom(key, iv));
  expect(plaintext).toEqual(content(32));
  expect(one.equals(two)).toBe(false);
  expect(openByShape(one)).toEqual(openByShape(two));
});

test('a key that came in an attestation document is named by that document’s bytes', () => {
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const received = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  expect(openByShape(envelopedData(received, content(1), random()))).toEqual(content(1));
});
