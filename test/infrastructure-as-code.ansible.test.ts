import {
  CreateAliasCommand,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ansibleWith, runPlaybook, type Task, type TaskResult } from './support/ansible.ts';
import { describeWith } from './support/clients.ts';
import { newUser } from './support/iam.ts';
import { newKey, noSuchKeyId, policyOf, statement, tagsOf } from './support/kms.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

/**
 * What Ansible's modules for KMS write is what they read back, field for field, so that running a playbook again changes
 * nothing. This is Ansible itself.
 */
describeWith(ansibleWith('amazon.aws.kms_key', 'amazon.aws.kms_key_info'), 'Ansible’s kms_key and kms_key_info', () => {
  let server: TestServer;
  let kms: KMSClient;
  let root: string;
  let reader: string;
  let reaper: string;

  beforeAll(async () => {
    server = await startServer({ workers: 2 });
    kms = server.kms();
    root = `arn:aws:iam::${server.accountId}:root`;
    [reader, reaper] = [await newUser(server, 'reader'), await newUser(server, 'reaper')];
  });

  afterAll(async () => {
    kms?.destroy();
    await cleanUp(server);
  });

  const key = (parameters: object): Task => ({ 'amazon.aws.kms_key': parameters });
  const keyInCheckMode = (parameters: object): Task => ({ ...key(parameters), check_mode: true });
  const keyInfo = (parameters: object): Task => ({ 'amazon.aws.kms_key_info': parameters });
  const keysIn = (result: TaskResult | undefined) =>
    (result?.['kms_keys'] ?? []) as Readonly<Record<string, unknown>>[];

  function policy(sid: string) {
    const administration = statement('Allow', root, 'kms:*', { Sid: sid });
    return { Version: '2012-10-17', Id: 'for-ansible', Statement: [administration] };
  }

  function grant(name: string, more: object = {}) {
    return {
      name,
      grantee_principal: reader,
      retiring_principal: reaper,
      operations: ['Decrypt', 'DescribeKey'],
      constraints: { encryption_context_equals: { Environment: 'production', application: 'Billing' } },
      ...more,
    };
  }

  function wishFor(alias: string) {
    return {
      alias,
      description: 'for orders of "Müller & Söhne"',
      tags: { Team: 'orders', 'cost:center': '4711', empty: '' },
      enable_key_rotation: true,
      policy: policy('first'),
      grants: [grant('billing')],
    };
  }

  test('a key is read as it was created, and creating it again changes nothing', async () => {
    const wish = wishFor('created');
    const [created, again, checked, info] = await runPlaybook(server, [
      key(wish),
      key(wish),
      keyInCheckMode(wish),
      keyInfo({ alias: 'created' }),
    ]);
    const { enable_key_rotation, tags, description } = wish;
    const wanted = {
      aliases: ['created'],
      aws_account_id: server.accountId,
      description,
      enable_key_rotation,
      enabled: true,
      key_manager: 'CUSTOMER',
      key_spec: 'SYMMETRIC_DEFAULT',
      key_state: 'Enabled',
      key_usage: 'ENCRYPT_DECRYPT',
      multi_region: false,
      origin: 'AWS_KMS',
    };
    expect(created).toMatchObject({ ...wanted, changed: true, grants: wish.grants });
    expect(again).toMatchObject({ ...wanted, changed: false, grants: wish.grants });
    expect(checked).toMatchObject({ changed: false });
    expect(keysIn(info)).toMatchObject([{ ...wanted, key_id: created?.['key_id'], key_arn: created?.['key_arn'] }]);
    for (const result of [created, again, keysIn(info)[0]]) {
      // Nothing more than what was asked for either.
      expect(result?.['tags']).toEqual(tags);
      expect(result?.['key_policies']).toEqual([wish.policy]);
    }
  });

  test('a key is read as it was updated, and updating it again changes nothing', async () => {
    const first = wishFor('updated');
    const second = {
      alias: 'updated',
      description: 'for archives',
      tags: { Team: 'archive' },
      policy: policy('second'),
      grants: [
        grant('billing', { constraints: { encryption_context_subset: { Environment: 'test' } } }),
        grant('another', { operations: ['Encrypt'] }),
      ],
      purge_grants: true,
      enable_key_rotation: false,
    };
    // By itself: Ansible disables a key before it makes its grants, which AWS refuses for a disabled key.
    const disabling = { alias: 'updated', enabled: false };
    const [, updated, again, disabled, disabledAgain] = await runPlaybook(server, [
      key(first),
      key(second),
      key(second),
      key(disabling),
      key(disabling),
    ]);
    const { alias: _, policy: written, tags, grants, purge_grants, ...wanted } = second;
    for (const result of [updated, again]) {
      expect(result).toMatchObject({ ...wanted, enabled: true });
      expect(result?.['tags']).toEqual(tags);
      expect(result?.['key_policies']).toEqual([written]);
      const readGrants = result?.['grants'] as { readonly name: string }[];
      expect(readGrants.toSorted((a, b) => (a.name < b.name ? 1 : -1))).toMatchObject(grants);
      expect(readGrants).toHaveLength(2);
    }
    expect(updated?.changed).toBe(true);
    expect(again?.changed).toBe(false);
    expect(disabled).toMatchObject({ changed: true, enabled: false, key_state: 'Disabled', tags });
    expect(disabledAgain).toMatchObject({ changed: false, enabled: false, key_state: 'Disabled', tags });
  });

  test('a key for signatures is one that is not rotated', async () => {
    const wish = { alias: 'signing', key_spec: 'ECC_NIST_P256', key_usage: 'SIGN_VERIFY', enable_key_rotation: false };
    const [created, again] = await runPlaybook(server, [key(wish), key(wish)]);
    const { key_spec, key_usage, enable_key_rotation } = wish;
    const wanted = { key_spec, key_usage, enable_key_rotation, signing_algorithms: ['ECDSA_SHA_256'] };
    expect(created).toMatchObject({ ...wanted, changed: true });
    expect(again).toMatchObject({ ...wanted, changed: false });
  });

  test('a key is scheduled for deletion once, and comes back enabled', async () => {
    const wish = wishFor('deleted');
    const absent = { alias: 'deleted', state: 'absent', pending_window: 7 };
    const [created, deleted, again, back, never] = await runPlaybook(server, [
      key(wish),
      key(absent),
      key(absent),
      key(wish),
      key({ alias: 'never-there', state: 'absent' }),
    ]);
    expect(deleted).toMatchObject({ changed: true, key_state: 'PendingDeletion', enabled: false });
    const days = (Date.parse(String(deleted?.['deletion_date'])) - Date.now()) / (24 * 60 * 60 * 1000);
    expect(days).toBeGreaterThan(6.99);
    expect(days).toBeLessThanOrEqual(7);
    expect(again).toMatchObject({ changed: false, key_state: 'PendingDeletion' });
    expect(back).toMatchObject({ changed: true, key_state: 'Enabled', key_id: created?.['key_id'], tags: wish.tags });
    expect(back?.['deletion_date']).toBeUndefined();
    expect(never).toMatchObject({ changed: false });
  });

  test('an SDK reads what Ansible wrote, the policy to the letter as Ansible sends it', async () => {
    const wish = wishFor('seen-by-others');
    const [created] = await runPlaybook(server, [key(wish)]);
    const KeyId = String(created?.['key_id']);
    expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Description).toBe(wish.description);
    expect(await tagsOf(kms, KeyId)).toEqual(wish.tags);
    const { Policy = '' } = await kms.send(new GetKeyPolicyCommand({ KeyId }));
    const { invocation } = created as unknown as { invocation: { module_args: { policy: string } } };
    expect(Policy).toBe(invocation.module_args.policy);
  });

  test('an alias is found among more than a page of others, and keys by their tags', async () => {
    const [one, other] = [await newKey(kms, { Tags: [{ TagKey: 'find', TagValue: 'me' }] }), await newKey(kms)];
    for (let index = 0; index < 50; index++) {
      await kms.send(new CreateAliasCommand({ AliasName: `alias/many-${index}`, TargetKeyId: other.id }));
    }
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/zz', TargetKeyId: one.id }));
    const [byAlias, byTag, unknown] = await runPlaybook(server, [
      keyInfo({ alias: 'alias/zz' }),
      keyInfo({ filters: { 'tag:find': 'me' } }),
      keyInfo({ key_id: noSuchKeyId }),
    ]);
    for (const found of [byAlias, byTag]) expect(keysIn(found)).toMatchObject([{ key_id: one.id, aliases: ['zz'] }]);
    expect(keysIn(unknown)).toEqual([]);
  });

  test('a key of outside material has no rotation, and what the caller may not see is left out', async () => {
    const external = await newKey(kms, { Origin: 'EXTERNAL' });
    const secretive = await newKey(kms, { Tags: [{ TagKey: 'hidden', TagValue: 'yes' }] });
    const administrator = `arn:aws:iam::${server.accountId}:user/administrator`;
    const hidden = ['kms:ListResourceTags', 'kms:ListKeyPolicies', 'kms:ListGrants', 'kms:GetKeyRotationStatus'];
    await kms.send(
      new PutKeyPolicyCommand({
        KeyId: secretive.id,
        Policy: policyOf(statement('Allow', root, 'kms:*'), statement('Deny', administrator, hidden)),
      }),
    );
    const [outside, closed] = await runPlaybook(server, [
      keyInfo({ key_id: external.arn }),
      keyInfo({ key_id: secretive.id }),
    ]);
    expect(keysIn(outside)).toMatchObject([
      { origin: 'EXTERNAL', key_state: 'PendingImport', enable_key_rotation: null },
    ]);
    expect(keysIn(closed)).toMatchObject([
      { key_id: secretive.id, tags: {}, key_policies: [], grants: [], enable_key_rotation: null },
    ]);
  });
});
