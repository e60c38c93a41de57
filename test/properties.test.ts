import { crc32 } from 'node:zlib';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, apiRequest, bytesOf, type Lane, openLane } from './support/raw-http.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import { type Signer, signerFor } from './support/sign.ts';

/** What must hold of Encrypt and Decrypt for every plaintext, every encryption context and every damage to either. */

type Context = readonly (readonly [name: string, value: string])[];

const LANES = 6;
const INVALID_CIPHERTEXT = '{"__type":"InvalidCiphertextException"}';

let server: TestServer;
let sign: Signer;
let lanes: Lane[];
let keyId: string;

beforeAll(async () => {
  server = await startServer({ workers: 1, args: ['--log-level', 'warn'] });
  sign = signerFor(server.credentials);
  lanes = Array.from({ length: LANES }, () => openLane(server.port));
  const created = await server.kms().send(new CreateKeyCommand({}));
  keyId = created.KeyMetadata?.KeyId ?? '';
});

afterAll(async () => {
  for (const lane of lanes) lane.close();
  await cleanUp(server);
});

function call(operation: string, body: object, lane = lanes[0] as Lane): Promise<Answer> {
  const request = apiRequest(`127.0.0.1:${server.port}`, operation, JSON.stringify(body));
  return lane.exchange(bytesOf(sign(request)));
}

/** Object.fromEntries makes `__proto__` a member like any other, where an assignment would set the prototype. */
const contextMember = (context: Context | undefined) =>
  context === undefined ? {} : { EncryptionContext: Object.fromEntries(context) };

async function encrypt(plaintext: Uint8Array, context?: Context): Promise<Buffer> {
  const Plaintext = Buffer.from(plaintext).toString('base64');
  const answer = await call('Encrypt', { KeyId: keyId, Plaintext, ...contextMember(context) });
  expect(answer.status, answer.body).toBe(200);
  return Buffer.from(JSON.parse(answer.body).CiphertextBlob, 'base64');
}

function decrypt(blob: Buffer, context?: Context, more: object = {}, lane?: Lane): Promise<Answer> {
  return call('Decrypt', { CiphertextBlob: blob.toString('base64'), ...contextMember(context), ...more }, lane);
}

/** All failures look alike: this status, this type, these bytes. */
function expectInvalidCiphertext(answer: Answer, what: string): void {
  expect({ what, status: answer.status, type: answer.headers.get('x-amzn-errortype'), body: answer.body }).toEqual({
    what,
    status: 400,
    type: 'InvalidCiphertextException',
    body: INVALID_CIPHERTEXT,
  });
}

const plaintexts = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc.uint8Array({ minLength: 1, maxLength: 4096, size: 'max' }),
  fc.constantFrom(1, 15, 16, 17, 4095, 4096).map((length) => new Uint8Array(length)),
);

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }).filter((each) => each.isWellFormed()),
  fc.constantFrom('', ' ', '\0', '__proto__', 'constructor', 'toString', '0', '"', '\\', '\u2028', 'e\u0301', '🔑'),
);

const contexts: fc.Arbitrary<Context> = fc.oneof(
  fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 8 }),
  fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, minLength: 30, maxLength: 60 }),
);

test('any plaintext comes back under the encryption context that it was encrypted with, in any order', async () => {
  const context = fc.option(
    contexts.chain((pairs) =>
      fc.tuple(fc.constant(pairs), fc.shuffledSubarray([...pairs], { minLength: pairs.length })),
    ),
    { nil: undefined },
  );
  await fc.assert(
    fc.asyncProperty(plaintexts, context, async (plaintext, ordered) => {
      const [sent, otherwise] = ordered ?? [undefined, undefined];
      const blob = await encrypt(plaintext, sent);
      const answer = await decrypt(blob, otherwise);
      expect(answer.status, answer.body).toBe(200);
      expect(JSON.parse(answer.body).Plaintext).toBe(Buffer.from(plaintext).toString('base64'));
    }),
    { numRuns: 300 },
  );
});

test('no context and an empty one are the same', async () => {
  const plaintext = Buffer.from('attack at dawn');
  expect((await decrypt(await encrypt(plaintext), [])).status).toBe(200);
  expect((await decrypt(await encrypt(plaintext, []))).status).toBe(200);
});

test('under any other context nothing comes back', async () => {
  await fc.assert(
    fc.asyncProperty(plaintexts, contexts, contexts, async (plaintext, context, other) => {
      fc.pre(!sameContext(context, other));
      expectInvalidCiphertext(await decrypt(await encrypt(plaintext, context), other), 'another context');
    }),
    { numRuns: 150 },
  );
});

/** One small change to a context; each gives a context that differs. */
const changes: Readonly<Record<string, (context: Context, at: number) => Context>> = {
  'a pair left out': (context, at) => context.filter((_, index) => index !== at),
  'a pair more': (context) => [...context, ['one more', '']],
  'a name with a letter more': (context, at) => changed(context, at, ([name, value]) => [`${name}x`, value]),
  'a value with a letter more': (context, at) => changed(context, at, ([name, value]) => [name, `${value}x`]),
  'a value with a NUL more': (context, at) => changed(context, at, ([name, value]) => [name, `${value}\0`]),
  'a letter that moved from the value to the name': (context, at) =>
    changed(context, at, ([name, value]) => {
      const [first = 'x', ...rest] = value;
      return [`${name}${first}`, rest.join('')];
    }),
  'a name in capitals': (context, at) => changed(context, at, ([name, value]) => [`${name}É`.toUpperCase(), value]),
  'name and value exchanged': (context, at) => changed(context, at, ([name, value]) => [value, name]),
};

function changed(context: Context, at: number, change: (pair: readonly [string, string]) => [string, string]): Context {
  return context.map((pair, index) => (index === at ? change(pair) : pair));
}

test.each(Object.entries(changes))('a context with %s is another', async (what, change) => {
  await fc.assert(
    fc.asyncProperty(contexts, fc.nat(), async (context, anywhere) => {
      const other = change(context, anywhere % Math.max(context.length, 1));
      fc.pre(!sameContext(context, other));
      expectInvalidCiphertext(await decrypt(await encrypt(Buffer.from('x'), context), other), what);
    }),
    { numRuns: 25 },
  );
});

function sameContext(a: Context, b: Context): boolean {
  const sorted = (context: Context) => JSON.stringify(Object.entries(Object.fromEntries(context)).sort());
  return sorted(a) === sorted(b);
}

function flip(blob: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(blob);
  flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
  return flipped;
}

test.each([
  ['without a context', 1, undefined, false],
  ['with a context', 32, [['tenant', 'example']] as Context, false],
  ['with its key named', 16, undefined, true],
])('a blob %s: every single flipped bit is refused', async (_, length, context, named) => {
  const blob = await encrypt(Buffer.alloc(length, 7), context);
  const more = named ? { KeyId: keyId } : {};
  expect((await decrypt(blob, context, more)).status).toBe(200);
  let next = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      for (let bit = next++; bit < blob.length * 8; bit = next++) {
        expectInvalidCiphertext(await decrypt(flip(blob, bit), context, more, lane), `bit ${bit}`);
      }
    }),
  );
});

test('a random flipped bit of any blob is refused', async () => {
  await fc.assert(
    fc.asyncProperty(plaintexts, contexts, fc.nat(), async (plaintext, context, anywhere) => {
      const blob = await encrypt(plaintext, context);
      const bit = anywhere % (blob.length * 8);
      expectInvalidCiphertext(await decrypt(flip(blob, bit), context), `bit ${bit} of ${blob.length * 8}`);
    }),
    { numRuns: 150 },
  );
});

test('a blob that was cut, lengthened or mixed with another is refused', async () => {
  const [blob, other] = [await encrypt(Buffer.from('attack at dawn')), await encrypt(Buffer.from('retreat at ten'))];
  for (let length = 1; length < blob.length; length++) {
    expectInvalidCiphertext(await decrypt(blob.subarray(0, length)), `the first ${length} bytes`);
    expectInvalidCiphertext(await decrypt(blob.subarray(length)), `all but the first ${length} bytes`);
    const mixed = Buffer.concat([blob.subarray(0, length), other.subarray(length)]);
    // The two share the key and its material; what differs is the nonce, the checksum, the ciphertext and the tag.
    if (!mixed.equals(blob) && !mixed.equals(other))
      expectInvalidCiphertext(await decrypt(mixed), `mixed at ${length}`);
  }
  expectInvalidCiphertext(await decrypt(Buffer.concat([blob, Buffer.alloc(1)])), 'a byte more');
  expectInvalidCiphertext(await decrypt(Buffer.concat([Buffer.alloc(1), blob])), 'a byte in front');
});

test('a header whose checksum was made to fit is refused by the tag', async () => {
  const blob = await encrypt(Buffer.from('attack at dawn'));
  // Bytes 18 to 65 are the key material id and the nonce.
  for (let byte = 18; byte < 66; byte++) {
    const forged = flip(blob, byte * 8 + (byte % 8));
    forged.writeUInt32BE(crc32(forged.subarray(0, 66)), 66);
    expectInvalidCiphertext(await decrypt(forged), `byte ${byte}`);
  }
});

test('bytes that were never a blob are refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 6144, size: 'max' }),
      contexts,
      async (bytes, context) => {
        expectInvalidCiphertext(await decrypt(Buffer.from(bytes), context), 'random bytes');
      },
    ),
    { numRuns: 100 },
  );
});
