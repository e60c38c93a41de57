import type { KeyObject } from 'node:crypto';
import { invariant } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import * as ec from './ec.ts';
import * as ed25519 from './ed25519.ts';
import type { MessageType, SigningAlgorithm } from './key-specs.ts';
import * as mlDsa from './ml-dsa.ts';
import { publicHalf } from './public-half.ts';
import * as rsa from './rsa.ts';
import * as sm2 from './sm2.ts';

/**
 * The one table of signature algorithms: which kinds of message each takes, and who signs and verifies them. RAW is a
 * message, DIGEST its hash, EXTERNAL_MU the message representative of FIPS 204 (the Sign operation's MessageType).
 */

interface Scheme {
  /** Bytes of the algorithm's digest, which a message of the type DIGEST or EXTERNAL_MU has exactly. */
  readonly digestBytes: number;
  readonly methods: { readonly [Type in MessageType]?: Method };
}

interface Method {
  sign(key: KeyObject, message: Uint8Array, random: Random): Buffer | Promise<Buffer>;
  verify(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>;
}

const digestLengths: Readonly<Record<rsa.SignatureHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

const rsassa = (padding: rsa.RsaPadding, hash: rsa.SignatureHash): Scheme => ({
  digestBytes: digestLengths[hash],
  methods: {
    RAW: {
      sign: (key, message) => rsa.signMessage(key, padding, hash, message),
      verify: (key, message, signature) => rsa.verifyMessage(key, padding, hash, message, signature),
    },
    DIGEST: {
      sign: (key, digest, random) => rsa.signDigest(key, padding, hash, digest, random),
      verify: (key, digest, signature) => rsa.verifyDigest(key, padding, hash, digest, signature),
    },
  },
});

const ecdsa = (hash: rsa.SignatureHash): Scheme => ({
  digestBytes: digestLengths[hash],
  methods: {
    RAW: {
      sign: (key, message) => ec.signMessage(key, hash, message),
      verify: (key, message, signature) => ec.verifyMessage(key, hash, message, signature),
    },
    DIGEST: { sign: ec.signDigest, verify: ec.verifyDigest },
  },
});

const schemes: Readonly<Record<SigningAlgorithm, Scheme>> = {
  RSASSA_PKCS1_V1_5_SHA_256: rsassa('pkcs1-v1.5', 'sha256'),
  RSASSA_PKCS1_V1_5_SHA_384: rsassa('pkcs1-v1.5', 'sha384'),
  RSASSA_PKCS1_V1_5_SHA_512: rsassa('pkcs1-v1.5', 'sha512'),
  RSASSA_PSS_SHA_256: rsassa('pss', 'sha256'),
  RSASSA_PSS_SHA_384: rsassa('pss', 'sha384'),
  RSASSA_PSS_SHA_512: rsassa('pss', 'sha512'),
  ECDSA_SHA_256: ecdsa('sha256'),
  ECDSA_SHA_384: ecdsa('sha384'),
  ECDSA_SHA_512: ecdsa('sha512'),
  ED25519_SHA_512: {
    digestBytes: digestLengths.sha512,
    methods: { RAW: { sign: ed25519.signPure, verify: ed25519.verifyPure } },
  },
  ED25519_PH_SHA_512: {
    digestBytes: digestLengths.sha512,
    methods: { DIGEST: { sign: ed25519.signPrehashed, verify: ed25519.verifyPrehashed } },
  },
  ML_DSA_SHAKE_256: {
    digestBytes: mlDsa.MU_BYTES,
    methods: {
      RAW: { sign: mlDsa.signMessage, verify: mlDsa.verifyMessage },
      EXTERNAL_MU: { sign: mlDsa.signMu, verify: mlDsa.verifyMu },
    },
  },
  SM2DSA: {
    digestBytes: sm2.DIGEST_BYTES,
    methods: {
      RAW: { sign: sm2.signMessage, verify: sm2.verifyMessage },
      DIGEST: { sign: sm2.signDigest, verify: sm2.verifyDigest },
    },
  },
};

/** Which types of message an algorithm takes. */
export function messageTypesOf(algorithm: SigningAlgorithm): readonly MessageType[] {
  return Object.keys(schemes[algorithm].methods) as MessageType[];
}

/** How many bytes a message of the type DIGEST or EXTERNAL_MU must have. */
export function digestBytes(algorithm: SigningAlgorithm): number {
  return schemes[algorithm].digestBytes;
}

/**
 * Signs with a private key that goes with the algorithm.
 * INVARIANT: the algorithm takes the type of message, and what is no RAW message has {@link digestBytes}.
 */
export async function sign(
  key: KeyObject,
  algorithm: SigningAlgorithm,
  message: Uint8Array,
  messageType: MessageType,
  random: Random,
): Promise<Buffer> {
  return methodOf(algorithm, message, messageType).sign(key, message, random);
}

/** Verifies with a public key, or with the private one that holds it. Any signature may be given; a bad one is false. */
export async function verify(
  key: KeyObject,
  algorithm: SigningAlgorithm,
  message: Uint8Array,
  messageType: MessageType,
  signature: Uint8Array,
): Promise<boolean> {
  return methodOf(algorithm, message, messageType).verify(publicHalf(key), message, signature);
}

function methodOf(algorithm: SigningAlgorithm, message: Uint8Array, messageType: MessageType): Method {
  const { methods, digestBytes: bytes } = schemes[algorithm];
  const method = methods[messageType];
  invariant(method !== undefined, `${algorithm} takes messages of the type ${messageType}`);
  invariant(messageType === 'RAW' || message.length === bytes, `a digest of ${algorithm} has ${bytes} bytes`);
  return method;
}
