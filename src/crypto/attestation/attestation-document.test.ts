import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { cborMap, RawCbor } from './attestation.test-helper.ts';
import { type Alteration, attest, having, NOW_MS, refusalOf, without } from './refusal.test-helper.ts';

describe('a document is refused for its payload:', () => {
  const bytes = (length: number) => Buffer.alloc(length, 7);
  const pcrs = (...pairs: [unknown, unknown][]) => having('pcrs', new RawCbor(cborMap(pairs)));
  const raw = (hex: string) => new RawCbor(Buffer.from(hex, 'hex'));
  test.each<[string, Alteration, string]>([
    ...['module_id', 'timestamp', 'certificate', 'cabundle'].map((name): [string, Alteration, string] => [
      `no ${name}`,
      without(name),
      `there is no ${name}`,
    ]),
    ['no pcrs', without('pcrs'), 'there are no pcrs'],
    ['no digest', without('digest'), 'digest is not SHA384'],
    ...['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'].map(
      (name): [string, Alteration, string] => [
        `a ${name} that is null`,
        having(name, null),
        'CBOR has null instead of',
      ],
    ),
    ...[
      'module_id',
      'digest',
      'timestamp',
      'pcrs',
      'certificate',
      'cabundle',
      'public_key',
      'user_data',
      'nonce',
    ].flatMap((name): [string, Alteration, string][] => [
      [`a ${name} that is a boolean`, having(name, true), 'CBOR has true instead of'],
      [`a ${name} that is undefined`, having(name, undefined), 'CBOR has undefined instead of'],
      [`a ${name} that is negative`, having(name, -1), 'CBOR has negint instead of'],
      [
        `${name} twice`,
        (fields) => [...fields, ...fields.filter(([field]) => field === name)],
        'a field is given twice',
      ],
    ]),
    ['an unknown field', having('nitrotpm_pcrs', null), 'there is an unknown field'],
    ['a field called __proto__', having('__proto__', null), 'there is an unknown field'],
    ['a name that is no text', having(1, 1), 'CBOR has uint instead of string'],
    ['an empty module_id', having('module_id', ''), 'there is no module_id'],
    ['a module_id in bytes', having('module_id', bytes(3)), 'CBOR has bytes instead of string'],
    ['a module_id that is not UTF-8', having('module_id', raw('62c328')), 'CBOR text is not UTF-8'],
    ['another digest', having('digest', 'SHA256'), 'digest is not SHA384'],
    ['a timestamp of 0', having('timestamp', 0), 'there is no timestamp'],
    ['a timestamp in text', having('timestamp', String(NOW_MS)), 'CBOR has string instead of uint'],
    ['a timestamp with a fraction', having('timestamp', NOW_MS + 0.5), 'CBOR has float instead of uint'],
    ['a timestamp of 64 bits', having('timestamp', 2n ** 64n - 1n), 'CBOR decode error: integers outside'],
    [
      'a timestamp in a longer form than it needs',
      having('timestamp', raw('1b0000000000000001')),
      'CBOR decode error: integer encoded in more bytes',
    ],
    ['no PCR', pcrs(), 'pcrs is empty'],
    ['a PCR with index 32', pcrs([32, bytes(48)]), 'a PCR has an index above 31'],
    ['a PCR with a negative index', pcrs([-1, bytes(48)]), 'CBOR has negint instead of uint'],
    ['a PCR whose index is text', pcrs(['0', bytes(48)]), 'CBOR has string instead of uint'],
    ['a PCR twice', pcrs([0, bytes(48)], [0, bytes(48)]), 'a PCR is given twice'],
    ['a PCR of 47 bytes', pcrs([0, bytes(47)]), 'a PCR has a wrong size'],
    ['a PCR of no bytes', pcrs([0, bytes(0)]), 'a PCR has a wrong size'],
    ['a PCR in hex', pcrs([0, '00'.repeat(48)]), 'CBOR has string instead of bytes'],
    ['pcrs in an array', having('pcrs', [bytes(48)]), 'CBOR has array instead of map'],
    ['an empty certificate', having('certificate', bytes(0)), 'a field has a wrong size'],
    ['a certificate of 1025 bytes', having('certificate', bytes(1025)), 'a field has a wrong size'],
    ['an empty cabundle', having('cabundle', []), 'cabundle is empty'],
    ['an empty certificate in cabundle', having('cabundle', [bytes(0)]), 'a field has a wrong size'],
    ['a certificate of 1025 bytes in cabundle', having('cabundle', [bytes(1025)]), 'a field has a wrong size'],
    ['a cabundle that is a certificate', having('cabundle', bytes(700)), 'CBOR has bytes instead of array'],
    ['a public_key of no bytes', having('public_key', bytes(0)), 'a field has a wrong size'],
    ['a public_key of 1025 bytes', having('public_key', bytes(1025)), 'a field has a wrong size'],
    ['user_data of 1025 bytes', having('user_data', bytes(1025)), 'a field has a wrong size'],
    ['a nonce of 1025 bytes', having('nonce', bytes(1025)), 'a field has a wrong size'],
    ['a nonce in pieces', having('nonce', raw('5f4101ff')), 'CBOR decode error: indefinite length bytes'],
  ])('%s', (_, alterFields, reason) => {
    const said = refusalOf(attest({ alterFields: (fields) => alterFields(fields) }));
    expect(said?.startsWith(reason), said).toBe(true);
  });

  test.each([
    [
      'a byte behind the map',
      (payload: Buffer) => Buffer.concat([payload, Buffer.alloc(1)]),
      'CBOR is followed by more',
    ],
    ['a map without an end', (payload: Buffer) => payload.subarray(0, -1), 'CBOR ends too early'],
    ['an array', () => Buffer.from(encode([])), 'CBOR has array instead of map'],
  ])('%s', (_, alterPayload, reason) => {
    expect(refusalOf(attest({ alterPayload }))).toBe(reason);
  });
});
