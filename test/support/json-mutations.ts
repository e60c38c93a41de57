import type { Dice } from './dice.ts';

/** Damage to JSON bodies: to their values, which leaves them JSON, and to their text, which mostly does not. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const STRANGE_STRINGS = [
  '',
  ' ',
  '\0',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'true',
  '0',
  '../../etc/passwd',
  '%00',
  "'; DROP TABLE records; --",
  '(a+)+$',
  '*',
  'alias/',
  'alias/aws/s3',
  'alias/no-such-alias',
  'arn:',
  'arn:aws:kms',
  'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  'arn:aws:kms:us-east-1::key/',
  '1234abcd-12ab-34cd-56ef-1234567890ab',
  'mrk-1234abcd12ab34cd56ef1234567890ab',
  'AAAA',
  'AAA=',
  '====',
  '-_-_',
  'A'.repeat(5464),
  'x'.repeat(8193),
  'é',
  'e\u0301',
  '\u2028\u2029',
  '\ufeff',
  '\uffff',
  '🔑'.repeat(64),
  '\ud800',
  '\udc00\ud800',
  'SYMMETRIC_DEFAULT',
  'RSAES_OAEP_SHA_256',
  'IGNORE_CIPHERTEXT',
  'AES_256',
  'AES_512',
];

const STRANGE_NUMBERS = [0, -0, -1, 1, 1.5, 16, 32, 1024, 1025, 2 ** 31, 2 ** 53, -(2 ** 63), 1e21, 1e308, 5e-324];

/** Members that some operation knows, with values that it may or may not take. */
const MORE_MEMBERS: readonly (readonly [string, Json])[] = [
  ['DryRun', true],
  ['DryRun', false],
  ['DryRun', 'true'],
  ['GrantTokens', []],
  ['GrantTokens', ['token']],
  ['GrantTokens', Array.from({ length: 11 }, () => 'token')],
  ['DryRunModifiers', ['IGNORE_CIPHERTEXT']],
  ['EncryptionAlgorithm', 'SYMMETRIC_DEFAULT'],
  ['EncryptionAlgorithm', 'RSAES_OAEP_SHA_1'],
  ['EncryptionContext', {}],
  ['EncryptionContext', { a: 'bc' }],
  ['EncryptionContext', { ab: 'c' }],
  ['EncryptionContext', []],
  ['Recipient', { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: 'AAAA' }],
  ['KeySpec', 'AES_128'],
  ['NumberOfBytes', 32],
  ['Limit', 1],
  ['Limit', 1001],
  ['Marker', 'AAAA'],
  ['KeyId', 'alias/no-such-alias'],
  ['PolicyName', 'default'],
  ['PolicyName', 'other'],
  ['CustomKeyStoreId', 'cks-1'],
  ['Tags', [{ TagKey: 'a', TagValue: 'b' }]],
  ['Origin', 'EXTERNAL'],
  ['MultiRegion', true],
  ['XksKeyId', 'x'],
  ['MessageType', 'DIGEST'],
  ['MessageType', 'EXTERNAL_MU'],
  ['SigningAlgorithm', 'RSASSA_PSS_SHA_512'],
  ['MacAlgorithm', 'HMAC_SHA_512'],
  ['KeyPairSpec', 'ECC_NIST_P521'],
  ['Constraints', { EncryptionContextSubset: { a: 'b' } }],
  ['Constraints', { EncryptionContextEquals: {}, SourceArn: 'arn:aws:s3:::bucket' }],
  ['Name', 'a/name:of_a-grant'],
  ['Operations', ['Decrypt', 'Decrypt', 'RetireGrant']],
  ['Operations', ['Sign']],
  ['GranteeServicePrincipal', 's3.amazonaws.com'],
  ['GrantId', '0'.repeat(64)],
  ['KeyMaterialId', '0'.repeat(64)],
  ['ImportType', 'NEW_KEY_MATERIAL'],
  ['ImportType', 'EXISTING_KEY_MATERIAL'],
  ['ExpirationModel', 'KEY_MATERIAL_EXPIRES'],
  ['ValidTo', 4_102_444_800],
  ['ValidTo', -1.5],
  ['RotationPeriodInDays', 90],
  ['ReplicaRegion', 'us-gov-west-1'],
];

/** The value after one to three changes somewhere in it. */
export function mutateJson(value: Json, dice: Dice): Json {
  let mutated = value;
  for (let more = 1 + dice.number(3); more > 0; more--) mutated = mutateSomewhere(mutated, dice, 0);
  return mutated;
}

function mutateSomewhere(value: Json, dice: Dice, depth: number): Json {
  if (typeof value !== 'object' || value === null || (depth > 0 && dice.chance(4))) return mutateHere(value, dice);
  if (isList(value)) {
    if (value.length === 0 || dice.chance(4)) return mutateList(value, dice);
    const at = dice.number(value.length);
    return value.map((item, index) => (index === at ? mutateSomewhere(item, dice, depth + 1) : item));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || dice.chance(2)) return mutateEntries(entries, dice);
  const at = dice.number(entries.length);
  return Object.fromEntries(
    entries.map(([name, item], index) => [name, index === at ? mutateSomewhere(item, dice, depth + 1) : item]),
  );
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function mutateHere(value: Json, dice: Dice): Json {
  if (dice.chance(3)) return anyValue(dice);
  if (typeof value === 'string') return mutateString(value, dice);
  if (typeof value === 'number') return value + dice.pick(STRANGE_NUMBERS);
  if (typeof value === 'boolean') return !value;
  return dice.chance(2) ? [value] : { member: value };
}

function mutateString(text: string, dice: Dice): string {
  const at = dice.number(text.length + 1);
  switch (dice.number(9)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + dice.pick(STRANGE_STRINGS) + text.slice(at);
    case 3:
      return text.slice(0, at) + String.fromCharCode(dice.number(0x10000)) + text.slice(at + 1);
    case 4:
      return text.slice(0, at) + String.fromCharCode(0x20 + dice.number(0x5f)) + text.slice(at + 1);
    case 5:
      return text.toUpperCase();
    case 6:
      return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    case 7:
      return text.repeat(1 + dice.number(30));
    default:
      return text + text.slice(at);
  }
}

function mutateList(list: readonly Json[], dice: Dice): Json {
  const at = dice.number(list.length + 1);
  switch (dice.number(4)) {
    case 0:
      return [...list, anyValue(dice)];
    case 1:
      return list.filter((_, index) => index !== at);
    case 2:
      return [...list, ...list];
    default:
      return Array.from({ length: dice.number(200) }, () => list[0] ?? anyValue(dice));
  }
}

function mutateEntries(entries: readonly (readonly [string, Json])[], dice: Dice): Json {
  const at = dice.number(entries.length);
  const others = entries.filter((_, index) => index !== at);
  const [name = 'KeyId', value = null] = entries[at] ?? [];
  switch (dice.number(8)) {
    case 0:
      return Object.fromEntries(others);
    case 1:
      return Object.fromEntries([...others, [dice.pick([name.toLowerCase(), `${name} `, `${name}s`]), value]]);
    case 2:
      return Object.fromEntries([...entries, [dice.pick(STRANGE_STRINGS), anyValue(dice)]]);
    case 3:
      return Object.fromEntries([...others, [name, anyValue(dice)]]);
    case 4:
      return Object.fromEntries([...others, [name, entries[dice.number(entries.length)]?.[1] ?? null]]);
    default:
      return Object.fromEntries([...entries, dice.pick(MORE_MEMBERS)]);
  }
}

function anyValue(dice: Dice): Json {
  switch (dice.number(8)) {
    case 0:
      return null;
    case 1:
      return dice.chance(2);
    case 2:
      return dice.pick(STRANGE_NUMBERS);
    case 3:
      return [];
    case 4:
      return {};
    case 5:
      return Object.fromEntries([[dice.pick(STRANGE_STRINGS), dice.pick(STRANGE_STRINGS)]]);
    default:
      return dice.pick(STRANGE_STRINGS);
  }
}

/** The text of a body after a change that knows nothing of JSON's grammar, or knows where it ends. */
export function mutateJsonText(text: string, dice: Dice): Buffer {
  const bytes = Buffer.from(text);
  const at = dice.number(bytes.length + 1);
  const inserted = (what: Buffer | string) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from(what as string), bytes.subarray(at)]);
  switch (dice.number(14)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return flipped(bytes, dice);
    case 2:
      return inserted(Buffer.of(dice.number(256)));
    case 3:
      return inserted(Buffer.from(dice.pick(['ff', 'c0af', 'eda080', 'f4908080', 'e2', '00', 'efbbbf']), 'hex'));
    case 4:
      return Buffer.concat([Buffer.from('efbbbf', 'hex'), bytes]);
    case 5:
      return Buffer.concat([bytes, Buffer.from(dice.pick(['}', ' ', '\n', '\0', '{}', ',', '//', ']']))]);
    case 6:
      return Buffer.from(dice.pick(['', 'null', '[]', '"x"', '1', 'NaN', 'true', '{', '[{}]', '{}{}', "{'a':1}"]));
    case 7: {
      const depth = 1 + dice.number(3000);
      return Buffer.from(dice.chance(2) ? '['.repeat(depth) : `${'{"KeyId":'.repeat(depth)}1${'}'.repeat(depth)}`);
    }
    case 8:
      return Buffer.from(text, 'utf16le');
    case 9:
      return Buffer.from(text.replace('{', `{"${dice.pick(['KeyId', 'Plaintext', '__proto__', 'DryRun'])}":1,`));
    case 10:
      return Buffer.from(text.replace(/}$/, `,"${dice.pick(['KeyId', 'CiphertextBlob', 'DryRun'])}":null}`));
    case 11:
      return Buffer.from(text.replace(/"([^"]*)"/, (_, inner: string) => `"${unicodeEscaped(inner)}"`));
    case 12:
      return Buffer.from(text.replaceAll('"', dice.pick(["'", '`', '”', '\\"'])));
    default:
      return Buffer.from(
        text.replaceAll(/[,:]/g, (sign) => `${sign}${dice.pick([' ', '\t\r\n', '\v', '\u00a0', sign])}`),
      );
  }
}

/** One to four bits of the bytes turned over. */
export function flipped(bytes: Buffer, dice: Dice): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length === 0) return copy;
  for (let more = 1 + dice.number(4); more > 0; more--) {
    const at = dice.number(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << dice.number(8));
  }
  return copy;
}

function unicodeEscaped(text: string): string {
  return [...text].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
}
