import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../audit/record.ts';
import { auditEvent, keyResource } from './event.test-helper.ts';
import { kmsMetricsOf } from './kms-metrics.ts';

function countsOf(record: AuditRecord) {
  return kmsMetricsOf(record).map(({ metric, values }) => ({
    name: `${metric.namespace} ${metric.name}`,
    ...Object.fromEntries(metric.dimensions.map((name, at) => [name, values[at]])),
  }));
}

const call = (resource: string) => ({
  name: 'AWS/Usage CallCount',
  Class: 'None',
  Resource: resource,
  Service: 'KMS',
  Type: 'API',
});
const success = (keyArn: string, operation: string) => ({
  name: 'AWS/KMS SuccessfulRequest',
  KeyArn: keyArn,
  Operation: operation,
});
const key = keyResource();
const kms = (name: string, more: Partial<AuditRecord> = {}) => auditEvent('kms', name, { readOnly: true, ...more });

describe('CallCount', () => {
  test.each<[name: string, requestParameters: object | null, resource: string]>([
    ['DescribeKey', null, 'DescribeKey'],
    ['Encrypt', { encryptionAlgorithm: 'SYMMETRIC_DEFAULT' }, 'CryptographicOperationsSymmetric'],
    ['Decrypt', null, 'CryptographicOperationsSymmetric'],
    ['Decrypt', { encryptionAlgorithm: 'RSAES_OAEP_SHA_256' }, 'CryptographicOperationsRsa'],
    ['Encrypt', { encryptionAlgorithm: 'SM2PKE' }, 'CryptographicOperationsEcc'],
    ['Sign', { signingAlgorithm: 'ECDSA_SHA_256' }, 'CryptographicOperationsEcc'],
    ['Verify', { signingAlgorithm: 'RSASSA_PSS_SHA_256' }, 'CryptographicOperationsRsa'],
    ['Sign', { signingAlgorithm: 'ML_DSA_SHAKE_256' }, 'CryptographicOperationsMlDsa'],
    ['GenerateDataKey', { keySpec: 'AES_256' }, 'CryptographicOperationsSymmetric'],
    ['GenerateRandom', null, 'CryptographicOperationsSymmetric'],
    ['GenerateMac', { macAlgorithm: 'HMAC_SHA_256' }, 'CryptographicOperationsSymmetric'],
    ['GenerateDataKeyPair', { keyPairSpec: 'RSA_3072' }, 'GenerateDataKeyPair-RSA_3072'],
    ['GenerateDataKeyPairWithoutPlaintext', { keyPairSpec: 'ECC_NIST_P256' }, 'GenerateDataKeyPair-ECC_NIST_P256'],
    ['ReEncrypt', { sourceEncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }, 'CryptographicOperationsRsa'],
  ])('of %s with %j is counted as AWS counts it', (name, requestParameters, resource) => {
    expect(countsOf(kms(name, { requestParameters }))).toEqual([call(resource)]);
  });

  test('counts what was refused as well', () => {
    expect(countsOf(kms('DescribeKey', { errorCode: 'AccessDenied' }))).toEqual([call('DescribeKey')]);
  });

  test('counts nothing of what cannot be told, or was not asked for', () => {
    expect(countsOf(kms('UnknownOperation'))).toEqual([]);
    expect(countsOf(kms('GenerateDataKeyPair', { requestParameters: { keyPairSpec: 'constructor' } }))).toEqual([]);
    expect(countsOf(auditEvent('iam', 'GetUser'))).toEqual([]);
    const { requestID: _, ...rotation } = kms('RotateKey', { eventType: 'AwsServiceEvent' });
    expect(countsOf(rotation)).toEqual([]);
    const internal = { accountId: '111122223333', invokedBy: 'AWS Internal' };
    expect(countsOf(kms('SynchronizeMultiRegionKey', { userIdentity: internal }))).toEqual([]);
  });
});

describe('SuccessfulRequest', () => {
  test('is of a key and an operation', () => {
    expect(countsOf(kms('Encrypt', { resources: [key] }))).toEqual([
      call('CryptographicOperationsSymmetric'),
      success(key.ARN, 'Encrypt'),
    ]);
  });

  test('is of both keys of ReEncrypt', () => {
    const other = keyResource('111122223333', '9999abcd-12ab-34cd-56ef-1234567890ab');
    expect(countsOf(kms('ReEncrypt', { resources: [key, other] }))).toEqual([
      call('CryptographicOperationsSymmetric'),
      success(key.ARN, 'ReEncrypt'),
      success(other.ARN, 'ReEncrypt'),
    ]);
  });

  test('is not of what failed, and not of what is no cryptographic operation', () => {
    expect(countsOf(kms('Decrypt', { resources: [key], errorCode: 'DisabledException' }))).toHaveLength(1);
    expect(countsOf(kms('DescribeKey', { resources: [key] }))).toEqual([call('DescribeKey')]);
  });

  test('of another account’s key is counted there, and the call here', () => {
    const theirs = keyResource('444455556666');
    const shared = { resources: [theirs], sharedEventID: 'shared' };
    expect(countsOf(kms('Encrypt', shared))).toEqual([call('CryptographicOperationsSymmetric')]);
    const userIdentity = { type: 'AWSAccount', accountId: '111122223333' } as const;
    expect(countsOf(kms('Encrypt', { ...shared, userIdentity, recipientAccountId: '444455556666' }))).toEqual([
      success(theirs.ARN, 'Encrypt'),
    ]);
  });
});
