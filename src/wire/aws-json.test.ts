import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { parseJsonBody, serialise } from './aws-json.ts';

describe('parseJsonBody', () => {
  test.each([
    ['nothing', ''],
    ['an unfinished object', '{'],
    ['a trailing comma', '{"Limit":1,}'],
    ['a byte order mark', '\ufeff{}'],
    ['a comment', '{}//'],
    ['two values', '{}{}'],
    ['a control character in a string', '{"a":"\u0001"}'],
    ['NaN', '{"a":NaN}'],
  ])('refuses %s', (_what, body) => {
    expect(() => parseJsonBody(Buffer.from(body))).toThrow(
      expect.objectContaining({ code: 'SerializationException', message: '' }),
    );
  });

  test.each([
    ['a stray byte', [0x22, 0xff, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a cut character', [0x22, 0xc3]],
  ])('refuses UTF-8 with %s', (_what, bytes) => {
    expect(() => parseJsonBody(Uint8Array.from(bytes))).toThrow(KeyholdError);
  });

  test('lets the last of two members of a name count, and reads __proto__ as a name', () => {
    expect(parseJsonBody(Buffer.from('{"a":1,"a":2}'))).toEqual({ a: 2 });
    const parsed = parseJsonBody(Buffer.from('{"__proto__":{"x":1}}')) as object;
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  test('survives deep nesting', () => {
    const depth = 500_000;
    expect(Array.isArray(parseJsonBody(Buffer.from('['.repeat(depth) + ']'.repeat(depth))))).toBe(true);
    expect(() => parseJsonBody(Buffer.from('{"a":'.repeat(100_000)))).toThrow(KeyholdError);
  });

  test('never throws anything but a SerializationException', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          parseJsonBody(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'SerializationException' });
        }
      }),
    );
  });
});

describe('serialise', () => {
  test('writes blobs, moments, structures and lists as AWS does', () => {
    const output = {
      KeyId: 'a"b\n',
      CiphertextBlob: Buffer.from('cipher'),
      Plaintext: new Uint8Array(Buffer.from('xxplainxx')).subarray(2, 7),
      CreationDate: new Date(1732270800123),
      DeletionDate: new Date(1732270800000),
      Description: undefined,
      Truncated: false,
      Tags: [{ TagKey: 'k', TagValue: '' }],
      KeyMetadata: { Enabled: true, CreationDate: new Date(0), ValidTo: undefined },
      Blobs: [Buffer.from('a')],
    };
    expect(serialise(output)).toBe(
      '{"KeyId":"a\\"b\\n","CiphertextBlob":"Y2lwaGVy","Plaintext":"cGxhaW4=","CreationDate":1732270800.123,' +
        '"DeletionDate":1732270800,"Truncated":false,"Tags":[{"TagKey":"k","TagValue":""}],' +
        '"KeyMetadata":{"Enabled":true,"CreationDate":0},"Blobs":["YQ=="]}',
    );
    expect(serialise({})).toBe('{}');
  });

  test('keeps every key of a caller’s map', () => {
    const context = Object.assign(Object.create(null), { constructor: 'c', toJSON: 't' });
    Object.defineProperty(context, '__proto__', { value: 'p', enumerable: true });
    expect(serialise({ Constraints: { EncryptionContextEquals: context } })).toBe(
      '{"Constraints":{"EncryptionContextEquals":{"constructor":"c","toJSON":"t","__proto__":"p"}}}',
    );
  });

  test('writes numbers that JSON does not have as their names', () => {
    const Values = [1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(serialise({ Values })).toBe('{"Values":[1.5,"NaN","Infinity","-Infinity"]}');
  });

  test.each([new Date(Number.NaN)])('refuses to write %s', (value) => {
    expect(() => serialise({ value })).toThrow('invariant broken');
  });

  test('writes plain JSON as JSON.stringify does', () => {
    const output = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 });
    fc.assert(fc.property(output, (value) => serialise(value) === JSON.stringify(value)));
  });

  test('round-trips every blob', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const { blob } = JSON.parse(serialise({ blob: bytes }));
        expect(Buffer.compare(Buffer.from(blob, 'base64'), bytes)).toBe(0);
      }),
    );
  });
});
