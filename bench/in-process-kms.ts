import { openDomainKeys } from '../src/custody/domain-keys.ts';
import { openRootKeyFile } from '../src/custody/root-key/file-root-key.ts';
import { softwareCustody } from '../src/custody/software/software-custody.ts';
import { softwareImport } from '../src/custody/software/software-import.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { type Random, systemRandom } from '../src/runtime/random.ts';
import { prepareDataDirectory } from '../src/server/data-directory.ts';
import type { Caller } from '../src/services/caller.ts';
import { rootCaller } from '../src/services/iam/callers.ts';
import { grantDirectory } from '../src/services/kms/grant-directory.ts';
import { grantTokens } from '../src/services/kms/grant-tokens.ts';
import { kmsService } from '../src/services/kms/index.ts';
import { keyDirectory } from '../src/services/kms/key-directory.ts';
import { compileKeyPolicy } from '../src/services/kms/key-policy.ts';
import { lastUsages } from '../src/services/kms/last-usages.ts';
import { perform } from '../src/services/perform.ts';
import { announcing, changeFeed, sharedEpoch } from '../src/store/change-feed.ts';
import { type Store, sealedStore } from '../src/store/sealed-store.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { noServiceKeys } from './no-service-keys.ts';

/**
 * KMS in this process and over the store that a server has, from the validated input to the audit record: for what is so
 * small that signatures and HTTP would hide it.
 */
export interface InProcessKms {
  readonly store: Store;
  readonly random: Random;
  readonly accountId: string;
  readonly root: Caller;
  /** A user of the account without policies. */
  readonly user: Caller;
  call(operation: string, input: object, by: Caller): Promise<object>;
  close(): Promise<void>;
}

export const REGION = 'us-east-1';

/** @param path of a data directory that is made for this, and left to whoever called */
export async function inProcessKms(path: string): Promise<InProcessKms> {
  const random = systemRandom();
  const prepared = await prepareDataDirectory({ path, sandbox: false, region: REGION, clock: systemClock, random });
  const { accountId, directory: files } = prepared;
  const raw = openSqliteStore({ path: files.database });
  const domainKeys = await openDomainKeys(raw, openRootKeyFile(files.rootKey, random), random);
  const epoch = sharedEpoch(new SharedArrayBuffer(4));
  const store = announcing(sealedStore(raw, domainKeys.sealer('records')), epoch);
  const feed = await changeFeed(store, epoch);
  const custody = softwareCustody(domainKeys.sealer('key material'), random);
  const service = kmsService({
    store,
    directory: keyDirectory({ store, feed, custody, compilePolicy: compileKeyPolicy, capacity: 1000 }),
    grants: grantDirectory({ store, feed, capacity: 100_000 }),
    grantTokens: grantTokens(domainKeys.sealer('grant tokens')),
    custody,
    materialImport: softwareImport(domainKeys.sealer('key material'), domainKeys.sealer('import token')),
    random,
    compilePolicy: compileKeyPolicy,
    attestationRoots: [],
    serviceKeys: noServiceKeys,
    usages: lastUsages(store, systemClock.now()),
    unknownPrincipals: 'believed',
  });
  const arn = `arn:aws:iam::${accountId}:user/caller`;
  return {
    store,
    random,
    accountId,
    root: rootCaller(accountId, 'bench'),
    user: {
      principal: { type: 'User', arn, accountId, id: 'AIDACALLER' },
      identityPolicies: [],
      accessKeyId: 'bench',
      userName: 'caller',
      auditIdentity: { type: 'IAMUser', arn },
    },
    async call(operation, input, by) {
      const scope = {
        caller: by,
        region: REGION,
        nowMs: systemClock.now(),
        sourceIp: '127.0.0.1',
        secureTransport: false,
        userAgent: 'bench',
      };
      const declared = service.operations.get(operation);
      if (declared === undefined) throw new Error(`no operation ${operation}`);
      let answer: object = {};
      await perform(service, declared, input, scope, [], async (output) => {
        answer = output ?? {};
      });
      return answer;
    },
    async close() {
      await raw.close();
      prepared.release();
    },
  };
}

/** Microseconds of this thread's CPU for each of so many calls, one after the other. */
export async function cpuMicrosEach(times: number, work: () => Promise<unknown>): Promise<number> {
  const start = process.threadCpuUsage();
  for (let count = 0; count < times; count++) await work();
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / times;
}
