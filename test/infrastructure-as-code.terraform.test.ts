import { randomBytes } from 'node:crypto';
import {
  DecryptCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  type KeySpec,
  type KeyUsageType,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from './support/clients.ts';
import { newUser } from './support/iam.ts';
import { expectRefusal, newKey, noSuchKeyId } from './support/kms.ts';
import { opensslCommand } from './support/openssl.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import {
  createAlias,
  createExternalKey,
  createGrant,
  createKey,
  createReplica,
  deleteAlias,
  deleteGrant,
  deleteKey,
  type GrantResource,
  importMaterial,
  type KeyResource,
  normalizedJson,
  readAlias,
  readGrant,
  readKey,
  readKeyInfo,
  updateAlias,
  updateEnabled,
  updateKey,
  updatePolicy,
  updateTags,
  validTo,
} from './support/terraform-provider.ts';

/**
 * What Terraform writes is what it reads back, attribute for attribute, so that a second `terraform apply` finds nothing to
 * change. Terraform does not run here: its AWS provider cannot be installed from npm or Debian. These are the provider's
 * calls, in its order, with what it waits for and compares (`support/terraform-provider.ts`).
 */

const DAY_MS = 24 * 60 * 60 * 1000;

let server: TestServer;
let kms: KMSClient;
let ireland: KMSClient;
let root: string;
let reader: string;
let reaper: string;
let resource: KeyResource;

const clientIn = (region: string): KMSClient => (region === 'eu-west-1' ? ireland : kms);

beforeAll(async () => {
  server = await startServer({ workers: 2 });
  [kms, ireland] = [server.kms(), server.kms({ region: 'eu-west-1' })];
  root = `arn:aws:iam::${server.accountId}:root`;
  [reader, reaper] = [await newUser(server, 'reader', '/service/'), await newUser(server, 'reaper')];
  resource = {
    customer_master_key_spec: 'SYMMETRIC_DEFAULT',
    key_usage: 'ENCRYPT_DECRYPT',
    description: 'Bestellungen von "Müller & Söhne" \u{1f511}',
    is_enabled: true,
    enable_key_rotation: true,
    rotation_period_in_days: 90,
    multi_region: false,
    policy: policyOf('orders'),
    tags: { team: 'orders', 'cost:center': '4711', empty: '', Größe: 'für / alle + Fälle = @' },
  };
});

afterAll(async () => {
  for (const client of [kms, ireland]) client?.destroy();
  await cleanUp(server);
});

/** As people write it: on several lines, members in any order, and with what JSON may escape. */
function policyOf(id: string): string {
  return `{
    "Version": "2012-10-17",
    "Id": "${id} <&> é",
    "Statement": [
      { "Sid": "Administration", "Effect": "Allow", "Principal": { "AWS": "${root}" }, "Action": "kms:*", "Resource": "*" },
      {
        "Sid": "Use", "Effect": "Allow", "Principal": { "AWS": ["${root}"] },
        "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": ["*"],
        "Condition": { "StringEquals": { "kms:EncryptionContext:tenant": ["b", "a"] }, "Bool": { "aws:SecureTransport": "true" } }
      }
    ]
  }`;
}

/** A resource as it must be read: with the text of the policy that the provider sends. */
function asRead(written: KeyResource): KeyResource {
  return { ...written, policy: normalizedJson(written.policy) };
}

describe('aws_kms_key', () => {
  test('is read as it was created', async () => {
    const id = await createKey(kms, resource);
    expect(await readKey(kms, id)).toEqual(asRead(resource));
  });

  test('is read as it was created when it is disabled, and keeps its rotation', async () => {
    const disabled = { ...resource, is_enabled: false };
    const id = await createKey(kms, disabled);
    expect(await readKey(kms, id)).toEqual(asRead(disabled));
  });

  test('is read with what AWS takes for what is not configured', async () => {
    const { id } = await newKey(kms);
    const { policy, ...rest } = (await readKey(kms, id)) ?? expect.fail('the key is there');
    expect(rest).toEqual({
      customer_master_key_spec: 'SYMMETRIC_DEFAULT',
      key_usage: 'ENCRYPT_DECRYPT',
      description: '',
      is_enabled: true,
      enable_key_rotation: false,
      rotation_period_in_days: undefined,
      multi_region: false,
      tags: {},
    });
    expect(JSON.parse(policy)).toMatchObject({ Id: 'key-default-1', Statement: [{ Principal: { AWS: root } }] });
  });

  test('is read as it was updated, attribute by attribute', async () => {
    let current = resource;
    const id = await createKey(kms, current);
    const changes: Partial<KeyResource>[] = [
      { description: '' },
      { description: 'for orders' },
      { rotation_period_in_days: 2560 },
      { enable_key_rotation: false, rotation_period_in_days: undefined },
      { enable_key_rotation: true, rotation_period_in_days: 365 },
      { policy: policyOf('second') },
      { tags: { team: 'archive', new: 'yes' } },
      { tags: {} },
      { is_enabled: false, description: 'changed and then disabled' },
      { is_enabled: true, rotation_period_in_days: 180, tags: { back: 'again' } },
    ];
    for (const change of changes) {
      const wanted = { ...current, ...change };
      await updateKey(kms, id, current, wanted);
      expect(await readKey(kms, id)).toEqual(asRead(wanted));
      current = wanted;
    }
  });

  const specs: [KeySpec, KeyUsageType][] = [
    ['RSA_2048', 'ENCRYPT_DECRYPT'],
    ['RSA_2048', 'SIGN_VERIFY'],
    ['ECC_NIST_P384', 'SIGN_VERIFY'],
    ['ECC_NIST_P256', 'KEY_AGREEMENT'],
    ['ECC_SECG_P256K1', 'SIGN_VERIFY'],
    ['ECC_NIST_EDWARDS25519', 'SIGN_VERIFY'],
    ['ML_DSA_65', 'SIGN_VERIFY'],
    ['HMAC_384', 'GENERATE_VERIFY_MAC'],
  ];
  test.each(specs)('of spec %s for %s is read as it was created, as one that is not rotated', async (spec, usage) => {
    const other = {
      ...resource,
      customer_master_key_spec: spec,
      key_usage: usage,
      enable_key_rotation: false,
      rotation_period_in_days: undefined,
    };
    const id = await createKey(kms, other);
    expect(await readKey(kms, id)).toEqual(asRead(other));
  });

  test('is gone when its deletion is scheduled, for as many days as were said', async () => {
    const id = await createKey(kms, resource);
    const before = Date.now();
    await deleteKey(kms, id, 7);
    expect(await readKey(kms, id)).toBeUndefined();
    // The data source `aws_kms_key` shows such a key still.
    const { KeyMetadata: metadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
    expect(metadata).toMatchObject({ KeyState: 'PendingDeletion', Enabled: false, Description: resource.description });
    const inDays = ((metadata?.DeletionDate?.getTime() ?? 0) - before) / DAY_MS;
    expect(inDays).toBeGreaterThanOrEqual(7);
    expect(inDays).toBeLessThan(7.01);
  });

  test('can be deleted again, and when it never was', async () => {
    const id = await createKey(kms, resource);
    await deleteKey(kms, id);
    await deleteKey(kms, id);
    await deleteKey(kms, noSuchKeyId);
    expect(await readKey(kms, noSuchKeyId)).toBeUndefined();
  });
});

test('aws_kms_key_policy gives a key its policy, and takes it back for the default one', async () => {
  const { id } = await newKey(kms);
  await updatePolicy(kms, id, policyOf('attached'));
  expect((await readKey(kms, id))?.policy).toBe(normalizedJson(policyOf('attached')));
  // What the provider puts in its place; not to the letter what a key has that was created without one.
  const Statement = [
    { Sid: 'Enable IAM User Permissions', Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*' },
  ];
  const original = JSON.stringify({
    Id: 'default',
    Version: '2012-10-17',
    Statement: Statement.map((each) => ({ ...each, Resource: '*' })),
  });
  await updatePolicy(kms, id, original);
  expect((await readKey(kms, id))?.policy).toBe(normalizedJson(original));
});

describe('aws_kms_replica_key', () => {
  test('is read as it was created, and both Regions tell of both keys', async () => {
    const primary = { ...resource, multi_region: true };
    const id = await createKey(kms, primary);
    expect(id).toMatch(/^mrk-/);
    const arn = `arn:aws:kms:us-east-1:${server.accountId}:key/${id}`;
    const replica = {
      primary_key_arn: arn,
      description: 'in Ireland',
      policy: policyOf('Ireland'),
      tags: { at: 'home' },
    };
    expect(await createReplica(clientIn, 'eu-west-1', replica)).toBe(id);

    const [here, there] = [await readKeyInfo(kms, id), await readKeyInfo(ireland, id)];
    const related = {
      PrimaryKey: { Arn: arn, Region: 'us-east-1' },
      ReplicaKeys: [{ Arn: arn.replace('us-east-1', 'eu-west-1'), Region: 'eu-west-1' }],
    };
    expect(here?.metadata.MultiRegionConfiguration).toEqual({ MultiRegionKeyType: 'PRIMARY', ...related });
    expect(there?.metadata.MultiRegionConfiguration).toEqual({ MultiRegionKeyType: 'REPLICA', ...related });
    expect(there).toMatchObject({
      metadata: {
        Arn: related.ReplicaKeys[0]?.Arn,
        Description: 'in Ireland',
        Enabled: true,
        KeyManager: 'CUSTOMER',
        KeySpec: 'SYMMETRIC_DEFAULT',
        KeyUsage: 'ENCRYPT_DECRYPT',
        MultiRegion: true,
        Origin: 'AWS_KMS',
      },
      policy: policyOf('Ireland'),
    });
    expect(there?.tags).toEqual(replica.tags);
    // The primary key's, which its replicas share.
    expect(there?.rotation).toEqual({ enabled: true, periodDays: 90 });
    expect(await readKey(kms, id)).toEqual(asRead(primary));
  });

  test('is updated by itself', async () => {
    const primary = { ...resource, multi_region: true };
    const id = await createKey(kms, primary);
    const arn = `arn:aws:kms:us-east-1:${server.accountId}:key/${id}`;
    await createReplica(clientIn, 'eu-west-1', { ...resource, primary_key_arn: arn });
    const before = (await readKey(ireland, id)) ?? expect.fail('the replica is there');
    const wanted = { ...before, description: 'other', policy: policyOf('other'), tags: { x: 'y' }, is_enabled: false };
    await updateKey(ireland, id, before, wanted);
    expect(await readKey(ireland, id)).toEqual(asRead(wanted));
    expect(await readKey(kms, id)).toEqual(asRead(primary));
  });

  test('goes before its primary key, or after it', async () => {
    for (const order of [
      [ireland, kms],
      [kms, ireland],
    ]) {
      const id = await createKey(kms, { ...resource, multi_region: true });
      const arn = `arn:aws:kms:us-east-1:${server.accountId}:key/${id}`;
      await createReplica(clientIn, 'eu-west-1', { ...resource, primary_key_arn: arn });
      for (const client of order) {
        await deleteKey(client, id, 7);
        expect(await readKey(client, id)).toBeUndefined();
      }
    }
  });
});

describeWith(opensslCommand, 'aws_kms_external_key', () => {
  const key_material_base64 = randomBytes(32).toString('base64');
  const inDays = (days: number) =>
    new Date(Math.ceil(Date.now() / 1000) * 1000 + days * DAY_MS).toISOString().replace('.000Z', 'Z');

  test('awaits its material, and can go without it', async () => {
    const id = await createExternalKey(kms, resource);
    const { metadata, policy, tags } = (await readKeyInfo(kms, id)) ?? expect.fail('the key is there');
    expect(metadata).toMatchObject({
      Enabled: false,
      KeyManager: 'CUSTOMER',
      KeyState: 'PendingImport',
      KeyUsage: 'ENCRYPT_DECRYPT',
      Origin: 'EXTERNAL',
    });
    expect(metadata.ExpirationModel).toBeUndefined();
    expect(validTo(metadata)).toBe('');
    expect(policy).toBe(normalizedJson(resource.policy));
    expect(tags).toEqual(resource.tags);
    await deleteKey(kms, id, 7);
  });

  test('is read with its expiry, through each change of it', async () => {
    const id = await createExternalKey(kms, resource);
    for (const [valid_to, ExpirationModel] of [
      [inDays(1), 'KEY_MATERIAL_EXPIRES'],
      [inDays(300), 'KEY_MATERIAL_EXPIRES'],
      ['', 'KEY_MATERIAL_DOES_NOT_EXPIRE'],
      [inDays(30), 'KEY_MATERIAL_EXPIRES'],
    ] as const) {
      await importMaterial(kms, id, { key_material_base64, valid_to });
      const { metadata } = (await readKeyInfo(kms, id)) ?? expect.fail('the key is there');
      expect(metadata).toMatchObject({ Enabled: true, KeyState: 'Enabled', ExpirationModel });
      expect(validTo(metadata)).toBe(valid_to);
    }
  });

  test('takes the same material again while it is disabled, and stays disabled', async () => {
    const id = await createExternalKey(kms, resource);
    const first = inDays(10);
    await importMaterial(kms, id, { key_material_base64, valid_to: first });
    await updateEnabled(kms, id, false);
    expect(validTo((await readKeyInfo(kms, id))?.metadata)).toBe(first);
    const second = inDays(20);
    await importMaterial(kms, id, { key_material_base64, valid_to: second });
    const info = await readKeyInfo(kms, id);
    expect(info?.metadata).toMatchObject({ Enabled: false, KeyState: 'Disabled' });
    expect(validTo(info?.metadata)).toBe(second);
    await updateTags(kms, id, resource.tags, { x: 'y' });
  });

  test('has replicas (aws_kms_replica_external_key), each with its own material and expiry', async () => {
    const id = await createExternalKey(kms, { ...resource, multi_region: true });
    await importMaterial(kms, id, { key_material_base64, valid_to: '' });
    const arn = `arn:aws:kms:us-east-1:${server.accountId}:key/${id}`;
    await createReplica(clientIn, 'eu-west-1', { ...resource, primary_key_arn: arn }, 'PendingImport');
    const valid_to = inDays(3);
    await importMaterial(ireland, id, { key_material_base64, valid_to });
    const [here, there] = [await readKeyInfo(kms, id), await readKeyInfo(ireland, id)];
    expect(here?.metadata).toMatchObject({
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      MultiRegionConfiguration: { MultiRegionKeyType: 'PRIMARY' },
    });
    expect(there?.metadata).toMatchObject({
      ExpirationModel: 'KEY_MATERIAL_EXPIRES',
      KeyState: 'Enabled',
      MultiRegionConfiguration: { MultiRegionKeyType: 'REPLICA', PrimaryKey: { Arn: arn, Region: 'us-east-1' } },
      Origin: 'EXTERNAL',
    });
    expect(validTo(there?.metadata)).toBe(valid_to);
    await deleteKey(ireland, id, 7);
    await deleteKey(kms, id, 7);
  });
});

describe('aws_kms_alias', () => {
  test('is read as it was created, by the id or the ARN of its key, among more than a page of others', async () => {
    const [key, other] = [await newKey(kms), await newKey(kms)];
    for (let index = 0; index < 50; index++) {
      await createAlias(kms, { name: `alias/many/${String(index).padStart(2, '0')}`, target_key_id: other.id });
    }
    for (const [name, target_key_id] of [
      ['alias/zz/by-id', key.id],
      ['alias/zz/by_arn-1', key.arn],
    ] as const) {
      await createAlias(kms, { name, target_key_id });
      expect(await readAlias(kms, name)).toMatchObject({
        AliasArn: key.arn.replace(/key\/.*/, name),
        AliasName: name,
        TargetKeyId: key.id,
      });
      // The data source `aws_kms_alias`, and `aws_kms_key` given an alias.
      for (const KeyId of [name, key.arn.replace(/key\/.*/, name)]) {
        expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Arn).toBe(key.arn);
      }
    }
  });

  test('is read with the key that it was moved to, and can be deleted twice', async () => {
    const [one, two] = [await newKey(kms), await newKey(kms)];
    const name = 'alias/moved';
    await createAlias(kms, { name, target_key_id: one.id });
    await updateAlias(kms, { name, target_key_id: two.arn });
    expect(await readAlias(kms, name)).toMatchObject({ TargetKeyId: two.id });
    await deleteAlias(kms, name);
    expect(await readAlias(kms, name)).toBeUndefined();
    await deleteAlias(kms, name);
  });
});

test('the data source aws_kms_alias makes an AWS managed key of an alias that had none, by describing it', async () => {
  const name = 'alias/aws/s3';
  expect(await readAlias(kms, name)).toMatchObject({ AliasName: name });
  expect((await readAlias(kms, name))?.TargetKeyId).toBeUndefined();
  const { KeyMetadata: metadata } = await kms.send(new DescribeKeyCommand({ KeyId: name }));
  expect(metadata).toMatchObject({ KeyManager: 'AWS', KeyState: 'Enabled' });
  expect((await readAlias(kms, name))?.TargetKeyId).toBe(metadata?.KeyId);
});

describe('aws_kms_grant', () => {
  const context = { Department: 'Finance', department: 'IT' };
  test.each([
    ['equals', 'revoked'],
    ['subset', 'retired'],
  ])('constrained by encryption_context_%s is read as it was created, until it is %s', async (kind, end) => {
    const key = await newKey(kms);
    for (const key_id of [key.id, key.arn]) {
      const grant: GrantResource = {
        key_id,
        name: `for_${kind}/${key_id.length}`,
        grantee_principal: reader,
        retiring_principal: reaper,
        operations: ['Encrypt', 'Decrypt', 'DescribeKey'],
        constraints: { [`encryption_context_${kind}`]: context },
      };
      const { GrantId, GrantToken } = await createGrant(kms, grant);
      expect(GrantToken).not.toBe('');
      expect(await readGrant(kms, key_id, GrantId)).toEqual(grant);
      // The same again, as after an apply that was interrupted: the grant is the one that there is.
      expect((await createGrant(kms, grant)).GrantId).toBe(GrantId);
      await deleteGrant(kms, key_id, GrantId, end === 'retired');
      await deleteGrant(kms, key_id, GrantId, end === 'retired');
      expect(await readGrant(kms, key_id, GrantId)).toBeUndefined();
    }
  });

  test('is found among more than a page of others', async () => {
    const key = await newKey(kms);
    const grant = (index: number): GrantResource => ({
      key_id: key.id,
      name: `grant-${index}`,
      grantee_principal: root,
      retiring_principal: root,
      operations: ['DescribeKey'],
      constraints: {},
    });
    const ids: string[] = [];
    for (let index = 0; index < 120; index++) ids.push((await createGrant(kms, grant(index))).GrantId);
    for (const index of [0, 119]) expect(await readGrant(kms, key.id, ids[index] ?? '')).toEqual(grant(index));
  });
});

test('aws_kms_ciphertext is what the data source aws_kms_secrets decrypts', async () => {
  const { id } = await newKey(kms);
  const EncryptionContext = { foo: 'bar' };
  const Plaintext = Buffer.from('Super secret data');
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: id, Plaintext, EncryptionContext }));
  const decrypted = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
  expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(Plaintext);
});

test('the data source aws_kms_public_key tells the key by its ARN, with what it can do', async () => {
  const key = await newKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  const { PublicKey, ...rest } = await kms.send(new GetPublicKeyCommand({ KeyId: key.id }));
  expect(rest).toMatchObject({
    KeyId: key.arn,
    CustomerMasterKeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: ['ECDSA_SHA_256'],
  });
  expect(rest.EncryptionAlgorithms).toBeUndefined();
  expect(Buffer.from(PublicKey ?? []).subarray(0, 2)).toEqual(Buffer.from([0x30, 0x59]));
});

test('the data source aws_kms_key_last_usage tells a key that nobody has used', async () => {
  const { id } = await newKey(kms);
  const usage = await kms.send(new GetKeyLastUsageCommand({ KeyId: id }));
  expect(usage.KeyCreationDate).toBeInstanceOf(Date);
  expect(usage.TrackingStartDate).toBeInstanceOf(Date);
  expect(usage.KeyLastUsage).toEqual({});
});

test('the data source aws_kms_custom_key_store is refused plainly: there are no custom key stores yet', async () => {
  await expectRefusal(kms.send(new DescribeCustomKeyStoresCommand({})), 'UnsupportedOperationException');
});
