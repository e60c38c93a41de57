import type { GenerateRandomRequest, GenerateRandomResponse } from '@aws-sdk/client-kms';
import { customKeyStoreId, numberOfBytes, recipient } from '../../wire/kms-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { validationFailure } from './errors.ts';
import { refuseCustomKeyStore, refuseRecipient } from './not-yet.ts';
import type { KmsOperation } from './ports.ts';
import { accountTarget } from './targets.ts';

export const generateRandom: KmsOperation<GenerateRandomRequest, GenerateRandomResponse, { account: undefined }> = {
  name: 'GenerateRandom',
  input: structure<GenerateRandomRequest>({
    NumberOfBytes: numberOfBytes,
    CustomKeyStoreId: customKeyStoreId,
    Recipient: recipient,
  }),
  validate: (input) => {
    if (input.NumberOfBytes === undefined) {
      throw validationFailure('Please specify a number of bytes.');
    }
    refuseRecipient(input.Recipient);
  },
  targets: { account: accountTarget('kms:GenerateRandom') },
  effect: 'read',
  audit: { readOnly: true, request: ['NumberOfBytes', 'CustomKeyStoreId'] },
  handle({ input, ports }) {
    refuseCustomKeyStore(input.CustomKeyStoreId);
    return { Plaintext: ports.random.bytes(input.NumberOfBytes as number) };
  },
};
