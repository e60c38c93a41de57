// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { decide } from './decide.ts';
import { contextOf, HOME, KEY_ARN, user } from './fixtures.test-helper.ts';
import { parsePolicy } from './parse-policy.ts';
import type { PolicyKind } from './policy.ts';

const root = `arn:aws:iam::${HOME}:root`;
const sound = { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' };

function parse(statement: unknown, kind: PolicyKind = 'resource') {
  return parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statement }), kind);
}

/** The refusal of a sound statement with these elements changed; undefined removes one. */
function refusal(changes: object, kind: PolicyKind = 'resource'): string {
  return refusalOf(() => parse([{ ...sound, ...(kind === 'identity' && { Principal: undefined }), ...changes }], kind));
}

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(KeyholdError);
    expect((error as KeyholdError).code).toBe('MalformedPolicyDocumentException');
    return (error as KeyholdError).message;
  }
  return 'none';
}

describe('documents', () => {
  test.each([
    ['not a policy', 'Policy contains a JSON syntax error.'],
    ['{"Statement":[', 'Policy contains a JSON syntax error.'],
    ['[]', 'Policies must be a JSON object.'],
    ['"*"', 'Policies must be a JSON object.'],
    ['null', 'Policies must be a JSON object.'],
    ['{}', 'Missing required field Statement'],
    ['{"Id":"\u20ac"}', 'Policy contains a character that is not allowed.'],
    ['{"Statement":[]}', 'Could not parse the policy: Statement is empty!'],
    ['{"Statement":["x"]}', 'Syntax errors in policy.'],
    ['{"Statement":null}', 'Syntax errors in policy.'],
    ['{"Version":"2012-10-18","Statement":[]}', 'The policy must contain a valid version string.'],
    ['{"Version":null,"Statement":[]}', 'The policy must contain a valid version string.'],
    ['{"Id":1,"Statement":[]}', 'Syntax errors in policy: Id.'],
    ['{"statement":[]}', 'Unknown field statement'],
    ['{"Statement":[],"Statement":[]}', 'Policy contains a duplicate element: Statement'],
    ['{"__proto__":{}}', 'Unknown field __proto__'],
    [`{"Id":"${'x'.repeat(32_768)}"}`, 'Policy is too long.'],
  ])('%.60s', (text, reason) => {
    expect(refusalOf(() => parsePolicy(text, 'resource'))).toBe(reason);
  });

  test('may hold one statement without a list, and no version', () => {
    expect(parse(sound).allows).toHaveLength(1);
    expect(parsePolicy(JSON.stringify({ Id: 'key-default-1', Statement: [sound] }), 'resource').id).toBe(
      'key-default-1',
    );
  });

  test('are immutable once compiled', () => {
    const policy = parse([sound]);
    expect(Object.isFrozen(policy)).toBe(true);
    expect(Object.isFrozen(policy.allows)).toBe(true);
    expect(Object.isFrozen(policy.allows[0])).toBe(true);
  });
});

describe('statements', () => {
  const invalidPrincipals = 'Policy contains a statement with one or more invalid principals.';
  const vendor = 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.';

  test.each<[object, string]>([
    [{}, 'none'],
    [{ Effect: undefined }, 'Missing required field Effect'],
    [{ Effect: 'allow' }, 'Invalid effect: allow'],
    [{ Effect: ['Allow'] }, 'Invalid effect: not a string'],
    [{ Action: undefined }, 'Policy statement must contain actions.'],
    [{ Action: [] }, 'Policy statement must contain actions.'],
    [{ Action: 7 }, 'Syntax errors in policy: Action.'],
    [{ Action: ['kms:*', null] }, 'Syntax errors in policy: Action.'],
    [{ Action: 'Encrypt' }, vendor],
    [{ Action: 'kms:' }, 'none'],
    [{ Action: 'kms:a:b' }, 'Actions/Condition can contain only one colon.'],
    [{ Action: 'k?s:*' }, 'Vendor k?s is not valid'],
    [{ Action: '*:Encrypt' }, 'none'],
    [{ Action: '' }, vendor],
    [{ NotAction: 'kms:Encrypt' }, 'Statement contains both Action and NotAction.'],
    [{ Action: undefined, NotAction: 'kms:Encrypt' }, 'none'],
    [{ Resource: undefined }, 'Policy statement must contain resources.'],
    [{ Resource: [] }, 'Policy statement must contain resources.'],
    [{ Resource: 'key/x' }, 'Resource key/x must be in ARN format or "*".'],
    [{ Resource: '' }, 'Resource  must be in ARN format or "*".'],
    [{ Resource: 'arn:aws:kms:*:*:key/${' }, 'Policy contains an invalid policy variable: arn:aws:kms:*:*:key/${'],
    [{ NotResource: '*' }, 'Statement contains both Resource and NotResource.'],
    [{ Resource: undefined, NotResource: '*' }, 'none'],
    [{ Principal: undefined }, 'Missing required field Principal'],
    [{ NotPrincipal: '*' }, 'Statement contains both Principal and NotPrincipal.'],
    [{ Principal: undefined, NotPrincipal: '*' }, 'Allow with NotPrincipal is not allowed.'],
    [{ Sid: 1 }, 'Syntax errors in policy: Sid.'],
    [{ Sid: 'Enable IAM User Permissions' }, 'none'],
    [{ Extra: 1 }, 'Unknown field Extra'],
    [{ effect: 'Allow' }, 'Unknown field effect'],
    [{ Condition: [] }, 'Syntax errors in policy.'],
    [{ Condition: { StringEquals: 'x' } }, 'Syntax errors in policy.'],
    [{ Condition: { StringEquals: { 'x:y': null } } }, 'Syntax errors in policy.'],
    [{ Condition: { StringEquals: { 'x:y': [['a']] } } }, 'Syntax errors in policy.'],
    [{ Condition: { StringEquals: { y: 'a' } } }, 'none'],
    [{ Condition: { StringIs: {} } }, 'none'],
    [{ Condition: { StringIs: { 'x:y': 'a' } } }, 'Invalid Condition type : StringIs'],
    [{ Condition: {} }, 'none'],
    [{ Condition: { Bool: { 'x:y': true }, NumericEquals: { 'x:n': [1, 2.5] } } }, 'none'],
  ])('%j', (changes, reason) => {
    expect(refusal(changes)).toBe(reason);
  });

  test.each<unknown>([
    '*',
    { AWS: '*' },
    { AWS: HOME },
    { AWS: [root, `arn:aws:iam::${HOME}:user/path/alice`, `arn:aws:iam::${HOME}:role/aws-service-role/x/y`] },
    { AWS: `arn:aws:sts::${HOME}:assumed-role/worker/i-1` },
    { AWS: `arn:aws:sts::${HOME}:federated-user/fay` },
    { AWS: `arn:aws-cn:iam::${HOME}:root` },
    { AWS: `arn:aws-us-gov:iam::${HOME}:user/alice` },
    { AWS: 'AIDACKCEVSQ6C2EXAMPLE' },
    { Service: ['s3.amazonaws.com', 'logs.eu-central-1.amazonaws.com'] },
    { Federated: 'accounts.google.com', CanonicalUser: '79a59df9' },
  ])('accept the principal %j', (Principal) => {
    expect(refusal({ Principal })).toBe('none');
    expect(refusal({ Effect: 'Deny', Principal: undefined, NotPrincipal: Principal })).toBe('none');
  });

  test.each<unknown>([
    'arn:aws:iam::111122223333:root',
    '',
    null,
    7,
    [],
    {},
    ['*'],
    { AWS: [] },
    { AWS: '' },
    { AWS: {} },
    { AWS: [7] },
    { AWS: '11112222333' },
    { AWS: 'alice' },
    { AWS: `arn:aws:iam::${HOME}:user/*` },
    { AWS: `arn:aws:iam::${HOME}:role/a?c` },
    { AWS: 'arn:aws:iam::*:root' },
    { AWS: `arn:aws:iam::${HOME}:group/admins` },
    { AWS: `arn:aws:sts::${HOME}:assumed-role/worker` },
    { AWS: `arn:aws-iso:iam::${HOME}:root` },
    { AWS: 's3.amazonaws.com' },
    { AWS: 'AKIAIOSFODNN7EXAMPLE' },
    { Service: '*' },
    { Service: 's3.example.com' },
    { Somebody: '*' },
    { aws: '*' },
  ])('refuse the principal %j', (Principal) => {
    expect(refusal({ Principal })).toBe(invalidPrincipals);
    expect(refusal({ Effect: 'Deny', Principal: undefined, NotPrincipal: Principal })).toBe(invalidPrincipals);
  });

  test('have distinct Sids, but for empty ones', () => {
    const withSids = (...sids: string[]) => refusalOf(() => parse(sids.map((Sid) => ({ ...sound, Sid }))));
    expect(withSids('a', 'b', 'a')).toBe('Statement IDs (SID) in a single policy must be unique.');
    expect(withSids('a', 'A', '', '')).toBe('none');
  });

  test('of identities have no principal, and plain Sids', () => {
    expect(refusal({}, 'identity')).toBe('none');
    expect(refusal({ Principal: '*' }, 'identity')).toBe('Policy document should not specify a principal.');
    expect(refusal({ NotPrincipal: '*' }, 'identity')).toBe('Policy document should not specify a principal.');
    expect(refusal({ Sid: 'two words' }, 'identity')).toMatch(/^Statement IDs \(SID\) must be alpha-numeric/);
  });

  test('know variables from the version that has them', () => {
    const text = (Version?: string) =>
      JSON.stringify({ Version, Statement: { ...sound, Principal: '*', Resource: 'arn:aws:kms:*:*:key/${x:id}' } });
    const allowed = (version?: string) =>
      decide(
        {
          principal: user('alice'),
          action: 'kms:Encrypt',
          resource: KEY_ARN,
          context: contextOf({ 'x:id': KEY_ARN.slice(KEY_ARN.indexOf('/') + 1) }),
        },
        { resourceAccountId: HOME, identityPolicies: [], resourcePolicy: parsePolicy(text(version), 'resource') },
      ).allowed;
    expect([allowed('2012-10-17'), allowed('2008-10-17'), allowed()]).toEqual([true, false, false]);
  });
});

describe('whatever is sent', () => {
  const word = fc.constantFrom(
    'Version',
    'Statement',
    'Effect',
    'Allow',
    'Deny',
    'Principal',
    'NotPrincipal',
    'AWS',
    'Service',
    '*',
    'Action',
    'NotAction',
    'kms:*',
    'Resource',
    'NotResource',
    'Condition',
    'StringLike',
    'ForAllValues:IpAddress',
    'DateLessThanIfExists',
    'Null',
    'ArnLike',
    'aws:x',
    'true',
    '${aws:x}',
    "${a, 'b'}",
    '2012-10-17',
    '__proto__',
    'Sid',
    'arn:aws:kms',
    '10.0.0.0/8',
    root,
  );
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 7 },
      word,
      fc.anything({ maxDepth: 1 }),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(word, tie('json'), { maxKeys: 5, noNullPrototype: true }),
    ),
  }));
  /** Statements that are sound but for one place at most, so that the parser is reached beyond its first check. */
  const condition = fc.dictionary(
    fc.constantFrom('StringLike', 'ForAllValues:IpAddress', 'DateLessThanIfExists', 'Null', 'ArnLike', 'Bool'),
    fc.record({ 'aws:x': fc.constantFrom('*', 'true', '10.0.0.0/8', '2026', "${aws:x, 'b'}", 'arn:aws:s3:::*') }),
    { maxKeys: 2, noNullPrototype: true },
  );
  const nearly = fc
    .tuple(condition, fc.option(fc.tuple(word, json), { freq: 2 }))
    .map(([Condition, change]) => ({ ...sound, Condition, ...(change && { [change[0]]: change[1] }) }))
    .map((statement) => ({ Version: '2012-10-17', Statement: [statement] }));
  const text = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.oneof(json, nearly).map((value) => {
      try {
        return JSON.stringify(value) ?? '';
      } catch {
        return ''; // fc.anything() makes bigints too, which JSON does not have.
      }
    }),
  );

  test('is compiled or refused with a reason, and decides', () => {
    let compiled = 0;
    fc.assert(
      fc.property(text, fc.constantFrom<PolicyKind>('resource', 'identity'), (document, kind) => {
        let policy: ReturnType<typeof parsePolicy>;
        try {
          policy = parsePolicy(document, kind);
        } catch (error) {
          expect(error).toBeInstanceOf(KeyholdError);
          expect((error as KeyholdError).code).toBe('MalformedPolicyDocumentException');
          expect((error as KeyholdError).message).not.toBe('');
          return;
        }
        compiled++;
        const context = contextOf({ 'aws:x': ['10.1.2.3'] });
        const request = { principal: user('alice'), action: 'kms:Encrypt', resource: KEY_ARN, context };
        const decision = decide(request, { resourceAccountId: HOME, identityPolicies: [], resourcePolicy: policy });
        expect(typeof decision.allowed).toBe('boolean');
      }),
      { numRuns: 10_000 },
    );
    expect(compiled).toBeGreaterThan(200);
  });
});
