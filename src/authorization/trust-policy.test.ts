import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { AWAY, contextOf, HOME, OIDC_PROVIDER, service, user, webIdentity } from './fixtures.test-helper.ts';
import { parsePolicy } from './parse-policy.ts';
import type { Principal } from './principal.ts';

const ROLE = `arn:aws:iam::${HOME}:role/target`;
const alice = user('alice');
const sound = { Effect: 'Allow', Principal: { AWS: alice.arn }, Action: 'sts:AssumeRole' };
const trust = (...changes: object[]) => {
  const Statement = changes.map((change) => ({ ...sound, ...change }));
  return parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement }), 'trust');
};

describe('a trust policy', () => {
  test.each<[reason: string, ...changes: object[]]>([
    ['Has prohibited field Resource', { Resource: '*' }],
    ['AssumeRole policy must not contain resources.', { NotResource: '*' }],
    ['Missing required field Principal', { Principal: undefined }],
    ['AssumeRolepolicy contained an invalid principal: "STAR":"*".', { Principal: '*' }],
    ['Invalid principal in policy: "AWS":"alice"', { Principal: { AWS: 'alice' } }],
    ['Invalid principal in policy: "SERVICE":"s3.example.com"', { Principal: { Service: 's3.example.com' } }],
    ['Allow with NotPrincipal is not allowed.', { Principal: undefined, NotPrincipal: { AWS: HOME } }],
    [
      'AssumeRole policy must not contain NotPrincipal field.',
      { Effect: 'Deny', Principal: undefined, NotPrincipal: { AWS: HOME } },
    ],
    ['AssumeRole policy may only specify STS AssumeRole actions.', { Action: 'kms:Encrypt' }],
    ['AssumeRole policy may only specify STS AssumeRole actions.', { Action: '*' }],
    ['Missing required field Action', { Action: undefined }],
    ['Missing required field Effect', { Effect: undefined }],
    ['Invalid effect: allow', { Effect: 'allow' }],
    ['Unknown field Extra', { Extra: 1 }],
    ['The Statement Ids in the policy are not unique', { Sid: 'a' }, { Sid: 'a' }],
  ])('is refused because: %s', (reason, ...changes) => {
    expect(() => trust(...changes)).toThrow(reason);
  });

  test('is refused where it is no JSON', () => {
    expect(() => parsePolicy('{', 'trust')).toThrow('This policy contains invalid Json');
  });

  const everything = parsePolicy('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', 'identity');
  const decided = (
    principal: Principal,
    change: object,
    action = 'sts:AssumeRole',
    values: Record<string, string> = {},
  ) => {
    const decision = decide(
      { principal, action, resource: ROLE, context: contextOf(values) },
      { resourcePolicy: trust(change), resourceAccountId: HOME, identityPolicies: [] },
    );
    return decision.allowed ? 'allowed' : decision.reason;
  };

  test('is about its role without naming it', () => {
    expect(decided(alice, {})).toBe('allowed');
    expect(decided(user('bob'), {})).toBe('no-resource-based-policy-allows');
    expect(decided(service('s3.amazonaws.com'), { Principal: { Service: 's3.amazonaws.com' } })).toBe('allowed');
  });

  test('leaves it to the account that it names, and to other accounts', () => {
    expect(decided(alice, { Principal: { AWS: HOME } })).toBe('no-identity-based-policy-allows');
    const guest = user('guest', AWAY);
    const request = { principal: guest, action: 'sts:AssumeRole', resource: ROLE, context: contextOf() };
    const policies = { resourcePolicy: trust({ Principal: { AWS: guest.arn } }), resourceAccountId: HOME };
    expect(decide(request, { ...policies, identityPolicies: [] }).allowed).toBe(false);
    expect(decide(request, { ...policies, identityPolicies: [everything] }).allowed).toBe(true);
  });

  test('names who comes with a token by its provider, and by the token’s claims', () => {
    const federated = { Action: 'sts:AssumeRoleWithWebIdentity', Principal: { Federated: OIDC_PROVIDER } };
    const bound = { ...federated, Condition: { StringEquals: { 'id.example.com/realm:sub': 'fay' } } };
    const byToken = (change: object, values = {}) =>
      decided(webIdentity, change, 'sts:AssumeRoleWithWebIdentity', values);
    expect(byToken(federated)).toBe('allowed');
    expect(byToken({ ...federated, Principal: { Federated: `${OIDC_PROVIDER}2` } })).toBe(
      'no-resource-based-policy-allows',
    );
    expect(byToken({ ...federated, Principal: { AWS: HOME } })).toBe('no-resource-based-policy-allows');
    expect(byToken({ ...federated, Principal: { Federated: 'accounts.google.com' } })).toBe(
      'no-resource-based-policy-allows',
    );
    // A token of any provider is not as good as one of the provider that is trusted.
    expect(byToken({ ...federated, Principal: { AWS: '*' } })).toBe('no-resource-based-policy-allows');
    expect(byToken({ ...federated, Effect: 'Deny', Principal: { AWS: '*' } })).toBe(
      'explicit-deny-in-resource-based-policy',
    );
    expect(byToken(bound, { 'id.example.com/realm:sub': 'fay' })).toBe('allowed');
    expect(byToken(bound, { 'id.example.com/realm:sub': 'eve' })).toBe('no-resource-based-policy-allows');
    expect(byToken(bound)).toBe('no-resource-based-policy-allows');
  });
});
