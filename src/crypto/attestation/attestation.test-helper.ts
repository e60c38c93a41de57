import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { encode } from 'cborg';

/**
 * A Nitro hypervisor of our own: a private root with two intermediates, and documents signed below it, real in every byte
 * and wrong in whatever a test wants. A server trusts them if it is given {@link TestHypervisor.rootPem}.
 */
export interface TestHypervisor {
  readonly rootPem: string;
  /** The chain of the documents, root first and signer last. */
  readonly chain: readonly IssuedCertificate[];
  /** A signed attestation document. */
  attest(options?: DocumentOptions): Buffer;
}

const DAY_MS = 86_400_000;

/** What may be wrong with a certificate. Without anything it is as AWS's are. */
export interface CertificateOptions {
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** null for no extension. */
  readonly basicConstraints?: { readonly cA: boolean; readonly pathLenConstraint?: number } | null;
  readonly basicConstraintsCritical?: boolean;
  readonly keyUsage?: number | null;
  readonly extensions?: readonly Extension[];
  readonly curve?: string;
  readonly digest?: 'sha256' | 'sha384';
  /** The name of another issuer than the one that signs. */
  readonly issuerName?: string;
}

export interface IssuedCertificate {
  readonly name: string;
  readonly der: Buffer;
  readonly key: KeyObject;
}

/** Levels of the chain, from the root down to the certificate that signs documents. */
const levels = ['root', 'zone', 'instance', 'enclave'] as const;
export type Level = (typeof levels)[number];

/** Makes the whole chain, valid around `nowMs`, with what `wrong` says of a level. */
export function testHypervisor(nowMs: number, wrong: Partial<Record<Level, CertificateOptions>> = {}): TestHypervisor {
  const chain: IssuedCertificate[] = [];
  levels.forEach((level, depth) => {
    const isSigner = depth === levels.length - 1;
    chain.push(
      issueCertificate(`${level}.keyhold-test.nitro-enclaves`, nowMs, chain.at(-1), {
        basicConstraints: isSigner
          ? { cA: false }
          : { cA: true, ...(depth > 0 && { pathLenConstraint: levels.length - 2 - depth }) },
        keyUsage: isSigner ? KeyUsageFlags.digitalSignature : KeyUsageFlags.keyCertSign,
        ...wrong[level],
      }),
    );
  });
  const root = chain[0] as IssuedCertificate;
  return {
    rootPem: new X509Certificate(root.der).toString(),
    chain,
    attest: (options) => attestationDocument(chain, nowMs, options),
  };
}

let serialNumber = 1;

/** A certificate for a new key, signed by `issuer`, or by its own key without one. */
export function issueCertificate(
  name: string,
  nowMs: number,
  issuer: IssuedCertificate | undefined,
  {
    notBeforeMs = nowMs - DAY_MS,
    notAfterMs = nowMs + DAY_MS,
    basicConstraints = null,
    basicConstraintsCritical = true,
    keyUsage = null,
    extensions = [],
    curve = 'P-384',
    digest = 'sha384',
    issuerName = issuer?.name ?? name,
  }: CertificateOptions,
): IssuedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const signatureAlgorithm = new AlgorithmIdentifier({
    algorithm: { sha256: '1.2.840.10045.4.3.2', sha384: '1.2.840.10045.4.3.3' }[digest],
  });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: new Uint8Array([1, serialNumber >> 8, serialNumber++ & 0xff]).buffer,
    signature: signatureAlgorithm,
    issuer: commonName(issuerName),
    validity: new Validity({ notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) }),
    subject: commonName(name),
    subjectPublicKeyInfo: AsnConvert.parse(publicKey.export({ format: 'der', type: 'spki' }), SubjectPublicKeyInfo),
    extensions: new Extensions([
      ...(basicConstraints === null
        ? []
        : [extension(id_ce_basicConstraints, basicConstraintsCritical, new BasicConstraints(basicConstraints))]),
      ...(keyUsage === null ? [] : [extension(id_ce_keyUsage, true, new KeyUsage(keyUsage))]),
      ...extensions,
    ]),
  });
  const signed = new Uint8Array(AsnConvert.serialize(tbsCertificate));
  const signature = sign(digest, signed, issuer?.key ?? privateKey);
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm, signatureValue: exactly(signature) });
  return { name, der: Buffer.from(AsnConvert.serialize(certificate)), key: privateKey };
}

export function extension(extnID: string, critical: boolean, value: object): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function commonName(name: string): Name {
  const attribute = new AttributeTypeAndValue({ type: '2.5.4.3', value: new AttributeValue({ utf8String: name }) });
  return new Name([new RelativeDistinguishedName([attribute])]);
}

/** A buffer's own bytes: Node's small buffers are windows of a larger one. */
function exactly(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** What may be wrong with a document. Without anything it is as a Nitro Secure Module makes it. */
export interface DocumentOptions {
  /** SPKI in DER, or null for none, as the module writes it. A new RSA-2048 key of nobody's if absent. */
  readonly publicKey?: Uint8Array | null;
  readonly timestampMs?: number;
  /** Registers by their index, in hex. */
  readonly pcrs?: ReadonlyMap<number, string>;
  readonly userData?: Uint8Array | null;
  readonly nonce?: Uint8Array | null;
  /** Changes the fields of the payload before they are encoded and signed. */
  readonly alterFields?: (fields: Field[]) => readonly Field[];
  /** Changes the encoded payload before it is signed. */
  readonly alterPayload?: (payload: Buffer) => Buffer;
  readonly protectedHeader?: Uint8Array;
  /** What is signed is the Sig_structure of these parts; what is sent may be other ones. */
  readonly alterParts?: (parts: CoseParts) => readonly unknown[];
  readonly signingKey?: KeyObject;
  readonly signingDigest?: 'sha256' | 'sha384';
  /** Under CBOR tag 18. */
  readonly tagged?: boolean;
}

export type Field = readonly [name: unknown, value: unknown];
export type CoseParts = readonly [protectedHeader: Uint8Array, unprotected: object, payload: Buffer, signature: Buffer];

/** CBOR that is written as it stands here, in place of a value. */
export class RawCbor {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

const ES384_HEADER = Buffer.from('a1013822', 'hex');

function attestationDocument(
  chain: readonly IssuedCertificate[],
  nowMs: number,
  {
    publicKey = someRsaKey(),
    timestampMs = nowMs,
    pcrs = somePcrs,
    userData = null,
    nonce = null,
    alterFields = (fields) => fields,
    alterPayload = (bytes) => bytes,
    protectedHeader = ES384_HEADER,
    alterParts = (parts) => parts,
    signingKey = (chain.at(-1) as IssuedCertificate).key,
    signingDigest = 'sha384',
    tagged = false,
  }: DocumentOptions = {},
): Buffer {
  const fields: Field[] = [
    ['module_id', 'i-1234567890abcdef0-enc9876543210abcde'],
    ['digest', 'SHA384'],
    ['timestamp', timestampMs],
    ['pcrs', new RawCbor(cborMap([...pcrs].map(([index, hex]) => [index, Buffer.from(hex, 'hex')])))],
    ['certificate', chain.at(-1)?.der],
    ['cabundle', chain.slice(0, -1).map(({ der }) => der)],
    ['public_key', publicKey],
    ['user_data', userData],
    ['nonce', nonce],
  ];
  const payload = alterPayload(cborMap(alterFields(fields), { indefinite: true }));
  const signed = encode(['Signature1', protectedHeader, new Uint8Array(0), payload]);
  const signature = sign(signingDigest, signed, { key: signingKey, dsaEncoding: 'ieee-p1363' });
  const cose = Buffer.from(encode(alterParts([protectedHeader, {}, payload, signature])));
  return tagged ? Buffer.concat([Buffer.from([0xd2]), cose]) : cose;
}

/** A map with its pairs in this order, and with as many of one key as there are. */
export function cborMap(pairs: readonly Field[], { indefinite = false } = {}): Buffer {
  const items = pairs.flat().map((item) => (item instanceof RawCbor ? item.bytes : encode(item)));
  if (indefinite) return Buffer.concat([Buffer.from([0xbf]), ...items, Buffer.from([0xff])]);
  if (pairs.length > 255) throw new Error('write the long form of a map when a test needs it');
  return Buffer.concat([Buffer.from(pairs.length < 24 ? [0xa0 | pairs.length] : [0xb8, pairs.length]), ...items]);
}

/** Sixteen registers, as the module gives them: the first three measure the image, most others are zero. */
export const somePcrs: ReadonlyMap<number, string> = new Map(
  Array.from({ length: 16 }, (_, index) => [index, (index < 3 ? `a${index}` : '00').repeat(48)]),
);

let rsaKey: Buffer | undefined;

/** One for all documents that do not care, because making one takes long. */
function someRsaKey(): Buffer {
  rsaKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'der', type: 'spki' });
  return rsaKey;
}

/** A key pair as an enclave makes it for one request: the public half goes into the document. */
export function recipientKey(modulusLength = 2048): { readonly publicKey: Buffer; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength,
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  });
  return { publicKey, privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }) };
}
