import { GenerateRandomCommand, type GenerateRandomCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const random = (input: GenerateRandomCommandInput) => sandbox.kms.send(new GenerateRandomCommand(input));

testOperation(sandbox, {
  name: 'GenerateRandom',
  send: (kms: KMSClient, input: GenerateRandomCommandInput) => kms.send(new GenerateRandomCommand(input)),
  request: () => ({ NumberOfBytes: 32 }),
});

test.each([1, 32, 1024])('gives %i bytes', async (NumberOfBytes) => {
  const { $metadata: _, ...made } = await random({ NumberOfBytes });
  expect(made).toEqual({ Plaintext: expect.any(Uint8Array) });
  expect(made.Plaintext).toHaveLength(NumberOfBytes);
});

test('gives others each time', async () => {
  const [one, two] = [await random({ NumberOfBytes: 32 }), await random({ NumberOfBytes: 32 })];
  expect(one.Plaintext).not.toEqual(two.Plaintext);
});

test('refuses what it cannot give', async () => {
  await expectRefusal(random({}), 'ValidationException', 'NumberOfBytes is required.');
  await expectRefusal(random({ NumberOfBytes: 0 }), 'ValidationException');
  await expectRefusal(random({ NumberOfBytes: 1025 }), 'ValidationException', /1024$/);
  await expectRefusal(
    random({ NumberOfBytes: 16, CustomKeyStoreId: 'cks-1234567890abcdef0' }),
    'CustomKeyStoreNotFoundException',
  );
});

test('gives no plaintext to a recipient that attests to nothing', async () => {
  const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument: new Uint8Array(9) };
  await expectRefusal(random({ NumberOfBytes: 16, Recipient }), 'ValidationException');
});

expectEveryDocumentedException(sandbox, 'GenerateRandom', {
  CustomKeyStoreInvalidStateException: 'no custom key store can be connected yet',
  UnsupportedOperationException: 'there is nothing that the operation could be asked for and cannot do',
});
