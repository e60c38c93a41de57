import {
  CancelKeyDeletionCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encryptedUnder, expectRefusal, newKey, plaintext } from './support/kms.ts';
import { advanceClock, DAY_SECONDS } from './support/sandbox-clock.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/** Keys are destroyed a moment after their deletion was due, and more than that has passed then. */
const GRACE_SECONDS = 60;
const patience = { timeout: 60_000, interval: 100 };

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

/** Decrypts, and gives the id of the material that was used. */
async function materialOf(kms: KMSClient, CiphertextBlob: Uint8Array) {
  const { Plaintext, KeyMaterialId } = await kms.send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(Plaintext ?? [])).toEqual(plaintext);
  return KeyMaterialId;
}

describe('rotation', () => {
  test('reaches all related keys at once', async () => {
    const key = await primaryKey();
    await replicate(key.id, 'eu-west-1', 'ap-southeast-2');
    for (let round = 0; round < 10; round++) {
      await virginia.send(new RotateKeyOnDemandCommand({ KeyId: key.id }));
      const material = (await describeKey(virginia, key.id))?.CurrentKeyMaterialId;
      const blob = await encryptedUnder(ireland, key.id);
      for (const kms of [virginia, ireland, sydney]) expect(await materialOf(kms, blob)).toBe(material);
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
    await advanceClock(server, 90 * DAY_SECONDS);
    for (const kms of [ireland, virginia]) {
      await vi.waitFor(async () => {
        const { Rotations } = await kms.send(new ListKeyRotationsCommand({ KeyId: key.id }));
        expect(Rotations?.map(({ RotationType }) => RotationType)).toEqual(['AUTOMATIC']);
      }, patience);
    }
    const material = (await describeKey(virginia, key.id))?.CurrentKeyMaterialId;
    expect(material).not.toBe(key.materialId);
    expect(await materialOf(ireland, await encryptedUnder(virginia, key.id))).toBe(material);
  });
});

describe('deletion', () => {
  test('of a primary begins when its replicas are gone', async () => {
    const key = await primaryKey();
    await replicate(key.id, 'eu-west-1', 'ap-southeast-2');
    const schedule = (kms: KMSClient) =>
      kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }));
    const { $metadata: _, ...scheduled } = await schedule(virginia);
    expect(scheduled).toEqual({ KeyId: key.arn, KeyState: 'PendingReplicaDeletion', PendingWindowInDays: 7 });
    await advanceClock(server, 30 * DAY_SECONDS);
    expect((await describeKey(virginia, key.id))?.KeyState).toBe('PendingReplicaDeletion');
    const blob = await encryptedUnder(ireland, key.id);

    await schedule(ireland);
    await advanceClock(server, 7 * DAY_SECONDS + GRACE_SECONDS);
    await vi.waitFor(async () => expect(await replicaRegions(virginia, key.id)).toEqual(['ap-southeast-2']), patience);
    await expectRefusal(describeKey(ireland, key.id), 'NotFoundException');
    await materialOf(sydney, blob);

    await schedule(sydney);
    await advanceClock(server, 7 * DAY_SECONDS + GRACE_SECONDS);
    await vi.waitFor(async () => {
      const { KeyState, DeletionDate } = (await describeKey(virginia, key.id)) ?? {};
      expect({ KeyState, DeletionDate }).toEqual({ KeyState: 'PendingDeletion', DeletionDate: expect.any(Date) });
    }, patience);
    await advanceClock(server, 7 * DAY_SECONDS);
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
