import { CancelKeyDeletionCommand, type CancelKeyDeletionCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { newKey, putInState, stateOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'CancelKeyDeletion',
  send: (kms: KMSClient, input: CancelKeyDeletionCommandInput) => kms.send(new CancelKeyDeletionCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    arnIn: ({ KeyId }) => KeyId,
  },
});

test('keeps the key, disabled', async () => {
  const key = await newKey(sandbox.kms);
  await putInState(sandbox.kms, key, 'PendingDeletion');
  const { $metadata: _, ...cancelled } = await sandbox.kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
  expect(cancelled).toEqual({ KeyId: key.arn });
  expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: false, KeyState: 'Disabled' });
});

expectEveryDocumentedException(sandbox, 'CancelKeyDeletion');
