import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyholdError } from '../../runtime/errors.ts';
import { parseSignature } from './parse-signature.ts';
import type { SignedRequest } from './signed-request.ts';
import { refusal } from './signing.test-helper.ts';

const credential = 'AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request';
const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date, Signature=5d67`;
const date = ['X-Amz-Date', '20150830T123600Z'];

function request(rawHeaders: string[], target = '/'): SignedRequest {
  return { method: 'POST', target, rawHeaders: ['Host', 'iam.amazonaws.com', ...rawHeaders], body: new Uint8Array() };
}

function signedBy(header: string): SignedRequest {
  return request(['Authorization', header, ...date]);
}

function hashed(header: string): string {
  return createHash('sha256').update(header, 'latin1').digest('base64');
}

describe('a well-formed signature', () => {
  test('is read', () => {
    expect(parseSignature(request(['AUTHORIZATION', authorization, 'x-amz-DATE', '20150830T123600Z']))).toEqual({
      scope: {
        accessKeyId: 'AKIDEXAMPLE',
        date: '20150830',
        region: 'us-east-1',
        service: 'iam',
        terminator: 'aws4_request',
      },
      credential,
      signedHeaders: ['host', 'x-amz-date'],
      signedHeadersText: 'host;x-amz-date',
      signature: '5d67',
      timestamp: Date.UTC(2015, 7, 30, 12, 36),
      timestampText: '20150830T123600Z',
      sessionToken: undefined,
      headerNames: ['host', 'authorization', 'x-amz-date'],
    });
  });

  test.each([
    `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=host;x-amz-date,Signature=5d67`,
    `AWS4-HMAC-SHA256 Signature=5d67 SignedHeaders=host;x-amz-date Credential=${credential}`,
    `AWS4-HMAC-SHA256   ,, Signature=5d67 , Other=1,SignedHeaders=host;x-amz-date, Credential=${credential},`,
    `AWS4-HMAC-SHA256 Signature=beef, ${authorization.slice('AWS4-HMAC-SHA256 '.length)}`,
  ])('may be written %j', (header) => {
    const parsed = parseSignature(signedBy(header));
    expect(parsed.credential).toBe(credential);
    expect(parsed.signedHeadersText).toBe('host;x-amz-date');
    expect(parsed.signature).toBe('5d67');
  });

  test('carries the session token', () => {
    const parsed = parseSignature(request(['Authorization', authorization, ...date, 'x-amz-security-token', 'FwoG=']));
    expect(parsed.sessionToken).toBe('FwoG=');
  });

  test.each(['test', '000000000000', 'A', '_', 'x'.repeat(128)])('may be of access key %s', (accessKeyId) => {
    const parsed = parseSignature(signedBy(authorization.replace('AKIDEXAMPLE', accessKeyId)));
    expect(parsed.scope.accessKeyId).toBe(accessKeyId);
  });
});

describe('the time', () => {
  test.each([
    ['Sun, 30 Aug 2015 12:36:00 GMT', '20150830T123600Z'],
    ['20150830T123600Z', '20150830T123600Z'],
  ])('is read from Date: %s', (value, text) => {
    const parsed = parseSignature(request(['Authorization', authorization, 'Date', value]));
    expect(parsed.timestamp).toBe(Date.UTC(2015, 7, 30, 12, 36));
    expect(parsed.timestampText).toBe(text);
  });

  test('is that of X-Amz-Date where there are both', () => {
    const parsed = parseSignature(
      request(['Date', 'Mon, 31 Aug 2015 00:00:00 GMT', 'Authorization', authorization, ...date]),
    );
    expect(parsed.timestampText).toBe('20150830T123600Z');
  });

  test.each(['20150830', '2015-08-30T12:36:00Z', '20150230T123600Z', 'Sun, 30 Aug 2015 12:36:00 GMT'])(
    'is not read from X-Amz-Date: %s',
    (value) => {
      const act = () => parseSignature(request(['Authorization', authorization, 'X-Amz-Date', value]));
      expect(refusal('IncompleteSignatureException', act).message).toBe(
        `Date must be in ISO-8601 'basic format'. Got '${value}'. See http://en.wikipedia.org/wiki/ISO_8601`,
      );
    },
  );
});

describe('a request that is not signed', () => {
  test.each([
    ['at all', request([])],
    ['but has an empty header', request(['Authorization', ''])],
    ['but presigned', request([], '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b')],
  ])('%s', (_, unsigned) => {
    const refused = refusal('MissingAuthenticationTokenException', () => parseSignature(unsigned));
    expect(refused.message).toBe('Missing Authentication Token');
  });
});

test('refuses a request that is signed in two ways', () => {
  const act = () => parseSignature(request(['Authorization', authorization, ...date], '/?X-Amz-Algorithm'));
  expect(refusal('InvalidSignatureException', act).message).toBe(
    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
  );
});

describe('an incomplete signature', () => {
  const requires = (what: string) => `Authorization header requires '${what}' parameter. `;
  const requiresDate = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  const allParameters = requires('Credential') + requires('Signature') + requires('SignedHeaders');

  test.each([
    ['X', [], allParameters + requiresDate],
    ['AWS4-HMAC-SHA256', date, allParameters],
    ['AWS4-HMAC-SHA256 Signature=b Credential=a', date, requires('SignedHeaders')],
    ['AWS4-HMAC-SHA256 Signature=,Credential=,SignedHeaders=', date, requires('Credential') + requires('Signature')],
    ['AWS4-HMAC-SHA256 signature=a,credential=a/b/c/d/e,signedheaders=host', date, allParameters],
    [authorization, [], requiresDate],
    [authorization, ['X-Amz-Date', ''], requiresDate],
  ])('%s %s', (header, more, missing) => {
    const act = () => parseSignature(request(['Authorization', header, ...more]));
    expect(refusal('IncompleteSignatureException', act).message).toBe(
      `${missing}(Hashed with SHA-256 and encoded with Base64) Authorization=${hashed(header)}`,
    );
  });

  test.each([
    'Bearer eyJhbGciOi',
    `AWS4-HMAC-SHA256 Credential=not valid/20150830`,
    'AWS4-HMAC-SHA256 Credential, a=b',
  ])('%s has a parameter without equal-sign', (header) => {
    expect(refusal('IncompleteSignatureException', () => parseSignature(signedBy(header))).message).toBe(
      `Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '${hashed(header)}'.`,
    );
  });

  test.each(['AWS4-HMAC-SHA25', 'AWS4-ECDSA-P256-SHA256', 'AWS3', 'aws4-hmac-sha256'])(
    '%s is not served',
    (algorithm) => {
      const act = () => parseSignature(signedBy(authorization.replace('AWS4-HMAC-SHA256', algorithm)));
      expect(refusal('IncompleteSignatureException', act).message).toBe(
        `Unsupported AWS 'algorithm': '${algorithm}' (only AWS4-HMAC-SHA256 for now). `,
      );
    },
  );

  test.each(['AKIDEXAMPLE', 'a/b/c/d', 'a/b/c/d/e/f', 'a/b/c/d/e/'])('credential %s has not five elements', (text) => {
    const act = () => parseSignature(signedBy(authorization.replace(credential, text)));
    expect(refusal('IncompleteSignatureException', act).message).toBe(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${text}'`,
    );
  });

  test.each(['Authorization', 'X-Amz-Date', 'Date', 'Host', 'X-Amz-Target', 'X-Amz-Security-Token'])(
    'has %s twice',
    (name) => {
      const once = request([
        'Authorization',
        authorization,
        ...date,
        'Date',
        'x',
        'X-Amz-Target',
        'x',
        'X-Amz-Security-Token',
        'x',
      ]);
      expect(() => parseSignature(once)).not.toThrow();
      const index = once.rawHeaders.indexOf(name);
      const twice = {
        ...once,
        rawHeaders: [name.toLowerCase(), once.rawHeaders[index + 1] as string, ...once.rawHeaders],
      };
      expect(refusal('IncompleteSignatureException', () => parseSignature(twice)).message).toBe(
        `'${name}' must not appear more than once in a signed request.`,
      );
    },
  );

  test('is too long', () => {
    const act = () => parseSignature(signedBy(`${authorization},${'x=1,'.repeat(2048)}`));
    expect(refusal('IncompleteSignatureException', act).message).toContain('must not be longer than 8192');
  });

  test('signs too many headers', () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`).join(';');
    const signing = (count: number) => signedBy(authorization.replace('host;x-amz-date', names(count)));
    expect(parseSignature(signing(100)).signedHeaders).toHaveLength(100);
    expect(refusal('IncompleteSignatureException', () => parseSignature(signing(101))).message).toContain(
      '100 headers',
    );
  });

  test.each(['20150830', 'us-east-1', 'iam', 'aws4_request'])('has a scope of which %s is too long', (element) => {
    const act = () => parseSignature(signedBy(authorization.replace(`/${element}`, `/${'x'.repeat(129)}`)));
    expect(refusal('IncompleteSignatureException', act).message).toContain('128 characters');
  });
});

test('nobody has an access key without a name', () => {
  const act = () => parseSignature(signedBy(authorization.replace('AKIDEXAMPLE', '')));
  expect(refusal('UnrecognizedClientException', act).message).toBe(
    'The security token included in the request is invalid.',
  );
});

test.each(['test', 'my-key', 'key.id', '000000000000'])('access key %j is for the look-up to know', (accessKeyId) => {
  const { scope } = parseSignature(signedBy(authorization.replace('AKIDEXAMPLE', accessKeyId)));
  expect(scope.accessKeyId).toBe(accessKeyId);
});

test('whatever arrives is read or refused', () => {
  const piece = fc.constantFrom(
    ...['AWS4-HMAC-SHA256', 'Credential=', 'SignedHeaders=', 'Signature=', credential, 'host', ';', ',', ' ', '=', '/'],
  );
  const header = fc.oneof(
    fc.array(piece).map((pieces) => pieces.join('')),
    fc.string(),
    fc.string({ unit: 'binary' }),
  );
  const name = fc.constantFrom(
    'Authorization',
    'X-Amz-Date',
    'Date',
    'Host',
    'X-Amz-Target',
    'X-Amz-Security-Token',
    'A',
  );
  const value = fc.oneof(header, fc.constantFrom(...date, authorization, 'Sun, 30 Aug 2015 12:36:00 GMT'));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), fc.string(), (headers, target) => {
      try {
        parseSignature({ method: 'POST', target, rawHeaders: headers.flat(), body: new Uint8Array() });
      } catch (error) {
        expect(error).toBeInstanceOf(KeyholdError);
      }
    }),
    { numRuns: 2000 },
  );
});
