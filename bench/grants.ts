import { parsePolicy } from '../src/authorization/index.ts';
import { openDomainKeys } from '../src/custody/domain-keys.ts';
import { openRootKeyFile } from '../src/custody/root-key/file-root-key.ts';
import { softwareCustody } from '../src/custody/software/software-custody.ts';
import { softwareImport } from '../src/custody/software/software-import.ts';
import type { GrantRecord } from '../src/keys/grant.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { systemRandom } from '../src/runtime/random.ts';
import { prepareDataDirectory } from '../src/server/data-directory.ts';
import type { Caller } from '../src/services/caller.ts';
import { rootCaller } from '../src/services/iam/callers.ts';
import { destroyDueKeys } from '../src/services/kms/destroy-due-keys.ts';
import { doDueWork } from '../src/services/kms/due-work.ts';
import { grantDirectory } from '../src/services/kms/grant-directory.ts';
import { createGrantRows } from '../src/services/kms/grant-rows.ts';
import { grantTokens } from '../src/services/kms/grant-tokens.ts';
import { kmsService } from '../src/services/kms/index.ts';
import { keyDirectory } from '../src/services/kms/key-directory.ts';
import { lastUsages } from '../src/services/kms/last-usages.ts';
import { perform } from '../src/services/perform.ts';
import { announcing, changeFeed, sharedEpoch } from '../src/store/change-feed.ts';
import { sealedStore } from '../src/store/sealed-store.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { noServiceKeys } from './no-service-keys.ts';

/**
 * What a decision by grant costs on a key with few grants and on one with many. In this process and over the store that a
 * server has, from the validated input to the audit record: signatures and HTTP would only hide a difference.
 */

export interface GrantsPlan {
  readonly few: number;
  readonly many: number;
  /** Each key is measured so often, in turns; the best counts, for what else the machine does only adds. */
  readonly rounds: number;
  readonly decisionsPerRound: number;
}

/** Of one way in which so many grants can be on a key. */
export interface GrantsMeasurement {
  readonly layout: string;
  /** For a request that a grant allows, on either key. */
  readonly fewMicros: number;
  readonly manyMicros: number;
  /** On the key with many: the first decision, which reads the grants in, and what changes them. */
  readonly firstDecisionMs: number;
  readonly revokeMs: number;
  readonly decisionAfterMs: number;
  readonly destroyKeyMs: number;
}

const REGION = 'us-east-1';
const GRANTS_PER_TRANSACTION = 1000;
const DAY_MS = 86_400_000;

type Layout = (number: number, accountId: string) => Pick<GrantRecord, 'grantee' | 'constraints'>;

const named = (accountId: string, userName: string) =>
  ({ kind: 'AWS', name: `arn:aws:iam::${accountId}:user/${userName}` }) as const;

/** The number of the grant that allows what is measured. */
const ALLOWING = 0;
const nameOf = (number: number) => `grant-${number}`;

const layouts: Readonly<Record<string, Layout>> = {
  'as many grantees': (number, accountId) => ({
    grantee: named(accountId, number === ALLOWING ? 'caller' : `other-${number}`),
    constraints: {},
  }),
  'one grantee, as many contexts': (number, accountId) => ({
    grantee: named(accountId, 'caller'),
    constraints: { encryptionContextSubset: { service: 'orders', tenant: String(number) } },
  }),
  'one grantee, all grants alike': (_, accountId) => ({ grantee: named(accountId, 'caller'), constraints: {} }),
};

/** @param path of a data directory that is made for this, and left to whoever called */
export async function measureGrants(path: string, plan: GrantsPlan): Promise<GrantsMeasurement[]> {
  const random = systemRandom();
  const prepared = await prepareDataDirectory({ path, sandbox: false, region: REGION, clock: systemClock, random });
  const { accountId, directory: files } = prepared;
  const raw = openSqliteStore({ path: files.database });
  try {
    const domainKeys = await openDomainKeys(raw, openRootKeyFile(files.rootKey, random), random);
    const epoch = sharedEpoch(new SharedArrayBuffer(4));
    const store = announcing(sealedStore(raw, domainKeys.sealer('records')), epoch);
    const feed = await changeFeed(store, epoch);
    const custody = softwareCustody(domainKeys.sealer('key material'), random);
    const compilePolicy = (text: string) => parsePolicy(text, 'resource');
    const service = kmsService({
      store,
      directory: keyDirectory({ store, feed, custody, compilePolicy, capacity: 1000 }),
      grants: grantDirectory({ store, feed, capacity: 100_000 }),
      grantTokens: grantTokens(domainKeys.sealer('grant tokens')),
      custody,
      materialImport: softwareImport(domainKeys.sealer('key material'), domainKeys.sealer('import token')),
      random,
      compilePolicy,
      attestationRoots: [],
      serviceKeys: noServiceKeys,
      usages: lastUsages(store, systemClock.now()),
    });
    const root = rootCaller(accountId, 'bench');
    const { name: arn } = named(accountId, 'caller');
    const caller: Caller = {
      principal: { type: 'User', arn, accountId, id: 'AIDACALLER' },
      identityPolicies: [],
      accessKeyId: 'bench',
      auditIdentity: { type: 'IAMUser', arn },
    };

    async function call(operation: string, input: object, by: Caller): Promise<object> {
      const scope = {
        caller: by,
        region: REGION,
        nowMs: systemClock.now(),
        sourceIp: '127.0.0.1',
        secureTransport: false,
        userAgent: 'bench',
      };
      let answer: object = {};
      const declared = service.operations.get(operation);
      if (declared === undefined) throw new Error(`no operation ${operation}`);
      await perform(service, declared, input, scope, [], async (output) => {
        answer = output ?? {};
      });
      return answer;
    }

    async function keyWith(grants: number, layout: Layout): Promise<string> {
      const { KeyMetadata } = (await call('CreateKey', {}, root)) as { KeyMetadata: { KeyId: string } };
      const key = { accountId, region: REGION, keyId: KeyMetadata.KeyId };
      for (let made = 0; made < grants; made += GRANTS_PER_TRANSACTION) {
        await store.transact(async (transaction) => {
          for (let number = made; number < Math.min(made + GRANTS_PER_TRANSACTION, grants); number++) {
            await createGrantRows(transaction, key, {
              ...layout(number, accountId),
              grantId: random.bytes(32).toString('hex'),
              name: nameOf(number),
              createdAtMs: systemClock.now(),
              retiring: named(accountId, 'retirer'),
              issuingAccountId: accountId,
              operations: ['Encrypt', 'Decrypt', 'DescribeKey'],
            });
          }
        });
      }
      return key.keyId;
    }

    const EncryptionContext = { service: 'orders', tenant: String(ALLOWING) };
    const Plaintext = Buffer.from('plaintext');

    /** Microseconds of this thread's CPU for each request that a grant allows. */
    async function timed(KeyId: string): Promise<number> {
      const start = process.threadCpuUsage();
      for (let count = 0; count < plan.decisionsPerRound; count++)
        await call('Encrypt', { KeyId, Plaintext, EncryptionContext }, caller);
      const { user, system } = process.threadCpuUsage(start);
      return (user + system) / plan.decisionsPerRound;
    }

    async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
      const start = process.hrtime.bigint();
      await work();
      return Number(process.hrtime.bigint() - start) / 1e6;
    }

    const measurements: GrantsMeasurement[] = [];
    for (const [name, layout] of Object.entries(layouts)) {
      const [few, many] = [await keyWith(plan.few, layout), await keyWith(plan.many, layout)];
      const firstDecisionMs = await millisecondsOf(() =>
        call('Encrypt', { KeyId: many, Plaintext, EncryptionContext }, caller),
      );
      await timed(few);
      // In turns, and the best of each, for what else the machine does costs caches at least.
      const best = { few: Number.POSITIVE_INFINITY, many: Number.POSITIVE_INFINITY };
      for (let round = 0; round < plan.rounds; round++) {
        best.few = Math.min(best.few, await timed(few));
        best.many = Math.min(best.many, await timed(many));
      }
      const { Grants } = (await call('ListGrants', { KeyId: many, Limit: 2 }, root)) as {
        Grants: { GrantId: string; Name: string }[];
      };
      // Of two, one at least is not the one that allows.
      const GrantId = Grants.find(({ Name }) => Name !== nameOf(ALLOWING))?.GrantId;
      const revokeMs = await millisecondsOf(() => call('RevokeGrant', { KeyId: many, GrantId }, root));
      const decisionAfterMs = await millisecondsOf(() =>
        call('Encrypt', { KeyId: many, Plaintext, EncryptionContext }, caller),
      );
      await call('ScheduleKeyDeletion', { KeyId: many, PendingWindowInDays: 7 }, root);
      const destroyKeyMs = await millisecondsOf(async () => {
        const due = systemClock.now() + 8 * DAY_MS;
        while ((await doDueWork(store, destroyDueKeys, due)).done.length === 0);
      });
      const costs = { firstDecisionMs, revokeMs, decisionAfterMs, destroyKeyMs };
      measurements.push({ layout: name, fewMicros: best.few, manyMicros: best.many, ...costs });
    }
    return measurements;
  } finally {
    await raw.close();
    prepared.release();
  }
}
