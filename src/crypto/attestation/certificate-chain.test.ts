import { X509Certificate } from 'node:crypto';
import { KeyUsageFlags, SubjectKeyIdentifier } from '@peculiar/asn1-x509';
import { describe, expect, test } from 'vitest';
import {
  type CertificateOptions,
  extension,
  type Field,
  type IssuedCertificate,
  type Level,
  type TestHypervisor,
  testHypervisor,
} from './attestation.test-helper.ts';
import { attest, flipped, having, hypervisor, NOW_MS, refusalOf } from './refusal.test-helper.ts';
import { readTrustedRoots } from './trusted-roots.ts';

type Wrong = Partial<Record<Level, CertificateOptions>>;

function refusalUnder(of: TestHypervisor, document = of.attest()): string | undefined {
  return refusalOf(document, { roots: readTrustedRoots(of.rootPem), nowMs: NOW_MS });
}

describe('a document is refused for its certificates:', () => {
  const unknown = (critical: boolean) => [extension('2.5.29.14', critical, new SubjectKeyIdentifier(Buffer.alloc(20)))];
  const ca = KeyUsageFlags.keyCertSign;
  test.each<[string, Wrong, string]>([
    ...(['root', 'zone', 'instance', 'enclave'] as const).flatMap((level): [string, Wrong, string][] => [
      [`expired, ${level}`, { [level]: { notAfterMs: NOW_MS - 1000 } }, 'a certificate has expired'],
      [`not valid yet, ${level}`, { [level]: { notBeforeMs: NOW_MS + 1000 } }, 'a certificate is not valid yet'],
      [
        `an unknown critical extension, ${level}`,
        { [level]: { extensions: unknown(true) } },
        'a certificate has a critical extension that is unknown here',
      ],
    ]),
    ...(['root', 'zone', 'instance'] as const).flatMap((level): [string, Wrong, string][] => [
      [`no authority, ${level}`, { [level]: { basicConstraints: { cA: false } } }, 'an issuer is no authority'],
      [`no basic constraints, ${level}`, { [level]: { basicConstraints: null } }, 'an issuer is no authority'],
      [
        `basic constraints that are not critical, ${level}`,
        { [level]: { basicConstraintsCritical: false } },
        'an issuer is no authority',
      ],
      [`no key usage, ${level}`, { [level]: { keyUsage: null } }, 'an authority’s key may not sign certificates'],
    ]),
    [
      'a root whose key may not sign certificates',
      { root: { keyUsage: KeyUsageFlags.digitalSignature } },
      'an authority’s key may not sign certificates',
    ],
    [
      'a root that permits no intermediates',
      { root: { basicConstraints: { cA: true, pathLenConstraint: 1 } } },
      'the chain is longer than an authority permits',
    ],
    [
      'an intermediate that permits none below it',
      { zone: { basicConstraints: { cA: true, pathLenConstraint: 0 } } },
      'the chain is longer than an authority permits',
    ],
    [
      'a signer that is an authority',
      { enclave: { basicConstraints: { cA: true } } },
      'the document is signed by an authority',
    ],
    ['a signer that may not sign documents', { enclave: { keyUsage: ca } }, 'the signer’s key may not sign documents'],
    ['a signer without key usage', { enclave: { keyUsage: null } }, 'the signer’s key may not sign documents'],
    [
      'an intermediate signed over SHA-256',
      { zone: { digest: 'sha256' } },
      'a certificate is signed by another algorithm than ECDSA with SHA-384',
    ],
    [
      'a signer signed over SHA-256',
      { enclave: { digest: 'sha256' } },
      'a certificate is signed by another algorithm than ECDSA with SHA-384',
    ],
    [
      'a signer that names another issuer',
      { enclave: { issuerName: 'another' } },
      'a certificate does not name the one before it as its issuer',
    ],
    [
      'an intermediate that names another issuer',
      { instance: { issuerName: 'another' } },
      'a certificate does not name the one before it as its issuer',
    ],
  ])('%s', (_, wrong, reason) => {
    expect(refusalUnder(testHypervisor(NOW_MS, wrong))).toBe(reason);
  });

  test.each<[string, Wrong]>([
    ['an unknown extension that is not critical', { instance: { extensions: unknown(false) } }],
    ['a signer without basic constraints', { enclave: { basicConstraints: null } }],
    ['further usages', { enclave: { keyUsage: KeyUsageFlags.digitalSignature | KeyUsageFlags.nonRepudiation } }],
    ['intermediates without a path length', { zone: { basicConstraints: { cA: true } } }],
    ['the first and the last second of a certificate', { enclave: { notBeforeMs: NOW_MS, notAfterMs: NOW_MS } }],
  ])('not, however, for %s', (_, options) => {
    expect(refusalUnder(testHypervisor(NOW_MS, options))).toBeUndefined();
  });

  const [root, zone, instance, enclave] = hypervisor.chain.map(({ der }) => der) as [Buffer, Buffer, Buffer, Buffer];
  const stranger = testHypervisor(NOW_MS);
  const [strangeRoot, strangeZone, strangeInstance, strangeEnclave] = stranger.chain.map(({ der }) => der) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const NOT_SIGNED = 'a certificate is not signed by the one before it';
  const NOT_ISSUED = 'a certificate does not name the one before it as its issuer';
  const NO_ROOT = 'the chain does not begin with a trusted root';
  test.each<[string, unknown[], string]>([
    ['another’s root', [strangeRoot, zone, instance], NO_ROOT],
    ['another’s chain below our root', [root, strangeZone, strangeInstance], NOT_SIGNED],
    ['another’s last intermediate', [root, zone, strangeInstance], NOT_SIGNED],
    ['intermediates in the wrong order', [root, instance, zone], NOT_ISSUED],
    ['the chain upside down', [instance, zone, root], NO_ROOT],
    ['an intermediate that is missing', [root, instance], NOT_ISSUED],
    ['all intermediates missing', [root], NOT_ISSUED],
    ['no root', [zone, instance], NO_ROOT],
    ['the root twice', [root, root, zone, instance], 'a certificate is in the chain twice'],
    ['an intermediate twice', [root, zone, instance, zone], 'a certificate is in the chain twice'],
    ['the signer as an intermediate', [root, zone, instance, enclave], 'the chain is longer than'],
    ['a root with one byte behind it', [Buffer.concat([root, Buffer.alloc(1)]), zone, instance], NO_ROOT],
    [
      'an intermediate with one byte behind it',
      [root, Buffer.concat([zone, Buffer.alloc(1)]), instance],
      'a certificate is not in DER',
    ],
    [
      'an intermediate in PEM',
      [root, Buffer.from(new X509Certificate(zone).toString()), instance],
      'a certificate is not in DER',
    ],
    ['an intermediate with a changed signature', [root, flipped(zone, -1), instance], NOT_SIGNED],
    ['an intermediate of zeros', [root, Buffer.alloc(600), instance], 'error:'],
  ])('%s', (_, cabundle, reason) => {
    const said = refusalOf(attest({ alterFields: having('cabundle', cabundle) }));
    expect(said?.startsWith(reason), said).toBe(true);
  });

  test.each(['root', 'zone', 'instance', 'enclave'])('a key of P-256, %s', (level) => {
    const of = testHypervisor(NOW_MS, { [level]: { curve: 'P-256' } });
    // As long as a signature must be, whichever key would have made it.
    const document = of.attest({ alterParts: ([h, u, payload]) => [h, u, payload, Buffer.alloc(96, 1)] });
    expect(refusalUnder(of, document)).toBe('a certificate’s key is not of P-384');
  });

  test.each([
    ['root', 'a certificate has an extension twice'],
    // OpenSSL finds out before we do.
    ['zone', NOT_ISSUED],
    ['instance', NOT_ISSUED],
    ['enclave', NOT_ISSUED],
  ])('an extension twice, %s', (level, reason) => {
    const extensions = [...unknown(false), ...unknown(false)];
    expect(refusalUnder(testHypervisor(NOW_MS, { [level]: { extensions } }))).toBe(reason);
  });

  test('a path length of a signer, which is no authority', () => {
    const basicConstraints = { cA: false, pathLenConstraint: 0 };
    expect(refusalUnder(testHypervisor(NOW_MS, { enclave: { basicConstraints } }))).toBe(
      'the document is signed by an authority',
    );
  });

  test('a signer of another hypervisor', () => {
    const signingKey = (stranger.chain[3] as IssuedCertificate).key;
    expect(refusalOf(attest({ signingKey, alterFields: having('certificate', strangeEnclave) }))).toBe(NOT_SIGNED);
  });

  test('an intermediate that signs documents itself', () => {
    const { key } = hypervisor.chain[2] as IssuedCertificate;
    const alterFields = (fields: readonly Field[]) =>
      having('cabundle', [root, zone])(having('certificate', instance)(fields));
    expect(refusalOf(attest({ signingKey: key, alterFields }))).toBe('the document is signed by an authority');
  });

  test('no trusted root', () => {
    expect(refusalOf(attest(), { roots: [], nowMs: NOW_MS })).toBe(NO_ROOT);
  });
});
