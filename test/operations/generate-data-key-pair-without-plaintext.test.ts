import {
  GenerateDataKeyPairWithoutPlaintextCommand,
  type GenerateDataKeyPairWithoutPlaintextCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { makesDataKeyPairs } from '../support/data-keys.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GenerateDataKeyPairWithoutPlaintextCommandInput) =>
  kms.send(new GenerateDataKeyPairWithoutPlaintextCommand(input));

testOperation(sandbox, {
  name: 'GenerateDataKeyPairWithoutPlaintext',
  send,
  request: ({ key }): GenerateDataKeyPairWithoutPlaintextCommandInput => ({
    KeyId: key.id,
    KeyPairSpec: 'ECC_NIST_P256',
  }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'ENCRYPT_DECRYPT',
    arnIn: ({ KeyId }) => KeyId,
  },
});

makesDataKeyPairs(sandbox, false, send);

expectEveryDocumentedException(sandbox, 'GenerateDataKeyPairWithoutPlaintext');
