import {
  DescribeKeyCommand,
  type KMSClient,
  UpdateKeyDescriptionCommand,
  type UpdateKeyDescriptionCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'UpdateKeyDescription',
  send: (kms: KMSClient, input: UpdateKeyDescriptionCommandInput) => kms.send(new UpdateKeyDescriptionCommand(input)),
  request: ({ key }) => ({ KeyId: key.id, Description: 'for orders' }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

test('replaces the description, also by nothing', async () => {
  const { id, arn } = await newKey(sandbox.kms, { Description: 'old' });
  const update = (KeyId: string, Description: string) =>
    sandbox.kms.send(new UpdateKeyDescriptionCommand({ KeyId, Description }));
  const description = async () =>
    (await sandbox.kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata?.Description;
  const { $metadata: _, ...nothing } = await update(arn, 'new');
  expect(nothing).toEqual({});
  expect(await description()).toBe('new');
  await update(id, '');
  expect(await description()).toBe('');
  await expectRefusal(
    update(id, undefined as unknown as string),
    'ValidationException',
    "1 validation error detected: Value null at 'description' failed to satisfy constraint: Member must not be null",
  );
  await expectRefusal(
    update(id, 'x'.repeat(8193)),
    'ValidationException',
    /at 'description' failed to satisfy constraint: Member must have length less than or equal to 8192$/,
  );
});

expectEveryDocumentedException(sandbox, 'UpdateKeyDescription');
