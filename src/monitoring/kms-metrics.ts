import type { AuditRecord } from '../audit/record.ts';
import { type KeyFamily, keySpecs } from '../crypto/key-specs.ts';
import { type Counted, type CountedMetric, counted } from './counted.ts';

/**
 * What AWS publishes of the use of KMS, counted from audit records: successful requests by key ("Monitor KMS keys with Amazon
 * CloudWatch", AWS KMS developer guide), and calls by what they count against ("AWS usage metrics", CloudWatch user guide). AWS
 * publishes neither errors nor latencies.
 */

const MINUTE_MS = 60_000;
/** 300 keys, each with all that can be done with one. */
const MOST_SERIES = 5000;

const successfulRequest: CountedMetric = {
  namespace: 'AWS/KMS',
  name: 'SuccessfulRequest',
  unit: 'Count',
  dimensions: ['KeyArn', 'Operation'],
  resolutionMs: MINUTE_MS,
  mostSeries: MOST_SERIES,
};

/** "The CallCount metric does not have a specified unit." */
const callCount: CountedMetric = {
  namespace: 'AWS/Usage',
  name: 'CallCount',
  unit: 'None',
  dimensions: ['Class', 'Resource', 'Service', 'Type'],
  resolutionMs: MINUTE_MS,
};

/**
 * Under which name cryptographic operations on keys of a kind are counted together. AWS's, as its console and dashboards have
 * them, but for the last two, whose names it has not published.
 */
const resourceOfFamily: Readonly<Record<KeyFamily, string>> = {
  symmetric: 'CryptographicOperationsSymmetric',
  hmac: 'CryptographicOperationsSymmetric',
  rsa: 'CryptographicOperationsRsa',
  ec: 'CryptographicOperationsEcc',
  ed25519: 'CryptographicOperationsEcc',
  sm2: 'CryptographicOperationsEcc',
  'ml-dsa': 'CryptographicOperationsMlDsa',
  'ml-kem': 'CryptographicOperationsMlKem',
};

const resourceOfAlgorithm = new Map<unknown, string>();
for (const { family, encryptionAlgorithms = [], signingAlgorithms = [] } of Object.values(keySpecs)) {
  for (const each of [...encryptionAlgorithms, ...signingAlgorithms])
    resourceOfAlgorithm.set(each, resourceOfFamily[family]);
}

type Parameters = Readonly<Record<string, unknown>>;
type ResourceOf = (parameters: Parameters) => string | undefined;

const symmetric: ResourceOf = () => resourceOfFamily.symmetric;
/** A member that is left out stands for the algorithm of symmetric keys. */
const byAlgorithm =
  (member: string): ResourceOf =>
  (parameters) =>
    resourceOfAlgorithm.get(parameters[member] ?? 'SYMMETRIC_DEFAULT');
const byKeyPairSpec: ResourceOf = ({ keyPairSpec }) =>
  typeof keyPairSpec === 'string' && Object.hasOwn(keySpecs, keyPairSpec)
    ? `GenerateDataKeyPair-${keyPairSpec}`
    : undefined;

/** "Cryptographic operations" (AWS KMS developer guide), and what a request for one counts against. */
const cryptographic = new Map<string, ResourceOf>(
  Object.entries({
    Encrypt: byAlgorithm('encryptionAlgorithm'),
    Decrypt: byAlgorithm('encryptionAlgorithm'),
    ReEncrypt: byAlgorithm('sourceEncryptionAlgorithm'),
    GenerateDataKey: symmetric,
    GenerateDataKeyWithoutPlaintext: symmetric,
    GenerateDataKeyPair: byKeyPairSpec,
    GenerateDataKeyPairWithoutPlaintext: byKeyPairSpec,
    GenerateMac: symmetric,
    VerifyMac: symmetric,
    Sign: byAlgorithm('signingAlgorithm'),
    Verify: byAlgorithm('signingAlgorithm'),
    DeriveSharedSecret: () => resourceOfFamily.ec,
    Encapsulate: () => resourceOfFamily['ml-kem'],
    Decapsulate: () => resourceOfFamily['ml-kem'],
  }),
);

/** Made once for each resource: there are as many as there are operations, and specs of key pairs. */
const calls = new Map<string, Counted>();

const NOTHING: readonly Counted[] = [];

/** What a record counts as, in the account and Region that it belongs to. */
export function kmsMetricsOf(record: AuditRecord): readonly Counted[] {
  if (record.eventSource !== 'kms.amazonaws.com' || record.eventName === 'UnknownOperation') return NOTHING;
  const all: Counted[] = [];
  const resource = usageOf(record);
  if (resource !== undefined) all.push(callOf(resource));
  if (record.errorCode === undefined && cryptographic.has(record.eventName)) {
    for (const each of record.resources ?? []) {
      // Of a key of another account, the record in that account's trail counts.
      if (each.type !== 'AWS::KMS::Key' || each.accountId !== record.recipientAccountId) continue;
      all.push(counted(successfulRequest, each.ARN, record.eventName));
    }
  }
  return all;
}

function callOf(resource: string): Counted {
  let call = calls.get(resource);
  if (call === undefined) {
    call = counted(callCount, 'None', resource, 'KMS', 'API');
    calls.set(resource, call);
  }
  return call;
}

/** Requests count for the account that made them, and what happens by itself for none. */
function usageOf({ eventName, userIdentity, recipientAccountId, requestParameters, requestID }: AuditRecord) {
  if (userIdentity.accountId !== recipientAccountId || userIdentity.invokedBy === 'AWS Internal') return undefined;
  if (requestID === undefined) return undefined;
  // GenerateRandom uses no key, but counts with those that do.
  if (eventName === 'GenerateRandom') return resourceOfFamily.symmetric;
  const resourceOf = cryptographic.get(eventName);
  return resourceOf === undefined ? eventName : resourceOf((requestParameters ?? {}) as Parameters);
}
