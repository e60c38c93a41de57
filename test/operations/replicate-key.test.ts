import {
  DecryptCommand,
  DescribeKeyCommand,
  type KMSClient,
  ReplicateKeyCommand,
  type ReplicateKeyCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { encryptedUnder, expectRefusal, newKey, plaintext, policyOf, statement, tagsOf } from '../support/kms.ts';
import { expectEveryDocumentedException, rootOf, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, REGION, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: ReplicateKeyCommandInput) => kms.send(new ReplicateKeyCommand(input));

testOperation(sandbox, {
  name: 'ReplicateKey',
  send,
  request: ({ key }) => ({ KeyId: key.id, ReplicaRegion: OTHER_REGION }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false, spec: { MultiRegion: true } },
});

const Tags = [{ TagKey: 'team', TagValue: 'orders' }];
const elsewhere = () => sandbox.as(OWNER, OTHER_REGION);
const arnElsewhere = (id: string) => `arn:aws:kms:${OTHER_REGION}:${OWNER}:key/${id}`;

test('makes a related key in another Region, with what is its own', async () => {
  const { id, arn } = await newKey(sandbox.kms, { MultiRegion: true, Description: 'primary' });
  const made = await send(sandbox.kms, { KeyId: arn, ReplicaRegion: OTHER_REGION, Description: 'replica', Tags });
  const Arn = arnElsewhere(id);
  expect(made.ReplicaTags).toEqual(Tags);
  expect(made.ReplicaPolicy).toContain('key-default-1');
  const MultiRegionConfiguration = {
    MultiRegionKeyType: 'REPLICA',
    PrimaryKey: { Arn: arn, Region: REGION },
    ReplicaKeys: [{ Arn, Region: OTHER_REGION }],
  };
  expect(made.ReplicaKeyMetadata).toMatchObject({
    KeyId: id,
    Arn,
    KeyState: 'Creating',
    Enabled: false,
    MultiRegionConfiguration,
  });
  const { KeyMetadata } = await elsewhere().send(new DescribeKeyCommand({ KeyId: id }));
  expect(KeyMetadata).toMatchObject({
    Arn,
    Description: 'replica',
    MultiRegion: true,
    KeyState: 'Enabled',
    MultiRegionConfiguration,
  });
  expect(await tagsOf(elsewhere(), id)).toEqual({ team: 'orders' });
});

test('makes a key that decrypts what this one encrypted, and the other way round', async () => {
  const { id, arn, materialId } = await newKey(sandbox.kms, { MultiRegion: true });
  const early = await encryptedUnder(sandbox.kms, id);
  await send(sandbox.kms, { KeyId: id, ReplicaRegion: OTHER_REGION });
  const decrypted = async (kms: KMSClient, CiphertextBlob: Uint8Array) => {
    const { $metadata: _, ...answer } = await kms.send(new DecryptCommand({ CiphertextBlob }));
    return { ...answer, Plaintext: Buffer.from(answer.Plaintext ?? []) };
  };
  const usual = { Plaintext: plaintext, KeyMaterialId: materialId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  expect(await decrypted(elsewhere(), early)).toEqual({ ...usual, KeyId: arnElsewhere(id) });
  const late = await encryptedUnder(elsewhere(), id);
  expect(await decrypted(sandbox.kms, late)).toEqual({ ...usual, KeyId: arn });
});

test('is not for Regions that have the key, or are none, or are in another partition', async () => {
  const { id: KeyId } = await newKey(sandbox.kms, { MultiRegion: true });
  const replicate = (ReplicaRegion: string) => send(sandbox.kms, { KeyId, ReplicaRegion });
  await replicate(OTHER_REGION);
  await expectRefusal(replicate(OTHER_REGION), 'AlreadyExistsException');
  await expectRefusal(
    replicate('Europe'),
    'ValidationException',
    "1 validation error detected: Value 'Europe' at 'replicaRegion' failed to satisfy constraint: Member must satisfy regular expression pattern: ^([a-z]+-){2,3}\\d+$",
  );
  await expectRefusal(replicate('cn-north-1'), 'UnsupportedOperationException');
});

const refused: [string, Partial<ReplicateKeyCommandInput>, name: string][] = [
  ['a policy that is not JSON', { Policy: 'allow me' }, 'MalformedPolicyDocumentException'],
  ['the same tag key twice', { Tags: [...Tags, ...Tags] }, 'TagException'],
  [
    'more than fifty tags',
    { Tags: Array.from({ length: 51 }, (_, n) => ({ TagKey: `tag-${n}`, TagValue: '' })) },
    'TagException',
  ],
  [
    'a policy of more than 32 KiB',
    { Policy: policyOf({ ...statement('Allow', rootOf(OWNER), 'kms:*'), Sid: 'x'.repeat(33 * 1024) }) },
    'LimitExceededException',
  ],
];

test.each(refused)('refuses %s, and makes nothing', async (_, input, name) => {
  const { id } = await newKey(sandbox.kms, { MultiRegion: true });
  await expectRefusal(send(sandbox.kms, { KeyId: id, ReplicaRegion: OTHER_REGION, ...input }), name);
  await expectRefusal(elsewhere().send(new DescribeKeyCommand({ KeyId: id })), 'NotFoundException');
});

test('is not for replicas, and not for keys of one Region', async () => {
  const [primary, single] = [await newKey(sandbox.kms, { MultiRegion: true }), await newKey(sandbox.kms)];
  await send(sandbox.kms, { KeyId: primary.id, ReplicaRegion: OTHER_REGION });
  await expectRefusal(
    send(elsewhere(), { KeyId: primary.id, ReplicaRegion: 'ap-southeast-2' }),
    'UnsupportedOperationException',
    `${arnElsewhere(primary.id)} is not a multi-Region primary key.`,
  );
  await expectRefusal(
    send(sandbox.kms, { KeyId: single.id, ReplicaRegion: OTHER_REGION }),
    'UnsupportedOperationException',
    `${single.arn} is not a multi-Region primary key.`,
  );
});

expectEveryDocumentedException(sandbox, 'ReplicateKey');
