import {
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  type GetKeyRotationStatusCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: GetKeyRotationStatusCommandInput) =>
  kms.send(new GetKeyRotationStatusCommand(input));

testOperation(sandbox, {
  name: 'GetKeyRotationStatus',
  send,
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: true,
    states: {
      PendingImport: (arn) => ({
        name: 'UnsupportedOperationException',
        message: `${arn} origin is EXTERNAL which is not valid for this operation.`,
      }),
    },
  },
});

test('tells whether and when the key is rotated by itself', async () => {
  const key = await newKey(sandbox.kms);
  const { $metadata: _, ...before } = await send(sandbox.kms, { KeyId: key.id });
  expect(before).toEqual({ KeyId: key.id, KeyRotationEnabled: false });
  await sandbox.kms.send(new EnableKeyRotationCommand({ KeyId: key.id, RotationPeriodInDays: 100 }));
  const { $metadata: __, ...after } = await send(sandbox.kms, { KeyId: key.id });
  expect(after).toEqual({
    KeyId: key.id,
    KeyRotationEnabled: true,
    RotationPeriodInDays: 100,
    NextRotationDate: expect.any(Date),
  });
});

expectEveryDocumentedException(sandbox, 'GetKeyRotationStatus', {
  KMSInvalidStateException: 'a key in any state has its status, by the page of key states',
});
