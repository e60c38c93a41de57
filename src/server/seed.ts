import { readFileSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { openFileTrail } from '../audit/file-trail.ts';
import { softwareCustody } from '../custody/software/software-custody.ts';
import { softwareImport } from '../custody/software/software-import.ts';
import { systemClock } from '../runtime/clock.ts';
import { KeyholdError } from '../runtime/errors.ts';
import { systemRandom } from '../runtime/random.ts';
import { grantDirectory } from '../services/kms/grant-directory.ts';
import { grantTokens } from '../services/kms/grant-tokens.ts';
import { keyDirectory } from '../services/kms/key-directory.ts';
import { compileKeyPolicy } from '../services/kms/key-policy.ts';
import { lastUsages, startOfTracking } from '../services/kms/last-usages.ts';
import { serviceKeys } from '../services/kms/service-keys.ts';
import { applySeed } from '../services/seed/apply-seed.ts';
import { holdsSecrets, readSeed, type Seed } from '../services/seed/seed-file.ts';
import { changeFeed, sharedEpoch } from '../store/change-feed.ts';
import { attestationRoots } from './attestation-roots.ts';
import { type DataDirectory, withDeployment } from './data-directory.ts';

/** The audit stream of what a seed changes, beside those of the workers. */
const STREAM = 'seed';
/** Keys and grants that are kept in memory while a seed is applied. */
const CACHED = 1000;

export interface SeedFile {
  readonly path: string;
  readonly sandbox: boolean;
  readonly seed: Seed;
  readonly openToOthers: boolean;
}

/** Reads and judges a seed file, without a data directory. Throws StartupRefused. */
export function readSeedFile(path: string, sandbox: boolean): SeedFile {
  let text: string;
  let mode: number;
  try {
    text = readFileSync(path, 'utf8');
    mode = statSync(path).mode;
  } catch (cause) {
    const message = `cannot read the seed file ${path}: ${(cause as Error).message}`;
    throw new KeyholdError('StartupRefused', message, { cause });
  }
  return { path, sandbox, seed: readSeed(path, text, sandbox), openToOthers: (mode & 0o077) !== 0 };
}

/**
 * Applies a seed to a data directory that is ours, before its workers start, so that no cache has to be told.
 *
 * @param version of this server
 * @throws KeyholdError StartupRefused, and nothing of the seed is there
 */
export async function plantSeed(
  { path, sandbox, seed, openToOthers }: SeedFile,
  directory: DataDirectory,
  version: string,
  log: Logger,
): Promise<void> {
  // In the sandbox a secret gives nobody what they do not have.
  if (openToOthers && !sandbox && holdsSecrets(seed)) {
    log.warn({ path }, 'the seed file holds secrets, and others than its owner may read it; run: chmod 600');
  }
  const random = systemRandom();
  const audit = openedWhenNeeded(() => openFileTrail({ directory: directory.audit, stream: STREAM }));
  const changes = await withDeployment(directory.path, random, async ({ store, domainKeys }) => {
    const feed = await changeFeed(store, sharedEpoch(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)));
    const keyMaterial = domainKeys.sealer('key material');
    const custody = softwareCustody(keyMaterial, random);
    const keys = keyDirectory({ store, feed, custody, compilePolicy: compileKeyPolicy, capacity: CACHED });
    const nowMs = systemClock.now();
    const kms = {
      store,
      directory: keys,
      grants: grantDirectory({ store, feed, capacity: CACHED }),
      grantTokens: grantTokens(domainKeys.sealer('grant tokens')),
      custody,
      materialImport: softwareImport(keyMaterial, domainKeys.sealer('import token')),
      random,
      compilePolicy: compileKeyPolicy,
      attestationRoots: attestationRoots(undefined),
      serviceKeys: serviceKeys({ store, keys, custody, random, compilePolicy: compileKeyPolicy, audit }),
      usages: lastUsages(store, await startOfTracking(store, nowMs)),
      unknownPrincipals: sandbox ? ('believed' as const) : ('refused' as const),
    };
    return applySeed(seed, { kms, nowMs, version, audit });
  }).finally(() => audit.close());
  log.info({ path, changes }, changes === 0 ? 'all is as the seed says' : 'brought in line with the seed');
}

/** So that a start which changes nothing leaves the audit directory as it is. */
function openedWhenNeeded(open: () => AuditTrail): AuditTrail {
  let trail: AuditTrail | undefined;
  return {
    append: (recordJson) => {
      trail ??= open();
      return trail.append(recordJson);
    },
    close: async () => trail?.close(),
  };
}
