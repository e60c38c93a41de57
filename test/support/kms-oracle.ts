import { answersOfKeys, type KeyKnowledge } from './kms-oracle-keys.ts';

/**
 * Which requests of AWS KMS may be answered with 200, said a second time and apart from the server: by what a caller may
 * send, and by what was made before. It is asked about every answer that a mutated request gets.
 */

export interface Ciphertext {
  readonly blob: string;
  readonly plaintext: string;
  readonly encryptionContext: Readonly<Record<string, string>>;
  /** Every way to name its key. */
  readonly keyNames: ReadonlySet<string>;
}

export interface Knowledge {
  /** What names a key: ids, ARNs, alias names and alias ARNs. Grows as mutants make keys and aliases. */
  readonly keyNames: Set<string>;
  /** Blobs that exist, by their base64. */
  readonly ciphertexts: ReadonlyMap<string, Ciphertext>;
  readonly keys: KeyKnowledge;
}

type Body = Readonly<Record<string, unknown>>;
type Names = Omit<Knowledge, 'keys'>;
type Check = (value: unknown, knowledge: Names) => boolean;

/**
 * Why this body should not have been answered with this answer; undefined if it may.
 *
 * @param body the request's, as its JSON says
 */
export function objection(operation: string, body: unknown, answer: Body, knowledge: Knowledge): string | undefined {
  const members = operations.get(operation);
  if (members === undefined) return `${operation} is no operation`;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'the body is no object';
  for (const [name, check] of Object.entries(members)) {
    const value = Object.hasOwn(body, name) ? (body as Body)[name] : undefined;
    if (!check(value ?? undefined, knowledge)) return `${name} is not valid`;
  }
  if (Object.hasOwn(answersOfKeys, operation)) return answersOfKeys[operation]?.(body as Body, answer, knowledge.keys);
  return answers.get(operation)?.(body as Body, answer, knowledge);
}

const optional =
  (check: Check): Check =>
  (value, knowledge) =>
    value === undefined || check(value, knowledge);

const text =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === 'string' && value.isWellFormed() && [...value].length >= min && [...value].length <= max;

const whole =
  (min: number, max: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);

const eitherOf =
  (...checks: readonly Check[]): Check =>
  (value, knowledge) =>
    checks.some((check) => check(value, knowledge));

const blob =
  (min: number, max: number): Check =>
  (value) => {
    if (typeof value !== 'string' || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
      return false;
    }
    const { length } = Buffer.from(value, 'base64');
    return length >= min && length <= max;
  };

const listOf =
  (check: Check, max = Number.POSITIVE_INFINITY): Check =>
  (value, knowledge) =>
    Array.isArray(value) && value.length <= max && value.every((item) => check(item, knowledge));

const context: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every((pair) => pair.every((part) => typeof part === 'string' && part.isWellFormed()));

const knownKey: Check = (value, { keyNames }) => typeof value === 'string' && keyNames.has(value);
const knownBlob: Check = (value, { ciphertexts }) => typeof value === 'string' && ciphertexts.has(value);
const aliasName: Check = (value) => typeof value === 'string' && /^alias\/(?!aws\/)[a-zA-Z0-9/_-]{1,250}$/.test(value);
const boolean = optional(oneOf(true, false));
/** A dry run is never answered with 200, and a modifier is for dry runs only. */
const noDryRun = optional(oneOf(false));
const none = optional(listOf(() => false));
const absent: Check = (value) => value === undefined;
const symmetric = optional(oneOf('SYMMETRIC_DEFAULT'));
const tag: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  text(1, 128)((value as Body)['TagKey'], NOTHING) &&
  text(0, 256)((value as Body)['TagValue'], NOTHING);
const marker = optional(text(1, 1024));
const NOTHING: Names = { keyNames: new Set(), ciphertexts: new Map() };

/** A principal as grants name it, in any partition. */
const principalArn: Check = (value) =>
  typeof value === 'string' &&
  value.length <= 256 &&
  /^arn:aws(-cn|-us-gov)?:(iam|sts)::\d{12}:(root|[a-z-]+\/[\w+=,.@:/-]+)$/.test(value);
const grantId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const constraints: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  optional(context)((value as Body)['EncryptionContextSubset'] ?? undefined, NOTHING) &&
  optional(context)((value as Body)['EncryptionContextEquals'] ?? undefined, NOTHING);
const messageType = optional(oneOf('RAW', 'DIGEST'));
const signing = {
  KeyId: knownKey,
  Message: blob(1, 4096),
  MessageType: messageType,
  GrantTokens: none,
  DryRun: noDryRun,
};
const authenticating = {
  KeyId: knownKey,
  Message: blob(1, 4096),
  MacAlgorithm: oneOf('HMAC_SHA_256'),
  GrantTokens: none,
  DryRun: noDryRun,
};

const dataKey = {
  KeyId: knownKey,
  EncryptionContext: optional(context),
  NumberOfBytes: optional(whole(1, 1024)),
  KeySpec: optional(oneOf('AES_256', 'AES_128')),
  GrantTokens: none,
  DryRun: noDryRun,
};

const operations = new Map<string, Readonly<Record<string, Check>>>([
  ['CancelKeyDeletion', { KeyId: knownKey }],
  [
    'CreateGrant',
    {
      KeyId: knownKey,
      GranteePrincipal: principalArn,
      RetiringPrincipal: optional(principalArn),
      Operations: (value, knowledge) =>
        Array.isArray(value) &&
        value.length > 0 &&
        listOf(oneOf('Encrypt', 'Decrypt', 'RetireGrant'))(value, knowledge),
      Constraints: optional(constraints),
      GrantTokens: none,
      Name: optional((value) => typeof value === 'string' && /^[a-zA-Z0-9:/_-]{1,256}$/.test(value)),
      DryRun: noDryRun,
      GranteeServicePrincipal: absent,
      RetiringServicePrincipal: optional(text(1, 256)),
    },
  ],
  ['CreateAlias', { AliasName: aliasName, TargetKeyId: knownKey }],
  [
    'CreateKey',
    {
      Policy: optional(text(1, 32_768)),
      Description: optional(text(0, 8192)),
      KeyUsage: optional(oneOf('ENCRYPT_DECRYPT')),
      KeySpec: symmetric,
      CustomerMasterKeySpec: symmetric,
      Origin: optional(oneOf('AWS_KMS')),
      MultiRegion: noDryRun,
      BypassPolicyLockoutSafetyCheck: boolean,
      CustomKeyStoreId: absent,
      XksKeyId: absent,
      Tags: optional(listOf(tag, 50)),
    },
  ],
  [
    'Decrypt',
    {
      CiphertextBlob: knownBlob,
      EncryptionContext: optional(context),
      KeyId: optional(knownKey),
      EncryptionAlgorithm: symmetric,
      GrantTokens: none,
      Recipient: absent,
      DryRun: noDryRun,
      DryRunModifiers: none,
    },
  ],
  [
    'Decapsulate',
    {
      KeyId: knownKey,
      SharedSecretCiphertextBlob: blob(1088, 1088),
      EncapsulationAlgorithm: oneOf('ML_KEM'),
      GrantTokens: none,
      DryRun: noDryRun,
    },
  ],
  [
    'DeriveSharedSecret',
    {
      KeyId: knownKey,
      KeyAgreementAlgorithm: oneOf('ECDH'),
      PublicKey: blob(1, 8192),
      GrantTokens: none,
      DryRun: noDryRun,
      Recipient: absent,
    },
  ],
  ['DeleteAlias', { AliasName: aliasName }],
  // Describing the alias of an AWS managed key makes the key.
  ['DescribeKey', { KeyId: eitherOf(knownKey, oneOf('alias/aws/s3')), GrantTokens: none }],
  ['DisableKey', { KeyId: knownKey }],
  ['EnableKey', { KeyId: knownKey }],
  [
    'Encrypt',
    {
      KeyId: knownKey,
      Plaintext: blob(1, 4096),
      EncryptionContext: optional(context),
      EncryptionAlgorithm: symmetric,
      GrantTokens: none,
      DryRun: noDryRun,
    },
  ],
  ['GenerateDataKey', { ...dataKey, Recipient: absent }],
  ['GenerateDataKeyWithoutPlaintext', dataKey],
  ['GenerateRandom', { NumberOfBytes: whole(1, 1024), CustomKeyStoreId: absent, Recipient: absent }],
  [
    'GenerateDataKeyPair',
    {
      KeyId: knownKey,
      KeyPairSpec: oneOf('ECC_NIST_P256', 'ECC_NIST_P521'),
      EncryptionContext: optional(context),
      GrantTokens: none,
      Recipient: absent,
      DryRun: noDryRun,
    },
  ],
  ['GenerateMac', authenticating],
  ['GetKeyLastUsage', { KeyId: knownKey }],
  ['GetKeyRotationStatus', { KeyId: knownKey }],
  ['GetPublicKey', { KeyId: knownKey, GrantTokens: none }],
  [
    'ImportKeyMaterial',
    {
      KeyId: knownKey,
      ImportToken: blob(1, 6144),
      EncryptedKeyMaterial: blob(1, 6144),
      ValidTo: absent,
      ExpirationModel: oneOf('KEY_MATERIAL_DOES_NOT_EXPIRE'),
      ImportType: optional(oneOf('EXISTING_KEY_MATERIAL')),
      KeyMaterialId: optional(grantId),
    },
  ],
  ['EnableKeyRotation', { KeyId: knownKey, RotationPeriodInDays: optional(whole(90, 2560)) }],
  [
    'ListGrants',
    {
      KeyId: knownKey,
      Limit: optional(whole(1, 100)),
      Marker: marker,
      GrantId: optional(grantId),
      GranteePrincipal: optional(principalArn),
      GranteeServicePrincipal: absent,
    },
  ],
  ['ListKeyRotations', { KeyId: knownKey, Limit: optional(whole(1, 1000)), Marker: marker }],
  [
    'ListRetirableGrants',
    {
      RetiringPrincipal: principalArn,
      RetiringServicePrincipal: absent,
      Limit: optional(whole(1, 100)),
      Marker: marker,
    },
  ],
  ['ReplicateKey', { KeyId: knownKey, ReplicaRegion: (value) => /^([a-z]+-){2,3}\d+$/.test(String(value)) }],
  ['RetireGrant', { GrantToken: optional(text(1, 8192)), KeyId: optional(knownKey), DryRun: noDryRun }],
  ['RevokeGrant', { KeyId: knownKey, GrantId: grantId, DryRun: noDryRun }],
  ['Sign', { ...signing, SigningAlgorithm: oneOf('ECDSA_SHA_256') }],
  ['Verify', { ...signing, Signature: blob(1, 6144), SigningAlgorithm: oneOf('ECDSA_SHA_256') }],
  ['VerifyMac', { ...authenticating, Mac: blob(1, 6144) }],
  ['GetKeyPolicy', { KeyId: knownKey, PolicyName: optional(oneOf('default')) }],
  ['ListAliases', { KeyId: optional(knownKey), Limit: optional(whole(1, 100)), Marker: marker }],
  ['ListKeyPolicies', { KeyId: knownKey, Limit: optional(whole(1, 1000)), Marker: marker }],
  ['ListKeys', { Limit: optional(whole(1, 1000)), Marker: marker }],
  ['ListResourceTags', { KeyId: knownKey, Limit: optional(whole(1, 50)), Marker: marker }],
  [
    'PutKeyPolicy',
    {
      KeyId: knownKey,
      PolicyName: optional(oneOf('default')),
      Policy: text(1, 32_768),
      BypassPolicyLockoutSafetyCheck: boolean,
    },
  ],
  [
    'ReEncrypt',
    {
      CiphertextBlob: knownBlob,
      SourceKeyId: optional(knownKey),
      DestinationKeyId: knownKey,
      SourceEncryptionContext: optional(context),
      DestinationEncryptionContext: optional(context),
      SourceEncryptionAlgorithm: symmetric,
      DestinationEncryptionAlgorithm: symmetric,
      GrantTokens: none,
      DryRun: noDryRun,
      DryRunModifiers: none,
    },
  ],
  ['ScheduleKeyDeletion', { KeyId: knownKey, PendingWindowInDays: optional(whole(7, 30)) }],
  ['TagResource', { KeyId: knownKey, Tags: listOf(tag) }],
  ['UntagResource', { KeyId: knownKey, TagKeys: listOf(text(1, 128)) }],
  ['UpdateAlias', { AliasName: aliasName, TargetKeyId: knownKey }],
  ['UpdateKeyDescription', { KeyId: knownKey, Description: text(0, 8192) }],
]);

type AnswerCheck = (body: Body, answer: Body, knowledge: Knowledge) => string | undefined;

/** What more an answer must be, than one to a valid request. */
const answers = new Map<string, AnswerCheck>([
  [
    'Decrypt',
    (body, answer, { ciphertexts }) => {
      const made = ciphertexts.get(body['CiphertextBlob'] as string);
      if (!sameContext(body['EncryptionContext'], made?.encryptionContext)) return 'the context is another';
      if (body['KeyId'] != null && !made?.keyNames.has(body['KeyId'] as string)) return 'the key is another';
      return answer['Plaintext'] === made?.plaintext ? undefined : 'the plaintext is another';
    },
  ],
  [
    'ReEncrypt',
    (body, _, { ciphertexts }) => {
      const made = ciphertexts.get(body['CiphertextBlob'] as string);
      return sameContext(body['SourceEncryptionContext'], made?.encryptionContext)
        ? undefined
        : 'the context is another';
    },
  ],
  ['GenerateDataKey', (body, answer) => exactlyOneLength(body) ?? lengthIs(answer['Plaintext'], dataKeyLength(body))],
  ['GenerateDataKeyWithoutPlaintext', exactlyOneLength],
  ['GenerateRandom', (body, answer) => lengthIs(answer['Plaintext'], body['NumberOfBytes'])],
]);

function exactlyOneLength(body: Body): string | undefined {
  return (body['NumberOfBytes'] == null) === (body['KeySpec'] == null) ? 'a length is given once' : undefined;
}

function dataKeyLength(body: Body): unknown {
  return body['NumberOfBytes'] ?? (body['KeySpec'] === 'AES_128' ? 16 : 32);
}

function lengthIs(base64: unknown, length: unknown): string | undefined {
  return Buffer.from(String(base64), 'base64').length === length ? undefined : 'the length is another';
}

function sameContext(sent: unknown, made: Readonly<Record<string, string>> | undefined): boolean {
  const sorted = (of: object) => JSON.stringify(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1)));
  return sorted((sent as object | null | undefined) ?? {}) === sorted(made ?? {});
}
