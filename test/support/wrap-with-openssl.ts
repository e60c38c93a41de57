import { randomBytes } from 'node:crypto';
import { wrapPadded } from '../../src/crypto/wrap-material.test-helper.ts';
import { openssl } from './openssl.ts';

/**
 * Wraps key material as AWS's guide has its users do it: RSAES-OAEP and SM2PKE by the openssl command. Its `enc` has no key wrapping,
 * so that AES-KWP is written out from RFC 5649.
 */
export function wrapWithOpenssl(publicKey: Uint8Array, algorithm: string, material: Uint8Array): Buffer {
  if (algorithm === 'SM2PKE') return encrypt(publicKey, material);
  const hash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256';
  const oaep = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${hash}`].flatMap((option) => [
    '-pkeyopt',
    option,
  ]);
  if (!algorithm.startsWith('RSA_AES_')) return encrypt(publicKey, material, oaep);
  const aesKey = randomBytes(32);
  return Buffer.concat([encrypt(publicKey, aesKey, oaep), wrapPadded(aesKey, material)]);
}

function encrypt(publicKey: Uint8Array, message: Uint8Array, options: readonly string[] = []): Buffer {
  return openssl(
    ['pkeyutl', '-encrypt', '-in', 'message', '-pubin', '-inkey', 'wrapping-key', '-keyform', 'DER', ...options],
    { message, 'wrapping-key': publicKey },
  );
}

/** A private key of the openssl command's making, in PKCS#8. */
export function opensslPrivateKey(...options: readonly string[]): Buffer {
  const pem = openssl(['genpkey', ...options]);
  return openssl(['pkcs8', '-in', 'pem', '-topk8', '-outform', 'DER', '-nocrypt'], { pem });
}
