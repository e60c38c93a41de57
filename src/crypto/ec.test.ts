import { expect, test } from 'vitest';
import { deriveSharedSecret } from './ec.ts';
import { bytes, ecPrivateKey, ecPublicKey } from './key-encodings.test-helper.ts';
import { generateKeyPair, importPrivateKey, parsePublicKey } from './key-pair.ts';
import { publicHalf } from './public-half.ts';

const specs = ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'] as const;
const fieldBytes = { ECC_NIST_P256: 32, ECC_NIST_P384: 48, ECC_NIST_P521: 66 };

test.each(specs)('%s: both sides come to the same secret, as long as the field', async (spec) => {
  const [one, two] = [await generateKeyPair(spec), await generateKeyPair(spec)];
  const secret = await deriveSharedSecret(one, publicHalf(two));
  expect(secret.length).toBe(fieldBytes[spec]);
  expect(await deriveSharedSecret(two, publicHalf(one))).toEqual(secret);
});

test.each(specs)('%s: a point that is not on the curve, or infinity, is no peer’s key', async (spec) => {
  const raw = publicHalf(await generateKeyPair(spec)).export({ format: 'raw-public' });
  const half = (raw.length - 1) / 2;
  const [x, y] = [raw.subarray(1, 1 + half).toString('hex'), raw.subarray(1 + half).toString('hex')];
  expect(parsePublicKey(spec, ecPublicKey(spec, x, y))).toBeDefined();
  const last = (hex: string) => hex.slice(0, -1) + (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16);
  expect(parsePublicKey(spec, ecPublicKey(spec, x, last(y))), 'y').toBeUndefined();
  expect(parsePublicKey(spec, ecPublicKey(spec, y, x)), 'swapped').toBeUndefined();
  expect(parsePublicKey(spec, ecPublicKey(spec, '00', '00')), 'zero').toBeUndefined();
  const spki = ecPublicKey(spec, x, y);
  const bitString = spki.length - raw.length - 1;
  const point = Buffer.from(spki);
  // The point at infinity is the one byte zero (SEC 1 section 2.3.3).
  const header = spki.subarray(spki[1] === 0x81 ? 3 : 2, bitString - (raw.length + 1 < 0x80 ? 2 : 3));
  const body = Buffer.concat([header, bytes('03020000')]);
  expect(parsePublicKey(spec, Buffer.concat([bytes('30'), Buffer.from([body.length]), body])), 'infinity').toBe(
    undefined,
  );
  point[bitString + 1] = 0x05;
  expect(parsePublicKey(spec, point), 'no form of a point').toBeUndefined();
});

test.each(specs)('%s: a private number that is zero, or the order and above, is refused', (spec) => {
  const order = {
    ECC_NIST_P256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    ECC_NIST_P384: 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    ECC_NIST_P521: `01${'f'.repeat(64)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
  }[spec];
  // Without a point, so that nothing else is wrong with the key.
  const last = (BigInt(`0x${order}`) - 1n).toString(16);
  for (const d of ['01', last]) expect(importPrivateKey(spec, ecPrivateKey(spec, d)), d).toBeDefined();
  for (const d of ['00', order, 'f'.repeat(2 * fieldBytes[spec])]) {
    expect(importPrivateKey(spec, ecPrivateKey(spec, d)), d).toBeUndefined();
  }
});

test('a private key with another’s point is refused', async () => {
  const [one, two] = [await generateKeyPair('ECC_SECG_P256K1'), await generateKeyPair('ECC_SECG_P256K1')];
  const d = one.export({ format: 'raw-private' }).toString('hex');
  const imported = (raw: Buffer) =>
    importPrivateKey(
      'ECC_SECG_P256K1',
      ecPrivateKey('ECC_SECG_P256K1', d, raw.subarray(1, 33).toString('hex'), raw.subarray(33).toString('hex')),
    );
  expect(imported(publicHalf(one).export({ format: 'raw-public' }))?.equals(one)).toBe(true);
  expect(imported(publicHalf(two).export({ format: 'raw-public' }))).toBeUndefined();
});
