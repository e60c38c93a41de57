import { ANYTHING } from './compare.ts';
import {
  type Alias,
  aliasArnOf,
  arnOf,
  type Blob,
  type Constraints,
  type Context,
  currentMaterial,
  DAY_MS,
  type Family,
  forgetKey,
  forgetLostPending,
  type Grant,
  type GrantOperation,
  grantsOn,
  HOUR_MS,
  isGone,
  isGranted,
  isHeld,
  isPendingEverywhere,
  isPrimary,
  type Key,
  keyNamed,
  lacksMaterial,
  livingAlias,
  livingKeys,
  livingMember,
  type Material,
  type Model,
  type PolicyName,
  pendingMaterial,
  policyNames,
  policyText,
  primaryOf,
  principalOf,
  Refusal,
  type Region,
  requirePermission,
  requireState,
  type Spec,
  stateOf,
  type Usage,
  type WrappedMaterial,
  waitingMaterial,
} from './model.ts';
import type { Answer, Request } from './system.ts';

/**
 * What AWS KMS answers, operation by operation: each changes the model as it would change keys, and gives the answer it
 * expects, or throws the {@link Refusal} it does. Checks come in AWS's order: lookup, permission, usage, state, the rest.
 *
 * @param answer the real one, for what nobody can predict; empty if the request was refused
 */
export type Prediction = (model: Model, request: Request, answer: Answer) => Answer;

export const predictions: Readonly<Record<string, Prediction>> = {
  // Keys.

  CreateKey(model, { region, input }, answer) {
    const spec = (input['KeySpec'] ?? 'SYMMETRIC_DEFAULT') as Spec;
    const usage = (input['KeyUsage'] ?? 'ENCRYPT_DECRYPT') as Usage;
    const { KeyId = '' } = (answer['KeyMetadata'] ?? {}) as { KeyId?: string };
    const family: Family = {
      id: KeyId,
      spec,
      usage,
      origin: (input['Origin'] ?? 'AWS_KMS') as Family['origin'],
      multiRegion: input['MultiRegion'] === true,
      primaryRegion: region,
      materials: input['Origin'] === 'EXTERNAL' ? [] : [{}],
      imported: new Map(),
      members: [],
    };
    const key = addKey(model, family, region, input);
    return { KeyMetadata: metadataOf(model, key) };
  },

  DescribeKey(model, request) {
    const key = find(model, request);
    requirePermission(model, request.by, key, 'DescribeKey');
    return { KeyMetadata: metadataOf(model, key) };
  },

  ListKeys(model, { region }) {
    const keys = livingKeys(model, region);
    return { Keys: keys.map((key) => ({ KeyId: key.family.id, KeyArn: arnOf(model, key) })), Truncated: false };
  },

  UpdateKeyDescription(model, request) {
    const key = manage(model, request);
    key.description = request.input['Description'] as string;
    return {};
  },

  EnableKey(model, request) {
    manage(model, request).enabled = true;
    return {};
  },

  DisableKey(model, request) {
    manage(model, request).enabled = false;
    return {};
  },

  ScheduleKeyDeletion(model, request) {
    const key = manage(model, request);
    const days = (request.input['PendingWindowInDays'] ?? 30) as number;
    const answer = { KeyId: arnOf(model, key), PendingWindowInDays: days };
    if (isPrimary(key) && key.family.members.length > 1) {
      key.deletion = { afterReplicasDays: days };
      return { ...answer, KeyState: 'PendingReplicaDeletion' };
    }
    const atMs = model.nowMs + days * DAY_MS;
    key.deletion = { atMs };
    return { ...answer, KeyState: 'PendingDeletion', DeletionDate: new Date(atMs) };
  },

  CancelKeyDeletion(model, request) {
    const key = manage(model, request);
    delete key.deletion;
    key.enabled = false;
    return { KeyId: arnOf(model, key) };
  },

  TagResource(model, request) {
    const key = manage(model, request);
    tag(key, request.input['Tags']);
    return {};
  },

  UntagResource(model, request) {
    const key = manage(model, request);
    for (const name of request.input['TagKeys'] as string[]) key.tags.delete(name);
    return {};
  },

  ListResourceTags(model, request) {
    const key = manage(model, request);
    return { Tags: [...key.tags].map(([TagKey, TagValue]) => ({ TagKey, TagValue })), Truncated: false };
  },

  GetKeyPolicy(model, request) {
    const key = manage(model, request);
    return { Policy: policyText(model, key.policy), PolicyName: 'default' };
  },

  PutKeyPolicy(model, request) {
    const key = manage(model, request);
    const name = policyNames.find((each) => policyText(model, each) === request.input['Policy']);
    key.policy = name as PolicyName;
    return {};
  },

  // Aliases.

  CreateAlias(model, request) {
    const { region } = request;
    const key = manage(model, request, 'TargetKeyId');
    const name = request.input['AliasName'] as string;
    if (livingAlias(model, region, name) !== undefined) throw new Refusal('AlreadyExistsException');
    const atMs = model.nowMs;
    model.knownAliases.set(`${region} ${name}`, { region, name });
    model.aliases.set(`${region} ${name}`, { name, region, key, createdAtMs: atMs, updatedAtMs: atMs });
    return {};
  },

  UpdateAlias(model, request) {
    const alias = findAlias(model, request);
    const key = find(model, request, 'TargetKeyId');
    requireState(model, 'UpdateAliasFrom', alias.key);
    requireState(model, 'UpdateAlias', key);
    // "The current and new KMS key must be the same type (both symmetric or both asymmetric or both HMAC), and they must
    // have the same key usage." Of the specs here, no two are of one type.
    if (alias.key.family.spec !== key.family.spec) throw new Refusal('ValidationException');
    alias.key = key;
    alias.updatedAtMs = model.nowMs;
    return {};
  },

  DeleteAlias(model, request) {
    const alias = findAlias(model, request);
    model.aliases.delete(`${alias.region} ${alias.name}`);
    return {};
  },

  /** Those of AWS services are not the model's business. */
  ListAliases(model, request, answer) {
    const key = request.input['KeyId'] === undefined ? undefined : manage(model, request);
    const listed = [...model.aliases.values()].filter(
      (alias) => alias.region === request.region && !isGone(model, alias.key) && (key ?? alias.key) === alias.key,
    );
    const Aliases = listed.map((alias) => ({
      AliasName: alias.name,
      AliasArn: aliasArnOf(model, alias),
      TargetKeyId: alias.key.family.id,
      CreationDate: new Date(alias.createdAtMs),
      LastUpdatedDate: new Date(alias.updatedAtMs),
    }));
    const listedAnyhow = (answer['Aliases'] ?? []) as { AliasName: string }[];
    const ofServices =
      key === undefined ? listedAnyhow.filter(({ AliasName }) => AliasName.startsWith('alias/aws/')) : [];
    return { Aliases: [...Aliases, ...ofServices], Truncated: false };
  },

  // Cryptography: whether it works and with what material, not what comes of it.

  Encrypt(model, request, answer) {
    const context = contextOf(request.input['EncryptionContext']);
    const key = use(model, request, 'ENCRYPT_DECRYPT', context);
    if (request.input['DryRun'] === true) throw new Refusal('DryRunOperationException');
    remember(model, key, answer['CiphertextBlob'], request.input['Plaintext'], context);
    return { CiphertextBlob: ANYTHING, KeyId: arnOf(model, key), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  },

  GenerateDataKey(model, request, answer) {
    const context = contextOf(request.input['EncryptionContext']);
    const key = use(model, request, 'ENCRYPT_DECRYPT', context);
    const { material } = remember(model, key, answer['CiphertextBlob'], answer['Plaintext'], context);
    return {
      CiphertextBlob: ANYTHING,
      Plaintext: ANYTHING,
      KeyId: arnOf(model, key),
      KeyMaterialId: { idOf: material },
    };
  },

  Decrypt(model, request) {
    const context = contextOf(request.input['EncryptionContext']);
    const blob = blobOf(model, request);
    const named = request.input['KeyId'] !== undefined;
    const key = named ? find(model, request) : keyOfBlob(model, request.region, blob);
    requirePermission(model, request.by, key, 'Decrypt', context);
    requireKeyOfBlob(key, blob);
    requireUsage(key, 'ENCRYPT_DECRYPT');
    requireState(model, 'Decrypt', key);
    requireContext(blob, context);
    return {
      KeyId: arnOf(model, key),
      Plaintext: blob.plaintext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      KeyMaterialId: { idOf: blob.material },
    };
  },

  ReEncrypt(model, request, answer) {
    const { by, region, input } = request;
    const blob = blobOf(model, request);
    const before = contextOf(input['SourceEncryptionContext']);
    const after = contextOf(input['DestinationEncryptionContext']);
    const to = find(model, request, 'DestinationKeyId');
    const from =
      input['SourceKeyId'] === undefined ? keyOfBlob(model, region, blob) : find(model, request, 'SourceKeyId');
    requirePermission(model, by, from, 'ReEncryptFrom', before);
    requirePermission(model, by, to, 'ReEncryptTo', after);
    requireKeyOfBlob(from, blob);
    for (const key of [from, to]) {
      requireUsage(key, 'ENCRYPT_DECRYPT');
      requireState(model, 'ReEncrypt', key);
    }
    requireContext(blob, before);
    const made = remember(model, to, answer['CiphertextBlob'], blob.plaintext, after);
    return {
      CiphertextBlob: ANYTHING,
      SourceKeyId: arnOf(model, from),
      KeyId: arnOf(model, to),
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      SourceKeyMaterialId: { idOf: blob.material },
      DestinationKeyMaterialId: { idOf: made.material },
    };
  },

  Sign(model, request, answer) {
    const key = use(model, request, 'SIGN_VERIFY');
    const [bytes, message] = [answer['Signature'] as Uint8Array, request.input['Message'] as Uint8Array];
    model.signatures.push({ bytes, message, family: key.family });
    return { KeyId: arnOf(model, key), Signature: ANYTHING, SigningAlgorithm: 'ECDSA_SHA_256' };
  },

  Verify(model, request) {
    const key = use(model, request, 'SIGN_VERIFY');
    const { Message, Signature } = request.input;
    const signed = model.signatures.some(
      ({ bytes, message, family }) => bytes === Signature && message === Message && family === key.family,
    );
    if (!signed) throw new Refusal('KMSInvalidSignatureException');
    return { KeyId: arnOf(model, key), SignatureValid: true, SigningAlgorithm: 'ECDSA_SHA_256' };
  },

  // Grants ("Grants in AWS KMS", developer guide).

  CreateGrant(model, request, answer) {
    const { by, input } = request;
    const key = find(model, request);
    requirePermission(model, by, key, 'CreateGrant');
    // What a key cannot do at all counts as its usage does, before its state.
    const operations = input['Operations'] as GrantOperation[];
    if (!operations.every((each) => isGrantable(key.family, each))) throw new Refusal('ValidationException');
    const constraints = input['Constraints'] as Constraints | undefined;
    if (constraints !== undefined && key.family.spec !== 'SYMMETRIC_DEFAULT') throw new Refusal('ValidationException');
    requireState(model, 'CreateGrant', key);
    const grant: Grant = {
      id: answer['GrantId'] as string,
      token: answer['GrantToken'] as string,
      key,
      grantee: input['GranteePrincipal'] as string,
      operations,
      createdAtMs: model.nowMs,
      ...(constraints === undefined ? {} : { constraints }),
      ...(input['RetiringPrincipal'] === undefined ? {} : { retiring: input['RetiringPrincipal'] as string }),
      ...(input['Name'] === undefined ? {} : { name: input['Name'] as string }),
    };
    // "When this value is present, you can retry a CreateGrant request with identical parameters."
    const same = grantsOn(model, key).find((each) => grant.name !== undefined && termsOf(each) === termsOf(grant));
    if (same !== undefined) return { GrantId: same.id, GrantToken: ANYTHING };
    const known = model.grants.some(({ id }) => id === grant.id);
    model.grants.push(grant);
    return { GrantId: known ? 'that of a new grant' : ANYTHING, GrantToken: ANYTHING };
  },

  RevokeGrant(model, request) {
    const key = manage(model, request);
    const grant = grantsOn(model, key).find(({ id }) => id === request.input['GrantId']);
    if (grant === undefined) throw new Refusal('NotFoundException');
    model.withdrawn.add(grant);
    return {};
  },

  /** "Retiring and revoking grants": whether someone may is for the grant alone to say, and for the account itself. */
  RetireGrant(model, request) {
    const { by, input } = request;
    const grant = model.grants.find(({ id, token }) => id === input['GrantId'] || token === input['GrantToken']);
    if (grant === undefined || !isGranted(model, grant)) {
      throw new Refusal(by === 'guest' ? 'AccessDeniedException' : 'NotFoundException');
    }
    const retirers = [grant.retiring, ...(grant.operations.includes('RetireGrant') ? [grant.grantee] : [])];
    if (by !== 'owner' && !retirers.includes(principalOf(model, by))) throw new Refusal('AccessDeniedException');
    model.withdrawn.add(grant);
    return {};
  },

  ListGrants(model, request) {
    const key = manage(model, request);
    return { Grants: grantsOn(model, key).map((grant) => entryOf(model, grant)), Truncated: false };
  },

  ListRetirableGrants(model, { region, input }) {
    const retirable = model.grants.filter(
      (grant) =>
        grant.key.region === region && grant.retiring === input['RetiringPrincipal'] && isGranted(model, grant),
    );
    return { Grants: retirable.map((grant) => entryOf(model, grant)), Truncated: false };
  },

  // Rotation ("Rotate AWS KMS keys", developer guide).

  EnableKeyRotation(model, request) {
    const { family } = rotate(model, request, 'AWS_KMS');
    const periodDays = (request.input['RotationPeriodInDays'] ?? 365) as number;
    if (family.rotation?.periodDays !== periodDays) {
      family.rotation = { periodDays, nextMs: model.nowMs + periodDays * DAY_MS };
    }
    return {};
  },

  DisableKeyRotation(model, request) {
    delete rotate(model, request, 'AWS_KMS').family.rotation;
    return {};
  },

  GetKeyRotationStatus(model, request) {
    const key = manage(model, request);
    // A footnote of the page of key states; for other keys that cannot be rotated the status is just false.
    if (key.family.origin === 'EXTERNAL') throw new Refusal('UnsupportedOperationException');
    const { rotation } = key.family;
    const KeyId = key.family.id;
    // "While a KMS key is pending deletion, its key rotation status is false."
    if (rotation === undefined || key.deletion !== undefined) return { KeyId, KeyRotationEnabled: false };
    return {
      KeyId,
      KeyRotationEnabled: true,
      RotationPeriodInDays: rotation.periodDays,
      NextRotationDate: new Date(rotation.nextMs),
    };
  },

  RotateKeyOnDemand(model, request) {
    const { family } = rotate(model, request);
    const { rotation } = family;
    // "… scheduled to begin within the next 20 minutes."
    if (rotation !== undefined && rotation.nextMs <= model.nowMs + HOUR_MS / 3) throw new Refusal('ConflictException');
    const material = family.origin === 'EXTERNAL' ? pendingMaterial(model, family) : {};
    if (material === undefined) throw new Refusal('KMSInvalidStateException');
    if (family.origin === 'EXTERNAL' && !isPendingEverywhere(model, family, material)) {
      throw new Refusal('KMSInvalidStateException');
    }
    material.rotation = { type: 'ON_DEMAND', atMs: model.nowMs };
    family.materials.push(material);
    delete family.pending;
    return { KeyId: family.id };
  },

  /** With all key material included. */
  ListKeyRotations(model, request) {
    const key = manage(model, request);
    if (key.family.spec !== 'SYMMETRIC_DEFAULT') throw new Refusal('UnsupportedOperationException');
    const { family } = key;
    const waiting = waitingMaterial(model, key);
    const Rotations = [
      ...family.materials.map((material) => ({
        ...rotationOf(model, key, material),
        KeyMaterialState: material === currentMaterial(family) ? 'CURRENT' : 'NON_CURRENT',
      })),
      ...(waiting === undefined
        ? []
        : [
            {
              ...rotationOf(model, key, waiting),
              KeyMaterialState: isPendingEverywhere(model, family, waiting)
                ? 'PENDING_ROTATION'
                : 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION',
            },
          ]),
    ];
    return { Rotations, Truncated: false };
  },

  // Imported material ("Importing key material for AWS KMS keys", developer guide).

  GetParametersForImport(model, request, answer) {
    const key = manageImport(model, request);
    const validToMs = model.nowMs + DAY_MS;
    const [token, publicKey] = [answer['ImportToken'] as Uint8Array, answer['PublicKey'] as Uint8Array];
    if (token !== undefined) model.imports.push({ key, token, publicKey, validToMs });
    return {
      KeyId: arnOf(model, key),
      ImportToken: ANYTHING,
      PublicKey: ANYTHING,
      ParametersValidTo: new Date(validToMs),
    };
  },

  ImportKeyMaterial(model, request) {
    const { input } = request;
    const key = manageImport(model, request);
    const { family } = key;
    const validTo = input['ValidTo'] as Date | undefined;
    const { bytes, parameters } = model.wrapped.get(input['EncryptedKeyMaterial'] as Uint8Array) as WrappedMaterial;
    if (parameters.key !== key) throw new Refusal('InvalidImportTokenException');
    if (parameters.validToMs <= model.nowMs) throw new Refusal('ExpiredImportTokenException');
    const isReplica = family.multiRegion && !isPrimary(key);
    const material = family.imported.get(bytes) ?? { external: true };
    const pending = pendingMaterial(model, family);
    const known = family.materials.includes(material) || material === pending || isHeld(model, key, material);
    // "If no key material has ever been imported …, the parameter defaults to NEW_KEY_MATERIAL."
    const type = input['ImportType'] ?? (family.materials.length === 0 ? 'NEW_KEY_MATERIAL' : 'EXISTING_KEY_MATERIAL');
    if (type === 'NEW_KEY_MATERIAL' && isReplica) throw new Refusal('UnsupportedOperationException');
    if (known !== (type === 'EXISTING_KEY_MATERIAL')) throw new Refusal('IncorrectKeyMaterialException');
    if (!known && pending !== undefined) throw new Refusal('KMSInvalidStateException');

    const before = stateOf(model, key);
    forgetLostPending(model, family);
    family.imported.set(bytes, material);
    if (!known && family.materials.length === 0) family.materials.push(material);
    else if (!known) family.pending = material;
    key.holds.set(material, validTo === undefined ? {} : { expiresAtMs: validTo.getTime() });
    if (before === 'PendingImport' && !lacksMaterial(model, key)) key.enabled = true;
    return { KeyId: arnOf(model, key), KeyMaterialId: { idOf: material } };
  },

  DeleteImportedKeyMaterial(model, request) {
    const key = manageImport(model, request);
    const { family } = key;
    const KeyId = arnOf(model, key);
    const waiting = waitingMaterial(model, key);
    const wanted = request.input['KeyMaterialId'];
    const known = waiting === undefined ? family.materials : [...family.materials, waiting];
    const material = wanted === undefined ? currentMaterial(family) : known.find(({ id }) => id === wanted);
    if (material === undefined && wanted !== undefined) throw new Refusal('NotFoundException');
    if (material === undefined) return { KeyId };
    key.holds.delete(material);
    forgetLostPending(model, family);
    return { KeyId, KeyMaterialId: { idOf: material } };
  },

  // Multi-Region keys.

  ReplicateKey(model, request) {
    const { input } = request;
    const primary = manage(model, request);
    if (!isPrimary(primary)) throw new Refusal('UnsupportedOperationException');
    const { family } = primary;
    const region = input['ReplicaRegion'] as Region;
    const existing = family.members.find((each) => each.region === region);
    if (existing !== undefined) {
      if (!isGone(model, existing)) throw new Refusal('AlreadyExistsException');
      forgetKey(model, existing);
    }
    const replica = addKey(model, family, region, input);
    // "When this operation completes, the new replica key has a transient key state of Creating."
    const ReplicaKeyMetadata = { ...metadataOf(model, replica), Enabled: false, KeyState: 'Creating' };
    const ReplicaTags = [...replica.tags].map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
    return {
      ReplicaKeyMetadata,
      ReplicaPolicy: policyText(model, replica.policy),
      ...(ReplicaTags.length === 0 ? {} : { ReplicaTags }),
    };
  },

  UpdatePrimaryRegion(model, request) {
    const primary = manage(model, request);
    if (!isPrimary(primary)) throw new Refusal('UnsupportedOperationException');
    const replica = livingMember(model, primary.family, request.input['PrimaryRegion'] as Region);
    if (replica === undefined) throw new Refusal('NotFoundException');
    if (replica === primary) throw new Refusal('UnsupportedOperationException');
    requireState(model, 'UpdatePrimaryRegion', replica);
    primary.family.primaryRegion = replica.region;
    // What the new primary key never had, it cannot lose: it waits in the key that has it, and the family for something else.
    if (pendingMaterial(model, primary.family) === undefined) delete primary.family.pending;
    return {};
  },
};

// Lookup.

/** The key a member of the request names. Of another account's keys nobody learns whether there are any. */
function find(model: Model, { by, region, input }: Request, member = 'KeyId'): Key {
  const key = keyNamed(model, region, input[member] as string);
  if (key === undefined) throw new Refusal(by === 'guest' ? 'AccessDeniedException' : 'NotFoundException');
  return key;
}

function findAlias(model: Model, { region, input }: Request): Alias {
  const alias = livingAlias(model, region, input['AliasName'] as string);
  if (alias === undefined) throw new Refusal('NotFoundException');
  return alias;
}

/** A ciphertext names its key; whoever finds none in the Region is told what one would be told who may not use it. */
function keyOfBlob(model: Model, region: Region, { family }: Blob): Key {
  const key = livingKeys(model, region).find((each) => each.family === family);
  if (key === undefined) throw new Refusal('AccessDeniedException');
  return key;
}

function blobOf(model: Model, { input }: Request): Blob {
  return model.blobs.find(({ bytes }) => bytes === input['CiphertextBlob']) as Blob;
}

// What operations have in common.

/** Finds the key for an operation that only its owner performs, and which is named like its row on the page of key states. */
function manage(model: Model, request: Request, member?: string): Key {
  const key = find(model, request, member);
  requirePermission(model, request.by, key, request.operation);
  requireState(model, request.operation, key);
  return key;
}

/** Finds the key for an operation on imported material. What it was made for counts as its usage does, before its state. */
function manageImport(model: Model, request: Request): Key {
  const key = find(model, request);
  requirePermission(model, request.by, key, request.operation);
  if (key.family.origin !== 'EXTERNAL') throw new Refusal('UnsupportedOperationException');
  requireState(model, request.operation, key);
  return key;
}

/** Finds the key for a cryptographic operation. */
function use(model: Model, request: Request, usage: Usage, context?: Context): Key {
  const key = find(model, request);
  requirePermission(model, request.by, key, request.operation, context);
  requireUsage(key, usage);
  requireState(model, request.operation, key);
  return key;
}

function requireUsage({ family }: Key, usage: Usage): void {
  if (family.usage !== usage) throw new Refusal('InvalidKeyUsageException');
}

/** Finds the key for an operation on what related keys share, which only symmetric encryption keys have. */
function rotate(model: Model, request: Request, origin?: Family['origin']): Key {
  const key = manage(model, request);
  const { family } = key;
  if (origin !== undefined && family.origin !== origin) throw new Refusal('UnsupportedOperationException');
  // What the page of key states leaves to a footnote.
  if (stateOf(model, key) === 'PendingImport') throw new Refusal('KMSInvalidStateException');
  // Where there is nothing to disable, AWS does not mind being asked to, as recorded answers have it.
  if (family.spec !== 'SYMMETRIC_DEFAULT' && request.operation !== 'DisableKeyRotation') {
    throw new Refusal('UnsupportedOperationException');
  }
  if (family.multiRegion && !isPrimary(key)) throw new Refusal('UnsupportedOperationException');
  return key;
}

function addKey(model: Model, family: Family, region: Region, input: Request['input']): Key {
  const key: Key = {
    family,
    region,
    createdAtMs: model.nowMs,
    description: (input['Description'] ?? '') as string,
    enabled: true,
    policy: policyNames.find((name) => policyText(model, name) === input['Policy']) ?? 'default',
    tags: new Map(),
    holds: new Map(),
  };
  tag(key, input['Tags'] ?? []);
  family.members.push(key);
  model.keys.push(key);
  return key;
}

function tag(key: Key, tags: unknown): void {
  for (const { TagKey, TagValue } of tags as { TagKey: string; TagValue: string }[]) key.tags.set(TagKey, TagValue);
}

function contextOf(context: unknown): Context {
  return (context ?? {}) as Context;
}

function remember(model: Model, key: Key, bytes: unknown, plaintext: unknown, context: Context): Blob {
  const { family } = key;
  const blob = {
    bytes: bytes as Uint8Array,
    plaintext: plaintext as Uint8Array,
    context,
    family,
    material: currentMaterial(family) as Blob['material'],
  };
  if (bytes !== undefined) model.blobs.push(blob);
  return blob;
}

/** AWS reads a ciphertext before it looks at the usage and the state of the key that is named besides. */
function requireKeyOfBlob({ family }: Key, blob: Blob): void {
  if (family !== blob.family) throw new Refusal('IncorrectKeyException');
}

function requireContext(blob: Blob, context: Context): void {
  const canonical = (of: Context) => JSON.stringify(Object.entries(of).sort());
  if (canonical(context) !== canonical(blob.context)) throw new Refusal('InvalidCiphertextException');
}

function rotationOf(model: Model, key: Key, material: Material): Answer {
  const { rotation } = material;
  const entry = {
    KeyId: key.family.id,
    KeyMaterialId: { idOf: material },
    ...(rotation === undefined ? {} : { RotationDate: new Date(rotation.atMs), RotationType: rotation.type }),
  };
  if (key.family.origin !== 'EXTERNAL') return entry;
  if (!isHeld(model, key, material)) return { ...entry, ImportState: 'PENDING_IMPORT' };
  return { ...entry, ImportState: 'IMPORTED', ...expiryOf(key.holds.get(material)?.expiresAtMs) };
}

function expiryOf(expiresAtMs: number | undefined): object {
  if (expiresAtMs === undefined) return { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };
  return { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: new Date(expiresAtMs) };
}

/** "The earliest time at which any imported key material permanently associated with this KMS key expires." */
function earliestExpiry({ family, holds }: Key): number | undefined {
  const moments = family.materials.flatMap((material) => holds.get(material)?.expiresAtMs ?? []);
  return moments.length === 0 ? undefined : Math.min(...moments);
}

function termsOf({ id: _, token: __, key: ___, createdAtMs: ____, ...terms }: Grant): string {
  return JSON.stringify(Object.entries(terms).sort());
}

/** "The operation must be supported on the KMS key" ("CreateGrant", API reference). */
function isGrantable({ usage }: Family, operation: GrantOperation): boolean {
  if (operation === 'DescribeKey' || operation === 'RetireGrant') return true;
  if (operation === 'Sign' || operation === 'Verify') return usage === 'SIGN_VERIFY';
  return usage === 'ENCRYPT_DECRYPT';
}

function entryOf(model: Model, grant: Grant): Answer {
  const { id, key, name, grantee, retiring, operations, constraints, createdAtMs } = grant;
  return {
    KeyId: arnOf(model, key),
    GrantId: id,
    Name: name ?? '',
    CreationDate: new Date(createdAtMs),
    GranteePrincipal: grantee,
    IssuingAccount: `arn:aws:iam::${model.accounts.owner}:root`,
    Operations: operations,
    ...(retiring === undefined ? {} : { RetiringPrincipal: retiring }),
    ...(constraints === undefined ? {} : { Constraints: constraints }),
  };
}

const ALGORITHMS: Readonly<Record<Spec, object>> = {
  SYMMETRIC_DEFAULT: { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] },
  ECC_NIST_P256: { SigningAlgorithms: ['ECDSA_SHA_256'] },
  HMAC_256: { MacAlgorithms: ['HMAC_SHA_256'] },
};

function metadataOf(model: Model, key: Key): Record<string, unknown> {
  const { family, deletion } = key;
  const state = stateOf(model, key);
  const material = currentMaterial(family);
  return {
    AWSAccountId: model.accounts.owner,
    KeyId: family.id,
    Arn: arnOf(model, key),
    CreationDate: new Date(key.createdAtMs),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: family.usage,
    KeyState: state,
    Origin: family.origin,
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: family.spec,
    KeySpec: family.spec,
    MultiRegion: family.multiRegion,
    ...ALGORITHMS[family.spec],
    ...(family.multiRegion ? { MultiRegionConfiguration: relations(model, key) } : {}),
    ...(family.origin === 'EXTERNAL' && !lacksMaterial(model, key) ? expiryOf(earliestExpiry(key)) : {}),
    ...(family.spec === 'SYMMETRIC_DEFAULT' && material !== undefined
      ? { CurrentKeyMaterialId: { idOf: material } }
      : {}),
    ...(deletion === undefined
      ? {}
      : 'atMs' in deletion
        ? { DeletionDate: new Date(deletion.atMs) }
        : { PendingDeletionWindowInDays: deletion.afterReplicasDays }),
  };
}

function relations(model: Model, key: Key) {
  const { family } = key;
  const shown = (each: Key) => ({ Arn: arnOf(model, each), Region: each.region });
  const replicas = family.members.filter((each) => each.region !== family.primaryRegion);
  return {
    MultiRegionKeyType: isPrimary(key) ? 'PRIMARY' : 'REPLICA',
    PrimaryKey: shown(primaryOf(family) as Key),
    ReplicaKeys: replicas.sort((a, b) => (a.region < b.region ? -1 : 1)).map(shown),
  };
}
