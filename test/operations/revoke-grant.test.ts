import {
  CreateGrantCommand,
  EncryptCommand,
  type KMSClient,
  ListGrantsCommand,
  RevokeGrantCommand,
  type RevokeGrantCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { withMaterial } from '../support/import-material.ts';
import { expectRefusal, type NewKey, newKey, plaintext } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { FOREIGNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

async function grant(kms: KMSClient, key: NewKey): Promise<string> {
  const input = { KeyId: key.id, GranteePrincipal: rootOf(FOREIGNER), Operations: ['Encrypt' as const] };
  return (await kms.send(new CreateGrantCommand(input))).GrantId ?? '';
}

testOperation(sandbox, {
  name: 'RevokeGrant',
  send: (kms: KMSClient, input: RevokeGrantCommandInput) => kms.send(new RevokeGrantCommand(input)),
  request: async ({ kms, key }) => ({ KeyId: key.id, GrantId: await withMaterial(kms, key, () => grant(kms, key)) }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: true,
  },
  unchangedByDryRun: async ({ kms, key }) => (await kms.send(new ListGrantsCommand({ KeyId: key.id }))).Grants,
});

test('ends what the grant allowed at once', async () => {
  const key = await newKey(sandbox.kms);
  const GrantId = await grant(sandbox.kms, key);
  const encrypt = () => sandbox.as(FOREIGNER).send(new EncryptCommand({ KeyId: key.arn, Plaintext: plaintext }));
  await encrypt();
  const revoke = new RevokeGrantCommand({ KeyId: key.id, GrantId });
  const { $metadata: _, ...nothing } = await sandbox.kms.send(revoke);
  expect(nothing).toEqual({});
  await expectRefusal(encrypt(), 'AccessDeniedException');
  await expectRefusal(sandbox.kms.send(revoke), 'NotFoundException');
});

test('knows the ids of the grants of this key, and no others', async () => {
  const [key, other] = [await newKey(sandbox.kms), await newKey(sandbox.kms)];
  const elsewhere = await grant(sandbox.kms, other);
  const revoke = (GrantId: string | undefined) => sandbox.kms.send(new RevokeGrantCommand({ KeyId: key.id, GrantId }));
  for (const GrantId of ['0'.repeat(64), elsewhere]) {
    await expectRefusal(revoke(GrantId), 'NotFoundException', `Grant '${GrantId}' is not found for key ${key.arn}.`);
  }
  for (const GrantId of ['nothing', 'x'.repeat(128), elsewhere.toUpperCase()]) {
    await expectRefusal(revoke(GrantId), 'InvalidGrantIdException');
  }
  for (const GrantId of [undefined, '', 'x'.repeat(129)]) {
    await expectRefusal(revoke(GrantId), 'ValidationException', /at 'grantId' failed to satisfy constraint/);
  }
  const { Grants } = await sandbox.kms.send(new ListGrantsCommand({ KeyId: other.id }));
  expect(Grants).toMatchObject([{ GrantId: elsewhere }]);
});

expectEveryDocumentedException(sandbox, 'RevokeGrant', {
  KMSInvalidStateException: 'grants of a key in any state are revoked, by the page of key states',
});
