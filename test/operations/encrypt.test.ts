import { randomBytes } from 'node:crypto';
import {
  CreateAliasCommand,
  DecryptCommand,
  EncryptCommand,
  type EncryptCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, newKey, plaintext, putInState } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'Encrypt',
  send: (kms: KMSClient, input: EncryptCommandInput) => kms.send(new EncryptCommand(input)),
  request: ({ key }) => ({ KeyId: key.id, Plaintext: plaintext }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'ENCRYPT_DECRYPT',
    arnIn: ({ KeyId }) => KeyId,
  },
});

const encrypt = async (input: Partial<EncryptCommandInput> = {}) =>
  sandbox.kms.send(
    new EncryptCommand({ KeyId: input.KeyId ?? (await newKey(sandbox.kms)).id, Plaintext: plaintext, ...input }),
  );
const decrypt = (CiphertextBlob: Uint8Array | undefined) => sandbox.kms.send(new DecryptCommand({ CiphertextBlob }));

test('answers with every member that AWS answers with', async () => {
  const key = await newKey(sandbox.kms);
  const { $metadata: _, ...encrypted } = await encrypt({ KeyId: key.id, EncryptionContext: { tenant: 'a' } });
  expect(encrypted).toEqual({
    CiphertextBlob: expect.any(Uint8Array),
    KeyId: key.arn,
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  });
});

test('takes 1 to 4096 bytes', async () => {
  for (const length of [1, 16, 4096]) {
    const secret = randomBytes(length);
    const { CiphertextBlob } = await encrypt({ Plaintext: secret });
    expect(CiphertextBlob?.length).toBeLessThanOrEqual(6144);
    expect(Buffer.from((await decrypt(CiphertextBlob)).Plaintext ?? [])).toEqual(secret);
  }
  await expectRefusal(
    encrypt({ Plaintext: new Uint8Array(4097) }),
    'ValidationException',
    "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
  );
  await expectRefusal(
    encrypt({ Plaintext: new Uint8Array(0) }),
    'ValidationException',
    "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
  );
});

test('never gives the same ciphertext twice', async () => {
  const { id } = await newKey(sandbox.kms);
  const blobs = await Promise.all(Array.from({ length: 20 }, () => encryptedUnder(sandbox.kms, id)));
  expect(new Set(blobs.map((blob) => Buffer.from(blob).toString('hex'))).size).toBe(20);
});

test('makes a ciphertext that names the key, though it was asked by an alias', async () => {
  const key = await newKey(sandbox.kms);
  await sandbox.kms.send(new CreateAliasCommand({ AliasName: 'alias/cryptography', TargetKeyId: key.id }));
  const { KeyId, CiphertextBlob } = await encrypt({ KeyId: 'alias/cryptography' });
  expect(KeyId).toBe(key.arn);
  expect((await decrypt(CiphertextBlob)).KeyId).toBe(key.arn);
});

test('takes a context with symmetric encryption alone, which it says last', async () => {
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
  const EncryptionContext = { a: 'b' };
  await expectRefusal(encrypt({ EncryptionAlgorithm, EncryptionContext }), 'InvalidKeyUsageException');
  const rsa = await newKey(sandbox.kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
  const refused = (name: string, message: string) =>
    expectRefusal(encrypt({ KeyId: rsa.id, EncryptionAlgorithm, EncryptionContext }), name, message);
  await refused(
    'ValidationException',
    'EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.',
  );
  await putInState(sandbox.kms, rsa, 'Disabled');
  await refused('DisabledException', `${rsa.arn} is disabled.`);
});

test('refuses algorithms of other keys', async () => {
  await expectRefusal(encrypt({ EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }), 'InvalidKeyUsageException');
  await expectRefusal(
    encrypt({ EncryptionAlgorithm: 'AES' as 'SYMMETRIC_DEFAULT' }),
    'ValidationException',
    "1 validation error detected: Value 'AES' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]",
  );
});

test('names several broken constraints together, and never the value of a secret', async () => {
  await expectRefusal(
    encrypt({
      KeyId: 'x'.repeat(2049),
      Plaintext: Buffer.alloc(5000, 'secret'),
      EncryptionAlgorithm: 'AES' as 'SYMMETRIC_DEFAULT',
    }),
    'ValidationException',
    /^3 validation errors detected: Value 'x+\.\.\.' at 'keyId' failed [^;]*; Value at 'plaintext' failed [^;]*; Value 'AES' at 'encryptionAlgorithm' failed [^;]*$/,
  );
});

test('succeeds for many requests at once under a key that no request has used yet', async () => {
  for (let round = 0; round < 5; round++) {
    const fresh = await newKey(sandbox.kms);
    const blobs = await Promise.all(Array.from({ length: 25 }, () => encryptedUnder(sandbox.kms, fresh.id)));
    const decrypted = await Promise.all(blobs.map((blob) => decrypt(blob)));
    expect(decrypted.map(({ KeyId }) => KeyId)).toEqual(blobs.map(() => fresh.arn));
  }
});

expectEveryDocumentedException(sandbox, 'Encrypt');
