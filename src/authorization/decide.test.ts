// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Decision, type DenyReason, decide, decideWithin, type PolicySet } from './decide.ts';
import { type AuthorizationRequest, beginEvaluation, WORK_PER_DECISION } from './evaluation.ts';
import {
  AWAY,
  anonymous,
  contextOf,
  document,
  federatedUser,
  HOME,
  KEY_ARN,
  root,
  type Situation,
  service,
  session,
  user,
  type WrittenPolicy,
  type WrittenStatement,
} from './fixtures.test-helper.ts';
import { parsePolicy } from './parse-policy.ts';
import type { Policy } from './policy.ts';
import type { Principal } from './principal.ts';
import { authorizeByReference } from './reference.test-helper.ts';

const encryptBy = (principal: Principal, values: Record<string, string | string[]> = {}): AuthorizationRequest => ({
  principal,
  action: 'kms:Encrypt',
  resource: KEY_ARN,
  context: contextOf(values),
});

const keyPolicy = (...statements: object[]): Policy =>
  parsePolicy(
    document(...statements.map((it) => ({ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...it }))),
    'resource',
  );
const identityPolicy = (...statements: object[]): Policy =>
  parsePolicy(
    document(...statements.map((it) => ({ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...it }))),
    'identity',
  );

const toAccount = (account: string) => ({ Principal: { AWS: `arn:aws:iam::${account}:root` } });
const to = (...names: string[]) => ({ Principal: { AWS: names } });
const delegating = keyPolicy(toAccount(HOME));
const everything = identityPolicy({ Action: '*' });
const nothing = identityPolicy({ Action: 's3:*' });
const denyEncrypt = { Sid: 'No', Effect: 'Deny', Action: 'kms:Encrypt' };

type Given = Partial<PolicySet>;

function decideFor(principal: Principal, given: Given): Decision {
  return decide(encryptBy(principal), { resourceAccountId: HOME, identityPolicies: [], ...given });
}

function outcome(decision: Decision): string {
  return decision.allowed ? `allowed by ${decision.by.source}` : decision.reason;
}

type Row = readonly [what: string, principal: Principal, given: Given, expected: `allowed by ${string}` | DenyReason];

const alice = user('alice');
const worker = session('worker', 'i-1');

describe('within the account of the key', () => {
  test.each<Row>([
    ['root by delegation', root(), { resourcePolicy: delegating }, 'allowed by resource-policy'],
    [
      'root without delegation',
      root(),
      { resourcePolicy: keyPolicy(to(alice.arn)) },
      'no-resource-based-policy-allows',
    ],
    [
      'no policy that names anyone',
      alice,
      { resourcePolicy: keyPolicy(to(user('bob').arn)), identityPolicies: [everything] },
      'no-resource-based-policy-allows',
    ],
    [
      'user, delegated and allowed',
      alice,
      { resourcePolicy: delegating, identityPolicies: [everything] },
      'allowed by identity-policy',
    ],
    [
      'user, by the second policy',
      alice,
      { resourcePolicy: delegating, identityPolicies: [nothing, everything] },
      'allowed by identity-policy',
    ],
    [
      'user, bare account id',
      alice,
      { resourcePolicy: keyPolicy(to(HOME)), identityPolicies: [everything] },
      'allowed by identity-policy',
    ],
    ['user, delegated only', alice, { resourcePolicy: delegating }, 'no-identity-based-policy-allows'],
    [
      'user, delegated, other action',
      alice,
      { resourcePolicy: delegating, identityPolicies: [nothing] },
      'no-identity-based-policy-allows',
    ],
    [
      'delegation of another action',
      alice,
      { resourcePolicy: keyPolicy({ ...toAccount(HOME), Action: 'kms:Decrypt' }), identityPolicies: [everything] },
      'no-resource-based-policy-allows',
    ],
    ['user by ARN', alice, { resourcePolicy: keyPolicy(to(alice.arn)) }, 'allowed by resource-policy'],
    ['user by unique id', alice, { resourcePolicy: keyPolicy(to(alice.id)) }, 'allowed by resource-policy'],
    ['user by *', alice, { resourcePolicy: keyPolicy({ Principal: '*' }) }, 'allowed by resource-policy'],
    ['user by AWS *', alice, { resourcePolicy: keyPolicy(to('*')) }, 'allowed by resource-policy'],
    [
      'user by ARN, delegated elsewhere',
      alice,
      { resourcePolicy: keyPolicy(toAccount(HOME), to(alice.arn)) },
      'allowed by resource-policy',
    ],
    ['role by ARN', worker, { resourcePolicy: keyPolicy(to(worker.roleArn as string)) }, 'allowed by resource-policy'],
    [
      'role by unique id',
      worker,
      { resourcePolicy: keyPolicy(to('AROAWORKERXXXXXXXXXXX')) },
      'allowed by resource-policy',
    ],
    ['session by ARN', worker, { resourcePolicy: keyPolicy(to(worker.arn)) }, 'allowed by resource-policy'],
    [
      'another session by ARN',
      worker,
      { resourcePolicy: keyPolicy(to(session('worker', 'i-2').arn)) },
      'no-resource-based-policy-allows',
    ],
    [
      'federated user by ARN',
      federatedUser('fay'),
      { resourcePolicy: keyPolicy(to(federatedUser('fay').arn)) },
      'allowed by resource-policy',
    ],
    [
      'everyone but bob',
      alice,
      { resourcePolicy: keyPolicy({ NotPrincipal: { AWS: user('bob').arn } }) },
      'allowed by resource-policy',
    ],
    [
      'everyone but alice',
      alice,
      { resourcePolicy: keyPolicy({ NotPrincipal: { AWS: alice.arn } }) },
      'no-resource-based-policy-allows',
    ],
    [
      'everyone but her account',
      alice,
      { resourcePolicy: keyPolicy({ NotPrincipal: { AWS: HOME } }) },
      'no-resource-based-policy-allows',
    ],
    [
      'a service by name',
      service('s3.amazonaws.com'),
      { resourcePolicy: keyPolicy({ Principal: { Service: 's3.amazonaws.com' } }) },
      'allowed by resource-policy',
    ],
    [
      'another service',
      service('sns.amazonaws.com'),
      { resourcePolicy: keyPolicy({ Principal: { Service: 's3.amazonaws.com' } }) },
      'no-resource-based-policy-allows',
    ],
    [
      'a service by an account',
      { ...service('s3.amazonaws.com'), accountId: HOME },
      { resourcePolicy: delegating },
      'no-resource-based-policy-allows',
    ],
    ['nobody by *', anonymous, { resourcePolicy: keyPolicy({ Principal: '*' }) }, 'allowed by resource-policy'],
    ['nobody by account', anonymous, { resourcePolicy: delegating }, 'no-resource-based-policy-allows'],
  ])('%s', (_, principal, given, expected) => {
    expect(outcome(decideFor(principal, given))).toBe(expected);
  });
});

describe('a permissions boundary and session policies', () => {
  const boundary = { permissionsBoundary: nothing };
  const sessions = { sessionPolicies: [nothing] };
  const both = { permissionsBoundary: everything, sessionPolicies: [nothing, everything] };
  const delegated = { resourcePolicy: delegating, identityPolicies: [everything] };
  const byRole = { resourcePolicy: keyPolicy(to(worker.roleArn as string)) };
  test.each<Row>([
    ['boundary limits delegation', alice, { ...delegated, ...boundary }, 'no-permissions-boundary-allows'],
    ['session policy limits delegation', worker, { ...delegated, ...sessions }, 'no-session-policy-allows'],
    ['both allow', worker, { ...delegated, ...both }, 'allowed by identity-policy'],
    [
      'the identity lacks it first',
      alice,
      { resourcePolicy: delegating, ...boundary },
      'no-identity-based-policy-allows',
    ],
    [
      'boundary does not limit a user by ARN',
      alice,
      { resourcePolicy: keyPolicy(to(alice.arn)), ...boundary },
      'allowed by resource-policy',
    ],
    ['boundary limits a role by ARN', worker, { ...byRole, ...boundary }, 'no-permissions-boundary-allows'],
    ['session policy limits a role by ARN', worker, { ...byRole, ...sessions }, 'no-session-policy-allows'],
    ['both allow a role by ARN', worker, { ...byRole, ...both }, 'allowed by resource-policy'],
    [
      'neither limits a session by ARN',
      worker,
      { resourcePolicy: keyPolicy(to(worker.arn)), ...boundary, ...sessions },
      'allowed by resource-policy',
    ],
    [
      'neither limits *',
      worker,
      { resourcePolicy: keyPolicy(to('*')), ...boundary, ...sessions },
      'allowed by resource-policy',
    ],
    [
      'the session outweighs its role',
      worker,
      { resourcePolicy: keyPolicy(to(worker.roleArn as string), to(worker.arn)), ...boundary },
      'allowed by resource-policy',
    ],
    ['no session policies in the list', worker, { ...delegated, sessionPolicies: [] }, 'allowed by identity-policy'],
    ['a federated user without session policy', federatedUser('fay'), delegated, 'no-session-policy-allows'],
    [
      'a federated user with one',
      federatedUser('fay'),
      { ...delegated, sessionPolicies: [everything] },
      'allowed by identity-policy',
    ],
    [
      'a denying boundary',
      alice,
      { resourcePolicy: keyPolicy(to(alice.arn)), permissionsBoundary: identityPolicy(denyEncrypt) },
      'explicit-deny-in-permissions-boundary',
    ],
    [
      'a denying session policy',
      worker,
      { resourcePolicy: keyPolicy(to(worker.arn)), sessionPolicies: [identityPolicy(denyEncrypt)] },
      'explicit-deny-in-session-policy',
    ],
  ])('%s', (_, principal, given, expected) => {
    expect(outcome(decideFor(principal, given))).toBe(expected);
  });
});

describe('from another account', () => {
  const guest = user('guest', AWAY);
  const guestSession = session('visitor', 's', AWAY);
  test.each<Row>([
    [
      'named, and allowed at home',
      guest,
      { resourcePolicy: keyPolicy(to(guest.arn)), identityPolicies: [everything] },
      'allowed by identity-policy',
    ],
    ['named only', guest, { resourcePolicy: keyPolicy(to(guest.arn)) }, 'no-identity-based-policy-allows'],
    [
      'its account named, and allowed',
      guest,
      { resourcePolicy: keyPolicy(toAccount(AWAY)), identityPolicies: [everything] },
      'allowed by identity-policy',
    ],
    [
      'allowed at home only',
      guest,
      { resourcePolicy: delegating, identityPolicies: [everything] },
      'no-resource-based-policy-allows',
    ],
    ['by *, not allowed at home', guest, { resourcePolicy: keyPolicy(to('*')) }, 'no-identity-based-policy-allows'],
    ['its root, named', root(AWAY), { resourcePolicy: keyPolicy(toAccount(AWAY)) }, 'allowed by resource-policy'],
    ['its root, not named', root(AWAY), { resourcePolicy: delegating }, 'no-resource-based-policy-allows'],
    [
      'a session, limited',
      guestSession,
      { resourcePolicy: keyPolicy(to(guestSession.arn)), identityPolicies: [everything], sessionPolicies: [nothing] },
      'no-session-policy-allows',
    ],
    [
      'a user, bounded',
      guest,
      { resourcePolicy: keyPolicy(to(guest.arn)), identityPolicies: [everything], permissionsBoundary: nothing },
      'no-permissions-boundary-allows',
    ],
    ['no resource policy', guest, { identityPolicies: [everything] }, 'no-resource-based-policy-allows'],
    ['no resource policy, root', root(AWAY), {}, 'no-resource-based-policy-allows'],
  ])('%s', (_, principal, given, expected) => {
    expect(outcome(decideFor(principal, given))).toBe(expected);
  });
});

describe('without a resource policy', () => {
  test.each<Row>([
    ['root', root(), {}, 'allowed by account-root'],
    ['a user who may', alice, { identityPolicies: [everything] }, 'allowed by identity-policy'],
    ['a user who may not', alice, { identityPolicies: [nothing] }, 'no-identity-based-policy-allows'],
    [
      'a bounded user',
      alice,
      { identityPolicies: [everything], permissionsBoundary: nothing },
      'no-permissions-boundary-allows',
    ],
    ['a policy of no identity', alice, { identityPolicies: [keyPolicy(to('*'))] }, 'no-identity-based-policy-allows'],
    [
      'a denied root',
      root(),
      { identityPolicies: [identityPolicy(denyEncrypt)] },
      'explicit-deny-in-identity-based-policy',
    ],
    ['a service', { ...service('s3.amazonaws.com'), accountId: HOME }, {}, 'no-identity-based-policy-allows'],
  ])('%s', (_, principal, given, expected) => {
    expect(outcome(decideFor(principal, given))).toBe(expected);
  });
});

describe('an explicit deny', () => {
  const deny = (whom: object) => ({
    resourcePolicy: keyPolicy({ Principal: '*' }, { ...denyEncrypt, ...whom }),
    identityPolicies: [everything],
  });
  const [inKeyPolicy, allowed] = ['explicit-deny-in-resource-based-policy', 'allowed by resource-policy'] as const;
  test.each<Row>([
    ['of the user', alice, deny(to(alice.arn)), inKeyPolicy],
    ['of the user id', alice, deny(to(alice.id)), inKeyPolicy],
    ['of another user', alice, deny(to(user('bob').arn)), allowed],
    ['of the account', alice, deny(to(HOME)), inKeyPolicy],
    ['of the account, to its root', root(), deny(to(HOME)), inKeyPolicy],
    ['of the role', worker, deny(to(worker.roleArn as string)), inKeyPolicy],
    ['of everyone', service('s3.amazonaws.com'), deny({ Principal: '*' }), inKeyPolicy],
    ['of all but the user alone', alice, deny({ NotPrincipal: { AWS: alice.arn } }), inKeyPolicy],
    ['of all but the user and the account', alice, deny({ NotPrincipal: { AWS: [alice.arn, HOME] } }), allowed],
    ['of all but the account', alice, deny({ NotPrincipal: { AWS: HOME } }), inKeyPolicy],
    ['of all but the account, to its root', root(), deny({ NotPrincipal: { AWS: HOME } }), allowed],
    ['of all but the session and account', worker, deny({ NotPrincipal: { AWS: [worker.arn, HOME] } }), inKeyPolicy],
    [
      'of all but session, role, account',
      worker,
      deny({ NotPrincipal: { AWS: [worker.arn, worker.roleArn, HOME] } }),
      allowed,
    ],
    [
      'of all but the user, who is bounded',
      alice,
      { ...deny({ NotPrincipal: { AWS: [alice.arn, HOME] } }), permissionsBoundary: everything },
      inKeyPolicy,
    ],
    [
      'of all but a service',
      service('s3.amazonaws.com'),
      deny({ NotPrincipal: { Service: 's3.amazonaws.com' } }),
      allowed,
    ],
    ['of someone Keyhold cannot tell', alice, deny({ Principal: { Federated: 'accounts.google.com' } }), inKeyPolicy],
    ['of another action', alice, deny({ Principal: '*', Action: 'kms:Decrypt' }), allowed],
    ['of all other actions', alice, deny({ Principal: '*', Action: undefined, NotAction: 'kms:Encrypt' }), allowed],
    ['of all other resources', alice, deny({ Principal: '*', Resource: undefined, NotResource: KEY_ARN }), allowed],
    [
      'by the identity',
      alice,
      { resourcePolicy: keyPolicy(to(alice.arn)), identityPolicies: [identityPolicy(denyEncrypt)] },
      'explicit-deny-in-identity-based-policy',
    ],
  ])('%s', (_, principal, given, expected) => {
    expect(outcome(decideFor(principal, given))).toBe(expected);
  });
});

describe('a condition on who asks', () => {
  test.each(['aws', 'aws-cn', 'aws-us-gov'])('knows the caller by the partition %s', (partition) => {
    const Condition = {
      ArnLike: { 'aws:PrincipalArn': user('alice').arn.replace('arn:aws:', `arn:${partition}:`) },
    };
    const denying = keyPolicy(toAccount(HOME), { Effect: 'Deny', Principal: '*', Condition });
    const decisionFor = (principal: Principal) =>
      decide(encryptBy(principal, { 'aws:principalarn': principal.arn }), {
        resourceAccountId: HOME,
        resourcePolicy: denying,
        identityPolicies: [everything],
      });
    expect(outcome(decisionFor(user('alice')))).toBe('explicit-deny-in-resource-based-policy');
    expect(outcome(decisionFor(user('bob')))).toBe('allowed by identity-policy');
  });
});

describe('a statement that cannot be evaluated', () => {
  const sizeIs = (n: string) => ({ Condition: { NumericEquals: { 'x:size': n } } });
  const own = `arn:aws:kms:*:${HOME}:key/\${aws:username}`;
  const decideWith = (values: Record<string, string>, ...statements: object[]) =>
    decide(encryptBy(alice, values), {
      resourceAccountId: HOME,
      resourcePolicy: keyPolicy(...statements.map((it) => ({ Principal: '*', ...it }))),
      identityPolicies: [],
    }).allowed;

  test.each([
    ['an Allow that holds', { 'x:size': '1' }, [sizeIs('1')], true],
    ['an Allow', { 'x:size': 'one' }, [sizeIs('1')], false],
    ['a negated Allow', { 'x:size': 'one' }, [{ Condition: { NumericNotEquals: { 'x:size': '1' } } }], false],
    ['a Deny that does not hold', { 'x:size': '2' }, [{}, { Effect: 'Deny', ...sizeIs('1') }], true],
    ['a Deny', { 'x:size': 'one' }, [{}, { Effect: 'Deny', ...sizeIs('1') }], false],
    [
      'a Deny with another condition that fails',
      { 'x:size': 'one', 'x:y': '1' },
      [{}, { Effect: 'Deny', Condition: { NumericEquals: { 'x:size': '1' }, StringEquals: { 'x:y': '2' } } }],
      true,
    ],
    ['an Allow on a variable resource', {}, [{ Resource: own }], false],
    ['an Allow on all but a variable resource', {}, [{ Resource: undefined, NotResource: own }], false],
    ['a Deny on a variable resource', {}, [{}, { Effect: 'Deny', Resource: own }], false],
    ['a Deny on a variable resource elsewhere', {}, [{}, { Effect: 'Deny', Resource: own.replace('kms', 's3') }], true],
    ['a Deny on someone else’s resource', { 'aws:username': 'bob' }, [{}, { Effect: 'Deny', Resource: own }], true],
  ] as const)('%s', (_, values, statements, expected) => {
    expect(decideWith(values, ...statements)).toBe(expected);
  });
});

describe('actions and resources', () => {
  const allows = (statement: object, action: string, resource: string, values: Record<string, string> = {}) =>
    decide(
      { principal: alice, action, resource, context: contextOf(values) },
      { resourceAccountId: HOME, identityPolicies: [identityPolicy(statement)] },
    ).allowed;

  test.each([
    ['kms:Encrypt', 'kms:Encrypt', true],
    ['KMS:encrypt', 'kms:Encrypt', true],
    ['kms:Gen*', 'kms:GenerateDataKey', true],
    ['kms:Gen*Plaintext', 'kms:GenerateDataKey', false],
    ['kms:*Key', 'kms:CreateKey', true],
    ['kms:?ncrypt', 'kms:Encrypt', true],
    ['*', 'kms:Encrypt', true],
    ['s3:*', 'kms:Encrypt', false],
    ['kms:Encrypt*', 'kms:Encrypt', true],
  ])('Action %s on %s', (Action, action, expected) => {
    expect(allows({ Action }, action, KEY_ARN)).toBe(expected);
    expect(allows({ Action: undefined, NotAction: Action }, action, KEY_ARN)).toBe(!expected);
  });

  test.each([
    ['*', KEY_ARN, true],
    ['*', '*', true],
    [KEY_ARN, KEY_ARN, true],
    [KEY_ARN, '*', false],
    [KEY_ARN.toUpperCase().replace('ARN', 'arn'), KEY_ARN, false],
    [`arn:aws:kms:*:${HOME}:key/*`, KEY_ARN, true],
    [`arn:aws:kms:*:${AWAY}:key/*`, KEY_ARN, false],
    ['arn:aws:kms:*:key/*', KEY_ARN, false],
    ['arn:aws:kms', KEY_ARN, true],
    ['arn:aws:s3', KEY_ARN, false],
    [`arn:aws:kms:eu-central-?:${HOME}:key/1234abcd-*`, KEY_ARN, true],
    [`arn:aws:kms:eu-*:${HOME}:alias/*`, KEY_ARN, false],
    [`arn:*:kms:*:*:key/\${aws:username, '*'}`, KEY_ARN, false],
    [`arn:aws:kms:*:*:key/\${x:id}-*`, KEY_ARN, true],
  ])('Resource %s on %s', (Resource, resource, expected) => {
    const values = { 'x:id': '1234abcd', 'aws:username': '*' };
    expect(allows({ Resource }, 'kms:Encrypt', resource, values)).toBe(expected);
    expect(allows({ Resource: undefined, NotResource: Resource }, 'kms:Encrypt', resource, values)).toBe(!expected);
  });

  test('a variable’s value does not move the segments of an ARN', () => {
    const Resource = 'arn:aws:kms:*:${x:account}:key/*';
    const values = { 'x:account': `${HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab` };
    expect(allows({ Resource }, 'kms:Encrypt', `arn:aws:kms:eu-central-1:${values['x:account']}:key/x`, values)).toBe(
      false,
    );
  });
});

describe('the grounds of a decision', () => {
  test('are the statements that made it', () => {
    const resourcePolicy = keyPolicy({ Sid: 'Other', ...to(user('bob').arn) }, { Sid: 'Delegate', ...toAccount(HOME) });
    const identityPolicies = [identityPolicy({ Action: 's3:*' }, { Sid: 'Admin' })];
    expect(decideFor(alice, { resourcePolicy, identityPolicies })).toEqual({
      allowed: true,
      by: {
        source: 'identity-policy',
        statement: { sid: 'Admin', index: 1 },
        delegatedBy: { sid: 'Delegate', index: 1 },
      },
    });
    expect(decideFor(root(), { resourcePolicy })).toEqual({
      allowed: true,
      by: { source: 'resource-policy', statement: { sid: 'Delegate', index: 1 } },
    });
    expect(decideFor(alice, { resourcePolicy, identityPolicies: [identityPolicy(denyEncrypt)] })).toEqual({
      allowed: false,
      reason: 'explicit-deny-in-identity-based-policy',
      statement: { sid: 'No', index: 0 },
    });
  });

  test('ask the context for nothing that no condition needs', () => {
    const context = { get: () => expect.unreachable('the context was asked') };
    const given = { resourceAccountId: HOME, resourcePolicy: delegating, identityPolicies: [everything] };
    expect(decide({ ...encryptBy(alice), context }, given).allowed).toBe(true);
  });
});

describe('the reference authorizer', () => {
  const principals = [
    root(),
    alice,
    user('bob'),
    worker,
    session('worker', 'i-2'),
    federatedUser('fay'),
    service('s3.amazonaws.com'),
    anonymous,
    root(AWAY),
    user('alice', AWAY),
    session('worker', 'i-1', AWAY),
  ];
  const names = [
    HOME,
    `arn:aws:iam::${HOME}:root`,
    alice.arn,
    alice.id,
    worker.arn,
    worker.roleArn as string,
    'AROAWORKERXXXXXXXXXXX',
    federatedUser('fay').arn,
    AWAY,
    user('alice', AWAY).arn,
    '*',
  ];
  const listed = fc.oneof(
    { weight: 8, arbitrary: fc.record({ AWS: fc.subarray(names, { minLength: 1, maxLength: 4 }) }) },
    { weight: 1, arbitrary: fc.constant('*' as const) },
    { weight: 1, arbitrary: fc.constant({ Service: ['s3.amazonaws.com'] }) },
    { weight: 1, arbitrary: fc.constant({ AWS: [alice.arn], Federated: ['accounts.google.com'] }) },
  );
  const actions = fc.subarray(['*', 'kms:*', 'kms:Encrypt', 'KMS:enc*', 's3:?et*'], {
    minLength: 1,
    maxLength: 2,
  });
  const resources = fc.subarray(
    ['*', KEY_ARN, `arn:aws:kms:*:${AWAY}:*`, 'arn:aws:kms:*:*:${x:name}', 'arn:aws:s3:::bucket'],
    { minLength: 1, maxLength: 2 },
  );
  const either = <T>(name: string, value: fc.Arbitrary<T>) =>
    fc.tuple(fc.nat(4), value).map(([n, it]) => ({ [n === 0 ? `Not${name}` : name]: it }));
  const statement = (principal: fc.Arbitrary<object>): fc.Arbitrary<WrittenStatement> =>
    fc
      .tuple(
        fc.constantFrom('Allow', 'Allow', 'Allow', 'Allow', 'Deny').map((Effect) => ({ Effect })),
        principal,
        either('Action', actions),
        either('Resource', resources),
        fc.constantFrom({}, {}, {}, { Condition: { StringEquals: { 'x:tag': 'a' } } }),
      )
      .map((parts) => Object.assign({}, ...parts));
  const resourcePolicy: fc.Arbitrary<WrittenPolicy> = fc.array(statement(either('Principal', listed)), {
    minLength: 1,
    maxLength: 4,
  });
  const identityPolicies: fc.Arbitrary<WrittenPolicy> = fc.array(statement(fc.constant({})), {
    minLength: 1,
    maxLength: 2,
  });
  const situation: fc.Arbitrary<Situation> = fc.record({
    principal: fc.constantFrom(...principals),
    action: fc.constantFrom('kms:Encrypt', 'kms:Encrypt', 's3:GetObject'),
    resource: fc.constantFrom(KEY_ARN, KEY_ARN, 'arn:aws:s3:::bucket', '*'),
    context: fc.constantFrom<Record<string, string>>(
      {},
      { 'x:tag': 'a' },
      { 'x:tag': 'b', 'x:name': 'bucket' },
      { 'x:name': '*' },
      { 'x:name': KEY_ARN.slice(KEY_ARN.indexOf('key/')) },
    ),
    resourceAccountId: fc.constant(HOME),
    resourcePolicy: fc.option(resourcePolicy, { nil: undefined, freq: 8 }),
    identityPolicies: fc.array(identityPolicies, { maxLength: 2 }),
    boundary: fc.option(identityPolicies, { nil: undefined, freq: 2 }),
    sessionPolicies: fc.array(identityPolicies, { maxLength: 2 }),
  });

  function decideSituation(s: Situation, work = WORK_PER_DECISION): Decision {
    const parsed = (policy: WrittenPolicy) => parsePolicy(document(...policy), 'identity');
    const { principal, action, resource } = s;
    return decideWithin(beginEvaluation({ principal, action, resource, context: contextOf(s.context) }, work), {
      resourceAccountId: s.resourceAccountId,
      identityPolicies: s.identityPolicies.map(parsed),
      sessionPolicies: s.sessionPolicies.map(parsed),
      ...(s.resourcePolicy && { resourcePolicy: parsePolicy(document(...s.resourcePolicy), 'resource') }),
      ...(s.boundary && { permissionsBoundary: parsed(s.boundary) }),
    });
  }

  test('agrees on random policies', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(situation, (s) => {
        const expected = authorizeByReference(s);
        seen.set(expected, (seen.get(expected) ?? 0) + 1);
        const decision = decideSituation(s);
        expect(decision.allowed ? 'allowed' : decision.reason).toBe(expected);
      }),
      { numRuns: 10_000 },
    );
    // The property is worth its name only if every outcome occurred.
    expect(seen.size).toBe(9);
    expect(seen.get('allowed')).toBeGreaterThan(500);
  });

  test('never refuses what less work allows', () => {
    let changed = 0;
    fc.assert(
      fc.property(situation, fc.nat(300), (s, work) => {
        const [expected, decision] = [authorizeByReference(s), decideSituation(s, work)];
        if (decision.allowed) expect(expected).toBe('allowed');
        else if (expected === 'allowed') changed++;
      }),
      { numRuns: 10_000 },
    );
    // Only where the work was too little to find out is anything put to the test.
    expect(changed).toBeGreaterThan(50);
  });
});

describe('a policy made to keep the server busy', () => {
  const many = (count: number, value: string): string[] => new Array<string>(count).fill(value);
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);
  const arn = `arn:aws:kms:${'a'.repeat(1000)}:b:c`;
  const flood = { 'x:key': numbered(200_000), 'x:v': 'v' };
  type Attack = readonly [what: string, Condition: object, values: Record<string, string | string[]>];

  // Each of these takes minutes when nothing limits the work; within its limit, milliseconds.
  test.each<Attack>([
    ['patterns', { StringLike: { 'x:key': many(4500, '*?x*') } }, { 'x:key': 'a'.repeat(2_000_000) }],
    ['patterns on many values', { 'ForAnyValue:StringLike': { 'x:key': many(6000, 'a*') } }, flood],
    ['variables on many values', { 'ForAnyValue:StringEquals': { 'x:key': many(3000, '${x:v}') } }, flood],
    [
      'expanded variables',
      { StringLike: { 'x:key': many(900, '${kms:EncryptionContext:a}?') } },
      { 'x:key': 'b'.repeat(500_001), 'kms:encryptioncontext:a': 'a'.repeat(500_000) },
    ],
    [
      'ARNs on many values',
      { 'ForAnyValue:ArnLike': { 'x:key': many(1500, 'arn:*:*:*:*:*x*') } },
      { 'x:key': many(50_000, arn) },
    ],
    ['ARNs on what is none', { 'ForAnyValue:ArnLike': { 'x:key': many(4000, ':::::') } }, flood],
    [
      'dates',
      { 'ForAnyValue:DateLessThan': { 'x:key': many(3000, '2001') } },
      { 'x:key': many(200_000, '2026-03-01') },
    ],
    ['numbers', { 'ForAnyValue:NumericEquals': { 'x:key': many(8000, '1') } }, { 'x:key': many(500_000, '2') }],
    [
      'addresses',
      { 'ForAnyValue:IpAddress': { 'x:key': many(2700, '10.0.0.0') } },
      { 'x:key': many(200_000, '192.0.2.1') },
    ],
  ])(
    'fails closed at little cost: %s',
    (_, Condition, values) => {
      const allowing = keyPolicy({ Principal: '*', Condition });
      const denying = keyPolicy({ Principal: '*' }, { Principal: '*', Effect: 'Deny', Condition });
      for (const resourcePolicy of [allowing, denying]) {
        const evaluation = beginEvaluation(encryptBy(alice, values), WORK_PER_DECISION);
        const decision = decideWithin(evaluation, { resourceAccountId: HOME, identityPolicies: [], resourcePolicy });
        expect(decision.allowed).toBe(false);
        expect(evaluation.left).toBeLessThan(0);
      }
    },
    20_000,
  );

  test('shares the work with the other policies of the decision', () => {
    const Condition = { StringLike: { 'x:key': many(1000, '*b*') } };
    const values = { 'x:key': 'a'.repeat(600) };
    const leftAfter = (policies: number) => {
      const evaluation = beginEvaluation(encryptBy(root(), values), WORK_PER_DECISION);
      const denying = new Array(policies).fill(identityPolicy({ Effect: 'Deny', Condition }));
      const { allowed } = decideWithin(evaluation, { resourceAccountId: HOME, identityPolicies: denying });
      return { allowed, spent: evaluation.left < 0 };
    };
    expect(leftAfter(1)).toEqual({ allowed: true, spent: false });
    expect(leftAfter(2)).toEqual({ allowed: false, spent: true });
  });

  test('has its actions and resources limited too', () => {
    const limited = (statement: object) => {
      const evaluation = beginEvaluation(encryptBy(alice), 10_000);
      const identityPolicies = [identityPolicy({ Effect: 'Deny', ...statement })];
      decideWithin(evaluation, { resourceAccountId: HOME, identityPolicies });
      return evaluation.left < 0 && evaluation.left > -200;
    };
    expect(limited({ Action: many(2400, 'kms:*?n*z') })).toBe(true);
    expect(limited({ Resource: many(1500, 'arn:*:*:*?*z') })).toBe(true);
  });

  test('asks the context once for a variable that many patterns name', () => {
    const asked: string[] = [];
    const values = contextOf({ 'x:key': 'b', 'x:v': 'a' });
    const context = {
      get: (key: string) => {
        asked.push(key);
        return values.get(key);
      },
    };
    const resourcePolicy = keyPolicy({ Principal: '*', Condition: { StringLike: { 'x:key': many(900, '${x:v}?') } } });
    decide({ ...encryptBy(alice), context }, { resourceAccountId: HOME, identityPolicies: [], resourcePolicy });
    expect(asked).toEqual(['x:key', 'x:v']);
  });
});
