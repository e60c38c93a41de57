import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { lengthPrefixed } from '../../../crypto/canonical.ts';
import { seededRandom } from '../../../runtime/random.test-helper.ts';
import { testSealer } from '../../../store/sealed-memory-store.test-helper.ts';
import { ACCOUNT, NOW } from '../../scope.test-helper.ts';
import type { Session, SessionBearer } from './session.ts';
import { sessionTokens } from './session-token.ts';
import { assumption } from './sessions.test-helper.ts';

const KEY_ID = 'ASIAQ6IPTYRHN4ZXAMPL';
const sealer = testSealer();
const tokens = sessionTokens(sealer);

const session: Session = {
  secretAccessKey: 'a secret of forty characters, or thereby',
  accountId: ACCOUNT,
  issuedAtMs: NOW,
  expiresAtMs: NOW + 3600_000,
  bearer: {
    kind: 'role',
    roleName: 'reader',
    roleId: 'AROAIOSFODNN7EXAMPLE1',
    assumption: assumption({ externalId: '42', tags: [{ key: 'Отдел', value: '🔑' }] }),
    policies: { document: '{"Version":"2012-10-17"}', arns: [] },
  },
};

test('a token opens for its access key, and tells the session', () => {
  const token = tokens.seal(session, KEY_ID);
  expect(tokens.open(token, KEY_ID)).toEqual(session);
  expect(token.length).toBeLessThan(1000);
});

test('a token does not open for another access key', () => {
  const token = tokens.seal(session, KEY_ID);
  for (const other of ['ASIAQ6IPTYRHN4ZXAMPM', 'AKIAIOSFODNN7EXAMPLE', ''])
    expect(tokens.open(token, other)).toBeUndefined();
});

test('a token of which any byte was changed does not open', () => {
  const bytes = Buffer.from(tokens.seal(session, KEY_ID), 'base64');
  for (let index = 0; index < bytes.length; index++) {
    for (const bit of [1, 16, 128]) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] as number) ^ bit;
      expect(tokens.open(changed.toString('base64'), KEY_ID)).toBeUndefined();
    }
  }
});

test('a token that was cut, made longer or written otherwise does not open', () => {
  const token = tokens.seal(session, KEY_ID);
  const bytes = Buffer.from(token, 'base64');
  for (let length = 0; length < bytes.length; length++) {
    expect(tokens.open(bytes.toString('base64', 0, length), KEY_ID)).toBeUndefined();
  }
  for (const other of [
    `${token}AAAA`,
    `${token} `,
    ` ${token}`,
    `${token}=`,
    token.replaceAll('+', '-').replaceAll('/', '_'),
  ]) {
    if (other !== token) expect(tokens.open(other, KEY_ID)).toBeUndefined();
  }
});

test('what was sealed for another purpose is no session token', () => {
  const plaintext = Buffer.from(JSON.stringify(session));
  expect(tokens.open(sealer.seal(Buffer.from('grant token v1'), plaintext).toString('base64'), KEY_ID)).toBeUndefined();
  expect(
    tokens.open(sealer.seal(lengthPrefixed('record', KEY_ID), plaintext).toString('base64'), KEY_ID),
  ).toBeUndefined();
});

test('a token of a version that is not known does not open', () => {
  const packed = deflateRawSync(JSON.stringify(session));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(packed.length, 1);
  const sealed = (version: number) => {
    prefix[0] = version;
    return sealer.seal(lengthPrefixed('session token', KEY_ID), Buffer.concat([prefix, packed])).toString('base64');
  };
  expect(tokens.open(sealed(1), KEY_ID)).toEqual(session);
  expect(tokens.open(sealed(2), KEY_ID)).toBeUndefined();
  const empty = sealer.seal(lengthPrefixed('session token', KEY_ID), Buffer.alloc(0)).toString('base64');
  expect(tokens.open(empty, KEY_ID)).toBeUndefined();
});

test('a token is as long as it is asked to be, and opens all the same', () => {
  const usual = tokens.seal(session, KEY_ID).length;
  for (const least of [0, usual - 1, usual, usual + 1, usual + 2, usual + 3, usual + 4, 4096]) {
    const token = tokens.seal(session, KEY_ID, least);
    expect(token.length).toBeGreaterThanOrEqual(least);
    expect(token.length).toBeLessThanOrEqual(Math.max(usual, least + 7));
    expect(tokens.open(token, KEY_ID)).toEqual(session);
  }
});

test('a session that no request could carry has no token', () => {
  const incompressible = seededRandom('tags').bytes(6000).toString('base64');
  const by = { ...assumption().by, conditions: [['aws:principaltag/a', [incompressible]]] as const };
  const bearer = { ...session.bearer, assumption: assumption({ by }) } as SessionBearer;
  expect(() => tokens.seal({ ...session, bearer }, KEY_ID)).toThrow(
    expect.objectContaining({ code: 'PackedPolicyTooLargeException' }),
  );
});
