import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, isRecordKey } from '../store/record-key.ts';
import * as tables from './tables.ts';

const { aliasesOfKeyPrefix, aliasRecordName, dueName, keyName, keyOwnerName, materialName, regionPrefix } = tables;

const accountIds = fc.stringMatching(/^\d{12}$/);
const regions = fc.constantFrom('us-east-1', 'us-east-11', 'eu-central-1', 'a');
const keyIds = fc.oneof(fc.uuid(), fc.stringMatching(/^mrk-[0-9a-f]{32}$/));
const identities = fc.record({ accountId: accountIds, region: regions, keyId: keyIds });
const aliasNames = fc.stringMatching(/^alias\/[a-zA-Z0-9/_-]{1,40}$/);
const moments = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.constantFrom(9, 10, 999, 1000));

test('each table has a name of its own, which it keeps: records are sealed with it', () => {
  const names = Object.values(tables)
    .filter((value) => typeof value !== 'function')
    .map(({ name }) => name);
  expect(names.sort()).toEqual([
    'aliases',
    'aliases-of-key',
    'deletions',
    'expiries',
    'grant-counts',
    'grants',
    'grants-of-grantee',
    'grants-of-retiring-principal',
    'key-counts',
    'key-owners',
    'keys',
    'last-usages',
    'material-deletions',
    'materials',
    'named-grants',
    'policies',
    'rotations',
    'usage-tracking',
  ]);
});

test('all names are well-formed record keys', () => {
  fc.assert(
    fc.property(identities, aliasNames, moments, (key, aliasName, at) => {
      const names = [
        keyName(key),
        materialName(key, 'ab'.repeat(32)),
        aliasRecordName(key, aliasName),
        `${aliasesOfKeyPrefix(key)}${aliasName}`,
        keyOwnerName(key.region, key.keyId),
        dueName(at, key),
      ];
      for (const name of names) expect(isRecordKey(name), name).toBe(true);
    }),
  );
});

test('different keys have different names, and neither is within the other', () => {
  fc.assert(
    fc.property(identities, identities, (a, b) => {
      fc.pre(JSON.stringify(a) !== JSON.stringify(b));
      expect(keyName(a)).not.toBe(keyName(b));
      expect(aliasesOfKeyPrefix(a).startsWith(aliasesOfKeyPrefix(b))).toBe(false);
      expect(materialName(a, 'ab'.repeat(32)).startsWith(`${keyName(b)}/`)).toBe(false);
    }),
  );
});

test('a listing of one account’s Region holds what is in it, and nothing of another', () => {
  fc.assert(
    fc.property(identities, identities, aliasNames, (a, b, aliasName) => {
      const same = a.accountId === b.accountId && a.region === b.region;
      expect(keyName(a).startsWith(regionPrefix(b))).toBe(same);
      expect(aliasRecordName(a, aliasName).startsWith(regionPrefix(b))).toBe(same);
    }),
    {
      examples: [
        [
          { accountId: '111122223333', region: 'us-east-11', keyId: 'x' },
          { accountId: '111122223333', region: 'us-east-1', keyId: 'x' },
          'alias/a',
        ],
      ],
    },
  );
});

test('all that belongs to a key is listed by its name', () => {
  fc.assert(
    fc.property(identities, aliasNames, (key, aliasName) => {
      expect(materialName(key, 'ab'.repeat(32)).startsWith(`${keyName(key)}/`)).toBe(true);
      expect(`${aliasesOfKeyPrefix(key)}${aliasName}`.startsWith(`${keyName(key)}/`)).toBe(true);
    }),
  );
});

test('deletions are in the order in which they are due', () => {
  fc.assert(
    fc.property(identities, identities, moments, moments, (a, b, at, later) => {
      fc.pre(at < later);
      expect(compareKeys(dueName(at, a), dueName(later, b))).toBeLessThan(0);
    }),
  );
});
