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
}

type Body = Readonly<Record<string, unknown>>;
type Check = (value: unknown, knowledge: Knowledge) => boolean;

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
const NOTHING: Knowledge = { keyNames: new Set(), ciphertexts: new Map() };

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
