import { type KMSClient, ScheduleKeyDeletionCommand, type ScheduleKeyDeletionCommandInput } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, noSuchKeyId, stateOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'ScheduleKeyDeletion',
  send: (kms: KMSClient, input: ScheduleKeyDeletionCommandInput) => kms.send(new ScheduleKeyDeletionCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    arnIn: ({ KeyId }) => KeyId,
  },
});

const schedule = (KeyId: string, PendingWindowInDays?: number) =>
  sandbox.kms.send(
    new ScheduleKeyDeletionCommand(PendingWindowInDays === undefined ? { KeyId } : { KeyId, PendingWindowInDays }),
  );

test('says when the key will be gone, and describes it as pending deletion', async () => {
  const key = await newKey(sandbox.kms);
  const before = Date.now();
  const { $metadata: _, ...scheduled } = await schedule(key.id, 7);
  expect(scheduled).toEqual({
    KeyId: key.arn,
    DeletionDate: expect.any(Date),
    KeyState: 'PendingDeletion',
    PendingWindowInDays: 7,
  });
  const scheduledAt = (scheduled.DeletionDate?.getTime() ?? 0) - 7 * 24 * 60 * 60 * 1000;
  expect(scheduledAt).toBeGreaterThanOrEqual(before);
  expect(scheduledAt).toBeLessThanOrEqual(Date.now());
  expect(await stateOf(sandbox.kms, key)).toEqual({
    Enabled: false,
    KeyState: 'PendingDeletion',
    DeletionDate: scheduled.DeletionDate,
  });
});

test('waits thirty days unless told otherwise, and no fewer than seven', async () => {
  expect((await schedule((await newKey(sandbox.kms)).id)).PendingWindowInDays).toBe(30);
  for (const days of [7, 30]) {
    expect((await schedule((await newKey(sandbox.kms)).id, days)).PendingWindowInDays).toBe(days);
  }
});

test.each([6, 31, 1, 365])('refuses a window of %i days', async (days) => {
  const key = await newKey(sandbox.kms);
  await expectRefusal(schedule(key.id, days), 'ValidationException', /7 and 30/);
  expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: true, KeyState: 'Enabled' });
});

test('refuses a window that no service would take before anything is looked up', async () => {
  await expectRefusal(
    schedule(noSuchKeyId, 0),
    'ValidationException',
    "1 validation error detected: Value '0' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value greater than or equal to 1",
  );
});

expectEveryDocumentedException(sandbox, 'ScheduleKeyDeletion');
