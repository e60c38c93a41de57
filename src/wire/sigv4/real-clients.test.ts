import { spawn, spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyholdError } from '../../runtime/errors.ts';
import { parseSignature } from './parse-signature.ts';
import type { SignedRequest } from './signed-request.ts';
import { exampleAccessKeyId, exampleSecretAccessKey } from './signing.test-helper.ts';
import { SigningKeyCache, SigningSecret } from './signing-key.ts';
import { verifySignature } from './verify-signature.ts';

const secretAccessKey = new SigningSecret(exampleSecretAccessKey);
const signingKeys = new SigningKeyCache();

function verify(request: SignedRequest, now: number): void {
  verifySignature(request, parseSignature(request), { secretAccessKey }, { service: 'kms', now, signingKeys });
}

// Required in CI, where a missing client is a failure and not a skipped test.
const hasBoto3 =
  process.env['KEYHOLD_REQUIRE_CLIENTS'] === '1' || spawnSync('python3', ['-c', 'import boto3']).status === 0;
const needsBoto3 = 'python3 with boto3 is not installed';

let server: Server;
let endpoint: string;
let accepted: SignedRequest[] = [];

beforeAll(async () => {
  server = createServer(async (incoming, response) => {
    const { method = '', url: target = '', rawHeaders } = incoming;
    const request = { method, target, rawHeaders, body: await buffer(incoming) };
    response.setHeader('Content-Type', 'application/x-amz-json-1.1');
    try {
      verify(request, Date.now());
      accepted.push(request);
      response.end('{"KeyId":"verified"}');
    } catch (error) {
      const code = error instanceof KeyholdError ? error.code : 'InternalFailure';
      response.writeHead(400).end(JSON.stringify({ __type: code, message: String(error) }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('a request over HTTP', () => {
  const input = { KeyId: 'alias/orders', NumberOfBytes: 32, EncryptionContext: { tenant: 'Müller & Söhne' } };

  test.each([undefined, 'FwoGZXIvYXdzEBYaD+/='])('of the JavaScript SDK, session token %s', async (sessionToken) => {
    accepted = [];
    const credentials = { accessKeyId: exampleAccessKeyId, secretAccessKey: exampleSecretAccessKey };
    const client = new KMSClient({
      endpoint,
      region: 'eu-central-1',
      maxAttempts: 1,
      credentials: sessionToken === undefined ? credentials : { ...credentials, sessionToken },
    });
    const answer = await client.send(new GenerateDataKeyCommand(input));
    client.destroy();
    expect(answer.KeyId).toBe('verified');
    expect(accepted.map((request) => parseSignature(request).sessionToken)).toEqual([sessionToken]);
  });

  test.for(['', 'FwoGZXIvYXdzEBYaD+/='])('of boto3, session token %j', async (sessionToken, { skip }) => {
    skip(!hasBoto3, needsBoto3);
    accepted = [];
    const output = await python(CALL_KMS, { endpoint, input, sessionToken, ...exampleCredentials });
    expect(output).toBe('verified');
    expect(accepted.map((request) => parseSignature(request).sessionToken ?? '')).toEqual([sessionToken]);
  });
});

describe("a request signed by botocore's signer", () => {
  const requests: [string, BotocoreRequest][] = [
    ['plain', { method: 'POST', target: '/', headers: [], body: '{}' }],
    ['GET without body', { method: 'GET', target: '/', headers: [], body: '' }],
    ['odd path', { method: 'GET', target: "/a//b/./c/../d%20e/~-_.!'()*:@&=+$,/", headers: [], body: '' }],
    ['path that climbs out', { method: 'GET', target: '/../../a/..', headers: [], body: '' }],
    ['unsorted query', { method: 'GET', target: '/?b=2&a-b=1&a=1&a=0&A=x', headers: [], body: '' }],
    ['encoded query', { method: 'GET', target: '/x?q=%20%2B%2F%C3%A4&empty=&none', headers: [], body: '' }],
    ['blanks in a value', { method: 'POST', target: '/', headers: [['X-Note', '  a   b \t c  "d   e" ']], body: 'x' }],
    [
      'a header that comes twice',
      {
        method: 'POST',
        target: '/',
        headers: [
          ['X-Note', 'second  first'],
          ['Content-Type', 'text/plain'],
          ['x-note', 'a'],
        ],
        body: '',
      },
    ],
    ['an empty header', { method: 'POST', target: '/', headers: [['X-Note', '']], body: '' }],
    [
      'Date instead of X-Amz-Date',
      { method: 'POST', target: '/', headers: [['Date', 'Sun, 06 Nov 1994 08:49:37 GMT']], body: 'x' },
    ],
  ];

  test.for(requests)('%s', async ([, request], { skip }) => {
    skip(!hasBoto3, needsBoto3);
    const headers = JSON.parse(await python(SIGN, { ...request, ...exampleCredentials })) as [string, string][];
    const rawHeaders = ['Host', 'kms.example.com', ...headers.flatMap(([name, value]) => [name, value.trim()])];
    const { method, target, body } = request;
    verify({ method, target, rawHeaders, body: Buffer.from(body) }, Date.now());
  });
});

interface BotocoreRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly [string, string][];
  readonly body: string;
}

const exampleCredentials = { accessKeyId: exampleAccessKeyId, secretAccessKey: exampleSecretAccessKey };

const CALL_KMS = `
import boto3
kms = boto3.client('kms', region_name='eu-central-1', endpoint_url=given['endpoint'],
    aws_access_key_id=given['accessKeyId'], aws_secret_access_key=given['secretAccessKey'],
    aws_session_token=given['sessionToken'] or None)
print(kms.generate_data_key(**given['input'])['KeyId'], end='')
`;

const SIGN = `
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
request = AWSRequest(given['method'], 'http://kms.example.com' + given['target'], data=given['body'])
for name, value in given['headers']:
    request.headers.add_header(name, value)
SigV4Auth(Credentials(given['accessKeyId'], given['secretAccessKey']), 'kms', 'eu-central-1').add_auth(request)
print(json.dumps(list(request.headers.items())))
`;

/** Runs a script that finds its input in `given`. @returns what it printed */
async function python(script: string, given: object): Promise<string> {
  const child = spawn('python3', ['-c', `import json, sys\ngiven = json.load(sys.stdin)\n${script}`]);
  child.stdin.end(JSON.stringify(given));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(errors).toBe('');
  return output;
}
