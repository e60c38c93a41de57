import type { Dice } from './dice.ts';
import { flipped, type Json, mutateJson, mutateJsonText } from './json-mutations.ts';
import { apiRequest, bytesOf, readRequest } from './raw-http.ts';
import { isoBasic, type Signer, type WireRequest } from './sign.ts';

/** A request that a client would send, and that is answered with 200 as it is. */
export interface Template {
  readonly operation: string;
  readonly body: { readonly [name: string]: Json };
}

export interface Mutant {
  /** How it came about, for the message of a failure. */
  readonly kind: string;
  readonly bytes: Buffer;
  /** What it says if it is one well-framed request; undefined if a server may make of it what it will. */
  readonly request: WireRequest | undefined;
}

export interface MutationContext {
  readonly host: string;
  readonly sign: Signer;
  readonly accessKeyId: string;
  readonly templates: readonly Template[];
  /** Those that change something, which cost the server a write to the disk: one mutant in twelve is made of them. */
  readonly changeTemplates: readonly Template[];
  /** Operations that any of the templates may be sent to without harm. */
  readonly harmlessOperations: readonly string[];
  readonly now: () => number;
}

type Headers = readonly (readonly [string, string])[];
type Mutation = (context: MutationContext, template: Template, dice: Dice) => WireRequest | Buffer;

const MINUTE_MS = 60_000;
/** What the server takes at most. */
const MOST_BODY_BYTES = 1024 * 1024;

/** Each kind of mutation, and how many in a hundred there are of it. */
const mutations: readonly (readonly [share: number, kind: string, mutate: Mutation])[] = [
  [1, 'none', signed],
  [
    27,
    'json, signed again',
    (context, template, dice) => signedJson(context, template, mutateJson(template.body, dice)),
  ],
  [
    9,
    'json text, signed again',
    (context, template, dice) => signedBody(context, template, mutateJsonText(JSON.stringify(template.body), dice)),
  ],
  [
    5,
    'json, not signed again',
    (context, template, dice) =>
      withBody(signed(context, template), Buffer.from(JSON.stringify(mutateJson(template.body, dice)))),
  ],
  [
    4,
    'body bytes, not signed again',
    (context, template, dice) => {
      const request = signed(context, template);
      return withBody(request, flipped(request.body, dice));
    },
  ],
  [17, 'headers', mutateHeaders],
  [5, 'headers, signed again', mutateHeadersThenSign],
  [14, 'authorization', mutateAuthorization],
  [5, 'dates', mutateDates],
  [5, 'method, target and operation', mutateTarget],
  [6, 'bytes anywhere', (context, template, dice) => flipped(bytesOf(signed(context, template)), dice)],
  [2, 'malformed http', malformed],
];

const bag = mutations.flatMap(([share, kind, mutate]) => Array.from({ length: share }, () => ({ kind, mutate })));

export function mutant(context: MutationContext, dice: Dice): Mutant {
  const { kind, mutate } = dice.pick(bag);
  const template = dice.pick(dice.chance(12) ? context.changeTemplates : context.templates);
  const made = mutate(context, template, dice);
  const bytes = Buffer.isBuffer(made) ? made : bytesOf(made);
  return { kind: `${template.operation}: ${kind}`, bytes, request: readRequest(bytes) };
}

function signed({ host, sign, now }: MutationContext, { operation, body }: Template): WireRequest {
  return sign(apiRequest(host, operation, JSON.stringify(body)), { at: new Date(now()) });
}

function signedJson(context: MutationContext, template: Template, body: Json): WireRequest {
  return signedBody(context, template, Buffer.from(JSON.stringify(body)));
}

function signedBody({ host, sign, now }: MutationContext, { operation }: Template, body: Buffer): WireRequest {
  return sign(apiRequest(host, operation, body), { at: new Date(now()) });
}

/** Another body under the old signature, with a Content-Length that fits it. */
function withBody(request: WireRequest, body: Buffer): WireRequest {
  return { ...request, headers: replaced(request.headers, 'Content-Length', String(body.length)), body };
}

function replaced(headers: Headers, name: string, value: string): Headers {
  return headers.map((header) => (header[0] === name ? [name, value] : header));
}

const STRANGE_HEADERS: Headers = [
  ['X-Amz-Target', 'TrentService.ListKeys'],
  ['X-Amz-Target', ''],
  ['X-Amz-Security-Token', 'token'],
  ['X-Amz-Security-Token', ''],
  ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD'],
  ['X-Amz-Content-Sha256', '0'.repeat(64)],
  ['X-Amz-Date', '20260101T000000Z'],
  ['Date', 'Sun, 22 Nov 2026 10:00:00 GMT'],
  ['Authorization', 'AWS4-HMAC-SHA256'],
  ['Authorization', 'Basic dXNlcjpwYXNz'],
  ['Host', 'elsewhere.example.com'],
  ['Content-Type', 'application/x-amz-json-1.0'],
  ['Content-Type', 'text/plain'],
  ['Content-Encoding', 'gzip'],
  ['User-Agent', 'x'.repeat(2000)],
  ['User-Agent', '\xe9\xff'],
  ['X-Forwarded-For', '127.0.0.1'],
  ['X-HTTP-Method-Override', 'GET'],
  ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['Accept', '*/*'],
  ['X-Amzn-Trace-Id', 'Root=1-1-1'],
  ['Amz-Sdk-Request', 'attempt=1'],
  ['X-Long', 'y'.repeat(12_000)],
  ['X-Too-Long', 'y'.repeat(17_000)],
  ['Connection', 'close'],
  ['Content-Length', '0'],
  ['Content-Length', '5'],
  ['Transfer-Encoding', 'chunked'],
  ['Expect', '100-continue'],
  ['Upgrade', 'h2c'],
];

function mutateHeaders(context: MutationContext, template: Template, dice: Dice): WireRequest {
  const request = signed(context, template);
  let headers = request.headers;
  for (let more = 1 + dice.number(2); more > 0; more--) headers = mutatedHeaders(headers, dice);
  return { ...request, headers };
}

function mutateHeadersThenSign({ host, sign, now }: MutationContext, template: Template, dice: Dice): WireRequest {
  const request = apiRequest(host, template.operation, JSON.stringify(template.body));
  return sign({ ...request, headers: mutatedHeaders(request.headers, dice) }, { at: new Date(now()) });
}

function mutatedHeaders(headers: Headers, dice: Dice): Headers {
  const at = dice.number(headers.length);
  const [name, value] = headers[at] as readonly [string, string];
  const change = (to: readonly [string, string]): Headers =>
    headers.map((header, index) => (index === at ? to : header));
  switch (dice.number(9)) {
    case 0:
      return headers.filter((_, index) => index !== at);
    case 1:
      return [...headers, [dice.pick([name, name.toUpperCase(), name.toLowerCase()]), dice.pick([value, 'x', ''])]];
    case 2:
      return change([dice.pick([name.toUpperCase(), name.toLowerCase(), `X-${name}`, `${name}-`]), value]);
    case 3:
      return change([name, dice.pick(['', ' ', `  ${value}\t`, value.replaceAll(' ', '  '), value.toUpperCase()])]);
    case 4:
      return change([name, flipped(Buffer.from(value, 'latin1'), dice).toString('latin1')]);
    case 5:
      return change([name, value.slice(0, dice.number(value.length + 1))]);
    case 6: {
      const other = dice.number(headers.length);
      return headers.map((header, index) => headers[index === at ? other : index === other ? at : index] ?? header);
    }
    case 7: {
      const [, otherValue] = dice.pick(headers);
      return change([name, otherValue]);
    }
    default: {
      const more = dice.pick(STRANGE_HEADERS);
      return dice.chance(2) ? [...headers, more] : [more, ...headers];
    }
  }
}

/** Another Authorization header under an otherwise untouched request. */
function mutateAuthorization(context: MutationContext, template: Template, dice: Dice): WireRequest {
  const request = signed(context, template);
  const authorization = request.headers.find(([name]) => name === 'Authorization')?.[1] ?? '';
  return { ...request, headers: replaced(request.headers, 'Authorization', mutatedAuthorization(authorization, dice)) };
}

function mutatedAuthorization(authorization: string, dice: Dice): string {
  const [, algorithm = '', credential = '', names = '', signature = ''] =
    /^(\S+) Credential=(\S+), SignedHeaders=(\S+), Signature=(\S+)$/.exec(authorization) ?? [];
  const scope = credential.split('/');
  const signedNames = names.split(';');
  const at = dice.number(5);
  const scopeWith = (part: string) => scope.map((old, index) => (index === at ? part : old)).join('/');
  const written = (parts: { algorithm?: string; credential?: string; names?: string; signature?: string }) =>
    `${parts.algorithm ?? algorithm} Credential=${parts.credential ?? credential}, ` +
    `SignedHeaders=${parts.names ?? names}, Signature=${parts.signature ?? signature}`;
  const digit = dice.number(64);
  switch (dice.number(14)) {
    case 0:
      return written({
        credential: scopeWith(dice.pick(['', 'x', 'KMS', 's3', 'aws4_request', 'us-west-2', '20260101'])),
      });
    case 1:
      return written({ credential: scopeWith(flipped(Buffer.from(scope[at] ?? ''), dice).toString('latin1')) });
    case 2:
      return written({ credential: scopeWith('A'.repeat(dice.number(9000))) });
    case 3:
      return written({ credential: dice.pick([scope.slice(0, at).join('/'), `${credential}/`, `/${credential}`]) });
    case 4:
      return written({ names: signedNames.filter((_, index) => index !== at).join(';') });
    case 5:
      return written({
        names: dice.pick([
          '',
          ';',
          names.toUpperCase(),
          `${names};`,
          `${names};x-more`,
          signedNames.reverse().join(';'),
        ]),
      });
    case 6:
      return written({ names: Array.from({ length: dice.number(300) }, (_, index) => `h${index}`).join(';') });
    case 7:
      return written({
        signature: signature.slice(0, digit) + dice.pick([...'0123456789abcdefg']) + signature.slice(digit + 1),
      });
    case 8:
      return written({
        signature: dice.pick([
          signature.toUpperCase(),
          signature.slice(0, digit),
          `${signature}0`,
          '',
          `0x${signature}`,
          '0'.repeat(64),
        ]),
      });
    case 9:
      return written({
        algorithm: dice.pick([
          'AWS4-HMAC-SHA1',
          'AWS4-ECDSA-P256-SHA256',
          'aws4-hmac-sha256',
          'AWS3',
          'Bearer',
          'none',
        ]),
      });
    case 10:
      return dice.pick([
        `${algorithm} Signature=${signature},SignedHeaders=${names},Credential=${credential}`,
        `${algorithm}  Credential=${credential} SignedHeaders=${names} Signature=${signature}`,
        `${algorithm} Credential=${credential}, Signature=${signature}, SignedHeaders=${names}, Signature=${'0'.repeat(64)}`,
        `${algorithm} Credential=${credential}, SignedHeaders=${names}`,
        `${algorithm} ${credential}`,
      ]);
    case 11:
      return authorization.slice(0, dice.number(authorization.length));
    case 12:
      return authorization + authorization.repeat(dice.number(30));
    default:
      return flipped(Buffer.from(authorization), dice).toString('latin1');
  }
}

/** Moments around the edges of what is still current, signed as such, and dates that are none. */
function mutateDates({ host, sign, now }: MutationContext, template: Template, dice: Dice): WireRequest {
  const request = apiRequest(host, template.operation, JSON.stringify(template.body));
  const offset = dice.pick([-24 * 60, -6, -5.2, -4, 0, 4, 5.2, 6, 24 * 60, 1e6]) * MINUTE_MS;
  const at = new Date(now() + offset);
  if (dice.chance(2)) return sign(request, { at });
  if (dice.chance(2)) return sign(request, { at, scopeDate: dice.pick(['20260101', isoBasic(at), '', '0']) });
  const text = isoBasic(at);
  const date = dice.pick([
    text.toLowerCase(),
    text.slice(0, 15),
    `${text}Z`,
    '',
    '0',
    at.toISOString(),
    text.replace(/T../, 'T25'),
  ]);
  const current = sign(request, { at: new Date(now()) });
  return { ...current, headers: replaced(current.headers, 'X-Amz-Date', date) };
}

function mutateTarget(context: MutationContext, template: Template, dice: Dice): WireRequest {
  const request = apiRequest(context.host, template.operation, JSON.stringify(template.body));
  const at = { at: new Date(context.now()) };
  const target = dice.pick([
    `TrentService.${dice.pick(context.harmlessOperations)}`,
    template.operation,
    `TrentService.${template.operation.toLowerCase()}`,
    `trentservice.${template.operation}`,
    `TrentService.${template.operation}.`,
    `AWSSecurityTokenServiceV20110615.${template.operation}`,
    'TrentService.',
    '.',
    'TrentService.__proto__',
    'TrentService.constructor',
  ]);
  switch (dice.number(5)) {
    case 0:
      return context.sign({ ...request, headers: replaced(request.headers, 'X-Amz-Target', target) }, at);
    case 1: {
      const before = context.sign(request, at);
      return { ...before, headers: replaced(before.headers, 'X-Amz-Target', target) };
    }
    case 2:
      return context.sign({ ...request, method: anyMethod(dice) }, at);
    case 3:
      return context.sign({ ...request, target: anyTarget(context, dice) }, at);
    default:
      return { ...context.sign(request, at), method: anyMethod(dice), target: anyTarget(context, dice) };
  }
}

const anyMethod = (dice: Dice) =>
  dice.pick(['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'POST', 'TRACE', 'PROPFIND', 'post', 'QUERY']);

const anyTarget = ({ accessKeyId }: MutationContext, dice: Dice) =>
  dice.pick([
    '/',
    '//',
    '/?',
    '/?a=b',
    '/?X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${accessKeyId}%2F20261122%2Fus-east-1%2Fkms%2Faws4_request`,
    '/%2e',
    '/./',
    '/..',
    '/x',
    '*',
    'http://elsewhere.example.com/',
    '/health',
    '/health/',
    '/_sandbox/clock',
    '/%',
    '/?%zz&=&&==',
    `/${'a'.repeat(3000)}`,
    '/\xe9',
  ]);

/** What is no HTTP, or HTTP of a kind that no client of AWS sends. */
function malformed(context: MutationContext, template: Template, dice: Dice): Buffer {
  const request = signed(context, template);
  const bytes = bytesOf(request);
  const text = bytes.toString('latin1');
  const latin1 = (changed: string) => Buffer.from(changed, 'latin1');
  switch (dice.number(19)) {
    case 0:
      return Buffer.from(Array.from({ length: 1 + dice.number(400) }, () => dice.number(256)));
    case 1:
      return bytes.subarray(0, dice.number(bytes.length));
    case 2:
      return latin1(text.replaceAll('\r\n', '\n'));
    case 3:
      return latin1(
        text.replace('HTTP/1.1', dice.pick(['HTTP/0.9', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTPS/1.1', ''])),
      );
    case 4:
      return latin1(
        text.replace(
          /Content-Length: \d+/,
          `Content-Length: ${dice.pick(['-1', '1e3', '0x10', '99999999999999999999', '+5', '5 5', '', '1,1'])}`,
        ),
      );
    case 5:
      return latin1(text.replace('POST', dice.pick(['', 'PO ST', 'P'.repeat(9000), '\0', 'CONNECT'])));
    case 6:
      return latin1(text.replace(' / ', ` /${'a'.repeat(17_000)} `));
    case 7:
      return latin1(
        text.replace(
          'Content-Type:',
          dice.pick(['Content Type:', ':', 'Content-Type', '\0:', 'X-Fold: a\r\n b\r\nY:']),
        ),
      );
    case 8:
      return latin1(
        text.replace('Content-Type: ', `X: ${dice.pick(['\0', '\x01', '\x7f', '\r', '\n', '\b'])}\r\nContent-Type: `),
      );
    case 9:
      return latin1(text.replace(/Content-Length: \d+\r\n/, 'Transfer-Encoding: chunked\r\n'));
    case 10:
      return chunked(request, dice.chance(2));
    case 11:
      return latin1(text.replace(/Content-Length:/, 'Transfer-Encoding: chunked\r\nContent-Length:'));
    case 12:
      return Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    case 13:
      return Buffer.from('16030100c5010000c10303', 'hex');
    case 14:
      return latin1(text.replace('Content-Type:', `${'X-Many: 1\r\n'.repeat(dice.number(3000))}Content-Type:`));
    case 15:
      return latin1(text.replace('Host: ', dice.pick(['X-Host: ', 'Host: a\r\nHost: '])));
    case 16:
      return Buffer.concat([bytes, bytes]);
    case 17:
      return bytesOf(signedBody(context, template, Buffer.alloc(MOST_BODY_BYTES + dice.number(3) - 1, ' ')));
    default:
      return Buffer.concat([Buffer.from(dice.pick(['\r\n', '\r\n\r\n', ' ', '\0'])), bytes]);
  }
}

/** The same request with its body in chunks, whole or with chunks that are none. */
function chunked(request: WireRequest, whole: boolean): Buffer {
  const headers = request.headers.map(([name, value]) =>
    name === 'Content-Length' ? (['Transfer-Encoding', 'chunked'] as const) : ([name, value] as const),
  );
  const middle = request.body.length >> 1;
  const chunk = (part: Buffer) => `${part.length.toString(16)}\r\n${part.toString('latin1')}\r\n`;
  const [first, second] = [request.body.subarray(0, middle), request.body.subarray(middle)];
  const body = whole ? `${chunk(first)}${chunk(second)}0\r\n\r\n` : `zz\r\n${chunk(first)}ffffffffffffffff\r\n`;
  return bytesOf({ ...request, headers, body: Buffer.from(body, 'latin1') });
}
