import { createPrivateKey, type KeyObject } from 'node:crypto';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { replayRandom, seededRandom } from '../runtime/random.test-helper.ts';
import { exportPrivateKey, generateKeyPair, isKeyPairSpec, type KeyPairSpec } from './key-pair.ts';
import { type KeySpec, keySpecs, type MessageType, type SigningAlgorithm } from './key-specs.ts';
import { publicHalf } from './public-half.ts';
import { digestBytes, messageTypesOf, sign, verify } from './signature.ts';

const random = seededRandom('signatures');
const algorithmsOf = (spec: KeyPairSpec) => keySpecs[spec].signingAlgorithms ?? [];
// One RSA modulus is enough: the other tests have them all.
const specs = (Object.keys(keySpecs) as KeySpec[])
  .filter(isKeyPairSpec)
  .filter((spec) => algorithmsOf(spec).length > 0 && spec !== 'RSA_3072' && spec !== 'RSA_4096');
const cases = specs.flatMap((spec) =>
  algorithmsOf(spec).flatMap((algorithm) => messageTypesOf(algorithm).map((type) => [spec, algorithm, type] as const)),
);

const keys = new Map<KeyPairSpec, KeyObject>();
const keyOf = (spec: KeyPairSpec) => keys.get(spec) as KeyObject;
beforeAll(async () => {
  for (const spec of specs) keys.set(spec, await generateKeyPair(spec));
});

test('each algorithm takes the message types that AWS documents for it, with digests of this length', () => {
  const said = Object.fromEntries(
    [...new Set(specs.flatMap(algorithmsOf))].map((each) => [each, [...messageTypesOf(each), digestBytes(each)]]),
  );
  expect(said).toEqual({
    RSASSA_PKCS1_V1_5_SHA_256: ['RAW', 'DIGEST', 32],
    RSASSA_PKCS1_V1_5_SHA_384: ['RAW', 'DIGEST', 48],
    RSASSA_PKCS1_V1_5_SHA_512: ['RAW', 'DIGEST', 64],
    RSASSA_PSS_SHA_256: ['RAW', 'DIGEST', 32],
    RSASSA_PSS_SHA_384: ['RAW', 'DIGEST', 48],
    RSASSA_PSS_SHA_512: ['RAW', 'DIGEST', 64],
    ECDSA_SHA_256: ['RAW', 'DIGEST', 32],
    ECDSA_SHA_384: ['RAW', 'DIGEST', 48],
    ECDSA_SHA_512: ['RAW', 'DIGEST', 64],
    ED25519_SHA_512: ['RAW', 64],
    ED25519_PH_SHA_512: ['DIGEST', 64],
    ML_DSA_SHAKE_256: ['RAW', 'EXTERNAL_MU', 64],
    SM2DSA: ['RAW', 'DIGEST', 32],
  });
});

describe.each(cases)('%s with %s over %s', (spec, algorithm, type) => {
  const messageOf = (length: number) => random.bytes(type === 'RAW' ? length : digestBytes(algorithm));

  test.each(type === 'RAW' ? [0, 1, 4096] : [0])(
    'signs and verifies (message of %d bytes where it is RAW)',
    async (length) => {
      const message = messageOf(length);
      const signature = await sign(keyOf(spec), algorithm, message, type, random);
      for (const key of [publicHalf(keyOf(spec)), keyOf(spec)]) {
        expect(await verify(key, algorithm, message, type, signature)).toBe(true);
      }
    },
  );

  test('takes no signature of another message, key or algorithm', async () => {
    const message = messageOf(100);
    const signature = await sign(keyOf(spec), algorithm, message, type, random);
    const changed = Buffer.from(message);
    changed[0] = (changed[0] as number) ^ 1;
    expect(await verify(keyOf(spec), algorithm, changed, type, signature), 'message').toBe(false);
    expect(await verify(await generateKeyPair(spec), algorithm, message, type, signature), 'key').toBe(false);
    for (const other of algorithmsOf(spec).filter((each) => each !== algorithm)) {
      if (type !== 'RAW' && digestBytes(other) !== message.length) continue;
      if (!messageTypesOf(other).includes(type)) continue;
      expect(await verify(keyOf(spec), other, message, type, signature), other).toBe(false);
    }
  });

  test('a signature that was changed, cut, lengthened or is none at all is false, and never an exception', async () => {
    const message = messageOf(100);
    const signature = await sign(keyOf(spec), algorithm, message, type, random);
    const verifies = (bytes: Uint8Array) => verify(keyOf(spec), algorithm, message, type, bytes);
    for (let round = 0; round < 40; round++) {
      const changed = Buffer.from(signature);
      const at = round < 12 ? round : random.bytes(2).readUInt16BE() % changed.length;
      changed[at] = (changed[at] as number) ^ (1 << (round & 7));
      expect(await verifies(changed), `byte ${at}`).toBe(false);
    }
    for (const length of [0, 1, 2, 8, signature.length - 1]) {
      expect(await verifies(signature.subarray(0, length)), `${length} bytes`).toBe(false);
    }
    expect(await verifies(Buffer.concat([signature, Buffer.from([0])]))).toBe(false);
    expect(await verifies(Buffer.concat([Buffer.from([0]), signature]))).toBe(false);
    expect(await verifies(Buffer.alloc(signature.length))).toBe(false);
    expect(await verifies(Buffer.alloc(signature.length, 0xff))).toBe(false);
    expect(await verifies(random.bytes(6144))).toBe(false);
  });
});

test('a type of message that the algorithm does not take, and a digest of another length, are a programmer’s mistake', async () => {
  const attempt = (spec: KeyPairSpec, algorithm: SigningAlgorithm, type: MessageType, length: number) =>
    expect(sign(keyOf(spec), algorithm, Buffer.alloc(length), type, random)).rejects.toThrow('invariant broken');
  await attempt('ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 'DIGEST', 64);
  await attempt('ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', 'RAW', 64);
  await attempt('ML_DSA_44', 'ML_DSA_SHAKE_256', 'DIGEST', 64);
  await attempt('ML_DSA_44', 'ML_DSA_SHAKE_256', 'EXTERNAL_MU', 63);
  await attempt('ECC_NIST_P256', 'ECDSA_SHA_256', 'EXTERNAL_MU', 32);
  await attempt('ECC_NIST_P256', 'ECDSA_SHA_256', 'DIGEST', 31);
  await attempt('RSA_2048', 'RSASSA_PSS_SHA_384', 'DIGEST', 32);
});

test('Ed25519ph hashes the digest once more, as AWS does', async () => {
  const key = keyOf('ECC_NIST_EDWARDS25519');
  const { ed25519ph } = await import('@noble/curves/ed25519.js');
  const digest = random.bytes(64);
  const signature = await sign(key, 'ED25519_PH_SHA_512', digest, 'DIGEST', random);
  expect(ed25519ph.verify(signature, digest, publicHalf(key).export({ format: 'raw-public' }))).toBe(true);
});

test('signatures that take randomness differ each time; without fresh randomness there is no signature over a digest', async () => {
  for (const [spec, algorithm, type] of cases) {
    if (algorithm.startsWith('RSASSA_PKCS1') || algorithm.startsWith('ED25519')) continue;
    const message = Buffer.alloc(digestBytes(algorithm), 1);
    const [one, two] = [
      await sign(keyOf(spec), algorithm, message, type, random),
      await sign(keyOf(spec), algorithm, message, type, random),
    ];
    expect(one.equals(two), `${algorithm} ${type}`).toBe(false);
    // SM2's library has randomness of its own.
    if (type === 'RAW' || algorithm === 'SM2DSA') continue;
    await expect(sign(keyOf(spec), algorithm, message, type, replayRandom())).rejects.toThrow('random bytes');
  }
});

test('ECDSA signatures come with either half of s, and both are taken, over a message and over a digest', async () => {
  const key = keyOf('ECC_SECG_P256K1');
  const half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
  const isHigh = (signature: Buffer) => {
    const sAt = 4 + (signature[3] as number) + 2;
    return BigInt(`0x${signature.subarray(sAt).toString('hex')}`) > half;
  };
  const seen = new Set<boolean>();
  for (let round = 0; round < 40; round++) {
    const digest = random.bytes(32);
    const signature = await sign(key, 'ECDSA_SHA_256', digest, 'DIGEST', random);
    seen.add(isHigh(signature));
    expect(await verify(key, 'ECDSA_SHA_256', digest, 'DIGEST', signature)).toBe(true);
  }
  expect(seen).toEqual(new Set([true, false]));
});

describe.each([
  ['ML_DSA_44', ml_dsa44],
  ['ML_DSA_65', ml_dsa65],
  ['ML_DSA_87', ml_dsa87],
] as const)('%s by OpenSSL and by @noble/post-quantum', (spec, noble) => {
  test('is the same key, and each verifies what the other signed', async () => {
    const key = keyOf(spec);
    const seed = key.export({ format: 'raw-seed' });
    const { secretKey, publicKey } = noble.keygen(seed);
    expect(publicHalf(key).export({ format: 'raw-public' })).toEqual(Buffer.from(publicKey));
    const message = random.bytes(4096);
    expect(noble.verify(await sign(key, 'ML_DSA_SHAKE_256', message, 'RAW', random), message, publicKey)).toBe(true);
    expect(await verify(key, 'ML_DSA_SHAKE_256', message, 'RAW', noble.sign(message, secretKey))).toBe(true);
    const context = noble.sign(message, secretKey, { context: Buffer.from('context') });
    expect(await verify(key, 'ML_DSA_SHAKE_256', message, 'RAW', context), 'the context is empty').toBe(false);
    const again = createPrivateKey({ key: exportPrivateKey(key), format: 'der', type: 'pkcs8' });
    expect(again.export({ format: 'raw-seed' }), 'signing leaves the key as it was').toEqual(seed);
  });
});
