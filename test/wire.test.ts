import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { CreateAliasCommand, type KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NewKey, newKey, noSuchKeyId } from './support/kms.ts';
import { type RawAnswer, type RawRequest, rawRequest, type Signing } from './support/raw-request.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let kms: KMSClient;
let key: NewKey;

beforeAll(async () => {
  server = await startServer();
  kms = server.kms();
  key = await newKey(kms);
});

afterAll(() => cleanUp(server));

const send = (options: RawRequest) => rawRequest(server, options);
const call = (operation: string, input: object) => send({ operation, body: JSON.stringify(input) });
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

/** An error as AWS JSON 1.1 has it: status 400, the type in the body and in a header. */
function expectError(answer: RawAnswer, type: string, message?: unknown, member = 'message'): void {
  expect(answer.json()).toEqual({ __type: type, ...(message === undefined ? {} : { [member]: message }) });
  expect(answer.status).toBe(400);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-errortype': type,
    'x-amzn-requestid': uuid,
  });
}

describe('an answer', () => {
  test('is AWS JSON 1.1 with a request id of its own', async () => {
    const { status, headers, json } = await call('DescribeKey', { KeyId: key.id });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': uuid });
    expect(headers).not.toHaveProperty('x-amzn-errortype');
    const { KeyMetadata } = json() as { KeyMetadata: Record<string, unknown> };
    // Times are seconds since the epoch.
    expect(KeyMetadata['CreationDate']).toBeGreaterThan(1_700_000_000);
    expect(KeyMetadata['CreationDate']).toBeLessThan(1e10);
    const another = await call('DescribeKey', { KeyId: key.id });
    expect(another.headers['x-amzn-requestid']).not.toBe(headers['x-amzn-requestid']);
  });

  test('has blobs in base64', async () => {
    const { json } = await call('Encrypt', { KeyId: key.id, Plaintext: Buffer.from('secret').toString('base64') });
    const { CiphertextBlob } = json() as { CiphertextBlob: string };
    expect(Buffer.from(CiphertextBlob, 'base64').toString('base64')).toBe(CiphertextBlob);
    const decrypted = await call('Decrypt', { CiphertextBlob });
    expect(decrypted.json()).toMatchObject({ Plaintext: 'c2VjcmV0' });
  });

  test('without members has no body', async () => {
    const { status, headers, body } = await call('EnableKey', { KeyId: key.id });
    expect({ status, body, length: headers['content-length'] }).toEqual({ status: 200, body: '', length: '0' });
    expect(headers['x-amzn-requestid']).toEqual(uuid);
  });
});

describe('a refusal', () => {
  test('has its type and its message', async () => {
    expectError(
      await call('DescribeKey', { KeyId: noSuchKeyId }),
      'NotFoundException',
      `Key 'arn:aws:kms:us-east-1:${server.accountId}:key/${noSuchKeyId}' does not exist`,
    );
  });

  test('to decrypt says no more than that', async () => {
    const CiphertextBlob = randomBytes(120).toString('base64');
    expectError(await call('Decrypt', { CiphertextBlob }), 'InvalidCiphertextException');
  });

  test('for want of permission spells its member as AWS does', async () => {
    const KeyId = `arn:aws:kms:us-east-1:123456789012:key/${noSuchKeyId}`;
    expectError(
      await call('DescribeKey', { KeyId }),
      'AccessDeniedException',
      expect.stringMatching(/^User: /),
      'Message',
    );
  });
});

describe('a body', () => {
  const bodies: [string, string | Buffer][] = [
    ['is empty', ''],
    ['is cut short', '{"KeyId":'],
    ['has something behind it', '{} {}'],
    ['has a comment', '{/* */}'],
    ['has a comma too many', '{"KeyId":"a",}'],
    ['is null', 'null'],
    ['is a string', '"KeyId"'],
    ['is not UTF-8', Buffer.from('{"KeyId":"\xff"}', 'latin1')],
    ['begins with a byte order mark', '\ufeff{}'],
    ['is no JSON at all', randomBytes(200)],
    ['nests without end', '['.repeat(500_000)],
  ];

  test.each(bodies)('that %s is a SerializationException', async (_, body) => {
    const answer = await send({ operation: 'DescribeKey', body });
    expect(answer.json()).toMatchObject({ __type: 'SerializationException' });
    expect(answer.status).toBe(400);
    expect(answer.headers['x-amzn-errortype']).toBe('SerializationException');
  });

  const inputs: [string, operation: string, object, message: string][] = [
    ['a number for a string', 'DescribeKey', { KeyId: 5 }, 'NUMBER_VALUE can not be converted to a String'],
    ['a string for a number', 'ListKeys', { Limit: '5' }, 'STRING_VALUE can not be converted to an Integer'],
    ['a list for a string', 'DescribeKey', { KeyId: ['a'] }, 'Start of list found where not expected'],
    ['a map for a string', 'DescribeKey', { KeyId: {} }, 'Start of structure or map found where not expected.'],
    ['a string for a list', 'TagResource', { KeyId: 'x', Tags: 'a' }, 'Expected list or null'],
    ['a list for a map', 'Encrypt', { EncryptionContext: [] }, 'Start of list found where not expected'],
    ['a number in a map', 'Encrypt', { EncryptionContext: { a: 1 } }, 'NUMBER_VALUE can not be converted to a String'],
    ['what is not base64', 'Encrypt', { Plaintext: '?' }, 'STRING_VALUE can not be converted to a Blob'],
    ['a string for a boolean', 'Encrypt', { DryRun: 'true' }, 'STRING_VALUE can not be converted to an Boolean'],
    [
      'half a character',
      'Encrypt',
      { EncryptionContext: { a: '\ud800' } },
      'STRING_VALUE can not be converted to a String',
    ],
  ];

  test.each(inputs)('with %s is a SerializationException', async (_, operation, input, message) => {
    expectError(await call(operation, input), 'SerializationException', message, 'Message');
  });

  test('may have members that nobody knows, and null for those that are absent', async () => {
    const { status } = await call('DescribeKey', {
      KeyId: key.id,
      GrantTokens: null,
      Colour: 'red',
      __proto__: { a: 1 },
    });
    expect(status).toBe(200);
  });

  test('may give a name twice, and then the last one counts', async () => {
    const { status } = await send({ operation: 'DescribeKey', body: `{"KeyId":"${noSuchKeyId}","KeyId":"${key.id}"}` });
    expect(status).toBe(200);
  });

  test('lacking every required member is told of each', async () => {
    expectError(
      await call('CreateAlias', {}),
      'ValidationException',
      "2 validation errors detected: Value null at 'aliasName' failed to satisfy constraint: Member must not be null; " +
        "Value null at 'targetKeyId' failed to satisfy constraint: Member must not be null",
    );
    // Of a sensitive member not even that it is null.
    expectError(
      await call('Encrypt', { KeyId: key.id }),
      'ValidationException',
      "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must not be null",
    );
  });

  test.each(['__proto__', 'constructor', 'toString'])(
    'may have %s as a name in an encryption context',
    async (name) => {
      const context = `{"${name}":"x"}`;
      const encrypted = await send({
        operation: 'Encrypt',
        body: `{"KeyId":"${key.id}","Plaintext":"c2VjcmV0","EncryptionContext":${context}}`,
      });
      const { CiphertextBlob } = encrypted.json() as { CiphertextBlob: string };
      const decrypt = (more: string) =>
        send({ operation: 'Decrypt', body: `{"CiphertextBlob":"${CiphertextBlob}"${more}}` });
      expect((await decrypt(`,"EncryptionContext":${context}`)).json()).toMatchObject({ Plaintext: 'c2VjcmV0' });
      expectError(await decrypt(''), 'InvalidCiphertextException');
      expectError(await decrypt(`,"EncryptionContext":{"${name}":"y"}`), 'InvalidCiphertextException');
    },
  );

  const MiB = 1024 * 1024;
  const padded = (length: number) => {
    const body = `{"KeyId":"${key.id}"}`;
    return body + ' '.repeat(length - body.length);
  };

  test('of 1 MiB is read', async () => {
    expect((await send({ operation: 'DescribeKey', body: padded(MiB) })).status).toBe(200);
  });

  test('of more than 1 MiB is refused, and nothing else is', async () => {
    const alias = { AliasName: 'alias/after-large-bodies', TargetKeyId: key.id };
    const chunked = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
    const large = [
      { body: padded(MiB + 1) },
      { body: padded(MiB + 1), headers: chunked },
      { body: padded(8 * MiB) },
      { body: padded(8 * MiB), headers: chunked },
    ];
    for (const options of large) {
      const answer = await send({ operation: 'DescribeKey', ...options });
      expect(answer.status).toBe(413);
      expect(answer.json()).toEqual({ __type: 'RequestEntityTooLargeException', message: expect.any(String) });
      expect(answer.headers).toMatchObject({
        'content-type': 'application/x-amz-json-1.1',
        'x-amzn-errortype': 'RequestEntityTooLargeException',
        'x-amzn-requestid': uuid,
        connection: 'close',
      });
    }
    await kms.send(new CreateAliasCommand(alias));
  });
});

describe('an operation that is not there', () => {
  const requests: [string, RawRequest][] = [
    ['by name', { operation: 'EncryptEverything' }],
    ['by its letters', { operation: 'encrypt' }],
    ['by inheritance', { operation: 'constructor' }],
    ['by no name', { operation: '' }],
    ['by no target', { headers: { 'x-amz-target': undefined } }],
    ['by another method', { operation: 'ListKeys', method: 'PUT' }],
    ['by GET', { operation: 'ListKeys', method: 'GET' }],
    ['by another path', { operation: 'ListKeys', path: '/keys' }],
    ['by another service', { headers: { 'x-amz-target': 'DynamoDB_20120810.ListTables' } }],
    ['by a service of later', { headers: { 'x-amz-target': 'secretsmanager.ListSecrets' } }],
  ];

  test.each(requests)('%s', async (_, options) => {
    expectError(await send(options), 'UnknownOperationException');
  });
});

describe('a signature', () => {
  const signed = (signing: Signing, more: Partial<RawRequest> = {}) =>
    send({ operation: 'DescribeKey', body: JSON.stringify({ KeyId: key.id }), signing, ...more });
  const minutesFromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000);

  test('that is missing', async () => {
    expectError(
      await send({ operation: 'ListKeys', signing: false }),
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
    );
  });

  test('of four minutes ago, or in four minutes, is good', async () => {
    for (const minutes of [-4, 0, 4]) expect((await signed({ at: minutesFromNow(minutes) })).status).toBe(200);
  });

  const refused: [string, () => Signing, type: string, message: RegExp][] = [
    [
      'of six minutes ago',
      () => ({ at: minutesFromNow(-6) }),
      'InvalidSignatureException',
      /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
    ],
    [
      'in six minutes',
      () => ({ at: minutesFromNow(6) }),
      'InvalidSignatureException',
      /^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)$/,
    ],
    [
      'with another secret',
      () => ({ secretAccessKey: 'x'.repeat(40) }),
      'InvalidSignatureException',
      /^The request signature we calculated does not match the signature you provided\. Check your AWS Secret Access Key and signing method\. Consult the service documentation for details\.\n\nThe Canonical String for this request should have been\n'POST\n\/\n/,
    ],
    [
      'of an access key that is not there',
      () => ({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }),
      'UnrecognizedClientException',
      /^The security token included in the request is invalid\.$/,
    ],
    [
      'with a session token that nobody gave',
      () => ({ sessionToken: 'FwoGZXIvYXdzEBYaD' }),
      'UnrecognizedClientException',
      /^The security token included in the request is invalid\.$/,
    ],
    [
      'for another service',
      () => ({ service: 's3' }),
      'InvalidSignatureException',
      /^Credential should be scoped to correct service: 'kms'\. $/,
    ],
    [
      'for no Region',
      () => ({ region: '' }),
      'InvalidSignatureException',
      /^Credential should be scoped to a valid region\. $/,
    ],
    [
      'for another day',
      () => ({ scopeDate: '20200101' }),
      'InvalidSignatureException',
      /^Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP/,
    ],
  ];

  test('with another terminator', async () => {
    const at = new Date();
    const scope = `${at.toISOString().slice(0, 10).replaceAll('-', '')}/us-east-1/kms/aws5_request`;
    const authorization =
      `AWS4-HMAC-SHA256 Credential=${server.credentials.accessKeyId}/${scope}, ` +
      `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}`;
    expectError(
      await signed({ at }, { headers: { authorization } }),
      'InvalidSignatureException',
      "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ",
    );
  });

  test.each(refused)('%s', async (_, signing, type, message) => {
    expectError(await signed(signing()), type, expect.stringMatching(message));
  });

  const changed: [string, () => Partial<RawRequest>][] = [
    ['the body', () => ({ bodySent: JSON.stringify({ KeyId: noSuchKeyId }) })],
    ['the target', () => ({ headers: { 'x-amz-target': 'TrentService.DisableKey' } })],
    ['the host', () => ({ headers: { host: 'kms.example.com' } })],
    ['the content type', () => ({ headers: { 'content-type': 'application/json' } })],
  ];

  test.each(changed)('does not fit any more where %s was changed', async (_, change) => {
    expectError(
      await signed({}, change()),
      'InvalidSignatureException',
      expect.stringMatching(/^The request signature we calculated does not match/),
    );
  });

  test.each([
    'AWS4-HMAC-SHA256',
    'Basic dXNlcjpwYXNz',
    'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0',
  ])('that is no signature: %s', async (authorization) => {
    const answer = await send({ operation: 'ListKeys', headers: { authorization } });
    expectError(answer, 'IncompleteSignatureException', expect.any(String));
  });
});

describe('what is not the API', () => {
  test('GET /health tells that the server lives, without a signature', async () => {
    const { status, json } = await send({ method: 'GET', path: '/health', signing: false });
    expect(status).toBe(200);
    expect(json()).toEqual({ status: 'ok', worker: 0 });
  });

  test('the clock of the sandbox is not there', async () => {
    for (const method of ['GET', 'POST']) {
      const body = '{"advanceSeconds":1}';
      const answer = await send({ method, path: '/_sandbox/clock', body, signing: false });
      expectError(answer, 'UnknownOperationException');
    }
  });

  test('what is not even HTTP does no harm', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.end('\x16\x03\x01 hello\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await send({ method: 'GET', path: '/health', signing: false })).status).toBe(200);
  });
});
