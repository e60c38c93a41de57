import { constants, createHash, type KeyObject, privateEncrypt } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../runtime/random.test-helper.ts';
import { encodePss } from './emsa-pss.ts';
import { generateKeyPair } from './key-pair.ts';
import { publicHalf } from './public-half.ts';
import {
  decryptOaep,
  encryptOaep,
  maxPlaintextBytes,
  type OaepAlgorithm,
  signDigest,
  verifyDigest,
  verifyMessage,
} from './rsa.ts';

const random = seededRandom('rsa');
const algorithms = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const;
let key: KeyObject;
beforeAll(async () => {
  key = await generateKeyPair('RSA_2048');
});

test('the longest plaintexts are those of AWS’s table', () => {
  const table = (['RSA_2048', 'RSA_3072', 'RSA_4096'] as const).map((spec) =>
    algorithms.map((algorithm) => maxPlaintextBytes(spec, algorithm)),
  );
  expect(table).toEqual([
    [214, 190],
    [342, 318],
    [470, 446],
  ]);
});

describe.each(algorithms)('%s', (algorithm) => {
  test('takes the longest plaintext, and not one byte more', async () => {
    const most = maxPlaintextBytes('RSA_2048', algorithm);
    const plaintext = random.bytes(most);
    expect(await decryptOaep(key, algorithm, encryptOaep(publicHalf(key), algorithm, plaintext))).toEqual(plaintext);
    expect(() => encryptOaep(publicHalf(key), algorithm, random.bytes(most + 1))).toThrow();
  });

  test('a ciphertext of another length, key or algorithm, a changed one and a number too large give nothing', async () => {
    const ciphertext = encryptOaep(publicHalf(key), algorithm, Buffer.from('plaintext'));
    for (const length of [0, 1, 128, 255]) {
      expect(await decryptOaep(key, algorithm, ciphertext.subarray(0, length)), `${length}`).toBeUndefined();
    }
    expect(await decryptOaep(key, algorithm, Buffer.concat([ciphertext, Buffer.alloc(1)]))).toBeUndefined();
    expect(await decryptOaep(key, algorithm, Buffer.concat([Buffer.alloc(1), ciphertext]))).toBeUndefined();
    expect(await decryptOaep(key, algorithm, random.bytes(6144))).toBeUndefined();
    expect(await decryptOaep(key, algorithm, Buffer.alloc(256, 0xff))).toBeUndefined();
    expect(await decryptOaep(key, algorithm, Buffer.alloc(256))).toBeUndefined();
    expect(await decryptOaep(await generateKeyPair('RSA_2048'), algorithm, ciphertext)).toBeUndefined();
    const other: OaepAlgorithm = algorithm === 'RSAES_OAEP_SHA_1' ? 'RSAES_OAEP_SHA_256' : 'RSAES_OAEP_SHA_1';
    expect(await decryptOaep(key, other, ciphertext)).toBeUndefined();
    for (let round = 0; round < 50; round++) {
      const changed = Buffer.from(ciphertext);
      const at = random.bytes(1).readUInt8();
      changed[at] = (changed[at] as number) ^ (1 << (round & 7));
      expect(await decryptOaep(key, algorithm, changed), `byte ${at}`).toBeUndefined();
    }
    expect((await decryptOaep(key, algorithm, ciphertext))?.toString()).toBe('plaintext');
  });
});

const digestOf = (message: Uint8Array) => createHash('sha256').update(message).digest();

test.each(['pkcs1-v1.5', 'pss'] as const)('a signature by %s without its leading zero is none', (padding) => {
  for (let round = 0; ; round++) {
    const message = Buffer.from(`message ${round}`);
    const signature = signDigest(key, padding, 'sha256', digestOf(message), random);
    if (signature[0] !== 0) continue;
    expect(verifyDigest(publicHalf(key), padding, 'sha256', digestOf(message), signature)).toBe(true);
    expect(verifyDigest(publicHalf(key), padding, 'sha256', digestOf(message), signature.subarray(1))).toBe(false);
    expect(verifyMessage(publicHalf(key), padding, 'sha256', message, signature.subarray(1))).toBe(false);
    return;
  }
});

test('a PSS signature whose encoded message has its highest bit set is none', () => {
  const message = Buffer.from('message');
  for (;;) {
    const encoded = encodePss('sha256', digestOf(message), random.bytes(32), 256);
    // So that the number stays below the modulus: Node's primes have their two highest bits set.
    if (encoded[0] !== 0) continue;
    encoded[0] = 0x80;
    const signature = privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded);
    expect(verifyDigest(publicHalf(key), 'pss', 'sha256', digestOf(message), signature)).toBe(false);
    expect(verifyMessage(publicHalf(key), 'pss', 'sha256', message, signature)).toBe(false);
    return;
  }
});

test('a PKCS #1 v1.5 signature over anything but the DigestInfo of this hash is none', () => {
  const message = Buffer.from('message');
  const digest = digestOf(message);
  const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const isValid = (...signed: readonly Buffer[]) => {
    const padding = constants.RSA_PKCS1_PADDING;
    const signature = privateEncrypt({ key, padding }, Buffer.concat(signed));
    const valid = verifyDigest(publicHalf(key), 'pkcs1-v1.5', 'sha256', digest, signature);
    expect(verifyMessage(publicHalf(key), 'pkcs1-v1.5', 'sha256', message, signature)).toBe(valid);
    return valid;
  };
  expect(isValid(info, digest)).toBe(true);
  expect(isValid(digest), 'no DigestInfo').toBe(false);
  expect(
    isValid(Buffer.from('302f300b0609608648016503040201', 'hex'), Buffer.from('0420', 'hex'), digest),
    'no NULL',
  ).toBe(false);
  expect(isValid(Buffer.from('3031300d060960864801650304020305000420', 'hex'), digest), 'another hash').toBe(false);
  expect(isValid(info, digest, Buffer.from('00', 'hex')), 'bytes behind').toBe(false);
  expect(isValid(Buffer.from('00', 'hex'), info, digest), 'bytes in front').toBe(false);
});
