import { describe, expect, test } from 'vitest';
import { grantName, grantsOfGranteePrefix, grantsOfGranteeTable, grantsTable, keyName } from '../../keys/tables.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { sealedMemoryStore } from '../../store/sealed-memory-store.test-helper.ts';
import type { Caller, Scope } from '../caller.ts';
import {
  ACCOUNT,
  administrator,
  keyPolicy,
  OTHER_ACCOUNT,
  policy,
  REGION,
  scopeOf,
  user,
} from '../scope.test-helper.ts';
import { createKey, machine, type Worker } from './kms.test-helper.ts';

const own = { accountId: ACCOUNT, region: REGION };
const plaintext = Buffer.from('attack at dawn');
const alice = user('alice');
const bob = user('bob');
const eve = user('eve', { accountId: OTHER_ACCOUNT });
const foreignAdministrator = user('administrator', {
  accountId: OTHER_ACCOUNT,
  identityPolicies: [policy({ Effect: 'Allow', Action: '*', Resource: '*' })],
});

function root(accountId: string): Caller {
  const arn = `arn:aws:iam::${accountId}:root`;
  return {
    principal: { type: 'Root', arn, accountId, id: accountId },
    identityPolicies: [],
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    auditIdentity: { type: 'Root', principalId: accountId, arn, accountId },
  };
}

function roleSession(role: string, session: string, accountId = ACCOUNT): Caller {
  const arn = `arn:aws:sts::${accountId}:assumed-role/${role}/${session}`;
  const id = `AROA${role.toUpperCase().padEnd(17, 'X')}:${session}`;
  return {
    principal: { type: 'AssumedRole', arn, accountId, id, roleArn: `arn:aws:iam::${accountId}:role/path/${role}` },
    identityPolicies: [],
    accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    auditIdentity: { type: 'AssumedRole', principalId: id, arn, accountId },
  };
}

function service(name: string): Caller {
  return {
    principal: { type: 'Service', arn: name, accountId: '', id: name },
    identityPolicies: [],
    accessKeyId: '',
    auditIdentity: { type: 'AWSService', invokedBy: name },
  };
}

const arnOf = ({ principal }: Caller) => principal.arn;
const keyArn = (keyId: string) => `arn:aws:kms:${REGION}:${ACCOUNT}:key/${keyId}`;

interface Made {
  readonly GrantId: string;
  readonly GrantToken: string;
}

const ALL = [
  'Encrypt',
  'Decrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
];

async function grant(kms: Worker, KeyId: string, grantee: Caller, more: object = {}, caller?: Caller): Promise<Made> {
  const input = { KeyId, GranteePrincipal: arnOf(grantee), Operations: ALL, ...more };
  return validCall(kms, 'CreateGrant', input, caller) as unknown as Promise<Made>;
}

/** `Worker.call` takes its input for validated; grants have rules of their own to validate by. */
async function validCall(kms: Worker, name: string, input: object, caller?: Caller, more?: Partial<Scope>) {
  kms.service.operations.get(name)?.validate?.(input);
  return kms.call(name, input, caller, more);
}

const encrypt = (kms: Worker, KeyId: string, caller: Caller, EncryptionContext?: object, GrantTokens?: string[]) =>
  kms.call('Encrypt', { KeyId, Plaintext: plaintext, EncryptionContext, GrantTokens }, caller);

const grantsOf = async (kms: Worker, KeyId: string, more: object = {}, caller?: Caller) =>
  (await validCall(kms, 'ListGrants', { KeyId, ...more }, caller))['Grants'] as Record<string, unknown>[];

const denied = { code: 'AccessDeniedException' };

async function oneWorker() {
  const made = machine();
  const kms = await made.worker();
  return { ...made, kms, keyId: await createKey(kms) };
}

describe('a grant allows its grantee, and nobody else,', () => {
  test('the operations that it lists', async () => {
    const { kms, keyId } = await oneWorker();
    await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject(denied);
    await grant(kms, keyId, alice, { Operations: ['Encrypt', 'DescribeKey'] });
    const { CiphertextBlob } = await encrypt(kms, keyId, alice);
    expect(await kms.call('DescribeKey', { KeyId: keyId }, alice)).toMatchObject({ KeyMetadata: { KeyId: keyId } });
    await expect(kms.call('Decrypt', { CiphertextBlob }, alice)).rejects.toMatchObject(denied);
    await expect(kms.call('GetKeyPolicy', { KeyId: keyId }, alice)).rejects.toMatchObject(denied);
    await expect(encrypt(kms, keyId, bob)).rejects.toMatchObject(denied);
    await grant(kms, keyId, alice, { Operations: ['Decrypt'] });
    expect(await kms.call('Decrypt', { CiphertextBlob }, alice)).toMatchObject({ Plaintext: plaintext });
  });

  test('each side of ReEncrypt by itself', async () => {
    const { kms, keyId } = await oneWorker();
    const destination = await createKey(kms);
    const { CiphertextBlob } = await encrypt(kms, keyId, administrator);
    const reEncrypt = () => kms.call('ReEncrypt', { CiphertextBlob, DestinationKeyId: destination }, alice);
    await grant(kms, keyId, alice, { Operations: ['ReEncryptFrom'] });
    await grant(kms, destination, alice, { Operations: ['ReEncryptFrom'] });
    await expect(reEncrypt()).rejects.toMatchObject(denied);
    await grant(kms, destination, alice, { Operations: ['ReEncryptTo'] });
    expect(await reEncrypt()).toMatchObject({ KeyId: keyArn(destination) });
  });

  test('to a role: every session of it', async () => {
    const { kms, keyId } = await oneWorker();
    const [one, two, other] = [roleSession('r', 'one'), roleSession('r', 'two'), roleSession('other', 'one')];
    await grant(kms, keyId, alice, { GranteePrincipal: one.principal.roleArn });
    await encrypt(kms, keyId, one);
    await encrypt(kms, keyId, two);
    await expect(encrypt(kms, keyId, other)).rejects.toMatchObject(denied);
  });

  test('to one session of a role: that one alone', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, roleSession('r', 'one'));
    await encrypt(kms, keyId, roleSession('r', 'one'));
    await expect(encrypt(kms, keyId, roleSession('r', 'two'))).rejects.toMatchObject(denied);
  });

  test('to a principal of another account, whose own policies need not allow it', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, eve);
    expect(await encrypt(kms, keyArn(keyId), eve)).toMatchObject({ KeyId: keyArn(keyId) });
    await expect(encrypt(kms, keyArn(keyId), foreignAdministrator)).rejects.toMatchObject(denied);
  });

  test('to an account: its root user, and whomever the policies of that account allow', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, root(OTHER_ACCOUNT));
    await encrypt(kms, keyArn(keyId), root(OTHER_ACCOUNT));
    await encrypt(kms, keyArn(keyId), foreignAdministrator);
    await expect(encrypt(kms, keyArn(keyId), eve)).rejects.toMatchObject(denied);
    const limited = user('limited', {
      accountId: OTHER_ACCOUNT,
      identityPolicies: [policy({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' })],
    });
    await expect(encrypt(kms, keyArn(keyId), limited)).rejects.toMatchObject(denied);
  });

  test('however the partition of its ARN was written', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, { GranteePrincipal: arnOf(alice).replace('arn:aws:', 'arn:aws-cn:') });
    await encrypt(kms, keyId, alice);
    expect(await grantsOf(kms, keyId, { GranteePrincipal: arnOf(alice) })).toMatchObject([
      { GranteePrincipal: `arn:aws-cn:iam::${ACCOUNT}:user/alice` },
    ]);
  });

  test('not when the grant says that it is for requests on behalf of a resource, which none is yet', async () => {
    const { kms, keyId } = await oneWorker();
    const Constraints = { SourceArn: 'arn:aws:s3:::bucket' };
    await grant(kms, keyId, alice, { Constraints });
    await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject(denied);
    const name = 'dynamodb.amazonaws.com';
    const more = { GranteePrincipal: undefined, GranteeServicePrincipal: name, RetiringServicePrincipal: name };
    await grant(kms, keyId, alice, { ...more, Constraints });
    await expect(encrypt(kms, keyArn(keyId), service(name))).rejects.toMatchObject(denied);
    expect((await grantsOf(kms, keyId)).find((each) => each['GranteeServicePrincipal'] === name)).toMatchObject({
      RetiringServicePrincipal: name,
      Constraints,
    });
  });

  test('a service is known by its name, and may retire what names it', async () => {
    const { kms, keyId } = await oneWorker();
    const name = 'dynamodb.amazonaws.com';
    const { GrantToken } = await grant(kms, keyId, alice, { RetiringServicePrincipal: name });
    await expect(kms.call('RetireGrant', { GrantToken }, service('s3.amazonaws.com'))).rejects.toMatchObject(denied);
    await kms.call('RetireGrant', { GrantToken }, service(name));
  });
});

describe('no grant overrides', () => {
  test('a deny in the key policy', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice);
    await encrypt(kms, keyId, alice);
    const allow = {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: 'kms:*',
      Resource: '*',
    };
    const deny = { Effect: 'Deny', Principal: { AWS: arnOf(alice) }, Action: 'kms:Encrypt', Resource: '*' };
    await kms.call('PutKeyPolicy', { KeyId: keyId, Policy: keyPolicy(allow, deny) });
    await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject(denied);
  });

  test("a deny in the caller's own policies", async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice);
    const refused = user('alice', {
      identityPolicies: [policy({ Effect: 'Deny', Action: 'kms:Encrypt', Resource: '*' })],
    });
    await expect(encrypt(kms, keyId, refused)).rejects.toMatchObject(denied);
  });

  test('the state of the key', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice);
    await kms.call('DisableKey', { KeyId: keyId });
    await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject({ code: 'DisabledException' });
    await expect(grant(kms, keyId, bob)).rejects.toMatchObject({ code: 'DisabledException' });
  });
});

describe('constraints', () => {
  test('a subset of the context', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, { Constraints: { EncryptionContextSubset: { tenant: '7' } } });
    const { CiphertextBlob } = await encrypt(kms, keyId, alice, { tenant: '7', other: 'x' });
    await expect(encrypt(kms, keyId, alice, { tenant: '8' })).rejects.toMatchObject(denied);
    await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject(denied);
    const decrypt = (EncryptionContext: object) => kms.call('Decrypt', { CiphertextBlob, EncryptionContext }, alice);
    expect(await decrypt({ tenant: '7', other: 'x' })).toMatchObject({ Plaintext: plaintext });
    await expect(decrypt({ other: 'x' })).rejects.toMatchObject(denied);
  });

  test('the whole context', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, { Constraints: { EncryptionContextEquals: { tenant: '7', purpose: 'a' } } });
    await encrypt(kms, keyId, alice, { purpose: 'a', tenant: '7' });
    await expect(encrypt(kms, keyId, alice, { purpose: 'a', tenant: '7', more: '' })).rejects.toMatchObject(denied);
    await expect(encrypt(kms, keyId, alice, { tenant: '7' })).rejects.toMatchObject(denied);
  });

  test.each(['EncryptionContextEquals', 'EncryptionContextSubset'])(
    '%s alone demands something when the other is given empty, as Terraform gives it',
    async (given) => {
      const { kms, keyId } = await oneWorker();
      const empty = { EncryptionContextEquals: {}, EncryptionContextSubset: {} };
      const Constraints = { ...empty, [given]: { tenant: '7' } };
      await grant(kms, keyId, alice, { Constraints });
      expect(await grantsOf(kms, keyId)).toMatchObject([{ Constraints: { [given]: { tenant: '7' } } }]);
      await encrypt(kms, keyId, alice, { tenant: '7' });
      await expect(encrypt(kms, keyId, alice, {})).rejects.toMatchObject(denied);
      const wider = encrypt(kms, keyId, alice, { tenant: '7', more: 'x' });
      if (given === 'EncryptionContextSubset') await wider;
      else await expect(wider).rejects.toMatchObject(denied);
    },
  );

  test('each side of ReEncrypt is judged by its own context', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, {
      Operations: ['ReEncryptFrom', 'ReEncryptTo'],
      Constraints: { EncryptionContextEquals: { side: 'one' } },
    });
    const { CiphertextBlob } = await encrypt(kms, keyId, administrator, { side: 'one' });
    const reEncrypt = (to: object) =>
      kms.call(
        'ReEncrypt',
        {
          CiphertextBlob,
          SourceEncryptionContext: { side: 'one' },
          DestinationKeyId: keyId,
          DestinationEncryptionContext: to,
        },
        alice,
      );
    await reEncrypt({ side: 'one' });
    await expect(reEncrypt({ side: 'two' })).rejects.toMatchObject(denied);
  });

  test('do not apply to operations without a context', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, {
      Operations: ['Decrypt', 'DescribeKey'],
      Constraints: { EncryptionContextEquals: { a: 'b' } },
    });
    await kms.call('DescribeKey', { KeyId: keyId }, alice);
  });
});

describe('who may make grants only by a grant', () => {
  const subset = { EncryptionContextSubset: { tenant: '7' } };
  const parent = { Operations: ['Decrypt', 'Encrypt', 'CreateGrant'], Constraints: subset };

  test.each<[string, object]>([
    ['the same', parent],
    ['fewer operations', { ...parent, Operations: ['Encrypt'] }],
    ['more pairs', { ...parent, Constraints: { EncryptionContextSubset: { tenant: '7', a: 'b' } } }],
    ['an exact context', { ...parent, Constraints: { EncryptionContextEquals: { tenant: '7', a: 'b' } } }],
  ])('may make one with %s', async (_, child) => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, parent);
    await grant(kms, keyId, bob, child, alice);
    await encrypt(kms, keyId, bob, { tenant: '7', a: 'b' });
  });

  test.each<[string, object]>([
    ['another operation', { ...parent, Operations: ['Encrypt', 'ReEncryptTo'] }],
    ['DescribeKey, which the parent does not list', { ...parent, Operations: ['DescribeKey'] }],
    ['no constraint', { Operations: ['Encrypt'] }],
    ['another value', { ...parent, Constraints: { EncryptionContextSubset: { tenant: '8' } } }],
    ['an exact context without the pair', { ...parent, Constraints: { EncryptionContextEquals: { a: 'b' } } }],
    ['nothing demanded', { ...parent, Constraints: { EncryptionContextSubset: {} } }],
  ])('may not make one with %s', async (_, child) => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, parent);
    await expect(grant(kms, keyId, bob, child, alice)).rejects.toMatchObject(denied);
  });

  test('may not widen an exact context', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, { ...parent, Constraints: { EncryptionContextEquals: { tenant: '7' } } });
    await expect(grant(kms, keyId, bob, parent, alice)).rejects.toMatchObject(denied);
  });

  test('may not take one grant for the operations and another for the constraint', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, parent);
    await grant(kms, keyId, alice, { Operations: ['DescribeKey', 'CreateGrant'] });
    await grant(kms, keyId, bob, { Operations: ['DescribeKey'] }, alice);
    await expect(grant(kms, keyId, bob, { Operations: ['Encrypt'] }, alice)).rejects.toMatchObject(denied);
  });

  test('is not so limited where policies allow it too', async () => {
    const { kms, keyId } = await oneWorker();
    const allowed = user('alice', {
      identityPolicies: [policy({ Effect: 'Allow', Action: 'kms:CreateGrant', Resource: '*' })],
    });
    await grant(kms, keyId, alice, parent);
    await grant(kms, keyId, bob, { Operations: ['ReEncryptTo'] }, allowed);
  });
});

describe('CreateGrant', () => {
  test('takes a request with the same name and the same rest for a retry, with another token', async () => {
    const { kms, keyId } = await oneWorker();
    const first = await grant(kms, keyId, alice, { Name: 'n', Operations: ['Encrypt', 'Decrypt'] });
    const again = await grant(kms, keyId, alice, { Name: 'n', Operations: ['Decrypt', 'Encrypt'] });
    expect(first.GrantId).toMatch(/^[0-9a-f]{64}$/);
    expect(again.GrantId).toBe(first.GrantId);
    expect(again.GrantToken).not.toBe(first.GrantToken);
    const others = [
      await grant(kms, keyId, alice, { Name: 'n' }),
      await grant(kms, keyId, alice, { Name: 'm', Operations: ['Encrypt', 'Decrypt'] }),
      await grant(kms, keyId, bob, { Name: 'n', Operations: ['Encrypt', 'Decrypt'] }),
      await grant(kms, await createKey(kms), alice, { Name: 'n', Operations: ['Encrypt', 'Decrypt'] }),
    ];
    expect(new Set([first, ...others].map(({ GrantId }) => GrantId)).size).toBe(5);
    expect(await grantsOf(kms, keyId)).toHaveLength(4);
    await kms.call('RevokeGrant', { KeyId: keyId, GrantId: first.GrantId });
    const renewed = await grant(kms, keyId, alice, { Name: 'n', Operations: ['Encrypt', 'Decrypt'] });
    expect(renewed.GrantId).not.toBe(first.GrantId);
  });

  test('makes one grant of the same named request sent twice at once', async () => {
    const { worker } = machine();
    const [one, two] = [await worker(), await worker()];
    const keyId = await createKey(one);
    const made = await Promise.all([one, two, one, two].map((kms) => grant(kms, keyId, alice, { Name: 'n' })));
    expect(new Set(made.map(({ GrantId }) => GrantId)).size).toBe(1);
    expect(await grantsOf(one, keyId)).toHaveLength(1);
  });

  test('without a name makes another grant each time, and lists each operation once', async () => {
    const { kms, keyId } = await oneWorker();
    const Operations = ['Decrypt', 'Encrypt', 'Decrypt'];
    const made = [await grant(kms, keyId, alice, { Operations }), await grant(kms, keyId, alice, { Operations })];
    expect(made[0]?.GrantId).not.toBe(made[1]?.GrantId);
    for (const each of await grantsOf(kms, keyId)) expect(each['Operations']).toEqual(['Decrypt', 'Encrypt']);
  });

  test('in a dry run makes nothing', async () => {
    const { kms, keyId } = await oneWorker();
    await expect(grant(kms, keyId, alice, { DryRun: true })).rejects.toMatchObject({
      code: 'DryRunOperationException',
    });
    expect(await grantsOf(kms, keyId)).toEqual([]);
    await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject(denied);
  });

  const [pattern, invalid] = ['ValidationException', 'InvalidArnException'];
  test.each<[string, object, string, RegExp]>([
    ['no grantee', { GranteePrincipal: undefined }, pattern, /'granteePrincipal'.*must not be null/],
    ['two grantees', { GranteeServicePrincipal: 's3.amazonaws.com' }, pattern, /but not both/],
    [
      'a grantee that is no ARN',
      { GranteePrincipal: ACCOUNT },
      invalid,
      /ARN does not refer to a valid principal: 1111/,
    ],
    ['a group', { GranteePrincipal: `arn:aws:iam::${ACCOUNT}:group/g` }, invalid, /valid principal/],
    ['a service as principal', { GranteePrincipal: 's3.amazonaws.com' }, invalid, /valid principal/],
    ['a retiring principal that is no ARN', { RetiringPrincipal: 'bob' }, invalid, /valid principal: bob/],
    [
      'two retiring principals',
      { RetiringPrincipal: arnOf(bob), RetiringServicePrincipal: 's3.amazonaws.com' },
      pattern,
      /but not both/,
    ],
    [
      'a service without a SourceArn',
      { GranteePrincipal: undefined, GranteeServicePrincipal: 's3.amazonaws.com', RetiringPrincipal: arnOf(bob) },
      pattern,
      /SourceArn/,
    ],
    [
      'a service that nobody may retire',
      {
        GranteePrincipal: undefined,
        GranteeServicePrincipal: 's3.amazonaws.com',
        Constraints: { SourceArn: 'arn:aws:s3:::b' },
      },
      pattern,
      /RetiringPrincipal/,
    ],
    ['no operations', { Operations: [] }, pattern, /'operations'/],
    ['CreateGrant alone', { Operations: ['CreateGrant'] }, pattern, /^Grants must not contain only the CreateGrant/],
    [
      'two contexts',
      { Constraints: { EncryptionContextSubset: { a: 'b' }, EncryptionContextEquals: { a: 'b' } } },
      pattern,
      /^More than one constraint supplied$/,
    ],
    [
      'nine pairs',
      { Constraints: { EncryptionContextSubset: Object.fromEntries([...'123456789'].map((n) => [n, n])) } },
      pattern,
      /at most 8/,
    ],
    ['a long context', { Constraints: { EncryptionContextEquals: { a: 'b'.repeat(384) } } }, pattern, /384 characters/],
    ['an operation that the key does not have', { Operations: ['Sign', 'Decrypt'] }, pattern, /operations \[Sign\]/],
  ])('refuses %s', async (_, more, code, message) => {
    const { kms, keyId } = await oneWorker();
    await expect(grant(kms, keyId, alice, more)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(await grantsOf(kms, keyId)).toEqual([]);
  });

  test('refuses a demand for a context on a key that has none', async () => {
    const { kms } = await oneWorker();
    const keyId = await createKey(kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
    const more = { Operations: ['GenerateMac', 'DescribeKey'] };
    await grant(kms, keyId, alice, more);
    const constrained = grant(kms, keyId, alice, { ...more, Constraints: { EncryptionContextSubset: { a: 'b' } } });
    await expect(constrained).rejects.toMatchObject({ code: 'ValidationException' });
    await expect(grant(kms, keyId, alice)).rejects.toMatchObject({ code: 'ValidationException' });
  });

  test('refuses an alias, and the principal of a key that does not exist', async () => {
    const { kms, keyId } = await oneWorker();
    await kms.call('CreateAlias', { AliasName: 'alias/a', TargetKeyId: keyId });
    await expect(grant(kms, 'alias/a', alice)).rejects.toMatchObject({ code: 'InvalidArnException' });
    await expect(grant(kms, '1234abcd-12ab-34cd-56ef-1234567890ab', alice)).rejects.toMatchObject({
      code: 'NotFoundException',
    });
  });

  test('makes no more than 50,000 for a key', async () => {
    const { kms, keyId, store } = await oneWorker();
    const first = await grant(kms, keyId, alice);
    const { grantCountsTable } = await import('../../keys/tables.ts');
    const name = keyName({ ...own, keyId });
    await store.transact(async (transaction) => {
      expect(await transaction.get(grantCountsTable, name)).toMatchObject({ value: { grants: 1 } });
      await transaction.replace(grantCountsTable, name, { grants: 49_999 }, 1);
    });
    await grant(kms, keyId, alice);
    await expect(grant(kms, keyId, alice)).rejects.toMatchObject({ code: 'LimitExceededException' });
    await kms.call('RevokeGrant', { KeyId: keyId, GrantId: first.GrantId });
    await grant(kms, keyId, alice);
  });

  test('from another account takes both sides, and says which account made it', async () => {
    const { kms, keyId } = await oneWorker();
    await expect(grant(kms, keyArn(keyId), eve, {}, foreignAdministrator)).rejects.toMatchObject(denied);
    const allow = {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: 'kms:*',
      Resource: '*',
    };
    const foreign = { ...allow, Principal: { AWS: OTHER_ACCOUNT }, Action: ['kms:*Grant', 'kms:ListGrants'] };
    await kms.call('PutKeyPolicy', { KeyId: keyId, Policy: keyPolicy(allow, foreign) });
    await expect(grant(kms, keyArn(keyId), eve, {}, eve)).rejects.toMatchObject(denied);
    const { GrantId } = await grant(kms, keyArn(keyId), eve, {}, foreignAdministrator);
    expect(await grantsOf(kms, keyArn(keyId), {}, foreignAdministrator)).toMatchObject([
      { GrantId, IssuingAccount: `arn:aws:iam::${OTHER_ACCOUNT}:root` },
    ]);
    await kms.call('RevokeGrant', { KeyId: keyArn(keyId), GrantId }, foreignAdministrator);
    await expect(encrypt(kms, keyArn(keyId), eve)).rejects.toMatchObject(denied);
  });
});

describe('condition keys', () => {
  test.each<[string, object, object, boolean]>([
    ['GrantOperations', { 'ForAllValues:StringEquals': { 'kms:GrantOperations': ['Encrypt', 'Decrypt'] } }, {}, false],
    ['GrantOperations', { 'ForAllValues:StringEquals': { 'kms:GrantOperations': ALL } }, {}, true],
    ['GranteePrincipal', { StringEquals: { 'kms:GranteePrincipal': arnOf(alice) } }, {}, true],
    ['GranteePrincipal', { StringEquals: { 'kms:GranteePrincipal': arnOf(bob) } }, {}, false],
    ['RetiringPrincipal', { StringEquals: { 'kms:RetiringPrincipal': arnOf(bob) } }, {}, false],
    [
      'RetiringPrincipal',
      { StringEquals: { 'kms:RetiringPrincipal': arnOf(bob) } },
      { RetiringPrincipal: arnOf(bob) },
      true,
    ],
    [
      'RetiringServicePrincipal',
      { StringEquals: { 'kms:RetiringServicePrincipal': 's3.amazonaws.com' } },
      { RetiringServicePrincipal: 's3.amazonaws.com' },
      true,
    ],
    ['GranteeServicePrincipal', { Null: { 'kms:GranteeServicePrincipal': 'true' } }, {}, true],
    ['GrantConstraintType', { StringEquals: { 'kms:GrantConstraintType': 'EncryptionContextSubset' } }, {}, false],
    [
      'GrantConstraintType',
      { StringEquals: { 'kms:GrantConstraintType': 'EncryptionContextSubset' } },
      { Constraints: { EncryptionContextSubset: { a: 'b' } } },
      true,
    ],
    [
      'GrantConstraintType',
      { StringEquals: { 'kms:GrantConstraintType': 'EncryptionContextSubset' } },
      { Constraints: { EncryptionContextSubset: {} } },
      false,
    ],
    [
      'EncryptionContext',
      { StringEquals: { 'kms:EncryptionContext:a': 'b' } },
      { Constraints: { EncryptionContextSubset: { a: 'b' } } },
      true,
    ],
    ['GrantIsForAWSResource', { Bool: { 'kms:GrantIsForAWSResource': 'true' } }, {}, false],
    ['GrantIsForAWSResource', { Bool: { 'kms:GrantIsForAWSResource': 'false' } }, {}, true],
  ])('kms:%s in %j for %j: %s', async (_, Condition, more, allowed) => {
    const { kms, keyId } = await oneWorker();
    const maker = user('maker', {
      identityPolicies: [policy({ Effect: 'Allow', Action: 'kms:CreateGrant', Resource: '*', Condition })],
    });
    const made = grant(kms, keyId, alice, more, maker);
    if (allowed) await made;
    else await expect(made).rejects.toMatchObject(denied);
  });

  test.each<[string, string, string]>([
    ['aws', 'aws-cn', 'us-east-1'],
    ['aws', 'aws-us-gov', 'us-east-1'],
    ['aws-cn', 'aws', 'cn-north-1'],
    ['aws-cn', 'aws-cn', 'cn-north-1'],
  ])('a deny for a principal of %s holds for a request that spells it %s, in %s', async (written, asked, region) => {
    const { kms } = await oneWorker();
    const spelled = (partition: string) => arnOf(eve).replace('arn:aws:', `arn:${partition}:`);
    for (const member of ['GranteePrincipal', 'RetiringPrincipal']) {
      const Policy = keyPolicy(
        { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'kms:*', Resource: '*' },
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 'kms:CreateGrant',
          Resource: '*',
          Condition: { ArnLike: { [`kms:${member}`]: spelled(written) } },
        },
      );
      const { KeyMetadata } = await kms.call('CreateKey', { Policy }, administrator, { region });
      const { KeyId } = KeyMetadata as { KeyId: string };
      const input = { KeyId, GranteePrincipal: arnOf(alice), Operations: ['Encrypt'], [member]: spelled(asked) };
      await expect(kms.call('CreateGrant', input, administrator, { region })).rejects.toMatchObject(denied);
    }
  });

  test('kms:GrantIsForAWSResource goes for ListGrants and RevokeGrant as well', async () => {
    const { kms, keyId } = await oneWorker();
    const Condition = { Bool: { 'kms:GrantIsForAWSResource': 'true' } };
    const maker = user('maker', {
      identityPolicies: [policy({ Effect: 'Allow', Action: '*', Resource: '*', Condition })],
    });
    const { GrantId } = await grant(kms, keyId, alice);
    await expect(grantsOf(kms, keyId, {}, maker)).rejects.toMatchObject(denied);
    await expect(kms.call('RevokeGrant', { KeyId: keyId, GrantId }, maker)).rejects.toMatchObject(denied);
  });
});

describe('ListGrants', () => {
  test('tells all that was said of a grant', async () => {
    const { kms, keyId } = await oneWorker();
    const Constraints = { EncryptionContextEquals: { Department: 'IT' } };
    const more = { Name: 'n', RetiringPrincipal: arnOf(bob), Constraints, Operations: ['Decrypt'] };
    const { GrantId } = await grant(kms, keyId, alice, more);
    expect(await grantsOf(kms, keyId)).toEqual([
      {
        KeyId: keyArn(keyId),
        GrantId,
        CreationDate: expect.any(Date),
        GranteePrincipal: arnOf(alice),
        IssuingAccount: `arn:aws:iam::${ACCOUNT}:root`,
        ...more,
      },
    ]);
    const { GrantId: plain } = await grant(kms, keyId, bob);
    const [listed] = await grantsOf(kms, keyId, { GrantId: plain });
    expect(listed).toMatchObject({ Name: '' });
    expect(listed).not.toHaveProperty('Constraints');
    expect(listed).not.toHaveProperty('RetiringPrincipal');
  });

  test('filters by id and by grantee, and by nothing that only begins like it', async () => {
    const { kms, keyId } = await oneWorker();
    const alicia = user('alice/cia');
    const made = await Promise.all([alice, alice, bob, alicia].map((grantee) => grant(kms, keyId, grantee)));
    const ids = async (more: object) => (await grantsOf(kms, keyId, more)).map((each) => each['GrantId']).sort();
    const [one, two, three] = made.map(({ GrantId }) => GrantId) as [string, string, string];
    expect(await ids({ GranteePrincipal: arnOf(alice) })).toEqual([one, two].sort());
    expect(await ids({ GrantId: three })).toEqual([three]);
    expect(await ids({ GrantId: three, GranteePrincipal: arnOf(bob) })).toEqual([three]);
    expect(await ids({ GrantId: three, GranteePrincipal: arnOf(alice) })).toEqual([]);
    expect(await ids({ GrantId: 'f'.repeat(64) })).toEqual([]);
    await expect(ids({ GrantId: 'x' })).rejects.toMatchObject({ code: 'InvalidGrantIdException' });
    await expect(ids({ GranteeServicePrincipal: 's3.amazonaws.com' })).rejects.toMatchObject({
      code: 'ValidationException',
    });
  });

  test.each<[string, object]>([
    ['all', {}],
    ['those of a grantee', { GranteePrincipal: arnOf(alice) }],
  ])('pages through %s, each grant once', async (_, filter) => {
    const { kms, keyId } = await oneWorker();
    const other = await createKey(kms);
    const made = new Set<string>();
    for (let count = 0; count < 7; count++) {
      made.add((await grant(kms, keyId, alice)).GrantId);
      await grant(kms, other, alice);
    }
    const seen: unknown[] = [];
    let Marker: unknown;
    do {
      const page = await validCall(kms, 'ListGrants', { KeyId: keyId, Limit: 3, Marker, ...filter });
      seen.push(...(page['Grants'] as Made[]).map(({ GrantId }) => GrantId));
      expect(page['Truncated']).toBe(page['NextMarker'] !== undefined);
      Marker = page['NextMarker'];
    } while (Marker !== undefined);
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(made);
  });
});

describe('ListRetirableGrants', () => {
  const list = async (kms: Worker, RetiringPrincipal: string, caller?: Caller, more: object = {}) =>
    validCall(kms, 'ListRetirableGrants', { RetiringPrincipal, ...more }, caller);
  const idsOf = (page: Record<string, unknown>) => (page['Grants'] as Made[]).map(({ GrantId }) => GrantId).sort();

  test("lists the grants that a principal of the caller's account may retire, on whosever keys", async () => {
    const { kms, keyId } = await oneWorker();
    const foreignKey = (await kms.call('CreateKey', {}, foreignAdministrator))['KeyMetadata'] as { KeyId: string };
    const own = await grant(kms, keyId, alice, { RetiringPrincipal: arnOf(bob) });
    const foreign = await grant(kms, foreignKey.KeyId, alice, { RetiringPrincipal: arnOf(bob) }, foreignAdministrator);
    await grant(kms, keyId, bob, { RetiringPrincipal: arnOf(alice) });
    await grant(kms, keyId, bob);
    await kms.call('ListRetirableGrants', { RetiringPrincipal: arnOf(bob) }, administrator, { region: 'eu-west-1' });
    expect(idsOf(await list(kms, arnOf(bob)))).toEqual([own.GrantId, foreign.GrantId].sort());
    const page = await list(kms, arnOf(bob), administrator, { Limit: 1 });
    const rest = await list(kms, arnOf(bob), administrator, { Limit: 1, Marker: page['NextMarker'] });
    expect([...idsOf(page), ...idsOf(rest)].sort()).toEqual([own.GrantId, foreign.GrantId].sort());
    expect(
      idsOf(
        await kms.call('ListRetirableGrants', { RetiringPrincipal: arnOf(bob) }, administrator, {
          region: 'eu-west-1',
        }),
      ),
    ).toEqual([]);
  });

  test('is refused for a principal of another account, and to whom no policy allows it', async () => {
    const { kms } = await oneWorker();
    await expect(list(kms, arnOf(eve))).rejects.toMatchObject(denied);
    await expect(list(kms, arnOf(bob), bob)).rejects.toMatchObject(denied);
    const allowed = (Resource: string) =>
      user('bob', { identityPolicies: [policy({ Effect: 'Allow', Action: 'kms:ListRetirableGrants', Resource })] });
    await list(kms, arnOf(bob), allowed(arnOf(bob)));
    await expect(list(kms, arnOf(bob), allowed(arnOf(alice)))).rejects.toMatchObject(denied);
    const deniedAlice = user('bob', {
      identityPolicies: [
        policy(
          { Effect: 'Allow', Action: '*', Resource: '*' },
          { Effect: 'Deny', Action: '*', Resource: arnOf(alice) },
        ),
      ],
    });
    for (const arn of [arnOf(alice), arnOf(alice).replace('arn:aws:', 'arn:aws-cn:')]) {
      await expect(list(kms, arn, deniedAlice)).rejects.toMatchObject(denied);
    }
    await expect(list(kms, 'bob')).rejects.toMatchObject({ code: 'InvalidArnException' });
    await expect(validCall(kms, 'ListRetirableGrants', {})).rejects.toMatchObject({ code: 'ValidationException' });
  });

  test('does not list the grants of a key that is gone', async () => {
    const { kms, keyId } = await oneWorker();
    await grant(kms, keyId, alice, { RetiringPrincipal: arnOf(bob) });
    await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
    expect(idsOf(await list(kms, arnOf(bob)))).toHaveLength(1);
    const { nowMs } = scopeOf(administrator);
    const late = await kms.call('ListRetirableGrants', { RetiringPrincipal: arnOf(bob) }, administrator, {
      nowMs: nowMs + 7 * 86_400_000,
    });
    expect(idsOf(late)).toEqual([]);
  });
});

describe('RetireGrant is allowed', () => {
  const retiring = { RetiringPrincipal: arnOf(bob) };
  const denyRetiring = policy({ Effect: 'Deny', Action: 'kms:RetireGrant', Resource: '*' });
  const allowRetiring = policy({ Effect: 'Allow', Action: 'kms:RetireGrant', Resource: '*' });

  test.each<[string, object, Caller]>([
    ['to the retiring principal', retiring, bob],
    [
      'to a session of the retiring role',
      { RetiringPrincipal: roleSession('r', 's').principal.roleArn },
      roleSession('r', 's'),
    ],
    ['to the grantee whose grant lists it', { Operations: ['Encrypt', 'RetireGrant'] }, alice],
    [
      'to that grantee whatever the context',
      { Operations: ['Encrypt', 'RetireGrant'], Constraints: { EncryptionContextEquals: { a: 'b' } } },
      alice,
    ],
    ["to the root user of the key's account", {}, root(ACCOUNT)],
    ["to whom the policies of the key's account allow it", {}, user('carol', { identityPolicies: [allowRetiring] })],
    ['to a retiring account', { RetiringPrincipal: arnOf(root(OTHER_ACCOUNT)) }, root(OTHER_ACCOUNT)],
    [
      'to whom a retiring account allows it',
      { RetiringPrincipal: arnOf(root(OTHER_ACCOUNT)) },
      user('frank', { accountId: OTHER_ACCOUNT, identityPolicies: [allowRetiring] }),
    ],
    ['to a retiring principal of another account', { RetiringPrincipal: arnOf(eve) }, eve],
  ])('%s', async (_, more, caller) => {
    const { kms, keyId } = await oneWorker();
    const { GrantToken } = await grant(kms, keyId, alice, more);
    const { GrantId } = await grant(kms, keyId, alice, more);
    await validCall(kms, 'RetireGrant', { GrantToken }, caller);
    await validCall(kms, 'RetireGrant', { KeyId: keyArn(keyId), GrantId }, caller);
    expect(await grantsOf(kms, keyId)).toEqual([]);
    await expect(encrypt(kms, keyId, alice, { a: 'b' })).rejects.toMatchObject(denied);
  });

  test('to the account that made it on a key of another', async () => {
    const { kms, keyId } = await oneWorker();
    const allow = {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      Action: 'kms:*',
      Resource: '*',
    };
    const foreign = { ...allow, Principal: { AWS: OTHER_ACCOUNT }, Action: 'kms:CreateGrant' };
    await kms.call('PutKeyPolicy', { KeyId: keyId, Policy: keyPolicy(allow, foreign) });
    const { GrantToken } = await grant(kms, keyArn(keyId), eve, {}, foreignAdministrator);
    await expect(kms.call('RetireGrant', { GrantToken }, eve)).rejects.toMatchObject(denied);
    await kms.call('RetireGrant', { GrantToken }, root(OTHER_ACCOUNT));
  });

  test.each<[string, object, Caller]>([
    ['to nobody else', retiring, eve],
    ['to the grantee whose grant does not list it', retiring, alice],
    ['to anyone of a retiring account', { RetiringPrincipal: arnOf(root(OTHER_ACCOUNT)) }, eve],
    ['to a retiring principal whose policies deny it', retiring, user('bob', { identityPolicies: [denyRetiring] })],
    ['to another account, whatever its policies', {}, foreignAdministrator],
  ])('not %s', async (_, more, caller) => {
    const { kms, keyId } = await oneWorker();
    const { GrantToken, GrantId } = await grant(kms, keyId, alice, more);
    await expect(kms.call('RetireGrant', { GrantToken }, caller)).rejects.toMatchObject(denied);
    await expect(kms.call('RetireGrant', { KeyId: keyArn(keyId), GrantId }, caller)).rejects.toMatchObject(denied);
    expect(await grantsOf(kms, keyId)).toHaveLength(1);
  });

  test('whatever the key policy says of it', async () => {
    const { kms, keyId } = await oneWorker();
    const root = { AWS: `arn:aws:iam::${ACCOUNT}:root` };
    const statements = [
      { Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Principal: { AWS: arnOf(bob) }, Action: 'kms:RetireGrant', Resource: '*' },
      { Effect: 'Allow', Principal: { AWS: arnOf(alice) }, Action: 'kms:RetireGrant', Resource: '*' },
    ];
    await kms.call('PutKeyPolicy', { KeyId: keyId, Policy: keyPolicy(...statements) });
    const { GrantToken } = await grant(kms, keyId, alice, retiring);
    await expect(kms.call('RetireGrant', { GrantToken }, alice)).rejects.toMatchObject(denied);
    await kms.call('RetireGrant', { GrantToken }, bob);
  });

  test('only when the grant is named in one way', async () => {
    const { kms, keyId } = await oneWorker();
    const { GrantToken, GrantId } = await grant(kms, keyId, alice);
    const wrong = [{}, { KeyId: keyId }, { GrantId }, { GrantToken, KeyId: keyId, GrantId }, { GrantToken, GrantId }];
    for (const input of wrong) {
      await expect(validCall(kms, 'RetireGrant', input)).rejects.toMatchObject({ code: 'ValidationException' });
    }
    const unknown = { KeyId: keyId, GrantId: 'f'.repeat(64) };
    await expect(kms.call('RetireGrant', unknown)).rejects.toMatchObject({ code: 'NotFoundException' });
    await expect(kms.call('RetireGrant', { ...unknown, KeyId: keyArn(keyId) }, eve)).rejects.toMatchObject(denied);
    await expect(validCall(kms, 'RetireGrant', { KeyId: keyId, GrantId: 'x' })).rejects.toMatchObject({
      code: 'InvalidGrantIdException',
    });
    await expect(kms.call('RetireGrant', { GrantToken, DryRun: true })).rejects.toMatchObject({
      code: 'DryRunOperationException',
    });
    expect(await grantsOf(kms, keyId)).toHaveLength(1);
    await kms.call('RetireGrant', { GrantToken });
    await expect(kms.call('RetireGrant', { GrantToken })).rejects.toMatchObject({ code: 'NotFoundException' });
  });
});

test('RevokeGrant takes its permission, and what there is to revoke', async () => {
  const { kms, keyId } = await oneWorker();
  const { GrantId } = await grant(kms, keyId, alice, { RetiringPrincipal: arnOf(bob) });
  const revoke = (caller?: Caller, more: object = {}) =>
    validCall(kms, 'RevokeGrant', { KeyId: keyId, GrantId, ...more }, caller);
  for (const caller of [alice, bob]) await expect(revoke(caller)).rejects.toMatchObject(denied);
  await expect(revoke(administrator, { DryRun: true })).rejects.toMatchObject({ code: 'DryRunOperationException' });
  await encrypt(kms, keyId, alice);
  await expect(revoke(administrator, { KeyId: await createKey(kms) })).rejects.toMatchObject({
    code: 'NotFoundException',
  });
  await revoke();
  await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject(denied);
  await expect(revoke()).rejects.toMatchObject({ code: 'NotFoundException' });
  await expect(revoke(administrator, { GrantId: 'x' })).rejects.toMatchObject({ code: 'InvalidGrantIdException' });
});

describe('grant tokens', () => {
  test('of this deployment are taken, also when their grant is gone, and give nothing', async () => {
    const { kms, keyId } = await oneWorker();
    const { GrantToken, GrantId } = await grant(kms, keyId, alice);
    expect(Buffer.from(GrantToken, 'base64').toString('base64')).toBe(GrantToken);
    await encrypt(kms, keyId, alice, {}, [GrantToken]);
    await expect(encrypt(kms, keyId, bob, {}, [GrantToken])).rejects.toMatchObject(denied);
    await kms.call('RevokeGrant', { KeyId: keyId, GrantId });
    await expect(encrypt(kms, keyId, alice, {}, [GrantToken])).rejects.toMatchObject(denied);
    await encrypt(kms, keyId, administrator, {}, [GrantToken]);
  });

  test('that anyone made up or changed are refused, wherever they are given', async () => {
    const { kms, keyId } = await oneWorker();
    const { GrantToken } = await grant(kms, keyId, alice);
    const bytes = Buffer.from(GrantToken, 'base64');
    const changed = [...bytes.keys()].map((at) => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] as number) ^ 1;
      return copy.toString('base64');
    });
    for (const token of ['x', 'AAAA', `${GrantToken} `, GrantToken.slice(0, -4), 'A'.repeat(8192), ...changed]) {
      const invalid = { code: 'InvalidGrantTokenException' };
      await expect(encrypt(kms, keyId, administrator, {}, [GrantToken, token])).rejects.toMatchObject(invalid);
      await expect(kms.call('RetireGrant', { GrantToken: token })).rejects.toMatchObject(invalid);
    }
    await expect(kms.call('DescribeKey', { KeyId: keyId, GrantTokens: ['x'] })).rejects.toMatchObject({
      code: 'InvalidGrantTokenException',
    });
  });
});

describe('rows that someone edited are refused:', () => {
  async function tampered(edit: 'grants' | 'grants-of-grantee') {
    const raw = openMemoryStore();
    const { worker, store } = machine(sealedMemoryStore(raw));
    const [maker, kms] = [await worker(), await worker()];
    const keyId = await createKey(maker);
    const { GrantId } = await grant(maker, keyId, alice);
    const place = { ...own, keyId, grantId: GrantId };
    const from = `${grantsOfGranteePrefix(place, arnOf(alice))}${GrantId}`;
    const to = `${grantsOfGranteePrefix(place, arnOf(bob))}${GrantId}`;
    await raw.transact(async (transaction) => {
      if (edit === 'grants') {
        const row = await transaction.get('grants', grantName(place));
        await transaction.replace('grants', grantName(place), row?.body ?? Buffer.alloc(0), row?.version ?? 0);
      } else {
        const row = await transaction.get('grants-of-grantee', from);
        await transaction.create('grants-of-grantee', to, row?.body ?? Buffer.alloc(0));
      }
    });
    return { kms, keyId, GrantId, store };
  }

  test('a grant', async () => {
    const { kms, keyId, GrantId } = await tampered('grants');
    const fault = { code: 'TamperedRecord' };
    for (let twice = 0; twice < 2; twice++) await expect(encrypt(kms, keyId, alice)).rejects.toMatchObject(fault);
    await expect(grantsOf(kms, keyId)).rejects.toMatchObject(fault);
    await expect(kms.call('RetireGrant', { KeyId: keyId, GrantId }, administrator)).rejects.toMatchObject(fault);
    // Whom policies allow does not need it.
    await encrypt(kms, keyId, administrator);
  });

  test('a row that leads from someone to a grant of another', async () => {
    const { kms, keyId } = await tampered('grants-of-grantee');
    await expect(encrypt(kms, keyId, bob)).rejects.toMatchObject({ code: 'TamperedRecord' });
    await encrypt(kms, keyId, alice);
  });
});

test('a grant whose key is gone allows nothing', async () => {
  const { kms, keyId, store } = await oneWorker();
  await grant(kms, keyId, alice);
  await kms.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
  const { nowMs } = scopeOf(alice);
  const late = { nowMs: nowMs + 7 * 86_400_000 };
  const describeKey = kms.call('DescribeKey', { KeyId: keyId }, alice, late);
  await expect(describeKey).rejects.toMatchObject({ code: 'NotFoundException' });
  expect(await store.list(grantsTable, { prefix: '', limit: 10 })).toHaveLength(1);
  expect(await store.list(grantsOfGranteeTable, { prefix: '', limit: 10 })).toHaveLength(1);
});
