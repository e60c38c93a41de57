import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate, opensslIsHere } from './certificates.ts';
import { type AwsClient, type Caller, type ClientKind, type ClientOutput, describeWith } from './clients.ts';
import { cleanUp, readCredentials, runToEnd, startServer, type TestServer } from './server.ts';

/**
 * Who may use a key, told as people tell it: each scenario is done with users, roles, policies and grants through one of
 * AWS's clients, and each shows what is refused beside what is allowed.
 */
export function identityFlow(kind: ClientKind): void {
  describeWith(kind, `identities with ${kind.name}`, () => {
    let server: TestServer;
    let admin: AwsClient;
    const clients: AwsClient[] = [];

    beforeAll(async () => {
      server = await startServer();
      admin = connect();
    });

    afterAll(async () => {
      for (const client of clients) client.close();
      await cleanUp(server);
    });

    function connect(caller?: Caller): AwsClient {
      const client = kind.connect(server, caller);
      clients.push(client);
      return client;
    }

    /** A user with an access key, and the client that has it. */
    async function newUser(
      UserName: string,
      { policy, tags, by = admin }: { policy?: object; tags?: Readonly<Record<string, string>>; by?: AwsClient } = {},
    ): Promise<User> {
      const Tags = Object.entries(tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
      const { User } = await by.call('iam.CreateUser', { UserName, ...(Tags.length === 0 ? {} : { Tags }) });
      if (policy !== undefined) {
        const PolicyDocument = document(policy);
        await by.call('iam.PutUserPolicy', { UserName, PolicyName: 'own', PolicyDocument });
      }
      const { AccessKey } = await by.call('iam.CreateAccessKey', { UserName });
      if (User === undefined || AccessKey === undefined) throw new Error('IAM answers with what it has made');
      const credentials = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
      return { arn: User.Arn, id: User.UserId, accessKeyId: AccessKey.AccessKeyId, client: connect({ credentials }) };
    }

    async function newKey(
      { policy, tags }: { policy?: readonly object[]; tags?: Readonly<Record<string, string>> } = {},
      by = admin,
    ): Promise<Key> {
      const Tags = Object.entries(tags ?? {}).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
      const { KeyMetadata } = await by.call('CreateKey', {
        ...(policy === undefined ? {} : { Policy: document(...policy) }),
        ...(Tags.length === 0 ? {} : { Tags }),
      });
      if (KeyMetadata === undefined) throw new Error('CreateKey answers with the key');
      return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn };
    }

    const delegation = () => ({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${server.accountId}:root` },
      Action: 'kms:*',
      Resource: '*',
    });

    const encrypt = (client: AwsClient, KeyId: string, EncryptionContext?: Record<string, string>) =>
      client.call('Encrypt', {
        KeyId,
        Plaintext: Buffer.from('plaintext'),
        ...(EncryptionContext === undefined ? {} : { EncryptionContext }),
      });

    test('least privilege by encryption context: a user may use the key for its own tenant alone', async () => {
      const key = await newKey();
      const { client } = await newUser('tenant-clerk', {
        policy: {
          Effect: 'Allow',
          Action: ['kms:Encrypt', 'kms:Decrypt'],
          Resource: key.arn,
          Condition: { StringEquals: { 'kms:EncryptionContext:tenant': 'blue' } },
        },
      });
      const { CiphertextBlob = Buffer.alloc(0) } = await encrypt(client, key.id, { tenant: 'blue', order: '1' });
      const { Plaintext } = await client.call('Decrypt', {
        CiphertextBlob,
        EncryptionContext: { tenant: 'blue', order: '1' },
      });
      expect(String(Plaintext)).toBe('plaintext');
      await refused(
        encrypt(client, key.id, { tenant: 'red' }),
        'no identity-based policy allows the kms:Encrypt action',
      );
      await refused(encrypt(client, key.id));
      const { CiphertextBlob: ofRed = Buffer.alloc(0) } = await encrypt(admin, key.id, { tenant: 'red' });
      await refused(client.call('Decrypt', { CiphertextBlob: ofRed, EncryptionContext: { tenant: 'red' } }));
      await refused(client.call('DescribeKey', { KeyId: key.id }));
    });

    test('who administers a key does not use it, and who uses it does not administer it', async () => {
      const [keeper, worker] = [await newUser('keeper'), await newUser('worker')];
      const key = await newKey({
        policy: [
          delegation(),
          {
            Effect: 'Allow',
            Principal: { AWS: keeper.arn },
            Action: ['kms:Describe*', 'kms:Enable*', 'kms:Disable*', 'kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion'],
            Resource: '*',
          },
          {
            Effect: 'Allow',
            Principal: { AWS: worker.arn },
            Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'],
            Resource: '*',
          },
        ],
      });
      await encrypt(worker.client, key.id);
      await refused(encrypt(keeper.client, key.id), 'no identity-based policy allows the kms:Encrypt action');
      await refused(worker.client.call('DisableKey', { KeyId: key.id }));
      await refused(
        worker.client.call('PutKeyPolicy', { KeyId: key.id, PolicyName: 'default', Policy: document(delegation()) }),
      );
      await keeper.client.call('DisableKey', { KeyId: key.id });
      await expect(encrypt(worker.client, key.id)).rejects.toMatchObject({ name: 'DisabledException' });
      await keeper.client.call('EnableKey', { KeyId: key.id });
      await encrypt(worker.client, key.id);
    });

    test('an application assumes a role to use a key, and loses it with the role', async () => {
      const key = await newKey();
      const app = await newUser('application');
      const { Role } = await admin.call('iam.CreateRole', {
        RoleName: 'key-user',
        AssumeRolePolicyDocument: document({ Effect: 'Allow', Principal: { AWS: app.arn }, Action: 'sts:AssumeRole' }),
      });
      const RoleArn = Role?.Arn ?? '';
      await admin.call('iam.PutRolePolicy', {
        RoleName: 'key-user',
        PolicyName: 'use',
        PolicyDocument: document({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: key.arn }),
      });
      const session = await assume(app.client, { RoleArn, RoleSessionName: 'job-7' });
      expect((await session.call('sts.GetCallerIdentity')).Arn).toBe(
        `arn:aws:sts::${server.accountId}:assumed-role/key-user/job-7`,
      );
      await encrypt(session, key.id);
      await refused(encrypt(app.client, key.id));
      await refused(session.call('DescribeKey', { KeyId: key.id }));
      const stranger = await newUser('stranger');
      await refused(
        stranger.client.call('sts.AssumeRole', { RoleArn, RoleSessionName: 'job-8' }),
        'not authorized to perform: sts:AssumeRole',
      );

      await admin.call('iam.DeleteRolePolicy', { RoleName: 'key-user', PolicyName: 'use' });
      await refused(encrypt(session, key.id));
      await admin.call('iam.DeleteRole', { RoleName: 'key-user' });
      await expect(session.call('sts.GetCallerIdentity')).rejects.toThrow('security token included in the request');
    });

    test('attributes decide: a user may use the keys of its own project', async () => {
      const [apollo, gemini] = [
        await newKey({ tags: { project: 'apollo' } }),
        await newKey({ tags: { project: 'gemini' } }),
      ];
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable
      const ownProject = { 'aws:ResourceTag/project': '${aws:PrincipalTag/project}' };
      const { client } = await newUser('engineer', {
        tags: { project: 'apollo' },
        policy: { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*', Condition: { StringEquals: ownProject } },
      });
      await encrypt(client, apollo.id);
      await refused(encrypt(client, gemini.id));
      await admin.call('iam.TagUser', { UserName: 'engineer', Tags: [{ Key: 'project', Value: 'gemini' }] });
      await refused(encrypt(client, apollo.id));
      await encrypt(client, gemini.id);
      await admin.call('iam.UntagUser', { UserName: 'engineer', TagKeys: ['project'] });
      await refused(encrypt(client, gemini.id));
    });

    test('a key is shared with another account, and it takes both sides', async () => {
      const other = await newAccount();
      const theirs = connect({ credentials: other.credentials });
      const key = await newKey();
      await refused(encrypt(theirs, key.arn));
      const sharing = { ...delegation(), Principal: { AWS: `arn:aws:iam::${other.accountId}:root` } };
      await admin.call('PutKeyPolicy', {
        KeyId: key.id,
        PolicyName: 'default',
        Policy: document(delegation(), sharing),
      });
      // The administrator there is allowed everything by its own account; a user is what that account lets it be.
      await encrypt(theirs, key.arn);
      const clerk = await newUser('clerk', { by: theirs });
      await refused(encrypt(clerk.client, key.arn));
      const PolicyDocument = document({ Effect: 'Allow', Action: 'kms:Encrypt', Resource: key.arn });
      await theirs.call('iam.PutUserPolicy', { UserName: 'clerk', PolicyName: 'use', PolicyDocument });
      await encrypt(clerk.client, key.arn);
      await refused(clerk.client.call('DescribeKey', { KeyId: key.arn }));
      await admin.call('PutKeyPolicy', { KeyId: key.id, PolicyName: 'default', Policy: document(delegation()) });
      await refused(encrypt(clerk.client, key.arn));

      // And the other way: their key, shared with one user here.
      const guest = await newUser('guest');
      const own = { ...delegation(), Principal: { AWS: `arn:aws:iam::${other.accountId}:root` } };
      const guests = { Effect: 'Allow', Principal: { AWS: guest.arn }, Action: 'kms:Encrypt', Resource: '*' };
      const foreign = await newKey({ policy: [own, guests] }, theirs);
      await refused(encrypt(guest.client, foreign.arn));
      await admin.call('iam.PutUserPolicy', {
        UserName: 'guest',
        PolicyName: 'use',
        PolicyDocument: document({ Effect: 'Allow', Action: 'kms:*', Resource: foreign.arn }),
      });
      await encrypt(guest.client, foreign.arn);
      await refused(guest.client.call('DescribeKey', { KeyId: foreign.arn }));
      await refused(encrypt(admin, foreign.arn));
    });

    test('a grant with constraints is passed on within them, and retired', async () => {
      const key = await newKey();
      const [first, second] = [await newUser('first-grantee'), await newUser('second-grantee')];
      const constraints = { EncryptionContextSubset: { tenant: 'blue' } };
      await admin.call('CreateGrant', {
        KeyId: key.id,
        GranteePrincipal: first.arn,
        RetiringPrincipal: first.arn,
        Operations: ['Encrypt', 'CreateGrant', 'RetireGrant'],
        Constraints: constraints,
      });
      await encrypt(first.client, key.arn, { tenant: 'blue' });
      await refused(encrypt(first.client, key.arn, { tenant: 'red' }));
      await refused(encrypt(second.client, key.arn, { tenant: 'blue' }));
      const passOn = (Constraints: Record<string, Record<string, string>> | undefined) =>
        first.client.call('CreateGrant', {
          KeyId: key.arn,
          GranteePrincipal: second.arn,
          RetiringPrincipal: second.arn,
          Operations: ['Encrypt', 'RetireGrant'],
          ...(Constraints === undefined ? {} : { Constraints }),
        });
      await refused(passOn(undefined));
      await refused(passOn({ EncryptionContextSubset: { tenant: 'red' } }));
      const { GrantId = '' } = await passOn(constraints);
      await encrypt(second.client, key.arn, { tenant: 'blue' });
      await refused(encrypt(second.client, key.arn));
      await second.client.call('RetireGrant', { KeyId: key.arn, GrantId });
      await refused(encrypt(second.client, key.arn, { tenant: 'blue' }));
      await encrypt(first.client, key.arn, { tenant: 'blue' });
    });

    test('a session policy narrows what its role may do, and widens nothing', async () => {
      const key = await newKey();
      const { client, arn } = await newUser('delegate');
      const { Role } = await admin.call('iam.CreateRole', {
        RoleName: 'narrowed',
        AssumeRolePolicyDocument: document({ Effect: 'Allow', Principal: { AWS: arn }, Action: 'sts:AssumeRole' }),
      });
      await admin.call('iam.PutRolePolicy', {
        RoleName: 'narrowed',
        PolicyName: 'use',
        PolicyDocument: document({ Effect: 'Allow', Action: ['kms:Encrypt', 'kms:DescribeKey'], Resource: key.arn }),
      });
      const RoleArn = Role?.Arn ?? '';
      const wide = await assume(client, { RoleArn, RoleSessionName: 'wide' });
      await encrypt(wide, key.id);
      await wide.call('DescribeKey', { KeyId: key.id });
      const narrow = await assume(client, {
        RoleArn,
        RoleSessionName: 'narrow',
        Policy: document({ Effect: 'Allow', Action: ['kms:Encrypt', 'kms:DisableKey'], Resource: '*' }),
      });
      await encrypt(narrow, key.id);
      await refused(
        narrow.call('DescribeKey', { KeyId: key.id }),
        'no session policy allows the kms:DescribeKey action',
      );
      await refused(narrow.call('DisableKey', { KeyId: key.id }), 'no identity-based policy allows');
    });

    test('a user that is deleted and made again under its name inherits nothing', async () => {
      const UserName = 'phoenix';
      const before = await newUser(UserName);
      const statement = { Effect: 'Allow', Principal: { AWS: before.arn }, Action: 'kms:Encrypt', Resource: '*' };
      const [named, granted] = [await newKey({ policy: [delegation(), statement] }), await newKey()];
      await admin.call('CreateGrant', { KeyId: granted.id, GranteePrincipal: before.arn, Operations: ['Encrypt'] });
      await encrypt(before.client, named.id);
      await encrypt(before.client, granted.id);

      await admin.call('iam.DeleteAccessKey', { UserName, AccessKeyId: before.accessKeyId });
      await admin.call('iam.DeleteUser', { UserName });
      await expect(encrypt(before.client, named.id)).rejects.toThrow('security token included in the request');
      const after = await newUser(UserName);
      expect(after.arn).toBe(before.arn);
      await refused(encrypt(after.client, named.id));
      await refused(encrypt(after.client, granted.id));
      const { Policy } = await admin.call('GetKeyPolicy', { KeyId: named.id, PolicyName: 'default' });
      expect(String(Policy)).toContain(before.id);
      expect(String(Policy)).not.toContain(before.arn);
    });

    test('policies deny by where a request comes from', async () => {
      const key = await newKey();
      const allow = { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' };
      const from = (operator: string) => ({
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { [operator]: { 'aws:SourceIp': ['127.0.0.1/32', '::1/128'] } },
      });
      const { client } = await newUser('traveller', { policy: [allow, from('NotIpAddress')] });
      await encrypt(client, key.id);
      const PolicyDocument = document(allow, from('IpAddress'));
      await admin.call('iam.PutUserPolicy', { UserName: 'traveller', PolicyName: 'own', PolicyDocument });
      await refused(encrypt(client, key.id), 'with an explicit deny in an identity-based policy');
    });

    test.runIf(opensslIsHere)('policies deny what does not come over TLS', async () => {
      const insecure = { Bool: { 'aws:SecureTransport': 'false' } };
      const key = await newKey({
        policy: [
          delegation(),
          { Effect: 'Deny', Principal: '*', Action: 'kms:Encrypt', Resource: '*', Condition: insecure },
        ],
      });
      await refused(encrypt(admin, key.id), 'with an explicit deny in a resource-based policy');
      expect(await server.stop()).toBe(0);
      const { certPath, keyPath } = makeCertificate(join(server.dataDir, '..'), 'server');
      server = await startServer({
        dataDir: server.dataDir,
        port: server.port,
        args: ['--tls-cert', certPath, '--tls-key', keyPath],
      });
      await encrypt(connect({ caBundle: certPath }), key.id);
    });

    async function assume(by: AwsClient, input: Readonly<Record<string, string>>): Promise<AwsClient> {
      const { Credentials } = await by.call('sts.AssumeRole', input);
      if (Credentials === undefined) throw new Error('AssumeRole answers with credentials');
      const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials;
      const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
      return connect({ credentials });
    }

    /** A further account, as an operator makes one beside the running server. */
    async function newAccount() {
      const { status, stdout, stderr } = await runToEnd(['account', 'create', '--data-dir', server.dataDir]);
      expect({ status, stderr }).toMatchObject({ status: 0 });
      const accountId = /\b\d{12}\b/.exec(stdout)?.[0] ?? '';
      return { accountId, credentials: readCredentials(join(server.dataDir, `credentials-${accountId}`)) };
    }
  });
}

interface User {
  readonly arn: string;
  readonly id: string;
  readonly accessKeyId: string;
  readonly client: AwsClient;
}

interface Key {
  readonly id: string;
  readonly arn: string;
}

function document(...statements: readonly (object | readonly object[])[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements.flat() });
}

/** KMS and IAM each have a name of their own for it. */
async function refused(call: Promise<ClientOutput>, why = 'is not authorized to perform'): Promise<void> {
  await expect(call).rejects.toMatchObject({
    name: expect.stringMatching(/^AccessDenied(Exception)?$/),
    message: expect.stringContaining(why),
  });
}
