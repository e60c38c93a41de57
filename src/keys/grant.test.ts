import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  foldContext,
  foldTerms,
  type GrantOperation,
  type GrantRecord,
  type GrantRequest,
  type GrantTerms,
  grantFingerprint,
  grantOperations,
  isAsStrict,
  isLimitedByContext,
  keyHasOperation,
  termsAllow,
} from './grant.ts';
import { grantIndex } from './grant-index.ts';

/** The rules once more, as AWS's pages put them, without folding or filing anything. */
type Context = Readonly<Record<string, string>>;

function hasPair(context: Context, [name, value]: [string, string]): boolean {
  return Object.entries(context).some(([n, v]) => n.toLowerCase() === name.toLowerCase() && v === value);
}

function includes(context: Context, wanted: Context): boolean {
  return Object.entries(wanted).every((pair) => hasPair(context, pair));
}

function same(left: Context, right: Context): boolean {
  const rest = Object.entries(right);
  for (const [name, value] of Object.entries(left)) {
    const at = rest.findIndex(([n, v]) => n.toLowerCase() === name.toLowerCase() && v === value);
    if (at < 0) return false;
    rest.splice(at, 1);
  }
  return rest.length === 0;
}

interface Asked {
  readonly operation: GrantOperation;
  readonly context: Context;
  readonly sourceArn: string | undefined;
  readonly child: GrantTerms;
}

function expectedStrict(child: GrantTerms, parent: GrantTerms): boolean {
  const [c, p] = [child.constraints, parent.constraints];
  if (!child.operations.every((operation) => parent.operations.includes(operation))) return false;
  if (p.sourceArn !== undefined && c.sourceArn !== p.sourceArn) return false;
  if (p.encryptionContextEquals) {
    return c.encryptionContextEquals !== undefined && same(c.encryptionContextEquals, p.encryptionContextEquals);
  }
  if (p.encryptionContextSubset) {
    const demanded = c.encryptionContextEquals ?? c.encryptionContextSubset ?? {};
    return includes(demanded, p.encryptionContextSubset);
  }
  return true;
}

function expectedToAllow({ operations, constraints }: GrantTerms, asked: Asked): boolean {
  const { encryptionContextEquals, encryptionContextSubset, sourceArn } = constraints;
  if (!operations.includes(asked.operation)) return false;
  if (sourceArn !== undefined && sourceArn !== asked.sourceArn) return false;
  if (asked.operation === 'CreateGrant') return expectedStrict(asked.child, { operations, constraints });
  if (['DescribeKey', 'GetPublicKey', 'RetireGrant', 'Sign'].includes(asked.operation)) return true;
  if (encryptionContextEquals) return same(asked.context, encryptionContextEquals);
  return encryptionContextSubset === undefined || includes(asked.context, encryptionContextSubset);
}

// Few names and values, so that contexts meet, names that differ in case only, and one that is no ordinary property.
const context = fc.dictionary(
  fc.constantFrom('a', 'A', 'b', '__proto__', 'ä', 'Ä'),
  fc.constantFrom('1', '2', 'x,"y'),
  {
    maxKeys: 3,
    noNullPrototype: true,
  },
);
const operation = fc.constantFrom<GrantOperation>('Encrypt', 'Decrypt', 'DescribeKey', 'CreateGrant', 'Sign');
const sourceArn = fc.constantFrom(undefined, 'arn:aws:s3:::one', 'arn:aws:s3:::two');
const terms: fc.Arbitrary<GrantTerms> = fc
  .record({
    operations: fc.uniqueArray(operation, { minLength: 1 }),
    kind: fc.constantFrom('none', 'encryptionContextSubset', 'encryptionContextEquals'),
    context,
    sourceArn: fc.option(sourceArn, { nil: undefined, freq: 4 }),
  })
  .map(({ operations, kind, context: demanded, sourceArn: source }) => ({
    operations,
    constraints: {
      ...(kind === 'none' ? {} : { [kind]: demanded }),
      ...(source === undefined ? {} : { sourceArn: source }),
    },
  }));
const asked: fc.Arbitrary<Asked> = fc.record({ operation, context, sourceArn, child: terms });

function requestOf({ operation: wanted, context: given, sourceArn: source, child }: Asked): GrantRequest {
  const common = source === undefined ? {} : { sourceArn: source };
  return wanted === 'CreateGrant'
    ? { ...common, operation: wanted, child: foldTerms(child) }
    : { ...common, operation: wanted, context: foldContext(given) };
}

test('terms allow what the rules say', () => {
  fc.assert(
    fc.property(terms, asked, (grant, question) => {
      expect(termsAllow(foldTerms(grant), requestOf(question))).toBe(expectedToAllow(grant, question));
    }),
    { numRuns: 2000 },
  );
});

test('an index of grants, made and removed in whatever order, allows what any of them allows', () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 12 }).map(String), remove: fc.boolean(), terms });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(asked, { minLength: 5, maxLength: 5 }),
      (steps, questions) => {
        const index = grantIndex();
        const held = new Map<string, GrantTerms>();
        for (const { id, remove, terms: made } of steps) {
          if (remove) {
            index.remove(id);
            held.delete(id);
          } else {
            index.add(id, made);
            if (!held.has(id)) held.set(id, made);
          }
        }
        expect(index.size).toBe(held.size);
        for (const question of questions) {
          const expected = [...held.values()].some((grant) => expectedToAllow(grant, question));
          expect(index.allows(requestOf(question))).toBe(expected);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('who makes grants by a grant never gets more: what a child allows, its parent allows', () => {
  fc.assert(
    fc.property(terms, terms, asked, (parent, child, question) => {
      fc.pre(isAsStrict(foldTerms(child), foldTerms(parent)));
      if (termsAllow(foldTerms(child), requestOf(question))) {
        expect(termsAllow(foldTerms(parent), requestOf(question))).toBe(true);
      }
    }),
    { numRuns: 500, maxSkipsPerRun: 1000 },
  );
});

describe('a constraint', () => {
  const allows = (constraints: GrantTerms['constraints'], given: Context) =>
    termsAllow(foldTerms({ operations: ['Decrypt'], constraints }), {
      operation: 'Decrypt',
      context: foldContext(given),
    });

  test('compares names regardless of case, and values exactly', () => {
    expect(allows({ encryptionContextEquals: { Department: 'IT' } }, { department: 'IT' })).toBe(true);
    expect(allows({ encryptionContextEquals: { Department: 'IT' } }, { Department: 'it' })).toBe(false);
  });

  test('keeps a name from running into its value', () => {
    expect(allows({ encryptionContextSubset: { a: 'bc' } }, { ab: 'c' })).toBe(false);
    expect(allows({ encryptionContextEquals: { a: '1","b","2' } }, { a: '1', b: '2' })).toBe(false);
  });

  test('of an exact context without pairs demands that there be none', () => {
    expect(allows({ encryptionContextEquals: {} }, {})).toBe(true);
    expect(allows({ encryptionContextEquals: {} }, { a: 'b' })).toBe(false);
  });
});

test('operations are those that the developer guide lists for the kind of key', () => {
  const of = (...key: Parameters<typeof keyHasOperation> extends [...infer Key, unknown] ? Key : never) =>
    grantOperations.filter((each) => keyHasOperation(key[0], key[1], each));
  const always = ['CreateGrant', 'DescribeKey', 'RetireGrant'];
  expect(of('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')).toEqual(
    [
      ...always,
      ...['Decrypt', 'Encrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GenerateDataKey', 'GenerateDataKeyPair'],
      ...['GenerateDataKeyPairWithoutPlaintext', 'GenerateDataKeyWithoutPlaintext'],
    ].sort(),
  );
  const asymmetric = [...always, 'GetPublicKey'];
  expect(of('RSA_2048', 'ENCRYPT_DECRYPT')).toEqual(
    [...asymmetric, 'Decrypt', 'Encrypt', 'ReEncryptFrom', 'ReEncryptTo'].sort(),
  );
  expect(of('RSA_2048', 'SIGN_VERIFY')).toEqual([...asymmetric, 'Sign', 'Verify'].sort());
  expect(of('ECC_NIST_P256', 'KEY_AGREEMENT')).toEqual([...asymmetric, 'DeriveSharedSecret'].sort());
  expect(of('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE')).toEqual([...asymmetric, 'Encapsulate', 'Decapsulate'].sort());
  expect(of('HMAC_256', 'GENERATE_VERIFY_MAC')).toEqual([...always, 'GenerateMac', 'VerifyMac'].sort());
  expect(grantOperations.filter((each) => !isLimitedByContext(each))).toEqual(
    [
      ...['Decapsulate', 'DeriveSharedSecret', 'DescribeKey', 'Encapsulate', 'GenerateMac', 'GetPublicKey'],
      ...['RetireGrant', 'Sign', 'Verify', 'VerifyMac'],
    ].sort(),
  );
});

test('a fingerprint knows grants again that say the same, and no others', () => {
  const grant: GrantRecord = {
    grantId: '0',
    name: 'n',
    createdAtMs: 0,
    grantee: { kind: 'AWS', name: 'g' },
    issuingAccountId: '111122223333',
    operations: ['Encrypt', 'Decrypt'],
    constraints: { encryptionContextSubset: { a: '1', b: '2' } },
  };
  const print = grantFingerprint(grant);
  expect(print).toMatch(/^[0-9a-f]{64}$/);
  const alike: Partial<GrantRecord>[] = [
    { grantId: '1', createdAtMs: 1 },
    { operations: ['Decrypt', 'Encrypt'] },
    { constraints: { encryptionContextSubset: { b: '2', a: '1' } } },
  ];
  for (const change of alike) expect(grantFingerprint({ ...grant, ...change })).toBe(print);
  const others: Partial<GrantRecord>[] = [
    { name: 'm' },
    { grantee: { kind: 'Service', name: 'g' } },
    { retiring: { kind: 'AWS', name: 'g' } },
    { issuingAccountId: '444455556666' },
    { operations: ['Encrypt'] },
    { constraints: {} },
    { constraints: { encryptionContextEquals: { a: '1', b: '2' } } },
    { constraints: { encryptionContextSubset: { A: '1', b: '2' } } },
    { constraints: { encryptionContextSubset: { a: '1', b: '2' }, sourceArn: 's' } },
  ];
  for (const change of others) expect(grantFingerprint({ ...grant, ...change })).not.toBe(print);
});
