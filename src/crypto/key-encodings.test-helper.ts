import { createPrivateKey } from 'node:crypto';
import { exportPrivateKey, type KeyPairSpec } from './key-pair.ts';
import { keySpecs } from './key-specs.ts';

/** Keys and signatures in DER from the bare numbers that vectors give, valid or not: nothing here looks at them. */

export const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** One element: the tag, the length, the contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const OBJECT_IDENTIFIER = 0x06;

const idEcPublicKey = der(OBJECT_IDENTIFIER, bytes('2a8648ce3d0201'));
/** Object identifier (SEC 2 section A.2.1), and bytes of the field. */
const ecCurves = {
  ECC_NIST_P256: ['2a8648ce3d030107', 32],
  ECC_NIST_P384: ['2b81040022', 48],
  ECC_NIST_P521: ['2b81040023', 66],
  ECC_SECG_P256K1: ['2b8104000a', 32],
} as const;
export type EcSpec = keyof typeof ecCurves;

function ecAlgorithm(spec: EcSpec): Buffer {
  return der(SEQUENCE, idEcPublicKey, der(OBJECT_IDENTIFIER, bytes(ecCurves[spec][0])));
}

/** The number as long as the curve's field, or longer if it is too large for that. Vectors pad with more zeros, or fewer. */
export function fieldElement(spec: EcSpec, hex: string): Buffer {
  const digits = hex.replace(/^0+/, '').padStart(2 * ecCurves[spec][1], '0');
  return bytes(digits.length % 2 === 0 ? digits : `0${digits}`);
}

const uncompressed = (spec: EcSpec, x: string, y: string) =>
  Buffer.concat([bytes('04'), fieldElement(spec, x), fieldElement(spec, y)]);
const bitString = (content: Buffer) => der(BIT_STRING, bytes('00'), content);

/** SubjectPublicKeyInfo (RFC 5480) of a point. */
export function ecPublicKey(spec: EcSpec, x: string, y: string): Buffer {
  return der(SEQUENCE, ecAlgorithm(spec), bitString(uncompressed(spec, x, y)));
}

/** PKCS#8 (RFC 5958) of an ECPrivateKey (RFC 5915), with a point, which need not be its own, or without. */
export function ecPrivateKey(spec: EcSpec, d: string, ...[x, y]: [x: string, y: string] | []): Buffer {
  const point = x === undefined || y === undefined ? [] : [der(0xa1, bitString(uncompressed(spec, x, y)))];
  const key = der(SEQUENCE, der(INTEGER, bytes('01')), der(OCTET_STRING, fieldElement(spec, d)), ...point);
  return der(SEQUENCE, der(INTEGER, bytes('00')), ecAlgorithm(spec), der(OCTET_STRING, key));
}

/** The signature of RFC 3279 section 2.2.3. */
export function ecdsaSignature(r: string, s: string): Buffer {
  return der(SEQUENCE, der(INTEGER, unsigned(r)), der(INTEGER, unsigned(s)));
}

function unsigned(hex: string): Buffer {
  const number = bytes(hex);
  let start = 0;
  while (start < number.length - 1 && number[start] === 0) start++;
  const minimal = number.subarray(start);
  return (minimal[0] as number) < 0x80 ? minimal : Buffer.concat([bytes('00'), minimal]);
}

const rsaAlgorithm = der(SEQUENCE, der(OBJECT_IDENTIFIER, bytes('2a864886f70d010101')), der(NULL));
const integers = (...numbers: readonly string[]) => numbers.map((hex) => der(INTEGER, unsigned(hex)));

/** SubjectPublicKeyInfo (RFC 3279 section 2.3.1). */
export function rsaPublicKey(n: string, e: string): Buffer {
  return der(SEQUENCE, rsaAlgorithm, bitString(der(SEQUENCE, ...integers(n, e))));
}

export interface RsaNumbers {
  readonly n: string;
  readonly e: string;
  readonly d: string;
  readonly p: string;
  readonly q: string;
  readonly dp: string;
  readonly dq: string;
  readonly qi: string;
}

/** PKCS#8 of an RSAPrivateKey (RFC 8017 section A.1.2). */
export function rsaPrivateKey({ n, e, d, p, q, dp, dq, qi }: RsaNumbers): Buffer {
  const key = der(SEQUENCE, ...integers('00', n, e, d, p, q, dp, dq, qi));
  return der(SEQUENCE, der(INTEGER, bytes('00')), rsaAlgorithm, der(OCTET_STRING, key));
}

/** PKCS#8 of a key that is its seed: Ed25519, ML-DSA, ML-KEM. */
export function seedPrivateKey(spec: KeyPairSpec, seed: Uint8Array): Buffer {
  const { family, parameters } = keySpecs[spec];
  return exportPrivateKey(
    createPrivateKey({
      key: seed,
      format: family === 'ed25519' ? 'raw-private' : 'raw-seed',
      asymmetricKeyType: parameters as 'ed25519',
    }),
  );
}
