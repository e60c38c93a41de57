import {
  EnableKeyRotationCommand,
  type EnableKeyRotationCommandInput,
  GetKeyRotationStatusCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: EnableKeyRotationCommandInput) => kms.send(new EnableKeyRotationCommand(input));

testOperation(sandbox, {
  name: 'EnableKeyRotation',
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

async function status(KeyId: string) {
  const { $metadata: _, ...found } = await sandbox.kms.send(new GetKeyRotationStatusCommand({ KeyId }));
  return found;
}

test('has the key rotated every 365 days unless told otherwise', async () => {
  const { id } = await newKey(sandbox.kms);
  const { $metadata: _, ...nothing } = await send(sandbox.kms, { KeyId: id });
  expect(nothing).toEqual({});
  expect(await status(id)).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 365 });
  for (const days of [90, 2560]) {
    await send(sandbox.kms, { KeyId: id, RotationPeriodInDays: days });
    expect(await status(id)).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: days });
  }
  for (const [days, limit] of [
    [89, 'greater than or equal to 90'],
    [2561, 'less than or equal to 2560'],
  ] as const) {
    await expectRefusal(
      send(sandbox.kms, { KeyId: id, RotationPeriodInDays: days }),
      'ValidationException',
      `1 validation error detected: Value '${days}' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value ${limit}`,
    );
  }
});

test('is not for keys that cannot be rotated', async () => {
  const { id } = await newKey(sandbox.kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  await expectRefusal(send(sandbox.kms, { KeyId: id }), 'UnsupportedOperationException');
});

expectEveryDocumentedException(sandbox, 'EnableKeyRotation');
