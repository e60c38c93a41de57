import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Self-signed certificates for 127.0.0.1, made with the openssl command, as an operator would. */

export const opensslIsHere = spawnSync('openssl', ['version']).status === 0;

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
  readonly fingerprint256: string;
}

export function makeCertificate(directory: string, name: string): CertificateFiles {
  const certPath = join(directory, `${name}.pem`);
  const keyPath = join(directory, `${name}.key.pem`);
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyPath, '-out', certPath],
  ]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`);
  return { certPath, keyPath, fingerprint256: new X509Certificate(readFileSync(certPath)).fingerprint256 };
}
