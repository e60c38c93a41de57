import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../runtime/random.test-helper.ts';
import { der, type RsaNumbers, rsaPrivateKey } from './key-encodings.test-helper.ts';
import {
  exportPrivateKey,
  generateKeyPair,
  importPrivateKey,
  isKeyPairSpec,
  type KeyPairSpec,
  parsePrivateKey,
  parsePublicKey,
  publicKeyOf,
} from './key-pair.ts';
import { type KeySpec, keySpecs } from './key-specs.ts';

const specs = (Object.keys(keySpecs) as KeySpec[]).filter(isKeyPairSpec);
const keys = new Map<KeyPairSpec, KeyObject>();
const keyOf = (spec: KeyPairSpec) => keys.get(spec) as KeyObject;

beforeAll(async () => {
  for (const spec of specs) keys.set(spec, await generateKeyPair(spec));
});

/** What the key is, by OpenSSL's own account of it; node:crypto does not pass it on for SM2. */
function nameOf(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  return [key.type, key.asymmetricKeyType ?? 'unnamed', modulusLength ?? namedCurve].filter(Boolean).join(' ');
}

const names: Readonly<Record<KeyPairSpec, string>> = {
  RSA_2048: 'rsa 2048',
  RSA_3072: 'rsa 3072',
  RSA_4096: 'rsa 4096',
  ECC_NIST_P256: 'ec prime256v1',
  ECC_NIST_P384: 'ec secp384r1',
  ECC_NIST_P521: 'ec secp521r1',
  ECC_SECG_P256K1: 'ec secp256k1',
  ECC_NIST_EDWARDS25519: 'ed25519',
  ML_DSA_44: 'ml-dsa-44',
  ML_DSA_65: 'ml-dsa-65',
  ML_DSA_87: 'ml-dsa-87',
  ML_KEM_512: 'ml-kem-512',
  ML_KEM_768: 'ml-kem-768',
  ML_KEM_1024: 'ml-kem-1024',
  SM2: 'unnamed',
};

describe.each(specs)('a key of %s', (spec) => {
  test('is what its spec says, and each is another', async () => {
    expect(nameOf(keyOf(spec))).toBe(`private ${names[spec]}`);
    if (!spec.startsWith('RSA')) expect((await generateKeyPair(spec)).equals(keyOf(spec))).toBe(false);
  });

  test('comes back from PKCS#8 and SubjectPublicKeyInfo as it was', () => {
    const pkcs8 = exportPrivateKey(keyOf(spec));
    const spki = publicKeyOf(keyOf(spec));
    expect(spki).toEqual(createPublicKey(keyOf(spec)).export({ type: 'spki', format: 'der' }));
    for (const read of [parsePrivateKey, importPrivateKey]) {
      const again = read(spec, pkcs8);
      expect(again?.equals(keyOf(spec)), read.name).toBe(true);
      expect(again && exportPrivateKey(again), read.name).toEqual(pkcs8);
    }
    const publicKey = parsePublicKey(spec, spki);
    expect(publicKey && nameOf(publicKey)).toBe(`public ${names[spec]}`);
    expect(publicKey && publicKeyOf(publicKey)).toEqual(spki);
  });

  test('is not one of another spec, nor the other half', () => {
    const pkcs8 = exportPrivateKey(keyOf(spec));
    const spki = publicKeyOf(keyOf(spec));
    for (const other of specs.filter((each) => each !== spec)) {
      expect(parsePrivateKey(other, pkcs8), other).toBeUndefined();
      expect(importPrivateKey(other, pkcs8), other).toBeUndefined();
      expect(parsePublicKey(other, spki), other).toBeUndefined();
    }
    expect(importPrivateKey(spec, spki)).toBeUndefined();
    expect(parsePublicKey(spec, pkcs8)).toBeUndefined();
  });

  test('is refused with bytes after it, without its last one, and as text', () => {
    for (const [read, encoded] of [
      [importPrivateKey, exportPrivateKey(keyOf(spec))],
      [parsePublicKey, publicKeyOf(keyOf(spec))],
    ] as const) {
      expect(read(spec, Buffer.concat([encoded, Buffer.from([0])]))).toBeUndefined();
      expect(read(spec, Buffer.concat([encoded, encoded]))).toBeUndefined();
      expect(read(spec, encoded.subarray(0, -1))).toBeUndefined();
      expect(read(spec, Buffer.from(encoded.toString('base64')))).toBeUndefined();
      expect(read(spec, Buffer.alloc(0))).toBeUndefined();
    }
  });
});

test('a key in a part of a larger buffer is read where it stands', () => {
  const pkcs8 = exportPrivateKey(keyOf('ECC_NIST_P256'));
  const larger = new Uint8Array(Buffer.concat([Buffer.alloc(7, 0x30), pkcs8, Buffer.alloc(9)]));
  expect(importPrivateKey('ECC_NIST_P256', larger.subarray(7, 7 + pkcs8.length))).toBeDefined();
});

/**
 * PKCS#8 of a DSA key (RFC 3279 section 2.3.2) with numbers of some 22,000 bits. OpenSSL computes its public half on
 * reading it, which takes seconds.
 */
function costlyDsaKey(): Buffer {
  const number = der(0x02, Buffer.alloc(2800, 0x7f));
  const parameters = der(0x30, number, number, der(0x02, Buffer.from([2])));
  const algorithm = der(0x30, der(0x06, Buffer.from('2a8648ce380401', 'hex')), parameters);
  return der(0x30, der(0x02, Buffer.from([0])), algorithm, der(0x04, number));
}

test.each(specs)('a key of another algorithm, taken for one of %s, costs no time before it is refused', (spec) => {
  const started = performance.now();
  expect(importPrivateKey(spec, costlyDsaKey())).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(2000);
});

test('an encrypted private key is refused', () => {
  const encrypted = keyOf('ECC_NIST_P256').export({
    type: 'pkcs8',
    format: 'der',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  });
  expect(importPrivateKey('ECC_NIST_P256', encrypted)).toBeUndefined();
  expect(importPrivateKey('ECC_NIST_P256', keyOf('ECC_NIST_P256').export({ type: 'sec1', format: 'der' }))).toBe(
    undefined,
  );
  expect(importPrivateKey('RSA_2048', keyOf('RSA_2048').export({ type: 'pkcs1', format: 'der' }))).toBeUndefined();
});

describe('an RSA key', () => {
  const primesOf = (modulusLength: number, publicExponent = 65537) => {
    const { p, q } = generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey.export({ format: 'jwk' });
    return [p, q].map((text) => BigInt(`0x${Buffer.from(text ?? '', 'base64url').toString('hex')}`)) as [
      bigint,
      bigint,
    ];
  };
  const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
  const inverse = (number: bigint, modulus: bigint): bigint => {
    let [r0, r1, s0, s1] = [modulus, number % modulus, 0n, 1n];
    while (r1 !== 0n) [r0, r1, s0, s1] = [r1, r0 % r1, s1, s0 - (r0 / r1) * s1];
    return ((s0 % modulus) + modulus) % modulus;
  };
  /** RFC 8017 section 3.2, for factors that may be anything. */
  function numbersOf(p: bigint, q: bigint, e: bigint): RsaNumbers {
    const d = inverse(e, ((p - 1n) * (q - 1n)) / gcd(p - 1n, q - 1n));
    const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
    const hex = (number: bigint) => number.toString(16);
    const even = (digits: string) => digits.padStart(digits.length + (digits.length % 2), '0');
    return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, even(hex(value))])) as never;
  }
  const imported = (numbers: RsaNumbers) => importPrivateKey('RSA_2048', rsaPrivateKey(numbers));
  const [p, q] = primesOf(2048);

  test.each([3, 65537, 0xffffffff])('with the public exponent %d is taken', (e) => {
    expect(imported(numbersOf(...primesOf(2048, e), BigInt(e)))).toBeDefined();
  });

  test.each([1n, 65536n, (1n << 33n) + 17n, (1n << 64n) + 13n])('with the public exponent %d is refused', (e) => {
    expect(imported(numbersOf(p, q, e))).toBeUndefined();
  });

  test.each(['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const)('with the %s of another is refused', (name) => {
    const numbers = numbersOf(p, q, 65537n);
    const other = numbersOf(...primesOf(2048), name === 'e' ? 257n : 65537n);
    expect(imported(numbers)).toBeDefined();
    expect(imported({ ...numbers, [name]: other[name] })).toBeUndefined();
    expect(imported({ ...numbers, [name]: '00' })).toBeUndefined();
  });

  test('with a composite in the place of a prime is refused, though all else fits', () => {
    const [a, b] = primesOf(1024);
    const composite = numbersOf(p, a * b, 65537n);
    expect(parsePrivateKey('RSA_2048', rsaPrivateKey(composite)), 'of the right size').toBeDefined();
    expect(imported(composite)).toBeUndefined();
  });

  test('with the same prime twice is refused', () => {
    expect(imported({ ...numbersOf(p, q, 65537n), q: numbersOf(p, q, 65537n).p })).toBeUndefined();
  });
});

describe('lattice keys of the forms of RFC 9881 and RFC 9935', () => {
  test.each([
    ['ML_DSA_65', 32],
    ['ML_KEM_768', 64],
  ] as const)(
    '%s: the seed is taken, with the expanded key or without, and the expanded key alone is not',
    async (spec, seedBytes) => {
      const { ml_dsa65 } = await import('@noble/post-quantum/ml-dsa.js');
      const { ml_kem768 } = await import('@noble/post-quantum/ml-kem.js');
      const key = keyOf(spec);
      const seedForm = exportPrivateKey(key);
      const seed = key.export({ format: 'raw-seed' });
      expect(seed.length).toBe(seedBytes);
      const { secretKey } = spec === 'ML_DSA_65' ? ml_dsa65.keygen(seed) : ml_kem768.keygen(seed);
      const expanded = Buffer.from(secretKey);
      // SEQUENCE { version, algorithm, OCTET STRING { [0] seed } }
      const front = seedForm.subarray(2, seedForm.length - 2 - 2 - seedBytes);
      const withForm = (form: Buffer) => der(0x30, front, der(0x04, form));
      const alone = withForm(der(0x04, expanded));
      const both = (of: Buffer) => withForm(der(0x30, der(0x04, seed), der(0x04, of)));
      expect(withForm(der(0x80, seed))).toEqual(seedForm);
      expect(createPrivateKey({ key: alone, format: 'der', type: 'pkcs8' }).asymmetricKeyType).toBe(
        keySpecs[spec].parameters,
      );
      expect(importPrivateKey(spec, alone)).toBeUndefined();
      const imported = importPrivateKey(spec, both(expanded));
      expect(imported && exportPrivateKey(imported), 'what is kept is the seed').toEqual(seedForm);
      expanded[100] = (expanded[100] as number) ^ 1;
      expect(importPrivateKey(spec, both(expanded)), 'of another seed').toBeUndefined();
    },
  );
});

test('20,000 mutated keys are refused or are keys of the spec, without an exception', () => {
  const random = seededRandom('mutated keys');
  const below = (bound: number) => random.bytes(4).readUInt32BE() % bound;
  const encoded = specs.map((spec) => [exportPrivateKey(keyOf(spec)), publicKeyOf(keyOf(spec))] as const);
  const pick = () => (encoded[below(encoded.length)] as readonly [Buffer, Buffer])[below(2)] as Buffer;

  function mutated(original: Buffer): Buffer {
    let bytes = Buffer.from(original);
    // What makes a difference stands in the front most of the time.
    const at = below(below(3) === 0 ? bytes.length : Math.min(40, bytes.length));
    switch (below(6)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ (1 << below(8));
        break;
      case 1:
        bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0x30][below(6)] as number;
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(8))]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + below(8)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), pick().subarray(at)]);
        break;
      default:
        random.bytes(1 + below(4)).copy(bytes, at);
    }
    // So that half of those of another length come past the outermost check.
    if (bytes.length !== original.length && bytes.length > 4 && below(2) === 0) {
      if (bytes[1] === 0x82) bytes.writeUInt16BE(bytes.length - 4, 2);
      else if ((bytes[1] as number) < 0x80 && bytes.length < 0x82) bytes[1] = bytes.length - 2;
    }
    return bytes;
  }

  let taken = 0;
  for (let round = 0; round < 20_000; round++) {
    const index = below(specs.length);
    const spec = specs[index] as KeyPairSpec;
    const isPrivate = round % 2 === 0;
    const bytes = mutated((encoded[index] as readonly [Buffer, Buffer])[isPrivate ? 0 : 1]);
    const key = isPrivate ? importPrivateKey(spec, bytes) : parsePublicKey(spec, bytes);
    if (key === undefined) continue;
    taken++;
    expect(nameOf(key), bytes.toString('hex')).toBe(`${isPrivate ? 'private' : 'public'} ${names[spec]}`);
    if (isPrivate) expect(importPrivateKey(spec, exportPrivateKey(key))?.equals(key), bytes.toString('hex')).toBe(true);
  }
  // A changed seed is a seed, and the coefficients of a lattice are many: some are taken, but few.
  expect(taken).toBeGreaterThan(100);
  expect(taken).toBeLessThan(10_000);
});
