import {
  CreateGrantCommand,
  EncryptCommand,
  type KMSClient,
  ListGrantsCommand,
  RevokeGrantCommand,
  type RevokeGrantCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
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
  request: async ({ kms, key }) => ({ KeyId: key.id, GrantId: await grant(kms, key) }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: true,
    // A key that has never had material has no grants either.
    unreachable: ['PendingImport'],
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
  const malformed = new RevokeGrantCommand({ KeyId: key.id, GrantId: 'x' });
  await expectRefusal(sandbox.kms.send(malformed), 'InvalidGrantIdException');
});

expectEveryDocumentedException(sandbox, 'RevokeGrant', {
  KMSInvalidStateException: 'grants of a key in any state are revoked, by the page of key states',
});
