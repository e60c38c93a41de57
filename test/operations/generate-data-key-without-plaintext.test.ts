import {
  GenerateDataKeyWithoutPlaintextCommand,
  type GenerateDataKeyWithoutPlaintextCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { makesDataKeys } from '../support/data-keys.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GenerateDataKeyWithoutPlaintextCommandInput) =>
  kms.send(new GenerateDataKeyWithoutPlaintextCommand(input));

testOperation(sandbox, {
  name: 'GenerateDataKeyWithoutPlaintext',
  send,
  request: ({ key }): GenerateDataKeyWithoutPlaintextCommandInput => ({ KeyId: key.id, KeySpec: 'AES_256' }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'ENCRYPT_DECRYPT',
    arnIn: ({ KeyId }) => KeyId,
  },
});

makesDataKeys(sandbox, false, send);

expectEveryDocumentedException(sandbox, 'GenerateDataKeyWithoutPlaintext');
