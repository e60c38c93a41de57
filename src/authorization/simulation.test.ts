// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import { expect, test } from 'vitest';
import { contextKeysOf } from './context-keys.ts';
import { contextOf, document, KEY_ARN, user } from './fixtures.test-helper.ts';
import { matchedStatements } from './matched-statements.ts';
import { parsePolicy } from './parse-policy.ts';
import { policySize } from './policy-size.ts';
import { statementSpans } from './statement-spans.ts';

test('the size of a policy leaves white space out, wherever it is', () => {
  expect(policySize(' {\r\n\t"Id" : "a b" } ')).toBe('{"Id":"ab"}'.length);
  expect(policySize('')).toBe(0);
});

test('the keys of a policy are those of its conditions and variables, each once', () => {
  const text = (Version?: string) =>
    JSON.stringify({
      Version,
      Statement: [
        {
          Effect: 'Allow',
          Action: 'kms:*',
          Resource: ["arn:aws:kms:*:*:key/${aws:PrincipalTag/Key, 'none'}", 'arn:aws:kms:*:*:${*}/${aws:UserName}'],
          Condition: {
            StringLike: { 'kms:EncryptionContext:Team': ['${aws:username}', '${aws:PrincipalTag/team}'] },
            NumericLessThan: { 'x:n': 5 },
            Null: { 'aws:TokenIssueTime': 'true' },
          },
        },
        { Effect: 'Deny', Action: '*', Resource: '*', Condition: { Bool: { 'AWS:securetransport': false } } },
        { Effect: 'Deny', Action: '*', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': false } } },
      ],
    });
  expect(contextKeysOf(text('2012-10-17'), 'identity')).toEqual([
    'aws:PrincipalTag/Key',
    'aws:UserName',
    'kms:EncryptionContext:Team',
    'aws:PrincipalTag/team',
    'x:n',
    'aws:TokenIssueTime',
    'AWS:securetransport',
  ]);
  expect(contextKeysOf(text(), 'identity')).toEqual([
    'kms:EncryptionContext:Team',
    'x:n',
    'aws:TokenIssueTime',
    'AWS:securetransport',
  ]);
});

test('the statements that speak of a request are all told, in their order', () => {
  const Action = 'kms:Encrypt';
  const policies = [
    parsePolicy(
      document(
        { Sid: 'a', Effect: 'Deny', Action, Resource: '*', Condition: { NumericEquals: { 'x:n': 1 } } },
        { Effect: 'Allow', Action, Resource: '*', Condition: { NumericEquals: { 'x:n': 1 } } },
        { Sid: 'b', Effect: 'Allow', Action, Resource: '*' },
        { Effect: 'Allow', Action: 's3:*', Resource: '*' },
        { Sid: 'c', Effect: 'Deny', Action, Resource: KEY_ARN },
      ),
      'identity',
    ),
    parsePolicy(
      document(
        { Effect: 'Allow', Action, Resource: '*', Principal: { AWS: user('bob').arn } },
        { Effect: 'Allow', Action, Resource: '*', Principal: { AWS: user('alice').arn } },
        { Effect: 'Deny', Action, Resource: '*', NotPrincipal: '*' },
      ),
      'resource',
    ),
  ];
  const context = contextOf({ 'x:n': 'unreadable' });
  const request = { principal: user('alice'), action: Action, resource: KEY_ARN, context };
  const found = [
    { policy: 0, statement: 0, sid: 'a', effect: 'Deny' },
    { policy: 0, statement: 2, sid: 'b', effect: 'Allow' },
    { policy: 0, statement: 4, sid: 'c', effect: 'Deny' },
    { policy: 1, statement: 1, sid: undefined, effect: 'Allow' },
  ];
  expect(matchedStatements(request, policies, { left: 1e6 })).toEqual(found);
  const spared = { policy: 1, statement: 2, sid: undefined, effect: 'Deny' };
  expect(matchedStatements(request, policies, { left: 1e6 }, true)).toEqual([...found, spared]);
});

test('statements stand where the policy simulator says', () => {
  const date = '{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}';
  const alone = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":${date}}}`;
  expect(statementSpans(alone)).toEqual([{ start: { line: 1, column: 38 }, end: { line: 1, column: 167 } }]);

  const listed = `{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["codecommit:ListRepositories"],
            "Resource": "*",
            "Condition": {}
        },
        {"Effect": "Deny", "Action": [], "Resource": "*" }
    ]
}`;
  expect(statementSpans(listed)).toEqual([
    { start: { line: 3, column: 19 }, end: { line: 9, column: 10 } },
    { start: { line: 9, column: 10 }, end: { line: 10, column: 59 } },
  ]);
  expect(statementSpans('{"Id":"["}')).toEqual([]);
});
