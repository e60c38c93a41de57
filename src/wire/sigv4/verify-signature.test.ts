import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { KeyholdError } from '../../runtime/errors.ts';
import { parseSignature } from './parse-signature.ts';
import type { SignedRequest } from './signed-request.ts';
import {
  exampleSecretAccessKey,
  generateDataKeyRequest,
  refusal,
  signingTime,
  signWithSdk,
  withHeader,
  withMoreHeaders,
  withoutHeader,
} from './signing.test-helper.ts';
import { SigningKeyCache, SigningSecret } from './signing-key.ts';
import { checkSignatureClaims, verifySignature } from './verify-signature.ts';

const secretAccessKey = new SigningSecret(exampleSecretAccessKey);
const signingKeys = new SigningKeyCache();

interface Circumstances {
  now?: number;
  service?: string;
  secret?: SigningSecret;
  keys?: SigningKeyCache;
}

function verify(request: SignedRequest, given: Circumstances = {}): void {
  verifySignature(
    request,
    parseSignature(request),
    { secretAccessKey: given.secret ?? secretAccessKey },
    { service: given.service ?? 'kms', now: given.now ?? signingTime, signingKeys: given.keys ?? signingKeys },
  );
}

let genuine: SignedRequest;
let genuineWithToken: SignedRequest;

beforeAll(async () => {
  genuine = await generateDataKeyRequest();
  genuineWithToken = await generateDataKeyRequest({ sessionToken: 'FwoGZXIvYXdzEBYaD=' });
});

describe('a genuine request is accepted', () => {
  test("from AWS's published example", () => {
    const request: SignedRequest = {
      method: 'GET',
      target: '/?Action=ListUsers&Version=2010-05-08',
      rawHeaders: [
        'Host',
        'iam.amazonaws.com',
        'Content-Type',
        'application/x-www-form-urlencoded; charset=utf-8',
        'X-Amz-Date',
        '20150830T123600Z',
        'Authorization',
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
      ],
      body: new Uint8Array(),
    };
    verify(request, { service: 'iam', now: Date.UTC(2015, 7, 30, 12, 36) });
  });

  test('from the SDK, again and again', () => {
    const keys = new SigningKeyCache();
    for (let time = 0; time < 3; time++) verify(genuine, { keys });
    expect(keys.size).toBe(1);
  });

  test('with a session token', () => {
    expect(parseSignature(genuineWithToken).sessionToken).toBe('FwoGZXIvYXdzEBYaD=');
    verify(genuineWithToken);
  });

  test('whatever a proxy does to the order, case and blanks of its headers', () => {
    const pairs = Array.from({ length: genuine.rawHeaders.length / 2 }, (_, index) =>
      genuine.rawHeaders.slice(2 * index, 2 * index + 2),
    );
    const reversed = pairs.reverse().flatMap(([name = '', value = '']) => [name.toUpperCase(), value]);
    verify(withHeader({ ...genuine, rawHeaders: reversed }, 'host', (value) => ` ${value}\t `));
  });

  test('whatever headers a proxy adds', () => {
    verify(withMoreHeaders(genuine, 'X-Forwarded-For', '192.0.2.1', 'X-Amz-Cf-Id', 'abc', 'X-Amzn-Trace-Id', 'Root=1'));
  });

  test('with bytes beyond ASCII in a signed header, which count as they came', () => {
    const bytes = Buffer.from('prüfung').toString('latin1');
    const scope = '20261122/eu-central-1/kms/aws4_request';
    const canonical = `POST\n/\n\nhost:h\nx-amz-date:20261122T101500Z\nx-note:prüfung\n\nhost;x-amz-date;x-note\n${sha256('')}`;
    const stringToSign = `AWS4-HMAC-SHA256\n20261122T101500Z\n${scope}\n${sha256(canonical)}`;
    let key: string | Buffer = `AWS4${exampleSecretAccessKey}`;
    for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
    const signature = createHmac('sha256', key).update(stringToSign).digest('hex');
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=host;x-amz-date;x-note, Signature=${signature}`;
    const rawHeaders = ['Host', 'h', 'X-Amz-Date', '20261122T101500Z', 'X-Note', bytes, 'Authorization', authorization];
    verify({ method: 'POST', target: '/', rawHeaders, body: new Uint8Array() });
  });

  test('from the SDK, whatever it signs', async () => {
    const visible = fc.string({ unit: fc.constantFrom(...'abAB019 \t-._~!"#$%&\'()*+,/:;<=>?@[]^`{|}') });
    const headerName = fc.constantFrom('Content-Type', 'X-Amz-Target', 'x-amz-meta-a', 'X-Custom', 'Accept', 'Range');
    const headers = fc.dictionary(headerName, visible);
    const path = fc
      .array(fc.constantFrom('', '.', '..', 'a', 'key', '%20', 'a%2Fb', '~', "!'()*", ':@&=+$,'), { maxLength: 6 })
      .map((segments) => `/${segments.join('/')}`);
    const queryText = fc.string({ unit: 'grapheme', maxLength: 8 });
    const queryName = queryText.filter((name) => name !== '__proto__' && !name.startsWith('X-Amz-'));
    const query = fc.dictionary(queryName, fc.oneof(queryText, fc.array(queryText, { minLength: 1, maxLength: 3 })));
    const body = fc.uint8Array({ maxLength: 300 });
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE');
    const sessionToken = fc.constantFrom('', 'FwoGZXIvYXdzEBYaD=');

    await fc.assert(
      fc.asyncProperty(fc.record({ method, path, query, headers, body, sessionToken }), async (request) => {
        verify(await signWithSdk(request));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a changed request is refused', () => {
  const changes: [string, (request: SignedRequest) => SignedRequest][] = [
    ['method', (request) => ({ ...request, method: 'PUT' })],
    ['method in another case', (request) => ({ ...request, method: 'post' })],
    ['path', (request) => ({ ...request, target: '/x' })],
    ['path made absolute', (request) => ({ ...request, target: 'http://kms.example.com/' })],
    ['query', (request) => ({ ...request, target: '/?a=1' })],
    ['body', (request) => ({ ...request, body: Buffer.from('{"KeyId":"alias/orders","NumberOfBytes":33}') })],
    ['body cut short', (request) => ({ ...request, body: request.body.subarray(1) })],
    ['body emptied', (request) => ({ ...request, body: new Uint8Array() })],
    ['host', (request) => withHeader(request, 'host', () => 'kms.example.org')],
    ['target', (request) => withHeader(request, 'x-amz-target', () => 'TrentService.ScheduleKeyDeletion')],
    ['content type', (request) => withHeader(request, 'content-type', () => 'application/x-amz-json-1.0')],
    ['time within the allowed skew', (request) => withHeader(request, 'x-amz-date', () => '20261122T101501Z')],
    ['payload hash', (request) => withHeader(request, 'x-amz-content-sha256', () => sha256('other'))],
    ['payload unsigned', (request) => withHeader(request, 'x-amz-content-sha256', () => 'UNSIGNED-PAYLOAD')],
    ['signed header removed', (request) => withoutHeader(request, 'content-type')],
    ['target removed', (request) => withoutHeader(request, 'x-amz-target')],
    ['host removed', (request) => withoutHeader(request, 'host')],
    ['signed header doubled', (request) => withMoreHeaders(request, 'Content-Type', 'text/plain')],
    ['signed header doubled with nothing', (request) => withMoreHeaders(request, 'Content-Type', '')],
    ['region', (request) => withHeader(request, 'authorization', replacing('eu-central-1', 'eu-west-1'))],
    ['signature', (request) => withHeader(request, 'authorization', lastCharacterChanged)],
    ['signature cut short', (request) => withHeader(request, 'authorization', (value) => value.slice(0, -1))],
    ['signature longer', (request) => withHeader(request, 'authorization', (value) => `${value}0`)],
    [
      'signature in upper case',
      (request) =>
        withHeader(request, 'authorization', (value) => value.replace(/[0-9a-f]+$/, (hex) => hex.toUpperCase())),
    ],
    ['signature ending beyond ASCII', (request) => withHeader(request, 'authorization', lastCharacterMoved(0x80))],
    ['signature ending beyond Latin-1', (request) => withHeader(request, 'authorization', lastCharacterMoved(0x100))],
    ['signed header dropped', (request) => withHeader(request, 'authorization', replacing('content-type;', ''))],
    ['signed header added', (request) => withHeader(request, 'authorization', replacing('host;', 'host;range;'))],
    [
      'signed headers out of order',
      (request) => withHeader(request, 'authorization', replacing('content-type;host;', 'host;content-type;')),
    ],
    ['signed header twice', (request) => withHeader(request, 'authorization', replacing('host;', 'host;host;'))],
    [
      'signed header in upper case',
      (request) => withHeader(request, 'authorization', replacing('content-type', 'Content-Type')),
    ],
  ];

  test.each(changes)('%s', (_, change) => {
    verify(genuine);
    const message = refusal('InvalidSignatureException', () => verify(change(genuine))).message;
    expect(message).toMatch(/^The request signature we calculated does not match/);
  });

  test('in any bit of what was signed', () => {
    const signedValues = genuine.rawHeaders.map((_, index) => index).filter((index) => index % 2 === 1);
    fc.assert(
      fc.property(fc.constantFrom(...signedValues), fc.nat(), fc.nat(7), (header, position, bit) => {
        const rawHeaders = [...genuine.rawHeaders];
        const bytes = Buffer.from(rawHeaders[header] as string, 'latin1');
        const index = position % bytes.length;
        bytes[index] = (bytes[index] as number) ^ (1 << bit);
        rawHeaders[header] = bytes.toString('latin1');
        // The access key id is the caller's to look up; here every id has the same secret, so it must not be changed.
        const parsedId = /Credential=([^/]*)\//.exec(rawHeaders[header] as string)?.[1];
        fc.pre(parsedId === undefined || parsedId === 'AKIDEXAMPLE');
        expect(() => verify({ ...genuine, rawHeaders })).toThrow(KeyholdError);
      }),
      { numRuns: 3000 },
    );
  });

  test('in any bit of the body', () => {
    fc.assert(
      fc.property(fc.nat(genuine.body.length - 1), fc.nat(7), (index, bit) => {
        const body = Buffer.from(genuine.body);
        body[index] = (body[index] as number) ^ (1 << bit);
        refusal('InvalidSignatureException', () => verify({ ...genuine, body }));
      }),
    );
  });

  test("by another credential's secret, also once the right one is cached", () => {
    const keys = new SigningKeyCache();
    verify(genuine, { keys });
    refusal('InvalidSignatureException', () => verify(genuine, { keys, secret: new SigningSecret('another') }));
    verify(genuine, { keys });
  });

  test('and leaves no signing key behind', () => {
    const keys = new SigningKeyCache();
    refusal('InvalidSignatureException', () => verify({ ...genuine, target: '/x' }, { keys }));
    expect(keys.size).toBe(0);
  });

  test("in AWS's words, without the signature that would have been right", () => {
    const changed = withoutHeader(
      withHeader(genuine, 'authorization', () => {
        const names = 'content-type;host;x-amz-date;x-amz-target';
        return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/kms/aws4_request, SignedHeaders=${names}, Signature=${'0'.repeat(64)}`;
      }),
      'x-amz-content-sha256',
    );
    const canonical = [
      'POST',
      '/',
      '',
      'content-type:application/x-amz-json-1.1',
      'host:kms.example.com',
      'x-amz-date:20261122T101500Z',
      'x-amz-target:TrentService.GenerateDataKey',
      '',
      'content-type;host;x-amz-date;x-amz-target',
      sha256(Buffer.from(genuine.body).toString()),
    ].join('\n');
    const stringToSign = `AWS4-HMAC-SHA256\n20261122T101500Z\n20261122/eu-central-1/kms/aws4_request\n${sha256(canonical)}`;
    expect(refusal('InvalidSignatureException', () => verify(changed)).message).toBe(
      'The request signature we calculated does not match the signature you provided. ' +
        'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n' +
        `The Canonical String for this request should have been\n'${canonical}'\n\n` +
        `The String-to-Sign should have been\n'${stringToSign}'\n`,
    );
  });
});

describe('headers that must be signed', () => {
  test('the host', () => {
    const message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    const notNamed = withHeader(genuine, 'authorization', replacing('host;', ''));
    expect(refusal('InvalidSignatureException', () => verify(notNamed)).message).toBe(message);
    const nothingNamed = withHeader(genuine, 'authorization', (value) =>
      value.replace(/SignedHeaders=[^,]*/, 'SignedHeaders='),
    );
    expect(refusal('InvalidSignatureException', () => verify(nothingNamed)).message).toBe(message);
  });

  test('X-Amz-Target, or anybody could ask for another operation', async () => {
    const withoutTarget = await signWithSdk({ body: Buffer.from('{}') });
    verify(withoutTarget);
    const injected = withMoreHeaders(withoutTarget, 'X-Amz-Target', 'TrentService.ScheduleKeyDeletion');
    expect(refusal('InvalidSignatureException', () => verify(injected)).message).toBe(
      "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.",
    );
  });

  test.each(['FwoG', ''])('X-Amz-Security-Token: %s, or anybody could ask in another session', (token) => {
    const injected = withMoreHeaders(genuine, 'X-Amz-Security-Token', token);
    expect(refusal('InvalidSignatureException', () => verify(injected)).message).toBe(
      "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.",
    );
  });

  test('an exchanged session token does not match', () => {
    const exchanged = withHeader(genuineWithToken, 'x-amz-security-token', () => 'another');
    refusal('InvalidSignatureException', () => verify(exchanged));
  });
});

describe('the clock', () => {
  const minute = 60_000;

  test.each([0, -5 * minute, 5 * minute, -5 * minute + 1, 5 * minute + 999])('may differ by %d ms', (skew) => {
    verify(genuine, { now: signingTime + skew });
  });

  test.each([
    [
      5 * minute + 1000,
      'Signature expired: 20261122T101500Z is now earlier than 20261122T101501Z (20261122T102001Z - 5 min.)',
    ],
    [
      15 * minute,
      'Signature expired: 20261122T101500Z is now earlier than 20261122T102500Z (20261122T103000Z - 5 min.)',
    ],
    [
      -5 * minute - 1,
      'Signature not yet current: 20261122T101500Z is still later than 20261122T101459Z (20261122T100959Z + 5 min.)',
    ],
    [
      -15 * minute,
      'Signature not yet current: 20261122T101500Z is still later than 20261122T100500Z (20261122T100000Z + 5 min.)',
    ],
  ])('may not differ by %d ms', (skew, message) => {
    const refused = refusal('InvalidSignatureException', () => verify(genuine, { now: signingTime + skew }));
    expect(refused.message).toBe(message);
  });

  test('is looked at before the scope', () => {
    const act = () => verify(genuine, { now: signingTime + 6 * minute, service: 'iam' });
    expect(refusal('InvalidSignatureException', act).message).toMatch(/^Signature expired/);
  });
});

describe('the scope', () => {
  const badTerminator = "Credential should be scoped with a valid terminator: 'aws4_request', not 'foo'. ";
  const badDate =
    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261121' != '20261122', from '20261122T101500Z'.";
  const badRegion = 'Credential should be scoped to a valid region. ';
  const badService = "Credential should be scoped to correct service: 'kms'. ";

  test.each([
    ['20261121/eu-central-1/kms/aws4_request', badDate],
    ['20261122/eu-central-1/kms/foo', badTerminator],
    ['20261122/eu-central-1/iam/aws4_request', badService],
    ['20261122/eu-central-1/KMS/aws4_request', badService],
    ['20261122//kms/aws4_request', badRegion],
    ['20261122/EU/kms/aws4_request', badRegion],
    ['20261122/1eu/kms/aws4_request', badRegion],
    ['20261122/eu_central/kms/aws4_request', badRegion],
    [`20261122/${'e'.repeat(33)}/kms/aws4_request`, badRegion],
    ['20261121/EU/iam/foo', badRegion + badService + badTerminator + badDate],
  ])('%s', (scope, message) => {
    const scoped = withHeader(genuine, 'authorization', replacing('20261122/eu-central-1/kms/aws4_request', scope));
    expect(refusal('InvalidSignatureException', () => verify(scoped)).message).toBe(message);
  });

  test('is refused without the secret, too', () => {
    const parsed = parseSignature(genuine);
    const act = () => checkSignatureClaims(parsed, { service: 'iam', now: signingTime });
    expect(refusal('InvalidSignatureException', act).message).toBe(
      "Credential should be scoped to correct service: 'iam'. ",
    );
    expect(() => checkSignatureClaims(parsed, { service: 'kms', now: signingTime })).not.toThrow();
  });
});

test('whatever arrives is refused with an error of ours', () => {
  const pieces = genuine.rawHeaders.flatMap((text) => text.split(/(?=[,;/= ])/));
  const text = fc.oneof(
    fc.constantFrom(...genuine.rawHeaders),
    fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((some) => some.join('')),
    fc.string({ unit: 'binary' }),
  );
  const spoilt = fc.tuple(fc.nat(genuine.rawHeaders.length - 1), text).map(([index, replacement]) => {
    return genuine.rawHeaders.with(index, replacement);
  });
  const request = fc.record({
    method: fc.string(),
    target: fc.oneof(fc.constant('/'), fc.string(), fc.string({ unit: 'binary' })),
    rawHeaders: fc.oneof(spoilt, fc.array(text)),
    body: fc.uint8Array({ maxLength: 20 }),
  });
  fc.assert(
    fc.property(request, (arrived) => {
      expect(() => verify(arrived)).toThrow(KeyholdError);
    }),
    { numRuns: 3000 },
  );
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function replacing(from: string, to: string): (value: string) => string {
  return (value) => value.replace(from, to);
}

function lastCharacterChanged(value: string): string {
  return value.slice(0, -1) + (value.endsWith('0') ? '1' : '0');
}

/** The last character replaced by one that is the same in its low bits. */
function lastCharacterMoved(offset: number): (value: string) => string {
  return (value) => value.slice(0, -1) + String.fromCharCode(value.charCodeAt(value.length - 1) + offset);
}
