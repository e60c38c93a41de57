import {
  DescribeKeyCommand,
  type KMSClient,
  ReplicateKeyCommand,
  UpdatePrimaryRegionCommand,
  type UpdatePrimaryRegionCommandInput,
} from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { expectRefusal, newKey } from '../support/kms.ts';
import { expectEveryDocumentedException, testOperation } from '../support/operation-suite.ts';
import { OTHER_REGION, OWNER, REGION, sandboxOfThisFile } from '../support/sandbox.ts';

const sandbox = sandboxOfThisFile();
const send = (kms: KMSClient, input: UpdatePrimaryRegionCommandInput) =>
  kms.send(new UpdatePrimaryRegionCommand(input));
const replicate = (kms: KMSClient, KeyId: string) =>
  kms.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: OTHER_REGION }));

testOperation(sandbox, {
  name: 'UpdatePrimaryRegion',
  send,
  request: ({ key }) => ({ KeyId: key.id, PrimaryRegion: OTHER_REGION }),
  key: {
    namedBy: { member: 'KeyId', accepts: 'key' },
    crossAccount: false,
    spec: { MultiRegion: true },
    // A primary key with a replica waits for that first.
    unreachable: ['PendingDeletion'],
    prepare: async (kms, { id }) => {
      await replicate(kms, id);
    },
  },
});

test('makes the replica the primary key, and the primary a replica', async () => {
  const { id, arn } = await newKey(sandbox.kms, { MultiRegion: true });
  await replicate(sandbox.kms, id);
  const update = (PrimaryRegion: string) => send(sandbox.kms, { KeyId: id, PrimaryRegion });
  const unknown = arn.replace(REGION, 'ap-southeast-2');
  await expectRefusal(update('ap-southeast-2'), 'NotFoundException', `Key '${unknown}' does not exist`);
  const { $metadata: _, ...nothing } = await update(OTHER_REGION);
  expect(nothing).toEqual({});
  for (const [region, MultiRegionKeyType] of [
    [REGION, 'REPLICA'],
    [OTHER_REGION, 'PRIMARY'],
  ] as const) {
    const { KeyMetadata } = await sandbox.as(OWNER, region).send(new DescribeKeyCommand({ KeyId: id }));
    expect(KeyMetadata?.MultiRegionConfiguration).toEqual({
      MultiRegionKeyType,
      PrimaryKey: { Arn: arn.replace(REGION, OTHER_REGION), Region: OTHER_REGION },
      ReplicaKeys: [{ Arn: arn, Region: REGION }],
    });
  }
  await expectRefusal(update(OTHER_REGION), 'UnsupportedOperationException');
});

test('is not for keys of one Region', async () => {
  const { id } = await newKey(sandbox.kms);
  await expectRefusal(send(sandbox.kms, { KeyId: id, PrimaryRegion: OTHER_REGION }), 'UnsupportedOperationException');
});

expectEveryDocumentedException(sandbox, 'UpdatePrimaryRegion');
