import { describe, expect, test } from 'vitest';
import type { KeyRecord } from '../../keys/key.ts';
import type { MaterialRecord } from '../../keys/material.ts';
import { keyName, keysTable, materialName, materialsTable, rotationsTable } from '../../keys/tables.ts';
import type { Store } from '../../store/sealed-store.ts';
import { ACCOUNT, administrator, keyPolicy, NOW, OTHER_ACCOUNT, policy, REGION, user } from '../scope.test-helper.ts';
import { destroyDueKeys } from './destroy-due-keys.ts';
import { doDueWork } from './due-work.ts';
import { createKey, type Machine, machine, refusal, unrecorded, type Worker } from './kms.test-helper.ts';
import { rotateDueKeys } from './rotate-due-keys.ts';

const DAY_MS = 86_400_000;
const own = { accountId: ACCOUNT, region: REGION };
const plaintext = Buffer.from('attack at dawn');

const at = (nowMs: number) => ({ nowMs });

/** One go of the sweeper; gives the ids of the keys that it rotated. */
async function sweep({ store }: Machine, worker: Worker, nowMs: number): Promise<string[]> {
  const { done, failures } = await doDueWork(store, rotateDueKeys(worker.custody), nowMs, unrecorded);
  expect(failures).toEqual([]);
  return done.map(({ keyId }) => keyId);
}

async function encrypt(worker: Worker, KeyId: string): Promise<Buffer> {
  return (await worker.call('Encrypt', { KeyId, Plaintext: plaintext }))['CiphertextBlob'] as Buffer;
}

/** Decrypts, and gives the id of the material that was used. */
async function materialOf(worker: Worker, CiphertextBlob: Buffer): Promise<string> {
  const { Plaintext, KeyMaterialId } = await worker.call('Decrypt', { CiphertextBlob });
  expect(Plaintext).toEqual(plaintext);
  return KeyMaterialId as string;
}

async function current(worker: Worker, KeyId: string): Promise<string> {
  const { KeyMetadata } = await worker.call('DescribeKey', { KeyId });
  return (KeyMetadata as { CurrentKeyMaterialId: string }).CurrentKeyMaterialId;
}

const status = (worker: Worker, KeyId: string) => worker.call('GetKeyRotationStatus', { KeyId });
const notes = (store: Store) => store.names(rotationsTable, { prefix: '', limit: 100 });

async function rotatingKey(worker: Worker, days: number, nowMs = NOW): Promise<string> {
  const keyId = await createKey(worker);
  await worker.call('EnableKeyRotation', { KeyId: keyId, RotationPeriodInDays: days }, administrator, at(nowMs));
  return keyId;
}

describe('the schedule', () => {
  test('begins when rotation is enabled, a year from then unless told otherwise', async () => {
    const kms = await machine().worker();
    const keyId = await createKey(kms);
    expect(await status(kms, keyId)).toEqual({ KeyId: keyId, KeyRotationEnabled: false });
    await kms.call('EnableKeyRotation', { KeyId: keyId });
    expect(await status(kms, keyId)).toEqual({
      KeyId: keyId,
      KeyRotationEnabled: true,
      RotationPeriodInDays: 365,
      NextRotationDate: new Date(NOW + 365 * DAY_MS),
    });
  });

  test('begins anew with another period, and stays as it is when the same is asked for again', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 100);
    const enable = (days: number, nowMs: number) =>
      kms.call('EnableKeyRotation', { KeyId: keyId, RotationPeriodInDays: days }, administrator, at(nowMs));
    await enable(100, NOW + 50 * DAY_MS);
    expect((await status(kms, keyId))['NextRotationDate']).toEqual(new Date(NOW + 100 * DAY_MS));
    await enable(90, NOW + 60 * DAY_MS);
    expect((await status(kms, keyId))['NextRotationDate']).toEqual(new Date(NOW + 150 * DAY_MS));
    expect(await notes(m.store)).toHaveLength(1);
    expect(await sweep(m, kms, NOW + 150 * DAY_MS - 1)).toEqual([]);
    expect(await sweep(m, kms, NOW + 150 * DAY_MS)).toEqual([keyId]);
  });

  test('ends with DisableKeyRotation, and nothing is left of it', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    await kms.call('DisableKeyRotation', { KeyId: keyId });
    await kms.call('DisableKeyRotation', { KeyId: keyId });
    expect(await status(kms, keyId)).toEqual({ KeyId: keyId, KeyRotationEnabled: false });
    expect(await notes(m.store)).toEqual([]);
    expect(await sweep(m, kms, NOW + 400 * DAY_MS)).toEqual([]);
  });
});

describe('automatic rotation', () => {
  test('happens at its moment and each period thereafter, and every older version goes on decrypting', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    const blobs = [await encrypt(kms, keyId)];
    for (let round = 1; round <= 3; round++) {
      const due = NOW + round * 90 * DAY_MS;
      expect(await sweep(m, kms, due - 1)).toEqual([]);
      expect(await sweep(m, kms, due)).toEqual([keyId]);
      expect(await sweep(m, kms, due)).toEqual([]);
      blobs.push(await encrypt(kms, keyId));
    }
    const materials = await Promise.all(blobs.map((blob) => materialOf(kms, blob)));
    expect(new Set(materials).size).toBe(4);
    expect(materials.at(-1)).toBe(await current(kms, keyId));
    expect((await status(kms, keyId))['NextRotationDate']).toEqual(new Date(NOW + 4 * 90 * DAY_MS));
  });

  test('happens once, however many workers notice', async () => {
    const m = machine();
    const [one, other] = [await m.worker(), await m.worker()];
    const keyId = await rotatingKey(one, 90);
    const due = NOW + 90 * DAY_MS;
    const both = (await Promise.all([sweep(m, one, due), sweep(m, other, due)])).flat();
    expect(both).toEqual([keyId]);
    expect((await one.call('ListKeyRotations', { KeyId: keyId }))['Rotations']).toHaveLength(1);
  });

  test('happens once where several periods have passed, and the next is a period from then', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    const late = NOW + 1000 * DAY_MS;
    expect(await sweep(m, kms, late)).toEqual([keyId]);
    expect(await sweep(m, kms, late)).toEqual([]);
    expect((await status(kms, keyId))['NextRotationDate']).toEqual(new Date(late + 90 * DAY_MS));
  });

  test('of a disabled key waits until it is enabled, and then comes at once', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    await kms.call('DisableKey', { KeyId: keyId });
    expect(await sweep(m, kms, NOW + 100 * DAY_MS)).toEqual([]);
    expect((await status(kms, keyId))['KeyRotationEnabled']).toBe(true);
    const enabledAt = NOW + 120 * DAY_MS;
    await kms.call('EnableKey', { KeyId: keyId }, administrator, at(enabledAt));
    expect(await sweep(m, kms, enabledAt)).toEqual([keyId]);
    expect((await status(kms, keyId))['NextRotationDate']).toEqual(new Date(enabledAt + 90 * DAY_MS));
  });

  test('of a key that was disabled for a while resumes its schedule', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    await kms.call('DisableKey', { KeyId: keyId });
    await kms.call('EnableKey', { KeyId: keyId }, administrator, at(NOW + 10 * DAY_MS));
    expect(await notes(m.store)).toHaveLength(1);
    expect(await sweep(m, kms, NOW + 89 * DAY_MS)).toEqual([]);
    expect(await sweep(m, kms, NOW + 90 * DAY_MS)).toEqual([keyId]);
  });

  test('of a key that is pending deletion does not happen, and returns when that is cancelled', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    await kms.call(
      'ScheduleKeyDeletion',
      { KeyId: keyId, PendingWindowInDays: 30 },
      administrator,
      at(NOW + 80 * DAY_MS),
    );
    expect(await status(kms, keyId)).toEqual({ KeyId: keyId, KeyRotationEnabled: false });
    expect(await sweep(m, kms, NOW + 100 * DAY_MS)).toEqual([]);
    await kms.call('CancelKeyDeletion', { KeyId: keyId }, administrator, at(NOW + 101 * DAY_MS));
    expect((await status(kms, keyId))['KeyRotationEnabled']).toBe(true);
    expect(await sweep(m, kms, NOW + 101 * DAY_MS)).toEqual([]);
    await kms.call('EnableKey', { KeyId: keyId }, administrator, at(NOW + 102 * DAY_MS));
    expect(await sweep(m, kms, NOW + 102 * DAY_MS)).toEqual([keyId]);
  });

  test('does not come to a key because an older moment of it is still noted', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    const identity = { ...own, keyId };
    const [note = ''] = await notes(m.store);
    await kms.call('EnableKeyRotation', { KeyId: keyId, RotationPeriodInDays: 400 });
    await m.store.transact((transaction) => transaction.create(rotationsTable, note, identity));
    expect(await sweep(m, kms, NOW + 90 * DAY_MS)).toEqual([]);
    expect(await notes(m.store)).toHaveLength(1);
  });
});

describe('the very next request of every other worker', () => {
  test('encrypts under the new material, and decrypts under both', async () => {
    const m = machine();
    const [one, other] = [await m.worker(), await m.worker()];
    const keyId = await rotatingKey(one, 90);
    const before = await encrypt(other, keyId);
    await one.call('RotateKeyOnDemand', { KeyId: keyId });
    const onDemand = await encrypt(other, keyId);
    expect(await materialOf(other, onDemand)).toBe(await current(one, keyId));
    await sweep(m, one, NOW + 90 * DAY_MS);
    const automatic = await encrypt(other, keyId);
    expect(await materialOf(other, automatic)).toBe(await current(one, keyId));
    const used = await Promise.all([before, onDemand, automatic].map((blob) => materialOf(other, blob)));
    expect(new Set(used).size).toBe(3);
  });

  test('names the current material wherever an answer names one', async () => {
    const m = machine();
    const [one, other] = [await m.worker(), await m.worker()];
    const keyId = await createKey(one);
    const old = await encrypt(other, keyId);
    const oldMaterial = await current(other, keyId);
    await one.call('RotateKeyOnDemand', { KeyId: keyId });
    const newMaterial = await current(other, keyId);
    expect(newMaterial).not.toBe(oldMaterial);
    for (const operation of ['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext']) {
      const answer = await other.call(operation, { KeyId: keyId, KeySpec: 'AES_256' });
      expect(answer['KeyMaterialId']).toBe(newMaterial);
    }
    expect(await other.call('ReEncrypt', { CiphertextBlob: old, DestinationKeyId: keyId })).toMatchObject({
      SourceKeyMaterialId: oldMaterial,
      DestinationKeyMaterialId: newMaterial,
    });
  });
});

describe('RotateKeyOnDemand', () => {
  test('leaves the schedule of automatic rotations as it is', async () => {
    const kms = await machine().worker();
    const keyId = await rotatingKey(kms, 90);
    const before = await status(kms, keyId);
    expect(await kms.call('RotateKeyOnDemand', { KeyId: keyId })).toEqual({ KeyId: keyId });
    expect(await status(kms, keyId)).toEqual(before);
  });

  test('works twenty-five times for a key, not counting automatic rotations', async () => {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    await sweep(m, kms, NOW + 90 * DAY_MS);
    for (let count = 0; count < 25; count++) await kms.call('RotateKeyOnDemand', { KeyId: keyId });
    const last = await current(kms, keyId);
    expect(await refusal(kms.call('RotateKeyOnDemand', { KeyId: keyId }))).toEqual({
      code: 'LimitExceededException',
      message: expect.stringMatching(/^The on-demand rotations limit has been reached .*: arn:aws:kms:/),
    });
    expect(await current(kms, keyId)).toBe(last);
    expect(await sweep(m, kms, NOW + 180 * DAY_MS)).toEqual([keyId]);
  });

  test('waits for an automatic rotation that is twenty minutes away or less', async () => {
    const kms = await machine().worker();
    const keyId = await rotatingKey(kms, 90);
    const due = NOW + 90 * DAY_MS;
    const rotate = (nowMs: number) => kms.call('RotateKeyOnDemand', { KeyId: keyId }, administrator, at(nowMs));
    for (const nowMs of [due - 20 * 60_000, due, due + 1000]) {
      expect((await refusal(rotate(nowMs))).code).toBe('ConflictException');
    }
    await rotate(due - 20 * 60_000 - 1);
  });
});

describe('ListKeyRotations', () => {
  async function rotatedKey() {
    const m = machine();
    const kms = await m.worker();
    const keyId = await rotatingKey(kms, 90);
    const first = await current(kms, keyId);
    await kms.call('RotateKeyOnDemand', { KeyId: keyId }, administrator, at(NOW + 10 * DAY_MS));
    const second = await current(kms, keyId);
    await sweep(m, kms, NOW + 90 * DAY_MS);
    const third = await current(kms, keyId);
    const entry = (KeyMaterialId: string, KeyMaterialState: string, more = {}) => ({
      KeyId: keyId,
      KeyMaterialId,
      KeyMaterialState,
      ...more,
    });
    const rotated = (days: number, RotationType: string) => ({
      RotationDate: new Date(NOW + days * DAY_MS),
      RotationType,
    });
    const rotations = [
      entry(second, 'NON_CURRENT', rotated(10, 'ON_DEMAND')),
      entry(third, 'CURRENT', rotated(90, 'AUTOMATIC')),
    ];
    return { kms, keyId, rotations, all: [entry(first, 'NON_CURRENT'), ...rotations] };
  }

  test('lists rotations by their dates, and the first material as well if asked', async () => {
    const { kms, keyId, rotations, all } = await rotatedKey();
    const list = async (more: object) => kms.call('ListKeyRotations', { KeyId: keyId, ...more });
    expect(await list({})).toEqual({ Rotations: rotations, Truncated: false });
    expect(await list({ IncludeKeyMaterial: 'ROTATIONS_ONLY' })).toEqual({ Rotations: rotations, Truncated: false });
    expect(await list({ IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).toEqual({ Rotations: all, Truncated: false });
  });

  test('goes on where the page before ended', async () => {
    const { kms, keyId, all } = await rotatedKey();
    const listed: unknown[] = [];
    let Marker: unknown;
    do {
      const page = await kms.call('ListKeyRotations', {
        KeyId: keyId,
        IncludeKeyMaterial: 'ALL_KEY_MATERIAL',
        Limit: 1,
        ...(Marker === undefined ? {} : { Marker }),
      });
      expect(page['Rotations']).toHaveLength(1);
      listed.push(...(page['Rotations'] as unknown[]));
      Marker = page['NextMarker'];
    } while (Marker !== undefined);
    expect(listed).toEqual(all);
  });

  test('shows the first material of a key as its current one', async () => {
    const kms = await machine().worker();
    const keyId = await createKey(kms);
    const KeyMaterialId = await current(kms, keyId);
    expect(await kms.call('ListKeyRotations', { KeyId: keyId })).toEqual({ Rotations: [], Truncated: false });
    expect(
      (await kms.call('ListKeyRotations', { KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))['Rotations'],
    ).toEqual([{ KeyId: keyId, KeyMaterialId, KeyMaterialState: 'CURRENT' }]);
  });
});

describe('keys that are not rotated', () => {
  const arnOf = (keyId: string) => `arn:aws:kms:${REGION}:${ACCOUNT}:key/${keyId}`;

  test('of other specs than symmetric encryption: AWS says no more than that', async () => {
    const kms = await machine().worker();
    const KeyId = await createKey(kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
    for (const operation of ['EnableKeyRotation', 'RotateKeyOnDemand']) {
      expect(await refusal(kms.call(operation, { KeyId }))).toEqual({
        code: 'UnsupportedOperationException',
        message: '',
      });
    }
    await kms.call('DisableKeyRotation', { KeyId });
    expect(await status(kms, KeyId)).toEqual({ KeyId, KeyRotationEnabled: false });
    expect(await kms.call('ListKeyRotations', { KeyId })).toEqual({ Rotations: [], Truncated: false });
    expect((await refusal(kms.call('ListKeyRotations', { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))).code).toBe(
      'UnsupportedOperationException',
    );
  });

  test('with imported material: their origin is refused, also before any has come', async () => {
    const kms = await machine().worker();
    const KeyId = await createKey(kms, { Origin: 'EXTERNAL' });
    for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'GetKeyRotationStatus']) {
      expect(await refusal(kms.call(operation, { KeyId }))).toEqual({
        code: 'UnsupportedOperationException',
        message: `${arnOf(KeyId)} origin is EXTERNAL which is not valid for this operation.`,
      });
    }
    expect(await refusal(kms.call('RotateKeyOnDemand', { KeyId }))).toEqual({
      code: 'KMSInvalidStateException',
      message: `${arnOf(KeyId)} is pending import.`,
    });
  });

  test.each(['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'])(
    'that are disabled or pending deletion, of any spec: %s tells the state first',
    async (operation) => {
      const kms = await machine().worker();
      for (const spec of [{}, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }]) {
        const KeyId = await createKey(kms, spec);
        await kms.call('DisableKey', { KeyId });
        expect((await refusal(kms.call(operation, { KeyId }))).code).toBe('DisabledException');
        await kms.call('ScheduleKeyDeletion', { KeyId });
        expect(await refusal(kms.call(operation, { KeyId }))).toEqual({
          code: 'KMSInvalidStateException',
          message: `${arnOf(KeyId)} is pending deletion.`,
        });
      }
    },
  );
});

describe('a key of imported material', () => {
  /** As ImportKeyMaterial leaves it: one material in use, and another that is pending rotation if `pending`. */
  async function importedKey(pending: Partial<MaterialRecord> | undefined) {
    const { store, worker } = machine();
    const kms = await worker();
    const keyId = await createKey(kms, { Origin: 'EXTERNAL' });
    const identity = { ...own, keyId };
    const made = await Promise.all([
      kms.custody.create(identity, 'SYMMETRIC_DEFAULT'),
      kms.custody.create(identity, 'SYMMETRIC_DEFAULT'),
    ]);
    const [first, second] = made;
    await store.transact(async (transaction) => {
      const rows: [string, MaterialRecord][] = [
        [first.materialId, { ...first.material, createdAtMs: NOW, currentSinceMs: NOW, imported: {} }],
      ];
      if (pending !== undefined) {
        const imported = { description: 'from the safe', expiresAtMs: NOW + DAY_MS };
        rows.push([second.materialId, { ...second.material, createdAtMs: NOW, imported, ...pending }]);
      }
      for (const [id, row] of rows) await transaction.create(materialsTable, materialName(identity, id), row);
      const key = await transaction.get(keysTable, keyName(identity));
      if (key === undefined) throw new Error('the key was created');
      const changed: KeyRecord = {
        ...key.value,
        currentMaterialId: first.materialId,
        imported: { complete: true },
      };
      await transaction.replace(keysTable, keyName(identity), changed, key.version);
    });
    return { kms, keyId, first: first.materialId, second: second.materialId };
  }

  test('is rotated on demand to the material that is pending rotation', async () => {
    const { kms, keyId, first, second } = await importedKey({});
    const before = await encrypt(kms, keyId);
    await kms.call('RotateKeyOnDemand', { KeyId: keyId }, administrator, at(NOW + 1000));
    const after = await encrypt(kms, keyId);
    expect(await materialOf(kms, before)).toBe(first);
    expect(await materialOf(kms, after)).toBe(second);
    const { KeyMetadata } = await kms.call('DescribeKey', { KeyId: keyId });
    expect(KeyMetadata).toMatchObject({
      KeyState: 'Enabled',
      CurrentKeyMaterialId: second,
      ExpirationModel: 'KEY_MATERIAL_EXPIRES',
      ValidTo: new Date(NOW + DAY_MS),
    });
    expect((await refusal(kms.call('RotateKeyOnDemand', { KeyId: keyId }))).code).toBe('KMSInvalidStateException');
  });

  test.each([
    ['without any', undefined],
    ['whose pending material is gone', { wrapped: undefined }],
  ])('%s is not', async (_, pending) => {
    const { kms, keyId } = await importedKey(pending as Partial<MaterialRecord> | undefined);
    expect(await refusal(kms.call('RotateKeyOnDemand', { KeyId: keyId }))).toEqual({
      code: 'KMSInvalidStateException',
      message: `No available key material pending rotation for the key: arn:aws:kms:${REGION}:${ACCOUNT}:key/${keyId}.`,
    });
  });

  test('no longer lists what was pending rotation once it is gone', async () => {
    const { kms, keyId, first } = await importedKey({ wrapped: undefined } as object);
    const all = { KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' };
    const { Rotations } = await kms.call('ListKeyRotations', all);
    expect(Rotations).toEqual([expect.objectContaining({ KeyMaterialId: first, KeyMaterialState: 'CURRENT' })]);
  });

  test('lists what is known of each import, and what is pending rotation last', async () => {
    const { kms, keyId, first, second } = await importedKey({});
    const list = async () =>
      (await kms.call('ListKeyRotations', { KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))['Rotations'];
    const initial = {
      KeyId: keyId,
      KeyMaterialId: first,
      ImportState: 'IMPORTED',
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    };
    const next = {
      KeyId: keyId,
      KeyMaterialId: second,
      KeyMaterialDescription: 'from the safe',
      ImportState: 'IMPORTED',
      ExpirationModel: 'KEY_MATERIAL_EXPIRES',
      ValidTo: new Date(NOW + DAY_MS),
    };
    expect(await list()).toEqual([
      { ...initial, KeyMaterialState: 'CURRENT' },
      { ...next, KeyMaterialState: 'PENDING_ROTATION' },
    ]);
    await kms.call('RotateKeyOnDemand', { KeyId: keyId });
    expect(await list()).toEqual([
      { ...initial, KeyMaterialState: 'NON_CURRENT' },
      { ...next, KeyMaterialState: 'CURRENT', RotationDate: new Date(NOW), RotationType: 'ON_DEMAND' },
    ]);
  });
});

describe('permissions', () => {
  const owner = { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'kms:*', Resource: '*' };

  test('kms:RotationPeriodInDays compares the period that is asked for, or the usual one', async () => {
    const kms = await machine().worker();
    const keyId = await createKey(kms);
    const limited = user('limited', {
      identityPolicies: [
        policy({
          Effect: 'Allow',
          Action: 'kms:EnableKeyRotation',
          Resource: '*',
          Condition: { NumericLessThanEquals: { 'kms:RotationPeriodInDays': '180' } },
        }),
      ],
    });
    const enable = (more: object) => kms.call('EnableKeyRotation', { KeyId: keyId, ...more }, limited);
    expect((await refusal(enable({ RotationPeriodInDays: 181 }))).code).toBe('AccessDeniedException');
    expect((await refusal(enable({}))).code).toBe('AccessDeniedException');
    await enable({ RotationPeriodInDays: 180 });
  });

  test('another account can ask for the status of a key that is shared with it, and for nothing else', async () => {
    const kms = await machine().worker();
    const sharing = { Effect: 'Allow', Principal: { AWS: OTHER_ACCOUNT }, Action: 'kms:*', Resource: '*' };
    const keyId = await createKey(kms, { Policy: keyPolicy(owner, sharing) });
    const KeyId = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${keyId}`;
    const all = policy({ Effect: 'Allow', Action: 'kms:*', Resource: '*' });
    const foreigner = user('foreigner', { accountId: OTHER_ACCOUNT, identityPolicies: [all] });
    expect(await kms.call('GetKeyRotationStatus', { KeyId }, foreigner)).toEqual({
      KeyId: keyId,
      KeyRotationEnabled: false,
    });
    for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand', 'ListKeyRotations']) {
      expect((await refusal(kms.call(operation, { KeyId }, foreigner))).code).toBe('AccessDeniedException');
    }
  });
});

test('a key that is destroyed takes its schedule and all its materials with it, however many', async () => {
  const m = machine();
  const kms = await m.worker();
  const keyId = await rotatingKey(kms, 90);
  const identity = { ...own, keyId };
  const made = await Promise.all(Array.from({ length: 1001 }, () => kms.custody.create(identity, 'SYMMETRIC_DEFAULT')));
  await m.store.transact(async (transaction) => {
    for (const { materialId, material } of made) {
      const row: MaterialRecord = { ...material, createdAtMs: NOW, currentSinceMs: NOW, rotationType: 'AUTOMATIC' };
      await transaction.create(materialsTable, materialName(identity, materialId), row);
    }
  });
  await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  expect((await doDueWork(m.store, destroyDueKeys, NOW + 7 * DAY_MS, unrecorded)).done).toEqual([identity]);
  expect(await notes(m.store)).toEqual([]);
  expect(await m.store.names(materialsTable, { prefix: '', limit: 10 })).toEqual([]);
});
