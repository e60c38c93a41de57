import { randomBytes } from 'node:crypto';
import { DecryptCommand, type DecryptCommandInput, EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { beforeAll, describe, expect, test } from 'vitest';
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
} from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: DecryptCommandInput) => kms.send(new DecryptCommand(input));

testOperation(sandbox, {
  name: 'Decrypt',
  send,
  request: async ({ kms, key }) => ({ CiphertextBlob: await encryptedUnder(kms, key.id) }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    optional: true,
    crossAccount: true,
    usage: 'ENCRYPT_DECRYPT',
    needsMaterial: true,
    arnIn: ({ KeyId }) => KeyId,
  },
});

let key: NewKey;
beforeAll(async () => {
  key = await newKey(sandbox.kms);
});

const context = { tenant: 'a', purpose: 'orders' };
const decrypt = (CiphertextBlob: Uint8Array | undefined, input: Partial<DecryptCommandInput> = {}) =>
  send(sandbox.kms, { CiphertextBlob, ...input });
const encrypted = (EncryptionContext?: Record<string, string>) =>
  encryptedUnder(sandbox.kms, key.id, EncryptionContext);

test('answers with every member that AWS answers with', async () => {
  const { $metadata: _, ...decrypted } = await decrypt(await encrypted(context), {
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

test('takes only the key that the ciphertext is of', async () => {
  await expectRefusal(
    decrypt(await encrypted(), { KeyId: (await newKey(sandbox.kms)).id }),
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  );
});

test('reads the ciphertext before it asks what the key that is named can do', async () => {
  const rsa = await newKey(sandbox.kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
  const signing = await newKey(sandbox.kms, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', Origin: 'EXTERNAL' });
  const { CiphertextBlob } = await sandbox.kms.send(
    new EncryptCommand({ KeyId: rsa.id, Plaintext: plaintext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
  );
  // Without an algorithm it is taken for a ciphertext of a symmetric key.
  await expectRefusal(decrypt(CiphertextBlob, { KeyId: rsa.id }), 'InvalidCiphertextException');
  await expectRefusal(decrypt(CiphertextBlob, { KeyId: signing.id }), 'InvalidCiphertextException');
  await expectRefusal(decrypt(await encrypted(), { KeyId: rsa.id }), 'IncorrectKeyException');
  // Nothing can be read from one of an asymmetric key.
  await expectRefusal(
    decrypt(CiphertextBlob, { KeyId: signing.id, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
    'InvalidKeyUsageException',
    `${signing.arn} key usage is SIGN_VERIFY which is not valid for Decrypt.`,
  );
});

test('finds no key of another Region', async () => {
  await expectRefusal(
    send(sandbox.as(OWNER, OTHER_REGION), { CiphertextBlob: await encrypted() }),
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  );
});

test('says that it is not allowed before it looks at the ciphertext', async () => {
  const { id, arn } = await newKey(sandbox.kms, {
    Policy: policyOf(statement('Allow', rootOf(OWNER), ['kms:PutKeyPolicy', 'kms:Encrypt'])),
  });
  const blob = await encryptedUnder(sandbox.kms, id);
  blob.fill(0, blob.length - 16);
  for (const input of [{}, { KeyId: id }]) {
    await expectRefusal(
      decrypt(blob, input),
      'AccessDeniedException',
      `User: ${rootOf(OWNER)} is not authorized to perform: kms:Decrypt on resource: ${arn} because no resource-based policy allows the kms:Decrypt action`,
    );
  }
});

describe('the encryption context', () => {
  test('is the same whatever the order of its pairs', async () => {
    await decrypt(await encrypted({ a: '1', b: '2', ä: '3' }), { EncryptionContext: { ä: '3', b: '2', a: '1' } });
  });

  test('may be left out or be empty', async () => {
    await decrypt(await encrypted(), { EncryptionContext: {} });
    await decrypt(await encrypted({}));
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

  test.each(others)('is another with %s', async (_, EncryptionContext) => {
    await expectRefusal(decrypt(await encrypted(made), { EncryptionContext }), 'InvalidCiphertextException');
    await expectRefusal(
      decrypt(await encrypted(EncryptionContext), { EncryptionContext: made }),
      'InvalidCiphertextException',
    );
  });
});

describe('the ciphertext', () => {
  test('is refused with any byte changed, cut short or made longer', async () => {
    const blob = Buffer.from(await encrypted());
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

  test('is refused when it is put together from parts of two', async () => {
    const [one, two] = [Buffer.from(await encrypted()), Buffer.from(await encrypted())];
    const header = one.length - plaintext.length - 16;
    await expectRefusal(
      decrypt(Buffer.concat([one.subarray(0, header), two.subarray(header)])),
      'InvalidCiphertextException',
    );
  });

  test('is refused with a length that none has', async () => {
    await expectRefusal(
      decrypt(new Uint8Array(6145)),
      'ValidationException',
      "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length less than or equal to 6144",
    );
    await expectRefusal(decrypt(new Uint8Array(0)), 'ValidationException', /'ciphertextBlob'/);
    await expectRefusal(
      decrypt(undefined, { KeyId: key.id }),
      'ValidationException',
      /Value null at 'ciphertextBlob'.*not be null$/,
    );
  });
});

test('refuses algorithms of other keys', async () => {
  await expectRefusal(
    decrypt(await encrypted(), { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }),
    'InvalidKeyUsageException',
  );
});

describe('a dry run', () => {
  const DryRun = true;
  const DryRunModifiers = ['IGNORE_CIPHERTEXT' as const];

  test('looks at the ciphertext as well', async () => {
    const blob = await encrypted(context);
    const EncryptionContext = context;
    const other = await newKey(sandbox.kms);
    await expectRefusal(decrypt(blob, { EncryptionContext, DryRun }), 'DryRunOperationException');
    await expectRefusal(decrypt(blob, { DryRun }), 'InvalidCiphertextException');
    await expectRefusal(decrypt(blob, { EncryptionContext, DryRun, KeyId: other.id }), 'IncorrectKeyException');
    await putInState(sandbox.kms, other, 'Disabled');
    await expectRefusal(decrypt(blob, { EncryptionContext, DryRun, KeyId: other.id }), 'IncorrectKeyException');
  });

  test('may do without a ciphertext', async () => {
    const ask = (KeyId: string) => decrypt(undefined, { KeyId, DryRun, DryRunModifiers });
    await expectRefusal(
      ask(key.id),
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    );
    const [disabled, pending] = [await newKey(sandbox.kms), await newKey(sandbox.kms)];
    await putInState(sandbox.kms, disabled, 'Disabled');
    await putInState(sandbox.kms, pending, 'PendingDeletion');
    const denied = await newKey(sandbox.kms, {
      Policy: policyOf(statement('Allow', rootOf(OWNER), ['kms:PutKeyPolicy'])),
    });
    await expectRefusal(ask(disabled.id), 'DisabledException');
    await expectRefusal(ask(pending.id), 'KMSInvalidStateException');
    await expectRefusal(ask(denied.id), 'AccessDeniedException');
    await expectRefusal(ask(noSuchKeyId), 'NotFoundException');
    await expectRefusal(ask('alias/nowhere'), 'NotFoundException');
  });

  test('alone may do without a ciphertext, and then wants the key', async () => {
    await expectRefusal(decrypt(undefined, { DryRun, DryRunModifiers }), 'ValidationException');
    await expectRefusal(decrypt(undefined, { KeyId: key.id, DryRunModifiers }), 'ValidationException');
    await expectRefusal(decrypt(await encrypted(), { KeyId: key.id, DryRunModifiers }), 'ValidationException');
  });
});

test('gives no plaintext to a recipient that attests to nothing', async () => {
  const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument: new Uint8Array(9) };
  await expectRefusal(decrypt(await encrypted(), { Recipient }), 'ValidationException');
});

expectEveryDocumentedException(sandbox, 'Decrypt');
