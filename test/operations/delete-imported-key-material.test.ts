import {
  CancelKeyDeletionCommand,
  DeleteImportedKeyMaterialCommand,
  type DeleteImportedKeyMaterialCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { importMaterial } from '../support/import-material.ts';
import { expectRefusal, newKey, putInState, stateOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: DeleteImportedKeyMaterialCommandInput) =>
  kms.send(new DeleteImportedKeyMaterialCommand(input));
const material = Buffer.alloc(32, 1);

testOperation(sandbox, {
  name: 'DeleteImportedKeyMaterial',
  send,
  request: ({ key }) => ({ KeyId: key.id }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    spec: { Origin: 'EXTERNAL' },
    prepare: async (kms, { id }) => {
      await importMaterial(kms, id, material);
    },
    // Of keys with imported material AWS's page says so; the others have none to delete.
    states: {
      Enabled: 'succeeds',
      Disabled: 'succeeds',
      PendingDeletion: 'succeeds',
      PendingReplicaDeletion: 'succeeds',
    },
    arnIn: ({ KeyId }) => KeyId,
  },
});

test('leaves the key pending import, again and again, and tells the id of what it deleted', async () => {
  const key = await newKey(sandbox.kms, { Origin: 'EXTERNAL' });
  const { KeyMaterialId } = await importMaterial(sandbox.kms, key.id, material);
  for (const input of [{ KeyId: key.id }, { KeyId: key.id, KeyMaterialId }]) {
    const { $metadata: _, ...deleted } = await send(sandbox.kms, input);
    expect(deleted).toEqual({ KeyId: key.arn, KeyMaterialId });
    expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: false, KeyState: 'PendingImport' });
  }
});

test('leaves a key that is pending deletion as it is, but for its material', async () => {
  const key = await newKey(sandbox.kms, { Origin: 'EXTERNAL' });
  await importMaterial(sandbox.kms, key.id, material);
  await putInState(sandbox.kms, key, 'PendingDeletion');
  const before = await stateOf(sandbox.kms, key);
  await send(sandbox.kms, { KeyId: key.id });
  expect(await stateOf(sandbox.kms, key)).toEqual(before);
  await sandbox.kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
  expect(await stateOf(sandbox.kms, key)).toEqual({ Enabled: false, KeyState: 'PendingImport' });
});

test('knows no other material than the key does', async () => {
  const key = await newKey(sandbox.kms, { Origin: 'EXTERNAL' });
  const refused = send(sandbox.kms, { KeyId: key.id, KeyMaterialId: 'ab'.repeat(32) });
  await expectRefusal(refused, 'NotFoundException', /^Key material '(ab){32}' does not exist$/);
});

test('is not for keys whose material was made here', async () => {
  const { id, arn } = await newKey(sandbox.kms);
  const message = `${arn} origin is AWS_KMS which is not valid for this operation.`;
  await expectRefusal(send(sandbox.kms, { KeyId: id }), 'UnsupportedOperationException', message);
});

expectEveryDocumentedException(sandbox, 'DeleteImportedKeyMaterial', {
  KMSInvalidStateException: 'it takes a key that is being made or updated, which no client finds here',
});
