import { awsAnswers, type ReachableState } from '../support/aws-key-states.ts';

/**
 * AWS KMS in small: what keys, aliases, grants and time come to, without a byte of cryptography. Written from AWS's API
 * reference and developer guide, and not from `src/`: it is a second opinion, and where the two differ one of them is wrong.
 *
 * What a caller cannot predict (ids, ciphertexts) the model is told by the answers it is shown.
 */

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** The owner administers the keys' account; alice is a user there without policies of her own; the guest is another account. */
export type Caller = 'owner' | 'alice' | 'guest';

export const regions = ['us-east-1', 'eu-west-1', 'ap-southeast-2'] as const;
export type Region = (typeof regions)[number];

export type Spec = 'SYMMETRIC_DEFAULT' | 'ECC_NIST_P256' | 'HMAC_256';
export type Usage = 'ENCRYPT_DECRYPT' | 'SIGN_VERIFY' | 'GENERATE_VERIFY_MAC';
export type Context = Readonly<Record<string, string>>;

/** One version of a key's material. */
export interface Material {
  /** As the service named it, once it has. */
  id?: string;
  /** Imported: Keyhold names it by its bytes alone, so that the same bytes in two keys are not told apart by name. */
  readonly external?: true;
  /** What made it current; absent for the first. */
  rotation?: { readonly type: 'AUTOMATIC' | 'ON_DEMAND'; readonly atMs: number };
}

/** What related multi-Region keys have in common; a single-Region key is a family of one. */
export interface Family {
  readonly id: string;
  readonly spec: Spec;
  readonly usage: Usage;
  readonly origin: 'AWS_KMS' | 'EXTERNAL';
  readonly multiRegion: boolean;
  primaryRegion: Region;
  /** Oldest first; the last is current. Of imported material, what the keys cannot do without. */
  readonly materials: Material[];
  /** Imported into the primary key, to be rotated to. */
  pending?: Material;
  /** All that was ever imported, by its bytes: the same bytes are the same material. */
  readonly imported: Map<string, Material>;
  rotation?: { readonly periodDays: number; readonly nextMs: number };
  /** Those that have not been deleted. */
  readonly members: Key[];
}

export interface Key {
  readonly family: Family;
  readonly region: Region;
  readonly createdAtMs: number;
  description: string;
  enabled: boolean;
  deletion?: { readonly atMs: number } | { readonly afterReplicasDays: number };
  policy: PolicyName;
  readonly tags: Map<string, string>;
  /** The imported materials that this key has, each of them until when. */
  readonly holds: Map<Material, { readonly expiresAtMs?: number }>;
}

export interface Alias {
  readonly name: string;
  readonly region: Region;
  key: Key;
  readonly createdAtMs: number;
  updatedAtMs: number;
}

export type GrantOperation =
  | 'Encrypt'
  | 'Decrypt'
  | 'GenerateDataKey'
  | 'ReEncryptFrom'
  | 'ReEncryptTo'
  | 'Sign'
  | 'Verify'
  | 'DescribeKey'
  | 'RetireGrant';

export interface Grant {
  readonly id: string;
  readonly token: string;
  readonly key: Key;
  readonly grantee: string;
  readonly retiring?: string;
  readonly operations: readonly GrantOperation[];
  readonly constraints?: Constraints;
  readonly name?: string;
  readonly createdAtMs: number;
}

export interface Constraints {
  readonly EncryptionContextEquals?: Context;
  readonly EncryptionContextSubset?: Context;
}

/** A ciphertext that was once given out. */
export interface Blob {
  readonly bytes: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly context: Context;
  readonly family: Family;
  readonly material: Material;
}

export interface Signature {
  readonly bytes: Uint8Array;
  readonly message: Uint8Array;
  readonly family: Family;
}

/** What GetParametersForImport gave. */
export interface ImportParameters {
  readonly key: Key;
  readonly token: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly validToMs: number;
}

/** Key material as it is sent: whose bytes, wrapped for which import. */
export interface WrappedMaterial {
  readonly bytes: string;
  readonly parameters: ImportParameters;
}

export interface Model {
  readonly accounts: Accounts;
  nowMs: number;
  /** How many commands it has seen. */
  commands: number;
  /** All that ever were, in the order of their creation: what is gone is asked for, too. */
  readonly keys: Key[];
  readonly aliases: Map<string, Alias>;
  /** All that ever were. */
  readonly knownAliases: Map<string, { readonly region: Region; readonly name: string }>;
  /** All that ever were; {@link isGranted} tells which still are. */
  readonly grants: Grant[];
  readonly withdrawn: Set<Grant>;
  readonly blobs: Blob[];
  readonly signatures: Signature[];
  readonly imports: ImportParameters[];
  readonly wrapped: Map<Uint8Array, WrappedMaterial>;
  /** The names of all materials, which must differ. */
  readonly materialIds: Set<string>;
}

export interface Accounts {
  readonly owner: string;
  readonly guest: string;
}

export function newModel(accounts: Accounts, nowMs: number): Model {
  return {
    accounts,
    nowMs,
    commands: 0,
    keys: [],
    aliases: new Map(),
    knownAliases: new Map(),
    grants: [],
    withdrawn: new Set(),
    blobs: [],
    signatures: [],
    imports: [],
    wrapped: new Map(),
    materialIds: new Set(),
  };
}

/** An exception of AWS KMS. */
export class Refusal extends Error {
  override readonly name: string;

  constructor(name: string) {
    super(name);
    this.name = name;
  }
}

// Keys and their states ("Key states of AWS KMS keys", developer guide).

/** From the end of the waiting period on there is no such key ("Deleting AWS KMS keys", developer guide). */
export function isGone(model: Model, key: Key): boolean {
  const { deletion } = key;
  const due = deletion !== undefined && 'atMs' in deletion && deletion.atMs <= model.nowMs;
  return due || !key.family.members.includes(key);
}

export function livingKeys(model: Model, region?: Region): Key[] {
  return model.keys.filter((key) => !isGone(model, key) && (region === undefined || key.region === region));
}

export function stateOf(model: Model, key: Key): ReachableState {
  if (key.deletion !== undefined) return 'atMs' in key.deletion ? 'PendingDeletion' : 'PendingReplicaDeletion';
  if (lacksMaterial(model, key)) return 'PendingImport';
  return key.enabled ? 'Enabled' : 'Disabled';
}

// Imported material ("Importing key material for AWS KMS keys", developer guide).

/** A key is of no use until all its materials are imported, not the current one alone. */
export function lacksMaterial(model: Model, key: Key): boolean {
  const { origin, materials } = key.family;
  if (origin !== 'EXTERNAL') return false;
  return materials.length === 0 || materials.some((material) => !isHeld(model, key, material));
}

/** Whether a key has this material, which from the moment of its expiry on it has not. */
export function isHeld(model: Model, key: Key, material: Material): boolean {
  const held = key.holds.get(material);
  return held !== undefined && (held.expiresAtMs ?? Number.POSITIVE_INFINITY) > model.nowMs;
}

/** What waits for RotateKeyOnDemand: it is nothing any more once the primary key has lost it. */
export function pendingMaterial(model: Model, family: Family): Material | undefined {
  const { pending } = family;
  const primary = primaryOf(family);
  return pending !== undefined && primary !== undefined && isHeld(model, primary, pending) ? pending : undefined;
}

/** Material that a key has and does not need yet. */
export function waitingMaterial(model: Model, key: Key): Material | undefined {
  return [...key.holds.keys()].find((each) => !key.family.materials.includes(each) && isHeld(model, key, each));
}

/** What the primary key has lost before it was rotated to, its replicas lose as well ("DeleteImportedKeyMaterial"). */
export function forgetLostPending(model: Model, family: Family): boolean {
  const { pending } = family;
  if (pending === undefined || pendingMaterial(model, family) !== undefined) return false;
  delete family.pending;
  for (const key of family.members) key.holds.delete(pending);
  return true;
}

/** "… and the key material is imported in all of the replica Region keys" ("RotationsListEntry", API reference). */
export function isPendingEverywhere(model: Model, { members }: Family, material: Material): boolean {
  return members.every((key) => isHeld(model, key, material));
}

export function currentMaterial(family: Family): Material | undefined {
  return family.materials.at(-1);
}

export function primaryOf({ members, primaryRegion }: Family): Key | undefined {
  return members.find(({ region }) => region === primaryRegion);
}

export function livingMember(model: Model, { members }: Family, region: Region): Key | undefined {
  return members.find((key) => key.region === region && !isGone(model, key));
}

export function isPrimary({ family, region }: Key): boolean {
  return family.multiRegion && family.primaryRegion === region;
}

/** Throws what AWS's page of key states says of an operation on a key; what the page leaves open is for the operation. */
export function requireState(model: Model, operation: string, key: Key): void {
  const answer = awsAnswers(operation, stateOf(model, key));
  if (typeof answer === 'function') throw new Refusal(answer(arnOf(model, key)).name);
}

// Names.

export function arnOf({ accounts }: Model, { region, family }: Pick<Key, 'region' | 'family'>): string {
  return `arn:aws:kms:${region}:${accounts.owner}:key/${family.id}`;
}

export function aliasArnOf({ accounts }: Model, { name, region }: Pick<Alias, 'name' | 'region'>): string {
  return `arn:aws:kms:${region}:${accounts.owner}:${name}`;
}

export function principalOf({ accounts }: Model, caller: Exclude<Caller, 'owner'>): string {
  return caller === 'alice' ? `arn:aws:iam::${accounts.owner}:user/alice` : `arn:aws:iam::${accounts.guest}:root`;
}

export function livingAlias(model: Model, region: Region, name: string): Alias | undefined {
  const alias = model.aliases.get(`${region} ${name}`);
  return alias === undefined || isGone(model, alias.key) ? undefined : alias;
}

/** Finds a key by its id, its ARN, an alias or an alias's ARN. */
export function keyNamed(model: Model, region: Region, reference: string): Key | undefined {
  const name = reference.replace(/^arn:aws:kms:[^:]+:\d+:(key\/)?/, '');
  if (name.startsWith('alias/')) return livingAlias(model, region, name)?.key;
  return livingKeys(model, region).find(({ family }) => family.id === name);
}

// Who may do what ("Authentication and access control for AWS KMS", developer guide).

export type PolicyName = 'default' | 'shared' | 'guarded';
export const policyNames: readonly PolicyName[] = ['default', 'shared', 'guarded'];

const SHARED = [
  'Encrypt',
  'Decrypt',
  'GenerateDataKey',
  'ReEncryptFrom',
  'ReEncryptTo',
  'DescribeKey',
  'Sign',
  'Verify',
];
const GUARDED = ['Encrypt', 'Decrypt'];

/**
 * The first leaves everything to the account, as a key does that is made without a policy ("Default key policy", developer
 * guide); the second lets in alice and the guest; the third keeps them from some.
 */
export function policyText(model: Model, name: PolicyName): string {
  const others = { AWS: [principalOf(model, 'alice'), principalOf(model, 'guest')] };
  const actions = (names: readonly string[]) => names.map((each) => `kms:${each}`);
  const root = { AWS: `arn:aws:iam::${model.accounts.owner}:root` };
  const statements: object[] = [
    { Sid: 'Enable IAM User Permissions', Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' },
  ];
  if (name === 'shared')
    statements.push({ Effect: 'Allow', Principal: others, Action: actions(SHARED), Resource: '*' });
  if (name === 'guarded')
    statements.push({ Effect: 'Deny', Principal: others, Action: actions(GUARDED), Resource: '*' });
  return JSON.stringify({ Version: '2012-10-17', Id: 'key-default-1', Statement: statements });
}

/** An explicit deny wins; then the key policy allows, or a grant. What the account may, its administrator may. */
export function requirePermission(model: Model, by: Caller, key: Key, permission: string, context?: Context): void {
  if (by === 'owner') return;
  if (key.policy === 'guarded' && GUARDED.includes(permission)) throw new Refusal('AccessDeniedException');
  if (key.policy === 'shared' && SHARED.includes(permission)) return;
  const grantee = principalOf(model, by);
  const granted = grantsOn(model, key).some(
    (grant) =>
      grant.grantee === grantee &&
      (grant.operations as readonly string[]).includes(permission) &&
      (permission === 'DescribeKey' || meets(context ?? {}, grant.constraints ?? {})),
  );
  if (!granted) throw new Refusal('AccessDeniedException');
}

export function grantsOn(model: Model, key: Key): Grant[] {
  return model.grants.filter((grant) => grant.key === key && isGranted(model, grant));
}

export function isGranted(model: Model, grant: Grant): boolean {
  return !model.withdrawn.has(grant) && !isGone(model, grant.key);
}

/** "Using grant constraints", developer guide. */
function meets(context: Context, { EncryptionContextEquals, EncryptionContextSubset }: Constraints): boolean {
  const includes = (all: Context, some: Context) => Object.entries(some).every(([name, value]) => all[name] === value);
  const equals = EncryptionContextEquals;
  if (equals !== undefined) return includes(context, equals) && includes(equals, context);
  return includes(context, EncryptionContextSubset ?? {});
}

// What time brings.

/** Moments at which something becomes of a key by itself. */
export function comingMoments(model: Model): number[] {
  const moments = model.keys.flatMap(({ family, deletion, holds }) => [
    ...[...holds.values()].flatMap(({ expiresAtMs }) => expiresAtMs ?? []),
    ...(deletion !== undefined && 'atMs' in deletion ? [deletion.atMs] : []),
    ...(family.rotation === undefined ? [] : [family.rotation.nextMs]),
  ]);
  return moments.filter((each) => each > model.nowMs).sort((a, b) => a - b);
}

/** Lets happen what is due, and says whether anything was. */
export function sweep(model: Model): boolean {
  const gone = model.keys.filter((key) => isGone(model, key) && key.family.members.includes(key));
  for (const key of gone) forgetKey(model, key);
  const families = [...new Set(model.keys.map(({ family }) => family))];
  const rotated = families.filter((family) => rotateIfDue(model, family));
  const lost = families.filter((family) => forgetLostPending(model, family));
  return gone.length + rotated.length + lost.length > 0;
}

/** With its last replica gone, a primary key's own waiting period begins ("ScheduleKeyDeletion", API reference). */
export function forgetKey(model: Model, key: Key): void {
  const { members } = key.family;
  members.splice(members.indexOf(key), 1);
  for (const [name, alias] of model.aliases) if (alias.key === key) model.aliases.delete(name);
  const [last, ...others] = members;
  if (last?.deletion !== undefined && 'afterReplicasDays' in last.deletion && others.length === 0) {
    last.deletion = { atMs: model.nowMs + last.deletion.afterReplicasDays * DAY_MS };
  }
}

/** Only enabled keys rotate; what they have missed they make up for when they are enabled ("Rotate AWS KMS keys"). */
function rotateIfDue(model: Model, family: Family): boolean {
  const { rotation } = family;
  const primary = primaryOf(family);
  if (rotation === undefined || rotation.nextMs > model.nowMs) return false;
  if (primary === undefined || isGone(model, primary) || stateOf(model, primary) !== 'Enabled') return false;
  family.materials.push({ rotation: { type: 'AUTOMATIC', atMs: model.nowMs } });
  family.rotation = { ...rotation, nextMs: model.nowMs + rotation.periodDays * DAY_MS };
  return true;
}
