import { SmithyRpcV2CborProtocol } from '@smithy/core/cbor';
import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { readCbor, writeCbor } from './cbor.ts';
import type { ShapeDescription } from './shape.ts';

const shape: ShapeDescription = {
  type: 'structure',
  members: {
    Name: { type: 'string' },
    Count: { type: 'long' },
    Sum: { type: 'double' },
    On: { type: 'boolean' },
    At: { type: 'timestamp' },
    Blob: { type: 'blob' },
    Sums: { type: 'list', member: { type: 'double' } },
    Tags: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
    Inner: { type: 'structure', members: { Name: { type: 'string' } } },
  },
};

const read = (hex: string) => readCbor(Buffer.from(hex.replaceAll(' ', ''), 'hex'), shape);
/** The hex of one member. */
const member = (name: string, value: string) => `a1 ${Buffer.from(encode(name)).toString('hex')} ${value}`;
const refused = { code: 'SerializationException' };

describe('an input', () => {
  it('is read as a client of AWS JSON would have sent it', () => {
    const bytes = encode({
      Name: 'é',
      Count: -3,
      Sum: 1.5,
      On: true,
      Blob: Buffer.from('bytes'),
      Sums: [1, 0.1, Number.NaN, Number.POSITIVE_INFINITY],
      Tags: { a: 'b', __proto__x: 'c' },
      Inner: { Name: 'n', Other: [{ deep: [1] }] },
      Unknown: { a: [1, 'x', Buffer.from('y'), null, 1.5] },
    });
    expect(readCbor(bytes, shape)).toEqual({
      Name: 'é',
      Count: -3,
      Sum: 1.5,
      On: true,
      Blob: 'Ynl0ZXM=',
      Sums: [1, 0.1, Number.NaN, Number.POSITIVE_INFINITY],
      Tags: { a: 'b', __proto__x: 'c' },
      Inner: { Name: 'n' },
    });
  });

  test.each<[string, string, unknown]>([
    ['half precision', member('Sum', 'f9 3e00'), { Sum: 1.5 }],
    ['single precision', member('Sum', 'fa 3fc00000'), { Sum: 1.5 }],
    ['half-precision infinity', member('Sum', 'f9 fc00'), { Sum: Number.NEGATIVE_INFINITY }],
    ['an integer for a number with a fraction', member('Sum', '19 0100'), { Sum: 256 }],
    ['more bytes than a number needs', member('Count', '1b 0000000000000001'), { Count: 1 }],
    ['a moment in seconds', member('At', 'c1 1a 6a000000'), { At: 0x6a000000 }],
    ['a moment with a fraction', member('At', 'c1 fb 3ff8000000000000'), { At: 1.5 }],
    ['a moment before 1970', member('At', 'c1 20'), { At: -1 }],
    ['null, which is absent', member('Name', 'f6'), { Name: null }],
    ['undefined, which the specification takes for null', member('Name', 'f7'), { Name: null }],
    ['a list without a length', member('Sums', '9f 01 02 ff'), { Sums: [1, 2] }],
    ['null in a list', member('Sums', '81 f6'), { Sums: [null] }],
    ['a map without a length', 'bf 64 4e616d65 61 61 ff', { Name: 'a' }],
    ['text in pieces', member('Name', '7f 61 61 60 61 62 ff'), { Name: 'ab' }],
    ['bytes in pieces', member('Blob', '5f 41 61 41 62 ff'), { Blob: 'YWI=' }],
    ['a tag where nothing is known of the member', member('Else', 'c1 c2 41 00'), {}],
    ['nothing at all', '', {}],
    ['an empty map', 'a0', {}],
  ])('may have %s', (_, hex, expected) => {
    expect(read(hex)).toEqual(expected);
  });

  test('whose keys are the names of inherited things makes members of them', () => {
    const { Tags } = read(member('Tags', 'a1 69 5f5f70726f746f5f5f 61 61')) as { Tags: object };
    expect(Object.entries(Tags)).toEqual([['__proto__', 'a']]);
    expect(read('a1 6b 636f6e7374727563746f72 01')).toEqual({});
  });

  test.each<[string, string]>([
    ['that ends too early', 'a1 64 4e61'],
    ['without a value', 'a1 64 4e616d65'],
    ['followed by more', 'a0 00'],
    ['that is a list', '80'],
    ['with a name twice', 'a2 64 4e616d65 61 61 64 4e616d65 61 62'],
    ['with an unknown name twice', 'a2 61 7a 01 61 7a 02'],
    ['with a key of a map twice', member('Tags', 'a2 61 61 61 61 61 61 61 62')],
    ['with a name that is a number', 'a1 01 01'],
    ['with text that is not UTF-8', member('Name', '61 ff')],
    ['with a surrogate in UTF-8', member('Name', '63 eda080')],
    ['with bytes for text', member('Name', '41 61')],
    ['with text for bytes', member('Blob', '61 61')],
    ['with a number for a moment', member('At', '01')],
    ['with another tag for a moment', member('At', 'c0 01')],
    ['with text for a number', member('Count', '61 31')],
    ['with a tag for a number', member('Count', 'c2 41 01')],
    ['with a list for a structure', member('Inner', '80')],
    ['with pieces of another type', member('Name', '7f 41 61 ff')],
    ['with pieces in pieces', member('Name', '7f 7f 61 61 ff ff')],
    ['with pieces that do not end', member('Name', '7f 61 61')],
    ['with a break that ends nothing', member('Name', 'ff')],
    ['with a length that nobody could send', member('Sums', '9b ffffffffffffffff 01')],
    ['with text longer than there is', member('Name', '7b 7fffffffffffffff 61')],
    ['with a reserved length', member('Count', '1c')],
    ['with a simple value that means nothing', member('On', 'e0')],
    ['with a simple value in two bytes', member('On', 'f8 14')],
    ['with an unknown member that is nested too deeply', member('Else', `${'81'.repeat(40)}80`)],
  ])('%s is refused', (_, hex) => {
    expect(() => read(hex)).toThrow(expect.objectContaining(refused));
  });

  test('costs no stack, however deep: a megabyte of open lists is refused at once', () => {
    for (const [name, byte] of [
      ['Else', 0x81],
      ['Else', 0xc1],
      ['Sums', 0x9f],
      ['Else', 0xbf],
    ] as const) {
      const bytes = Buffer.concat([Buffer.from([0xa1]), encode(name), Buffer.alloc(1024 * 1024, byte)]);
      expect(() => readCbor(bytes, shape)).toThrow(expect.objectContaining(refused));
    }
  });

  test('is refused if it has more items, structures or pieces than anybody needs, and not before', () => {
    const filled = (name: string, open: number[], count: number, byte: number) =>
      Buffer.concat([
        Buffer.from([0xa1]),
        encode(name),
        Buffer.from(open),
        Buffer.alloc(count, byte),
        Buffer.from([0xff]),
      ]);
    for (const [name, open, byte, most] of [
      ['Sums', [0x9f], 0x01, 749_997],
      ['Else', [0x9f], 0xa0, 99_998],
      ['Name', [0x7f], 0x60, 749_997],
    ] as const) {
      expect(readCbor(filled(name, [...open], most, byte), shape), name).toBeDefined();
      expect(() => readCbor(filled(name, [...open], most + 1, byte), shape), name).toThrow(
        expect.objectContaining(refused),
      );
    }
    const pieces = (count: number) =>
      Buffer.concat([
        Buffer.from([0xa1]),
        encode('Name'),
        Buffer.from([0x7f]),
        ...Array(count).fill(Buffer.from('6161', 'hex')),
        Buffer.from([0xff]),
      ]);
    expect(readCbor(pieces(10_000), shape)).toEqual({ Name: 'a'.repeat(10_000) });
    expect(() => readCbor(pieces(10_001), shape)).toThrow(expect.objectContaining(refused));
  });

  test('never makes anything else be thrown than a SerializationException, whatever its bytes', () => {
    const valid = Buffer.from(
      encode({
        Name: 'name',
        Sum: 0.1,
        Sums: [1, 2.5],
        Tags: { a: 'b' },
        Inner: { Name: 'x' },
        Blob: Buffer.from('b'),
      }),
    );
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        try {
          readCbor(bytes, shape);
        } catch (error) {
          expect(error).toMatchObject(refused);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('is read as it was written, whatever it holds', () => {
    const members = fc.record({
      Name: fc.string({ unit: 'binary' }),
      Count: fc.maxSafeInteger(),
      Sum: fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
      On: fc.boolean(),
      Sums: fc.array(fc.float({ noNaN: true }).map((value) => (value === 0 ? 0 : value))),
      Tags: fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
    });
    fc.assert(
      fc.property(members, fc.date({ noInvalidDate: true }), fc.uint8Array(), (value, At, blob) => {
        expect(readCbor(writeCbor({ ...value, At, Blob: Buffer.from(blob) }), shape)).toEqual({
          ...value,
          At: At.getTime() / 1000,
          Blob: Buffer.from(blob).toString('base64'),
        });
      }),
    );
  });
});

describe('an output', () => {
  const decode = (bytes: Uint8Array) => {
    const deserializer = new SmithyRpcV2CborProtocol({ defaultNamespace: 'test' })
      .getPayloadCodec()
      .createDeserializer();
    return deserializer.read(15 as never, bytes) as Record<string, unknown>;
  };

  it('is what the SDK reads', () => {
    const output = {
      Label: 'é',
      Values: [1, 2.5, -1, Number.NaN],
      None: undefined,
      Blob: Buffer.from('bytes'),
      Nested: { Empty: [] },
    };
    const { None, ...there } = output;
    expect(decode(writeCbor(output))).toEqual({ ...there, Blob: new Uint8Array(output.Blob) });
  });

  it('has moments as tag 1, in seconds, and no number in half precision', () => {
    const hex = (value: object) => Buffer.from(writeCbor(value)).toString('hex');
    expect(hex({ a: new Date(1500) })).toBe('a16161c1fb3ff8000000000000');
    expect(hex({ a: new Date(2000) })).toBe('a16161c102');
    expect(hex({ a: new Date(-2000) })).toBe('a16161c121');
    expect(hex({ a: 1.5 })).toBe('a16161fb3ff8000000000000');
  });

  it('has doubles where the service has them, also of whole numbers', () => {
    const hex = (value: object) => Buffer.from(writeCbor(value, new Set(['d']))).toString('hex');
    expect(hex({ d: 1, a: 1 })).toBe('a26161016164fb3ff0000000000000');
    expect(hex({ a: [{ d: [1, 2.5] }] })).toBe('a1616181a1616482fb3ff0000000000000fb4004000000000000');
    expect(hex({ d: new Map([['p99', 2]]) })).toBe('a16164a163703939fb4000000000000000');
    expect(hex({ d: Number.NaN })).toBe('a16164fb7ff8000000000000');
    expect(hex({ d: undefined, a: new Date(2000) })).toBe('a16161c102');
  });
});
