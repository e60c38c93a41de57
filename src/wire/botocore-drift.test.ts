import type { CreateKeyRequest, EncryptRequest, GetKeyPolicyRequest, TagResourceRequest } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import {
  compareWithBotocore,
  constraintsOf,
  findServiceDescription,
  type ServiceDescription,
} from './botocore-drift.test-helper.ts';
import * as kms from './kms-shapes.ts';
import { boolean, enumeration, integer, map, required, string, structure } from './shapes.ts';

const encryptInput = structure<EncryptRequest>({
  KeyId: required(kms.keyId),
  Plaintext: required(kms.plaintext),
  EncryptionContext: kms.encryptionContext,
  GrantTokens: kms.grantTokens,
  EncryptionAlgorithm: kms.encryptionAlgorithm,
  DryRun: kms.dryRun,
});

const service = findServiceDescription('kms');
if (service === undefined) console.warn('skipped: no botocore is installed to compare the shapes of AWS KMS with');

describe.skipIf(service === undefined)('the shapes of AWS KMS are those of botocore', () => {
  const compare = (operation: string, declared: Parameters<typeof compareWithBotocore>[2]) =>
    compareWithBotocore(service as ServiceDescription, operation, declared);

  test('Encrypt', () => {
    expect(compare('Encrypt', encryptInput)).toEqual([]);
  });

  test('CreateKey', () => {
    const createKeyInput = structure<CreateKeyRequest>({
      Policy: kms.policy,
      Description: kms.description,
      KeyUsage: kms.keyUsage,
      CustomerMasterKeySpec: kms.customerMasterKeySpec,
      KeySpec: kms.keySpec,
      Origin: kms.origin,
      CustomKeyStoreId: kms.customKeyStoreId,
      BypassPolicyLockoutSafetyCheck: boolean(),
      Tags: kms.tags,
      MultiRegion: boolean(),
      XksKeyId: kms.xksKeyId,
    });
    expect(compare('CreateKey', createKeyInput)).toEqual([]);
  });

  test('TagResource', () => {
    const tagResourceInput = structure<TagResourceRequest>({ KeyId: required(kms.keyId), Tags: required(kms.tags) });
    expect(compare('TagResource', tagResourceInput)).toEqual([]);
  });

  test('every other shared shape', () => {
    const members = {
      GetKeyPolicy: { KeyId: required(kms.keyId), PolicyName: kms.policyName },
      ListKeys: { Limit: kms.limit, Marker: kms.marker },
      UntagResource: { KeyId: required(kms.keyId), TagKeys: required(kms.tagKeys) },
      ScheduleKeyDeletion: { KeyId: required(kms.keyId), PendingWindowInDays: kms.pendingWindowInDays },
      DeleteAlias: { AliasName: required(kms.aliasName) },
      GenerateDataKey: {
        KeyId: required(kms.keyId),
        EncryptionContext: kms.encryptionContext,
        NumberOfBytes: kms.numberOfBytes,
        KeySpec: kms.dataKeySpec,
        GrantTokens: kms.grantTokens,
        Recipient: kms.recipientInfo,
        DryRun: kms.dryRun,
      },
      Decrypt: {
        CiphertextBlob: kms.ciphertextBlob,
        EncryptionContext: kms.encryptionContext,
        GrantTokens: kms.grantTokens,
        KeyId: kms.keyId,
        EncryptionAlgorithm: kms.encryptionAlgorithm,
        Recipient: kms.recipientInfo,
        DryRun: kms.dryRun,
        DryRunModifiers: kms.dryRunModifiers,
      },
    };
    for (const [operation, declaration] of Object.entries(members)) {
      expect(compare(operation, structure<object>(declaration as object))).toEqual([]);
    }
  });

  test('a difference of each kind is found', () => {
    const declared = structure<GetKeyPolicyRequest>({
      KeyId: required(integer({ min: 2, max: 2047 })) as never,
      PolicyName: string({ pattern: { printed: '.*', matches: /.*/ }, sensitive: true }),
    });
    expect(compare('GetKeyPolicy', declared)).toEqual([
      'GetKeyPolicy.KeyId: type is "integer", but AWS\'s is "string"',
      "GetKeyPolicy.KeyId: min is 2, but AWS's is 1",
      "GetKeyPolicy.KeyId: max is 2047, but AWS's is 2048",
      "GetKeyPolicy.PolicyName: min is undefined, but AWS's is 1",
      "GetKeyPolicy.PolicyName: max is undefined, but AWS's is 128",
      'GetKeyPolicy.PolicyName: pattern is ".*", but AWS\'s is "[\\\\w]+"',
      "GetKeyPolicy.PolicyName: sensitive is true, but AWS's is false",
    ]);
    const strict = structure<{ Limit: number }>({ Limit: required(kms.limit) });
    expect(compare('ListKeys', strict)).toEqual([
      'ListKeys.Limit is required, but not by AWS',
      'ListKeys.Marker is not declared',
    ]);
    const narrow = structure<{ KeySpec?: 'AES_256'; EncryptionContext?: Record<string, string> }>({
      KeySpec: enumeration(['AES_256']),
      EncryptionContext: map(string({ min: 1 }), string()),
    });
    expect(compare('GenerateDataKey', narrow)).toEqual(
      expect.arrayContaining([
        'GenerateDataKey.KeySpec: enum lacks AES_128',
        "GenerateDataKey.EncryptionContext.key: min is 1, but AWS's is undefined",
      ]),
    );
  });
});

test('a declared input describes itself', () => {
  expect(constraintsOf(encryptInput)).toMatchObject({
    type: 'structure',
    required: ['KeyId', 'Plaintext'],
    members: {
      KeyId: { type: 'string', min: 1, max: 2048 },
      Plaintext: { type: 'blob', min: 1, max: 4096, sensitive: true },
      EncryptionContext: { type: 'map', key: { type: 'string' }, value: { type: 'string' } },
      GrantTokens: { type: 'list', max: 10, member: { type: 'string', min: 1, max: 8192 } },
      EncryptionAlgorithm: { enum: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE', 'SYMMETRIC_DEFAULT'] },
    },
  });
});
