import type { GrantRecord } from '../src/keys/grant.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { destroyDueKeys } from '../src/services/kms/destroy-due-keys.ts';
import { doDueWork } from '../src/services/kms/due-work.ts';
import { createGrantRows } from '../src/services/kms/grant-rows.ts';
import { cpuMicrosEach, inProcessKms, REGION } from './in-process-kms.ts';

/** What a decision by grant costs on a key with few grants and on one with many. */

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
  const kms = await inProcessKms(path);
  const { store, random, accountId, root, user: caller, call } = kms;
  try {
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

    const timed = (KeyId: string) =>
      cpuMicrosEach(plan.decisionsPerRound, () => call('Encrypt', { KeyId, Plaintext, EncryptionContext }, caller));

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
        while ((await doDueWork(store, destroyDueKeys, due, async () => {})).done.length === 0);
      });
      const costs = { firstDecisionMs, revokeMs, decisionAfterMs, destroyKeyMs };
      measurements.push({ layout: name, fewMicros: best.few, manyMicros: best.many, ...costs });
    }
    return measurements;
  } finally {
    await kms.close();
  }
}
