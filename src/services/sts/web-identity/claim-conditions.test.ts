import { expect, it } from 'vitest';
import { claimConditions, sessionConditions } from './claim-conditions.ts';
import type { ClaimedToken, Claims } from './token-claims.ts';

function conditions(claims: Claims, issuer = 'https://a.example'): Record<string, readonly string[]> {
  const token: ClaimedToken = {
    token: '',
    issuer,
    subject: 'someone',
    audiences: ['one', 'other'],
    expiry: 0,
    begin: 0,
    claims,
  };
  return Object.fromEntries(claimConditions(token, 'party'));
}

const always = { 'a.example:aud': ['party'], 'a.example:oaud': ['one', 'other'], 'a.example:sub': ['someone'] };

it('aud is the audience as AWS takes it, and oaud what the token’s aud says', () => {
  expect(conditions({})).toEqual(always);
});

it('keys begin with the provider’s host and path, in lower case as policies are looked at', () => {
  expect(Object.keys(conditions({}, 'https://A.example/Path/'))).toEqual([
    'a.example/path/:aud',
    'a.example/path/:oaud',
    'a.example/path/:sub',
  ]);
});

it('claims of AWS’s list are keys, and others are not', () => {
  expect(
    conditions({
      amr: ['pwd', 'otp'],
      email: 'a@b.example',
      repository_id: 17,
      ref_protected: true,
      google: { organization_number: 123 },
      'oidc.circleci.com/project-id': 'project',
      custom: 'no',
      groups: ['no'],
    }),
  ).toEqual({
    ...always,
    'a.example:amr': ['pwd', 'otp'],
    'a.example:email': ['a@b.example'],
    'a.example:repository_id': ['17'],
    'a.example:ref_protected': ['true'],
    'a.example:google/organization_number': ['123'],
    'a.example:oidc.circleci.com/project-id': ['project'],
  });
});

it('no claim stands in for those that AWS makes of the token, whatever case it has', () => {
  expect(conditions({ oaud: 'forged', OAUD: 'forged', Sub: 'forged', AUD: 'forged', SUB: ['forged'] })).toEqual(always);
});

it('claims of other types are no keys', () => {
  expect(conditions({ amr: 'pwd', email: null, ref: { a: 1 }, workflow: ['a'], google: null })).toEqual(always);
  expect(conditions({ amr: ['pwd', 7], email: 'a lone \ud800' })).toEqual(always);
});

it('a session remembers whose token it was for, and nothing else of it', () => {
  const issuer = 'https://A.example/path';
  const all = new Map(['aud', 'oaud', 'sub', 'amr', 'email', 'ref'].map((name) => [`a.example/path:${name}`, ['x']]));
  expect([...sessionConditions(issuer, all).keys()]).toEqual([
    'a.example/path:aud',
    'a.example/path:sub',
    'a.example/path:amr',
  ]);
});
