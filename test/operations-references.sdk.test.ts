import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeyPoliciesCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, type NewKey, newKey, noSuchKeyId, plaintext } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** How operations are told which key: its id, its ARN, an alias or an alias's ARN, where AWS takes them. */

let server: TestServer;
let kms: KMSClient;
let key: NewKey;
let blob: Uint8Array;
const alias = 'alias/references';

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
  key = await newKey(kms);
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key.id }));
  blob = await encryptedUnder(kms, key.id);
});

afterAll(() => cleanUp(server));

const arn = (region: string, accountId: string, resource: string) => `arn:aws:kms:${region}:${accountId}:${resource}`;
const Policy = () =>
  `{"Statement":{"Effect":"Allow","Principal":{"AWS":"${server.accountId}"},"Action":"kms:*","Resource":"*"}}`;

type Operation = [name: string, permission: string, act: (KeyId: string) => Promise<{ KeyId?: string | undefined }>];

/** Operations that take an alias, and that other accounts can call. */
const takingAliases: Operation[] = [
  [
    'DescribeKey',
    'kms:DescribeKey',
    async (KeyId) => ({ KeyId: (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Arn }),
  ],
  ['Encrypt', 'kms:Encrypt', (KeyId) => kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext }))],
  ['Decrypt', 'kms:Decrypt', (KeyId) => kms.send(new DecryptCommand({ KeyId, CiphertextBlob: blob }))],
  [
    'ReEncrypt, from',
    'kms:ReEncryptFrom',
    async (SourceKeyId) => {
      const input = { CiphertextBlob: blob, SourceKeyId, DestinationKeyId: key.id };
      return { KeyId: (await kms.send(new ReEncryptCommand(input))).SourceKeyId };
    },
  ],
  [
    'ReEncrypt, to',
    'kms:ReEncryptTo',
    (DestinationKeyId) => kms.send(new ReEncryptCommand({ CiphertextBlob: blob, DestinationKeyId })),
  ],
  [
    'GenerateDataKey',
    'kms:GenerateDataKey',
    (KeyId) => kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })),
  ],
  [
    'GenerateDataKeyWithoutPlaintext',
    'kms:GenerateDataKeyWithoutPlaintext',
    (KeyId) => kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, KeySpec: 'AES_256' })),
  ],
];

const nothing = async (done: Promise<unknown>) => {
  await done;
  return {};
};

/** Operations that take a key id or a key ARN only, for keys of the caller's own account. */
const takingKeys: Operation[] = [
  ['DisableKey', 'kms:DisableKey', (KeyId) => nothing(kms.send(new DisableKeyCommand({ KeyId })))],
  ['EnableKey', 'kms:EnableKey', (KeyId) => nothing(kms.send(new EnableKeyCommand({ KeyId })))],
  ['ScheduleKeyDeletion', 'kms:ScheduleKeyDeletion', (KeyId) => kms.send(new ScheduleKeyDeletionCommand({ KeyId }))],
  ['CancelKeyDeletion', 'kms:CancelKeyDeletion', (KeyId) => kms.send(new CancelKeyDeletionCommand({ KeyId }))],
  [
    'UpdateKeyDescription',
    'kms:UpdateKeyDescription',
    (KeyId) => nothing(kms.send(new UpdateKeyDescriptionCommand({ KeyId, Description: 'x' }))),
  ],
  ['GetKeyPolicy', 'kms:GetKeyPolicy', (KeyId) => nothing(kms.send(new GetKeyPolicyCommand({ KeyId })))],
  [
    'PutKeyPolicy',
    'kms:PutKeyPolicy',
    (KeyId) => nothing(kms.send(new PutKeyPolicyCommand({ KeyId, Policy: Policy() }))),
  ],
  ['ListKeyPolicies', 'kms:ListKeyPolicies', (KeyId) => nothing(kms.send(new ListKeyPoliciesCommand({ KeyId })))],
  [
    'TagResource',
    'kms:TagResource',
    (KeyId) => nothing(kms.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }))),
  ],
  [
    'UntagResource',
    'kms:UntagResource',
    (KeyId) => nothing(kms.send(new UntagResourceCommand({ KeyId, TagKeys: ['a'] }))),
  ],
  ['ListResourceTags', 'kms:ListResourceTags', (KeyId) => nothing(kms.send(new ListResourceTagsCommand({ KeyId })))],
];

/** Operations whose key is an alias's target, or filters a list. */
const takingTargets: Operation[] = [
  [
    'CreateAlias',
    'kms:CreateAlias',
    (TargetKeyId) => nothing(kms.send(new CreateAliasCommand({ AliasName: `alias/target-${++targets}`, TargetKeyId }))),
  ],
  [
    'UpdateAlias',
    'kms:UpdateAlias',
    (TargetKeyId) => nothing(kms.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId }))),
  ],
  ['ListAliases', 'kms:ListAliases', (KeyId) => nothing(kms.send(new ListAliasesCommand({ KeyId })))],
];
let targets = 0;

const all = [...takingAliases, ...takingKeys, ...takingTargets];

describe('a key is known by', () => {
  test.each(takingAliases)('its id, its ARN, an alias and its ARN, for %s', async (_, __, act) => {
    for (const reference of [key.id, key.arn, alias, arn('us-east-1', server.accountId, alias)]) {
      expect((await act(reference)).KeyId).toBe(key.arn);
    }
  });

  // ScheduleKeyDeletion and CancelKeyDeletion are one after the other, for each form of reference.
  test('its id and its ARN, for the other operations', async () => {
    for (const reference of [key.id, key.arn]) {
      for (const [, , act] of [...takingKeys, ...takingTargets]) await act(reference);
      await kms.send(new EnableKeyCommand({ KeyId: key.id }));
    }
  });

  const refusingAliases = [...takingKeys, ...takingTargets.filter(([name]) => name === 'ListAliases')];

  test.each(refusingAliases)('no alias, for %s', async (_, __, act) => {
    for (const reference of [alias, arn('us-east-1', server.accountId, alias)]) {
      await expectRefusal(act(reference), 'InvalidArnException', 'Key Aliases are not supported for this operation.');
    }
  });
});

describe('what names no key', () => {
  test.each(all)('is refused by %s', async (_, permission, act) => {
    const notFound = (reference: string, message: string) =>
      expectRefusal(act(reference), 'NotFoundException', message);
    const own = arn('us-east-1', server.accountId, `key/${noSuchKeyId}`);
    await notFound(noSuchKeyId, `Key '${own}' does not exist`);
    await notFound(own, `Key '${own}' does not exist`);

    // Wrong Region, even of a key that is there.
    await notFound(arn('eu-west-1', server.accountId, `key/${key.id}`), 'Invalid arn eu-west-1');

    for (const text of ['orders', key.id.toUpperCase(), `key/${key.id}`, `${key.id} `, `mrk-${'0'.repeat(31)}`]) {
      await notFound(text, `Invalid keyId '${text}'`);
    }
    await notFound(
      `mrk-${'0'.repeat(32)}`,
      `Key '${arn('us-east-1', server.accountId, `key/mrk-${'0'.repeat(32)}`)}' does not exist`,
    );

    // Another account's key: whether it exists is not for us to know.
    if (permission === 'kms:ListAliases') return;
    const foreign = arn('us-east-1', '123456789012', `key/${noSuchKeyId}`);
    await expectRefusal(
      act(foreign),
      'AccessDeniedException',
      `User: arn:aws:iam::${server.accountId}:user/administrator is not authorized to perform: ${permission} on resource: ${foreign} ` +
        'because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
    );
  });

  test.each(takingAliases)('is refused by %s, as an alias', async (_, permission, act) => {
    await expectRefusal(
      act('alias/nowhere'),
      'NotFoundException',
      `Alias ${arn('us-east-1', server.accountId, 'alias/nowhere')} is not found.`,
    );
    await expectRefusal(act(arn('eu-west-1', server.accountId, alias)), 'NotFoundException', 'Invalid arn eu-west-1');
    await expectRefusal(act('alias/aws/s3'), 'NotFoundException');
    await expectRefusal(
      act(arn('us-east-1', '123456789012', alias)),
      'AccessDeniedException',
      new RegExp(
        `is not authorized to perform: ${permission} on resource: arn:aws:kms:us-east-1:123456789012:${alias} because`,
      ),
    );
  });

  test('is refused by its form before it is looked up', async () => {
    await expectRefusal(
      kms.send(new DescribeKeyCommand({ KeyId: '' })),
      'ValidationException',
      /Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1/,
    );
    await expectRefusal(
      kms.send(new DescribeKeyCommand({ KeyId: 'x'.repeat(2049) })),
      'ValidationException',
      /at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 2048$/,
    );
    await expectRefusal(kms.send(new DescribeKeyCommand({ KeyId: 'schlüssel' })), 'ValidationException', /'keyId'/);
  });
});

test('a key of one Region is not to be seen in another', async () => {
  const elsewhere = server.kms({ region: 'eu-west-1' });
  await expectRefusal(
    elsewhere.send(new DescribeKeyCommand({ KeyId: key.id })),
    'NotFoundException',
    `Key '${arn('eu-west-1', server.accountId, `key/${key.id}`)}' does not exist`,
  );
  await expectRefusal(
    elsewhere.send(new DescribeKeyCommand({ KeyId: key.arn })),
    'NotFoundException',
    'Invalid arn us-east-1',
  );
  await expectRefusal(elsewhere.send(new DescribeKeyCommand({ KeyId: alias })), 'NotFoundException');
  await expectRefusal(
    elsewhere.send(new DecryptCommand({ CiphertextBlob: blob })),
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  );
  const there = await newKey(elsewhere);
  expect(there.arn).toBe(arn('eu-west-1', server.accountId, `key/${there.id}`));
  expect((await elsewhere.send(new DescribeKeyCommand({ KeyId: there.arn }))).KeyMetadata?.KeyId).toBe(there.id);
});
