import * as sdk from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { keySpecs } from '../../crypto/key-specs.ts';
import { kmsOperations } from './index.ts';
import { awsRequestQuotas, requestCharges } from './request-quotas.ts';

/** All operations that AWS KMS has, by the SDK's commands. */
const allOperations = Object.keys(sdk)
  .filter((name) => /^[A-Z]\w+Command$/.test(name))
  .map((name) => name.slice(0, -'Command'.length));

/** A validated input as far as quotas depend on it. */
const sample = {
  SigningAlgorithm: 'ECDSA_SHA_256',
  KeyPairSpec: 'RSA_2048',
  ReplicaRegion: 'eu-west-1',
  PrimaryRegion: 'eu-west-1',
};

const quotasOf = (operation: string, input: object = {}) =>
  requestCharges(operation, input).map(({ quota, region }) => (region === undefined ? quota : `${quota} in ${region}`));

test('every operation counts against quotas that AWS has', () => {
  expect(allOperations.length).toBeGreaterThan(50);
  for (const name of new Set([...allOperations, ...kmsOperations.keys()])) {
    const charges = requestCharges(name, sample);
    expect(charges.length, name).toBeGreaterThan(0);
    for (const { quota } of charges) expect(Object.keys(awsRequestQuotas), name).toContain(quota);
  }
});

test('every quota is of some operation', () => {
  const used = new Set<string>();
  for (const name of allOperations) {
    for (const KeyPairSpec of Object.values(sdk.DataKeyPairSpec)) {
      for (const quota of quotasOf(name, { ...sample, KeyPairSpec })) used.add(quota);
    }
    for (const SigningAlgorithm of Object.values(sdk.SigningAlgorithmSpec)) {
      for (const quota of quotasOf(name, { ...sample, SigningAlgorithm })) used.add(quota);
    }
  }
  expect(Object.keys(awsRequestQuotas).filter((name) => !used.has(name))).toEqual([]);
});

test('cryptographic operations share quotas, all others have one of their own name', () => {
  const shared = allOperations.filter((name) => !quotasOf(name, sample).includes(name));
  expect(shared.sort()).toEqual([
    'Decapsulate',
    'Decrypt',
    'DeriveSharedSecret',
    'Encapsulate',
    'Encrypt',
    'GenerateDataKey',
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
    'GenerateDataKeyWithoutPlaintext',
    'GenerateMac',
    'GenerateRandom',
    'ReEncrypt',
    'Sign',
    'Verify',
    'VerifyMac',
  ]);
});

describe('the kind of key is told by the algorithm:', () => {
  test.each([
    ['Encrypt', {}, 'symmetric'],
    ['Decrypt', { EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }, 'symmetric'],
    ['Decrypt', { EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }, 'RSA'],
    ['Encrypt', { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }, 'RSA'],
    ['Encrypt', { EncryptionAlgorithm: 'SM2PKE' }, 'ECC and SM2'],
    ['Sign', { SigningAlgorithm: 'RSASSA_PSS_SHA_512' }, 'RSA'],
    ['Verify', { SigningAlgorithm: 'ECDSA_SHA_384' }, 'ECC and SM2'],
    ['Sign', { SigningAlgorithm: 'ED25519_PH_SHA_512' }, 'ECC and SM2'],
    ['Sign', { SigningAlgorithm: 'SM2DSA' }, 'ECC and SM2'],
    ['Verify', { SigningAlgorithm: 'ML_DSA_SHAKE_256' }, 'ML-DSA'],
    ['GenerateMac', { MacAlgorithm: 'HMAC_SHA_512' }, 'symmetric'],
    ['DeriveSharedSecret', { KeyAgreementAlgorithm: 'ECDH' }, 'ECC and SM2'],
    ['GenerateRandom', {}, 'symmetric'],
  ])('%s %j', (operation, input, kind) => {
    expect(quotasOf(operation, input)).toEqual([`Cryptographic operations (${kind})`]);
  });

  test('each algorithm of the SDK is of one kind', () => {
    for (const EncryptionAlgorithm of Object.values(sdk.EncryptionAlgorithmSpec)) {
      expect(quotasOf('Encrypt', { EncryptionAlgorithm })).toHaveLength(1);
    }
    const kinds = new Map<string, Set<string>>();
    for (const { family, encryptionAlgorithms = [], signingAlgorithms = [] } of Object.values(keySpecs)) {
      for (const algorithm of [...encryptionAlgorithms, ...signingAlgorithms]) {
        const quota = quotasOf('Sign', { SigningAlgorithm: algorithm })[0] as string;
        kinds.set(algorithm, (kinds.get(algorithm) ?? new Set()).add(`${quota} ${family.replace('sm2', 'ec')}`));
      }
    }
    expect([...kinds].filter(([, ofAlgorithm]) => ofAlgorithm.size !== 1)).toEqual([]);
  });
});

test('ReEncrypt counts once, and where its two sides are of different kinds once for each', () => {
  const rsa = 'RSAES_OAEP_SHA_256';
  expect(quotasOf('ReEncrypt', {})).toEqual(['Cryptographic operations (symmetric)']);
  expect(quotasOf('ReEncrypt', { SourceEncryptionAlgorithm: rsa, DestinationEncryptionAlgorithm: rsa })).toEqual([
    'Cryptographic operations (RSA)',
  ]);
  expect(quotasOf('ReEncrypt', { DestinationEncryptionAlgorithm: rsa })).toEqual([
    'Cryptographic operations (symmetric)',
    'Cryptographic operations (RSA)',
  ]);
});

test('data key pairs count by their spec', () => {
  for (const KeyPairSpec of Object.values(sdk.DataKeyPairSpec)) {
    const quota = `GenerateDataKeyPair (${KeyPairSpec})`;
    expect(quotasOf('GenerateDataKeyPair', { KeyPairSpec })).toEqual([quota]);
    expect(quotasOf('GenerateDataKeyPairWithoutPlaintext', { KeyPairSpec })).toEqual([quota]);
    expect(awsRequestQuotas).toHaveProperty([quota]);
  }
});

test('what changes two Regions counts in both, and a replica as two keys', () => {
  expect(quotasOf('ReplicateKey', { ReplicaRegion: 'eu-west-1' })).toEqual([
    'ReplicateKey',
    'CreateKey in eu-west-1',
    'CreateKey in eu-west-1',
  ]);
  expect(quotasOf('UpdatePrimaryRegion', { PrimaryRegion: 'eu-west-1' })).toEqual([
    'UpdatePrimaryRegion',
    'UpdatePrimaryRegion in eu-west-1',
  ]);
});

test('an operation without a quota is a programmer’s mistake, not one without limits', () => {
  expect(() => requestCharges('EncryptEverything', {})).toThrow('EncryptEverything has a request quota');
});
