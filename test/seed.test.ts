import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteAccessKeyCommand, DeleteUserCommand } from '@aws-sdk/client-iam';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  GetPublicKeyCommand,
  type KMSClient,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { streamOf } from './support/audit.ts';
import { newDirectory, start } from './support/each-test.ts';
import { iamClient } from './support/iam.ts';
import { runToEnd, type ServerOptions, startServer, type TestServer } from './support/server.ts';
import { treeOf } from './support/tree.ts';

/** `--seed`: what a file declares is there when the server serves, or the start is refused. */

/** JSON is YAML, and easier to make here. */
function seedFile(seed: object | string): string {
  const path = join(newDirectory(), 'seed.yaml');
  writeFileSync(path, typeof seed === 'string' ? seed : JSON.stringify(seed, undefined, 2), { mode: 0o600 });
  return path;
}

function startSeeded(seed: object | string, options: ServerOptions = {}): Promise<TestServer> {
  return start({ ...options, args: ['--seed', seedFile(seed), ...(options.args ?? [])] });
}

async function refusal(seed: object | string, dataDir: string, ...args: string[]): Promise<string> {
  const file = seedFile(seed);
  const run = await runToEnd(['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--seed', file, ...args]);
  expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 2, stdout: '' });
  return run.stderr.replace(file, 'seed.yaml').trim();
}

const ACCOUNT = '111122223333';
const OTHER_ACCOUNT = '444455556666';
const KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const SECOND_KEY_ID = '0987dcba-09fe-87dc-65ba-ab0987654321';
const shopKey = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const accessKeys = [{ id: shopKey.accessKeyId, secret: shopKey.secretAccessKey }];
const sandbox = ['--sandbox'];

function allow(Action: string | string[], Resource = '*', more: object = {}): object {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource, ...more }] };
}

function keyPolicy(...accounts: string[]): object {
  return allow('kms:*', '*', { Principal: { AWS: accounts.map((id) => `arn:aws:iam::${id}:root`) } });
}

/** One account with this in it. */
function seed(account: object, id = ACCOUNT): { accounts: object[] } {
  return { accounts: [{ id, ...account }] };
}

const everything = {
  accounts: [
    {
      id: ACCOUNT,
      name: 'production',
      managedPolicies: [{ name: 'use-keys', path: '/shop/', document: allow(['kms:Encrypt', 'kms:Decrypt']) }],
      groups: [{ name: 'applications', managedPolicies: [`arn:aws:iam::${ACCOUNT}:policy/shop/use-keys`] }],
      users: [
        {
          name: 'shop',
          path: '/applications/',
          tags: { tenant: 'red' },
          groups: ['applications'],
          policies: { describe: allow('kms:DescribeKey') },
          permissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
          accessKeys,
        },
      ],
      roles: [
        {
          name: 'auditor',
          description: 'looks',
          maxSessionDuration: 7200,
          tags: { team: 'audit' },
          // Of another account, which comes later in the file.
          trustPolicy: {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Principal: { AWS: `arn:aws:iam::${OTHER_ACCOUNT}:user/guest` },
                Action: 'sts:AssumeRole',
              },
            ],
          },
          policies: { look: allow('kms:DescribeKey') },
        },
      ],
      oidcProviders: [{ url: 'https://idp.example/', clientIds: ['shop'], thumbprints: ['ab'.repeat(20)] }],
      keys: [
        {
          id: KEY_ID,
          description: 'orders',
          tags: { team: 'shop' },
          rotation: 180,
          aliases: ['alias/orders'],
          policy: keyPolicy(ACCOUNT, OTHER_ACCOUNT),
          grants: [
            {
              name: 'audit',
              grantee: `arn:aws:iam::${ACCOUNT}:role/auditor`,
              operations: ['DescribeKey', 'Decrypt'],
              encryptionContextSubset: { tenant: 'red' },
            },
          ],
        },
        { id: SECOND_KEY_ID, region: 'eu-west-1', spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY', enabled: false },
      ],
    },
    {
      id: OTHER_ACCOUNT,
      users: [
        {
          name: 'guest',
          managedPolicies: ['arn:aws:iam::aws:policy/AdministratorAccess'],
          accessKeys: [{ id: 'AKIAI44QH8DHBEXAMPLE', secret: 'je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY' }],
        },
      ],
    },
  ],
};
const guestKey = { accessKeyId: 'AKIAI44QH8DHBEXAMPLE', secretAccessKey: 'je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY' };

/** What clients see of the first key. */
async function seen(kms: KMSClient): Promise<object> {
  const KeyId = KEY_ID;
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  const { Tags } = await kms.send(new ListResourceTagsCommand({ KeyId }));
  const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId }));
  const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId }));
  const { Grants } = await kms.send(new ListGrantsCommand({ KeyId }));
  const rotation = await kms.send(new GetKeyRotationStatusCommand({ KeyId }));
  const { KeyRotationEnabled, RotationPeriodInDays, NextRotationDate } = rotation;
  return { KeyMetadata, Tags, Policy, Aliases, Grants, KeyRotationEnabled, RotationPeriodInDays, NextRotationDate };
}

describe('a first start', () => {
  test('makes all that is declared, for clients to use at once', async () => {
    const server = await startSeeded(everything, { args: ['--account-id', ACCOUNT], workers: 2 });
    const administrator = server.kms();
    expect(await seen(administrator)).toMatchObject({
      KeyMetadata: {
        KeyId: KEY_ID,
        AWSAccountId: ACCOUNT,
        Description: 'orders',
        KeyState: 'Enabled',
        Origin: 'AWS_KMS',
      },
      Tags: [{ TagKey: 'team', TagValue: 'shop' }],
      Policy: JSON.stringify(keyPolicy(ACCOUNT, OTHER_ACCOUNT)),
      Aliases: [{ AliasName: 'alias/orders' }],
      Grants: [{ Name: 'audit', Operations: ['DescribeKey', 'Decrypt'] }],
      KeyRotationEnabled: true,
      RotationPeriodInDays: 180,
    });
    const inIreland = server.kms({ region: 'eu-west-1' });
    expect((await inIreland.send(new DescribeKeyCommand({ KeyId: SECOND_KEY_ID }))).KeyMetadata).toMatchObject({
      KeySpec: 'ECC_NIST_P256',
      KeyState: 'Disabled',
    });

    // The user has what its group and its own policy give it, and no more.
    const shop = server.kms({ credentials: shopKey });
    const Plaintext = Buffer.from('100');
    const { CiphertextBlob } = await shop.send(new EncryptCommand({ KeyId: 'alias/orders', Plaintext }));
    await shop.send(new DescribeKeyCommand({ KeyId: KEY_ID }));
    await expect(shop.send(new CreateKeyCommand({}))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    const sts = new STSClient({ endpoint: server.url, region: 'us-east-1', credentials: shopKey });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(
      `arn:aws:iam::${ACCOUNT}:user/applications/shop`,
    );

    // And another account uses the key that is shared with it.
    const guest = server.kms({ credentials: guestKey });
    expect(Buffer.from((await guest.send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [])).toEqual(Plaintext);
  });

  test('leaves a record of each change, by the root of its account', async () => {
    const server = await startSeeded(everything);
    const records = await streamOf(server.dataDir, 'seed');
    expect(records.map(({ eventName }) => eventName)).toEqual([
      'CreateAccount',
      'CreatePolicy',
      'CreateGroup',
      'CreateUser',
      'CreateAccessKey',
      'CreateRole',
      'CreateOpenIDConnectProvider',
      'CreateAccount',
      'CreateUser',
      'CreateAccessKey',
      'CreateKey',
      'CreateAlias',
      'CreateGrant',
      'EnableKeyRotation',
      'PutKeyPolicy',
      'CreateKey',
      'DisableKey',
    ]);
    for (const { userIdentity } of records)
      expect(userIdentity).toMatchObject({ type: 'Root', invokedBy: 'keyhold --seed' });
    expect(records.find(({ eventName }) => eventName === 'CreateKey')).toMatchObject({
      eventSource: 'kms.amazonaws.com',
      recipientAccountId: ACCOUNT,
      responseElements: { keyMetadata: { keyId: KEY_ID } },
    });
    const trail = readFileSync(join(server.dataDir, 'audit', 'seed.jsonl'), 'utf8');
    for (const { secret } of accessKeys) expect(trail).not.toContain(secret);
  });
});

describe('a later start', () => {
  test('changes nothing where all is as declared, and nothing that is not declared', async () => {
    const first = await startSeeded(everything, { args: ['--account-id', ACCOUNT] });
    const { dataDir } = first;
    const own = await first.kms().send(new CreateKeyCommand({ Description: 'not of the seed' }));
    await first.kms().send(new TagResourceCommand({ KeyId: KEY_ID, Tags: [{ TagKey: 'by', TagValue: 'hand' }] }));
    const before = await seen(first.kms());
    const records = await streamOf(dataDir, 'seed');
    await first.stop();
    const second = await startSeeded(everything, { dataDir });
    expect(await seen(second.kms())).toEqual(before);
    expect(await streamOf(dataDir, 'seed')).toEqual(records);
    expect(second.output.stderr).toContain('all is as the seed says');
    const { KeyMetadata } = await second.kms().send(new DescribeKeyCommand({ KeyId: own.KeyMetadata?.KeyId }));
    expect(KeyMetadata).toEqual(own.KeyMetadata);
    await second.stop();
    // And a file that no longer has them takes nothing away.
    const third = await startSeeded({ accounts: [] }, { dataDir });
    expect(await seen(third.kms())).toEqual(before);
  });

  test('brings in line what is declared otherwise, and keeps ids and material', async () => {
    const first = await startSeeded(everything, { args: ['--account-id', ACCOUNT] });
    const { dataDir } = first;
    const shop = first.kms({ credentials: shopKey });
    const Plaintext = Buffer.from('100');
    const { CiphertextBlob } = await shop.send(new EncryptCommand({ KeyId: KEY_ID, Plaintext }));
    await first.stop();
    const secret = 'SECRET/OF/EXAMPLE/NUMBER/2/SECRET/OF/EX+';
    const changed = seed({
      name: 'production, too',
      managedPolicies: [{ name: 'use-keys', document: allow(['kms:Decrypt']) }],
      users: [
        {
          name: 'shop',
          path: '/shops/',
          tags: { tenant: 'blue' },
          policies: { describe: allow('kms:ListKeys') },
          accessKeys: [{ id: shopKey.accessKeyId, secret }],
        },
      ],
      keys: [
        {
          id: KEY_ID,
          description: 'all orders',
          tags: { team: 'orders' },
          rotation: false,
          policy: keyPolicy(ACCOUNT),
          grants: [{ name: 'audit', grantee: `arn:aws:iam::${ACCOUNT}:role/auditor`, operations: ['DescribeKey'] }],
        },
        {
          id: SECOND_KEY_ID,
          region: 'eu-west-1',
          spec: 'ECC_NIST_P256',
          usage: 'SIGN_VERIFY',
          enabled: true,
          aliases: ['alias/second'],
        },
      ],
    });
    const second = await startSeeded(changed, { dataDir });
    expect(await seen(second.kms())).toMatchObject({
      KeyMetadata: { KeyId: KEY_ID, Description: 'all orders' },
      Tags: [{ TagKey: 'team', TagValue: 'orders' }],
      Policy: JSON.stringify(keyPolicy(ACCOUNT)),
      Aliases: [{ AliasName: 'alias/orders' }],
      Grants: [{ Name: 'audit', Operations: ['DescribeKey'] }],
      KeyRotationEnabled: false,
    });
    const inIreland = second.kms({ region: 'eu-west-1' });
    const { KeyMetadata } = await inIreland.send(new DescribeKeyCommand({ KeyId: 'alias/second' }));
    expect(KeyMetadata).toMatchObject({ KeyId: SECOND_KEY_ID, KeyState: 'Enabled' });

    const stale = second.kms({ credentials: shopKey });
    await expect(stale.send(new ListKeysCommand({}))).rejects.toMatchObject({ name: 'InvalidSignatureException' });
    const credentials = { ...shopKey, secretAccessKey: secret };
    const renewed = second.kms({ credentials });
    await renewed.send(new ListKeysCommand({}));
    expect(Buffer.from((await renewed.send(new DecryptCommand({ CiphertextBlob }))).Plaintext ?? [])).toEqual(
      Plaintext,
    );
    await expect(renewed.send(new EncryptCommand({ KeyId: KEY_ID, Plaintext }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    const sts = new STSClient({ endpoint: second.url, region: 'us-east-1', credentials });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(`arn:aws:iam::${ACCOUNT}:user/shops/shop`);
    // A path that is not changed: that of the policy stays, though the file no longer says it.
    const names = (await streamOf(dataDir, 'seed')).map(({ eventName }) => eventName);
    expect(names.slice(17)).toEqual([
      'UpdateAccount',
      'UpdatePolicy',
      'UpdateUser',
      'UpdateAccessKey',
      'UpdateKeyDescription',
      'TagResource',
      'RevokeGrant',
      'CreateGrant',
      'DisableKeyRotation',
      'PutKeyPolicy',
      'EnableKey',
      'CreateAlias',
    ]);
  });
});

describe('a start is refused, and changes nothing,', () => {
  test('for a file that cannot be read, or says what cannot be, before the data directory is touched', async () => {
    const dataDir = join(newDirectory(), 'data');
    const missing = join(newDirectory(), 'missing.yaml');
    const run = await runToEnd(['--data-dir', dataDir, '--seed', missing]);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain(`keyhold: cannot read the seed file ${missing}: ENOENT`);
    const wrong = ['accounts:', '  - id: "111122223333"', '    users:', '      - name: shop', '        group: x', ''];
    expect(await refusal(wrong.join('\n'), dataDir)).toMatch(
      /^keyhold: seed\.yaml:5:9: accounts\[0\]\.users\[0\]\.group: is not known here, where there can be name, path, /,
    );
    expect(existsSync(dataDir)).toBe(false);
  });

  test('for what does not go with what is there, however much of the file would', async () => {
    const first = await startSeeded(everything, { args: ['--account-id', ACCOUNT] });
    const { dataDir } = first;
    await first.kms({ region: 'eu-west-1' }).send(new ScheduleKeyDeletionCommand({ KeyId: SECOND_KEY_ID }));
    await first.stop();
    const before = treeOf(dataDir);
    const good = { users: [{ name: 'new' }], keys: [{ id: 'aaaaaaaa-12ab-34cd-56ef-1234567890ab' }] };
    const trust = (AWS: string) => ({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
    });
    const user = (more: object) => seed({ ...good, users: [...good.users, { name: 'shop', ...more }] });
    const key = (more: object, id = KEY_ID, owner = ACCOUNT) =>
      seed({ users: good.users, keys: [...good.keys, { id, ...more }] }, owner);
    const cases: [object, string][] = [
      [key({}, KEY_ID, OTHER_ACCOUNT), `the account ${ACCOUNT} has a key of the id ${KEY_ID}`],
      [key({ spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' }), 'the key is there with the spec SYMMETRIC_DEFAULT'],
      [
        key({ region: 'us-east-1', spec: 'SM2', usage: 'SIGN_VERIFY' }, SECOND_KEY_ID),
        'is not supported in this region',
      ],
      [
        key({ region: 'eu-west-1', spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY', enabled: true }, SECOND_KEY_ID),
        'KMSInvalidStateException',
      ],
      [key({ policy: keyPolicy(OTHER_ACCOUNT) }), 'will not allow you to update the key policy'],
      [user({ groups: ['nobody'] }), 'there is no group nobody'],
      [user({ managedPolicies: [`arn:aws:iam::${ACCOUNT}:policy/nothing`] }), 'does not exist or is not attachable.'],
      [user({ permissionsBoundary: `arn:aws:iam::${OTHER_ACCOUNT}:policy/x` }), 'does not exist or is not attachable.'],
      [seed({ ...good, users: [{ name: 'Shop' }] }), 'there is a user shop, and names cannot differ by case alone'],
      [
        seed({ ...good, users: [...good.users, { name: 'thief', accessKeys }] }),
        'the access key AKIAIOSFODNN7EXAMPLE belongs to someone else',
      ],
      [
        seed({ ...good, managedPolicies: [{ name: 'use-keys', path: '/', document: allow('kms:*') }] }),
        'its path is /shop/, and cannot be changed',
      ],
      [
        seed({ ...good, roles: [{ name: 'new', trustPolicy: trust(`arn:aws:iam::${ACCOUNT}:user/nobody`) }] }),
        'Invalid principal in policy',
      ],
      [
        user({ policies: { long: allow(Array.from({ length: 200 }, (_, n) => `kms:${'x'.repeat(10)}${n}`)) } }),
        'LimitExceededException',
      ],
    ];
    for (const [declared, message] of cases) {
      const refused = await refusal(declared, dataDir);
      expect(refused).toMatch(/^keyhold: seed\.yaml:\d+:\d+: accounts\[0\]\.\w+\[\d\][\w[\].]*: /);
      expect(refused).toContain(message);
    }
    expect(treeOf(dataDir)).toEqual(before);
  }, 60_000);

  test('for material in earnest', async () => {
    const material = Buffer.alloc(32, 1).toString('base64');
    const dataDir = join(newDirectory(), 'data');
    expect(await refusal(seed({ keys: [{ id: KEY_ID, material }] }), dataDir)).toContain(
      'material is for the sandbox only',
    );
    expect(existsSync(dataDir)).toBe(false);
  });
});

test('an administrator can be made who is not root’s, and a policy that shuts root out', async () => {
  const policy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/shop` }, Action: 'kms:*', Resource: '*' },
    ],
  };
  const keys = [{ id: KEY_ID, policy, aliases: ['alias/own'], bypassPolicyLockoutSafetyCheck: true }];
  const declared = seed({ users: [{ name: 'shop', accessKeys }], keys });
  const first = await startSeeded(declared, { args: ['--account-id', ACCOUNT] });
  await expect(first.kms().send(new DescribeKeyCommand({ KeyId: KEY_ID }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
  const shop = (server: TestServer) =>
    server.kms({ credentials: shopKey }).send(new DescribeKeyCommand({ KeyId: 'alias/own' }));
  expect((await shop(first)).KeyMetadata?.KeyId).toBe(KEY_ID);
  await first.stop();
  const second = await startSeeded(declared, { dataDir: first.dataDir });
  expect((await shop(second)).KeyMetadata?.KeyId).toBe(KEY_ID);
});

test('what a seed gives to a user who was deleted, the user that it makes anew gets', async () => {
  const arn = `arn:aws:iam::${ACCOUNT}:user/shop`;
  const [{ Statement: administration }, { Statement: use }] = [
    keyPolicy(ACCOUNT),
    allow('kms:DescribeKey', '*', { Principal: { AWS: arn } }),
  ] as [{ Statement: object[] }, { Statement: object[] }];
  const policy = { Version: '2012-10-17', Statement: [...administration, ...use] };
  const grants = [{ name: 'shop', grantee: arn, operations: ['Encrypt'] }];
  const declared = seed({ users: [{ name: 'shop', accessKeys }], keys: [{ id: KEY_ID, policy, grants }] });
  const asShop = async (server: TestServer) => {
    const shop = server.kms({ credentials: shopKey });
    await shop.send(new DescribeKeyCommand({ KeyId: KEY_ID }));
    await shop.send(new EncryptCommand({ KeyId: KEY_ID, Plaintext: Buffer.from('100') }));
  };
  const first = await startSeeded(declared, { args: ['--account-id', ACCOUNT] });
  await asShop(first);
  const iam = iamClient(first);
  await iam.send(new DeleteAccessKeyCommand({ UserName: 'shop', AccessKeyId: shopKey.accessKeyId }));
  await iam.send(new DeleteUserCommand({ UserName: 'shop' }));
  await first.stop();
  const second = await startSeeded(declared, { dataDir: first.dataDir });
  await asShop(second);
  const { Grants } = await second.kms().send(new ListGrantsCommand({ KeyId: KEY_ID }));
  expect(Grants).toMatchObject([{ GranteePrincipal: arn }]);
});

test('the server warns of a file with secrets that others may read', async () => {
  const file = seedFile(everything);
  for (const [mode, warns] of [
    [0o600, false],
    [0o644, true],
  ] as const) {
    chmodSync(file, mode);
    const server = await start({ args: ['--seed', file] });
    expect(server.output.stderr.includes('others than its owner may read it')).toBe(warns);
  }
  const sandbox = await start({ args: ['--seed', file, '--sandbox'] });
  expect(sandbox.output.stderr).not.toContain('others than its owner');
});

describe('in the sandbox', () => {
  const account = '000000000000';
  const material = Buffer.from(Array.from({ length: 32 }, (_, n) => n)).toString('base64');

  test('what one has encrypted, another with the same seed decrypts', async () => {
    const declared = seed({ keys: [{ id: KEY_ID, material, aliases: ['alias/test'] }] }, account);
    const [one, two] = [await startSeeded(declared, { args: sandbox }), await startSeeded(declared, { args: sandbox })];
    const context = { EncryptionContext: { tenant: 'red' } };
    const Plaintext = Buffer.from('100');
    const { CiphertextBlob } = await one.kms().send(new EncryptCommand({ KeyId: 'alias/test', Plaintext, ...context }));
    const decrypted = await two.kms().send(new DecryptCommand({ CiphertextBlob, ...context }));
    expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(Plaintext);
    expect(decrypted.KeyId).toBe(`arn:aws:kms:us-east-1:${account}:key/${KEY_ID}`);
    await expect(two.kms().send(new DecryptCommand({ CiphertextBlob }))).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    });
    // The material makes the difference, and not the id.
    const stranger = await startSeeded(seed({ keys: [{ id: KEY_ID }] }, account), { args: sandbox });
    await expect(stranger.kms().send(new DecryptCommand({ CiphertextBlob, ...context }))).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    });
  });

  test('HMAC keys and key pairs have fixed material too, and multi-Region keys fixed ids', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
    const mrk = `mrk-${'12ab'.repeat(8)}`;
    const declared = seed(
      {
        keys: [
          { id: mrk, spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC', material },
          { id: SECOND_KEY_ID, spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY', material: pkcs8 },
        ],
      },
      account,
    );
    const kms = (await startSeeded(declared, { args: sandbox })).kms();
    const Message = Buffer.from('pay 100');
    const { Mac } = await kms.send(new GenerateMacCommand({ KeyId: mrk, Message, MacAlgorithm: 'HMAC_SHA_256' }));
    const { createHmac } = await import('node:crypto');
    const expected = createHmac('sha256', Buffer.from(material, 'base64')).update(Message).digest();
    expect(Buffer.from(Mac ?? [])).toEqual(expected);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: mrk }));
    expect(KeyMetadata).toMatchObject({
      MultiRegion: true,
      MultiRegionConfiguration: { MultiRegionKeyType: 'PRIMARY' },
    });
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: SECOND_KEY_ID }));
    expect(Buffer.from(PublicKey ?? [])).toEqual(publicKey.export({ type: 'spki', format: 'der' }));
  });

  test('material that is none of its spec is refused, as is other material than a key has', async () => {
    const dataDir = join(newDirectory(), 'data');
    const declared = seed({ keys: [{ id: KEY_ID, material }] }, account);
    await (await startServer({ dataDir, args: [...sandbox, '--seed', seedFile(declared)] })).stop();
    const again = await startServer({ dataDir, args: [...sandbox, '--seed', seedFile(declared)] });
    await again.stop();
    const other = Buffer.alloc(32, 9).toString('base64');
    expect(await refusal(seed({ keys: [{ id: KEY_ID, material: other }] }, account), dataDir, ...sandbox)).toMatch(
      /keys\[0\]: the key is there with other material, which is never replaced$/,
    );
    const noPair = seed({ keys: [{ id: SECOND_KEY_ID, spec: 'RSA_2048', usage: 'SIGN_VERIFY', material }] }, account);
    expect(await refusal(noPair, dataDir, ...sandbox)).toMatch(
      /keys\[0\]: its material is none for a key of the spec RSA_2048$/,
    );
  });
});
