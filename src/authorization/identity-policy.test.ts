import { describe, expect, test } from 'vitest';
import { KeyholdError } from '../runtime/errors.ts';
import { HOME } from './fixtures.test-helper.ts';
import { parseManagedPolicy, parsePolicy } from './parse-policy.ts';

/**
 * What IAM says of the policies of identities. The reasons and their order are those that AWS has been seen to give for
 * documents with these mistakes.
 */
const sound = { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::reports' };
const syntax = 'Syntax errors in policy.';
const legacy = 'The policy failed legacy parsing';
const vendor = 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.';
const oneColon = 'Actions/Condition can contain only one colon.';
const noActions = 'Policy statement must contain actions.';
const noResources = 'Policy statement must contain resources.';
const twice = 'Statement IDs (SID) in a single policy must be unique.';
const notPlain =
  'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*';
const vendorOfArn = 'Resource vendor must be fully qualified and cannot contain regexes.';
const iamPath =
  'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.';

const partition = (name: string, arn: string) => `Partition "${name}" is not valid for resource "${arn}".`;
const noArn = (text: string) => `Resource ${text} must be in ARN format or "*".`;

function refusalOf(document: unknown, parse = (text: string) => parsePolicy(text, 'identity')): string {
  try {
    parse(typeof document === 'string' ? document : JSON.stringify(document));
  } catch (error) {
    expect((error as KeyholdError).code).toBe('MalformedPolicyDocumentException');
    expect(error).toBeInstanceOf(KeyholdError);
    return (error as Error).message;
  }
  return 'none';
}

const refusal = (...changes: object[]) =>
  refusalOf({ Version: '2012-10-17', Statement: changes.map((change) => ({ ...sound, ...change })) });

describe('the form of an identity’s policy', () => {
  test.each<unknown>([
    'This is not a json document',
    '[]',
    '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}',
    { Version: '2012-10-17' },
    { Version: '2013-10-17', Statement: sound },
    { Version: '2012-10-17', Statement: [] },
    { Version: '2012-10-17', Statement: ['afd'] },
    { Version: '2012-10-17', Statement: sound, Further: 'field' },
    { Version: '2012-10-17', Id: ['a'], Statement: sound },
    { Version: '2012-10-17', Id: {}, Statement: sound },
  ])('is refused without a reason: %j', (document) => {
    expect(refusalOf(document)).toBe(syntax);
  });

  test.each<object>([
    { Further: 'field' },
    { Effect: 'maybe' },
    { Effect: undefined },
    { Resource: { a: 'arn:aws:s3:::reports' } },
    { Resource: ['adfdf', {}] },
    { NotResource: [] },
    { Action: [[]] },
    { Action: {} },
    { NotAction: 's3:*' },
    { Sid: {} },
    { Sid: [] },
    { Condition: [] },
    { Condition: 'a' },
    { Condition: { a: 'b' } },
    { Condition: { DateGreaterThan: 'b' } },
    { Condition: { DateGreaterThan: [] } },
    { Condition: { DateGreaterThan: { a: {} } } },
    { Action: undefined, Condition: { DateGreaterThan: { a: {} } } },
    { Condition: { x: { a: '1' } } },
    { Condition: { 'ForAnyValue::StringEqualsIfExists': { a: 'asf' } } },
    { Condition: [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': 'Department' } }] },
  ])('is refused without a reason in a statement: %j', (change) => {
    expect(refusal(change)).toBe(syntax);
  });
});

describe('what an identity’s policy says', () => {
  test.each<[reason: string, ...changes: object[]]>([
    [vendor, { Action: 'invalid' }],
    [vendor, { Action: undefined, NotAction: '' }],
    [vendor, { Action: 'invalid', Resource: undefined }],
    ['Vendor a a is not valid', { Action: 'a a:ListBucket' }],
    ['Vendor s* is not valid', { Action: 's*:ListBucket' }],
    [oneColon, { Action: 's3:List:Bucket' }],
    [oneColon, { Action: 's3s:ListBucket' }, { Action: 's:3s:ListBucket' }],
    [noArn('invalid resource'), { Resource: 'invalid resource' }],
    [noArn(''), { Resource: '' }],
    [noArn('sdfsadf'), { Action: 's:3:ListBucket', Resource: 'sdfsadf' }],
    [noArn('adf'), { Resource: ['adf'] }],
    [partition('bsdfdsafsad', 'arn:bsdfdsafsad:*:*:*:*'), { Resource: 'a:bsdfdsafsad' }],
    [partition('b', 'arn:b:cadfsdf:*:*:*'), { Resource: 'a:b:cadfsdf' }],
    [partition('b', 'arn:b:c:d:e:f:g:h'), { Resource: 'a:b:c:d:e:f:g:h' }],
    [partition('s3', 'arn:s3:::reports:*'), { Resource: 'aws:s3:::reports' }],
    [partition('error', 'arn:error:s3:::reports'), { Resource: ['arn:error:s3:::reports', 'arn:error:s3::reports'] }],
    [noResources, { Resource: undefined }],
    [noResources, { Resource: [] }],
    [noActions, { Action: undefined }],
    [noActions, { Action: undefined, Resource: undefined }],
    [noActions, { Action: [] }],
    [noActions, { Effect: 'Deny', Action: undefined, Resource: undefined }, {}],
    [iamPath, { Resource: 'arn:aws:iam:::reports' }],
    [iamPath, { Resource: `arn:aws:iam::${HOME}:root` }],
    [
      'IAM resource arn:aws:iam:us-east-1::reports cannot contain region information.',
      { Resource: 'arn:aws:iam:us-east-1::reports' },
    ],
    [
      'Resource arn:aws:s3:us-east-1::reports can not contain region information.',
      { Resource: 'arn:aws:s3:us-east-1::reports' },
    ],
    [vendorOfArn, { Resource: 'arn:aws' }],
    [vendorOfArn, { Resource: 'arn:aws:*:::reports' }],
    [legacy, { Resource: 'arn:aws:s3::reports' }],
    [legacy, { Action: undefined, Resource: 'arn:aws:s3::reports' }],
    [legacy, { Resource: undefined, NotResource: 'arn:aws:s3::reports' }],
    [legacy, { Resource: 'arn:aws::::reports' }],
    [legacy, { Resource: 'arn:aws::fdsasf' }],
    [legacy, { Effect: 'denY' }],
    [legacy, { Effect: 'allow', Action: undefined, Resource: 'arn:aws:s3:us-east-1::reports' }],
    [legacy, { Sid: 'sdf', Effect: 'aLLow' }, { Sid: 'sdf' }],
    [legacy, { Condition: { DateGreaterThan: { a: 'sdfdsf' } } }],
    [legacy, { Condition: { DateLessThanEquals: { a: '234-13' } } }],
    [legacy, { Condition: { DateLessThan: { a: '9223372036854775808' } } }],
    [legacy, { Resource: 'arn:error:s3:::reports', Condition: { DateGreaterThan: { a: 'sdfdsf' } } }],
    [twice, { Sid: 'sdf' }, { Sid: 'sdf', Action: undefined }],
    [notPlain, { Sid: 'two words' }],
    ['Policy document should not specify a principal.', { Principal: '*' }],
    ['Policy document should not specify a principal.', { NotPrincipal: '*' }],
  ])('is refused because: %.60s', (reason, ...changes) => {
    expect(refusal(...changes)).toBe(reason);
  });

  test.each<object>([
    {},
    { Action: 'iam: asdf safdsf af ' },
    { Action: '*' },
    { Action: '*:*' },
    { Action: 's3-s:ListBucket' },
    { Action: 's3.s:ListBucket' },
    { Action: undefined, NotAction: 's3:ListBucket', Resource: undefined, NotResource: '*' },
    { Resource: ['arn:aws:s3:::reports', '*'] },
    { Resource: 'arn:aws:fdsasf' },
    { Resource: 'arn:aws:s33:::reports' },
    { Resource: 'arn:aws:cloudwatch:us-east-1::reports' },
    { Resource: `arn:aws:s3:us-east-1:${HOME}:accesspoint/reports` },
    { Resource: 'arn:aws:iam:::user/reports' },
    { Resource: 'arn:aws:iam::*:*' },
    { Resource: 'arn:aws:iam::*:us*' },
    { Resource: `arn:aws:iam::*:\${aws:PrincipalTag/path}` },
    { Resource: `arn:aws-cn:kms:cn-north-1:${HOME}:key/*` },
    { Resource: 'arn:*:kms:*:*:key/*' },
    { Sid: 'dsfsdfsdfsdfsdfsadfsd' },
    { Sid: '' },
    { Condition: {} },
    { Condition: { a: {} } },
    { Condition: { x: {}, y: {} } },
    { Condition: { DateGreaterThan: {} } },
    { Condition: { DateGreaterThan: { a: [] } } },
    { Condition: { DateGreaterThan: { a: '01T' } } },
    { Condition: { DateLessThan: { a: '-292275054' } } },
    { Condition: { DateLessThanEquals: { a: '2016-12-13t2:00:00.593194+23' } } },
    { Condition: { StringEqualsIfExists: { a: 'asf' } } },
    { Condition: { 'ForAnyValue:StringEqualsIfExists': { a: 'asf' } } },
  ])('is taken: %j', (change) => {
    expect(refusal(change)).toBe('none');
  });

  test('is of the current version where a managed policy is made, and of any elsewhere', () => {
    const old = 'Policy document must be version 2012-10-17 or greater.';
    for (const Version of ['2008-10-17', undefined]) {
      expect(refusalOf({ Version, Statement: sound })).toBe('none');
      expect(refusalOf({ Version, Statement: sound }, parseManagedPolicy)).toBe(old);
      expect(refusalOf({ Version, Statement: { ...sound, Effect: 'denY' } }, parseManagedPolicy)).toBe(old);
      expect(refusalOf({ Version, Statement: {} }, parseManagedPolicy)).toBe(syntax);
    }
    expect(refusalOf({ Version: '2012-10-17', Statement: sound }, parseManagedPolicy)).toBe('none');
  });
});
