import type { KeyState } from './lifecycle.ts';

/**
 * What AWS KMS answers for each operation on a key in each state: the table of the developer guide's page "Key states of
 * AWS KMS keys", which is what targets (`services/kms/targets.ts`) are checked by. Footnotes that depend on more than the
 * state, such as the key's origin, are for the operations.
 */
export type StateOutcome =
  | 'succeeds'
  /** DisabledException: `<arn> is disabled.` */
  | 'disabled'
  /** KMSInvalidStateException: `<arn> is pending deletion.`, `… is pending import.` and so on, after the state. */
  | 'invalid state'
  /** KMSInvalidStateException: `<arn> is not pending deletion.` */
  | 'not pending deletion';

type Row = Readonly<Record<KeyState, StateOutcome>>;

/** Cryptographic operations, and the grants that allow them. */
const use: Row = {
  Enabled: 'succeeds',
  Disabled: 'disabled',
  PendingDeletion: 'invalid state',
  PendingReplicaDeletion: 'invalid state',
  PendingImport: 'invalid state',
  Unavailable: 'invalid state',
  Creating: 'invalid state',
  // Both the old and the new primary go on encrypting and decrypting ("UpdatePrimaryRegion", API reference).
  Updating: 'succeeds',
};

/** Operations that only look, or that change what stands beside the key. */
const always: Row = {
  Enabled: 'succeeds',
  Disabled: 'succeeds',
  PendingDeletion: 'succeeds',
  PendingReplicaDeletion: 'succeeds',
  PendingImport: 'succeeds',
  Unavailable: 'succeeds',
  Creating: 'succeeds',
  Updating: 'succeeds',
};

/** Operations that change a key which is there to stay. */
const change: Row = { ...always, PendingDeletion: 'invalid state', PendingReplicaDeletion: 'invalid state' };

/** Enabling and disabling: there must be something to enable, and nothing may be on its way already. */
const turn: Row = { ...change, PendingImport: 'invalid state', Creating: 'invalid state', Updating: 'invalid state' };

/** What only the primary of related keys can do, when it is ready. */
const lead: Row = { ...use, Updating: 'invalid state' };

/** Turning automatic rotation on and off. A key that is pending import is refused for its origin, by the operations. */
const scheduleRotation: Row = { ...lead, PendingImport: 'succeeds' };

const importing: Row = {
  ...change,
  Unavailable: 'invalid state',
  Creating: 'invalid state',
  Updating: 'invalid state',
};

const rows = {
  CancelKeyDeletion: {
    Enabled: 'not pending deletion',
    Disabled: 'not pending deletion',
    PendingDeletion: 'succeeds',
    PendingReplicaDeletion: 'succeeds',
    PendingImport: 'not pending deletion',
    Unavailable: 'not pending deletion',
    Creating: 'not pending deletion',
    Updating: 'not pending deletion',
  },
  CreateAlias: change,
  CreateGrant: { ...use, Unavailable: 'succeeds' },
  Decapsulate: use,
  Decrypt: use,
  DeleteAlias: always,
  DeleteImportedKeyMaterial: { ...always, Creating: 'invalid state', Updating: 'invalid state' },
  DeriveSharedSecret: use,
  DescribeKey: always,
  DisableKey: turn,
  DisableKeyRotation: scheduleRotation,
  EnableKey: turn,
  EnableKeyRotation: scheduleRotation,
  Encapsulate: use,
  Encrypt: use,
  GenerateDataKey: use,
  GenerateDataKeyPair: use,
  GenerateDataKeyPairWithoutPlaintext: use,
  GenerateDataKeyWithoutPlaintext: use,
  GenerateMac: use,
  GetKeyLastUsage: always,
  GetKeyPolicy: always,
  GetKeyRotationStatus: always,
  GetParametersForImport: importing,
  GetPublicKey: use,
  ImportKeyMaterial: importing,
  ListAliases: always,
  ListGrants: always,
  ListKeyPolicies: always,
  ListKeyRotations: always,
  ListResourceTags: always,
  PutKeyPolicy: always,
  ReEncrypt: use,
  ReplicateKey: lead,
  RetireGrant: always,
  RevokeGrant: always,
  RotateKeyOnDemand: lead,
  ScheduleKeyDeletion: { ...change, Creating: 'invalid state', Updating: 'invalid state' },
  Sign: use,
  TagResource: change,
  UntagResource: change,
  /** The key that an alias goes to; the one it leaves may be in any state. */
  UpdateAlias: change,
  UpdateAliasFrom: always,
  UpdateKeyDescription: change,
  UpdatePrimaryRegion: lead,
  Verify: use,
  VerifyMac: use,
} as const satisfies Readonly<Record<string, Row>>;

/** An operation on a key: AWS's name of it, but for the two keys of UpdateAlias. */
export type KeyOperation = keyof typeof rows;

export const keyStateTable: Readonly<Record<KeyOperation, Row>> = rows;

/** The states in which an operation can succeed. */
export function statesFor(operation: KeyOperation): KeyState[] {
  const row = keyStateTable[operation];
  return (Object.keys(row) as KeyState[]).filter((state) => row[state] === 'succeeds');
}
