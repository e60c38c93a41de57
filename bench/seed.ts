import { readFileSync } from 'node:fs';
import type { Policy } from '../src/authorization/index.ts';
import type { KeySpec, KeyUsage } from '../src/crypto/key-specs.ts';
import { openDomainKeys } from '../src/custody/domain-keys.ts';
import { openRootKeyFile } from '../src/custody/root-key/file-root-key.ts';
import { softwareCustody } from '../src/custody/software/software-custody.ts';
import { softwareImport } from '../src/custody/software/software-import.ts';
import { grantIndex } from '../src/keys/grant-index.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { systemRandom } from '../src/runtime/random.ts';
import { prepareDataDirectory } from '../src/server/data-directory.ts';
import { rootCaller } from '../src/services/iam/callers.ts';
import { createKey } from '../src/services/kms/create-key.ts';
import { grantTokens } from '../src/services/kms/grant-tokens.ts';
import { compileKeyPolicy } from '../src/services/kms/key-policy.ts';
import { storeKeySource } from '../src/services/kms/key-source.ts';
import { lastUsages } from '../src/services/kms/last-usages.ts';
import { sealedStore } from '../src/store/sealed-store.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { noServiceKeys } from './no-service-keys.ts';

const KEYS_PER_TRANSACTION = 1000;

export interface SeededDirectory {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly keyIds: ReadonlyMap<KeySpec, readonly string[]>;
}

/** So many keys of one kind. */
export interface WantedKeys {
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsage;
  readonly count: number;
}

/**
 * Sets up a data directory with so many keys, each made by CreateKey's own handler with the default policy, but a thousand
 * to a transaction: through the API, each would wait for the disk.
 *
 * @param wanted of each spec once
 */
export async function seedDataDirectory(
  path: string,
  region: string,
  wanted: readonly WantedKeys[],
): Promise<SeededDirectory> {
  const random = systemRandom();
  const keyIds = new Map<KeySpec, string[]>();
  const prepared = await prepareDataDirectory({ path, sandbox: false, region, clock: systemClock, random });
  const { accountId, directory } = prepared;
  const raw = openSqliteStore({ path: directory.database });
  try {
    const domainKeys = await openDomainKeys(raw, openRootKeyFile(directory.rootKey, random), random);
    const store = sealedStore(raw, domainKeys.sealer('records'));
    const policies = new Map<string, Policy>();
    const compilePolicy = (text: string) => {
      const policy = policies.get(text) ?? compileKeyPolicy(text);
      policies.set(text, policy);
      return policy;
    };
    const custody = softwareCustody(domainKeys.sealer('key material'), random);
    const scope = {
      caller: rootCaller(accountId, 'bench'),
      region,
      nowMs: systemClock.now(),
      sourceIp: '127.0.0.1',
      secureTransport: false,
      userAgent: 'bench',
    };
    const usages = lastUsages(store, scope.nowMs);
    const materialImport = softwareImport(domainKeys.sealer('key material'), domainKeys.sealer('import token'));
    const fixedPorts = {
      handles: { open: async () => undefined },
      grants: { of: grantIndex },
      grantTokens: grantTokens(domainKeys.sealer('grant tokens')),
      custody,
      serviceKeys: noServiceKeys,
      materialImport,
      attestationRoots: [],
      usages,
      unknownPrincipals: 'refused' as const,
    };
    for (const { keySpec, keyUsage, count } of wanted) {
      // Sorted, so that the database's tree grows at its end, which takes half as long as random places in it.
      const ids = Array.from({ length: count }, () => random.uuid()).sort();
      keyIds.set(keySpec, ids);
      const input = { KeySpec: keySpec, KeyUsage: keyUsage };
      for (let made = 0; made < count; made += KEYS_PER_TRANSACTION) {
        await store.transact(async (transaction) => {
          const source = storeKeySource(transaction, compilePolicy);
          for (const keyId of ids.slice(made, made + KEYS_PER_TRANSACTION)) {
            const ports = { ...fixedPorts, keys: source, store: transaction, random: { ...random, uuid: () => keyId } };
            const request = { input, targets: { account: undefined, tagging: undefined }, scope, ports };
            const identity = { accountId, region, keyId };
            const material = await custody.create(identity, keySpec);
            await createKey.handle({ ...request, transaction, prepared: { identity, material }, consequences: [] });
          }
        });
      }
    }
    return { ...readCredentials(directory.credentials), keyIds };
  } finally {
    await raw.close();
    prepared.release();
  }
}

function readCredentials(path: string): { accessKeyId: string; secretAccessKey: string } {
  const text = readFileSync(path, 'utf8');
  const value = (name: string) => new RegExp(`^${name} = (.+)$`, 'm').exec(text)?.[1] ?? '';
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') };
}
