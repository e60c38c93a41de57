import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  ListResourceTagsCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encryptedUnder, expectRefusal, type NewKey, newKey, plaintext } from './support/kms.ts';
import { rawRequest } from './support/raw-request.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

const DAY_SECONDS = 24 * 60 * 60;
const patience = { timeout: 30_000, interval: 100 };

let server: TestServer;
let virginia: KMSClient;
let ireland: KMSClient;
let sydney: KMSClient;

beforeAll(async () => {
  server = await startServer({ args: ['--sandbox'], workers: 2 });
  const clientIn = (region: string) =>
    server.kms({ region, credentials: { accessKeyId: 'test', secretAccessKey: 'anything' } });
  [virginia, ireland, sydney] = [clientIn('us-east-1'), clientIn('eu-west-1'), clientIn('ap-southeast-2')];
});

afterAll(() => cleanUp(server));

async function advanceDays(days: number): Promise<void> {
  const body = JSON.stringify({ advanceSeconds: days * DAY_SECONDS });
  const { status } = await rawRequest(server, { method: 'POST', path: '/_sandbox/clock', body, signing: false });
  expect(status).toBe(200);
}

const primaryKey = () => newKey(virginia, { MultiRegion: true });

async function replicate(KeyId: string, ...replicaRegions: string[]): Promise<void> {
  for (const ReplicaRegion of replicaRegions) {
    await virginia.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion }));
  }
}

async function describeKey(kms: KMSClient, KeyId: string) {
  return (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
}

async function replicaRegions(kms: KMSClient, keyId: string): Promise<(string | undefined)[] | undefined> {
  return (await describeKey(kms, keyId))?.MultiRegionConfiguration?.ReplicaKeys?.map(({ Region }) => Region);
}

async function decrypt(kms: KMSClient, CiphertextBlob: Uint8Array) {
  const { Plaintext, KeyId, KeyMaterialId } = await kms.send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(Plaintext ?? [])).toEqual(plaintext);
  return { KeyId, KeyMaterialId };
}

const arnIn = (region: string, key: NewKey) => key.arn.replace('us-east-1', region);

describe('ReplicateKey', () => {
  test('makes a key in another Region that decrypts what this one encrypted, and the other way round', async () => {
    const key = await primaryKey();
    const early = await encryptedUnder(virginia, key.id);
    const Tags = [{ TagKey: 'team', TagValue: 'orders' }];
    const answer = await virginia.send(
      new ReplicateKeyCommand({ KeyId: key.arn, ReplicaRegion: 'eu-west-1', Description: 'in Ireland', Tags }),
    );
    expect(answer.ReplicaTags).toEqual(Tags);
    expect(answer.ReplicaPolicy).toContain('key-default-1');
    expect(answer.ReplicaKeyMetadata).toMatchObject({
      Arn: arnIn('eu-west-1', key),
      KeyState: 'Creating',
      Enabled: false,
      MultiRegionConfiguration: {
        MultiRegionKeyType: 'REPLICA',
        PrimaryKey: { Arn: key.arn, Region: 'us-east-1' },
        ReplicaKeys: [{ Arn: arnIn('eu-west-1', key), Region: 'eu-west-1' }],
      },
    });
    expect(await describeKey(ireland, key.id)).toMatchObject({ KeyState: 'Enabled', Description: 'in Ireland' });
    expect((await ireland.send(new ListResourceTagsCommand({ KeyId: key.id }))).Tags).toEqual(Tags);
    expect(await decrypt(ireland, early)).toEqual({ KeyId: arnIn('eu-west-1', key), KeyMaterialId: key.materialId });
    expect(await decrypt(virginia, await encryptedUnder(ireland, key.id))).toEqual({
      KeyId: key.arn,
      KeyMaterialId: key.materialId,
    });
  });

  test('is refused for Regions that have the key, or are no Regions, and for keys that are not primary', async () => {
    const key = await primaryKey();
    await replicate(key.id, 'eu-west-1');
    const again = (kms: KMSClient, ReplicaRegion: string, KeyId = key.id) =>
      kms.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion }));
    await expectRefusal(again(virginia, 'eu-west-1'), 'AlreadyExistsException');
    await expectRefusal(
      again(virginia, 'Europe'),
      'ValidationException',
      "1 validation error detected: Value 'Europe' at 'replicaRegion' failed to satisfy constraint: Member must satisfy regular expression pattern: ^([a-z]+-){2,3}\\d+$",
    );
    await expectRefusal(again(virginia, 'cn-north-1'), 'UnsupportedOperationException');
    await expectRefusal(
      again(ireland, 'ap-southeast-2'),
      'UnsupportedOperationException',
      `${arnIn('eu-west-1', key)} is not a multi-Region primary key.`,
    );
    const single = await newKey(virginia);
    await expectRefusal(
      again(virginia, 'eu-west-1', single.id),
      'UnsupportedOperationException',
      `${single.arn} is not a multi-Region primary key.`,
    );
  });

  test('makes a replica of a key without material never', async () => {
    const { KeyMetadata } = await virginia.send(new CreateKeyCommand({ MultiRegion: true, Origin: 'EXTERNAL' }));
    await expectRefusal(
      virginia.send(new ReplicateKeyCommand({ KeyId: KeyMetadata?.KeyId, ReplicaRegion: 'eu-west-1' })),
      'KMSInvalidStateException',
      `${KeyMetadata?.Arn} is pending import.`,
    );
  });
});

describe('rotation', () => {
  test('reaches all related keys at once', async () => {
    const key = await primaryKey();
    await replicate(key.id, 'eu-west-1', 'ap-southeast-2');
    for (let round = 0; round < 10; round++) {
      await virginia.send(new RotateKeyOnDemandCommand({ KeyId: key.id }));
      const material = (await describeKey(virginia, key.id))?.CurrentKeyMaterialId;
      const blob = await encryptedUnder(ireland, key.id);
      for (const kms of [virginia, ireland, sydney]) expect((await decrypt(kms, blob)).KeyMaterialId).toBe(material);
    }
  });

  test('by itself follows the primary, also one that has become it', async () => {
    const key = await primaryKey();
    await replicate(key.id, 'eu-west-1');
    await virginia.send(new EnableKeyRotationCommand({ KeyId: key.id, RotationPeriodInDays: 90 }));
    const { NextRotationDate } = await ireland.send(new GetKeyRotationStatusCommand({ KeyId: key.id }));
    await virginia.send(new UpdatePrimaryRegionCommand({ KeyId: key.id, PrimaryRegion: 'eu-west-1' }));
    expect(await ireland.send(new GetKeyRotationStatusCommand({ KeyId: key.id }))).toMatchObject({
      KeyRotationEnabled: true,
      NextRotationDate,
    });
    await expectRefusal(
      virginia.send(new DisableKeyRotationCommand({ KeyId: key.id })),
      'UnsupportedOperationException',
      `${key.arn} is not a multi-Region primary key.`,
    );
    await advanceDays(90);
    for (const kms of [ireland, virginia]) {
      await vi.waitFor(async () => {
        const { Rotations } = await kms.send(new ListKeyRotationsCommand({ KeyId: key.id }));
        expect(Rotations?.map(({ RotationType }) => RotationType)).toEqual(['AUTOMATIC']);
      }, patience);
    }
    const material = (await describeKey(virginia, key.id))?.CurrentKeyMaterialId;
    expect(material).not.toBe(key.materialId);
    expect((await decrypt(ireland, await encryptedUnder(virginia, key.id))).KeyMaterialId).toBe(material);
  });
});

test('UpdatePrimaryRegion exchanges the primary and a replica', async () => {
  const key = await primaryKey();
  await replicate(key.id, 'eu-west-1');
  const update = (PrimaryRegion: string) =>
    virginia.send(new UpdatePrimaryRegionCommand({ KeyId: key.id, PrimaryRegion }));
  await expectRefusal(
    update('ap-southeast-2'),
    'NotFoundException',
    `Key '${arnIn('ap-southeast-2', key)}' does not exist`,
  );
  await update('eu-west-1');
  for (const [kms, MultiRegionKeyType] of [
    [virginia, 'REPLICA'],
    [ireland, 'PRIMARY'],
  ] as const) {
    expect((await describeKey(kms, key.id))?.MultiRegionConfiguration).toEqual({
      MultiRegionKeyType,
      PrimaryKey: { Arn: arnIn('eu-west-1', key), Region: 'eu-west-1' },
      ReplicaKeys: [{ Arn: key.arn, Region: 'us-east-1' }],
    });
  }
  await expectRefusal(update('eu-west-1'), 'UnsupportedOperationException');
});

describe('deletion', () => {
  test('of a primary begins when its replicas are gone', async () => {
    const key = await primaryKey();
    await replicate(key.id, 'eu-west-1', 'ap-southeast-2');
    const schedule = (kms: KMSClient) =>
      kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }));
    const { $metadata: _, ...scheduled } = await schedule(virginia);
    expect(scheduled).toEqual({ KeyId: key.arn, KeyState: 'PendingReplicaDeletion', PendingWindowInDays: 7 });
    await advanceDays(30);
    expect((await describeKey(virginia, key.id))?.KeyState).toBe('PendingReplicaDeletion');
    const blob = await encryptedUnder(ireland, key.id);

    await schedule(ireland);
    await advanceDays(7);
    await vi.waitFor(async () => expect(await replicaRegions(virginia, key.id)).toEqual(['ap-southeast-2']), patience);
    await expectRefusal(describeKey(ireland, key.id), 'NotFoundException');
    await decrypt(sydney, blob);

    await schedule(sydney);
    await advanceDays(7);
    await vi.waitFor(async () => {
      const { KeyState, DeletionDate } = (await describeKey(virginia, key.id)) ?? {};
      expect({ KeyState, DeletionDate }).toEqual({ KeyState: 'PendingDeletion', DeletionDate: expect.any(Date) });
    }, patience);
    await advanceDays(7);
    await vi.waitFor(() => expectRefusal(describeKey(virginia, key.id), 'NotFoundException'), patience);
  });

  test('of a primary that waits for its replicas can be cancelled', async () => {
    const key = await primaryKey();
    await replicate(key.id, 'eu-west-1');
    await virginia.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
    expect((await virginia.send(new CancelKeyDeletionCommand({ KeyId: key.id }))).KeyId).toBe(key.arn);
    expect(await describeKey(virginia, key.id)).toMatchObject({ KeyState: 'Disabled' });
    expect(await describeKey(ireland, key.id)).toMatchObject({ KeyState: 'Enabled' });
  });
});
