import { type KeySpec, keySpecs } from './key-specs.ts';

/** RFC 5480 section 2.1.1; SM2 keys have it too (GM/T 0009), and differ by their curve. */
const EC_PUBLIC_KEY = '2a8648ce3d0201';

/** The object identifiers of keys, by what a spec's family or else its parameters are, as DER has them after the length. */
const identifiers = new Map<string | number | undefined, Buffer>(
  Object.entries({
    // RFC 8017 appendix A.1, RFC 8410 section 3.
    rsa: '2a864886f70d010101',
    ec: EC_PUBLIC_KEY,
    sm2: EC_PUBLIC_KEY,
    ed25519: '2b6570',
    // RFC 9881 section 2, RFC 9935 section 3.
    'ml-dsa-44': '608648016503040311',
    'ml-dsa-65': '608648016503040312',
    'ml-dsa-87': '608648016503040313',
    'ml-kem-512': '608648016503040401',
    'ml-kem-768': '608648016503040402',
    'ml-kem-1024': '608648016503040403',
  }).map(([name, hex]) => [name, Buffer.from(hex, 'hex')]),
);

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OBJECT_IDENTIFIER = 0x06;

/**
 * Whether the bytes are one key that says of itself to be for the algorithm of this spec: a PKCS#8 (RFC 5958) or a
 * SubjectPublicKeyInfo (RFC 5280), with nothing after it, which OpenSSL would ignore. What else is in it is not looked at.
 *
 * INVARIANT: nothing a caller sent is given to OpenSSL before. OpenSSL reads keys of every kind it knows, and computes the
 * public half of some as it reads them: of DSA keys, with numbers as long as their sender likes.
 */
export function isKeyForAlgorithmOf(spec: KeySpec, encoded: Buffer): boolean {
  const { family, parameters } = keySpecs[spec];
  const wanted = identifiers.get(family) ?? identifiers.get(parameters);
  const key = elementAt(encoded, 0);
  if (wanted === undefined || key?.tag !== SEQUENCE || key.end !== encoded.length) return false;
  const first = elementAt(encoded, key.start);
  // PKCS#8 begins with a version.
  const algorithm = first?.tag === INTEGER ? elementAt(encoded, first.end) : first;
  if (algorithm?.tag !== SEQUENCE) return false;
  const identifier = elementAt(encoded, algorithm.start);
  return identifier?.tag === OBJECT_IDENTIFIER && wanted.equals(encoded.subarray(identifier.start, identifier.end));
}

interface Element {
  readonly tag: number;
  /** Of its contents. */
  readonly start: number;
  readonly end: number;
}

/** The element that begins here, if it is all there and of a definite length (X.690 section 8.1.3). */
function elementAt(encoded: Buffer, at: number): Element | undefined {
  const [tag, first] = encoded.subarray(at, at + 2);
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  if (start > encoded.length || lengthBytes > 4 || first === 0x80) return undefined;
  const end = start + (lengthBytes === 0 ? first : encoded.readUIntBE(at + 2, lengthBytes));
  return end <= encoded.length ? { tag, start, end } : undefined;
}
