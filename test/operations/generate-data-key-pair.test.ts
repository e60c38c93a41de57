import { GenerateDataKeyPairCommand, type GenerateDataKeyPairCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { makesDataKeyPairs } from '../support/data-keys.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GenerateDataKeyPairCommandInput) =>
  kms.send(new GenerateDataKeyPairCommand(input));

testOperation(sandbox, {
  name: 'GenerateDataKeyPair',
  send,
  request: ({ key }): GenerateDataKeyPairCommandInput => ({ KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256' }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'ENCRYPT_DECRYPT',
    arnIn: ({ KeyId }) => KeyId,
  },
});

makesDataKeyPairs(sandbox, true, send);

expectEveryDocumentedException(sandbox, 'GenerateDataKeyPair');
