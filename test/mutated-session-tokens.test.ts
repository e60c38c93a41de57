import { beforeAll, expect, test } from 'vitest';
import { KeyholdError } from '../src/runtime/errors.ts';
import { type Authenticator, sandboxAuthenticator, signatureAuthenticator } from '../src/server/authenticate.ts';
import { NOW } from '../src/services/scope.test-helper.ts';
import type { SessionBearer } from '../src/services/sts/sessions/session.ts';
import {
  ALICE,
  ALICES_KEY,
  roleBearer,
  type SessionWorld,
  sessionWorld,
} from '../src/services/sts/sessions/sessions.test-helper.ts';
import { type Dice, dice, testSeed } from './support/dice.ts';
import { type AccessKey, signerFor, type WireRequest } from './support/sign.ts';

/**
 * Session tokens, each a little or very wrong, with a signature that holds: none may authenticate anyone, and none may
 * bring about anything but the one refusal, so that nothing is learnt from trying.
 *
 * KEYHOLD_TEST_SEED repeats a run; KEYHOLD_MUTATED_TOKENS sets how many there are.
 */

const MUTANTS = Number(process.env['KEYHOLD_MUTATED_TOKENS'] ?? 20_000);
const AT_ONCE = 100;

interface SessionKey {
  readonly accessKey: AccessKey;
  readonly token: string;
}

let world: SessionWorld;
let authenticate: Authenticator;
let believe: Authenticator;
let keys: readonly SessionKey[];

beforeAll(async () => {
  world = await sessionWorld();
  authenticate = signatureAuthenticator(world.accessKeys, world.sessions);
  believe = sandboxAuthenticator(world.accessKeys, world.sessions);
  const alice = { userName: ALICE.userName, userId: ALICE.userId };
  const bearers: SessionBearer[] = [
    roleBearer(),
    roleBearer({ externalId: '42', tags: [{ key: 'Team', value: 'blue' }] }),
    { kind: 'user', user: alice },
    { kind: 'user' },
    { kind: 'federated', name: 'bob', user: alice, policies: { arns: [] }, tags: [] },
  ];
  keys = bearers.map((bearer, index) => {
    const least = index === 0 ? { leastTokenCharacters: 2000 } : {};
    const { AccessKeyId, SecretAccessKey, SessionToken } = world.issue(bearer, least);
    return { accessKey: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey }, token: SessionToken };
  });
});

function request({ accessKey, token }: SessionKey): { signed: WireRequest; rawHeaders: string[] } {
  const signed = signerFor(accessKey)(
    {
      method: 'POST',
      target: '/',
      headers: [
        ['Host', 'localhost'],
        ['X-Amz-Target', 'TrentService.Encrypt'],
        ['X-Amz-Security-Token', token],
      ],
      body: Buffer.from('{}'),
    },
    { at: new Date(NOW) },
  );
  return { signed, rawHeaders: signed.headers.flat() };
}

async function attempt(by: Authenticator, key: SessionKey) {
  const { signed, rawHeaders } = request(key);
  const { method, target, body } = signed;
  return (await by({ method, target, body, rawHeaders }, 'kms', NOW)).caller;
}

const BASE64 = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'];

/** A character at a place, at most as many as there are. */
function splice(text: string, at: number, remove: number, put: string): string {
  return text.slice(0, at) + put + text.slice(at + remove);
}

function bytesChanged(token: string, change: (bytes: Buffer) => Uint8Array): string {
  return Buffer.from(change(Buffer.from(token, 'base64'))).toString('base64');
}

type Mutation = (token: string, chance: Dice) => string;
const mutations: readonly Mutation[] = [
  (token, chance) => splice(token, chance.number(token.length), 1, chance.pick(BASE64)),
  (token, chance) => splice(token, chance.number(token.length), 1, String.fromCharCode(32 + chance.number(224))),
  (token, chance) => splice(token, chance.number(token.length + 1), 0, chance.pick([...BASE64, '=', ' ', '\t', '\0'])),
  (token, chance) => splice(token, chance.number(token.length), 1 + chance.number(8), ''),
  (token, chance) => token.slice(0, chance.number(token.length)),
  (token, chance) => token.slice(1 + chance.number(token.length)),
  (token, chance) => `${token}${chance.pick(['=', '==', 'A', 'AAAA', ' ', '\n', token])}`,
  (token) => token.replaceAll('+', '-').replaceAll('/', '_').replaceAll('A', 'B'),
  (token) => token.toLowerCase(),
  (token) => [...token].reverse().join(''),
  (token, chance) =>
    splice(token, chance.number(token.length), chance.number(64), chance.pick(keys).token.slice(0, 64)),
  (token, chance) => {
    const at = 4 * chance.number(token.length / 4);
    return token.slice(0, at) + chance.pick(keys.filter((key) => key.token !== token)).token.slice(at);
  },
  (token, chance) =>
    bytesChanged(token, (bytes) => {
      const at = chance.number(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << chance.number(8));
      return bytes;
    }),
  // Format version, domain key id, nonce and tag, each as a whole.
  (token, chance) =>
    bytesChanged(token, (bytes) => {
      const [from, to] = chance.pick([
        [0, 1],
        [1, 17],
        [17, 33],
        [bytes.length - 16, bytes.length],
      ] as const);
      bytes.subarray(Math.max(from, 0), to).fill(chance.number(256));
      return bytes;
    }),
  (token, chance) => bytesChanged(token, (bytes) => bytes.subarray(0, chance.number(bytes.length))),
  (token, chance) => bytesChanged(token, (bytes) => Buffer.concat([bytes, Buffer.alloc(1 + chance.number(40))])),
  (_, chance) => Array.from({ length: chance.number(9000) }, () => chance.pick(BASE64)).join(''),
  (_, chance) => chance.pick(['', '{}', 'null', '[object Object]', '__proto__', 'AQ==', ALICES_KEY.accessKeyId]),
];

function mutant(chance: Dice): SessionKey {
  const key = chance.pick(keys);
  const other = chance.pick(keys);
  // The token of another session, and the right token under another access key id.
  if (chance.chance(20)) return { accessKey: key.accessKey, token: other.token };
  if (chance.chance(20)) {
    const accessKeyId = splice(key.accessKey.accessKeyId, 4 + chance.number(16), 1, chance.pick(['A', 'B', '7']));
    return { accessKey: { ...key.accessKey, accessKeyId }, token: key.token };
  }
  if (chance.chance(20)) return { accessKey: ALICES_KEY, token: key.token };
  let { token } = key;
  for (let times = 1 + chance.number(3); times > 0; times--) token = chance.pick(mutations)(token, chance);
  return { accessKey: key.accessKey, token };
}

function isGood({ accessKey, token }: SessionKey): boolean {
  return keys.some((key) => key.accessKey.accessKeyId === accessKey.accessKeyId && key.token === token);
}

/** What went wrong, or undefined. */
async function objection(key: SessionKey): Promise<string | undefined> {
  const outcome = await attempt(authenticate, key).catch((error: unknown) => error);
  if (!(outcome instanceof KeyholdError)) return `${outcome instanceof Error ? outcome.stack : 'let in'}`;
  if (outcome.code !== 'UnrecognizedClientException') return `refused with ${outcome.code}`;
  if (outcome.message !== 'The security token included in the request is invalid.') return `told: ${outcome.message}`;
  const believed = await attempt(believe, key).catch((error: Error) => error);
  if (believed instanceof Error) return `the sandbox: ${believed.stack}`;
  // Alice's own key is known there, and the token with it says nothing.
  const isAlice = key.accessKey === ALICES_KEY && believed.userName === ALICE.userName;
  return believed.isStranger === true || isAlice ? undefined : 'the sandbox took it for a session';
}

test('the tokens that mutants are made of are good', async () => {
  for (const key of keys) {
    expect((await attempt(authenticate, key)).session).toBeDefined();
    expect((await attempt(believe, key)).session).toBeDefined();
  }
});

test(
  `none of ${MUTANTS} mutated tokens is told from any other that is nobody’s`,
  async () => {
    const seed = testSeed();
    const objections: string[] = [];
    let tried = 0;
    for (let first = 0; first < MUTANTS; first += AT_ONCE) {
      const mutants = Array.from({ length: AT_ONCE }, (_, index) => mutant(dice(seed, first + index)));
      // A mutation may undo another.
      const wrong = mutants.filter((key) => !isGood(key));
      tried += wrong.length;
      for (const key of wrong) {
        const found = await objection(key);
        if (found !== undefined) objections.push(`${found}\n${JSON.stringify(key)}`);
      }
      if (objections.length > 10) break;
    }
    expect(objections, `seed ${seed}`).toEqual([]);
    expect(tried).toBeGreaterThan(MUTANTS * 0.8);
  },
  60_000 + MUTANTS,
);
