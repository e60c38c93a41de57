import { type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { type DSAInternal, ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { invariant } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';

/**
 * ML-DSA (FIPS 204), with an empty context. Messages are signed by OpenSSL; its way to sign a message representative µ is
 * not open to node:crypto, so those are signed by @noble/post-quantum, with the key grown anew from its seed each time: 5 to
 * 30 ms, for as many tries as it takes, and 1 to 4 ms to verify.
 */

const signInPool = promisify(sign);

const parameterSets = new Map<string | undefined, DSAInternal>([
  ['ml-dsa-44', ml_dsa44.internal],
  ['ml-dsa-65', ml_dsa65.internal],
  ['ml-dsa-87', ml_dsa87.internal],
]);

/** Bytes of µ (FIPS 204 section 6.2). */
export const MU_BYTES = 64;

/** Signs in libuv's pool: with its rejected tries it takes 0.4 to 0.8 ms on average. OpenSSL hedges with randomness. */
export function signMessage(key: KeyObject, message: Uint8Array): Promise<Buffer> {
  return signInPool(null, message, key);
}

export function verifyMessage(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, message, publicKey, signature);
}

/** INVARIANT: µ has {@link MU_BYTES}. */
export function signMu(key: KeyObject, mu: Uint8Array, random: Random): Buffer {
  const parameters = parametersOf(key);
  const seed = key.export({ format: 'raw-seed' });
  const { secretKey } = parameters.keygen(seed);
  try {
    return Buffer.from(parameters.sign(mu, secretKey, { externalMu: true, extraEntropy: random.bytes(32) }));
  } finally {
    seed.fill(0);
    secretKey.fill(0);
  }
}

export function verifyMu(publicKey: KeyObject, mu: Uint8Array, signature: Uint8Array): boolean {
  const encoded = publicKey.export({ format: 'raw-public' });
  return parametersOf(publicKey).verify(signature, mu, encoded, { externalMu: true });
}

function parametersOf(key: KeyObject): DSAInternal {
  const parameters = parameterSets.get(key.asymmetricKeyType);
  invariant(parameters !== undefined, 'the key is an ML-DSA key');
  return parameters;
}
