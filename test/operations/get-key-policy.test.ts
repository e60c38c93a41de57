import { GetKeyPolicyCommand, type GetKeyPolicyCommandInput, type KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();

testOperation(sandbox, {
  name: 'GetKeyPolicy',
  send: (kms: KMSClient, input: GetKeyPolicyCommandInput) => kms.send(new GetKeyPolicyCommand(input)),
  request: ({ key }) => ({ KeyId: key.id }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false },
});

test("gives AWS's default policy, which leaves all to the account, of a key made without one", async () => {
  const key = await newKey(sandbox.kms);
  const { Policy, PolicyName } = await sandbox.kms.send(new GetKeyPolicyCommand({ KeyId: key.arn }));
  expect(PolicyName).toBe('default');
  expect(JSON.parse(Policy ?? '')).toEqual({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: rootOf(OWNER) },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  });
});

test('knows one policy, named default', async () => {
  const { id: KeyId } = await newKey(sandbox.kms);
  const get = (PolicyName: string) => sandbox.kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName }));
  expect((await get('default')).PolicyName).toBe('default');
  await expectRefusal(get('other'), 'NotFoundException', 'No such policy exists');
});

expectEveryDocumentedException(sandbox, 'GetKeyPolicy', {
  KMSInvalidStateException: 'a key in any state has its policy, by the page of key states',
});
