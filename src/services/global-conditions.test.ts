import { expect, test } from 'vitest';
import type { Caller } from './caller.ts';
import { globalCondition } from './global-conditions.ts';
import { administrator, scopeOf } from './scope.test-helper.ts';

const scope = scopeOf(administrator);

/** A caller of each kind that has something of its own to say. */
const root: Caller = {
  principal: { type: 'Root', arn: 'arn:aws:iam::111122223333:root', accountId: '111122223333', id: '111122223333' },
  identityPolicies: [],
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  auditIdentity: { type: 'Root' },
};
const session: Caller = {
  principal: {
    type: 'AssumedRole',
    arn: 'arn:aws:sts::111122223333:assumed-role/deploy/ci',
    accountId: '111122223333',
    id: 'AROADEPLOYXXXXXXXXXXX:ci',
    roleArn: 'arn:aws:iam::111122223333:role/deploy',
  },
  identityPolicies: [],
  accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  auditIdentity: { type: 'AssumedRole' },
};

test.each([
  ['aws:principalarn', 'arn:aws:iam::111122223333:user/administrator'],
  ['aws:principalaccount', '111122223333'],
  ['aws:principaltype', 'User'],
  ['aws:userid', 'AIDAADMINISTRATORXXXX'],
  ['aws:username', 'administrator'],
  ['aws:principalisawsservice', 'false'],
  ['aws:viaawsservice', 'false'],
  ['aws:requestedregion', 'us-east-1'],
  ['aws:currenttime', '2026-11-22T10:30:15.250Z'],
  ['aws:epochtime', '1795343415'],
  ['aws:sourceip', '192.0.2.7'],
  ['aws:securetransport', 'false'],
  ['aws:useragent', 'test/1.0'],
])('%s is %s', (key, value) => {
  expect(globalCondition(key, scope)).toEqual([value]);
});

test('the root of an account is of type Account, and has no user name', () => {
  expect(globalCondition('aws:principaltype', scopeOf(root))).toEqual(['Account']);
  expect(globalCondition('aws:username', scopeOf(root))).toBeUndefined();
});

test('a role’s session is known by its role', () => {
  expect(globalCondition('aws:principalarn', scopeOf(session))).toEqual(['arn:aws:iam::111122223333:role/deploy']);
  expect(globalCondition('aws:principaltype', scopeOf(session))).toEqual(['AssumedRole']);
  expect(globalCondition('aws:userid', scopeOf(session))).toEqual(['AROADEPLOYXXXXXXXXXXX:ci']);
});

test('TLS is secure transport', () => {
  expect(globalCondition('aws:securetransport', scopeOf(administrator, { secureTransport: true }))).toEqual(['true']);
});

test('a service that asks for a caller is told, and has no address', () => {
  const forwarded = scopeOf(administrator, { viaService: 's3' });
  expect(globalCondition('aws:viaawsservice', forwarded)).toEqual(['true']);
  for (const key of ['aws:calledvia', 'aws:calledviafirst', 'aws:calledvialast']) {
    expect(globalCondition(key, forwarded)).toEqual(['s3.amazonaws.com']);
  }
  expect(globalCondition('aws:sourceip', forwarded)).toBeUndefined();
  // The principal is still the caller.
  expect(globalCondition('aws:principalisawsservice', forwarded)).toEqual(['false']);
  expect(globalCondition('aws:principalarn', forwarded)).toEqual(['arn:aws:iam::111122223333:user/administrator']);
});

test.each([
  'aws:PrincipalArn',
  'aws:calledvia',
  'aws:calledviafirst',
  'aws:calledvialast',
  'aws:multifactorauthpresent',
  'aws:sourcevpce',
  'kms:viaservice',
  '',
  'toString',
  '__proto__',
])('a request does not have %s', (key) => {
  expect(globalCondition(key, scope)).toBeUndefined();
});
