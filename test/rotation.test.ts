import {
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GenerateDataKeyCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encryptedUnder, newKey, plaintext } from './support/kms.ts';
import { advanceClock, DAY_SECONDS } from './support/sandbox-clock.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;

beforeAll(async () => {
  server = await startServer({ args: ['--sandbox'], workers: 2 });
  kms = server.kms({ credentials: { accessKeyId: 'test', secretAccessKey: 'anything' } });
});

afterAll(() => cleanUp(server));

const status = (KeyId: string) => kms.send(new GetKeyRotationStatusCommand({ KeyId }));

async function currentMaterial(KeyId: string): Promise<string> {
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  return KeyMetadata?.CurrentKeyMaterialId ?? '';
}

/** Decrypts, and gives the id of the material that was used. */
async function materialOf(CiphertextBlob: Uint8Array): Promise<string> {
  const { Plaintext, KeyMaterialId } = await kms.send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(Plaintext ?? [])).toEqual(plaintext);
  return KeyMaterialId ?? '';
}

async function rotations(KeyId: string) {
  const { Rotations } = await kms.send(new ListKeyRotationsCommand({ KeyId }));
  return Rotations ?? [];
}

async function rotatedTimes(KeyId: string, times: number): Promise<void> {
  const patience = { timeout: 60_000, interval: 100 };
  await vi.waitFor(async () => expect(await rotations(KeyId)).toHaveLength(times), patience);
}

describe('a key with automatic rotation', () => {
  test('is rotated by itself when the clock has moved by its period, and all its ciphertexts still decrypt', async () => {
    const { id, materialId } = await newKey(kms);
    await kms.send(new EnableKeyRotationCommand({ KeyId: id, RotationPeriodInDays: 90 }));
    const before = await status(id);
    expect(before).toMatchObject({ KeyId: id, KeyRotationEnabled: true, RotationPeriodInDays: 90 });
    expect(before.OnDemandRotationStartDate).toBeUndefined();
    const old = await encryptedUnder(kms, id);

    await advanceClock(server, 89 * DAY_SECONDS);
    expect(await currentMaterial(id)).toBe(materialId);
    await advanceClock(server, DAY_SECONDS);
    await rotatedTimes(id, 1);
    const rotatedTo = await currentMaterial(id);
    expect(rotatedTo).not.toBe(materialId);
    expect(await materialOf(old)).toBe(materialId);
    expect(await materialOf(await encryptedUnder(kms, id))).toBe(rotatedTo);
    expect((await kms.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }))).KeyMaterialId).toBe(
      rotatedTo,
    );
    const after = await status(id);
    expect(after.NextRotationDate?.getTime()).toBeGreaterThanOrEqual(
      (before.NextRotationDate?.getTime() ?? 0) + 90 * DAY_SECONDS * 1000,
    );
    expect((await rotations(id)).map(({ RotationType }) => RotationType)).toEqual(['AUTOMATIC']);
    expect(server.output.stderr).toContain('rotated a key whose automatic rotation was due');
  });

  test('is rotated once when the clock jumps over several periods', async () => {
    const [key, witness] = [await newKey(kms), await newKey(kms)];
    await kms.send(new EnableKeyRotationCommand({ KeyId: key.id, RotationPeriodInDays: 90 }));
    await kms.send(new EnableKeyRotationCommand({ KeyId: witness.id, RotationPeriodInDays: 91 }));
    const now = await advanceClock(server, 1000 * DAY_SECONDS);
    // Keys are rotated in the order of their moments: with its witness, this one has had its turn.
    await rotatedTimes(witness.id, 1);
    expect(await rotations(key.id)).toHaveLength(1);
    const next = (await status(key.id)).NextRotationDate?.getTime();
    expect(next).toBeGreaterThanOrEqual(now + 90 * DAY_SECONDS * 1000 - 1000);
  });

  test('is not rotated while it is disabled, but as soon as it is enabled', async () => {
    const [key, witness] = [await newKey(kms), await newKey(kms)];
    for (const KeyId of [key.id, witness.id]) {
      await kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    }
    await kms.send(new DisableKeyCommand({ KeyId: key.id }));
    await advanceClock(server, 100 * DAY_SECONDS);
    await rotatedTimes(witness.id, 1);
    expect(await rotations(key.id)).toEqual([]);
    await kms.send(new EnableKeyCommand({ KeyId: key.id }));
    await rotatedTimes(key.id, 1);
  });

  test('is not rotated any more once that is disabled', async () => {
    const [key, witness] = [await newKey(kms), await newKey(kms)];
    for (const KeyId of [key.id, witness.id]) {
      await kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    }
    await kms.send(new DisableKeyRotationCommand({ KeyId: key.id }));
    const { $metadata: _, ...shown } = await status(key.id);
    expect(shown).toEqual({ KeyId: key.id, KeyRotationEnabled: false });
    await advanceClock(server, 90 * DAY_SECONDS);
    await rotatedTimes(witness.id, 1);
    expect(await rotations(key.id)).toEqual([]);
    expect(await currentMaterial(key.id)).toBe(key.materialId);
  });
});

test('a key is rotated on demand, and both workers use the new material from the next request on', async () => {
  const { id, arn } = await newKey(kms);
  for (let round = 0; round < 20; round++) {
    const before = await encryptedUnder(kms, id);
    const { KeyId } = await kms.send(new RotateKeyOnDemandCommand({ KeyId: arn }));
    expect(KeyId).toBe(id);
    const material = await currentMaterial(id);
    // Each client has connections of its own, which the kernel deals out to the workers.
    const others = Array.from({ length: 4 }, () =>
      server.kms({ credentials: { accessKeyId: 'test', secretAccessKey: 'anything' } }),
    );
    for (const other of others) {
      expect(await materialOf(await encryptedUnder(other, id))).toBe(material);
      other.destroy();
    }
    expect(await materialOf(before)).not.toBe(material);
  }
});
