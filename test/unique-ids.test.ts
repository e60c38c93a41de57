import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteRoleCommand,
  DeleteUserCommand,
  DetachUserPolicyCommand,
  type IAMClient,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import {
  CreateGrantCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListGrantsCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { iamClient, trustOf } from './support/iam.ts';
import { expectRefusal, newKey, plaintext, policyOf, statement } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/**
 * Who is deleted and created again under the same name is someone else: whatever named the first by ARN, or was a session of
 * it, gives the second nothing. Two workers, for whoever is asked must know.
 */

const DENIED = 'AccessDeniedException';

let server: TestServer;
let iam: IAMClient;
let kms: KMSClient;
let account: string;

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  iam = iamClient(server);
  kms = server.kms();
  account = `arn:aws:iam::${server.accountId}:root`;
});

afterAll(() => cleanUp(server));

interface AccessKey {
  readonly id: string;
  readonly kms: KMSClient;
}

/** A user without policies, by its id and its own client of KMS. */
async function createUser(UserName: string): Promise<AccessKey & { readonly userId: string }> {
  const { User } = await iam.send(new CreateUserCommand({ UserName }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  const client = server.kms({ credentials: { accessKeyId, secretAccessKey } });
  return { id: accessKeyId, kms: client, userId: User?.UserId ?? '' };
}

async function deleteUser(UserName: string, AccessKeyId: string): Promise<void> {
  await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  await iam.send(new DeleteUserCommand({ UserName }));
}

const encrypt = (by: KMSClient, KeyId: string) => by.send(new EncryptCommand({ KeyId, Plaintext: plaintext }));

test('a user deleted and created again gets nothing from a key policy or a grant', async () => {
  const arn = `arn:aws:iam::${server.accountId}:user/alice`;
  const first = await createUser('alice');
  const administration = statement('Allow', account, 'kms:*');
  const Policy = policyOf(administration, statement('Allow', arn, 'kms:Encrypt'));
  const byPolicy = await newKey(kms, { Policy });
  const byGrant = await newKey(kms);
  const grant = { KeyId: byGrant.id, GranteePrincipal: arn, Operations: ['Encrypt' as const] };
  await kms.send(new CreateGrantCommand(grant));
  for (const key of [byPolicy, byGrant]) await encrypt(first.kms, key.id);

  await deleteUser('alice', first.id);
  const { Policy: shown } = await kms.send(new GetKeyPolicyCommand({ KeyId: byPolicy.id }));
  expect(shown).toBe(policyOf(administration, statement('Allow', first.userId, 'kms:Encrypt')));
  const { Grants } = await kms.send(new ListGrantsCommand({ KeyId: byGrant.id }));
  expect(Grants).toMatchObject([{ GranteePrincipal: first.userId }]);
  await expectRefusal(kms.send(new CreateGrantCommand(grant)), 'InvalidArnException');
  await expectRefusal(
    kms.send(new PutKeyPolicyCommand({ KeyId: byPolicy.id, Policy })),
    'MalformedPolicyDocumentException',
    'Policy contains a statement with one or more invalid principals.',
  );

  const second = await createUser('alice');
  for (const key of [byPolicy, byGrant]) await expectRefusal(encrypt(second.kms, key.id), DENIED);
  await kms.send(new PutKeyPolicyCommand({ KeyId: byPolicy.id, Policy }));
  await kms.send(new CreateGrantCommand(grant));
  for (const key of [byPolicy, byGrant]) await encrypt(second.kms, key.id);
});

test('nor from a denial: what the account allows is the second’s as well', async () => {
  const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess';
  const UserName = 'bob';
  const first = await createUser(UserName);
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
  const denial = statement('Deny', `arn:aws:iam::${server.accountId}:user/bob`, 'kms:Encrypt');
  const key = await newKey(kms, { Policy: policyOf(statement('Allow', account, 'kms:*'), denial) });
  await expectRefusal(encrypt(first.kms, key.id), DENIED);
  await iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn }));
  await deleteUser(UserName, first.id);
  const second = await createUser(UserName);
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
  await encrypt(second.kms, key.id);
});

test('a user who gets another name keeps what key policies and grants gave', async () => {
  const carol = await createUser('carol');
  const arn = `arn:aws:iam::${server.accountId}:user/carol`;
  const allow = statement('Allow', arn, 'kms:Encrypt');
  const byPolicy = await newKey(kms, { Policy: policyOf(statement('Allow', account, 'kms:*'), allow) });
  const byGrant = await newKey(kms);
  await kms.send(new CreateGrantCommand({ KeyId: byGrant.id, GranteePrincipal: arn, Operations: ['Encrypt'] }));
  await iam.send(new UpdateUserCommand({ UserName: 'carol', NewUserName: 'caroline', NewPath: '/staff/' }));
  for (const key of [byPolicy, byGrant]) await encrypt(carol.kms, key.id);
  const GranteePrincipal = `arn:aws:iam::${server.accountId}:user/staff/caroline`;
  const { Grants } = await kms.send(new ListGrantsCommand({ KeyId: byGrant.id, GranteePrincipal }));
  expect(Grants).toHaveLength(1);
  const heir = await createUser('carol');
  for (const key of [byPolicy, byGrant]) await expectRefusal(encrypt(heir.kms, key.id), DENIED);
});

test('a role deleted and created again gets nothing, and neither do the sessions of the first', async () => {
  const arn = `arn:aws:iam::${server.accountId}:role/app`;
  const role = { RoleName: 'app', AssumeRolePolicyDocument: trustOf({ AWS: account }) };
  const session = async () => {
    const { url: endpoint, credentials } = server;
    const sts = new STSClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    const { Credentials: made } = await sts.send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'blue' }));
    sts.destroy();
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = made ?? {};
    return server.kms({
      credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    });
  };
  await iam.send(new CreateRoleCommand(role));
  const first = await session();
  const allow = statement('Allow', arn, 'kms:Encrypt');
  const key = await newKey(kms, { Policy: policyOf(statement('Allow', account, 'kms:*'), allow) });
  const granted = await newKey(kms);
  await kms.send(new CreateGrantCommand({ KeyId: granted.id, GranteePrincipal: arn, Operations: ['Encrypt'] }));
  for (const { id } of [key, granted]) await encrypt(first, id);

  await iam.send(new DeleteRoleCommand({ RoleName: 'app' }));
  await iam.send(new CreateRoleCommand(role));
  const second = await session();
  for (const { id } of [key, granted]) {
    await expectRefusal(encrypt(second, id), DENIED);
    // The first one's sessions are gone with it.
    await expectRefusal(encrypt(first, id), 'UnrecognizedClientException');
  }
});
