import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wrapPadded } from '../../src/crypto/wrap-material.test-helper.ts';

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
  const directory = mkdtempSync(join(tmpdir(), 'keyhold-test-'));
  try {
    const keyPath = join(directory, 'wrapping-key.bin');
    writeFileSync(keyPath, publicKey);
    return openssl(message, ['pkeyutl', '-encrypt', '-pubin', '-inkey', keyPath, '-keyform', 'DER', ...options]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A private key of the openssl command's making, in PKCS#8. */
export function opensslPrivateKey(...options: readonly string[]): Buffer {
  const pem = openssl(Buffer.alloc(0), ['genpkey', ...options]);
  return openssl(pem, ['pkcs8', '-topk8', '-outform', 'DER', '-nocrypt']);
}

function openssl(input: Uint8Array, args: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', args, { input });
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
  return stdout;
}
