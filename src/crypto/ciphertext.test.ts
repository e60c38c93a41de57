import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  additionalData,
  CIPHERTEXT_OVERHEAD_BYTES,
  decodeHeader,
  type EncryptionContext,
  HEADER_BYTES,
  headerPrefix,
  sealingData,
} from './ciphertext.ts';

const hex = (digits: number) =>
  fc.uint8Array({ minLength: digits / 2, maxLength: digits / 2 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const keyIds = fc.oneof(
  fc.uuid(),
  hex(32).map((digits) => `mrk-${digits}`),
);
const nonces = fc.uint8Array({ minLength: 16, maxLength: 16 });

/** Any string that UTF-8 can hold, and names that objects inherit. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }).filter((each) => each.isWellFormed()),
  fc.constantFrom('', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', 'a\0b'),
);
const contexts: fc.Arbitrary<EncryptionContext> = fc
  .uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 12 })
  .map((pairs) => contextOf(pairs));

/** As the wire makes it: without a prototype. */
function contextOf(pairs: readonly (readonly [string, string])[]): EncryptionContext {
  const context: Record<string, string> = Object.create(null);
  for (const [name, value] of pairs) context[name] = value;
  return context;
}

const encodeHeader = (keyId: string, materialId: string, nonce: Uint8Array) =>
  sealingData(headerPrefix(keyId, materialId), nonce, undefined).subarray(0, HEADER_BYTES);

/** What of the additional data is the context's. */
const canonicalContext = (context: EncryptionContext | undefined) =>
  additionalData(Buffer.alloc(HEADER_BYTES), context).subarray(HEADER_BYTES);

/** A blob that begins with this header. */
const blobOf = (header: Uint8Array, more = 17) => Buffer.concat([header, Buffer.alloc(more)]);

test('a header says what it was made of', () => {
  fc.assert(
    fc.property(keyIds, hex(64), nonces, (keyId, materialId, nonce) => {
      const header = encodeHeader(keyId, materialId, nonce);
      expect(header.length).toBe(HEADER_BYTES);
      const decoded = decodeHeader(blobOf(header));
      expect(decoded).toMatchObject({ keyId, materialId });
      expect(Buffer.from(decoded?.nonce ?? [])).toEqual(Buffer.from(nonce));
      expect(Buffer.from(decoded?.bytes ?? [])).toEqual(header);
    }),
  );
});

test('a blob is read from wherever it lies in memory', () => {
  const header = encodeHeader('1234abcd-12ab-34cd-56ef-1234567890ab', 'ab'.repeat(32), Buffer.alloc(16, 9));
  const memory = Buffer.concat([Buffer.alloc(33, 0xff), blobOf(header)]);
  const decoded = decodeHeader(new Uint8Array(memory.buffer, memory.byteOffset + 33, header.length + 17));
  expect(decoded?.keyId).toBe('1234abcd-12ab-34cd-56ef-1234567890ab');
});

test('a header with any flipped bit is none of ours', () => {
  const blob = blobOf(encodeHeader('1234abcd-12ab-34cd-56ef-1234567890ab', 'ab'.repeat(32), Buffer.alloc(16, 9)));
  expect(decodeHeader(blob)).toBeDefined();
  for (let bit = 0; bit < HEADER_BYTES * 8; bit++) {
    const flipped = Buffer.from(blob);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(decodeHeader(flipped), `bit ${bit}`).toBeUndefined();
  }
});

test('a header of another version or form is none of ours, however well its checksum fits', () => {
  const header = encodeHeader('1234abcd-12ab-34cd-56ef-1234567890ab', 'ab'.repeat(32), Buffer.alloc(16, 9));
  for (const [at, value] of [
    [0, 0],
    [0, 2],
    [1, 2],
    [1, 255],
  ] as const) {
    const other = Buffer.from(header);
    other[at] = value;
    other.writeUInt32BE(crc32(other.subarray(0, 66)), 66);
    expect(decodeHeader(blobOf(other)), `byte ${at} is ${value}`).toBeUndefined();
  }
});

test('what is too short for a header and a tag is no blob', () => {
  const blob = blobOf(encodeHeader('1234abcd-12ab-34cd-56ef-1234567890ab', 'ab'.repeat(32), Buffer.alloc(16, 9)), 16);
  expect(blob.length).toBe(CIPHERTEXT_OVERHEAD_BYTES);
  expect(decodeHeader(blob)).toBeDefined();
  for (let length = 0; length < blob.length; length++) {
    expect(decodeHeader(blob.subarray(0, length)), `${length} bytes`).toBeUndefined();
  }
});

test('random bytes are no blob', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
      expect(decodeHeader(bytes)).toBeUndefined();
    }),
  );
});

test('a context is written as its number of pairs and the pairs, sorted by the bytes of their names', () => {
  expect(canonicalContext(undefined).toString('hex')).toBe('00000000');
  expect(canonicalContext({}).toString('hex')).toBe('00000000');
  expect(canonicalContext({ b: 'y', a: 'x' }).toString('hex')).toBe(
    '00000002' + '00000001' + '61' + '00000001' + '78' + '00000001' + '62' + '00000001' + '79',
  );
  // U+FF5E is EF BD 9E and U+1F511 is F0 9F 94 91, though UTF-16 has them the other way round.
  expect(canonicalContext({ '\u{1f511}': '', '～': '' }).toString('hex')).toBe(
    '00000002' + '00000003' + 'efbd9e' + '00000000' + '00000004' + 'f09f9491' + '00000000',
  );
});

test('the order in which pairs were sent does not matter', () => {
  const shuffled = fc
    .uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 12 })
    .chain((pairs) => fc.tuple(fc.constant(pairs), fc.shuffledSubarray(pairs, { minLength: pairs.length })));
  fc.assert(
    fc.property(shuffled, ([sent, otherwise]) => {
      expect(canonicalContext(contextOf(sent))).toEqual(canonicalContext(contextOf(otherwise)));
    }),
  );
});

test('contexts that differ are written differently', () => {
  const same = (a: EncryptionContext, b: EncryptionContext) =>
    JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
  fc.assert(
    fc.property(contexts, contexts, (a, b) => {
      expect(canonicalContext(a).equals(canonicalContext(b))).toBe(same(a, b));
    }),
    { examples: [[{ a: 'bc' }, { ab: 'c' }]] },
  );
  expect(canonicalContext({ a: 'bc' })).not.toEqual(canonicalContext({ ab: 'c' }));
  expect(canonicalContext({ a: 'b', c: 'd' })).not.toEqual(canonicalContext({ a: 'bcd' }));
  expect(canonicalContext({ '': '' })).not.toEqual(canonicalContext({}));
  // Two names that only a normalisation of Unicode would make one.
  expect(canonicalContext({ '\u00e9': '' })).not.toEqual(canonicalContext({ 'e\u0301': '' }));
});

test('names that every object has are names like any other', () => {
  const context = contextOf([['__proto__', 'x']]);
  expect(canonicalContext(context).toString('hex')).toContain(Buffer.from('__proto__').toString('hex'));
  expect(canonicalContext(JSON.parse('{"__proto__":"x"}'))).toEqual(canonicalContext(context));
});

test('what the tag covers is the same for who seals and for who opens: the header, then the context', () => {
  fc.assert(
    fc.property(keyIds, hex(64), nonces, contexts, (keyId, materialId, nonce, context) => {
      const sealing = sealingData(headerPrefix(keyId, materialId), nonce, context);
      const header = decodeHeader(blobOf(sealing.subarray(0, HEADER_BYTES)));
      expect(additionalData(header?.bytes ?? Buffer.alloc(0), context)).toEqual(sealing);
      expect(sealing.subarray(HEADER_BYTES)).toEqual(canonicalContext(context));
    }),
  );
});
