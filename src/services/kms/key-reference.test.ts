import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { isRecordKey } from '../../store/record-key.ts';
import { ACCOUNT, administrator, NOW, OTHER_ACCOUNT, REGION, scopeOf, user } from '../scope.test-helper.ts';
import { compileKeyPolicy } from './key-policy.ts';
import { followKeyReference, isKeyId, parseKeyReference } from './key-reference.ts';
import { storeKeySource } from './key-source.ts';
import { createKey, machine } from './kms.test-helper.ts';

const scope = scopeOf(administrator);
const UUID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const MRK = 'mrk-1234abcd12ab34cd56ef1234567890ab';
const own = { accountId: ACCOUNT, region: REGION };
const arn = (resource: string, account = ACCOUNT, region = REGION) => `arn:aws:kms:${region}:${account}:${resource}`;

describe('parseKeyReference', () => {
  test.each([
    ['a key id', UUID, { kind: 'key', owner: own, keyId: UUID }],
    ['a multi-Region key id', MRK, { kind: 'key', owner: own, keyId: MRK }],
    ['a key ARN', arn(`key/${UUID}`), { kind: 'key', owner: own, keyId: UUID }],
    ['a multi-Region key ARN', arn(`key/${MRK}`), { kind: 'key', owner: own, keyId: MRK }],
    [
      'a key ARN of another account',
      arn(`key/${UUID}`, OTHER_ACCOUNT),
      { kind: 'key', owner: { accountId: OTHER_ACCOUNT, region: REGION }, keyId: UUID },
    ],
    ['an alias name', 'alias/orders', { kind: 'alias', owner: own, aliasName: 'alias/orders' }],
    ['an alias of AWS', 'alias/aws/s3', { kind: 'alias', owner: own, aliasName: 'alias/aws/s3' }],
    ['an alias with slashes', 'alias/a/b/c', { kind: 'alias', owner: own, aliasName: 'alias/a/b/c' }],
    ['an alias ARN', arn('alias/orders'), { kind: 'alias', owner: own, aliasName: 'alias/orders' }],
    [
      'an alias ARN of another account',
      arn('alias/orders', OTHER_ACCOUNT),
      { kind: 'alias', owner: { accountId: OTHER_ACCOUNT, region: REGION }, aliasName: 'alias/orders' },
    ],
  ])('reads %s', (_, text, reference) => {
    expect(parseKeyReference(text, scope)).toEqual(reference);
  });

  test.each([
    '',
    'x',
    UUID.slice(1),
    `${UUID}0`,
    ` ${UUID}`,
    `${UUID}\n`,
    UUID.replaceAll('-', ''),
    UUID.replace('-', '_'),
    UUID.replace('1', 'g'),
    MRK.toUpperCase(),
    MRK.slice(0, -1),
    `${MRK}0`,
    'mrk-1234abcd-12ab-34cd-56ef-1234567890ab',
    `key/${UUID}`,
    'Alias/orders',
    'arn:',
    'arn:aws:kms',
    arn(UUID),
    arn(`key/${UUID}`, ''),
    arn(`key/${UUID}`, '11112222333'),
    arn(`key/${UUID}`, '1111222233334'),
    arn(`key/${UUID}`, '11112222333x'),
    arn(`key/${UUID}`).replace('aws', 'aws-cn'),
    arn(`key/${UUID}`).replace('kms', 's3'),
    arn('key/'),
    arn(`KEY/${UUID}`),
    arn('grant/x'),
  ])('refuses %j with its own words', (text) => {
    expect(() => parseKeyReference(text, scope)).toThrow(
      expect.objectContaining({ code: 'NotFoundException', message: `Invalid keyId '${text}'` }),
    );
  });

  test.each([`${UUID}/more`, `${UUID}:more`, '..', 'foo'])('names of a key ARN only the key id, %s', (keyId) => {
    expect(() => parseKeyReference(arn(`key/${keyId}`), scope)).toThrow(
      expect.objectContaining({ code: 'NotFoundException', message: `Invalid keyId ${keyId}` }),
    );
  });

  test('reads a key id in upper case, which no key has', () => {
    expect(parseKeyReference(UUID.toUpperCase(), scope)).toMatchObject({ kind: 'key', keyId: UUID.toUpperCase() });
  });

  test('names of an ARN of another Region only the Region', () => {
    expect(() => parseKeyReference(arn(`key/${UUID}`, ACCOUNT, 'eu-central-1'), scope)).toThrow(
      expect.objectContaining({ code: 'NotFoundException', message: 'Invalid arn eu-central-1' }),
    );
  });

  test('whatever is not refused has the parts it says, and they name a record', () => {
    const pieces = fc.constantFrom(
      'arn',
      'aws',
      'kms',
      REGION,
      ACCOUNT,
      'key/',
      'alias/',
      UUID,
      MRK,
      ':',
      '/',
      '',
      'é',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
        const text = parts.join('');
        let reference: ReturnType<typeof parseKeyReference>;
        try {
          reference = parseKeyReference(text, scope);
        } catch (error) {
          expect(error).toMatchObject({ code: 'NotFoundException' });
          return;
        }
        if (reference.kind === 'key') {
          expect(isRecordKey(reference.keyId)).toBe(true);
          expect([reference.keyId, arn(`key/${reference.keyId}`)]).toContain(text);
        } else {
          expect([reference.aliasName, arn(reference.aliasName)]).toContain(text);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('isKeyId agrees with what the documentation says of key ids', () => {
  const digits = fc.constantFrom(...'0123456789abcdefgABF-_ mrk');
  const documented = /^(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|mrk-[0-9a-fA-F]{32})$/;
  const almost = fc.tuple(fc.constantFrom(UUID, MRK), fc.nat({ max: 35 }), digits).map(([id, at, digit]) => {
    return id.slice(0, at) + digit + id.slice(at + 1);
  });
  fc.assert(
    fc.property(fc.oneof(almost, fc.uuid(), fc.string({ minLength: 34, maxLength: 38 })), (text) => {
      expect(isKeyId(text)).toBe(documented.test(text));
    }),
    { numRuns: 2000 },
  );
});

describe('followKeyReference', () => {
  /** It may throw as well as reject. */
  const follow = async (...request: Parameters<typeof followKeyReference>) => followKeyReference(...request);

  const { store, worker } = machine();
  const keys = storeKeySource(store, compileKeyPolicy);
  let keyId: string;
  let doomed: string;
  const notFound = (message: string) => expect.objectContaining({ code: 'NotFoundException', message });

  beforeAll(async () => {
    const kms = await worker();
    keyId = await createKey(kms);
    await kms.call('CreateAlias', { AliasName: 'alias/orders', TargetKeyId: keyId });
    doomed = await createKey(kms);
    await kms.call('CreateAlias', { AliasName: 'alias/doomed', TargetKeyId: doomed });
    await kms.call('ScheduleKeyDeletion', { KeyId: doomed, PendingWindowInDays: 7 });
  });

  test('an id and an ARN lead to the key', async () => {
    for (const text of [keyId, arn(`key/${keyId}`)]) {
      const resolved = await follow(text, 'key', keys, scope);
      expect(resolved).toMatchObject({ identity: { ...own, keyId }, namedArn: arn(`key/${keyId}`) });
      expect(resolved.key?.record.keyId).toBe(keyId);
      expect(resolved).not.toHaveProperty('requestAlias');
    }
  });

  test('an alias leads to its key, and is told as the request’s alias', async () => {
    for (const text of ['alias/orders', arn('alias/orders')]) {
      const resolved = await follow(text, 'key or alias', keys, scope);
      expect(resolved.key?.record.keyId).toBe(keyId);
      expect(resolved).toMatchObject({ namedArn: arn('alias/orders'), requestAlias: 'alias/orders' });
    }
  });

  test('an alias is refused where only keys are taken, whether it exists or not', async () => {
    for (const text of ['alias/orders', 'alias/none', arn('alias/orders')]) {
      await expect(follow(text, 'key', keys, scope)).rejects.toThrow(
        expect.objectContaining({ code: 'InvalidArnException' }),
      );
    }
  });

  test('what does not exist in the caller’s own account is not found', async () => {
    await expect(follow(UUID, 'key', keys, scope)).rejects.toThrow(
      notFound(`Key '${arn(`key/${UUID}`)}' does not exist`),
    );
    await expect(follow('alias/none', 'key or alias', keys, scope)).rejects.toThrow(
      notFound(`Alias ${arn('alias/none')} is not found.`),
    );
  });

  test('what is another account’s resolves, to the key or to none, so that nobody learns which there are', async () => {
    const stranger = scopeOf(user('stranger', { accountId: OTHER_ACCOUNT }));
    const there = await follow(arn(`key/${keyId}`), 'key', keys, stranger);
    expect(there.key?.record.keyId).toBe(keyId);
    for (const text of [arn(`key/${UUID}`), arn('alias/none'), arn(`key/${doomed}`)]) {
      const late = { ...stranger, nowMs: NOW + 8 * 86_400_000 };
      const missing = await follow(text, 'key or alias', keys, late);
      expect(missing).toMatchObject({ key: undefined, namedArn: text, identity: { accountId: ACCOUNT } });
    }
  });

  test('a key does not exist from the moment in which its deletion is due, by whatever name', async () => {
    const dueMs = NOW + 7 * 86_400_000;
    for (const text of [doomed, arn(`key/${doomed}`), 'alias/doomed']) {
      const before = await follow(text, 'key or alias', keys, { ...scope, nowMs: dueMs - 1 });
      expect(before.key?.record.lifecycle.status).toBe('PendingDeletion');
      await expect(follow(text, 'key or alias', keys, { ...scope, nowMs: dueMs })).rejects.toThrow(
        notFound(`Key '${arn(`key/${doomed}`)}' does not exist`),
      );
    }
  });

  test('a key of another Region is not this Region’s', async () => {
    const elsewhere = { ...scope, region: 'eu-central-1' };
    await expect(follow(keyId, 'key', keys, elsewhere)).rejects.toThrow(
      expect.objectContaining({ code: 'NotFoundException' }),
    );
  });
});
