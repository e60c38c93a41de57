import { describe, expect, test } from 'vitest';
import { type KeyRecord, MOST_REPLICAS_PER_KEY } from '../../keys/key.ts';
import type { MaterialRecord } from '../../keys/material.ts';
import { keyName, keysTable, materialName, materialsTable, rotationsTable } from '../../keys/tables.ts';
import type { Caller } from '../caller.ts';
import { ACCOUNT, administrator, keyPolicy, NOW, policy, REGION, user } from '../scope.test-helper.ts';
import { destroyDueKeys } from './destroy-due-keys.ts';
import { doDueWork } from './due-work.ts';
import { type Machine, machine, refusal, unrecorded, type Worker } from './kms.test-helper.ts';
import { rotateDueKeys } from './rotate-due-keys.ts';

const DAY_MS = 86_400_000;
const [VIRGINIA, IRELAND, SYDNEY] = [REGION, 'eu-west-1', 'ap-southeast-2'];
const plaintext = Buffer.from('attack at dawn');

/** Calls operations in a Region of choice. */
async function regions(m: Machine = machine()) {
  const worker = await m.worker();
  const call = (region: string, operation: string, input: object, caller: Caller = administrator, nowMs = NOW) =>
    worker.call(operation, input, caller, { region, nowMs });
  return { m, worker, call };
}

type Call = Awaited<ReturnType<typeof regions>>['call'];

/** A primary key in Virginia with replicas in these Regions; gives the id that all of them have. */
async function multiRegionKey(call: Call, replicas: readonly string[] = [], input: object = {}): Promise<string> {
  const { KeyMetadata } = await call(VIRGINIA, 'CreateKey', { MultiRegion: true, ...input });
  const { KeyId } = KeyMetadata as { KeyId: string };
  for (const ReplicaRegion of replicas) await call(VIRGINIA, 'ReplicateKey', { KeyId, ReplicaRegion });
  return KeyId;
}

const arnIn = (region: string, keyId: string) => `arn:aws:kms:${region}:${ACCOUNT}:key/${keyId}`;

async function describeKey(call: Call, region: string, KeyId: string, nowMs = NOW): Promise<Record<string, unknown>> {
  const { KeyMetadata } = await call(region, 'DescribeKey', { KeyId }, administrator, nowMs);
  return KeyMetadata as Record<string, unknown>;
}

async function configuration(call: Call, region: string, keyId: string, nowMs = NOW) {
  const { MultiRegionConfiguration } = await describeKey(call, region, keyId, nowMs);
  const { MultiRegionKeyType, PrimaryKey, ReplicaKeys } = MultiRegionConfiguration as {
    MultiRegionKeyType: string;
    PrimaryKey: { Region: string; Arn: string };
    ReplicaKeys: { Region: string; Arn: string }[];
  };
  for (const { Arn, Region } of [PrimaryKey, ...ReplicaKeys]) expect(Arn).toBe(arnIn(Region, keyId));
  return { type: MultiRegionKeyType, primary: PrimaryKey.Region, replicas: ReplicaKeys.map(({ Region }) => Region) };
}

async function encrypt(call: Call, region: string, KeyId: string): Promise<Buffer> {
  return (await call(region, 'Encrypt', { KeyId, Plaintext: plaintext }))['CiphertextBlob'] as Buffer;
}

async function sweep(m: Machine, work: typeof destroyDueKeys, nowMs: number): Promise<string[]> {
  const { done, failures } = await doDueWork(m.store, work, nowMs, unrecorded);
  expect(failures).toEqual([]);
  return done.map(({ region }) => region);
}

describe('ReplicateKey', () => {
  test('does not let a key grow without end by Regions that nobody has', async () => {
    const { call } = await regions();
    const made = Array.from({ length: MOST_REPLICAS_PER_KEY }, (_, number) => `made-up-${number}`);
    const keyId = await multiRegionKey(call, made);
    await expect(call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND })).rejects.toMatchObject({
      code: 'LimitExceededException',
      message: `${arnIn(VIRGINIA, keyId)} has the ${MOST_REPLICAS_PER_KEY} replicas it can have.`,
    });
    expect((await configuration(call, VIRGINIA, keyId)).replicas).toHaveLength(MOST_REPLICAS_PER_KEY);
  });

  test('answers with a key that is being created, and that is ready as soon as it has answered', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call);
    const { CurrentKeyMaterialId } = await describeKey(call, VIRGINIA, keyId);
    const answer = await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND });
    expect(answer).toMatchObject({
      ReplicaKeyMetadata: {
        Arn: arnIn(IRELAND, keyId),
        KeyId: keyId,
        KeyState: 'Creating',
        Enabled: false,
        Description: '',
        KeySpec: 'SYMMETRIC_DEFAULT',
        KeyUsage: 'ENCRYPT_DECRYPT',
        Origin: 'AWS_KMS',
        MultiRegion: true,
        CurrentKeyMaterialId,
      },
    });
    expect(answer).not.toHaveProperty('ReplicaTags');
    expect(JSON.parse(answer['ReplicaPolicy'] as string)).toMatchObject({ Id: 'key-default-1' });
    expect(await describeKey(call, IRELAND, keyId)).toMatchObject({ KeyState: 'Enabled', Enabled: true });
  });

  test('is known to every related key', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND, SYDNEY]);
    const related = { primary: VIRGINIA, replicas: [SYDNEY, IRELAND] };
    expect(await configuration(call, VIRGINIA, keyId)).toEqual({ type: 'PRIMARY', ...related });
    expect(await configuration(call, IRELAND, keyId)).toEqual({ type: 'REPLICA', ...related });
    expect(await configuration(call, SYDNEY, keyId)).toEqual({ type: 'REPLICA', ...related });
  });

  test('gives the replica a policy, a description, tags and a state of its own', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [], {
      Description: 'of the primary',
      Tags: [{ TagKey: 'of', TagValue: 'the primary' }],
    });
    const Policy = keyPolicy({ Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'kms:*', Resource: '*' });
    const Tags = [{ TagKey: 'of', TagValue: 'the replica' }];
    const more = { Policy, Tags, Description: 'of the replica' };
    const answer = await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND, ...more });
    expect(answer).toMatchObject({ ReplicaPolicy: Policy, ReplicaTags: Tags });
    expect((await describeKey(call, IRELAND, keyId))['Description']).toBe('of the replica');
    expect((await call(IRELAND, 'GetKeyPolicy', { KeyId: keyId }))['Policy']).toBe(Policy);
    expect((await call(IRELAND, 'ListResourceTags', { KeyId: keyId }))['Tags']).toEqual(Tags);
    await call(VIRGINIA, 'DisableKey', { KeyId: keyId });
    expect((await describeKey(call, IRELAND, keyId))['KeyState']).toBe('Enabled');
    expect((await describeKey(call, VIRGINIA, keyId))['Description']).toBe('of the primary');
  });

  test('lets each related key decrypt what another encrypted, with every version of the material', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call);
    const blobs = [await encrypt(call, VIRGINIA, keyId)];
    await call(VIRGINIA, 'RotateKeyOnDemand', { KeyId: keyId });
    blobs.push(await encrypt(call, VIRGINIA, keyId));
    for (const ReplicaRegion of [IRELAND, SYDNEY]) {
      await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion });
    }
    blobs.push(await encrypt(call, IRELAND, keyId));
    for (const region of [VIRGINIA, IRELAND, SYDNEY]) {
      for (const CiphertextBlob of blobs) {
        expect(await call(region, 'Decrypt', { CiphertextBlob })).toMatchObject({
          Plaintext: plaintext,
          KeyId: arnIn(region, keyId),
        });
      }
    }
    const { CurrentKeyMaterialId } = await describeKey(call, VIRGINIA, keyId);
    expect((await call(SYDNEY, 'Decrypt', { CiphertextBlob: blobs[2] }))['KeyMaterialId']).toBe(CurrentKeyMaterialId);
  });

  test('copies keys of every spec: what one Region signs, another verifies', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND], { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const signing = { KeyId: keyId, Message: plaintext, SigningAlgorithm: 'ECDSA_SHA_256' };
    const { Signature } = await call(VIRGINIA, 'Sign', signing);
    expect(await call(IRELAND, 'Verify', { ...signing, Signature })).toMatchObject({ SignatureValid: true });
    const keys = await Promise.all([VIRGINIA, IRELAND].map((region) => call(region, 'GetPublicKey', { KeyId: keyId })));
    expect(keys[0]?.['PublicKey']).toEqual(keys[1]?.['PublicKey']);
  });

  test('is refused where the Region has the key already, the primary’s own included', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    const replicate = (ReplicaRegion: string) => call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion });
    for (const region of [IRELAND, VIRGINIA]) {
      expect((await refusal(replicate(region))).code).toBe('AlreadyExistsException');
    }
    await call(IRELAND, 'ScheduleKeyDeletion', { KeyId: keyId });
    expect((await refusal(replicate(IRELAND))).code).toBe('AlreadyExistsException');
  });

  test.each(['cn-north-1', 'us-gov-west-1'])('is refused for %s, which is in another partition', async (region) => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call);
    const refused = call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: region });
    expect((await refusal(refused)).code).toBe('UnsupportedOperationException');
  });

  test('is for primary keys only', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    expect(await refusal(call(IRELAND, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: SYDNEY }))).toEqual({
      code: 'UnsupportedOperationException',
      message: `${arnIn(IRELAND, keyId)} is not a multi-Region primary key.`,
    });
    const { KeyMetadata } = await call(VIRGINIA, 'CreateKey', {});
    const { KeyId, Arn } = KeyMetadata as { KeyId: string; Arn: string };
    expect(await refusal(call(VIRGINIA, 'ReplicateKey', { KeyId, ReplicaRegion: IRELAND }))).toEqual({
      code: 'UnsupportedOperationException',
      message: `${Arn} is not a multi-Region primary key.`,
    });
  });

  test('does not make a key with a policy that locks its maker out, or that nobody can read', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call);
    const locked = keyPolicy({ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:Encrypt', Resource: '*' });
    for (const Policy of [locked, 'not a policy']) {
      const refused = call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND, Policy });
      expect((await refusal(refused)).code).toBe('MalformedPolicyDocumentException');
    }
    expect((await configuration(call, VIRGINIA, keyId)).replicas).toEqual([]);
    await call(VIRGINIA, 'ReplicateKey', {
      KeyId: keyId,
      ReplicaRegion: IRELAND,
      Policy: locked,
      BypassPolicyLockoutSafetyCheck: true,
    });
  });

  test('of a disabled key, or one whose deletion is pending, is refused for its state', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call);
    const replicate = () => call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND });
    await call(VIRGINIA, 'DisableKey', { KeyId: keyId });
    expect((await refusal(replicate())).code).toBe('DisabledException');
    await call(VIRGINIA, 'ScheduleKeyDeletion', { KeyId: keyId });
    expect((await refusal(replicate())).code).toBe('KMSInvalidStateException');
  });
});

describe('the permissions of ReplicateKey', () => {
  const replicate = async (...statements: object[]) => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call);
    const caller = user('replicator', { identityPolicies: [policy(...statements)] });
    return (more: object = {}) =>
      call(
        VIRGINIA,
        'ReplicateKey',
        { KeyId: keyId, ReplicaRegion: IRELAND, BypassPolicyLockoutSafetyCheck: true, ...more },
        caller,
      );
  };
  const allow = (Action: string | string[], Condition?: object) => ({
    Effect: 'Allow',
    Action,
    Resource: '*',
    ...(Condition === undefined ? {} : { Condition }),
  });
  const inRegion = (region: string) => ({ StringEquals: { 'aws:RequestedRegion': region } });

  test.each([
    ['neither', [allow('kms:TagResource')]],
    ['only to replicate', [allow('kms:ReplicateKey')]],
    ['only to create', [allow('kms:CreateKey')]],
    ['to create in another Region', [allow('kms:ReplicateKey'), allow('kms:CreateKey', inRegion(VIRGINIA))]],
    ['to replicate in another Region', [allow('kms:CreateKey'), allow('kms:ReplicateKey', inRegion(IRELAND))]],
    [
      'to replicate to another Region',
      [allow('kms:CreateKey'), allow('kms:ReplicateKey', { StringEquals: { 'kms:ReplicaRegion': SYDNEY } })],
    ],
    [
      'to create single-Region keys',
      [allow('kms:ReplicateKey'), allow('kms:CreateKey', { Bool: { 'kms:MultiRegion': 'false' } })],
    ],
    [
      'to create primary keys',
      [allow('kms:ReplicateKey'), allow('kms:CreateKey', { StringEquals: { 'kms:MultiRegionKeyType': 'PRIMARY' } })],
    ],
  ])('%s is not enough', async (_, statements) => {
    expect((await refusal((await replicate(...statements))())).code).toBe('AccessDeniedException');
  });

  test.each([
    ['both', [allow(['kms:ReplicateKey', 'kms:CreateKey'])]],
    ['each in its Region', [allow('kms:ReplicateKey', inRegion(VIRGINIA)), allow('kms:CreateKey', inRegion(IRELAND))]],
    [
      'to this Region, of a replica of this kind',
      [
        allow('kms:ReplicateKey', { StringEquals: { 'kms:ReplicaRegion': IRELAND } }),
        allow('kms:CreateKey', {
          StringEquals: {
            'kms:MultiRegionKeyType': 'REPLICA',
            'kms:KeySpec': 'SYMMETRIC_DEFAULT',
            'kms:KeyUsage': 'ENCRYPT_DECRYPT',
            'kms:KeyOrigin': 'AWS_KMS',
          },
          Bool: { 'kms:MultiRegion': 'true', 'kms:BypassPolicyLockoutSafetyCheck': 'true' },
        }),
      ],
    ],
  ])('%s is', async (_, statements) => {
    await (await replicate(...statements))();
  });

  test('tags take the permission to tag, in the replica’s Region', async () => {
    const Tags = [{ TagKey: 'team', TagValue: 'orders' }];
    const both = allow(['kms:ReplicateKey', 'kms:CreateKey']);
    expect((await refusal((await replicate(both))({ Tags }))).code).toBe('AccessDeniedException');
    const elsewhere = allow('kms:TagResource', inRegion(VIRGINIA));
    expect((await refusal((await replicate(both, elsewhere))({ Tags }))).code).toBe('AccessDeniedException');
    await (await replicate(both, allow('kms:TagResource', inRegion(IRELAND))))({ Tags });
  });
});

describe('rotation of related keys', () => {
  const status = (call: Call, region: string, KeyId: string) => call(region, 'GetKeyRotationStatus', { KeyId });

  test('is set on the primary, and shown by each of them', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    await call(VIRGINIA, 'EnableKeyRotation', { KeyId: keyId, RotationPeriodInDays: 90 });
    await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: SYDNEY });
    const expected = await status(call, VIRGINIA, keyId);
    expect(expected).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 90 });
    for (const region of [IRELAND, SYDNEY]) expect(await status(call, region, keyId)).toEqual(expected);
    await call(VIRGINIA, 'DisableKeyRotation', { KeyId: keyId });
    for (const region of [VIRGINIA, IRELAND, SYDNEY]) {
      expect(await status(call, region, keyId)).toEqual({ KeyId: keyId, KeyRotationEnabled: false });
    }
  });

  test.each(['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'])(
    '%s is not for replicas',
    async (operation) => {
      const { call } = await regions();
      const keyId = await multiRegionKey(call, [IRELAND]);
      expect(await refusal(call(IRELAND, operation, { KeyId: keyId }))).toEqual({
        code: 'UnsupportedOperationException',
        message: `${arnIn(IRELAND, keyId)} is not a multi-Region primary key.`,
      });
    },
  );

  test('gives all of them the same new material at once, on every worker', async () => {
    const { m, call } = await regions();
    const other = await regions(m);
    const keyId = await multiRegionKey(call, [IRELAND, SYDNEY]);
    for (const region of [VIRGINIA, IRELAND, SYDNEY]) await encrypt(other.call, region, keyId);
    await call(VIRGINIA, 'RotateKeyOnDemand', { KeyId: keyId });
    const { CurrentKeyMaterialId } = await describeKey(call, VIRGINIA, keyId);
    for (const region of [VIRGINIA, IRELAND, SYDNEY]) {
      const CiphertextBlob = await encrypt(other.call, region, keyId);
      for (const elsewhere of [VIRGINIA, IRELAND, SYDNEY]) {
        const { KeyMaterialId } = await other.call(elsewhere, 'Decrypt', { CiphertextBlob });
        expect(KeyMaterialId).toBe(CurrentKeyMaterialId);
      }
    }
  });

  test('happens once for all of them, also when a replica is disabled, and is listed by each', async () => {
    const { m, worker, call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    await call(VIRGINIA, 'EnableKeyRotation', { KeyId: keyId, RotationPeriodInDays: 90 });
    await call(IRELAND, 'DisableKey', { KeyId: keyId });
    expect(await sweep(m, rotateDueKeys(worker.custody), NOW + 90 * DAY_MS)).toEqual([VIRGINIA]);
    await call(IRELAND, 'EnableKey', { KeyId: keyId });
    expect(await m.store.names(rotationsTable, { prefix: '', limit: 10 })).toHaveLength(1);
    expect(await sweep(m, rotateDueKeys(worker.custody), NOW + 91 * DAY_MS)).toEqual([]);
    const all = { KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' };
    const expected = await call(VIRGINIA, 'ListKeyRotations', all);
    expect(expected['Rotations']).toHaveLength(2);
    expect(await call(IRELAND, 'ListKeyRotations', all)).toEqual(expected);
  });
});

describe('UpdatePrimaryRegion', () => {
  const update = (call: Call, KeyId: string, PrimaryRegion: string, region = VIRGINIA) =>
    call(region, 'UpdatePrimaryRegion', { KeyId, PrimaryRegion });

  test('makes the replica the primary, in the eyes of every related key', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND, SYDNEY]);
    await update(call, keyId, IRELAND);
    const related = { primary: IRELAND, replicas: [SYDNEY, VIRGINIA] };
    expect(await configuration(call, IRELAND, keyId)).toEqual({ type: 'PRIMARY', ...related });
    expect(await configuration(call, VIRGINIA, keyId)).toEqual({ type: 'REPLICA', ...related });
    expect(await configuration(call, SYDNEY, keyId)).toEqual({ type: 'REPLICA', ...related });
    await call(IRELAND, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: 'eu-central-1' });
    expect((await refusal(update(call, keyId, SYDNEY))).message).toBe(
      `${arnIn(VIRGINIA, keyId)} is not a multi-Region primary key.`,
    );
  });

  test('hands the schedule of rotations over as it is', async () => {
    const { m, worker, call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    await call(VIRGINIA, 'EnableKeyRotation', { KeyId: keyId, RotationPeriodInDays: 90 });
    await update(call, keyId, IRELAND);
    expect(await m.store.names(rotationsTable, { prefix: '', limit: 10 })).toHaveLength(1);
    expect(await sweep(m, rotateDueKeys(worker.custody), NOW + 90 * DAY_MS - 1)).toEqual([]);
    expect(await sweep(m, rotateDueKeys(worker.custody), NOW + 90 * DAY_MS)).toEqual([IRELAND]);
    const { CurrentKeyMaterialId } = await describeKey(call, IRELAND, keyId);
    expect(await describeKey(call, VIRGINIA, keyId)).toMatchObject({ CurrentKeyMaterialId });
  });

  test('takes a replica that is there, and another key than the primary itself', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    expect(await refusal(update(call, keyId, SYDNEY))).toEqual({
      code: 'NotFoundException',
      message: `Key '${arnIn(SYDNEY, keyId)}' does not exist`,
    });
    expect((await refusal(update(call, keyId, VIRGINIA))).code).toBe('UnsupportedOperationException');
    const { KeyMetadata } = await call(VIRGINIA, 'CreateKey', {});
    const { KeyId } = KeyMetadata as { KeyId: string };
    expect((await refusal(update(call, KeyId, IRELAND))).code).toBe('UnsupportedOperationException');
  });

  test('takes both keys enabled', async () => {
    const { call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    for (const region of [VIRGINIA, IRELAND]) {
      await call(region, 'DisableKey', { KeyId: keyId });
      expect(await refusal(update(call, keyId, IRELAND))).toEqual({
        code: 'DisabledException',
        message: `${arnIn(region, keyId)} is disabled.`,
      });
      await call(region, 'ScheduleKeyDeletion', { KeyId: keyId });
      expect((await refusal(update(call, keyId, IRELAND))).code).toBe('KMSInvalidStateException');
      await call(region, 'CancelKeyDeletion', { KeyId: keyId });
      await call(region, 'EnableKey', { KeyId: keyId });
    }
    await update(call, keyId, IRELAND);
  });

  describe('takes permission', () => {
    const asUser = async (statements: object[], replicaPolicy?: string) => {
      const { call } = await regions();
      const keyId = await multiRegionKey(call);
      await call(VIRGINIA, 'ReplicateKey', {
        KeyId: keyId,
        ReplicaRegion: IRELAND,
        BypassPolicyLockoutSafetyCheck: true,
        ...(replicaPolicy === undefined ? {} : { Policy: replicaPolicy }),
      });
      const caller = user('mover', { identityPolicies: [policy(...statements)] });
      return (PrimaryRegion = IRELAND) =>
        call(VIRGINIA, 'UpdatePrimaryRegion', { KeyId: keyId, PrimaryRegion }, caller);
    };
    const allow = (more: object = {}) => ({
      Effect: 'Allow',
      Action: 'kms:UpdatePrimaryRegion',
      Resource: '*',
      ...more,
    });

    test.each([
      ['on the primary alone', allow({ Resource: `arn:aws:kms:${VIRGINIA}:${ACCOUNT}:key/*` })],
      ['on the replica alone', allow({ Resource: `arn:aws:kms:${IRELAND}:${ACCOUNT}:key/*` })],
      [
        'in the Region of the primary alone',
        allow({ Condition: { StringEquals: { 'aws:RequestedRegion': VIRGINIA } } }),
      ],
      ['for another Region', allow({ Condition: { StringEquals: { 'kms:PrimaryRegion': SYDNEY } } })],
    ])('%s is not enough', async (_, statement) => {
      expect((await refusal((await asUser([statement]))())).code).toBe('AccessDeniedException');
    });

    test('for this Region, on both keys', async () => {
      await (await asUser([allow({ Condition: { StringEquals: { 'kms:PrimaryRegion': IRELAND } } })]))();
    });

    test('of the replica’s own policy', async () => {
      const denying = keyPolicy({ Effect: 'Deny', Principal: '*', Action: 'kms:UpdatePrimaryRegion', Resource: '*' });
      expect((await refusal((await asUser([allow()], denying))())).code).toBe('AccessDeniedException');
    });

    test('before it tells whether there is a replica', async () => {
      const here = allow({ Resource: `arn:aws:kms:${VIRGINIA}:${ACCOUNT}:key/*` });
      expect((await refusal((await asUser([here]))(SYDNEY))).code).toBe('AccessDeniedException');
      expect((await refusal((await asUser([allow()]))(SYDNEY))).code).toBe('NotFoundException');
    });
  });
});

describe('deleting related keys', () => {
  const schedule = (call: Call, region: string, KeyId: string, PendingWindowInDays = 7) =>
    call(region, 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays });

  test('a primary waits for its replicas, and its own waiting period begins when the last is gone', async () => {
    const { m, call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND, SYDNEY]);
    expect(await schedule(call, VIRGINIA, keyId, 10)).toEqual({
      KeyId: arnIn(VIRGINIA, keyId),
      KeyState: 'PendingReplicaDeletion',
      PendingWindowInDays: 10,
    });
    expect(await describeKey(call, VIRGINIA, keyId)).toMatchObject({
      KeyState: 'PendingReplicaDeletion',
      PendingDeletionWindowInDays: 10,
    });
    expect((await describeKey(call, VIRGINIA, keyId))['DeletionDate']).toBeUndefined();
    expect((await refusal(encrypt(call, VIRGINIA, keyId))).message).toBe(
      `${arnIn(VIRGINIA, keyId)} is pending replica deletion.`,
    );
    await encrypt(call, IRELAND, keyId);

    await schedule(call, IRELAND, keyId, 7);
    await schedule(call, SYDNEY, keyId, 8);
    expect(await sweep(m, destroyDueKeys, NOW + 7 * DAY_MS)).toEqual([IRELAND]);
    const stillWaiting = await describeKey(call, VIRGINIA, keyId, NOW + 7 * DAY_MS);
    expect(stillWaiting['KeyState']).toBe('PendingReplicaDeletion');
    expect((await configuration(call, VIRGINIA, keyId, NOW + 7 * DAY_MS)).replicas).toEqual([SYDNEY]);

    const lastGoneAt = NOW + 9 * DAY_MS;
    expect(await sweep(m, destroyDueKeys, lastGoneAt)).toEqual([SYDNEY]);
    expect(await describeKey(call, VIRGINIA, keyId, lastGoneAt)).toMatchObject({
      KeyState: 'PendingDeletion',
      DeletionDate: new Date(lastGoneAt + 10 * DAY_MS),
    });
    expect(await sweep(m, destroyDueKeys, lastGoneAt + 10 * DAY_MS - 1)).toEqual([]);
    expect(await sweep(m, destroyDueKeys, lastGoneAt + 10 * DAY_MS)).toEqual([VIRGINIA]);
    expect(await m.store.names(keysTable, { prefix: '', limit: 10 })).toEqual([]);
    expect(await m.store.names(materialsTable, { prefix: '', limit: 10 })).toEqual([]);
  });

  test('a primary without replicas does not wait', async () => {
    const { m, call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    await schedule(call, IRELAND, keyId);
    await sweep(m, destroyDueKeys, NOW + 7 * DAY_MS);
    expect(await schedule(call, VIRGINIA, keyId)).toMatchObject({
      KeyState: 'PendingDeletion',
      DeletionDate: new Date(NOW + 7 * DAY_MS),
    });
  });

  test('a primary whose deletion was cancelled stays, disabled, when its replicas go', async () => {
    const { m, call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    await schedule(call, VIRGINIA, keyId);
    expect(await call(VIRGINIA, 'CancelKeyDeletion', { KeyId: keyId })).toEqual({ KeyId: arnIn(VIRGINIA, keyId) });
    expect((await describeKey(call, VIRGINIA, keyId))['KeyState']).toBe('Disabled');
    await schedule(call, IRELAND, keyId);
    await sweep(m, destroyDueKeys, NOW + 7 * DAY_MS);
    expect(await sweep(m, destroyDueKeys, NOW + 100 * DAY_MS)).toEqual([]);
    expect(await configuration(call, VIRGINIA, keyId)).toEqual({ type: 'PRIMARY', primary: VIRGINIA, replicas: [] });
    expect((await describeKey(call, VIRGINIA, keyId))['KeyState']).toBe('Disabled');
  });

  test('a replica that is gone vanishes from its related keys, and can be made again with the same material', async () => {
    const { m, call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND, SYDNEY]);
    const CiphertextBlob = await encrypt(call, IRELAND, keyId);
    await schedule(call, IRELAND, keyId);
    await sweep(m, destroyDueKeys, NOW + 7 * DAY_MS);
    for (const region of [VIRGINIA, SYDNEY]) {
      expect((await configuration(call, region, keyId)).replicas).toEqual([SYDNEY]);
    }
    await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND });
    expect(await call(IRELAND, 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: plaintext });
  });

  test('a replica whose deletion is due is not in the way of its successor, which the sweeper leaves alone', async () => {
    const { m, call } = await regions();
    const keyId = await multiRegionKey(call, [IRELAND]);
    await call(IRELAND, 'CreateAlias', { AliasName: 'alias/old', TargetKeyId: keyId });
    await schedule(call, IRELAND, keyId);
    const due = NOW + 7 * DAY_MS;
    await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND }, administrator, due);
    expect(await sweep(m, destroyDueKeys, due)).toEqual([]);
    expect((await describeKey(call, IRELAND, keyId, due))['KeyState']).toBe('Enabled');
    expect((await configuration(call, VIRGINIA, keyId, due)).replicas).toEqual([IRELAND]);
    expect((await call(IRELAND, 'ListAliases', { KeyId: keyId }, administrator, due))['Aliases']).toEqual([]);
  });
});

describe('related keys of imported material', () => {
  /** As ImportKeyMaterial leaves it: material in use, and other material that is pending rotation. */
  async function giveMaterial(
    { m, worker }: { m: Machine; worker: Worker },
    keyId: string,
    made: Made[],
    region: string,
  ) {
    const identity = { accountId: ACCOUNT, region, keyId };
    await m.store.transact(async (transaction) => {
      for (const [index, { materialId, material }] of made.entries()) {
        const owner = { accountId: ACCOUNT, region: VIRGINIA, keyId };
        const own =
          region === VIRGINIA ? material : worker.custody.rewrap({ ...owner, materialId }, material, identity);
        const name = materialName(identity, materialId);
        const row: MaterialRecord = {
          ...own,
          createdAtMs: NOW,
          imported: {},
          ...(index === 0 ? { currentSinceMs: NOW } : {}),
        };
        const existing = await transaction.get(materialsTable, name);
        if (existing === undefined) await transaction.create(materialsTable, name, row);
        else await transaction.replace(materialsTable, name, row, existing.version);
      }
      const key = await transaction.get(keysTable, keyName(identity));
      if (key === undefined) throw new Error('the key was created');
      const currentMaterialId = made[0]?.materialId ?? '';
      const changed: KeyRecord = { ...key.value, currentMaterialId, imported: { complete: true } };
      await transaction.replace(keysTable, keyName(identity), changed, key.version);
    });
  }

  type Made = Awaited<ReturnType<Worker['custody']['create']>>;

  async function importedKey() {
    const all = await regions();
    const keyId = await multiRegionKey(all.call, [], { Origin: 'EXTERNAL' });
    const owner = { accountId: ACCOUNT, region: VIRGINIA, keyId };
    const made = [
      await all.worker.custody.create(owner, 'SYMMETRIC_DEFAULT'),
      await all.worker.custody.create(owner, 'SYMMETRIC_DEFAULT'),
    ];
    return { ...all, keyId, made };
  }

  test('a primary without material is not replicated', async () => {
    const { call, keyId } = await importedKey();
    const refused = call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND });
    expect((await refusal(refused)).message).toBe(`${arnIn(VIRGINIA, keyId)} is pending import.`);
  });

  test('a replica begins without any, pending the import of the same material', async () => {
    const fixture = await importedKey();
    const { call, keyId, made, m } = fixture;
    await giveMaterial(fixture, keyId, made, VIRGINIA);
    const CiphertextBlob = await encrypt(call, VIRGINIA, keyId);
    await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND });
    expect(await describeKey(call, IRELAND, keyId)).toMatchObject({
      KeyState: 'PendingImport',
      CurrentKeyMaterialId: made[0]?.materialId,
    });
    expect((await refusal(call(IRELAND, 'Decrypt', { CiphertextBlob }))).code).toBe('KMSInvalidStateException');
    const rows = await m.store.list(materialsTable, { prefix: `${ACCOUNT}/${IRELAND}/`, limit: 10 });
    expect(rows.map(({ value }) => value)).toEqual([{ createdAtMs: NOW, currentSinceMs: NOW }]);
    await giveMaterial(fixture, keyId, made.slice(0, 1), IRELAND);
    expect(await call(IRELAND, 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: plaintext });
  });

  test('they are rotated once the new material is in all of them', async () => {
    const fixture = await importedKey();
    const { call, keyId, made } = fixture;
    await giveMaterial(fixture, keyId, made, VIRGINIA);
    await call(VIRGINIA, 'ReplicateKey', { KeyId: keyId, ReplicaRegion: IRELAND });
    const rotate = () => call(VIRGINIA, 'RotateKeyOnDemand', { KeyId: keyId });
    const stateOfNext = async () => {
      const all = { KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' };
      const { Rotations } = await call(VIRGINIA, 'ListKeyRotations', all);
      return (Rotations as { KeyMaterialState: string }[])[1]?.KeyMaterialState;
    };
    expect(await stateOfNext()).toBe('PENDING_MULTI_REGION_IMPORT_AND_ROTATION');
    expect((await refusal(rotate())).code).toBe('KMSInvalidStateException');
    await giveMaterial(fixture, keyId, made, IRELAND);
    expect(await stateOfNext()).toBe('PENDING_ROTATION');
    await rotate();
    for (const region of [VIRGINIA, IRELAND]) {
      expect(await describeKey(call, region, keyId)).toMatchObject({
        KeyState: 'Enabled',
        CurrentKeyMaterialId: made[1]?.materialId,
      });
    }
    const CiphertextBlob = await encrypt(call, IRELAND, keyId);
    expect(await call(VIRGINIA, 'Decrypt', { CiphertextBlob })).toMatchObject({ KeyMaterialId: made[1]?.materialId });
  });
});

test('the ARN of a related key in another Region is not found: each is used in its own', async () => {
  const { call } = await regions();
  const keyId = await multiRegionKey(call, [IRELAND]);
  expect(await refusal(call(VIRGINIA, 'DescribeKey', { KeyId: arnIn(IRELAND, keyId) }))).toEqual({
    code: 'NotFoundException',
    message: `Invalid arn ${IRELAND}`,
  });
});
