import { createHash, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { describe, expect, test } from 'vitest';
import { deriveSharedSecret } from '../src/crypto/ec.ts';
import { signPrehashed, verifyPrehashed } from '../src/crypto/ed25519.ts';
import { generateMac, verifyMac } from '../src/crypto/hmac.ts';
import {
  bytes,
  type EcSpec,
  ecdsaSignature,
  ecPrivateKey,
  ecPublicKey,
  fieldElement,
  type RsaNumbers,
  rsaPrivateKey,
  rsaPublicKey,
  seedPrivateKey,
} from '../src/crypto/key-encodings.test-helper.ts';
import { importPrivateKey, type KeyPairSpec, parsePublicKey } from '../src/crypto/key-pair.ts';
import type { MacAlgorithm, SigningAlgorithm } from '../src/crypto/key-specs.ts';
import { decapsulate } from '../src/crypto/ml-kem.ts';
import { publicHalf } from '../src/crypto/public-half.ts';
import { decryptOaep, encryptOaep, type OaepAlgorithm } from '../src/crypto/rsa.ts';
import { SecretBytes } from '../src/crypto/secret-bytes.ts';
import { sign, verify } from '../src/crypto/signature.ts';
import { replayRandom, seededRandom } from '../src/runtime/random.test-helper.ts';

/** The published vectors of `test/vectors/`; each file names its source and how its vectors were selected. */

function read<File>(name: string): File {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8')) as File;
}

function publicKey(spec: KeyPairSpec, spki: Uint8Array): KeyObject {
  const key = parsePublicKey(spec, spki);
  if (key === undefined) throw new Error(`not a public key of ${spec}`);
  return key;
}

function privateKey(spec: KeyPairSpec, pkcs8: Uint8Array): KeyObject {
  const key = importPrivateKey(spec, pkcs8);
  if (key === undefined) throw new Error(`not a private key of ${spec}`);
  return key;
}

/** Verifies the message, and its digest, which other code does. Both must come to the same. */
async function verifyBothWays(
  key: KeyObject,
  algorithm: SigningAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean[]> {
  const digest = createHash(`sha${algorithm.slice(-3)}`)
    .update(message)
    .digest();
  return [
    await verify(key, algorithm, message, 'RAW', signature),
    await verify(key, algorithm, digest, 'DIGEST', signature),
  ];
}

interface RsaVector {
  readonly spec: KeyPairSpec;
  readonly algorithm: SigningAlgorithm;
  readonly n: string;
  readonly e: string;
  readonly message: string;
  readonly signature: string;
  readonly valid: boolean;
  readonly kind: string;
}

describe('RSASSA-PKCS1-v1_5', () => {
  const { vectors } = read<{ vectors: RsaVector[] }>('rsa-pkcs1-v1.5');
  test.each(vectors)('$spec with $algorithm: $kind', async ({ spec, algorithm, n, e, message, signature, valid }) => {
    const key = publicKey(spec, rsaPublicKey(n, e));
    expect(await verifyBothWays(key, algorithm, bytes(message), bytes(signature))).toEqual([valid, valid]);
  });
});

describe('RSASSA-PSS', () => {
  const { vectors, spec, algorithm, n, e } = read<RsaVector & { vectors: (RsaVector & { tcId: number })[] }>('rsa-pss');
  const key = publicKey(spec, rsaPublicKey(n, e));
  test.each(vectors)('$tcId: $kind', async ({ message, signature, valid }) => {
    expect(await verifyBothWays(key, algorithm, bytes(message), bytes(signature))).toEqual([valid, valid]);
  });
});

interface OaepVector {
  readonly algorithm: OaepAlgorithm;
  readonly spec: KeyPairSpec;
  readonly key: RsaNumbers;
  readonly cases: readonly { readonly plaintext: string; readonly ciphertext: string }[];
}

describe.each(read<{ vectors: OaepVector[] }>('rsa-oaep').vectors)('$algorithm', ({ algorithm, spec, key, cases }) => {
  const decryptionKey = privateKey(spec, rsaPrivateKey(key));

  test.each(cases)('decrypts $plaintext', async ({ plaintext, ciphertext }) => {
    expect((await decryptOaep(decryptionKey, algorithm, bytes(ciphertext)))?.toString('hex')).toBe(plaintext);
    const other = algorithm === 'RSAES_OAEP_SHA_1' ? 'RSAES_OAEP_SHA_256' : 'RSAES_OAEP_SHA_1';
    expect(await decryptOaep(decryptionKey, other, bytes(ciphertext))).toBeUndefined();
    const again = encryptOaep(publicHalf(decryptionKey), algorithm, bytes(plaintext));
    expect((await decryptOaep(decryptionKey, algorithm, again))?.toString('hex')).toBe(plaintext);
  });
});

interface EcdsaVector {
  readonly spec: EcSpec;
  readonly algorithm: SigningAlgorithm;
  readonly message: string;
  readonly x: string;
  readonly y: string;
  readonly r: string;
  readonly s: string;
  readonly valid: boolean;
  readonly kind: string;
}

describe('ECDSA', () => {
  test.each(read<{ vectors: EcdsaVector[] }>('ecdsa').vectors)('$spec: $kind ($r)', async (vector) => {
    const { spec, algorithm, message, x, y, r, s, valid } = vector;
    const key = parsePublicKey(spec, ecPublicKey(spec, x, y));
    if (key === undefined) {
      expect(valid, 'a point that was changed is not on the curve').toBe(false);
      return;
    }
    expect(await verifyBothWays(key, algorithm, bytes(message), ecdsaSignature(r, s))).toEqual([valid, valid]);
  });
});

interface PointVector {
  readonly spec: EcSpec;
  readonly x: string;
  readonly y: string;
  readonly valid: boolean;
}

describe('public keys of the NIST curves', () => {
  const { vectors } = read<{ vectors: PointVector[] }>('ec-public-keys');
  test.each(vectors)('$spec $x: $valid', ({ spec, x, y, valid }) => {
    expect(parsePublicKey(spec, ecPublicKey(spec, x, y)) !== undefined).toBe(valid);
  });
});

interface EcdhVector {
  readonly spec: EcSpec;
  readonly d: string;
  readonly x: string;
  readonly y: string;
  readonly peerX: string;
  readonly peerY: string;
  readonly z: string;
  readonly expect: 'agreed' | 'another secret' | 'key refused' | 'peer refused';
  readonly kind: string;
}

describe('ECDH', () => {
  test.each(read<{ vectors: EcdhVector[] }>('ecdh').vectors)('$spec: $kind ($d)', async (vector) => {
    const { spec, d, x, y, peerX, peerY, z } = vector;
    const key = importPrivateKey(spec, ecPrivateKey(spec, d, x, y));
    const peer = parsePublicKey(spec, ecPublicKey(spec, peerX, peerY));
    expect(key === undefined).toBe(vector.expect === 'key refused');
    expect(peer === undefined).toBe(vector.expect === 'peer refused');
    if (key === undefined || peer === undefined) return;
    const secret = await deriveSharedSecret(key, peer);
    expect(secret.equals(fieldElement(spec, z))).toBe(vector.expect === 'agreed');
  });
});

interface EddsaVector {
  readonly algorithm: SigningAlgorithm;
  readonly seed: string;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
}

describe('Ed25519 and Ed25519ph', () => {
  const spec = 'ECC_NIST_EDWARDS25519';
  const random = replayRandom();
  test.each(read<{ vectors: EddsaVector[] }>('ed25519').vectors)('$algorithm: $publicKey', async (vector) => {
    const key = privateKey(spec, seedPrivateKey(spec, bytes(vector.seed)));
    expect(publicHalf(key).export({ format: 'raw-public' }).toString('hex')).toBe(vector.publicKey);
    const [message, signature] = [bytes(vector.message), bytes(vector.signature)];
    const changed = Buffer.from(signature);
    changed[40] = (changed[40] as number) ^ 1;
    if (vector.algorithm === 'ED25519_SHA_512') {
      expect(await sign(key, vector.algorithm, message, 'RAW', random)).toEqual(signature);
      expect(await verify(key, vector.algorithm, message, 'RAW', signature)).toBe(true);
      expect(await verify(key, vector.algorithm, message, 'RAW', changed)).toBe(false);
      expect(verifyPrehashed(publicHalf(key), message, signature), 'the other algorithm').toBe(false);
    } else {
      // The RFC's message has three bytes, and AWS takes 64, so the vector goes past the check of the length.
      expect(signPrehashed(key, message)).toEqual(signature);
      expect(verifyPrehashed(publicHalf(key), message, signature)).toBe(true);
      expect(verifyPrehashed(publicHalf(key), message, changed)).toBe(false);
      expect(await verify(key, 'ED25519_SHA_512', message, 'RAW', signature), 'the other algorithm').toBe(false);
    }
  });
});

interface AccumulatedVector {
  readonly spec: KeyPairSpec;
  readonly cases: number;
  readonly result: string;
}

/** What SHAKE128 of nothing yields, as one reads it, and a place where the results of all cases go. */
function accumulation(streamBytes: number) {
  const stream = createHash('shake128', { outputLength: streamBytes }).digest();
  const results = createHash('shake128', { outputLength: 32 });
  let at = 0;
  return {
    read(length: number): Buffer {
      at += length;
      return stream.subarray(at - length, at);
    },
    write: (result: Uint8Array) => results.update(result),
    result: () => results.digest('hex'),
  };
}

describe('ML-DSA', () => {
  const algorithm = 'ML_DSA_SHAKE_256';
  const shake256 = (...parts: Uint8Array[]) =>
    createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest();

  test.each(read<{ vectors: AccumulatedVector[] }>('ml-dsa').vectors)(
    '$spec grows the keys and signs the µ of $cases cases as published, and both ways to verify agree',
    async ({ spec, cases, result }) => {
      const accumulated = accumulation(cases * 32);
      for (let index = 0; index < cases; index++) {
        const key = privateKey(spec, seedPrivateKey(spec, accumulated.read(32)));
        const encoded = publicHalf(key).export({ format: 'raw-public' });
        // FIPS 204 algorithm 2 over an empty context and message; algorithm 7, line 6.
        const mu = shake256(shake256(encoded), Buffer.from([0, 0]));
        // Without randomness, it is the deterministic variant.
        const signature = await sign(key, algorithm, mu, 'EXTERNAL_MU', replayRandom(Buffer.alloc(32)));
        expect(await verify(key, algorithm, Buffer.alloc(0), 'RAW', signature)).toBe(true);
        expect(await verify(key, algorithm, mu, 'EXTERNAL_MU', signature)).toBe(true);
        accumulated.write(encoded);
        accumulated.write(signature);
      }
      expect(accumulated.result()).toBe(result);
    },
  );
});

interface KemVector {
  readonly spec: KeyPairSpec;
  readonly tcId: number;
  readonly seed: string;
  readonly ciphertext: string;
  readonly sharedSecret: string;
}

describe('ML-KEM', () => {
  const { vectors, accumulated } = read<{ vectors: KemVector[]; accumulated: AccumulatedVector }>('ml-kem');

  test.each(vectors)('$spec, $tcId: grows the key and decapsulates', ({ spec, seed, ciphertext, sharedSecret }) => {
    const key = privateKey(spec, seedPrivateKey(spec, bytes(seed)));
    expect(decapsulate(key, bytes(ciphertext))?.toString('hex')).toBe(sharedSecret);
  });

  test('ML_KEM_768 grows the keys of 100 cases as published, and opens and rejects their ciphertexts', () => {
    const { spec, cases, result } = accumulated;
    const { read: take, write, result: all } = accumulation(cases * (64 + 32 + 1088));
    for (let index = 0; index < cases; index++) {
      const key = privateKey(spec, seedPrivateKey(spec, take(64)));
      const encoded = publicHalf(key).export({ format: 'raw-public' });
      // Node's encapsulation draws its own randomness, so the vectors' is made by the other implementation.
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(encoded, take(32));
      expect(decapsulate(key, cipherText)).toEqual(Buffer.from(sharedSecret));
      for (const part of [encoded, cipherText, sharedSecret]) write(part);
      write(decapsulate(key, take(1088)) as Buffer);
    }
    expect(all()).toBe(result);
  });
});

interface MacVector {
  readonly algorithm: MacAlgorithm;
  readonly key: string;
  readonly message: string;
  readonly mac: string;
}

describe('HMAC', () => {
  test.each(read<{ vectors: MacVector[] }>('hmac').vectors)('$algorithm of $message', (vector) => {
    const key = new SecretBytes(bytes(vector.key));
    const message = bytes(vector.message);
    expect(generateMac(key, vector.algorithm, message).toString('hex')).toBe(vector.mac);
    expect(verifyMac(key, vector.algorithm, message, bytes(vector.mac))).toBe(true);
    expect(verifyMac(key, vector.algorithm, message, bytes(vector.mac).subarray(1))).toBe(false);
    expect(verifyMac(key, vector.algorithm, message, seededRandom('mac').bytes(vector.mac.length / 2))).toBe(false);
  });
});

interface KdfVector {
  readonly key: string;
  readonly fixedInput: string;
  readonly derived: string;
}

describe('SP 800-108 in counter mode', () => {
  test.each(read<{ vectors: KdfVector[] }>('sp800-108').vectors)(
    'the one block is an HMAC, as SealedBox has it: $derived',
    ({ key, fixedInput, derived }) => {
      const input = Buffer.concat([bytes('00000001'), bytes(fixedInput)]);
      expect(generateMac(new SecretBytes(bytes(key)), 'HMAC_SHA_256', input).toString('hex')).toBe(derived);
    },
  );
});
