import { describe, expect, test } from 'vitest';
import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import type { KeyRecord } from '../../keys/key.ts';
import type { Scope } from '../caller.ts';
import { conditionReader } from '../condition-table.ts';
import { ACCOUNT, administrator, NOW, OTHER_ACCOUNT, REGION, scopeOf, user } from '../scope.test-helper.ts';
import { contextConditions, keyConditions, namedMaterial, requestTagConditions } from './condition-keys.ts';
import { compileKeyPolicy, defaultKeyPolicy } from './key-policy.ts';
import type { ResolvedKey } from './key-reference.ts';

const identity = { accountId: ACCOUNT, region: REGION, keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
const arn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${identity.keyId}`;

const record: KeyRecord = {
  ...identity,
  createdAtMs: NOW,
  description: '',
  keySpec: 'SYMMETRIC_DEFAULT',
  keyUsage: 'ENCRYPT_DECRYPT',
  origin: 'AWS_KMS',
  keyManager: 'CUSTOMER',
  currentMaterialId: 'ab'.repeat(32),
  lifecycle: { status: 'Enabled' },
  tags: [
    { key: 'Team', value: 'orders' },
    { key: '__proto__', value: 'x' },
  ],
};

function resolved(more: Partial<ResolvedKey> = {}, aliases: readonly string[] = ['alias/a', 'alias/b']): ResolvedKey {
  const policy = compileKeyPolicy(defaultKeyPolicy(ACCOUNT));
  return { key: { record, version: 1, arn, policy, policyCharacters: 300, aliases }, identity, namedArn: arn, ...more };
}

const scope = scopeOf(administrator);

const keyReader = conditionReader(keyConditions);
const keyCondition = (key: string, about: ResolvedKey, asked: Scope) =>
  keyReader.read(key, { resolved: about, scope: asked });
const contextReader = conditionReader(
  contextConditions(({ context }: { readonly context: EncryptionContext | undefined }) => context),
);
const encryptionContextCondition = (key: string, context: EncryptionContext | undefined) =>
  contextReader.read(key, { context });

describe('of a key', () => {
  test.each([
    ['kms:calleraccount', [ACCOUNT]],
    ['kms:resourcealiases', ['alias/a', 'alias/b']],
    ['kms:keyspec', ['SYMMETRIC_DEFAULT']],
    ['kms:customermasterkeyspec', ['SYMMETRIC_DEFAULT']],
    ['kms:keyusage', ['ENCRYPT_DECRYPT']],
    ['kms:customermasterkeyusage', ['ENCRYPT_DECRYPT']],
    ['kms:keyorigin', ['AWS_KMS']],
    ['kms:multiregion', ['false']],
    ['aws:resourcetag/team', ['orders']],
    ['aws:resourcetag/__proto__', ['x']],
  ])('%s is %j', (key, values) => {
    expect(keyCondition(key, resolved(), scope)).toEqual(values);
  });

  test('kms:ViaService is the service that asks for the caller, in the Region it asks in', () => {
    const forwarded = scopeOf(administrator, { viaService: 's3', region: 'eu-west-1' });
    expect(keyCondition('kms:viaservice', resolved(), forwarded)).toEqual(['s3.eu-west-1.amazonaws.com']);
  });

  test.each([
    'kms:requestalias',
    'kms:viaservice',
    'aws:resourcetag/colour',
    'aws:resourcetag/',
    'aws:resourcetag/constructor',
    'kms:KeySpec',
    'kms:grantoperations',
    '',
  ])('it does not have %j', (key) => {
    expect(keyCondition(key, resolved(), scope)).toBeUndefined();
  });

  test('the caller’s account is the caller’s, not the key’s', () => {
    const stranger = scopeOf(user('stranger', { accountId: OTHER_ACCOUNT }));
    expect(keyCondition('kms:calleraccount', resolved(), stranger)).toEqual([OTHER_ACCOUNT]);
  });

  test('the alias that the request used is known when it used one', () => {
    expect(keyCondition('kms:requestalias', resolved({ requestAlias: 'alias/b' }), scope)).toEqual(['alias/b']);
  });

  test('a key without aliases does not have the condition key', () => {
    expect(keyCondition('kms:resourcealiases', resolved({}, []), scope)).toBeUndefined();
  });

  test('of a key that does not exist, nothing of it is known', () => {
    for (const key of ['kms:keyspec', 'kms:keyusage', 'kms:keyorigin', 'kms:multiregion', 'kms:resourcealiases']) {
      expect(keyCondition(key, resolved({ key: undefined }), scope)).toBeUndefined();
    }
    expect(keyCondition('aws:resourcetag/team', resolved({ key: undefined }), scope)).toBeUndefined();
  });
});

describe('of an encryption context', () => {
  const context = JSON.parse('{"Tenant":"example","":"empty","__proto__":"x","a:b":"colon"}');

  test.each([
    ['kms:encryptioncontext:Tenant', ['example']],
    ['kms:encryptioncontext:', ['empty']],
    ['kms:encryptioncontext:__proto__', ['x']],
    ['kms:encryptioncontext:a:b', ['colon']],
    ['kms:encryptioncontextkeys', ['Tenant', '', '__proto__', 'a:b']],
  ])('%s is %j', (key, values) => {
    expect(encryptionContextCondition(key, context)).toEqual(values);
  });

  test.each(['kms:encryptioncontext:tenant', 'kms:encryptioncontext:toString', 'kms:encryptioncontext', 'kms:keyspec'])(
    'it does not have %s',
    (key) => {
      expect(encryptionContextCondition(key, context)).toBeUndefined();
    },
  );

  test('a request without one has none of them', () => {
    expect(encryptionContextCondition('kms:encryptioncontextkeys', undefined)).toBeUndefined();
    expect(encryptionContextCondition('kms:encryptioncontext:Tenant', undefined)).toBeUndefined();
    expect(encryptionContextCondition('kms:encryptioncontextkeys', {})).toEqual([]);
  });
});

describe('of the tags that a request brings', () => {
  const { read: conditions } = conditionReader(
    requestTagConditions((input: { Tags?: { TagKey: string; TagValue: string }[] }) => input.Tags),
  );
  const input = {
    Tags: [
      { TagKey: 'Team', TagValue: 'orders' },
      { TagKey: 'stage', TagValue: '' },
    ],
  };

  test('their keys are as they were written, and their values are found without regard to case', () => {
    expect(conditions('aws:tagkeys', input)).toEqual(['Team', 'stage']);
    expect(conditions('aws:requesttag/team', input)).toEqual(['orders']);
    expect(conditions('aws:requesttag/stage', input)).toEqual(['']);
    expect(conditions('aws:requesttag/colour', input)).toBeUndefined();
    expect(conditions('aws:resourcetag/team', input)).toBeUndefined();
  });

  test('a request without tags has none of them', () => {
    expect(conditions('aws:tagkeys', {})).toBeUndefined();
    expect(conditions('aws:requesttag/team', {})).toBeUndefined();
    expect(conditions('aws:tagkeys', { Tags: [] })).toEqual([]);
  });
});

test('the material that a request names is known, and where it names none there is none', () => {
  expect(namedMaterial({ KeyMaterialId: 'ab' })).toEqual(['ab']);
  expect(namedMaterial({})).toBeUndefined();
});

test('a tag whose key differs in its case alone does not stand in for the one a policy means', () => {
  const twins = [
    { TagKey: 'team', TagValue: 'red' },
    { TagKey: 'Team', TagValue: 'blue' },
  ];
  const { read: conditions } = conditionReader(requestTagConditions((input: { Tags?: typeof twins }) => input.Tags));
  expect(conditions('aws:requesttag/team', { Tags: twins })).toEqual(['red', 'blue']);
  const tags = twins.map(({ TagKey, TagValue }) => ({ key: TagKey, value: TagValue }));
  const { key } = resolved();
  const withTwins = key && { ...key, record: { ...key.record, tags } };
  expect(keyCondition('aws:resourcetag/team', resolved({ key: withTwins }), scope)).toEqual(['red', 'blue']);
});
