import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  canonicalValue,
  hasQueryParameter,
} from './canonical-request.ts';

test("builds the canonical request of AWS's published example", () => {
  const canonical = canonicalRequest(
    {
      method: 'GET',
      target: '/?Action=ListUsers&Version=2010-05-08',
      rawHeaders: [
        'Host',
        'iam.amazonaws.com',
        'Content-Type',
        'application/x-www-form-urlencoded; charset=utf-8',
        'X-Amz-Date',
        '20150830T123600Z',
      ],
      body: new Uint8Array(),
    },
    ['host', 'content-type', 'x-amz-date'],
    ['content-type', 'host', 'x-amz-date'],
  );
  expect(createHash('sha256').update(canonical, 'latin1').digest('hex')).toBe(
    'f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59',
  );
});

describe('path', () => {
  // The second column is what both botocore's and the JavaScript SDK's signer make of the first.
  test.each([
    ['/', '/'],
    ['', '/'],
    ['//', '/'],
    ['/./', '/'],
    ['/../..', '/'],
    ['/a/./b/../c', '/a/c'],
    ['/a//b///c/', '/a/b/c/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a'],
    ['/documents%20and%20settings/', '/documents%2520and%2520settings/'],
    ['/%2e%2E/x', '/%252e%252E/x'],
    ['/-._~!$&()*+,;=:@', '/-._~%21%24%26%28%29%2A%2B%2C%3B%3D%3A%40'],
    ['/\u00e4', '/%E4'],
  ])('%s becomes %s', (path, canonical) => {
    expect(canonicalPath(path)).toBe(canonical);
  });
});

describe('query', () => {
  test.each([
    ['', ''],
    ['b=2&a=1', 'a=1&b=2'],
    ['a', 'a='],
    ['a=2&a=1&a', 'a=&a=1&a=2'],
    // By name first, although `-` sorts before the `=` that follows a shorter name.
    ['a-b=1&a=2', 'a=2&a-b=1'],
    ['B=1&a=1&A=1', 'A=1&B=1&a=1'],
    ['a=%7e%2D&b=~-', 'a=~-&b=~-'],
    ['a=%c3%a4', 'a=%C3%A4'],
    ['a=b+c%2Bd', 'a=b%20c%2Bd'],
    ['a=b=c', 'a=b%3Dc'],
    ['a=%&b=%4&c=%zz', 'a=%25&b=%254&c=%25zz'],
    ['a&&b&', 'a=&b='],
    ['%41=1', 'A=1'],
  ])('%s becomes %s', (query, canonical) => {
    expect(canonicalQuery(query)).toBe(canonical);
  });

  test.each([
    ['/?X-Amz-Algorithm=AWS4-HMAC-SHA256', true],
    ['/?a=1&X-Amz-Algorithm', true],
    ['/?X%2DAmz-%41lgorithm=', true],
    ['/?X-Amz-Algorith=1', false],
    ['/?x-amz-algorithm=1', false],
    ['/?a=X-Amz-Algorithm', false],
    ['/X-Amz-Algorithm', false],
  ])('%s has X-Amz-Algorithm: %s', (target, has) => {
    expect(hasQueryParameter(target, 'X-Amz-Algorithm')).toBe(has);
  });
});

describe('headers', () => {
  test.each([
    ['plain', 'plain'],
    ['', ''],
    ['   ', ''],
    ['a b', 'a b'],
    [' a', 'a'],
    ['a ', 'a'],
    ['  a   b  c ', 'a b c'],
    ['\ta\t\tb \t c\t', 'a b c'],
    ['"a   b"', '"a b"'],
    ['a\u00a0\u00a0b', 'a\u00a0\u00a0b'],
  ])('%j becomes %j', (value, canonical) => {
    expect(canonicalValue(value)).toBe(canonical);
  });

  test('come in the order asked for, joined where they came twice, without those that did not come', () => {
    const canonical = canonicalRequest(
      {
        method: 'POST',
        target: '/',
        rawHeaders: ['B', ' 2', 'A', 'x', 'b', '1  1', 'C', 'not asked for'],
        body: Buffer.from(''),
      },
      ['b', 'a', 'b', 'c'],
      ['a', 'b', 'missing'],
    );
    const emptyBody = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(canonical).toBe(`POST\n/\n\na:x\nb:2,1 1\n\na;b;missing\n${emptyBody}`);
  });
});
