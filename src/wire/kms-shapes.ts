import type { GrantConstraints, RecipientInfo, Tag } from '@aws-sdk/client-kms';
import { blob, boolean, enumeration, integer, list, map, type Pattern, required, string, structure } from './shapes.ts';

/**
 * The members that many operations of AWS KMS share, with the constraints of its published service description
 * (`botocore-drift.test.ts` compares them). What AWS checks later and in other words, such as a pending window of 7 to
 * 30 days, is for the operations.
 */

/** AWS refuses other key identifiers than ASCII ones, though its description does not say so. */
const ascii: Pattern = { printed: '^\\p{ASCII}+$', matches: /^\p{ASCII}+$/u, unpublished: true };
const aliasCharacters: Pattern = { printed: '^[a-zA-Z0-9:/_-]+$', matches: /^[a-zA-Z0-9:/_-]+$/ };
const wordCharacters: Pattern = { printed: '[\\w]+', matches: /^[\w]+$/ };
const lowerCaseHex: Pattern = { printed: '^[a-f0-9]+$', matches: /^[a-f0-9]+$/ };
/** Java's `\s`, which is that of ASCII alone. */
const descriptionCharacters: Pattern = {
  printed: '^[a-zA-Z0-9:/_\\s.-]+$',
  matches: /^[a-zA-Z0-9:/_ \t\n\v\f\r.-]+$/,
};
const markerCharacters: Pattern = { printed: '[\\u0020-\\u00FF]*', matches: /^[\u0020-\u00FF]*$/ };
const policyCharacters: Pattern = {
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+',
  matches: /^[\t\n\r\u0020-\u00FF]+$/,
};
const principalCharacters: Pattern = { printed: '^[\\w+=,.@:/-]+$', matches: /^[\w+=,.@:/-]+$/ };
const resourceArn: Pattern = {
  printed: '^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$',
  matches: /^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$/,
};
const regionName: Pattern = { printed: '^([a-z]+-){2,3}\\d+$', matches: /^([a-z]+-){2,3}\d+$/ };
const xksKeyCharacters: Pattern = { printed: '^[a-zA-Z0-9-_.]+$', matches: /^[a-zA-Z0-9\-_.]+$/ };

/** A key id, key ARN, alias name or alias ARN; which of them an operation takes is for the operation. */
export const keyId = string({ min: 1, max: 2048, pattern: ascii });
export const aliasName = string({ min: 1, max: 256, pattern: aliasCharacters });
export const grantToken = string({ min: 1, max: 8192 });
export const grantTokens = list(grantToken, { min: 0, max: 10 });
export const grantId = string({ min: 1, max: 128 });
/** AWS gives the names of grants the characters of aliases. */
export const grantName = string({ min: 1, max: 256, pattern: aliasCharacters });
/** An ARN, or the name of a service. */
export const principal = string({ min: 1, max: 256, pattern: principalCharacters });
export const encryptionContext = map(string(), string());
export const grantConstraints = structure<GrantConstraints>({
  EncryptionContextSubset: encryptionContext,
  EncryptionContextEquals: encryptionContext,
  SourceArn: string({ min: 20, max: 512, pattern: resourceArn }),
});
export const grantOperations = list(
  enumeration([
    'Decrypt',
    'Encrypt',
    'GenerateDataKey',
    'GenerateDataKeyWithoutPlaintext',
    'ReEncryptFrom',
    'ReEncryptTo',
    'Sign',
    'Verify',
    'GetPublicKey',
    'CreateGrant',
    'RetireGrant',
    'DescribeKey',
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
    'GenerateMac',
    'VerifyMac',
    'DeriveSharedSecret',
    'Encapsulate',
    'Decapsulate',
  ]),
);
export const dryRun = boolean();
export const dryRunModifiers = list(enumeration(['IGNORE_CIPHERTEXT']));

export const plaintext = blob({ min: 1, max: 4096, sensitive: true });
export const ciphertextBlob = blob({ min: 1, max: 6144 });
/** What is signed, or given a MAC: AWS takes as much as it encrypts. */
export const message = plaintext;
/** AWS's shape for these is that of a ciphertext. */
export const signature = ciphertextBlob;
export const mac = ciphertextBlob;
export const publicKey = blob({ min: 1, max: 8192 });
export const numberOfBytes = integer({ min: 1, max: 1024 });
export const recipientInfo = structure<RecipientInfo>({
  KeyEncryptionAlgorithm: enumeration(['RSAES_OAEP_SHA_256']),
  AttestationDocument: blob({ min: 1, max: 262144 }),
});

export const importToken = blob({ min: 1, max: 6144 });
export const encryptedKeyMaterial = blob({ min: 1, max: 6144 });
export const wrappingAlgorithm = enumeration([
  'RSAES_PKCS1_V1_5',
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
  'SM2PKE',
]);
export const wrappingKeySpec = enumeration(['RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2']);
export const expirationModel = enumeration(['KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE']);
export const importType = enumeration(['NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL']);
export const keyMaterialId = string({ min: 64, max: 64, pattern: lowerCaseHex });
export const keyMaterialDescription = string({ min: 0, max: 256, pattern: descriptionCharacters });

export const tags = list(
  structure<Tag>({ TagKey: required(string({ min: 1, max: 128 })), TagValue: required(string({ min: 0, max: 256 })) }),
);
export const tagKeys = list(string({ min: 1, max: 128 }));

/** Page size. The service description says 1000 for all listings; the pages of some operations say less. */
export const limit = integer({ min: 1, max: 1000 });
export const limitUpTo = (max: number) => integer({ min: 1, max, publishedMax: 1000 });
export const marker = string({ min: 1, max: 1024, pattern: markerCharacters });

export const policy = string({ min: 1, max: 131072, pattern: policyCharacters });
export const policyName = string({ min: 1, max: 128, pattern: wordCharacters });
export const description = string({ min: 0, max: 8192 });
export const pendingWindowInDays = integer({ min: 1, max: 365 });
export const region = string({ min: 1, max: 32, pattern: regionName });
export const rotationPeriodInDays = integer({ min: 90, max: 2560 });
export const customKeyStoreId = string({ min: 1, max: 64 });
export const xksKeyId = string({ min: 1, max: 128, pattern: xksKeyCharacters });

// In the order in which AWS's error messages have been seen to print them, which is not that of its description.
export const keySpec = enumeration([
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'ECC_NIST_EDWARDS25519',
  'SYMMETRIC_DEFAULT',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'SM2',
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
  'ML_KEM_512',
  'ML_KEM_768',
  'ML_KEM_1024',
]);

/** AWS's older name for the key spec, which stopped growing when it was replaced. */
export const customerMasterKeySpec = enumeration([
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'SYMMETRIC_DEFAULT',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'SM2',
]);
export const keyUsage = enumeration([
  'SIGN_VERIFY',
  'ENCRYPT_DECRYPT',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
]);
export const origin = enumeration(['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']);
export const includeKeyMaterial = enumeration(['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY']);
export const dataKeySpec = enumeration(['AES_256', 'AES_128']);
export const dataKeyPairSpec = enumeration([
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'SM2',
  'ECC_NIST_EDWARDS25519',
  'ML_KEM_512',
  'ML_KEM_768',
  'ML_KEM_1024',
]);
export const signingAlgorithm = enumeration([
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
  'RSASSA_PKCS1_V1_5_SHA_256',
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'ECDSA_SHA_256',
  'ECDSA_SHA_384',
  'ECDSA_SHA_512',
  'ED25519_SHA_512',
  'ED25519_PH_SHA_512',
  'SM2DSA',
  'ML_DSA_SHAKE_256',
]);
export const messageType = enumeration(['RAW', 'DIGEST', 'EXTERNAL_MU']);
export const macAlgorithm = enumeration(['HMAC_SHA_384', 'HMAC_SHA_256', 'HMAC_SHA_224', 'HMAC_SHA_512']);
export const keyAgreementAlgorithm = enumeration(['ECDH']);
export const encapsulationAlgorithm = enumeration(['ML_KEM']);
export const encryptionAlgorithm = enumeration([
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'SM2PKE',
  'SYMMETRIC_DEFAULT',
]);
