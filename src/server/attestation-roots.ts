import { readFileSync } from 'node:fs';
import { awsNitroRootPem, readTrustedRoots, type TrustedRoots } from '../crypto/attestation/trusted-roots.ts';
import { KeyholdError } from '../runtime/errors.ts';

/**
 * AWS's own root and, if a file is given, those in it: for enclaves of one's own, and for tests.
 *
 * @throws KeyholdError StartupRefused if the file cannot be read or holds no certificate
 */
export function attestationRoots(path: string | undefined): TrustedRoots {
  const aws = readTrustedRoots(awsNitroRootPem);
  return path === undefined ? aws : [...aws, ...readTrustedRoots(readPem(path))];
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new KeyholdError('StartupRefused', `cannot read the attestation roots in ${path}`, { cause });
  }
}
