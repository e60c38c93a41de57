import type {
  CreateGrantRequest,
  EncryptRequest,
  ListKeysRequest,
  RecipientInfo,
  Tag,
  TagResourceRequest,
} from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { parseJsonBody } from './aws-json.ts';
import * as kms from './kms-shapes.ts';
import {
  blob,
  boolean,
  double,
  enumeration,
  integer,
  list,
  long,
  map,
  required,
  type Structure,
  string,
  structure,
  timestamp,
} from './shapes.ts';

const encryptInput = structure<EncryptRequest>({
  KeyId: required(kms.keyId),
  Plaintext: required(kms.plaintext),
  EncryptionContext: kms.encryptionContext,
  GrantTokens: kms.grantTokens,
  EncryptionAlgorithm: kms.encryptionAlgorithm,
  DryRun: kms.dryRun,
});
const tagInput = structure<TagResourceRequest>({ KeyId: required(kms.keyId), Tags: required(kms.tags) });
const listKeysInput = structure<ListKeysRequest>({ Limit: kms.limit, Marker: kms.marker });

interface Odds {
  ValidTo?: Date | undefined;
  Total?: number | undefined;
  Sum?: number | undefined;
  Secret?: string | undefined;
  Secrets?: string[] | undefined;
  Signature: Uint8Array | undefined;
  Operations?: ('Encrypt' | 'Decrypt')[] | undefined;
  Labels?: Record<string, string> | undefined;
  Short?: string | undefined;
  Recipient?: RecipientInfo | undefined;
}
const oddsInput = structure<Odds>({
  ValidTo: timestamp(),
  Total: long(),
  Sum: double(),
  Secret: string({ min: 7, sensitive: true }),
  Secrets: list(string({ min: 7, sensitive: true })),
  Signature: required(blob({ min: 1, max: 6144 })),
  Operations: list(enumeration(['Encrypt', 'Decrypt'])),
  Labels: map(string({ max: 3 }), string({ min: 2, max: 4 })),
  Short: string({ min: 2, max: 3 }),
  Recipient: kms.recipientInfo,
});

function refusal(input: Structure<never> | { parse: (json: unknown) => unknown }, body: string): string {
  try {
    input.parse(parseJsonBody(Buffer.from(body)));
  } catch (error) {
    if (error instanceof KeyholdError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const encryptBody = (members: object) => JSON.stringify({ KeyId: 'k', Plaintext: 'AA==', ...members });

describe('reading', () => {
  test('gives the SDK’s types', () => {
    const input = encryptInput.parse(
      parseJsonBody(
        Buffer.from(
          '{"KeyId":"k","Plaintext":"aGk=","EncryptionContext":{"a":"b"},"GrantTokens":["t"],"EncryptionAlgorithm":"SYMMETRIC_DEFAULT","DryRun":true}',
        ),
      ),
    );
    const keyId: string = input.KeyId;
    const plaintext: Uint8Array = input.Plaintext;
    expect(keyId).toBe('k');
    expect(Buffer.from(plaintext).toString()).toBe('hi');
    expect({ ...input.EncryptionContext }).toEqual({ a: 'b' });
    expect(input.GrantTokens).toEqual(['t']);
    expect(input.EncryptionAlgorithm).toBe('SYMMETRIC_DEFAULT');
    expect(input.DryRun).toBe(true);
  });

  test('takes null for absent and ignores what is not declared', () => {
    const input = encryptInput.parse({ KeyId: 'k', Plaintext: 'AA==', DryRun: null, Foo: { Bar: 1 }, __proto__: null });
    expect(Object.keys(input)).toEqual(['KeyId', 'Plaintext']);
  });

  test.each([
    ['{"KeyId":1}', 'NUMBER_VALUE can not be converted to a String'],
    ['{"KeyId":true}', 'TRUE_VALUE can not be converted to a String'],
    ['{"KeyId":false}', 'FALSE_VALUE can not be converted to a String'],
    ['{"KeyId":["k"]}', 'Start of list found where not expected'],
    ['{"KeyId":{"k":1}}', 'Start of structure or map found where not expected.'],
    ['{"KeyId":"\\ud800"}', 'STRING_VALUE can not be converted to a String'],
    ['{"EncryptionAlgorithm":1}', 'NUMBER_VALUE can not be converted to a String'],
    ['{"Plaintext":1}', 'NUMBER_VALUE can not be converted to a Blob'],
    ['{"Plaintext":[1]}', 'Start of list found where not expected'],
    ['{"DryRun":"true"}', 'STRING_VALUE can not be converted to an Boolean'],
    ['{"DryRun":1}', 'NUMBER_VALUE can not be converted to a Boolean'],
    ['{"GrantTokens":"t"}', 'Expected list or null'],
    ['{"GrantTokens":{}}', 'Start of structure or map found where not expected.'],
    ['{"GrantTokens":[1]}', 'NUMBER_VALUE can not be converted to a String'],
    ['{"EncryptionContext":"a"}', 'Expected map or null'],
    ['{"EncryptionContext":[]}', 'Start of list found where not expected'],
    ['{"EncryptionContext":{"a":1}}', 'NUMBER_VALUE can not be converted to a String'],
    ['{"EncryptionContext":{"\\udc00":"a"}}', 'STRING_VALUE can not be converted to a String'],
    ['[]', 'Start of list found where not expected'],
    ['null', ''],
    ['7', ''],
    ['"x"', ''],
  ])('refuses %s', (body, message) => {
    expect(refusal(encryptInput, body)).toBe(`SerializationException: ${message}`);
  });

  test.each([
    ['{"Recipient":"x"}', 'Expected null'],
    ['{"ValidTo":"2026-01-01"}', 'STRING_VALUE can not be converted to milliseconds since epoch'],
    ['{"ValidTo":1e300}', 'NUMBER_VALUE can not be converted to milliseconds since epoch'],
    ['{"Total":9007199254740993}', 'NUMBER_VALUE can not be converted to a Long'],
    ['{"Total":"1"}', 'STRING_VALUE can not be converted to a Long'],
    ['{"Sum":"1"}', 'STRING_VALUE can not be converted to a Double'],
    ['{"Sum":true}', 'TRUE_VALUE can not be converted to a Double'],
  ])('refuses %s', (body, message) => {
    expect(refusal(oddsInput, body)).toBe(`SerializationException: ${message}`);
  });

  test.each(['NaN', 'Infinity', '-Infinity'])('takes the name %s for a number', (name) => {
    expect(oddsInput.read({ Sum: name }).Sum).toBe(Number(name));
  });

  test.each(['1', '1.0', '1e0', '1E2', '0.5e1'])('takes %s for a whole number', (text) => {
    expect(listKeysInput.parse(JSON.parse(`{"Limit":${text}}`)).Limit).toBe(Number(text));
  });

  test.each(['1.5', '"7"', 'true', '1e400', '-0.1'])('does not take %s for a whole number', (text) => {
    expect(refusal(listKeysInput, `{"Limit":${text}}`)).toMatch(
      /^SerializationException: .*can not be converted to an Integer$/,
    );
  });

  test('leaves a number that is too large to the constraints', () => {
    expect(refusal(listKeysInput, '{"Limit":99999999999999999999}')).toContain(
      'Member must have value less than or equal to 1000',
    );
  });

  test.each([
    'A',
    'AA',
    'AAA',
    'AA=',
    'AA== ',
    ' AA==',
    'AA==\n',
    'A===',
    'AB==',
    'AAB=',
    '-_8=',
    'AA==AA==',
    '=',
    '====',
    'é===',
    'AAAA=',
  ])('refuses the base64 text %j without showing it', (text) => {
    const message = refusal(encryptInput, encryptBody({ Plaintext: text }));
    expect(message).toBe('SerializationException: STRING_VALUE can not be converted to a Blob');
  });

  test('round-trips every blob', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 4096 }), (bytes) => {
        const { Plaintext } = encryptInput.parse({ KeyId: 'k', Plaintext: Buffer.from(bytes).toString('base64') });
        expect(Buffer.compare(Plaintext, bytes)).toBe(0);
      }),
    );
  });

  test('keeps the milliseconds of every moment', () => {
    const latest = Date.parse('9999-12-31T23:59:59.999Z');
    fc.assert(
      fc.property(fc.integer({ min: -latest, max: latest }), (milliseconds) => {
        const { ValidTo } = oddsInput.parse(JSON.parse(`{"ValidTo":${milliseconds / 1000},"Signature":"AA=="}`));
        expect(ValidTo?.getTime()).toBe(milliseconds);
      }),
    );
  });

  test('has no other keys in a map than the caller’s', () => {
    const body =
      '{"KeyId":"k","Plaintext":"AA==","EncryptionContext":{"__proto__":"p","constructor":"c","a":"1","a":"2"}}';
    const context = encryptInput.parse(parseJsonBody(Buffer.from(body))).EncryptionContext;
    expect(Object.entries(context ?? {})).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['a', '2'],
    ]);
    const plain = encryptInput.parse(JSON.parse(encryptBody({ EncryptionContext: {} }))).EncryptionContext;
    expect(Object.keys(plain ?? {})).toEqual([]);
    expect(Object.hasOwn(plain ?? {}, 'constructor')).toBe(false);
  });

  test('does not take the members of a prototype for the caller’s', () => {
    expect(refusal(encryptInput, '{"__proto__":{"KeyId":"k","Plaintext":"AA=="}}')).toMatch(/^ValidationException: 2 /);
  });
});

describe('constraints', () => {
  const one = (what: string) => `ValidationException: 1 validation error detected: ${what}`;
  const asciiPattern = 'Member must satisfy regular expression pattern: ^\\p{ASCII}+$';

  test.each([
    ['{"Plaintext":"AA=="}', one("Value null at 'keyId' failed to satisfy constraint: Member must not be null")],
    ['{"KeyId":"k"}', one("Value at 'plaintext' failed to satisfy constraint: Member must not be null")],
    [
      '{"KeyId":""}',
      `ValidationException: 3 validation errors detected: Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'keyId' failed to satisfy constraint: ${asciiPattern}; Value at 'plaintext' failed to satisfy constraint: Member must not be null`,
    ],
    [encryptBody({ KeyId: 'キー' }), one(`Value 'キー' at 'keyId' failed to satisfy constraint: ${asciiPattern}`)],
    [
      encryptBody({ Plaintext: '' }),
      one("Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1"),
    ],
    [
      encryptBody({ Plaintext: Buffer.alloc(4097).toString('base64') }),
      one("Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"),
    ],
    [
      encryptBody({ EncryptionAlgorithm: 'ROT13' }),
      one(
        "Value 'ROT13' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]",
      ),
    ],
    [
      encryptBody({ GrantTokens: ['ok', ''] }),
      one(
        "Value '[ok, ]' at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 8192, Member must have length greater than or equal to 1]",
      ),
    ],
    [
      encryptBody({ GrantTokens: Array(11).fill('t') }),
      one(
        "Value '[t, t, t, t, t, t, t, t, t, t, t]' at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10",
      ),
    ],
    [
      encryptBody({ GrantTokens: [null] }),
      one(
        "Value '[null]' at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [Member must not be null]",
      ),
    ],
    [
      encryptBody({ EncryptionContext: { a: null, b: 'c' } }),
      one(
        "Value '{a=null, b=c}' at 'encryptionContext' failed to satisfy constraint: Map value must satisfy constraint: [Member must not be null]",
      ),
    ],
  ])('of Encrypt: %.80s', (body, expected) => {
    expect(refusal(encryptInput, body)).toBe(expected);
  });

  test.each([
    [0, 'Member must have value greater than or equal to 1'],
    [1001, 'Member must have value less than or equal to 1000'],
  ])('of numbers: %d', (limit, constraint) => {
    expect(refusal(listKeysInput, JSON.stringify({ Limit: limit }))).toBe(
      one(`Value '${limit}' at 'limit' failed to satisfy constraint: ${constraint}`),
    );
  });

  test('of the structures in a list are named by their place', () => {
    const tags: Tag[] = [
      { TagKey: '', TagValue: 'v'.repeat(257) },
      { TagKey: 'k', TagValue: undefined },
    ];
    expect(refusal(tagInput, JSON.stringify({ KeyId: 'k', Tags: tags }))).toBe(
      `ValidationException: 3 validation errors detected: Value '' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '${'v'.repeat(257)}' at 'tags.1.member.tagValue' failed to satisfy constraint: Member must have length less than or equal to 256; Value null at 'tags.2.member.tagValue' failed to satisfy constraint: Member must not be null`,
    );
    expect(refusal(tagInput, '{"KeyId":"k","Tags":[null]}')).toBe(
      one(
        "Value '[null]' at 'tags' failed to satisfy constraint: Member must satisfy constraint: [Member must not be null]",
      ),
    );
  });

  test.each([
    [{}, "Value null at 'signature' failed to satisfy constraint: Member must not be null"],
    [
      { Signature: '' },
      "Value at 'signature' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      { Signature: 'AA==', Secret: 'hunter2'.slice(1) },
      "Value at 'secret' failed to satisfy constraint: Member must have length greater than or equal to 7",
    ],
    [
      { Signature: 'AA==', Secrets: ['hunter'] },
      "Value at 'secrets' failed to satisfy constraint: Member must satisfy constraint: [Member must have length greater than or equal to 7]",
    ],
    [
      { Signature: 'AA==', Operations: ['Encrypt', 'Encode'] },
      "Value '[Encrypt, Encode]' at 'operations' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [Encrypt, Decrypt]]",
    ],
    [
      { Signature: 'AA==', Labels: { long: 'abc' } },
      "Value '{long=abc}' at 'labels' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 3]",
    ],
    [
      { Signature: 'AA==', Labels: { a: 'x' } },
      "Value '{a=x}' at 'labels' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or equal to 2]",
    ],
    [
      { Signature: 'AA==', Recipient: { KeyEncryptionAlgorithm: 'X' } },
      "Value 'X' at 'recipient.keyEncryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RSAES_OAEP_SHA_256]",
    ],
  ])('of other shapes: %j', (body, expected) => {
    expect(refusal(oddsInput, JSON.stringify(body))).toBe(one(expected));
  });

  test.each([
    ['ab', true],
    ['a', false],
    ['abcd', false],
    ['😀', false],
    ['😀😀', true],
    ['😀😀😀', true],
    ['a😀a', true],
    ['😀😀😀a', false],
    ['😀😀😀😀', false],
  ])('count the code points of %s', (text, fits) => {
    expect(refusal(oddsInput, JSON.stringify({ Signature: 'AA==', Short: text })) === 'accepted').toBe(fits);
  });

  test('keep the message bounded', () => {
    const tags = Array(500).fill({ TagKey: '😀'.repeat(1000), TagValue: '' });
    const message = refusal(tagInput, JSON.stringify({ KeyId: 'k', Tags: tags }));
    expect(message).toMatch(/^ValidationException: 100 validation errors detected/);
    expect(message.length).toBeLessThan(150_000);
    const cut = refusal(encryptInput, encryptBody({ KeyId: `a${'😀'.repeat(1000)}` }));
    expect(cut.isWellFormed()).toBe(true);
    expect(cut.length).toBeLessThan(1300);
  });

  test.each([
    ['alias/my-key_1', true],
    ['alias/a b', false],
    ['alias/a\n', false],
    ['alias/é', false],
  ])('of aliases: %j', (name, fits) => {
    const { holds } = kms.aliasName.constraints.at(-1) ?? { holds: () => false };
    expect(holds(name)).toBe(fits);
  });

  test.each([
    ['{\t"a": "é"}\r\n', true],
    ['\u0000', false],
    ['\u000b', false],
    ['€', false],
  ])('of policies: %j', (text, fits) => {
    const { holds } = kms.policy.constraints.at(-1) ?? { holds: () => false };
    expect(holds(text)).toBe(fits);
  });

  test('of any JSON: a typed value or a refusal, never another error', () => {
    const member = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.string({ unit: 'binary' }),
      fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 }),
      fc.array(fc.string()),
    );
    const mostly = (good: fc.Arbitrary<unknown>) =>
      fc.oneof({ weight: 9, arbitrary: good }, { weight: 1, arbitrary: member });
    const base64 = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          KeyId: mostly(fc.string({ minLength: 1 })),
          Plaintext: mostly(base64),
          EncryptionContext: mostly(fc.dictionary(fc.string(), fc.string())),
          GrantTokens: mostly(fc.array(fc.string({ minLength: 1 }))),
          EncryptionAlgorithm: mostly(fc.constant('SM2PKE')),
          DryRun: mostly(fc.boolean()),
          ['__proto__']: member,
        },
        { requiredKeys: ['KeyId', 'Plaintext'] },
      ),
    );
    let accepted = 0;
    fc.assert(
      fc.property(body, (json) => {
        const text = JSON.stringify(json);
        const outcome = refusal(encryptInput, text);
        if (outcome !== 'accepted') {
          expect(outcome).toMatch(/^(SerializationException|ValidationException): /);
          return;
        }
        accepted++;
        const input = encryptInput.parse(parseJsonBody(Buffer.from(text)));
        expect(input.KeyId.length).toBeGreaterThan(0);
        expect(input.Plaintext).toBeInstanceOf(Uint8Array);
        expect(input.Plaintext.length).toBeGreaterThan(0);
        expect(['undefined', 'boolean']).toContain(typeof input.DryRun);
        for (const token of input.GrantTokens ?? []) expect(typeof token).toBe('string');
        for (const value of Object.values(input.EncryptionContext ?? {})) expect(typeof value).toBe('string');
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});

describe('declaring', () => {
  test('must name every member, require what the SDK requires, and fit its types exactly', () => {
    // The compiler is the test: each of these must fail to compile.
    // @ts-expect-error a member is missing
    structure<ListKeysRequest>({ Limit: kms.limit });
    // @ts-expect-error a member is not the SDK's
    structure<ListKeysRequest>({ Limit: kms.limit, Marker: kms.marker, Page: kms.marker });
    // @ts-expect-error a member is of another type
    structure<ListKeysRequest>({ Limit: string(), Marker: kms.marker });
    // @ts-expect-error the SDK requires both
    structure<Tag>({ TagKey: string(), TagValue: string() });
    // @ts-expect-error the SDK does not require it
    structure<ListKeysRequest>({ Limit: required(kms.limit), Marker: kms.marker });
    structure<Pick<CreateGrantRequest, 'Operations'>>({
      // @ts-expect-error most of the SDK's values are missing
      Operations: required(list(enumeration(['Encrypt', 'Decrypt']))),
    });
    structure<Pick<Odds, 'Operations'>>({
      // @ts-expect-error one of the values is missing
      Operations: list(enumeration(['Encrypt'])),
    });
    expect(() => structure<{ toString: boolean }>({ toString: required(boolean()) } as never)).toThrow('invariant');
  });
});

test('an operation’s own limit is enforced in AWS’s words, where the description allows more', () => {
  const page = structure<{ Limit?: number }>({ Limit: integer({ min: 1, max: 50, publishedMax: 1000 }) });
  expect(page.parse({ Limit: 50 })).toEqual({ Limit: 50 });
  expect(() => page.parse({ Limit: 51 })).toThrow(
    "1 validation error detected: Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50",
  );
  expect(page.description.members?.['Limit']?.max).toBe(1000);
});
