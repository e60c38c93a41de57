import {
  DescribeKeyCommand,
  type KMSClient,
  ReplicateKeyCommand,
  type ReplicateKeyCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey, tagsOf } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: ReplicateKeyCommandInput) => kms.send(new ReplicateKeyCommand(input));

testOperation(sandbox, {
  name: 'ReplicateKey',
  send,
  request: ({ key }) => ({ KeyId: key.id, ReplicaRegion: OTHER_REGION }),
  key: { namedBy: { member: 'KeyId', accepts: 'key' }, crossAccount: false, spec: { MultiRegion: true } },
});

const Tags = [{ TagKey: 'team', TagValue: 'orders' }];

test('makes a related key in another Region, with what is its own', async () => {
  const { id } = await newKey(sandbox.kms, { MultiRegion: true, Description: 'primary' });
  const made = await send(sandbox.kms, { KeyId: id, ReplicaRegion: OTHER_REGION, Description: 'replica', Tags });
  const Arn = `arn:aws:kms:${OTHER_REGION}:${OWNER}:key/${id}`;
  expect(made).toMatchObject({ ReplicaKeyMetadata: { KeyId: id, Arn, KeyState: 'Creating' }, ReplicaTags: Tags });
  const elsewhere = sandbox.as(OWNER, OTHER_REGION);
  const { KeyMetadata } = await elsewhere.send(new DescribeKeyCommand({ KeyId: id }));
  expect(KeyMetadata).toMatchObject({ Arn, Description: 'replica', MultiRegion: true, KeyState: 'Enabled' });
  expect(KeyMetadata?.MultiRegionConfiguration?.MultiRegionKeyType).toBe('REPLICA');
  expect(await tagsOf(elsewhere, id)).toEqual({ team: 'orders' });
  await expectRefusal(send(sandbox.kms, { KeyId: id, ReplicaRegion: OTHER_REGION }), 'AlreadyExistsException');
});

const refused: [string, Partial<ReplicateKeyCommandInput>, name: string][] = [
  ['a policy that is not JSON', { Policy: 'allow me' }, 'MalformedPolicyDocumentException'],
  ['the same tag key twice', { Tags: [...Tags, ...Tags] }, 'TagException'],
  [
    'more than fifty tags',
    { Tags: Array.from({ length: 51 }, (_, n) => ({ TagKey: `tag-${n}`, TagValue: '' })) },
    'LimitExceededException',
  ],
];

test.each(refused)('refuses %s, and makes nothing', async (_, input, name) => {
  const { id } = await newKey(sandbox.kms, { MultiRegion: true });
  await expectRefusal(send(sandbox.kms, { KeyId: id, ReplicaRegion: OTHER_REGION, ...input }), name);
  await expectRefusal(sandbox.as(OWNER, OTHER_REGION).send(new DescribeKeyCommand({ KeyId: id })), 'NotFoundException');
});

test('is not for keys of one Region', async () => {
  const { id } = await newKey(sandbox.kms);
  await expectRefusal(send(sandbox.kms, { KeyId: id, ReplicaRegion: OTHER_REGION }), 'UnsupportedOperationException');
});

expectEveryDocumentedException(sandbox, 'ReplicateKey');
