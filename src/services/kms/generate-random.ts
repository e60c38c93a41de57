import type { GenerateRandomRequest, GenerateRandomResponse } from '@aws-sdk/client-kms';
import { customKeyStoreId, numberOfBytes, recipientInfo } from '../../wire/kms-shapes.ts';
import { structure } from '../../wire/shapes.ts';
import { cryptographicData } from './audited.ts';
import { refuseCustomKeyStoreId } from './custom-key-stores.ts';
import { validationFailure } from './errors.ts';
import type { ResolvedKey } from './key-reference.ts';
import type { KmsOperation } from './ports.ts';
import { plaintextFor } from './recipient.ts';
import { accountTargetForRecipient } from './targets.ts';

export const generateRandom: KmsOperation<
  GenerateRandomRequest,
  GenerateRandomResponse,
  { account: Pick<ResolvedKey, 'recipient'> }
> = {
  name: 'GenerateRandom',
  input: structure<GenerateRandomRequest>({
    NumberOfBytes: numberOfBytes,
    CustomKeyStoreId: customKeyStoreId,
    Recipient: recipientInfo,
  }),
  validate: (input) => {
    if (input.NumberOfBytes === undefined) throw validationFailure('NumberOfBytes is required.');
  },
  targets: { account: accountTargetForRecipient('kms:GenerateRandom', (input) => input) },
  effect: 'read',
  audit: {
    readOnly: true,
    // AWS shows no parameters, not even how many bytes.
    request: ['CustomKeyStoreId'],
    additional: ({ targets: { account } }) => cryptographicData(undefined, account),
  },
  handle({ input, targets, ports }) {
    refuseCustomKeyStoreId(input.CustomKeyStoreId);
    const plaintext = ports.random.bytes(input.NumberOfBytes as number);
    return plaintextFor(targets.account.recipient, 'Plaintext', plaintext, ports);
  },
};
