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
  const { id } = await newKey(sandbox.kms, { MultiRegion: true });
  await replicate(sandbox.kms, id);
  const { $metadata: _, ...nothing } = await send(sandbox.kms, { KeyId: id, PrimaryRegion: OTHER_REGION });
  expect(nothing).toEqual({});
  for (const [region, type] of [
    [REGION, 'REPLICA'],
    [OTHER_REGION, 'PRIMARY'],
  ] as const) {
    const { KeyMetadata } = await sandbox.as(OWNER, region).send(new DescribeKeyCommand({ KeyId: id }));
    expect(KeyMetadata?.MultiRegionConfiguration).toMatchObject({
      MultiRegionKeyType: type,
      PrimaryKey: { Region: OTHER_REGION },
    });
  }
});

test('is not for keys of one Region', async () => {
  const { id } = await newKey(sandbox.kms);
  await expectRefusal(send(sandbox.kms, { KeyId: id, PrimaryRegion: OTHER_REGION }), 'UnsupportedOperationException');
});

expectEveryDocumentedException(sandbox, 'UpdatePrimaryRegion');
