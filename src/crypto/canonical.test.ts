import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lengthPrefixed } from './canonical.ts';

const part = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.uint8Array({ maxLength: 300 }),
);

/** The reader of the format, from its description: a length of four bytes, big-endian, and as many bytes, until the end. */
function readParts(encoded: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < encoded.length; ) {
    const length = encoded.readUInt32BE(at);
    parts.push(encoded.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

test('writes each part with its length in front', () => {
  expect(lengthPrefixed().toString('hex')).toBe('');
  expect(lengthPrefixed('').toString('hex')).toBe('00000000');
  expect(lengthPrefixed('a', 'bc').toString('hex')).toBe('0000000161000000026263');
  expect(lengthPrefixed('é', Uint8Array.of(0, 255)).toString('hex')).toBe('00000002c3a90000000200ff');
});

test('can be read back, so that no two lists of parts are written alike', () => {
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      expect(readParts(lengthPrefixed(...parts))).toEqual(parts.map((each) => Buffer.from(each as string)));
    }),
  );
});

test('parts that would meet if they were joined do not', () => {
  expect(lengthPrefixed('a', 'bc')).not.toEqual(lengthPrefixed('ab', 'c'));
  expect(lengthPrefixed('a', '')).not.toEqual(lengthPrefixed('a'));
  expect(lengthPrefixed('', 'a')).not.toEqual(lengthPrefixed('a', ''));
});
