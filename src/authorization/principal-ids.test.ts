import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { contextOf, document, HOME, KEY_ARN, session, user } from './fixtures.test-helper.ts';
import { parsePolicy } from './parse-policy.ts';
import type { Principal } from './principal.ts';

const alice = user('alice');
const worker = session('worker', 'i-1');
const newAlice: Principal = { ...alice, id: 'AIDAALICEAGAINXXXXXXX' };
const newWorker: Principal = { ...worker, id: 'AROAWORKERAGAINXXXXXX:i-1' };
const ids = new Map([
  [alice.arn, alice.id],
  [worker.arn, worker.id],
  [worker.roleArn as string, worker.id.split(':')[0] as string],
]);

function allows(
  principal: Principal,
  statements: readonly object[],
  principalIds?: ReadonlyMap<string, string>,
): boolean {
  const full = statements.map((it) => ({ Effect: 'Allow', Action: '*', Resource: '*', ...it }));
  const resourcePolicy = parsePolicy(document(...full), 'resource', principalIds);
  const request = { principal, action: 'kms:Encrypt', resource: KEY_ARN, context: contextOf() };
  return decide(request, { resourcePolicy, resourceAccountId: HOME, identityPolicies: [] }).allowed;
}

describe('a principal that has an id', () => {
  test.each<[who: string, bearer: Principal, successor: Principal, arn: string]>([
    ['user', alice, newAlice, alice.arn],
    ['user of another partition', alice, newAlice, alice.arn.replace('aws', 'aws-cn')],
    ['role', worker, newWorker, worker.roleArn as string],
    ['session', worker, newWorker, worker.arn],
  ])('is meant by the id: who is made under the same name inherits nothing (%s)', (_, bearer, successor, arn) => {
    const allowing = [{ Principal: { AWS: arn } }];
    expect([allows(bearer, allowing, ids), allows(successor, allowing, ids)]).toEqual([true, false]);
    expect([allows(bearer, allowing), allows(successor, allowing)]).toEqual([true, true]);
    const denying = [{ Principal: '*' }, { Effect: 'Deny', Principal: { AWS: arn } }];
    expect([allows(bearer, denying, ids), allows(successor, denying, ids)]).toEqual([false, true]);
    const sparing = [
      { Principal: '*' },
      { Effect: 'Deny', NotPrincipal: { AWS: [arn, worker.arn, worker.roleArn, HOME] } },
    ];
    expect([allows(bearer, sparing, ids), allows(successor, sparing, ids)]).toEqual([true, false]);
  });

  test('is told to whoever saves the policy, in one partition', () => {
    const principal = [alice.arn.replace('aws', 'aws-cn'), worker.arn, worker.roleArn, HOME, alice.id];
    const policy = parsePolicy(
      document(
        { Effect: 'Allow', Principal: { AWS: principal }, Action: '*', Resource: '*' },
        {
          Effect: 'Deny',
          NotPrincipal: { AWS: [alice.arn, 'arn:aws:iam::444455556666:root'], Service: 's3.amazonaws.com' },
          Action: '*',
          Resource: '*',
        },
      ),
      'resource',
    );
    expect(policy.principalArns).toEqual([alice.arn, worker.arn, worker.roleArn]);
    expect(policy.principalAccounts).toEqual([HOME, '444455556666']);
    expect(
      parsePolicy('{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}', 'identity').principalArns,
    ).toEqual([]);
  });
});
