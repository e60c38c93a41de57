// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import { describe, expect, test } from 'vitest';
import {
  type Decision,
  type DenyReason,
  decide,
  decideByGrant,
  decideWithin,
  leavesRoomForGrants,
  type PolicySet,
} from './decide.ts';
import { type AuthorizationRequest, beginEvaluation, WORK_PER_DECISION } from './evaluation.ts';
import {
  AWAY,
  anonymous,
  contextOf,
  document,
  federatedUser,
  HOME,
  KEY_ARN,
  OIDC_PROVIDER,
  root,
  service,
  session,
  user,
  webSession,
} from './fixtures.test-helper.ts';
import { parsePolicy } from './parse-policy.ts';
import type { Policy } from './policy.ts';
import { type GrantNaming, grantNames, type Principal } from './principal.ts';

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

describe('a web identity’s provider', () => {
  const session = webSession('worker', 'i-1');
  const federated = { Principal: { Federated: OIDC_PROVIDER } };
  const [inKeyPolicy, nobody] = ['explicit-deny-in-resource-based-policy', 'no-resource-based-policy-allows'] as const;
  const denying = keyPolicy({ Principal: '*' }, { ...denyEncrypt, ...federated });
  test.each<Row>([
    ['is denied with its sessions', session, { resourcePolicy: denying }, inKeyPolicy],
    ['is denied without others of the role', worker, { resourcePolicy: denying }, 'allowed by resource-policy'],
    ['is allowed with its sessions', session, { resourcePolicy: keyPolicy(federated) }, 'allowed by resource-policy'],
    ['is allowed without others of the role', worker, { resourcePolicy: keyPolicy(federated) }, nobody],
    [
      'is allowed within the limits of its sessions',
      session,
      { resourcePolicy: keyPolicy(federated), sessionPolicies: [nothing] },
      'no-session-policy-allows',
    ],
    [
      'is not spared where only it is listed',
      session,
      { resourcePolicy: keyPolicy({ Principal: '*' }, { ...denyEncrypt, NotPrincipal: federated.Principal }) },
      inKeyPolicy,
    ],
  ])('%s', (_, principal, given, expected) => {
    expect(outcome(decideFor(principal, given))).toBe(expected);
  });
});

describe('a grant', () => {
  const grantedTo = (naming: GrantNaming, principal: Principal, given: Given) =>
    outcome(decideByGrant(encryptBy(principal), { resourceAccountId: HOME, identityPolicies: [], ...given }, naming));
  const limited = { identityPolicies: [everything], permissionsBoundary: nothing };
  const narrowed = { identityPolicies: [everything], sessionPolicies: [nothing] };
  const denied = { identityPolicies: [identityPolicy(denyEncrypt)] };

  test.each<[naming: GrantNaming, what: string, principal: Principal, given: Given, expected: string]>([
    ['caller', 'needs nothing of its own policies', alice, {}, 'allowed by grant'],
    ['caller', 'is not limited by its boundary', alice, limited, 'allowed by grant'],
    ['caller', 'is not limited by its session policies', worker, narrowed, 'allowed by grant'],
    ['caller', 'of another account needs nothing of it', user('guest', AWAY), {}, 'allowed by grant'],
    ['caller', 'does not outweigh a deny', alice, denied, 'explicit-deny-in-identity-based-policy'],
    ['role', 'needs nothing of its policies', worker, {}, 'allowed by grant'],
    ['role', 'is limited by its boundary', worker, limited, 'no-permissions-boundary-allows'],
    ['role', 'is limited by session policies', worker, narrowed, 'no-session-policy-allows'],
    ['role', 'does not outweigh a deny', worker, denied, 'explicit-deny-in-identity-based-policy'],
    ['account', 'leaves it to the policies of its users', alice, {}, 'no-identity-based-policy-allows'],
    ['account', 'lets in whom they allow', alice, { identityPolicies: [everything] }, 'allowed by identity-policy'],
    ['account', 'is limited by boundaries', alice, limited, 'no-permissions-boundary-allows'],
    ['account', 'is limited by session policies', worker, narrowed, 'no-session-policy-allows'],
    ['account', 'does not outweigh a deny', alice, denied, 'explicit-deny-in-identity-based-policy'],
  ])('to the %s %s', (naming, _, principal, given, expected) => {
    expect(grantedTo(naming, principal, given)).toBe(expected);
  });

  test('means a session by its id and ARN, its role’s and its account’s ARN, and root by one', () => {
    const rootOfHome = `arn:aws:iam::${HOME}:root`;
    expect(grantNames(worker)).toEqual([
      { name: worker.id, naming: 'caller' },
      { name: worker.arn, naming: 'caller' },
      { name: worker.id.split(':')[0], naming: 'role' },
      { name: worker.roleArn, naming: 'role' },
      { name: rootOfHome, naming: 'account' },
    ]);
    expect(grantNames(root())).toEqual([{ name: rootOfHome, naming: 'caller' }]);
    expect(grantNames(service('s3.amazonaws.com'))).toEqual([{ name: 's3.amazonaws.com', naming: 'caller' }]);
  });

  test('is asked for wherever policies do not allow, and nothing denies', () => {
    const room = (given: Given) => {
      const decision = decideFor(alice, given);
      return !decision.allowed && leavesRoomForGrants(decision);
    };
    const delegated = { resourcePolicy: delegating, identityPolicies: [everything] };
    expect(room({})).toBe(true);
    expect(room({ ...delegated, permissionsBoundary: nothing })).toBe(true);
    expect(room({ ...delegated, sessionPolicies: [nothing] })).toBe(true);
    expect(room({ ...delegated, sessionPolicies: [identityPolicy(denyEncrypt)] })).toBe(false);
    expect(room(denied)).toBe(false);
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
    [
      'a Deny on a variable resource elsewhere',
      {},
      [{}, { Effect: 'Deny', Resource: own.replace('kms', 'sqs') }],
      true,
    ],
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
    [KEY_ARN.replace('1234abcd', '1234ABCD'), KEY_ARN, false],
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
    expect(limited({ Resource: numbered(1500).map((it) => `arn:*:k:*?*${it}`) })).toBe(true);
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
