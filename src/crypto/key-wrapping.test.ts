import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { generateKeyPair } from './key-pair.ts';
import { canWrap, isWrappingAlgorithm, unwrapMaterial, type WrappingAlgorithm, wrapsIn } from './key-wrapping.ts';
import { publicHalf } from './public-half.ts';
import * as sm2 from './sm2.ts';
import { wrapMaterial, wrapPadded } from './wrap-material.test-helper.ts';

const algorithms: readonly Exclude<WrappingAlgorithm, 'SM2PKE'>[] = [
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
];
const throughAes = algorithms.filter((each) => each.startsWith('RSA_AES_'));

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = publicKey.export({ type: 'spki', format: 'der' });
const material = Buffer.from(Array.from({ length: 32 }, (_, at) => at + 1));

// RFC 5649 section 6.
const rfcKey = Buffer.from('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8', 'hex');
const rfcVectors = [
  ['c37b7e6492584340bed12207808941155068f738', '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a'],
  ['466f7250617369', 'afbeb0f07dfbf5419200f2ccb50bb24f'],
] as const;

test.each(rfcVectors)('RFC 5649 wraps %s, and it is unwrapped', async (plaintext, wrapped) => {
  expect(wrapPadded(rfcKey, Buffer.from(plaintext, 'hex')).toString('hex')).toBe(wrapped);
  const sent = wrapMaterial(spki, 'RSA_AES_KEY_WRAP_SHA_256', Buffer.from(plaintext, 'hex'), rfcKey);
  expect((await unwrapMaterial(privateKey, 'RSA_AES_KEY_WRAP_SHA_256', sent))?.toString('hex')).toBe(plaintext);
});

test.each(algorithms)(
  'what was wrapped by %s is unwrapped by it, and by no other algorithm or key',
  async (algorithm) => {
    const wrapped = wrapMaterial(spki, algorithm, material);
    expect(await unwrapMaterial(privateKey, algorithm, wrapped)).toEqual(material);
    expect(await unwrapMaterial(other.privateKey, algorithm, wrapped)).toBeUndefined();
    for (const another of algorithms) {
      if (another !== algorithm) expect(await unwrapMaterial(privateKey, another, wrapped), another).toBeUndefined();
    }
  },
);

test.each([1, 7, 8, 9, 16, 17, 2400])(
  'through AES, %d bytes come back, under AES keys of all lengths',
  async (bytes) => {
    const long = Buffer.alloc(bytes, 0x4d);
    for (const aesKeyBytes of [16, 24, 32]) {
      for (const algorithm of throughAes) {
        const wrapped = wrapMaterial(spki, algorithm, long, Buffer.alloc(aesKeyBytes, 0x0a));
        expect(await unwrapMaterial(privateKey, algorithm, wrapped)).toEqual(long);
      }
    }
  },
);

test('what is no AES key is no key to unwrap with', async () => {
  const wrapped = wrapMaterial(spki, 'RSA_AES_KEY_WRAP_SHA_256', material);
  const oaepOf = (aesKey: Uint8Array) => wrapMaterial(spki, 'RSAES_OAEP_SHA_256', aesKey);
  for (const length of [0, 1, 15, 31, 33, 64]) {
    const sent = Buffer.concat([oaepOf(Buffer.alloc(length)), wrapped.subarray(256)]);
    expect(await unwrapMaterial(privateKey, 'RSA_AES_KEY_WRAP_SHA_256', sent), `${length} bytes`).toBeUndefined();
  }
});

test.each(algorithms)('what was changed or cut on the way is refused by %s', async (algorithm) => {
  const wrapped = wrapMaterial(spki, algorithm, material);
  for (let bit = 0; bit < wrapped.length * 8; bit += 37) {
    const flipped = Buffer.from(wrapped);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(await unwrapMaterial(privateKey, algorithm, flipped), `bit ${bit}`).toBeUndefined();
  }
  for (const length of [0, 1, 255, 256, 257, 264, 271, wrapped.length - 8, wrapped.length - 1]) {
    if (length >= wrapped.length) continue;
    expect(await unwrapMaterial(privateKey, algorithm, wrapped.subarray(0, length)), `${length} bytes`).toBeUndefined();
  }
  for (const more of [1, 8]) {
    const longer = Buffer.concat([wrapped, Buffer.alloc(more)]);
    expect(await unwrapMaterial(privateKey, algorithm, longer), `${more} more`).toBeUndefined();
  }
});

test('SM2 wraps all of it by itself, and what was changed on the way is refused', async () => {
  const wrappingKey = await generateKeyPair('SM2');
  for (const bytes of [32, 1217, 2400]) {
    const wrapped = await sm2.encrypt(publicHalf(wrappingKey), Buffer.alloc(bytes, 0x4d));
    expect(await unwrapMaterial(wrappingKey, 'SM2PKE', wrapped)).toEqual(Buffer.alloc(bytes, 0x4d));
    for (let bit = 0; bit < wrapped.length * 8; bit += 397) {
      const flipped = Buffer.from(wrapped);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await unwrapMaterial(wrappingKey, 'SM2PKE', flipped), `bit ${bit}`).toBeUndefined();
    }
  }
});

test('in China there is SM2, and no way through AES', () => {
  const all = [...algorithms, 'SM2PKE'] as const;
  expect(all.filter((each) => wrapsIn(each, 'us-east-1'))).toEqual(algorithms);
  expect(all.filter((each) => wrapsIn(each, 'cn-north-1'))).toEqual([
    'RSAES_OAEP_SHA_1',
    'RSAES_OAEP_SHA_256',
    'SM2PKE',
  ]);
});

test('AWS’s table says what wraps what', () => {
  const taken = (spec: Parameters<typeof canWrap>[0], wrapping: 'RSA_2048' | 'RSA_4096' = 'RSA_4096') =>
    algorithms.filter((algorithm) => canWrap(spec, algorithm, wrapping));
  const direct = algorithms.filter((each) => !throughAes.includes(each));
  for (const spec of ['SYMMETRIC_DEFAULT', 'HMAC_224', 'HMAC_512'] as const) expect(taken(spec)).toEqual(direct);
  for (const spec of ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const) expect(taken(spec)).toEqual(throughAes);
  for (const spec of ['ECC_NIST_P256', 'ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519'] as const) {
    expect(taken(spec, 'RSA_2048')).toEqual(algorithms);
  }
  expect(taken('ECC_NIST_P521', 'RSA_2048')).toEqual(throughAes);
  expect(taken('ECC_NIST_P521', 'RSA_4096')).toEqual(algorithms);
  for (const name of ['RSAES_PKCS1_V1_5', 'constructor', '']) expect(isWrappingAlgorithm(name)).toBe(false);
  for (const spec of ['SYMMETRIC_DEFAULT', 'RSA_4096', 'SM2'] as const) {
    expect(canWrap(spec, 'SM2PKE', 'SM2')).toBe(true);
    expect(canWrap(spec, 'SM2PKE', 'RSA_4096')).toBe(false);
    for (const algorithm of algorithms) expect(canWrap(spec, algorithm, 'SM2')).toBe(false);
  }
});
