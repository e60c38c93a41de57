import type { TrustedRoots } from '../../crypto/attestation/trusted-roots.ts';
import type { Custody, KeyHandle, MaterialImport } from '../../custody/contract.ts';
import type { Random } from '../../runtime/random.ts';
import type { MaybePromise } from '../../store/change-feed.ts';
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
  /** What the attestation documents of Nitro enclaves must be signed below. */
  readonly attestationRoots: TrustedRoots;
  readonly usages: LastUsages;
}

export interface KeyHandles {
  /** The key's material of this id, opened; undefined if the key has none such. */
  open(key: LoadedKey, materialId: string): MaybePromise<KeyHandle | undefined>;
}

/** An operation of KMS: what `Operation` says, with KMS's ports. */
export type KmsOperation<Request extends object, Response, Targets, Prepared = undefined> = Operation<
  Request,
  Response,
  Targets,
  KmsPorts,
  Prepared
>;
