/**
 * The one table of what AWS KMS's key specs are: from it come which usages and algorithms a key has, what CreateKey,
 * DescribeKey and GetPublicKey say of it, and which code in `custody/` works with it ("Key spec reference", developer
 * guide). Adding a spec means adding a row, and its family's primitives if the family is new.
 */

export type KeyUsage =
  | 'ENCRYPT_DECRYPT'
  | 'SIGN_VERIFY'
  | 'GENERATE_VERIFY_MAC'
  | 'KEY_AGREEMENT'
  | 'ENCAPSULATE_DECAPSULATE';

export type EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' | 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256' | 'SM2PKE';
export type SigningAlgorithm =
  | 'RSASSA_PSS_SHA_256'
  | 'RSASSA_PSS_SHA_384'
  | 'RSASSA_PSS_SHA_512'
  | 'RSASSA_PKCS1_V1_5_SHA_256'
  | 'RSASSA_PKCS1_V1_5_SHA_384'
  | 'RSASSA_PKCS1_V1_5_SHA_512'
  | 'ECDSA_SHA_256'
  | 'ECDSA_SHA_384'
  | 'ECDSA_SHA_512'
  | 'ED25519_SHA_512'
  | 'ED25519_PH_SHA_512'
  | 'ML_DSA_SHAKE_256'
  | 'SM2DSA';
export type MacAlgorithm = 'HMAC_SHA_224' | 'HMAC_SHA_256' | 'HMAC_SHA_384' | 'HMAC_SHA_512';
export type KeyAgreementAlgorithm = 'ECDH';
export type EncapsulationAlgorithm = 'ML_KEM';
export type MessageType = 'RAW' | 'DIGEST' | 'EXTERNAL_MU';

/** Which primitives a spec needs. All but the two symmetric ones have a public key. */
export type KeyFamily = 'symmetric' | 'hmac' | 'rsa' | 'ec' | 'ed25519' | 'ml-dsa' | 'ml-kem' | 'sm2';

interface KeySpecRow {
  readonly family: KeyFamily;
  /** The first is what CreateKey takes where there is but one. */
  readonly usages: readonly KeyUsage[];
  /** Bytes of material, of the symmetric families: what is generated, and the least and most that may be imported. */
  readonly materialBytes?: { readonly made: number; readonly least: number; readonly most: number };
  /** OpenSSL's name of the curve or parameter set; of RSA, the modulus in bits. */
  readonly parameters?: string | number;
  readonly encryptionAlgorithms?: readonly EncryptionAlgorithm[];
  readonly signingAlgorithms?: readonly SigningAlgorithm[];
  readonly macAlgorithms?: readonly MacAlgorithm[];
  /** Absent where the spec has no key agreement. */
  readonly keyAgreementAlgorithms?: readonly KeyAgreementAlgorithm[];
  readonly encapsulationAlgorithms?: readonly EncapsulationAlgorithm[];
  /** Whether AWS takes imported material for it ("Importing key material", developer guide). */
  readonly importable: boolean;
  /** Absent where AWS has it in all its Regions (the CreateKey operation's KeySpec). */
  readonly availability?: 'China Regions alone' | 'not in China Regions';
}

const rsa = (bits: number) =>
  ({
    family: 'rsa',
    usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
    parameters: bits,
    encryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
    signingAlgorithms: [
      'RSASSA_PKCS1_V1_5_SHA_256',
      'RSASSA_PKCS1_V1_5_SHA_384',
      'RSASSA_PKCS1_V1_5_SHA_512',
      'RSASSA_PSS_SHA_256',
      'RSASSA_PSS_SHA_384',
      'RSASSA_PSS_SHA_512',
    ],
    importable: true,
  }) as const;

const nistCurve = <const Algorithm extends SigningAlgorithm>(curve: string, algorithm: Algorithm) =>
  ({
    family: 'ec',
    usages: ['SIGN_VERIFY', 'KEY_AGREEMENT'],
    parameters: curve,
    signingAlgorithms: [algorithm],
    keyAgreementAlgorithms: ['ECDH'],
    importable: true,
  }) as const;

/** AWS makes HMAC keys as long as their digest, and imports from that length up to 1024 bits. */
const hmac = <const Algorithm extends MacAlgorithm>(algorithm: Algorithm, bytes: number) =>
  ({
    family: 'hmac',
    usages: ['GENERATE_VERIFY_MAC'],
    materialBytes: { made: bytes, least: bytes, most: 128 },
    macAlgorithms: [algorithm],
    importable: true,
  }) as const;

const mlDsa = (parameters: string) =>
  ({
    family: 'ml-dsa',
    usages: ['SIGN_VERIFY'],
    parameters,
    signingAlgorithms: ['ML_DSA_SHAKE_256'],
    // AWS's requirements for imported key material name these specs as the ones that it does not take.
    importable: false,
  }) as const;

const mlKem = (parameters: string) =>
  ({
    family: 'ml-kem',
    usages: ['ENCAPSULATE_DECAPSULATE'],
    parameters,
    encapsulationAlgorithms: ['ML_KEM'],
    importable: true,
    availability: 'not in China Regions',
  }) as const;

const rows = {
  SYMMETRIC_DEFAULT: {
    family: 'symmetric',
    usages: ['ENCRYPT_DECRYPT'],
    materialBytes: { made: 32, least: 32, most: 32 },
    encryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    importable: true,
  },
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: nistCurve('prime256v1', 'ECDSA_SHA_256'),
  ECC_NIST_P384: nistCurve('secp384r1', 'ECDSA_SHA_384'),
  ECC_NIST_P521: nistCurve('secp521r1', 'ECDSA_SHA_512'),
  ECC_SECG_P256K1: {
    family: 'ec',
    usages: ['SIGN_VERIFY'],
    parameters: 'secp256k1',
    signingAlgorithms: ['ECDSA_SHA_256'],
    importable: true,
  },
  ECC_NIST_EDWARDS25519: {
    family: 'ed25519',
    usages: ['SIGN_VERIFY'],
    parameters: 'ed25519',
    signingAlgorithms: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'],
    importable: true,
  },
  HMAC_224: hmac('HMAC_SHA_224', 28),
  HMAC_256: hmac('HMAC_SHA_256', 32),
  HMAC_384: hmac('HMAC_SHA_384', 48),
  HMAC_512: hmac('HMAC_SHA_512', 64),
  ML_DSA_44: mlDsa('ml-dsa-44'),
  ML_DSA_65: mlDsa('ml-dsa-65'),
  ML_DSA_87: mlDsa('ml-dsa-87'),
  ML_KEM_512: mlKem('ml-kem-512'),
  ML_KEM_768: mlKem('ml-kem-768'),
  ML_KEM_1024: mlKem('ml-kem-1024'),
  SM2: {
    family: 'sm2',
    usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'KEY_AGREEMENT'],
    parameters: 'SM2',
    encryptionAlgorithms: ['SM2PKE'],
    signingAlgorithms: ['SM2DSA'],
    keyAgreementAlgorithms: ['ECDH'],
    importable: true,
    availability: 'China Regions alone',
  },
} as const satisfies Readonly<Record<string, KeySpecRow>>;

export type KeySpec = keyof typeof rows;

export const keySpecs: Readonly<Record<KeySpec, KeySpecRow>> = rows;

/** Whether keys of this spec have a public key. */
export function isAsymmetric(spec: KeySpec): boolean {
  const { family } = keySpecs[spec];
  return family !== 'symmetric' && family !== 'hmac';
}

/** Whether AWS has keys of this spec in this Region, say `us-east-1`. */
export function isAvailableIn(spec: KeySpec, region: string): boolean {
  const { availability } = keySpecs[spec];
  return availability === undefined || region.startsWith('cn-') === (availability === 'China Regions alone');
}

/** The algorithms of a key, which are those of its spec that go with its usage, under the names of AWS's members. */
export function algorithmsOf(spec: KeySpec, usage: KeyUsage): KeyAlgorithms {
  const row = keySpecs[spec];
  switch (usage) {
    case 'ENCRYPT_DECRYPT':
      return { EncryptionAlgorithms: [...(row.encryptionAlgorithms ?? [])] };
    case 'SIGN_VERIFY':
      return { SigningAlgorithms: [...(row.signingAlgorithms ?? [])] };
    case 'GENERATE_VERIFY_MAC':
      return { MacAlgorithms: [...(row.macAlgorithms ?? [])] };
    case 'KEY_AGREEMENT':
      return { KeyAgreementAlgorithms: [...(row.keyAgreementAlgorithms ?? [])] };
    case 'ENCAPSULATE_DECAPSULATE':
      return { EncapsulationAlgorithms: [...(row.encapsulationAlgorithms ?? [])] };
  }
}

export interface KeyAlgorithms {
  readonly EncryptionAlgorithms?: EncryptionAlgorithm[];
  readonly SigningAlgorithms?: SigningAlgorithm[];
  readonly MacAlgorithms?: MacAlgorithm[];
  readonly KeyAgreementAlgorithms?: KeyAgreementAlgorithm[];
  readonly EncapsulationAlgorithms?: EncapsulationAlgorithm[];
}
