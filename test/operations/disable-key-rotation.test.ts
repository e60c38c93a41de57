import {
  DisableKeyCommand,
  DisableKeyRotationCommand,
  type DisableKeyRotationCommandInput,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: DisableKeyRotationCommandInput) => kms.send(new DisableKeyRotationCommand(input));

testOperation(sandbox, {
  name: 'DisableKeyRotation',
  send,
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    states: {
      PendingImport: (arn) => ({
        name: 'UnsupportedOperationException',
        message: `${arn} origin is EXTERNAL which is not valid for this operation.`,
      }),
    },
  },
});

test('ends automatic rotation, and does not mind when there is none', async () => {
  const { id } = await newKey(sandbox.kms);
  await sandbox.kms.send(new EnableKeyRotationCommand({ KeyId: id }));
  for (let time = 0; time < 2; time++) {
    const { $metadata: _, ...nothing } = await send(sandbox.kms, { KeyId: id });
    expect(nothing).toEqual({});
    const { KeyRotationEnabled } = await sandbox.kms.send(new GetKeyRotationStatusCommand({ KeyId: id }));
    expect(KeyRotationEnabled).toBe(false);
  }
});

test('does not mind keys that are never rotated, unless they are disabled', async () => {
  const { id, arn } = await newKey(sandbox.kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  await send(sandbox.kms, { KeyId: id });
  await sandbox.kms.send(new DisableKeyCommand({ KeyId: id }));
  await expectRefusal(send(sandbox.kms, { KeyId: id }), 'DisabledException', `${arn} is disabled.`);
});

expectEveryDocumentedException(sandbox, 'DisableKeyRotation');
