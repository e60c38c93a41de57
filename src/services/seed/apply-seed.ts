import type { AuditTrail } from '../../audit/audit-trail.ts';
import type { KmsDependencies } from '../kms/index.ts';
import { operatorEventJson, operatorIdentity } from '../operator-event.ts';
import { applyIdentities } from './apply-identities.ts';
import { applyKeys } from './apply-keys.ts';
import type { Seed } from './seed-file.ts';

export interface SeedSurroundings {
  readonly kms: KmsDependencies;
  readonly nowMs: number;
  /** Of this server. */
  readonly version: string;
  readonly audit: AuditTrail;
}

const BY = 'keyhold --seed';

/**
 * Brings about what a seed declares, all of it in one transaction or nothing. What is as declared stays as it is, and what
 * is not declared is left alone.
 *
 * INVARIANT: as with requests, what happens has a record before it is committed.
 *
 * @returns how many things were made or changed
 * @throws KeyholdError StartupRefused, which names the entry that cannot be
 */
export function applySeed(seed: Seed, { kms, nowMs, version, audit }: SeedSurroundings): Promise<number> {
  const { random, store } = kms;
  return store.transact(async (transaction) => {
    const records: string[] = [];
    await applyIdentities(seed.accounts, {
      transaction,
      random,
      nowMs,
      changed: (accountId, eventName, requestParameters) => {
        const eventSource = eventName.endsWith('Account') ? 'organizations.amazonaws.com' : 'iam.amazonaws.com';
        const event = { accountId, by: BY, eventSource, eventName, requestParameters, nowMs, version };
        records.push(operatorEventJson(event, random));
      },
    });
    await applyKeys(seed.accounts, {
      transaction,
      kms,
      nowMs,
      version,
      identityOf: (accountId) => operatorIdentity(accountId, BY),
      recorded: (recordJson) => records.push(recordJson),
    });
    await Promise.all(records.map((record) => audit.append(record)));
    return records.length;
  });
}
