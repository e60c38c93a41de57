import { type KeyObject, X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate,
  type Extension,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  KeyUsage,
} from '@peculiar/asn1-x509';
import type { TrustedRoots } from './trusted-roots.ts';

/** The algorithm of every certificate of the Nitro Attestation PKI: ECDSA with SHA-384 over P-384. */
const ECDSA_WITH_SHA384 = '1.2.840.10045.4.3.3';
const CURVE = 'secp384r1';

/**
 * Follows the chain from the root down to the certificate that signs documents, and gives that one's key. It asks what
 * "attestation_process.md" of aws-nitro-enclaves-nsm-api does in sections 3.2.3 and 3.2.4, and RFC 5280 section 6 of a
 * chain without policies and names to constrain; throws an `Error` where anything is amiss. Revocation lists are not
 * consulted: AWS's procedure turns them off.
 *
 * INVARIANT: of a certificate, extensions and key are believed only after its issuer's signature was verified, and the
 * first issuer is a trusted root, byte for byte.
 *
 * @param bundle the root's certificate, then each issued by the one before it, DER
 * @param leaf issued by the last of the bundle, DER
 */
export function verifyCertificateChain(
  bundle: readonly Uint8Array[],
  leaf: Uint8Array,
  roots: TrustedRoots,
  nowMs: number,
): KeyObject {
  const [first, ...intermediates] = bundle;
  let issuer = roots.find(({ raw }) => first !== undefined && raw.equals(first));
  if (issuer === undefined) throw new Error('the chain does not begin with a trusted root');
  // RFC 5280 section 6.1. It also bounds the work: a root issued itself, and could be repeated to no end.
  if (new Set(bundle.map((der) => Buffer.from(der).toString('base64'))).size < bundle.length)
    throw new Error('a certificate is in the chain twice');
  let authoritiesBelow = intermediates.length;
  checkValidity(issuer, nowMs);
  checkAuthority(issuer, authoritiesBelow);
  for (const der of intermediates) {
    const authority = readIssued(der, issuer);
    checkValidity(authority, nowMs);
    checkAuthority(authority, --authoritiesBelow);
    issuer = authority;
  }
  const signer = readIssued(leaf, issuer);
  checkValidity(signer, nowMs);
  checkSigner(signer);
  return signer.publicKey;
}

/** The certificate, if this issuer issued it. */
function readIssued(der: Uint8Array, issuer: X509Certificate): X509Certificate {
  const certificate = new X509Certificate(der);
  // Node would also take PEM, and leave what follows a certificate unread.
  if (!certificate.raw.equals(der)) throw new Error('a certificate is not in DER');
  if (certificate.signatureAlgorithmOid !== ECDSA_WITH_SHA384)
    throw new Error('a certificate is signed by another algorithm than ECDSA with SHA-384');
  if (!certificate.checkIssued(issuer)) throw new Error('a certificate does not name the one before it as its issuer');
  if (!certificate.verify(issuer.publicKey)) throw new Error('a certificate is not signed by the one before it');
  return certificate;
}

function checkValidity({ validFromDate, validToDate }: X509Certificate, nowMs: number): void {
  if (nowMs < validFromDate.getTime()) throw new Error('a certificate is not valid yet');
  if (nowMs > validToDate.getTime()) throw new Error('a certificate has expired');
}

function checkAuthority(certificate: X509Certificate, authoritiesBelow: number): void {
  const { basicConstraints, keyUsage } = readExtensions(certificate);
  if (basicConstraints?.cA !== true || !basicConstraints.critical) throw new Error('an issuer is no authority');
  const { pathLenConstraint = Number.POSITIVE_INFINITY } = basicConstraints;
  if (pathLenConstraint < authoritiesBelow) throw new Error('the chain is longer than an authority permits');
  if (!keyUsage.includes('keyCertSign')) throw new Error('an authority’s key may not sign certificates');
}

function checkSigner(certificate: X509Certificate): void {
  const { basicConstraints, keyUsage } = readExtensions(certificate);
  if (basicConstraints?.cA === true || basicConstraints?.pathLenConstraint !== undefined)
    throw new Error('the document is signed by an authority');
  if (!keyUsage.includes('digitalSignature')) throw new Error('the signer’s key may not sign documents');
}

interface ReadExtensions {
  readonly basicConstraints:
    | { readonly critical: boolean; readonly cA: boolean; readonly pathLenConstraint: number | undefined }
    | undefined;
  /** Empty without the extension: what is not asserted is not permitted. */
  readonly keyUsage: readonly string[];
}

function readExtensions(certificate: X509Certificate): ReadExtensions {
  // Every key of the chain passes here, that of the signer too.
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== 'ec' || asymmetricKeyDetails?.namedCurve !== CURVE)
    throw new Error('a certificate’s key is not of P-384');

  const extensions = new Map<string, Extension>();
  for (const extension of AsnConvert.parse(certificate.raw, Certificate).tbsCertificate.extensions ?? []) {
    if (extensions.has(extension.extnID)) throw new Error('a certificate has an extension twice');
    extensions.set(extension.extnID, extension);
  }
  const constraints = extensions.get(id_ce_basicConstraints);
  const usage = extensions.get(id_ce_keyUsage);
  for (const extension of extensions.values()) {
    // RFC 5280 section 4.2: what is critical and not understood is a reason to refuse.
    if (extension.critical && extension !== constraints && extension !== usage)
      throw new Error('a certificate has a critical extension that is unknown here');
  }
  const { cA, pathLenConstraint } = constraints
    ? AsnConvert.parse(constraints.extnValue, BasicConstraints)
    : new BasicConstraints();
  return {
    basicConstraints: constraints && { critical: constraints.critical, cA, pathLenConstraint },
    keyUsage: usage ? AsnConvert.parse(usage.extnValue, KeyUsage).toJSON() : [],
  };
}
