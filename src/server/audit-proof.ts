import { createPublicKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { ChainLink } from '../audit/hash-chain.ts';
import { type Proof, proveAuditDirectory } from '../audit/prove.ts';
import type { AuditVerifyOptions } from '../config/config.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { auditPublicKey, notedHeads } from './audit-signing.ts';
import { dataDirectory, refusingSystemErrors, withDeployment } from './data-directory.ts';

/** The commands `keyhold audit …`: they read a data directory whether or not a server runs on it. */

/** Throws StartupRefused for a directory or a file that cannot be used; what is wrong with the trail is in the proof. */
export async function proveAuditOf(
  options: AuditVerifyOptions,
  random: Random,
  onProgress: (stream: string, bytes: number) => void,
): Promise<Proof> {
  const { dataDir, anchorPath, publicKeyPath, beginsAfter } = options;
  const directory = dataDirectory(dataDir).audit;
  return refusingSystemErrors(async () => {
    if (!existsSync(directory)) throw refused(`${directory} is missing: there is no audit trail to verify`);
    // The note first, for a server may be signing: it notes what it has written.
    const trust = publicKeyPath === undefined ? await trustOf(dataDir, random) : readPublicKey(publicKeyPath);
    return proveAuditDirectory({
      directory,
      ...trust,
      ...(anchorPath === undefined ? {} : { anchor: anchorPath }),
      ...(beginsAfter === undefined ? {} : { beginsAfter }),
      onProgress,
    });
  });
}

/** The public key as SubjectPublicKeyInfo in PEM. */
export async function exportAuditKey(dataDir: string, random: Random): Promise<string> {
  const { publicKey } = await trustOf(dataDir, random);
  return createPublicKey({ key: publicKey, format: 'der', type: 'spki' })
    .export({ format: 'pem', type: 'spki' })
    .toString()
    .trimEnd();
}

interface Trust {
  readonly publicKey: Buffer;
  readonly noted?: ChainLink;
}

function trustOf(dataDir: string, random: Random): Promise<Trust> {
  return withDeployment(dataDir, random, async ({ store }) => {
    const publicKey = await auditPublicKey(store);
    if (publicKey === undefined) throw refused(`${dataDir} has no key for its audit trail yet: start the server once`);
    const noted = await notedHeads(store);
    return { publicKey, ...(noted === undefined ? {} : { noted }) };
  });
}

function readPublicKey(path: string): Trust {
  const pem = readFileSync(path, 'utf8');
  try {
    return { publicKey: createPublicKey(pem).export({ format: 'der', type: 'spki' }) };
  } catch (cause) {
    throw refused(`${path} holds no public key in PEM`, cause);
  }
}

/** What was verified, up to which moment, and what is wrong, for people. The first problem comes first. */
export function describeProof({ streams, signed, problems, notes }: Proof): string {
  const lines = problems.map(({ stream, line, what }) => `TAMPERED: ${stream}, line ${line} ${what}`);
  for (const { stream, records, signed: covered, removed = 0 } of streams) {
    if (problems.some((each) => each.stream === stream)) continue;
    const ofRetention = removed === 0 ? '' : `; the first ${removed} were removed when their time was over`;
    lines.push(`${stream}: ${records} records, ${records === covered ? 'all' : covered} of them signed${ofRetention}`);
  }
  lines.push(...notes.map((note) => `Note: ${note}.`));
  lines.push(
    signed === undefined
      ? 'No signed heads are to be believed.'
      : `Verified up to signed heads ${signed.sequence} of ${signed.time}, which cover ${signed.streams} streams.`,
  );
  return lines.join('\n');
}

function refused(message: string, cause?: unknown): KeyholdError {
  return new KeyholdError('StartupRefused', message, { cause });
}
