import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type DocumentOptions, recipientKey, somePcrs } from './attestation.test-helper.ts';
import { attest, flipped, NOW_MS, now, refusalOf, without } from './refusal.test-helper.ts';
import { awsNitroRootPem, readTrustedRoots } from './trusted-roots.ts';
import { verifyAttestation, verifySignedDocument } from './verify-attestation.ts';

const MINUTE_MS = 60_000;

describe('a document that is as it should be', () => {
  test.each<[string, DocumentOptions]>([
    ['without a tag', {}],
    ['under tag 18', { tagged: true }],
    ['with a map of definite length', { alterPayload: definite }],
    ['with 1024 bytes of user data and nonce', { userData: Buffer.alloc(1024, 1), nonce: Buffer.alloc(1024, 2) }],
    ['with user data and a nonce of no bytes', { userData: Buffer.alloc(0), nonce: Buffer.alloc(0) }],
    [
      'without the fields that it does not need',
      { alterFields: (fields) => without('nonce')(without('user_data')(fields)) },
    ],
    ['with a single PCR', { pcrs: new Map([[31, '5a'.repeat(32)]]) }],
    ['with all PCRs', { pcrs: new Map(Array.from({ length: 32 }, (_, index) => [index, 'ff'.repeat(64)])) }],
  ])('is accepted %s', (_, options) => {
    expect(refusalOf(attest(options))).toBeUndefined();
  });

  test('says which enclave asks, and for which key', () => {
    const { publicKey } = recipientKey(3072);
    const attestation = verifyAttestation(
      attest({ publicKey, userData: Buffer.from('user'), nonce: Buffer.from('nonce'), timestampMs: NOW_MS - 1 }),
      now,
    );
    expect(attestation.moduleId).toBe('i-1234567890abcdef0-enc9876543210abcde');
    expect(attestation.timestampMs).toBe(NOW_MS - 1);
    expect(attestation.pcrs).toEqual(somePcrs);
    expect(attestation.imageSha384).toBe('a0'.repeat(48));
    expect(attestation.publicKey.equals(createPublicKey({ key: publicKey, format: 'der', type: 'spki' }))).toBe(true);
    expect(attestation.userData).toEqual(Buffer.from('user'));
    expect(attestation.nonce).toEqual(Buffer.from('nonce'));
  });

  test('has no image digest without PCR0', () => {
    const { imageSha384 } = verifyAttestation(attest({ pcrs: new Map([[1, '00'.repeat(48)]]) }), now);
    expect(imageSha384).toBeUndefined();
  });

  test('may be five minutes old, or one minute ahead of our clock, and no more', () => {
    expect(refusalOf(attest({ timestampMs: NOW_MS - 5 * MINUTE_MS }))).toBeUndefined();
    expect(refusalOf(attest({ timestampMs: NOW_MS + MINUTE_MS }))).toBeUndefined();
    expect(refusalOf(attest({ timestampMs: NOW_MS - 5 * MINUTE_MS - 1 }))).toBe('the document is too old');
    expect(refusalOf(attest({ timestampMs: NOW_MS + MINUTE_MS + 1 }))).toBe('the document is from the future');
  });
});

describe('a document of a real enclave', () => {
  const { vectors } = JSON.parse(
    readFileSync(new URL('../../../test/vectors/nitro-attestation.json', import.meta.url), 'utf8'),
  ) as { vectors: { name: string; moduleId: string; timestampMs: number; pcr0: string; document: string }[] };
  const awsRoots = readTrustedRoots(awsNitroRootPem);

  test.each(vectors)('is verified at its own time: $name', ({ moduleId, timestampMs, pcr0, document }) => {
    const claims = verifySignedDocument(Buffer.from(document, 'base64'), awsRoots, timestampMs + MINUTE_MS);
    expect(claims).toMatchObject({ moduleId, timestampMs });
    expect(claims.pcrs.get(0)).toBe(pcr0);
    expect(claims.cabundle).toHaveLength(4);
  });

  test.each(vectors)('is not verified if a bit of it is changed: $name', ({ timestampMs, document }) => {
    const bytes = Buffer.from(document, 'base64');
    // Not every byte: for most of them the whole chain is verified, which takes milliseconds.
    for (let at = 0; at < bytes.length; at += 7) {
      expect(() => verifySignedDocument(flipped(bytes, at), awsRoots, timestampMs), `byte ${at}`).toThrow();
    }
  });

  test.each(vectors)('is refused under another root, and when its time is over: $name', ({ timestampMs, document }) => {
    const bytes = Buffer.from(document, 'base64');
    expect(refusalOf(bytes, { ...now, nowMs: timestampMs })).toBe('the chain does not begin with a trusted root');
    expect(refusalOf(bytes, { roots: awsRoots, nowMs: NOW_MS })).toBe('the document is too old');
  });
});

describe('the public key of a recipient', () => {
  const spki = (key: KeyObject) => key.export({ format: 'der', type: 'spki' });
  const ofPair = ({ publicKey }: { publicKey: KeyObject }) => spki(publicKey);
  /** A key whose modulus is whatever odd number, which to encrypt with is no different. */
  const ofModulus = (bits: number, lastByte = 0xff) => {
    const n = Buffer.alloc(Math.ceil(bits / 8), 0xa5);
    n[0] = 0xff >> (n.length * 8 - bits);
    n[n.length - 1] = lastByte;
    return spki(createPublicKey({ key: { kty: 'RSA', e: 'AQAB', n: n.toString('base64url') }, format: 'jwk' }));
  };
  const rsa = createPublicKey({ key: recipientKey().publicKey, format: 'der', type: 'spki' });

  test.each([2048, 2049, 3072, 4095, 4096])('may be RSA of %i bits', (bits) => {
    expect(refusalOf(attest({ publicKey: ofModulus(bits) }))).toBeUndefined();
  });

  const SIZE = 'public_key has too few or too many bits';
  const EXPONENT = 'public_key has an unusual exponent';
  const NOT_RSA = 'public_key is not an RSA key';
  const UNREADABLE = 'Failed to read asymmetric key';
  test.each<[string, Uint8Array | null, string]>([
    ['missing', null, 'there is no public_key'],
    ['RSA of 1024 bits', ofModulus(1024), SIZE],
    ['RSA of 2047 bits', ofModulus(2047), SIZE],
    ['RSA of 4097 bits', ofModulus(4097), SIZE],
    ['RSA with an even modulus', ofModulus(2048, 0xfe), 'public_key has an even modulus'],
    ['RSA with the exponent 3', ofExponent('Aw'), EXPONENT],
    ['RSA with the exponent 1', ofExponent('AQ'), EXPONENT],
    ['RSA with an even exponent', ofExponent('AQAC'), EXPONENT],
    ['RSA with an exponent of 65 bits', ofExponent('AQAAAAAAAAAB'), EXPONENT],
    ['RSA for signatures alone', ofPair(generateKeyPairSync('rsa-pss', { modulusLength: 2048 })), NOT_RSA],
    ['of P-384', ofPair(generateKeyPairSync('ec', { namedCurve: 'P-384' })), NOT_RSA],
    ['of Ed25519', ofPair(generateKeyPairSync('ed25519')), NOT_RSA],
    ['in PEM', Buffer.from(rsa.export({ format: 'pem', type: 'spki' })), UNREADABLE],
    ['in PKCS #1', rsa.export({ format: 'der', type: 'pkcs1' }), UNREADABLE],
    ['32 bytes of something', Buffer.alloc(32, 9), UNREADABLE],
  ])('may not be %s', (_, publicKey, reason) => {
    expect(refusalOf(attest({ publicKey }))).toBe(reason);
  });

  function ofExponent(e: string): Buffer {
    const { n } = rsa.export({ format: 'jwk' });
    return spki(createPublicKey({ key: { kty: 'RSA', e, n: n as string }, format: 'jwk' }));
  }
});

/** The payload's map with its length in front, instead of an end behind it. */
function definite(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xa9]), payload.subarray(1, -1)]);
}
