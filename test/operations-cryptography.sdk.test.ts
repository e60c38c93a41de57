import { randomBytes } from 'node:crypto';
import {
  CreateAliasCommand,
  type DataKeySpec,
  DecryptCommand,
  type DecryptCommandInput,
  EncryptCommand,
  type EncryptCommandInput,
  GenerateDataKeyCommand,
  type GenerateDataKeyCommandInput,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  type KMSClient,
  ReEncryptCommand,
  type ReEncryptCommandInput,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  encryptedUnder,
  expectRefusal,
  type NewKey,
  newKey,
  noSuchKeyId,
  plaintext,
  policyOf,
  putInState,
  statement,
} from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;
let key: NewKey;
let other: NewKey;
let disabled: NewKey;
let pending: NewKey;
let denied: NewKey;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
  [key, other, disabled, pending, denied] = [
    await newKey(kms),
    await newKey(kms),
    await newKey(kms),
    await newKey(kms),
    await newKey(kms, {
      Policy: policyOf(statement('Allow', server.accountId, ['kms:PutKeyPolicy'])),
    }),
  ];
  await putInState(kms, disabled, 'Disabled');
  await putInState(kms, pending, 'PendingDeletion');
});

afterAll(() => cleanUp(server));

const KeySpec: DataKeySpec = 'AES_256';
const context = { tenant: 'a', purpose: 'orders' };
const encrypt = (input: Partial<EncryptCommandInput> = {}) =>
  kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: plaintext, ...input }));
const decrypt = (CiphertextBlob: Uint8Array | undefined, input: Partial<DecryptCommandInput> = {}) =>
  kms.send(new DecryptCommand({ CiphertextBlob, ...input }));
const reEncrypt = (CiphertextBlob: Uint8Array, input: Partial<ReEncryptCommandInput> = {}) =>
  kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: other.id, ...input }));
const dataKey = (input: Partial<GenerateDataKeyCommandInput>) =>
  kms.send(new GenerateDataKeyCommand({ KeyId: key.id, ...input }));
const wrappedDataKey = (input: Partial<GenerateDataKeyCommandInput>) =>
  kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId: key.id, ...input }));

describe('Encrypt and Decrypt', () => {
  test('answer with every member that AWS answers with', async () => {
    const { $metadata: _, ...encrypted } = await encrypt({ EncryptionContext: context });
    expect(encrypted).toEqual({
      CiphertextBlob: expect.any(Uint8Array),
      KeyId: key.arn,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    });
    const { $metadata: __, ...decrypted } = await decrypt(encrypted.CiphertextBlob, {
      EncryptionContext: context,
      KeyId: key.arn,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    });
    expect({ ...decrypted, Plaintext: Buffer.from(decrypted.Plaintext ?? []) }).toEqual({
      KeyId: key.arn,
      Plaintext: plaintext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      KeyMaterialId: key.materialId,
    });
  });

  test('take 1 to 4096 bytes', async () => {
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

  test('never give the same ciphertext twice', async () => {
    const blobs = await Promise.all(Array.from({ length: 20 }, () => encryptedUnder(kms, key.id)));
    expect(new Set(blobs.map((blob) => Buffer.from(blob).toString('hex'))).size).toBe(20);
  });

  test('agree on a context whatever the order of its pairs', async () => {
    const { CiphertextBlob } = await encrypt({ EncryptionContext: { a: '1', b: '2', ä: '3' } });
    await decrypt(CiphertextBlob, { EncryptionContext: { ä: '3', b: '2', a: '1' } });
  });

  test('take no context and an empty one for the same', async () => {
    await decrypt((await encrypt()).CiphertextBlob, { EncryptionContext: {} });
    await decrypt((await encrypt({ EncryptionContext: {} })).CiphertextBlob);
  });

  const made: Record<string, string> = { tenant: 'a', purpose: 'bc' };
  const others: [string, Record<string, string>][] = [
    ['no pairs', {}],
    ['a pair less', { tenant: 'a' }],
    ['a pair more', { ...made, more: '' }],
    ['another value', { ...made, purpose: 'bd' }],
    ['a value in other letters', { ...made, tenant: 'A' }],
    ['a name in other letters', { Tenant: 'a', purpose: 'bc' }],
    ['a boundary moved', { tenant: 'a', purposeb: 'c' }],
    ['values exchanged', { tenant: 'bc', purpose: 'a' }],
    ['a name that JavaScript knows', Object.fromEntries([...Object.entries(made), ['__proto__', 'x']])],
  ];

  test.each(others)('refuse a context with %s', async (_, EncryptionContext) => {
    const { CiphertextBlob } = await encrypt({ EncryptionContext: made });
    await expectRefusal(decrypt(CiphertextBlob, { EncryptionContext }), 'InvalidCiphertextException');
    const reversed = await encrypt({ EncryptionContext });
    await expectRefusal(decrypt(reversed.CiphertextBlob, { EncryptionContext: made }), 'InvalidCiphertextException');
  });

  test('refuse a ciphertext with any byte changed, cut short or made longer', async () => {
    const blob = Buffer.from(await encryptedUnder(kms, key.id));
    const damaged = [Buffer.concat([blob, Buffer.alloc(1)]), randomBytes(blob.length)];
    for (let at = 0; at < blob.length; at++) {
      const changed = Buffer.from(blob);
      changed[at] = (changed[at] as number) ^ 0x40;
      damaged.push(changed);
      if (at > 0) damaged.push(blob.subarray(0, at));
    }
    await Promise.all(damaged.map((bytes) => expectRefusal(decrypt(bytes), 'InvalidCiphertextException')));
    await decrypt(blob);
  });

  test('refuse the parts of two ciphertexts put together', async () => {
    const [one, two] = [Buffer.from(await encryptedUnder(kms, key.id)), Buffer.from(await encryptedUnder(kms, key.id))];
    const header = one.length - plaintext.length - 16;
    await expectRefusal(
      decrypt(Buffer.concat([one.subarray(0, header), two.subarray(header)])),
      'InvalidCiphertextException',
    );
  });

  test('refuse blobs of a length that none has', async () => {
    await expectRefusal(
      decrypt(new Uint8Array(6145)),
      'ValidationException',
      "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length less than or equal to 6144",
    );
    await expectRefusal(decrypt(new Uint8Array(0)), 'ValidationException', /'ciphertextBlob'/);
    await expectRefusal(decrypt(undefined, { KeyId: key.id }), 'ValidationException', /'ciphertextBlob'.*not be null$/);
  });

  test('refuse algorithms of other keys', async () => {
    const blob = await encryptedUnder(kms, key.id);
    const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
    await expectRefusal(encrypt({ EncryptionAlgorithm }), 'InvalidKeyUsageException');
    await expectRefusal(decrypt(blob, { EncryptionAlgorithm }), 'InvalidKeyUsageException');
    await expectRefusal(
      reEncrypt(blob, { SourceEncryptionAlgorithm: EncryptionAlgorithm }),
      'InvalidKeyUsageException',
    );
    await expectRefusal(
      reEncrypt(blob, { DestinationEncryptionAlgorithm: EncryptionAlgorithm }),
      'InvalidKeyUsageException',
    );
    await expectRefusal(
      encrypt({ EncryptionAlgorithm: 'AES' as 'SYMMETRIC_DEFAULT' }),
      'ValidationException',
      "1 validation error detected: Value 'AES' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [SYMMETRIC_DEFAULT, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE]",
    );
  });

  test('of many requests at once for a key that no request has used yet, all succeed', async () => {
    for (let round = 0; round < 5; round++) {
      const fresh = await newKey(kms);
      const blobs = await Promise.all(Array.from({ length: 25 }, () => encryptedUnder(kms, fresh.id)));
      const decrypted = await Promise.all(blobs.map((blob) => decrypt(blob)));
      expect(decrypted.map(({ KeyId }) => KeyId)).toEqual(blobs.map(() => fresh.arn));
    }
  });
});

describe('GenerateDataKey and GenerateDataKeyWithoutPlaintext', () => {
  const sizes: [Partial<GenerateDataKeyCommandInput>, bytes: number][] = [
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
  ];

  test.each(sizes)('%j', async (size, bytes) => {
    const { $metadata: _, ...made } = await dataKey({ ...size, EncryptionContext: context });
    expect(made).toEqual({
      CiphertextBlob: expect.any(Uint8Array),
      Plaintext: expect.any(Uint8Array),
      KeyId: key.arn,
      KeyMaterialId: key.materialId,
    });
    expect(made.Plaintext).toHaveLength(bytes);
    const decrypted = await decrypt(made.CiphertextBlob, { EncryptionContext: context });
    expect(decrypted.Plaintext).toEqual(made.Plaintext);

    const { $metadata: __, ...wrapped } = await wrappedDataKey({ ...size, EncryptionContext: context });
    expect(wrapped).toEqual({
      CiphertextBlob: expect.any(Uint8Array),
      KeyId: key.arn,
      KeyMaterialId: key.materialId,
    });
    const unwrapped = await decrypt(wrapped.CiphertextBlob, { EncryptionContext: context });
    expect(unwrapped.Plaintext).toHaveLength(bytes);
  });

  test('make another key each time, and none of zeros', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => dataKey({ KeySpec })));
    const wrapped = await Promise.all(Array.from({ length: 20 }, () => wrappedDataKey({ KeySpec })));
    const unwrapped = await Promise.all(wrapped.map(({ CiphertextBlob }) => decrypt(CiphertextBlob)));
    const all = [...keys, ...unwrapped].map(({ Plaintext }) => Buffer.from(Plaintext ?? []).toString('hex'));
    expect(new Set(all).size).toBe(40);
    expect(all).not.toContain('00'.repeat(32));
  });

  test('want to know the size once, within its limits', async () => {
    for (const generate of [dataKey, wrappedDataKey]) {
      const message = 'Please specify either number of bytes or key spec.';
      await expectRefusal(generate({}), 'ValidationException', message);
      await expectRefusal(generate({ KeySpec, NumberOfBytes: 32 }), 'ValidationException', message);
      await expectRefusal(
        generate({ NumberOfBytes: 0 }),
        'ValidationException',
        "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1",
      );
      await expectRefusal(generate({ NumberOfBytes: 1025 }), 'ValidationException', /less than or equal to 1024$/);
      await expectRefusal(
        generate({ KeySpec: 'AES_512' as 'AES_256' }),
        'ValidationException',
        "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]",
      );
    }
  });
});

describe('GenerateRandom', () => {
  test.each([1, 32, 1024])('gives %i bytes', async (NumberOfBytes) => {
    const { $metadata: _, ...random } = await kms.send(new GenerateRandomCommand({ NumberOfBytes }));
    expect(random).toEqual({ Plaintext: expect.any(Uint8Array) });
    expect(random.Plaintext).toHaveLength(NumberOfBytes);
  });

  test('gives others each time', async () => {
    const [one, two] = [1, 2].map(() => kms.send(new GenerateRandomCommand({ NumberOfBytes: 32 })));
    expect((await one)?.Plaintext).not.toEqual((await two)?.Plaintext);
  });

  test('refuses what it cannot give', async () => {
    await expectRefusal(kms.send(new GenerateRandomCommand({})), 'ValidationException');
    await expectRefusal(kms.send(new GenerateRandomCommand({ NumberOfBytes: 1025 })), 'ValidationException', /1024$/);
    await expectRefusal(
      kms.send(new GenerateRandomCommand({ NumberOfBytes: 16, CustomKeyStoreId: 'cks-1234567890abcdef0' })),
      'CustomKeyStoreNotFoundException',
    );
  });
});

describe('ReEncrypt', () => {
  test('answers with every member that AWS answers with', async () => {
    const blob = await encryptedUnder(kms, key.id, context);
    const { $metadata: _, ...moved } = await reEncrypt(blob, {
      SourceKeyId: key.id,
      SourceEncryptionContext: context,
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionContext: { purpose: 'archive' },
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    });
    expect(moved).toEqual({
      CiphertextBlob: expect.any(Uint8Array),
      SourceKeyId: key.arn,
      KeyId: other.arn,
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      SourceKeyMaterialId: key.materialId,
      DestinationKeyMaterialId: other.materialId,
    });
    const decrypted = await decrypt(moved.CiphertextBlob, { EncryptionContext: { purpose: 'archive' } });
    expect(decrypted.KeyId).toBe(other.arn);
    expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(plaintext);
    await expectRefusal(decrypt(moved.CiphertextBlob, { EncryptionContext: context }), 'InvalidCiphertextException');
  });

  test('changes the context under the same key', async () => {
    const blob = await encryptedUnder(kms, key.id, context);
    const moved = await reEncrypt(blob, { SourceEncryptionContext: context, DestinationKeyId: key.id });
    expect(moved).toMatchObject({ SourceKeyId: key.arn, KeyId: key.arn });
    await decrypt(moved.CiphertextBlob);
  });

  test('refuses what Decrypt refuses', async () => {
    const blob = Buffer.from(await encryptedUnder(kms, key.id, context));
    const SourceEncryptionContext = context;
    await expectRefusal(reEncrypt(blob), 'InvalidCiphertextException');
    await expectRefusal(
      reEncrypt(blob, { SourceEncryptionContext, SourceKeyId: other.id }),
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
    await expectRefusal(reEncrypt(blob.subarray(1), { SourceEncryptionContext }), 'InvalidCiphertextException');
    await expectRefusal(
      reEncrypt(blob, { SourceEncryptionContext, DestinationKeyId: noSuchKeyId }),
      'NotFoundException',
    );
  });
});

describe('a dry run', () => {
  const DryRun = true;
  const wouldSucceed = 'The request would have succeeded, but the DryRun option is set.';
  type Case = [name: string, act: (keyId: string) => Promise<unknown>];
  const cases: Case[] = [
    ['Encrypt', (KeyId) => encrypt({ KeyId, DryRun })],
    ['GenerateDataKey', (KeyId) => dataKey({ KeyId, KeySpec, DryRun })],
    ['GenerateDataKeyWithoutPlaintext', (KeyId) => wrappedDataKey({ KeyId, KeySpec, DryRun })],
    ['ReEncrypt', async (KeyId) => reEncrypt(await encryptedUnder(kms, key.id), { DestinationKeyId: KeyId, DryRun })],
    [
      'Decrypt, of no ciphertext',
      (KeyId) => decrypt(undefined, { KeyId, DryRun, DryRunModifiers: ['IGNORE_CIPHERTEXT'] }),
    ],
    [
      'ReEncrypt, of no ciphertext',
      (KeyId) =>
        kms.send(
          new ReEncryptCommand({
            CiphertextBlob: undefined,
            SourceKeyId: KeyId,
            DestinationKeyId: other.id,
            DryRun,
            DryRunModifiers: ['IGNORE_CIPHERTEXT'],
          }),
        ),
    ],
  ];

  test.each(cases)('of %s says what would have happened', async (_, act) => {
    await expectRefusal(act(key.id), 'DryRunOperationException', wouldSucceed);
    await expectRefusal(act(disabled.id), 'DisabledException');
    await expectRefusal(act(pending.id), 'KMSInvalidStateException');
    await expectRefusal(act(denied.id), 'AccessDeniedException');
    await expectRefusal(act(noSuchKeyId), 'NotFoundException');
    await expectRefusal(act('alias/nowhere'), 'NotFoundException');
  });

  test('of Decrypt says what would have happened', async () => {
    const blob = await encryptedUnder(kms, key.id, context);
    const EncryptionContext = context;
    await expectRefusal(decrypt(blob, { EncryptionContext, DryRun }), 'DryRunOperationException', wouldSucceed);
    await expectRefusal(decrypt(blob, { DryRun }), 'InvalidCiphertextException');
    await expectRefusal(decrypt(blob, { EncryptionContext, DryRun, KeyId: other.id }), 'IncorrectKeyException');
    await expectRefusal(decrypt(blob, { EncryptionContext, DryRun, KeyId: disabled.id }), 'DisabledException');
  });

  test('is no dry run where DryRun is false', async () => {
    await encrypt({ DryRun: false });
  });

  test('alone may do without a ciphertext, and then wants the key', async () => {
    const DryRunModifiers = ['IGNORE_CIPHERTEXT' as const];
    await expectRefusal(decrypt(undefined, { DryRun, DryRunModifiers }), 'ValidationException');
    await expectRefusal(decrypt(undefined, { KeyId: key.id, DryRunModifiers }), 'ValidationException');
    const blob = await encryptedUnder(kms, key.id);
    await expectRefusal(decrypt(blob, { KeyId: key.id, DryRunModifiers }), 'ValidationException');
  });
});

test('grant tokens are refused, for there are no grants yet', async () => {
  const blob = await encryptedUnder(kms, key.id);
  const GrantTokens = [
    'AQpAM2RhZTk1MGMyNTk2ZmZmMzEyYWVhOWViN2I1MWM4Mzc0MWFiYjc0ZDE1ODkyNGFlNTIzODZhMzgyZjBlNGY3NiKIAgEB',
  ];
  await expectRefusal(encrypt({ GrantTokens }), 'InvalidGrantTokenException');
  await expectRefusal(decrypt(blob, { GrantTokens }), 'InvalidGrantTokenException');
  await expectRefusal(reEncrypt(blob, { GrantTokens }), 'InvalidGrantTokenException');
  await expectRefusal(dataKey({ KeySpec, GrantTokens }), 'InvalidGrantTokenException');
  await expectRefusal(wrappedDataKey({ KeySpec, GrantTokens }), 'InvalidGrantTokenException');
  await expectRefusal(
    encrypt({ GrantTokens: Array.from({ length: 11 }, () => 'x') }),
    'ValidationException',
    /at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10$/,
  );
  await encrypt({ GrantTokens: [] });
});

test('an answer for a Nitro enclave is refused rather than given in plaintext', async () => {
  const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument: new Uint8Array(9) };
  const blob = await encryptedUnder(kms, key.id);
  await expectRefusal(decrypt(blob, { Recipient }), 'UnsupportedOperationException');
  await expectRefusal(dataKey({ KeySpec, Recipient }), 'UnsupportedOperationException');
  await expectRefusal(
    kms.send(new GenerateRandomCommand({ NumberOfBytes: 16, Recipient })),
    'UnsupportedOperationException',
  );
});

test('a ciphertext made through an alias names its key', async () => {
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/cryptography', TargetKeyId: key.id }));
  const { KeyId, CiphertextBlob } = await encrypt({ KeyId: 'alias/cryptography' });
  expect(KeyId).toBe(key.arn);
  expect((await decrypt(CiphertextBlob)).KeyId).toBe(key.arn);
});

test("several broken constraints are named together, and a secret's value is not", async () => {
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
