import { LRUCache } from 'lru-cache';
import type { Policy } from '../../authorization/index.ts';
import type { KeyHandle } from '../../custody/contract.ts';
import {
  type KeyIdentity,
  type KeyOwner,
  type KeyRecord,
  keyArn,
  type Lifecycle,
  MOST_ALIASES_PER_KEY,
  type Tag,
} from '../../keys/key.ts';
import {
  aliasesOfKeyPrefix,
  aliasesOfKeyTable,
  aliasesTable,
  aliasRecordName,
  type KeyPolicyRecord,
  keyName,
  keyOwnerName,
  keyOwnersTable,
  keysTable,
  type PrincipalIds,
  policiesTable,
} from '../../keys/tables.ts';
import { KeyholdError } from '../../runtime/errors.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { Reader } from '../../store/sealed-store.ts';

/** A key with all that deciding about it takes. */
export interface LoadedKey {
  readonly record: KeyRecord;
  /** The record's version in the store, for a change that builds on it. */
  readonly version: number;
  readonly arn: string;
  readonly policy: Policy;
  /** How long the policy is as text: what it weighs, for a cache. */
  readonly policyCharacters: number;
  /** The names of its aliases; policies read them as `kms:ResourceAliases`. */
  readonly aliases: readonly string[];
  /** Its materials that are open. Of no concern but to who opens them, and closes them as well: `key-directory.ts`. */
  opened?: readonly KeyHandle[] | undefined;
}

/** Where keys are looked up: the cache on the hot path, the transaction itself in a change. */
export interface KeySource {
  key(identity: KeyIdentity): MaybePromise<LoadedKey | undefined>;
  /** The id of the key that an alias names. */
  aliasTarget(owner: KeyOwner, aliasName: string): MaybePromise<string | undefined>;
  /** The account that has a key of this id in this Region. */
  ownerOf(region: string, keyId: string): MaybePromise<string | undefined>;
}

/** Turns a policy, with the ids of whom it names, into a compiled one, which may be the same for all that are alike. */
export type PolicyCompiler = (text: string, principalIds?: PrincipalIds) => Policy;

/** Reads everything from the store, through a transaction if `reader` is one. */
export function storeKeySource(reader: Reader, compile: PolicyCompiler): KeySource {
  return {
    async key(identity) {
      const name = keyName(identity);
      const found = await reader.get(keysTable, name);
      if (found === undefined) return undefined;
      const policy = await reader.get(policiesTable, name);
      // A key without a policy is not a key that everyone may use: someone removed the row.
      if (policy === undefined) throw new KeyholdError('TamperedRecord', `key ${name} has no policy row`);
      const aliases = await reader.list(aliasesOfKeyTable, {
        prefix: aliasesOfKeyPrefix(identity),
        limit: MOST_ALIASES_PER_KEY,
      });
      return {
        record: sharingStrings(found.value),
        version: found.version,
        arn: keyArn(identity),
        policy: compileStored(compile, policy.value, name),
        policyCharacters: policy.value.policy.length,
        aliases: aliases.length === 0 ? NO_ALIASES : aliases.map((alias) => alias.value.aliasName),
        opened: undefined,
      };
    },
    async aliasTarget(owner, aliasName) {
      return (await reader.get(aliasesTable, aliasRecordName(owner, aliasName)))?.value.targetKeyId;
    },
    async ownerOf(region, keyId) {
      return (await reader.get(keyOwnersTable, keyOwnerName(region, keyId)))?.value.accountId;
    },
  };
}

/** A policy was judged before it was stored; if it cannot be read now, that is not the fault of whoever uses the key. */
function compileStored(compile: PolicyCompiler, { policy, principalIds }: KeyPolicyRecord, name: string): Policy {
  try {
    return compile(policy, principalIds);
  } catch (cause) {
    throw new KeyholdError('TamperedRecord', `the stored policy of key ${name} cannot be read`, { cause });
  }
}

const NO_ALIASES: readonly string[] = [];
const NO_TAGS: readonly Tag[] = [];
const ENABLED: Lifecycle = { status: 'Enabled' };
const MOST_SHARED_STRINGS = 1000;
const sharedStrings = new LRUCache<string, string>({ max: MOST_SHARED_STRINGS });

/**
 * The same record, with what most keys have in common held once for all of them: JSON gives each record strings of its
 * own, and a hundred thousand keys may be in memory.
 */
function sharingStrings(record: KeyRecord): KeyRecord {
  return {
    ...record,
    accountId: shared(record.accountId),
    region: shared(record.region),
    keySpec: shared(record.keySpec),
    keyUsage: shared(record.keyUsage),
    origin: shared(record.origin),
    keyManager: shared(record.keyManager),
    lifecycle: record.lifecycle.status === 'Enabled' ? ENABLED : record.lifecycle,
    tags: record.tags.length === 0 ? NO_TAGS : record.tags,
  };
}

function shared<T extends string>(text: T): T {
  const known = sharedStrings.get(text);
  if (known === undefined) sharedStrings.set(text, text);
  return (known ?? text) as T;
}
