import {
  DecryptCommand,
  EnableKeyRotationCommand,
  type KMSClient,
  RotateKeyOnDemandCommand,
  type RotateKeyOnDemandCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';
import { advanceClock, DAY_SECONDS } from '../support/sandbox-clock.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: RotateKeyOnDemandCommandInput) => kms.send(new RotateKeyOnDemandCommand(input));

testOperation(sandbox, {
  name: 'RotateKeyOnDemand',
  send,
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    states: {
      PendingImport: (arn) => ({ name: 'KMSInvalidStateException', message: `${arn} is pending import.` }),
    },
  },
});

test("encrypts with new material from then on, up to AWS's quota", async () => {
  const key = await newKey(sandbox.kms);
  const old = await encryptedUnder(sandbox.kms, key.id);
  for (let time = 0; time < 25; time++) {
    const { $metadata: _, ...rotated } = await send(sandbox.kms, { KeyId: key.id });
    expect(rotated).toEqual({ KeyId: key.id });
  }
  await expectRefusal(send(sandbox.kms, { KeyId: key.id }), 'LimitExceededException');
  const decrypt = (CiphertextBlob: Uint8Array) => sandbox.kms.send(new DecryptCommand({ CiphertextBlob }));
  expect((await decrypt(old)).KeyMaterialId).toBe(key.materialId);
  expect((await decrypt(await encryptedUnder(sandbox.kms, key.id))).KeyMaterialId).not.toBe(key.materialId);
});

test('is not for keys that cannot be rotated', async () => {
  const { id } = await newKey(sandbox.kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  await expectRefusal(send(sandbox.kms, { KeyId: id }), 'UnsupportedOperationException');
});

test('waits for the automatic rotation when that is near', async () => {
  const { id, arn } = await newKey(sandbox.kms);
  await sandbox.kms.send(new EnableKeyRotationCommand({ KeyId: id, RotationPeriodInDays: 90 }));
  await send(sandbox.kms, { KeyId: id });
  // Ten minutes before.
  await advanceClock(sandbox.server, 90 * DAY_SECONDS - 10 * 60);
  await expectRefusal(
    send(sandbox.kms, { KeyId: id }),
    'ConflictException',
    `${arn} is about to be rotated automatically.`,
  );
});

expectEveryDocumentedException(sandbox, 'RotateKeyOnDemand');
