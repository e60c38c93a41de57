import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { rootCaller } from '../src/services/iam/credentials.ts';
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
 * What a decision by grant costs on a key with ten grants and on one with 50,000, over the store that a server has:
 *
 *     node bench/grants.ts
 *
 * Run by hand. Each row is a way in which so many grants can be: of as many grantees, or all of one.
 */

const REGION = 'us-east-1';
const FEW = 10;
const MANY = 50_000;
const GRANTS_PER_TRANSACTION = 1000;
const DECISIONS = 2_000;
const ROUNDS = 25;
const DAY_MS = 86_400_000;

type Layout = (number: number, accountId: string) => Pick<GrantRecord, 'grantee' | 'constraints'>;

const named = (accountId: string, userName: string) =>
  ({ kind: 'AWS', name: `arn:aws:iam::${accountId}:user/${userName}` }) as const;

/** The last grant made is the one that allows. */
const layouts: Readonly<Record<string, Layout>> = {
  'as many grantees': (number, accountId) => ({
    grantee: named(accountId, number === 0 ? 'caller' : `other-${number}`),
    constraints: {},
  }),
  'one grantee, as many contexts': (number, accountId) => ({
    grantee: named(accountId, 'caller'),
    constraints: { encryptionContextSubset: { service: 'orders', tenant: String(number) } },
  }),
  'one grantee, all grants alike': (_, accountId) => ({ grantee: named(accountId, 'caller'), constraints: {} }),
};

const path = mkdtempSync(join(tmpdir(), 'keyhold-grants-'));
const random = systemRandom();
const prepared = await prepareDataDirectory({
  path: join(path, 'data'),
  sandbox: false,
  region: REGION,
  clock: systemClock,
  random,
});
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
            name: `grant-${number}`,
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

  const EncryptionContext = { service: 'orders', tenant: '0' };
  const Plaintext = Buffer.from('plaintext');

  /** Microseconds of this thread's CPU for each request that a grant allows. */
  async function timed(KeyId: string): Promise<number> {
    const start = process.threadCpuUsage();
    for (let count = 0; count < DECISIONS; count++)
      await call('Encrypt', { KeyId, Plaintext, EncryptionContext }, caller);
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / DECISIONS;
  }

  async function millisecondsOf(work: () => Promise<unknown>): Promise<string> {
    const start = process.hrtime.bigint();
    await work();
    return (Number(process.hrtime.bigint() - start) / 1e6).toFixed(1);
  }

  for (const [name, layout] of Object.entries(layouts)) {
    const [few, many] = [await keyWith(FEW, layout), await keyWith(MANY, layout)];
    const first = await millisecondsOf(() => call('Encrypt', { KeyId: many, Plaintext, EncryptionContext }, caller));
    await timed(few);
    // In turns, and the best of each, for what else the machine does costs caches at least.
    const best = { few: Number.POSITIVE_INFINITY, many: Number.POSITIVE_INFINITY };
    for (let round = 0; round < ROUNDS; round++) {
      best.few = Math.min(best.few, await timed(few));
      best.many = Math.min(best.many, await timed(many));
    }
    const { Grants } = (await call('ListGrants', { KeyId: many, Limit: 1 }, root)) as { Grants: { GrantId: string }[] };
    const revoke = await millisecondsOf(() => call('RevokeGrant', { KeyId: many, GrantId: Grants[0]?.GrantId }, root));
    const after = await millisecondsOf(() => call('Encrypt', { KeyId: many, Plaintext, EncryptionContext }, caller));
    await call('ScheduleKeyDeletion', { KeyId: many, PendingWindowInDays: 7 }, root);
    const destroy = await millisecondsOf(async () => {
      const due = systemClock.now() + 8 * DAY_MS;
      while ((await doDueWork(store, destroyDueKeys, due)).done.length === 0);
    });
    console.log(
      `${name}: ${best.few.toFixed(2)} µs with ${FEW}, ${best.many.toFixed(2)} µs with ${MANY} (×${(best.many / best.few).toFixed(2)}); ` +
        `first decision ${first} ms, RevokeGrant ${revoke} ms, the decision after it ${after} ms, destroying the key ${destroy} ms`,
    );
  }
} finally {
  await raw.close();
  prepared.release();
  rmSync(path, { recursive: true });
}
