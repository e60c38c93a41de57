import { createPrivateKey, createPublicKey } from 'node:crypto';
import { type DataKeyPairSpec, type DataKeySpec, DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, noSuchKeyId, putInState } from './kms.ts';
import type { Sandbox } from './sandbox.ts';

/** What the tests of operations share that make data keys, with and without their plaintext. */

const EncryptionContext = { tenant: 'a', purpose: 'orders' };

interface DataKeySize {
  KeySpec?: DataKeySpec;
  NumberOfBytes?: number;
}

type MakeDataKey = (
  kms: KMSClient,
  input: DataKeySize & { KeyId: string; EncryptionContext?: Record<string, string> },
) => Promise<{ CiphertextBlob?: Uint8Array | undefined; Plaintext?: Uint8Array | undefined; $metadata: unknown }>;

/** @param withPlaintext whether the answer holds the data key itself */
export function makesDataKeys(sandbox: Sandbox, withPlaintext: boolean, make: MakeDataKey): void {
  const decrypt = (CiphertextBlob: Uint8Array | undefined, context = {}) =>
    sandbox.kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context }));

  const sizes: [DataKeySize, bytes: number][] = [
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
  ];
  test.each(sizes)('answers with every member that AWS answers with: %j', async (size, bytes) => {
    const key = await newKey(sandbox.kms);
    const { $metadata: _, ...made } = await make(sandbox.kms, { KeyId: key.id, ...size, EncryptionContext });
    expect(made).toEqual({
      CiphertextBlob: expect.any(Uint8Array),
      ...(withPlaintext ? { Plaintext: expect.any(Uint8Array) } : {}),
      KeyId: key.arn,
      KeyMaterialId: key.materialId,
    });
    const { Plaintext } = await decrypt(made.CiphertextBlob, EncryptionContext);
    expect(Plaintext).toHaveLength(bytes);
    if (withPlaintext) expect(made.Plaintext).toEqual(Plaintext);
    await expectRefusal(decrypt(made.CiphertextBlob), 'InvalidCiphertextException');
  });

  test('makes another key each time, and none of zeros', async () => {
    const { id: KeyId } = await newKey(sandbox.kms);
    const many = Array.from({ length: 20 }, () => make(sandbox.kms, { KeyId, KeySpec: 'AES_256' }));
    const made = await Promise.all(many);
    const decrypted = await Promise.all(made.map(({ CiphertextBlob }) => decrypt(CiphertextBlob)));
    const all = decrypted.map(({ Plaintext }) => Buffer.from(Plaintext ?? []).toString('hex'));
    expect(new Set(all).size).toBe(20);
    expect(all).not.toContain('00'.repeat(32));
  });

  test('encrypts data keys only under symmetric keys', async () => {
    const { id: KeyId } = await newKey(sandbox.kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    await expectRefusal(
      make(sandbox.kms, { KeyId, KeySpec: 'AES_256' }),
      'InvalidKeyUsageException',
      'You cannot generate a data key with an asymmetric CMK',
    );
  });

  test('wants to know the size once, within its limits', async () => {
    const { id: KeyId } = await newKey(sandbox.kms);
    const refused = (size: DataKeySize, message: string | RegExp) =>
      expectRefusal(make(sandbox.kms, { KeyId, ...size }), 'ValidationException', message);
    const message = 'Please specify either number of bytes or key spec.';
    await refused({}, message);
    await refused({ KeySpec: 'AES_256', NumberOfBytes: 32 }, message);
    // Once there is a key, and whatever can be done with it.
    await expectRefusal(make(sandbox.kms, { KeyId: noSuchKeyId }), 'NotFoundException');
    const signing = await newKey(sandbox.kms, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', Origin: 'EXTERNAL' });
    await expectRefusal(make(sandbox.kms, { KeyId: signing.id }), 'ValidationException', message);
    await putInState(sandbox.kms, { ...signing, id: KeyId }, 'Disabled');
    await refused({}, message);
    await refused(
      { NumberOfBytes: 0 },
      "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1",
    );
    await refused({ NumberOfBytes: 1025 }, /less than or equal to 1024$/);
    await refused(
      { KeySpec: 'AES_512' as 'AES_256' },
      "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]",
    );
  });
}

type MakeDataKeyPair = (
  kms: KMSClient,
  input: { KeyId: string; KeyPairSpec: DataKeyPairSpec; EncryptionContext?: Record<string, string> },
) => Promise<{
  PrivateKeyCiphertextBlob?: Uint8Array | undefined;
  PrivateKeyPlaintext?: Uint8Array | undefined;
  PublicKey?: Uint8Array | undefined;
  $metadata: unknown;
}>;

/** @param withPlaintext whether the answer holds the private key itself */
export function makesDataKeyPairs(sandbox: Sandbox, withPlaintext: boolean, make: MakeDataKeyPair): void {
  const specs: [DataKeyPairSpec, keyType: string][] = [
    ['RSA_2048', 'rsa'],
    ['ECC_NIST_P256', 'ec'],
    ['ECC_SECG_P256K1', 'ec'],
    ['ECC_NIST_EDWARDS25519', 'ed25519'],
  ];
  test.each(specs)('makes a key pair of %s, whose private key decrypts to PKCS #8', async (KeyPairSpec, keyType) => {
    const key = await newKey(sandbox.kms);
    const { $metadata: _, ...made } = await make(sandbox.kms, { KeyId: key.id, KeyPairSpec, EncryptionContext });
    expect(made).toEqual({
      PrivateKeyCiphertextBlob: expect.any(Uint8Array),
      ...(withPlaintext ? { PrivateKeyPlaintext: expect.any(Uint8Array) } : {}),
      PublicKey: expect.any(Uint8Array),
      KeyId: key.arn,
      KeyPairSpec,
      KeyMaterialId: key.materialId,
    });
    const { Plaintext = new Uint8Array() } = await sandbox.kms.send(
      new DecryptCommand({ CiphertextBlob: made.PrivateKeyCiphertextBlob, EncryptionContext }),
    );
    if (withPlaintext) expect(made.PrivateKeyPlaintext).toEqual(Plaintext);
    const privateKey = createPrivateKey({ key: Buffer.from(Plaintext), format: 'der', type: 'pkcs8' });
    expect(privateKey.asymmetricKeyType).toBe(keyType);
    const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    expect(publicKey).toEqual(Buffer.from(made.PublicKey ?? []));
  });

  test('encrypts private keys only under symmetric keys', async () => {
    const { id: KeyId } = await newKey(sandbox.kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    await expectRefusal(
      make(sandbox.kms, { KeyId, KeyPairSpec: 'ECC_NIST_P256' }),
      'InvalidKeyUsageException',
      'You cannot generate a data key with an asymmetric CMK',
    );
  });

  test("makes no key pair of China's Regions elsewhere", async () => {
    const { id: KeyId } = await newKey(sandbox.kms);
    await expectRefusal(make(sandbox.kms, { KeyId, KeyPairSpec: 'SM2' }), 'UnsupportedOperationException');
  });
}
