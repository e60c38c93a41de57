import { GenerateDataKeyCommand, type GenerateDataKeyCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { test } from 'vitest';
import { makesDataKeys } from '../support/data-keys.ts';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GenerateDataKeyCommandInput) => kms.send(new GenerateDataKeyCommand(input));

testOperation(sandbox, {
  name: 'GenerateDataKey',
  send,
  request: ({ key }): GenerateDataKeyCommandInput => ({ KeyId: key.id, KeySpec: 'AES_256' }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'ENCRYPT_DECRYPT',
    arnIn: ({ KeyId }) => KeyId,
  },
});

makesDataKeys(sandbox, true, send);

test('gives no plaintext to a recipient that attests to nothing', async () => {
  const { id: KeyId } = await newKey(sandbox.kms);
  const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument: new Uint8Array(9) };
  await expectRefusal(send(sandbox.kms, { KeyId, KeySpec: 'AES_256', Recipient }), 'ValidationException');
});

expectEveryDocumentedException(sandbox, 'GenerateDataKey');
