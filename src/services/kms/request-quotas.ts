import { type KeyFamily, keySpecs } from '../../crypto/key-specs.ts';
import { invariant } from '../../runtime/errors.ts';
import type { RequestCharge } from '../operation.ts';

/**
 * AWS KMS's request quotas, with AWS's names and default values ("Request quotas", developer guide), and which of them a
 * request counts against. Each is for one account and Region.
 */

/** Requests per second, everywhere alike or by Region; half a request per second is one in every two. */
export type RequestRates = number | { readonly default?: number; readonly [region: string]: number };

/** Requests for cryptographic operations share a quota with all others on keys of the same kind. */
const SYMMETRIC = 'Cryptographic operations (symmetric)';
const RSA = 'Cryptographic operations (RSA)';
const ECC_AND_SM2 = 'Cryptographic operations (ECC and SM2)';
const ML_DSA = 'Cryptographic operations (ML-DSA)';
/** AWS's page does not tell of ML-KEM yet: its quotas are taken to be those of ML-DSA and of elliptic curves. */
const ML_KEM = 'Cryptographic operations (ML-KEM)';

const cryptographic = {
  [SYMMETRIC]: {
    default: 10_000,
    'us-east-2': 20_000,
    'ap-southeast-1': 20_000,
    'ap-southeast-2': 20_000,
    'ap-northeast-1': 20_000,
    'eu-central-1': 20_000,
    'eu-west-2': 20_000,
    'us-east-1': 100_000,
    'us-west-2': 100_000,
    'eu-west-1': 100_000,
  },
  [RSA]: 1000,
  [ECC_AND_SM2]: 1000,
  [ML_DSA]: 1000,
  [ML_KEM]: 1000,
};

/** A quota for each spec of key pairs, which GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext share. */
const dataKeyPairs = {
  'GenerateDataKeyPair (ECC_NIST_P256)': 100,
  'GenerateDataKeyPair (ECC_NIST_P384)': 100,
  'GenerateDataKeyPair (ECC_NIST_P521)': 100,
  'GenerateDataKeyPair (ECC_SECG_P256K1)': 100,
  'GenerateDataKeyPair (ECC_NIST_EDWARDS25519)': 100,
  'GenerateDataKeyPair (ML_KEM_512)': 100,
  'GenerateDataKeyPair (ML_KEM_768)': 100,
  'GenerateDataKeyPair (ML_KEM_1024)': 100,
  'GenerateDataKeyPair (RSA_2048)': { default: 20, 'cn-north-1': 1, 'cn-northwest-1': 1 },
  'GenerateDataKeyPair (RSA_3072)': { default: 4, 'cn-north-1': 0.5, 'cn-northwest-1': 0.5 },
  'GenerateDataKeyPair (RSA_4096)': { default: 1, 'cn-north-1': 0.1, 'cn-northwest-1': 0.1 },
  'GenerateDataKeyPair (SM2)': 25,
};

/** All other operations have a quota each, which bears the operation's name. */
const ofOneOperation = {
  CancelKeyDeletion: 5,
  ConnectCustomKeyStore: 5,
  CreateAlias: 5,
  CreateCustomKeyStore: 5,
  CreateGrant: 50,
  CreateKey: 5,
  DeleteAlias: 15,
  DeleteCustomKeyStore: 5,
  DeleteImportedKeyMaterial: 15,
  DescribeCustomKeyStores: 5,
  DescribeKey: 2000,
  DisableKey: 5,
  DisableKeyRotation: 5,
  DisconnectCustomKeyStore: 5,
  EnableKey: 5,
  EnableKeyRotation: 15,
  GetKeyLastUsage: 5,
  GetKeyPolicy: 1000,
  GetKeyRotationStatus: 1000,
  GetParametersForImport: 1,
  GetPublicKey: 2000,
  ImportKeyMaterial: 15,
  ListAliases: 500,
  ListGrants: 100,
  ListKeyPolicies: 100,
  ListKeyRotations: 100,
  ListKeys: 500,
  ListResourceTags: 2000,
  ListRetirableGrants: 100,
  PutKeyPolicy: 15,
  ReplicateKey: 5,
  RetireGrant: 50,
  RevokeGrant: 50,
  RotateKeyOnDemand: 5,
  ScheduleKeyDeletion: 15,
  TagResource: 10,
  UntagResource: 5,
  UpdateAlias: 5,
  UpdateCustomKeyStore: 5,
  UpdateKeyDescription: 5,
  UpdatePrimaryRegion: 5,
};

export const awsRequestQuotas: Readonly<Record<string, RequestRates>> = {
  ...cryptographic,
  ...dataKeyPairs,
  ...ofOneOperation,
};

type Charges = readonly RequestCharge[];
type Members = Readonly<Record<string, string | undefined>>;

/**
 * What a validated request of each operation counts against.
 *
 * The kind of key is told by the request alone, without looking the key up: by its algorithm, which only keys of one kind
 * have. A request whose algorithm does not fit its key fails in any case. So a request can be turned away before it has cost
 * anything: no lookup, no decision, no place in the queue of changes.
 */
const chargesByOperation = new Map<string, (input: Members) => Charges>([
  ...Object.keys(ofOneOperation).map((name) => [name, always({ quota: name })] as const),
  ...['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GenerateMac', 'GenerateRandom', 'VerifyMac'].map(
    (name) => [name, always({ quota: SYMMETRIC })] as const,
  ),
  ['DeriveSharedSecret', always({ quota: ECC_AND_SM2 })],
  ['Encapsulate', always({ quota: ML_KEM })],
  ['Decapsulate', always({ quota: ML_KEM })],
  ['Encrypt', (input) => ofAlgorithm(input['EncryptionAlgorithm'])],
  ['Decrypt', (input) => ofAlgorithm(input['EncryptionAlgorithm'])],
  ['Sign', (input) => ofAlgorithm(input['SigningAlgorithm'])],
  ['Verify', (input) => ofAlgorithm(input['SigningAlgorithm'])],
  ['ReEncrypt', ofBothSides],
  ['GenerateDataKeyPair', ofKeyPairSpec],
  ['GenerateDataKeyPairWithoutPlaintext', ofKeyPairSpec],
  // These two count in the other Region as well, the replica as two keys: AWS tries first whether it can be made.
  [
    'ReplicateKey',
    ({ ReplicaRegion: region = '' }) => [
      { quota: 'ReplicateKey' },
      { quota: 'CreateKey', region },
      { quota: 'CreateKey', region },
    ],
  ],
  [
    'UpdatePrimaryRegion',
    ({ PrimaryRegion: region = '' }) => [{ quota: 'UpdatePrimaryRegion' }, { quota: 'UpdatePrimaryRegion', region }],
  ],
]);

const chargesByAlgorithm = new Map<string, Charges>();
const quotaOfFamily: Readonly<Record<KeyFamily, string>> = {
  symmetric: SYMMETRIC,
  hmac: SYMMETRIC,
  rsa: RSA,
  ec: ECC_AND_SM2,
  ed25519: ECC_AND_SM2,
  sm2: ECC_AND_SM2,
  'ml-dsa': ML_DSA,
  'ml-kem': ML_KEM,
};
for (const { family, encryptionAlgorithms = [], signingAlgorithms = [] } of Object.values(keySpecs)) {
  const charges = [{ quota: quotaOfFamily[family] }];
  for (const algorithm of [...encryptionAlgorithms, ...signingAlgorithms]) chargesByAlgorithm.set(algorithm, charges);
}

/** What a request counts against, by the operation's name and its validated input. */
export function requestCharges(operation: string, input: object): readonly RequestCharge[] {
  const charges = chargesByOperation.get(operation);
  invariant(charges !== undefined, `${operation} has a request quota`);
  return charges(input as Members);
}

function always(charge: RequestCharge): () => Charges {
  const charges = [charge];
  return () => charges;
}

function ofAlgorithm(algorithm = 'SYMMETRIC_DEFAULT'): Charges {
  const charges = chargesByAlgorithm.get(algorithm);
  invariant(charges !== undefined, 'an algorithm that was validated is one of the table of key specs');
  return charges;
}

/** Once where both sides are of the same kind; which one counts in AWS where they are not is not documented. */
function ofBothSides(input: Members): Charges {
  const source = ofAlgorithm(input['SourceEncryptionAlgorithm']);
  const destination = ofAlgorithm(input['DestinationEncryptionAlgorithm']);
  return source[0]?.quota === destination[0]?.quota ? source : [...source, ...destination];
}

function ofKeyPairSpec(input: Members): Charges {
  return [{ quota: `GenerateDataKeyPair (${input['KeyPairSpec']})` }];
}
