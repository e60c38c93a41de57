import type { TrustedRoots } from '../../crypto/attestation/trusted-roots.ts';
import type { Custody, KeyHandle, MaterialImport } from '../../custody/contract.ts';
import type { KeyOwner, KeyRecord } from '../../keys/key.ts';
import type { MaybePromise } from '../../runtime/maybe-promise.ts';
import type { Random } from '../../runtime/random.ts';
import type { Reader } from '../../store/sealed-store.ts';
import type { Operation } from '../operation.ts';
import type { GrantSource } from './grant-directory.ts';
import type { GrantTokens } from './grant-tokens.ts';
import type { KeySource, LoadedKey } from './key-source.ts';
import type { LastUsages } from './last-usages.ts';

/** What KMS's targets and handlers may reach. In a change, `keys` and `store` look through the transaction. */
export interface KmsPorts {
  readonly keys: KeySource;
  readonly handles: KeyHandles;
  readonly grants: GrantSource;
  readonly grantTokens: GrantTokens;
  readonly store: Reader;
  readonly custody: Custody;
  readonly materialImport: MaterialImport;
  readonly random: Random;
  readonly serviceKeys: ServiceKeys;
  /** What the attestation documents of Nitro enclaves must be signed below. */
  readonly attestationRoots: TrustedRoots;
  readonly usages: LastUsages;
  readonly unknownPrincipals: UnknownPrincipals;
}

/**
 * What becomes of policies and grants that name accounts, users and roles which this deployment does not have. As AWS does,
 * they are refused: who is made under such a name later must not come into what it was given before. In the sandbox, where
 * every 12-digit account exists and nobody need be made, they are believed by their ARNs.
 */
export type UnknownPrincipals = 'refused' | 'believed';

export interface KeyHandles {
  /** The key's material of this id, opened; undefined if the key has none such. */
  open(key: LoadedKey, materialId: string): MaybePromise<KeyHandle | undefined>;
}

/**
 * The keys that services have ("AWS keys", developer guide), each made when it is first wanted. AWS managed keys stand in
 * an account, which sees them and cannot change them; AWS owned keys are the service's own, and nobody sees them. Both are
 * used as other keys are, through the operations (`services/forward.ts`).
 *
 * INVARIANT: not within a transaction, for making one takes another, which would wait for the first for ever.
 */
export interface ServiceKeys {
  /** The account's key of this alias (`alias/aws/s3`), which is one of a service that has managed keys. */
  managed(aliasName: string, owner: KeyOwner, nowMs: number): Promise<KeyRecord>;
  /** The same, as it would be made now, whether or not it is there; undefined if the alias is none of a managed key. */
  foreseen(aliasName: string, owner: KeyOwner, nowMs: number): LoadedKey | undefined;
  /** The AWS owned key of a service (`s3`) in a Region, for the requests of its `serviceScope`. */
  owned(service: string, region: string, nowMs: number): Promise<KeyRecord>;
}

/** An operation of KMS: what `Operation` says, with KMS's ports. */
export type KmsOperation<Request extends object, Response, Targets, Prepared = undefined> = Operation<
  Request,
  Response,
  Targets,
  KmsPorts,
  Prepared
>;
