import { createDecipheriv, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { replayRandom, seededRandom } from '../runtime/random.test-helper.ts';
import { BOX_OVERHEAD_BYTES, NONCE_BYTES, SealedBox } from './sealed-box.ts';
import { SecretBytes } from './secret-bytes.ts';

const LABEL = 'keyhold test v1';
const box = new SealedBox(LABEL);
const key = () => new SecretBytes(Buffer.from(Array.from({ length: 32 }, (_, at) => at)));
const bytes = (max = 200) => fc.uint8Array({ maxLength: max });

/** SP 800-108r1 section 4.1 for any length and any fixed input data, apart from the code under test. */
function kdfInCounterMode(kdfKey: Buffer, fixedInput: Buffer, lengthBytes: number): Buffer {
  const blocks: Buffer[] = [];
  for (let counter = 1; blocks.length * 32 < lengthBytes; counter++) {
    const i = Buffer.alloc(4);
    i.writeUInt32BE(counter);
    blocks.push(createHmac('sha256', kdfKey).update(i).update(fixedInput).digest());
  }
  return Buffer.concat(blocks).subarray(0, lengthBytes);
}

/** Opens a box from its description alone. */
function openByDescription(kdfKey: Buffer, label: string, sealed: Buffer, additionalData: Uint8Array): Buffer {
  const nonce = sealed.subarray(0, 16);
  const fixedInput = Buffer.concat([Buffer.from(label), Buffer.from([0]), nonce, Buffer.from('00000100', 'hex')]);
  const decipher = createDecipheriv('aes-256-gcm', kdfInCounterMode(kdfKey, fixedInput, 32), Buffer.alloc(12));
  decipher.setAAD(additionalData);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(16, -16)), decipher.final()]);
}

/** The code of the refusal, or undefined where there was none. */
function refusalOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof KeyholdError ? error.code : String(error);
  }
}

test('the derivation of this test is NIST’s: CAVP KDFCTR, HMAC-SHA-256, counter of 32 bits before the fixed data', () => {
  const derived = kdfInCounterMode(
    Buffer.from('dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0', 'hex'),
    Buffer.from(
      '01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b08f8683d0315bb2911d80a0e8aba17f3b413faac',
      'hex',
    ),
    16,
  );
  expect(derived.toString('hex')).toBe('10621342bfb0fd40046c0e29f2cfdbf0');
});

test('what is sealed opens by the description of the box, with a derivation and an AES-GCM of our own', () => {
  fc.assert(
    fc.property(bytes(), bytes(), fc.string({ maxLength: 8 }), (plaintext, additionalData, seed) => {
      const sealed = box.seal(key(), seededRandom(seed), plaintext, additionalData);
      expect(sealed.length).toBe(plaintext.length + BOX_OVERHEAD_BYTES);
      expect(openByDescription(key().expose(), LABEL, sealed, additionalData)).toEqual(Buffer.from(plaintext));
    }),
  );
});

test('what is sealed opens', () => {
  fc.assert(
    fc.property(bytes(), bytes(), (plaintext, additionalData) => {
      const sealed = box.seal(key(), seededRandom('any'), plaintext, additionalData);
      expect(box.open(key(), sealed, additionalData)).toEqual(Buffer.from(plaintext));
    }),
  );
});

test('any flipped bit is refused, be it of the nonce, the ciphertext or the tag', () => {
  const sealed = box.seal(key(), seededRandom('flips'), Buffer.from('attack at dawn'), Buffer.from('identity'));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(
      refusalOf(() => box.open(key(), flipped, Buffer.from('identity'))),
      `bit ${bit}`,
    ).toBe('TamperedRecord');
  }
});

test('any cut is refused, down to nothing', () => {
  const sealed = box.seal(key(), seededRandom('cuts'), Buffer.from('attack at dawn'), Buffer.from('identity'));
  for (let length = 0; length < sealed.length; length++) {
    expect(
      refusalOf(() => box.open(key(), sealed.subarray(0, length), Buffer.from('identity'))),
      `${length} bytes`,
    ).toBe('TamperedRecord');
  }
});

test('other additional data, another key and another label are refused', () => {
  fc.assert(
    fc.property(bytes(40), bytes(40), (additionalData, other) => {
      const sealed = box.seal(key(), seededRandom('other'), Buffer.from('attack at dawn'), additionalData);
      fc.pre(!Buffer.from(other).equals(Buffer.from(additionalData)));
      expect(refusalOf(() => box.open(key(), sealed, other))).toBe('TamperedRecord');
    }),
  );
  const sealed = box.seal(key(), seededRandom('other'), Buffer.from('attack at dawn'), Buffer.alloc(0));
  const otherKey = new SecretBytes(Buffer.alloc(32, 7));
  expect(refusalOf(() => box.open(otherKey, sealed, Buffer.alloc(0)))).toBe('TamperedRecord');
  expect(refusalOf(() => new SealedBox('keyhold test v2').open(key(), sealed, Buffer.alloc(0)))).toBe('TamperedRecord');
});

test('each message has a nonce of its own, and so the same plaintext never looks the same', () => {
  const random = seededRandom('nonces');
  const sealed = Array.from({ length: 500 }, () => box.seal(key(), random, Buffer.from('same'), Buffer.alloc(0)));
  expect(new Set(sealed.map((each) => each.toString('hex', 0, NONCE_BYTES))).size).toBe(500);
  expect(new Set(sealed.map((each) => each.toString('hex', NONCE_BYTES))).size).toBe(500);
});

test('the nonce is what Random gave, in front', () => {
  const nonce = Buffer.alloc(NONCE_BYTES, 0x5a);
  expect(box.seal(key(), replayRandom(nonce), Buffer.from('x'), Buffer.alloc(0)).subarray(0, NONCE_BYTES)).toEqual(
    nonce,
  );
});

test('a box used for two messages at once keeps them apart', () => {
  // The derivation's input is a buffer that the box reuses.
  const nonces = [Buffer.alloc(NONCE_BYTES, 1), Buffer.alloc(NONCE_BYTES, 2)] as const;
  const first = box.seal(key(), replayRandom(nonces[0]), Buffer.from('first'), Buffer.alloc(0));
  const second = box.seal(key(), replayRandom(nonces[1]), Buffer.from('second'), Buffer.alloc(0));
  expect(box.open(key(), first, Buffer.alloc(0)).toString()).toBe('first');
  expect(box.open(key(), second, Buffer.alloc(0)).toString()).toBe('second');
});
