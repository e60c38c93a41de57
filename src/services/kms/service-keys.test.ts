import { describe, expect, test } from 'vitest';
import { AWS_OWNED, keyArn } from '../../keys/key.ts';
import { managedKeyAliases, managedKeyServiceOf } from '../../keys/managed-key-services.ts';
import { serviceKeyId } from '../../keys/service-key-id.ts';
import { keyOwnersTable, keysTable } from '../../keys/tables.ts';
import { rootCaller } from '../iam/callers.ts';
import type { TargetSummary } from '../operation.ts';
import type { AnyOperation } from '../perform.ts';
import { ACCOUNT, administrator, NOW, OTHER_ACCOUNT, policy, REGION, scopeOf, user } from '../scope.test-helper.ts';
import { createGrant } from './create-grant.ts';
import { decrypt } from './decrypt.ts';
import { doDueWork } from './due-work.ts';
import { encrypt } from './encrypt.ts';
import { generateDataKey } from './generate-data-key.ts';
import { kmsOperations } from './index.ts';
import { isKeyId } from './key-reference.ts';
import { createKey, machine, unrecorded, type Worker } from './kms.test-helper.ts';
import { rotateDueKeys } from './rotate-due-keys.ts';
import { serviceScope } from './service-keys.ts';

const own = { accountId: ACCOUNT, region: REGION };
const DAY_MS = 86_400_000;
const root = rootCaller(ACCOUNT, 'AKIAIOSFODNN7EXAMPLE');
/** Of the account, and without a single permission of its own. */
const reader = user('reader');

async function worker(): Promise<Worker> {
  return machine().worker();
}

async function describeKey(of: Worker, KeyId: string, ...more: [] | [typeof administrator]) {
  const { KeyMetadata } = await of.call('DescribeKey', { KeyId }, ...more);
  return KeyMetadata as Record<string, unknown> & { KeyId: string; Arn: string };
}

describe('an AWS managed key', () => {
  test('is made by the first DescribeKey of its alias, and described by the next', async () => {
    const on = await worker();
    const made = await describeKey(on, 'alias/aws/s3');
    expect(made).toMatchObject({
      AWSAccountId: ACCOUNT,
      KeyManager: 'AWS',
      KeyState: 'Enabled',
      KeySpec: 'SYMMETRIC_DEFAULT',
      Origin: 'AWS_KMS',
      MultiRegion: false,
      Description: 'Default key that protects my S3 objects when no other key is defined',
      CreationDate: new Date(NOW),
    });
    for (const reference of ['alias/aws/s3', made.KeyId, made.Arn, `arn:aws:kms:${REGION}:${ACCOUNT}:alias/aws/s3`]) {
      const { KeyMetadata } = await on.call('DescribeKey', { KeyId: reference }, administrator, { nowMs: NOW + 5 });
      expect(KeyMetadata).toEqual(made);
    }
  });

  test('is made with its alias, a material and a rotation a year later', async () => {
    const shop = machine();
    const on = await shop.worker();
    const { KeyId } = await describeKey(on, 'alias/aws/ebs');
    const record = (await shop.store.get(keysTable, `${ACCOUNT}/${REGION}/${KeyId}`))?.value;
    expect(record?.rotation).toEqual({ periodDays: 365, nextAtMs: NOW + 365 * DAY_MS });
    expect(record?.currentMaterialId).toMatch(/^[0-9a-f]{64}$/);
    const { Aliases } = await on.call('ListAliases', { KeyId });
    expect(Aliases).toEqual([
      expect.objectContaining({ AliasName: 'alias/aws/ebs', TargetKeyId: KeyId, CreationDate: new Date(NOW) }),
    ]);
    expect((await on.call('ListKeys', {}))['Keys']).toEqual([expect.objectContaining({ KeyId })]);
  });

  test('is rotated every year by itself, and decrypts what it encrypted before', async () => {
    const shop = machine();
    const on = await shop.worker();
    const { keyId: KeyId, currentMaterialId: first } = await on.serviceKeys.managed('alias/aws/s3', own, NOW);
    expect(await on.call('GetKeyRotationStatus', { KeyId })).toMatchObject({
      KeyRotationEnabled: true,
      RotationPeriodInDays: 365,
      NextRotationDate: new Date(NOW + 365 * DAY_MS),
    });
    const { CiphertextBlob } = await on.forward(encrypt, { KeyId, Plaintext: Buffer.from('x') }, scopeOf(reader), 's3');
    const rotate = async (nowMs: number) =>
      (await doDueWork(shop.store, rotateDueKeys(on.custody), nowMs, unrecorded)).done;
    expect(await rotate(NOW + 365 * DAY_MS - 1)).toEqual([]);
    for (const year of [1, 2]) expect(await rotate(NOW + year * 365 * DAY_MS)).toEqual([{ ...own, keyId: KeyId }]);
    const { currentMaterialId: current } = await on.serviceKeys.managed('alias/aws/s3', own, NOW);
    expect(current).not.toBe(first);
    const opened = await on.forward(decrypt, { CiphertextBlob }, scopeOf(reader), 's3');
    expect(opened).toMatchObject({ Plaintext: Buffer.from('x'), KeyMaterialId: first });
  });

  test('is made once, however many workers are asked at once', async () => {
    const shop = machine();
    const workers = [await shop.worker(), await shop.worker(), await shop.worker()];
    const described = await Promise.all(workers.flatMap((on) => [1, 2].map(() => describeKey(on, 'alias/aws/rds'))));
    expect(new Set(described.map(({ KeyId }) => KeyId)).size).toBe(1);
    const [on] = workers as [Worker];
    expect((await on.call('ListKeys', {}))['Keys']).toHaveLength(1);
    expect(workers.flatMap(({ audited }) => audited).filter(({ eventName }) => eventName === 'CreateKey')).toHaveLength(
      1,
    );
  });

  test.each(managedKeyAliases)('there is one of %s', async (alias) => {
    const on = await worker();
    const service = managedKeyServiceOf(alias);
    const made = await describeKey(on, alias);
    expect(isKeyId(made.KeyId)).toBe(true);
    expect(made['Description']).toContain(service?.protects);
    const { Policy } = await on.call('GetKeyPolicy', { KeyId: made.KeyId });
    expect(JSON.parse(Policy as string).Id).toBe(service?.policyId);
  });

  test('has the policy that AWS gives it', async () => {
    const on = await worker();
    const { KeyId } = await describeKey(on, 'alias/aws/secretsmanager');
    const { Policy } = await on.call('GetKeyPolicy', { KeyId });
    const Sid = (title: string) =>
      `Allow access through ${title} for all principals in the account that are authorized to use ${title}`;
    expect(JSON.parse(Policy as string)).toEqual({
      Version: '2012-10-17',
      Id: 'auto-secretsmanager-2',
      Statement: [
        {
          Sid: Sid('AWS Secrets Manager'),
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:CreateGrant', 'kms:DescribeKey'],
          Resource: '*',
          Condition: {
            StringEquals: { 'kms:CallerAccount': ACCOUNT, 'kms:ViaService': `secretsmanager.${REGION}.amazonaws.com` },
          },
        },
        {
          Sid: Sid('AWS Secrets Manager in any Region'),
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Action: ['kms:GenerateDataKey*'],
          Resource: '*',
          Condition: {
            StringEquals: { 'kms:CallerAccount': ACCOUNT },
            StringLike: { 'kms:ViaService': 'secretsmanager.*.amazonaws.com' },
          },
        },
        {
          Sid: 'Allow direct access to key metadata to the account',
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
          Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
          Resource: '*',
        },
      ],
    });
  });

  test('leaves a CreateKey by its service in the trail', async () => {
    const on = await worker();
    const { Arn } = await describeKey(on, 'alias/aws/lambda');
    expect(on.audited).toEqual([
      expect.objectContaining({
        eventName: 'CreateKey',
        eventSource: 'kms.amazonaws.com',
        userIdentity: { type: 'AWSService', accountId: ACCOUNT, invokedBy: 'lambda.amazonaws.com' },
        sourceIPAddress: 'lambda.amazonaws.com',
        recipientAccountId: ACCOUNT,
        readOnly: false,
        resources: [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: Arn }],
      }),
    ]);
  });

  test('is not made where its creation cannot be recorded', async () => {
    const on = await worker();
    on.failAudit(new Error('disk full'));
    await expect(describeKey(on, 'alias/aws/s3')).rejects.toThrow('disk full');
    on.failAudit(undefined);
    expect((await on.call('ListKeys', {}))['Keys']).toEqual([]);
  });

  test('is not made for a caller who may not describe it, nor named in another account', async () => {
    const on = await worker();
    await expect(describeKey(on, 'alias/aws/s3', reader)).rejects.toMatchObject({
      code: 'AccessDeniedException',
      message: expect.stringContaining('kms:DescribeKey'),
    });
    const stranger = user('stranger', { accountId: OTHER_ACCOUNT, identityPolicies: administrator.identityPolicies });
    const alias = `arn:aws:kms:${REGION}:${ACCOUNT}:alias/aws/s3`;
    await expect(describeKey(on, alias, stranger)).rejects.toMatchObject({ code: 'AccessDeniedException' });
    expect((await on.call('ListKeys', {}))['Keys']).toEqual([]);
    expect(on.audited).toEqual([]);
  });

  test('is not made by DescribeKey of its id, of a name that no service has, or by any other operation', async () => {
    const on = await worker();
    const KeyId = serviceKeyId(own, 'managed/s3');
    const notFound = { code: 'NotFoundException' };
    await expect(describeKey(on, KeyId)).rejects.toMatchObject(notFound);
    for (const name of ['alias/aws/xyz', 'alias/aws/', 'alias/aws/S3', 'alias/aws/s3/', 'alias/aws/__proto__']) {
      await expect(describeKey(on, name)).rejects.toMatchObject(notFound);
    }
    const Plaintext = Buffer.from('x');
    await expect(on.call('Encrypt', { KeyId: 'alias/aws/s3', Plaintext })).rejects.toMatchObject(notFound);
    expect((await on.call('ListKeys', {}))['Keys']).toEqual([]);
  });

  test('is of its account and Region', async () => {
    const on = await worker();
    const here = await describeKey(on, 'alias/aws/s3');
    const there = await on.call('DescribeKey', { KeyId: 'alias/aws/s3' }, administrator, { region: 'eu-west-1' });
    const stranger = user('stranger', { accountId: OTHER_ACCOUNT, identityPolicies: administrator.identityPolicies });
    const theirs = await describeKey(on, 'alias/aws/s3', stranger);
    const ids = [here.KeyId, (there['KeyMetadata'] as { KeyId: string }).KeyId, theirs.KeyId];
    expect(new Set(ids).size).toBe(3);
  });

  describe('cannot be used or changed by', () => {
    const Plaintext = Buffer.from('attack at dawn');
    const inputs: Record<string, (KeyId: string, other: string) => object> = {
      CancelKeyDeletion: (KeyId) => ({ KeyId }),
      CreateAlias: (TargetKeyId) => ({ AliasName: 'alias/mine', TargetKeyId }),
      CreateGrant: (KeyId) => ({ KeyId, GranteePrincipal: reader.principal.arn, Operations: ['Decrypt'] }),
      DeleteImportedKeyMaterial: (KeyId) => ({ KeyId }),
      DisableKey: (KeyId) => ({ KeyId }),
      DisableKeyRotation: (KeyId) => ({ KeyId }),
      EnableKey: (KeyId) => ({ KeyId }),
      EnableKeyRotation: (KeyId) => ({ KeyId }),
      Encrypt: (KeyId) => ({ KeyId, Plaintext }),
      GenerateDataKey: (KeyId) => ({ KeyId, KeySpec: 'AES_256' }),
      GenerateDataKeyWithoutPlaintext: (KeyId) => ({ KeyId, KeySpec: 'AES_256' }),
      ImportKeyMaterial: (KeyId) => ({ KeyId, ImportToken: Plaintext, EncryptedKeyMaterial: Plaintext }),
      PutKeyPolicy: (KeyId) => ({ KeyId, Policy: '{}' }),
      ReplicateKey: (KeyId) => ({ KeyId, ReplicaRegion: 'eu-west-1' }),
      RevokeGrant: (KeyId) => ({ KeyId, GrantId: 'a'.repeat(64) }),
      RotateKeyOnDemand: (KeyId) => ({ KeyId }),
      ScheduleKeyDeletion: (KeyId) => ({ KeyId }),
      TagResource: (KeyId) => ({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
      UntagResource: (KeyId) => ({ KeyId, TagKeys: ['a'] }),
      UpdateAlias: (TargetKeyId) => ({ AliasName: 'alias/others', TargetKeyId }),
      UpdateKeyDescription: (KeyId) => ({ KeyId, Description: 'mine' }),
      UpdatePrimaryRegion: (KeyId) => ({ KeyId, PrimaryRegion: 'eu-west-1' }),
    };

    test.each(Object.keys(inputs))('%s, not even as root', async (name) => {
      const on = await worker();
      const { KeyId, Arn } = await describeKey(on, 'alias/aws/s3');
      const TargetKeyId = await createKey(on);
      await on.call('CreateAlias', { AliasName: 'alias/others', TargetKeyId });
      const input = inputs[name]?.(KeyId, TargetKeyId) ?? {};
      for (const caller of [administrator, root]) {
        await expect(on.call(name, input, caller)).rejects.toMatchObject({
          code: 'AccessDeniedException',
          message:
            `User: ${caller.principal.arn} is not authorized to perform: kms:${name} on resource: ${Arn} ` +
            `because no resource-based policy allows the kms:${name} action`,
        });
      }
    });

    test('any operation of KMS that changes a key', () => {
      const isAboutKeys = ({ targets }: AnyOperation) =>
        Object.values(targets).some((target) =>
          (target as { summary: TargetSummary }).summary.namedBy.startsWith('key'),
        );
      const changing = [...kmsOperations.values()].filter(
        (operation) => operation.effect === 'change' && isAboutKeys(operation),
      );
      // An alias is refused by its name, as below.
      const names = changing.map(({ name }) => name).filter((name) => name !== 'DeleteAlias');
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(names));
    });

    test('whoever might write its policy otherwise: an operation that changes it is refused whatever policies say', async () => {
      const shop = machine();
      const on = await shop.worker();
      const made = await describeKey(on, 'alias/aws/s3');
      const name = `${ACCOUNT}/${REGION}/${made.KeyId}`;
      const open = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' };
      await shop.store.transact((transaction) =>
        transaction.replace(
          { name: 'policies' },
          name,
          { policy: JSON.stringify({ Version: '2012-10-17', Statement: [open] }) },
          1,
        ),
      );
      await expect(on.call('DisableKey', { KeyId: made.KeyId })).rejects.toMatchObject({
        code: 'AccessDeniedException',
      });
      await expect(on.call('Encrypt', { KeyId: made.KeyId, Plaintext })).resolves.toBeDefined();
    });
  });

  test('shares nothing of its alias: its names are refused to customers, whether or not it is there', async () => {
    const on = await worker();
    const TargetKeyId = await createKey(on);
    for (const AliasName of ['alias/aws/s3', 'alias/aws/xyz']) {
      const refused = { code: 'NotAuthorizedException' };
      const validate = (name: string, input: object) => () => kmsOperations.get(name)?.validate?.(input);
      expect(validate('CreateAlias', { AliasName, TargetKeyId })).toThrow(expect.objectContaining(refused));
      expect(validate('UpdateAlias', { AliasName, TargetKeyId })).toThrow(expect.objectContaining(refused));
      expect(validate('DeleteAlias', { AliasName })).toThrow(expect.objectContaining(refused));
    }
  });
});

describe('ListAliases', () => {
  test('shows the aliases of managed keys that are not there yet, without a key', async () => {
    const on = await worker();
    const made = await describeKey(on, 'alias/aws/s3');
    const { Aliases } = await on.call('ListAliases', { Limit: 100 });
    const listed = Aliases as { AliasName: string; TargetKeyId?: string }[];
    expect(listed.map(({ AliasName }) => AliasName)).toEqual(managedKeyAliases);
    expect(listed.find(({ AliasName }) => AliasName === 'alias/aws/ebs')).toEqual({
      AliasName: 'alias/aws/ebs',
      AliasArn: `arn:aws:kms:${REGION}:${ACCOUNT}:alias/aws/ebs`,
    });
    expect(listed.filter(({ TargetKeyId }) => TargetKeyId !== undefined)).toEqual([
      expect.objectContaining({ AliasName: 'alias/aws/s3', TargetKeyId: made.KeyId }),
    ]);
  });

  test.each([1, 2, 3, 7, 26, 29, 30, 100])(
    'lists all of them once, among those of customers, in pages of %i',
    async (Limit) => {
      const on = await worker();
      const TargetKeyId = await createKey(on);
      const mine = ['alias/ZZ', 'alias/aws-like', 'alias/awz', 'alias/orders'];
      for (const AliasName of mine) await on.call('CreateAlias', { AliasName, TargetKeyId });
      await describeKey(on, 'alias/aws/backup');
      await describeKey(on, 'alias/aws/xray');
      const listed: string[] = [];
      for (let Marker: string | undefined; ; ) {
        const page = await on.call('ListAliases', { Limit, ...(Marker === undefined ? {} : { Marker }) });
        listed.push(...(page['Aliases'] as { AliasName: string }[]).map(({ AliasName }) => AliasName));
        Marker = page['NextMarker'] as string | undefined;
        expect(page['Truncated']).toBe(Marker !== undefined);
        expect(listed.length, 'the pages come to an end').toBeLessThan(100);
        if (Marker === undefined) break;
      }
      expect(listed).toEqual([...mine, ...managedKeyAliases].toSorted());
    },
  );
});

describe('through its service, an AWS managed key', () => {
  test('encrypts and decrypts for the principals of the account, whatever their own policies say', async () => {
    const on = await worker();
    const { keyId } = await on.serviceKeys.managed('alias/aws/s3', own, NOW);
    const EncryptionContext = { 'aws:s3:arn': 'arn:aws:s3:::bucket/object' };
    const scope = scopeOf(reader);
    const dataKey = await on.forward(
      generateDataKey,
      { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext },
      scope,
      's3',
    );
    expect(dataKey.Plaintext).toHaveLength(32);
    const { CiphertextBlob } = dataKey;
    const opened = await on.forward(decrypt, { CiphertextBlob, EncryptionContext }, scope, 's3');
    expect(opened.Plaintext).toEqual(dataKey.Plaintext);
  });

  test.each([
    ['another service', 's3', scopeOf(administrator), 'lambda'],
    ['a service of another Region', 's3', scopeOf(administrator), 's3.eu-west-1.amazonaws.com/'],
    ['no service', 's3', undefined, ''],
  ])('does nothing for %s', async (_, name, scope, via) => {
    const on = await worker();
    const { keyId: KeyId } = await on.serviceKeys.managed(`alias/aws/${name}`, own, NOW);
    const input = { KeyId, Plaintext: Buffer.from('x') };
    const denied = { code: 'AccessDeniedException' };
    if (scope === undefined) await expect(on.call('Encrypt', input)).rejects.toMatchObject(denied);
    else await expect(on.forward(encrypt, input, scope, via)).rejects.toMatchObject(denied);
  });

  test('does nothing for another account', async () => {
    const on = await worker();
    const record = await on.serviceKeys.managed('alias/aws/s3', own, NOW);
    const stranger = user('stranger', { accountId: OTHER_ACCOUNT, identityPolicies: administrator.identityPolicies });
    const input = { KeyId: keyArn(record), Plaintext: Buffer.from('x') };
    await expect(on.forward(encrypt, input, scopeOf(stranger), 's3')).rejects.toMatchObject({
      code: 'AccessDeniedException',
    });
  });

  test('is EBS’s through EC2, and Redshift’s through both of its services', async () => {
    const on = await worker();
    const use = async (alias: string, via: string) => {
      const { keyId } = await on.serviceKeys.managed(alias, own, NOW);
      return on.forward(encrypt, { KeyId: keyId, Plaintext: Buffer.from('x') }, scopeOf(reader), via);
    };
    await expect(use('alias/aws/ebs', 'ec2')).resolves.toBeDefined();
    await expect(use('alias/aws/ebs', 'ebs')).rejects.toMatchObject({ code: 'AccessDeniedException' });
    await expect(use('alias/aws/redshift', 'redshift')).resolves.toBeDefined();
    await expect(use('alias/aws/redshift', 'redshift-serverless')).resolves.toBeDefined();
  });

  test('is granted by the service to whom it wants, and the account revokes that', async () => {
    const on = await worker();
    const { keyId: KeyId } = await on.serviceKeys.managed('alias/aws/ebs', own, NOW);
    const grantee = user('instance');
    const Plaintext = Buffer.from('volume key');
    const use = () => on.call('Encrypt', { KeyId, Plaintext }, grantee);
    await expect(use()).rejects.toMatchObject({ code: 'AccessDeniedException' });
    const request = { KeyId, GranteePrincipal: grantee.principal.arn, Operations: ['Encrypt' as const] };
    const { GrantId } = await on.forward(createGrant, request, scopeOf(reader), 'ec2');
    await expect(use()).resolves.toBeDefined();
    await on.call('RevokeGrant', { KeyId, GrantId });
    await expect(use()).rejects.toMatchObject({ code: 'AccessDeniedException' });
  });

  test('is still not its service’s to change', async () => {
    const on = await worker();
    const { keyId: KeyId } = await on.serviceKeys.managed('alias/aws/s3', own, NOW);
    const disableKey = kmsOperations.get('DisableKey');
    if (disableKey === undefined) throw new Error('there is DisableKey');
    await expect(on.forward(disableKey, { KeyId }, scopeOf(root), 's3')).rejects.toMatchObject({
      code: 'AccessDeniedException',
    });
  });
});

describe('an AWS owned key', () => {
  const input = { Plaintext: Buffer.from('owned') };

  test('is made once and used by its service alone, which the trail shows as AWS', async () => {
    const shop = machine();
    const [on, other] = [await shop.worker(), await shop.worker()];
    const [{ keyId: KeyId }, again] = await Promise.all([
      on.serviceKeys.owned('s3', REGION, NOW),
      other.serviceKeys.owned('s3', REGION, NOW),
    ]);
    expect(again.keyId).toBe(KeyId);
    const scope = serviceScope('s3', REGION, NOW);
    const { CiphertextBlob } = await on.forward(encrypt, { ...input, KeyId }, scope, 's3');
    expect((await on.forward(decrypt, { CiphertextBlob }, scope, 's3')).Plaintext).toEqual(input.Plaintext);
    for (const record of on.audited) {
      expect(record.userIdentity).toEqual({ type: 'AWSService', invokedBy: 's3.amazonaws.com' });
      expect(record.recipientAccountId).toBeUndefined();
    }
    const others = serviceScope('lambda', REGION, NOW);
    await expect(on.forward(encrypt, { ...input, KeyId }, others, 'lambda')).rejects.toMatchObject({
      code: 'AccessDeniedException',
    });
  });

  test('is seen and used by no caller, by no name that it has, nor by what it encrypted', async () => {
    const shop = machine();
    const on = await shop.worker();
    const owned = await on.serviceKeys.owned('s3', REGION, NOW);
    const scope = serviceScope('s3', REGION, NOW);
    const { CiphertextBlob } = await on.forward(encrypt, { ...input, KeyId: owned.keyId }, scope, 's3');
    expect(await shop.store.names(keyOwnersTable, { prefix: '', limit: 10 })).toEqual([]);

    const everything = policy({ Effect: 'Allow', Action: '*', Resource: '*' });
    const callers = [administrator, root, user('other', { accountId: OTHER_ACCOUNT, identityPolicies: [everything] })];
    const references = [
      owned.keyId,
      keyArn(owned),
      ...[ACCOUNT, OTHER_ACCOUNT].map((accountId) => keyArn({ ...owned, accountId })),
    ];
    for (const caller of callers) {
      const calls = [
        ...references.flatMap((KeyId) => [
          on.call('DescribeKey', { KeyId }, caller),
          on.call('Encrypt', { KeyId, ...input }, caller),
          on.call('Decrypt', { KeyId, CiphertextBlob }, caller),
          on.call('GetKeyPolicy', { KeyId }, caller),
          on.call('ScheduleKeyDeletion', { KeyId }, caller),
          on.forward(encrypt, { KeyId, ...input }, scopeOf(caller), 's3'),
        ]),
        on.call('Decrypt', { CiphertextBlob }, caller),
        on.forward(decrypt, { CiphertextBlob }, scopeOf(caller), 's3'),
        on.call('ReEncrypt', { CiphertextBlob, DestinationKeyId: await createKey(on) }, caller),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: expect.stringMatching(/^(NotFoundException|AccessDeniedException)$/) },
        });
        expect(String((outcome as PromiseRejectedResult).reason), 'names nothing that the caller did not').not.toMatch(
          new RegExp(`${AWS_OWNED}(?!:key/${owned.keyId}')`),
        );
      }
      for (const listing of ['ListKeys', 'ListAliases']) {
        expect(JSON.stringify(await on.call(listing, { Limit: 100 }, caller))).not.toContain(owned.keyId);
      }
    }
    const refused = on.audited.filter(({ errorCode }) => errorCode !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    expect(JSON.stringify(refused.map(({ resources }) => resources))).not.toContain(AWS_OWNED);
  });
});
