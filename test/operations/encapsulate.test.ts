import {
  DecapsulateCommand,
  EncapsulateCommand,
  type EncapsulateCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const EncapsulationAlgorithm = 'ML_KEM';
const spec = { KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' } as const;
const send = (kms: KMSClient, input: EncapsulateCommandInput) => kms.send(new EncapsulateCommand(input));

testOperation(sandbox, {
  name: 'Encapsulate',
  send,
  request: ({ key }): EncapsulateCommandInput => ({ KeyId: key.id, EncapsulationAlgorithm }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key or alias' },
    crossAccount: true,
    usage: 'ENCAPSULATE_DECAPSULATE',
    spec,
    arnIn: ({ KeyId }) => KeyId,
  },
});

const specs = [
  ['ML_KEM_512', 768],
  ['ML_KEM_768', 1088],
  ['ML_KEM_1024', 1568],
] as const;

// FIPS 203, table 3: the sizes of ciphertexts; the shared secret has 32 bytes.
test.each(specs)('answers with every member that AWS answers with: %s', async (KeySpec, bytes) => {
  const key = await newKey(sandbox.kms, { ...spec, KeySpec });
  const { $metadata: _, ...made } = await send(sandbox.kms, { KeyId: key.id, EncapsulationAlgorithm });
  expect(made).toEqual({
    KeyId: key.arn,
    SharedSecret: expect.any(Uint8Array),
    SharedSecretCiphertextBlob: expect.any(Uint8Array),
    EncapsulationAlgorithm,
  });
  const { SharedSecret, SharedSecretCiphertextBlob } = made;
  expect([SharedSecret?.length, SharedSecretCiphertextBlob?.length]).toEqual([32, bytes]);
  const opened = await sandbox.kms.send(
    new DecapsulateCommand({ KeyId: key.id, SharedSecretCiphertextBlob, EncapsulationAlgorithm }),
  );
  expect(opened.SharedSecret).toEqual(SharedSecret);
  const again = await send(sandbox.kms, { KeyId: key.id, EncapsulationAlgorithm });
  expect(again.SharedSecret).not.toEqual(SharedSecret);
});

expectEveryDocumentedException(sandbox, 'Encapsulate');
