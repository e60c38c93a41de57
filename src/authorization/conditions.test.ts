// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like template literals.
import { describe, expect, test } from 'vitest';
import { allHold, compileCondition, isConditionOperator } from './conditions.ts';
import { contextKey } from './context.ts';
import { evaluationOf } from './fixtures.test-helper.ts';
import { parsePolicy } from './parse-policy.ts';
import { NO, type Truth, UNKNOWN, YES } from './truth.ts';

type Values = string | readonly string[] | undefined;

/** The truth of one operator with policy values `written` on a key whose values in the request are `actual`. */
function evaluate(operator: string, written: Values, actual: Values, others: Record<string, string> = {}): Truth {
  const values = typeof written === 'string' ? [written] : (written ?? []);
  const evaluation = evaluationOf(actual === undefined ? others : { 'x:key': actual, ...others });
  return compileCondition(operator, 'x:Key', values, true).holds(evaluation);
}

type Row = readonly [operator: string, written: Values, actual: Values, expected: Truth];

describe('operators', () => {
  test.each<Row>([
    ['StringEquals', 'a', 'a', YES],
    ['StringEquals', 'a', 'A', NO],
    ['StringEquals', ['a', 'b'], 'b', YES],
    ['StringEquals', 'a*', 'a*', YES],
    ['StringEquals', 'a*', 'ab', NO],
    ['StringEquals', '', '', YES],
    ['StringNotEquals', 'a', 'b', YES],
    ['StringNotEquals', ['a', 'b'], 'b', NO],
    ['StringNotEquals', ['a', 'b'], 'c', YES],
    ['StringEqualsIgnoreCase', 'aB', 'Ab', YES],
    ['StringEqualsIgnoreCase', 'aB', 'Ac', NO],
    ['StringNotEqualsIgnoreCase', 'aB', 'Ab', NO],
    ['StringNotEqualsIgnoreCase', 'aB', 'Ac', YES],
    ['StringLike', 'a*c', 'abbc', YES],
    ['StringLike', 'a?c', 'abbc', NO],
    ['StringLike', 'A*', 'abc', NO],
    ['StringNotLike', 'a*', 'abc', NO],
    ['StringNotLike', ['a*', 'b*'], 'c', YES],
    ['NumericEquals', '10', '10.0', YES],
    ['NumericEquals', '10', '11', NO],
    ['NumericNotEquals', '10', '11', YES],
    ['NumericNotEquals', ['10', '11'], '11', NO],
    ['NumericLessThan', '10', '9', YES],
    ['NumericLessThan', '10', '10', NO],
    ['NumericLessThan', '-1', '-2', YES],
    ['NumericLessThanEquals', '10', '10', YES],
    ['NumericLessThanEquals', '10', '10.5', NO],
    ['NumericGreaterThan', '10', '10.5', YES],
    ['NumericGreaterThan', '10', '10', NO],
    ['NumericGreaterThanEquals', '10', '10', YES],
    ['NumericGreaterThanEquals', '10', '9', NO],
    ['NumericEquals', '10', 'ten', UNKNOWN],
    ['NumericNotEquals', '10', '0x0b', UNKNOWN],
    ['DateEquals', '2026-03-01T00:00:00Z', '2026-03-01T01:00:00+01:00', YES],
    ['DateEquals', '2026-03-01', '2026-03-01T00:00:01Z', NO],
    ['DateNotEquals', '2026', '2026-01-01', NO],
    ['DateNotEquals', '2026', '2026-01-02', YES],
    ['DateLessThan', '2026-03-01T00:00:00Z', '2026-02-28T23:59:59.999Z', YES],
    ['DateLessThan', '2026-03-01T00:00:00Z', '2026-03-01T00:00:00Z', NO],
    ['DateLessThanEquals', '2026-03-01T00:00:00Z', '1772323200', YES],
    ['DateGreaterThan', '1772323200', '2026-03-01T00:00:01Z', YES],
    ['DateGreaterThan', '1772323200', '2026-03-01T00:00Z', NO],
    ['DateGreaterThanEquals', '1772323200', '2026-03-01T00:00Z', YES],
    ['DateGreaterThan', '2026-03-01', 'yesterday', UNKNOWN],
    ['Bool', 'true', 'true', YES],
    ['Bool', 'True', 'tRUE', YES],
    ['Bool', 'true', 'false', NO],
    ['Bool', 'true', '1', UNKNOWN],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ5', YES],
    ['BinaryEquals', 'QQ==', 'QQ', YES],
    ['BinaryEquals', 'QQ==', 'qQ==', NO],
    ['BinaryEquals', 'QQ==', '!!', UNKNOWN],
    ['IpAddress', '203.0.113.0/24', '203.0.113.255', YES],
    ['IpAddress', '203.0.113.0/24', '203.0.114.0', NO],
    ['IpAddress', '203.0.113.7', '203.0.113.7', YES],
    ['IpAddress', '203.0.113.7', '203.0.113.8', NO],
    ['IpAddress', '203.0.113.77/24', '203.0.113.8', YES],
    ['IpAddress', '0.0.0.0/0', '198.51.100.1', YES],
    ['IpAddress', '0.0.0.0/0', '2001:db8::1', NO],
    ['IpAddress', '203.0.113.0/24', '::ffff:203.0.113.9', YES],
    ['IpAddress', '2001:db8::/32', '2001:db8:ffff::1', YES],
    ['IpAddress', '2001:db8::/32', '2001:db9::1', NO],
    ['IpAddress', ['192.0.2.0/24', '2001:DB8::1'], '2001:0db8:0::1', YES],
    ['NotIpAddress', '203.0.113.0/24', '203.0.113.1', NO],
    ['NotIpAddress', '203.0.113.0/24', '192.0.2.1', YES],
    ['NotIpAddress', '203.0.113.0/24', 'AWS Internal', UNKNOWN],
    ['IpAddress', '203.0.113.0/24', '203.0.113.1%eth0', UNKNOWN],
    ['ArnEquals', 'arn:aws:iam::111122223333:role/a*', 'arn:aws:iam::111122223333:role/abc', YES],
    ['ArnLike', 'arn:aws:*:*:*:*', 'arn:aws:s3:::bucket/a:b', YES],
    ['ArnLike', '*', 'arn:aws:s3:::bucket', YES],
    ['ArnLike', 'arn:aws:s3:::b*:c', 'arn:aws:s3:::bucket:c', YES],
    ['ArnLike', 'arn:aws:s3:*:*:bucket', 'arn:aws:s3:::a:b:bucket', NO],
    ['ArnLike', 'arn:aws:iam::1*3:role/a', 'arn:aws:iam::111122223333:role/a', YES],
    ['ArnNotLike', 'arn:aws:iam::111122223333:role/a*', 'arn:aws:iam::111122223333:role/b', YES],
    ['ArnNotEquals', 'arn:aws:iam::111122223333:role/a', 'arn:aws:iam::111122223333:role/a', NO],
    ['ArnNotEquals', 'arn:aws:iam::111122223333:role/a', 'not an arn', UNKNOWN],
  ])('%s %j on %j', (operator, written, actual, expected) => {
    expect(evaluate(operator, written, actual)).toBe(expected);
  });

  test.each<Row>([
    // An absent key matches no positive operator and every negated one.
    ['StringEquals', 'a', undefined, NO],
    ['StringNotEquals', 'a', undefined, YES],
    ['StringLike', '*', undefined, NO],
    ['StringNotLike', '*', undefined, YES],
    ['NumericLessThan', '1', undefined, NO],
    ['NumericNotEquals', '1', undefined, YES],
    ['DateGreaterThan', '2020', undefined, NO],
    ['DateNotEquals', '2020', undefined, YES],
    ['Bool', 'false', undefined, NO],
    ['BinaryEquals', 'QQ==', undefined, NO],
    ['IpAddress', '0.0.0.0/0', undefined, NO],
    ['NotIpAddress', '0.0.0.0/0', undefined, YES],
    ['ArnLike', '*', undefined, NO],
    ['ArnNotLike', '*', undefined, YES],
    ['StringEquals', 'a', [], NO],
    ['StringNotEquals', 'a', [], YES],
    ['StringEqualsIfExists', 'a', undefined, YES],
    ['StringEqualsIfExists', 'a', 'b', NO],
    ['StringEqualsIfExists', 'a', 'a', YES],
    ['StringNotEqualsIfExists', 'a', undefined, YES],
    ['BoolIfExists', 'true', undefined, YES],
    ['BoolIfExists', 'true', 'false', NO],
    ['Null', 'true', undefined, YES],
    ['Null', 'true', [], YES],
    ['Null', 'true', 'a', NO],
    ['Null', 'false', 'a', YES],
    ['Null', 'false', undefined, NO],
    ['Null', ['true', 'false'], undefined, YES],
  ])('%s %j on an absent or present key %j', (operator, written, actual, expected) => {
    expect(evaluate(operator, written, actual)).toBe(expected);
  });

  test.each<Row>([
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b'], YES],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], NO],
    ['ForAllValues:StringEquals', ['a', 'b'], undefined, YES],
    ['ForAllValues:StringEquals', ['a', 'b'], [], YES],
    ['ForAllValues:StringNotLike', 'key1*', ['key1:hr', 'key2:x'], NO],
    ['ForAllValues:StringNotLike', 'key1*', ['key2:audit'], YES],
    ['ForAllValues:StringNotLike', 'key1*', undefined, YES],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], YES],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c'], NO],
    ['ForAnyValue:StringEquals', 'a', undefined, NO],
    ['ForAnyValue:StringNotEquals', 'a', undefined, NO],
    ['ForAnyValue:StringNotEquals', 'a', ['a', 'b'], YES],
    ['ForAnyValue:StringNotEquals', 'a', ['a'], NO],
    ['ForAnyValue:StringEqualsIfExists', 'a', undefined, YES],
    ['ForAllValues:StringEqualsIfExists', 'a', undefined, YES],
    ['ForAllValues:NumericLessThan', '5', ['1', 'x', '9'], NO],
    ['ForAllValues:NumericLessThan', '5', ['1', 'x'], UNKNOWN],
    ['ForAnyValue:NumericLessThan', '5', ['x', '1'], YES],
    ['ForAnyValue:NumericLessThan', '5', ['x', '9'], UNKNOWN],
    // Several values without a qualifier: known only where they agree.
    ['StringEquals', ['a', 'b'], ['a', 'b'], YES],
    ['StringEquals', 'a', ['b', 'c'], NO],
    ['StringEquals', 'a', ['a', 'b'], UNKNOWN],
    ['StringNotEquals', 'a', ['a', 'b'], UNKNOWN],
  ])('%s %j on %j', (operator, written, actual, expected) => {
    expect(evaluate(operator, written, actual)).toBe(expected);
  });
});

describe('variables', () => {
  const alice = { 'aws:username': 'alice', 'aws:principaltag/team': 'red*', 'aws:sourcearn': 'arn:aws:s3:::b' };

  test.each<Row>([
    ['StringEquals', '${aws:username}', 'alice', YES],
    ['StringEquals', '${AWS:UserName}', 'alice', YES],
    ['StringEquals', 'x-${aws:username}-y', 'x-alice-y', YES],
    ['StringEquals', '${aws:username}', 'bob', NO],
    ['StringEquals', '${aws:userid}', 'alice', UNKNOWN],
    ['StringNotEquals', '${aws:userid}', 'alice', UNKNOWN],
    ['StringEquals', ['${aws:userid}', 'alice'], 'alice', YES],
    ['StringEquals', "${aws:userid, 'nobody'}", 'nobody', YES],
    ['StringEquals', "${aws:username, 'nobody'}", 'alice', YES],
    ['StringEquals', "${aws:userid,''}", '', YES],
    ['StringEqualsIgnoreCase', '${aws:username}', 'ALICE', YES],
    ['StringLike', '${aws:username}*', 'alice-1', YES],
    ['StringLike', '${aws:principaltag/team}', 'red*', YES],
    ['StringLike', '${aws:principaltag/team}', 'reddish', NO],
    ['StringLike', "${aws:userid, '*'}", 'x', NO],
    ['StringLike', 'a${*}b', 'a*b', YES],
    ['StringLike', 'a${*}b', 'axb', NO],
    ['StringLike', 'a${?}${$}', 'a?$', YES],
    ['StringEquals', '${*}${?}${$}', '*?$', YES],
    ['StringLike', '$a', '$a', YES],
    ['ArnLike', 'arn:aws:iam::*:user/${aws:username}', 'arn:aws:iam::111122223333:user/alice', YES],
    ['ArnLike', 'arn:aws:iam::*:user/${aws:userid}', 'arn:aws:iam::111122223333:user/alice', UNKNOWN],
    ['ArnLike', 'arn:aws:sts::*:user/${aws:userid}', 'arn:aws:iam::111122223333:user/alice', NO],
    ['ArnEquals', '${aws:sourcearn}', 'arn:aws:s3:::b', YES],
    ['ArnEquals', '${aws:sourcearn}', 'arn:aws:s3:::c', NO],
  ])('%s %j on %j', (operator, written, actual, expected) => {
    expect(evaluate(operator, written, actual, alice)).toBe(expected);
  });

  test.each<Row>([
    ['StringNotEquals', 'longer-${aws:userid}', 'x', UNKNOWN],
    ['StringNotEqualsIgnoreCase', 'longer-${aws:userid}', 'x', UNKNOWN],
    ['StringNotEquals', '${aws:username}${aws:userid}', 'x', UNKNOWN],
    ['StringNotLike', '${aws:username}${aws:userid}', 'x', UNKNOWN],
    ['ArnNotLike', 'arn:aws:iam::*:user/${aws:username}${aws:userid}', 'arn:aws:iam::111122223333:x', UNKNOWN],
    ['ForAllValues:StringNotEquals', 'longer-${aws:userid}', 'x', UNKNOWN],
    ['StringNotEquals', 'longer-${aws:username}', 'x', YES],
  ])('without a value let nobody in by a negated operator, however long the text is: %s %j on %j', (...row) => {
    const [operator, written, actual, expected] = row;
    expect(evaluate(operator, written, actual, alice)).toBe(expected);
  });

  test('do not grow beyond what they are compared with', () => {
    const many = '${x:long}'.repeat(3000);
    const values = { 'x:key': 'a'.repeat(100), 'x:long': 'a'.repeat(8000) };
    for (const operator of ['StringEquals', 'StringLike', 'StringEqualsIgnoreCase']) {
      expect(compileCondition(operator, 'x:key', [many], true).holds(evaluationOf(values))).toBe(NO);
    }
    const arn = compileCondition('ArnLike', 'x:key', [`arn:aws:s3:::${many}`], true);
    expect(arn.holds(evaluationOf({ ...values, 'x:key': 'arn:aws:s3:::a' }))).toBe(NO);
  });

  test('have no value when the key has several', () => {
    const condition = compileCondition('StringEquals', 'x:key', ['${x:tags}'], true);
    expect(condition.holds(evaluationOf({ 'x:key': 'a', 'x:tags': ['a', 'b'] }))).toBe(UNKNOWN);
  });

  test('mean nothing in documents of the first version', () => {
    const condition = compileCondition('StringLike', 'x:key', ['${aws:username}'], false);
    expect(condition.holds(evaluationOf({ 'x:key': '${aws:username}' }))).toBe(YES);
    expect(condition.holds(evaluationOf({ 'x:key': 'alice', 'aws:username': 'alice' }))).toBe(NO);
  });

  test.each(['${', 'a${aws:username', '${}', '${a b}', '${aws:username, nobody}', "${aws:username 'x'}", '${a${b}}'])(
    'are refused when malformed: %s',
    (value) => {
      expect(() => compileCondition('StringLike', 'x:key', [value], true)).toThrow(/invalid policy variable/);
    },
  );
});

describe('conditions', () => {
  test.each([
    ['StringEqual', 'a'],
    ['stringequals', 'a'],
    ['ForSomeValues:StringEquals', 'a'],
    ['ForAllValues:', 'a'],
    ['NullIfExists', 'true'],
    ['ForAllValues:Null', 'true'],
    ['__proto__', 'a'],
    ['', 'a'],
  ])('refuse the operator %j', (operator, value) => {
    expect(isConditionOperator(operator)).toBe(false);
    const Statement = {
      Effect: 'Deny',
      Principal: '*',
      Action: '*',
      Resource: '*',
      Condition: { [operator]: { 'x:y': value } },
    };
    expect(() => parsePolicy(JSON.stringify({ Statement }), 'resource')).toThrow(
      `Invalid Condition type : ${operator}`,
    );
  });

  test.each([
    ['NumericEquals', 'ten'],
    ['NumericEquals', '1e3'],
    ['NumericEquals', '9007199254740993'],
    ['NumericEquals', '${x:y}'],
    ['DateLessThan', '2026-02-30'],
    ['DateLessThan', '2026-03-01T24:00:00Z'],
    ['DateLessThan', 'soon'],
    ['Bool', 'yes'],
    ['Bool', '${x:y}'],
    ['IpAddress', '${x:y}'],
    ['DateLessThan', '${x:y}'],
    ['BinaryEquals', '${x:y}'],
    ['Null', 'maybe'],
    ['BinaryEquals', '*'],
    ['BinaryEquals', 'QQ==='],
    ['BinaryEquals', 'QR=='],
    ['BinaryEquals', 'Q'],
    ['BinaryEquals', '='.repeat(32_000)],
    ['IpAddress', '203.0.113.0/33'],
    ['IpAddress', '203.0.113.256'],
    ['IpAddress', '203.0.113.0/'],
    ['IpAddress', '2001:db8::/129'],
    ['IpAddress', '*'],
  ])('refuse the value of %s %j', (operator, value) => {
    expect(() => evaluate(operator, value, 'a')).toThrow(/wrong type/);
  });

  test('refuse what is no ARN', () => {
    expect(() => evaluate('ArnLike', 'role/admin', 'a')).toThrow(/must be in ARN format/);
  });

  test.each([
    ['StringEquals', NO, NO],
    ['StringNotEquals', YES, YES],
    ['ForAllValues:StringEquals', NO, YES],
    ['ForAnyValue:StringEquals', NO, NO],
    ['DateLessThan', NO, NO],
    ['NotIpAddress', YES, YES],
    ['Null', NO, NO],
  ])('without values are met by none: %s', (operator, present, absent) => {
    const condition = compileCondition(operator, 'x:key', [], true);
    expect(condition.holds(evaluationOf({ 'x:key': operator === 'NotIpAddress' ? '::1' : '2026' }))).toBe(present);
    expect(condition.holds(evaluationOf())).toBe(absent);
  });

  test('look keys up in lower case, but for the keys of an encryption context', () => {
    expect(contextKey('aws:PrincipalTag/Team')).toBe('aws:principaltag/team');
    expect(contextKey('KMS:EncryptionContext:Purpose')).toBe('kms:encryptioncontext:Purpose');
    expect(contextKey('kms:EncryptionContextKeys')).toBe('kms:encryptioncontextkeys');
  });

  test('must all hold, and one that does not settles it', () => {
    const holding = compileCondition('StringEquals', 'x:a', ['1'], true);
    const failing = compileCondition('StringEquals', 'x:a', ['2'], true);
    const unknown = compileCondition('NumericEquals', 'x:b', ['2'], true);
    const evaluation = evaluationOf({ 'x:a': '1', 'x:b': 'two' });
    expect(allHold([], evaluation)).toBe(YES);
    expect(allHold([holding, holding], evaluation)).toBe(YES);
    expect(allHold([holding, unknown], evaluation)).toBe(UNKNOWN);
    expect(allHold([unknown, failing], evaluation)).toBe(NO);
    expect(allHold([failing, unknown], evaluation)).toBe(NO);
  });
});

describe('the work of a condition', () => {
  const spentOn = (operator: string, written: readonly string[], values: Record<string, string | string[]>) => {
    const evaluation = evaluationOf(values, 1e9);
    compileCondition(operator, 'x:key', written, true).holds(evaluation);
    return 1e9 - evaluation.left;
  };
  const long = 'a'.repeat(10_000);

  test.each([
    ['StringLike', '?', 'aa'],
    ['StringEquals', '${x:v}', 'aa'],
    ['ArnLike', 'arn:aws:s3:::b', 'arn:aws:s3:::c'],
    ['ArnLike', 'arn:aws:s3:::b', 'no ARN'],
    ['NumericEquals', '1', '2'],
    ['DateEquals', '2025', '2026'],
    ['BinaryEquals', 'QQ==', 'Qg=='],
    ['IpAddress', '192.0.2.1', '192.0.2.2'],
  ])('counts every value of the policy: %s %j on %j', (operator, written, actual) => {
    const policyValues = new Array<string>(1000).fill(written);
    expect(spentOn(operator, policyValues, { 'x:key': actual, 'x:v': 'a' })).toBeGreaterThan(1000);
  });

  test.each([
    'ForAnyValue:StringEquals',
    'ForAnyValue:StringEqualsIgnoreCase',
    'ForAllValues:StringNotEquals',
    'ForAnyValue:Bool',
  ])('counts every value of the request: %s', (operator) => {
    expect(spentOn(operator, ['true'], { 'x:key': new Array<string>(1000).fill('b') })).toBeGreaterThan(10_000);
  });

  test.each(['StringEquals', 'StringEqualsIgnoreCase', 'BinaryEquals'])(
    'counts the length of values: %s',
    (operator) => {
      expect(spentOn(operator, ['QQ=='], { 'x:key': long })).toBeGreaterThan(10_000);
    },
  );

  test.each([
    ['StringEquals', '${x:v}'],
    ['StringLike', '${x:v}?'],
  ])('counts what variables grow into: %s %s', (operator, written) => {
    const work = spentOn(operator, new Array<string>(10).fill(written), { 'x:key': long, 'x:v': long });
    expect(work).toBeGreaterThan(operator === 'StringEquals' ? 20_000 : 100_000);
  });

  test('leaves no answer but unknown once it is used up', () => {
    const evaluation = evaluationOf({ 'x:key': 'a' }, 0);
    expect(compileCondition('StringEquals', 'x:key', ['a'], true).holds(evaluation)).toBe(UNKNOWN);
    expect(compileCondition('StringEquals', 'x:key', ['b'], true).holds(evaluation)).toBe(UNKNOWN);
    expect(compileCondition('StringNotEquals', 'x:absent', ['b'], true).holds(evaluation)).toBe(UNKNOWN);
    expect(compileCondition('Null', 'x:key', ['false'], true).holds(evaluation)).toBe(UNKNOWN);
  });
});
