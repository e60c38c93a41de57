import { encode } from 'cborg';
import { expect, test } from 'vitest';
import { type CborReader, readCbor } from './cbor-reader.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');
const uints = (cbor: CborReader) => {
  const found: number[] = [];
  cbor.items(() => found.push(cbor.uint()));
  return found;
};

test.each([
  ['8301190100187b', [1, 256, 123]],
  ['80', []],
  ['9f0102ff', [1, 2]],
  ['9fff', []],
  ['811b001fffffffffffff', [Number.MAX_SAFE_INTEGER]],
])('an array is read item by item: %s', (hex, items) => {
  expect(readCbor(bytes(hex), uints)).toEqual(items);
});

test('pairs, text, bytes, nulls and tags are read where they are expected', () => {
  const read = readCbor(Buffer.concat([bytes('d2'), encode({ a: null, b: new Uint8Array([1, 2]) })]), (cbor) => {
    const pairs: unknown[] = [];
    cbor.optionalTag(18);
    cbor.pairs(() => pairs.push([cbor.text(), cbor.nullOr(() => cbor.bytes().length)]));
    return pairs;
  });
  expect(read).toEqual([
    ['a', undefined],
    ['b', 2],
  ]);
});

test.each([
  ['nothing', ''],
  ['fewer items than announced', '8201'],
  ['an indefinite array without an end', '9f01'],
  ['an end within a definite array', '8201ff'],
  ['an item too many', '810102'],
  ['an end behind the end', '8101ff'],
  ['another type within', '8161'],
  ['a number in a longer form than it needs', '811800'],
  ['a count in a longer form than it needs', '980101'],
  ['a number from 2^53 on', '811b0020000000000000'],
  ['a reserved initial byte', '1c'],
])('%s throws', (_, hex) => {
  expect(() => readCbor(bytes(hex), uints)).toThrow(/^CBOR/);
});

test('an item that was looked at but not read throws', () => {
  expect(() => readCbor(bytes('01'), (cbor) => cbor.optionalTag(18))).toThrow('CBOR is followed by more');
});
