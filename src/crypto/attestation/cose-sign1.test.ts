import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type DocumentOptions, type IssuedCertificate, RawCbor } from './attestation.test-helper.ts';
import { attest, flipped, having, hypervisor, refusalOf } from './refusal.test-helper.ts';

const SIGNATURE = 'the signature is not that of the certificate’s key';
const HEADER = 'the protected header is not that of ES384';

describe('a document is refused for its envelope:', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  test.each<[string, DocumentOptions, string]>([
    ['a changed payload', { alterParts: ([h, u, payload, s]) => [h, u, flipped(payload, 100), s] }, SIGNATURE],
    ['a changed signature', { alterParts: ([h, u, p, signature]) => [h, u, p, flipped(signature, -1)] }, SIGNATURE],
    ['the signature of another key', { signingKey: other }, SIGNATURE],
    ['the signature of an intermediate', { signingKey: (hypervisor.chain[2] as IssuedCertificate).key }, SIGNATURE],
    ['a signature over SHA-256', { signingDigest: 'sha256' }, SIGNATURE],
    ['a signature of zeros', { alterParts: ([h, u, p]) => [h, u, p, Buffer.alloc(96)] }, SIGNATURE],
    [
      'a signature that is too short',
      { alterParts: ([h, u, p, s]) => [h, u, p, s.subarray(1)] },
      'the signature is not of 96 bytes',
    ],
    [
      'an empty signature',
      { alterParts: ([h, u, p]) => [h, u, p, Buffer.alloc(0)] },
      'the signature is not of 96 bytes',
    ],
    ['the algorithm ES256', { protectedHeader: Buffer.from('a10126', 'hex') }, HEADER],
    ['the algorithm ES512', { protectedHeader: Buffer.from('a1013823', 'hex') }, HEADER],
    ['no algorithm', { protectedHeader: Buffer.from('a0', 'hex') }, HEADER],
    ['an empty protected header', { protectedHeader: Buffer.alloc(0) }, HEADER],
    ['a protected header in a long form', { protectedHeader: Buffer.from('a101390022', 'hex') }, HEADER],
    [
      'a protected header that is no string',
      { alterParts: ([, u, p, s]) => [{}, u, p, s] },
      'CBOR has map instead of bytes',
    ],
    [
      'an algorithm in the unprotected header',
      { alterParts: ([h, , p, s]) => [h, { alg: -35 }, p, s] },
      'the unprotected header is not empty',
    ],
    ['no payload', { alterParts: ([h, u, , s]) => [h, u, null, s] }, 'CBOR has null instead of bytes'],
    ['an empty payload', { alterParts: ([h, u, , s]) => [h, u, Buffer.alloc(0), s] }, 'the payload has a wrong size'],
    [
      'a payload of 16385 bytes',
      { alterParts: ([h, u, , s]) => [h, u, Buffer.alloc(16385), s] },
      'the payload has a wrong size',
    ],
    ['three parts', { alterParts: ([h, u, p]) => [h, u, p] }, 'COSE_Sign1 does not have four parts'],
    ['five parts', { alterParts: ([h, u, p, s]) => [h, u, p, s, s] }, 'COSE_Sign1 does not have four parts'],
  ])('%s', (_, options, reason) => {
    expect(refusalOf(attest(options))).toBe(reason);
  });

  test.each([
    ['nothing at all', Buffer.alloc(0), 'CBOR ends too early'],
    ['another tag', Buffer.concat([Buffer.from([0xd1]), attest()]), 'CBOR has another tag than 18'],
    ['two tags', Buffer.concat([Buffer.from([0xd2]), attest({ tagged: true })]), 'CBOR has tag instead of array'],
    ['a byte behind it', Buffer.concat([attest(), Buffer.alloc(1)]), 'CBOR is followed by more'],
    ['the document twice', Buffer.concat([attest(), attest()]), 'CBOR is followed by more'],
    ['a map', Buffer.from([0xa0]), 'CBOR has map instead of array'],
    ['the text of a document', Buffer.from(attest().toString('base64')), 'CBOR has string instead of array'],
  ])('%s', (_, document, reason) => {
    expect(refusalOf(document)).toBe(reason);
  });

  test('an end before the end, wherever it is', () => {
    const document = attest();
    for (let length = 0; length < document.length; length += 13) {
      expect(refusalOf(document.subarray(0, length)), `${length} bytes`).toBeDefined();
    }
  });

  test.each([
    ['arrays', 0x81],
    ['arrays of indefinite length', 0x9f],
    ['maps', 0xa1],
    ['tags', 0xd2],
  ])('%s nested 262144 deep, which are refused without following them', (_, byte) => {
    expect(refusalOf(Buffer.alloc(262_144, byte))).toBeDefined();
    expect(refusalOf(attest({ alterFields: having('nonce', new RawCbor(Buffer.alloc(8192, byte))) }))).toBeDefined();
  });

  test('an array that claims four billion parts', () => {
    expect(refusalOf(Buffer.from('9affffffff', 'hex'))).toBe('CBOR ends too early');
  });
});
