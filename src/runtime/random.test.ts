import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemRandom, uuidFromBytes } from './random.ts';

/** Lengths around the pool's size (8192), the size above which the pool is not used (1024), and the everyday ones. */
const lengths = fc.oneof(fc.integer({ min: 0, max: 64 }), fc.constantFrom(1023, 1024, 1025, 8191, 8192, 8193));

test('gives as many bytes as are asked for, each buffer with memory of its own', () => {
  fc.assert(
    fc.property(fc.array(lengths, { minLength: 2, maxLength: 40 }), (asked) => {
      const random = systemRandom();
      const buffers = asked.map((length) => random.bytes(length));
      expect(buffers.map(({ length }) => length)).toEqual(asked);
      const used = buffers.filter(({ length }) => length > 0);
      expect(new Set(used.map(({ buffer }) => buffer)).size).toBe(used.length);
      for (const { buffer, length } of used) expect(buffer.byteLength).toBe(length);
    }),
  );
});

test('never hands out a stretch of bytes twice, across many fills of the pool', () => {
  const random = systemRandom();
  const seen = new Set<string>();
  // 16 bytes at a time and 24 at times, so that stretches begin everywhere in the pool.
  for (let count = 0; count < 5000; count++) seen.add(random.bytes(count % 7 === 0 ? 24 : 16).toString('hex', 0, 16));
  expect(seen.size).toBe(5000);
});

test('what a caller does to its bytes does not come back to anyone else', () => {
  const random = systemRandom();
  for (let count = 0; count < 2000; count++) {
    const bytes = random.bytes(16);
    expect(bytes.equals(Buffer.alloc(16)), 'sixteen zeros in a row are a pool that was wiped, not filled').toBe(false);
    bytes.fill(0);
  }
});

test('every bit of every byte is on half of the time', () => {
  const rounds = 4096;
  const random = systemRandom();
  const ones = new Array<number>(16 * 8).fill(0);
  for (let round = 0; round < rounds; round++) {
    const bytes = random.bytes(16);
    for (let bit = 0; bit < ones.length; bit++) {
      ones[bit] = (ones[bit] as number) + (((bytes[bit >> 3] as number) >> (bit & 7)) & 1);
    }
  }
  // Eight standard deviations of 32: an honest source fails this once in 10^13 runs.
  for (const count of ones) expect(Math.abs(count - rounds / 2)).toBeLessThan(8 * 32);
});

test('neighbouring bytes are alike once in 256 times', () => {
  const random = systemRandom();
  let alike = 0;
  const pairs = 4096 * 15;
  for (let round = 0; round < 4096; round++) {
    const bytes = random.bytes(16);
    for (let at = 1; at < bytes.length; at++) if (bytes[at] === bytes[at - 1]) alike += 1;
  }
  // Again eight standard deviations, of a little under 16.
  expect(Math.abs(alike - pairs / 256)).toBeLessThan(8 * 16);
});

test('makes UUIDs of version 4 and the variant of RFC 9562, in lower case, all different', () => {
  const random = systemRandom();
  const made = Array.from({ length: 2000 }, () => random.uuid());
  for (const uuid of made)
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(made).size).toBe(made.length);
  for (const variant of ['8', '9', 'a', 'b']) expect(made.some((uuid) => uuid[19] === variant)).toBe(true);
});

test('writes a UUID as RFC 9562 does', () => {
  const raw = Buffer.from('919108f752d1432fbb9bf05ce3de6b2a', 'hex');
  expect(uuidFromBytes(raw)).toBe('919108f7-52d1-432f-bb9b-f05ce3de6b2a');
});
