import { beforeEach, describe, expect, test } from 'vitest';
import { accessKeysTable } from '../services/iam/records.ts';
import type { SessionBearer } from '../services/sts/sessions/session.ts';
import {
  ALICE,
  ALICES_KEY,
  roleBearer,
  type SessionWorld,
  sessionWorld,
} from '../services/sts/sessions/sessions.test-helper.ts';
import {
  signingTime,
  signWithSdk,
  type UnsignedRequest,
  withHeader,
  withoutHeader,
} from '../wire/sigv4/signing.test-helper.ts';
import { type Authenticator, sandboxAuthenticator, signatureAuthenticator } from './authenticate.ts';

let world: SessionWorld;
let authenticate: Authenticator;
let believe: Authenticator;
beforeEach(async () => {
  world = await sessionWorld();
  authenticate = signatureAuthenticator(world.accessKeys, world.sessions);
  believe = sandboxAuthenticator(world.accessKeys, world.sessions);
});

interface SessionKey {
  readonly accessKey: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly sessionToken: string;
}

const alice = { userName: ALICE.userName, userId: ALICE.userId };

function begin(bearer: SessionBearer = roleBearer()): SessionKey {
  const { AccessKeyId, SecretAccessKey, SessionToken } = world.issue(bearer, {}, signingTime);
  return { accessKey: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey }, sessionToken: SessionToken };
}

/** Who the caller is taken for. */
async function callerOf(request: UnsignedRequest, by: Authenticator = authenticate, nowMs = signingTime) {
  const { service = 'kms' } = request;
  return (await by(await signWithSdk(request), service, nowMs)).caller;
}

const invalid = expect.objectContaining({ code: 'UnrecognizedClientException' });

describe('a request that is signed with the key of a session', () => {
  test('is the session’s, with its token', async () => {
    const session = begin();
    expect((await callerOf(session)).principal.type).toBe('AssumedRole');
    expect((await callerOf({ accessKey: ALICES_KEY })).principal.type).toBe('User');
  });

  test('is nobody’s without the token, or with another one', async () => {
    const [one, other] = [begin(), begin()];
    await expect(callerOf({ accessKey: one.accessKey })).rejects.toEqual(invalid);
    await expect(callerOf({ ...one, sessionToken: other.sessionToken })).rejects.toEqual(invalid);
    await expect(callerOf({ ...one, sessionToken: '' })).rejects.toEqual(invalid);
    await expect(callerOf({ accessKey: ALICES_KEY, sessionToken: one.sessionToken })).rejects.toEqual(invalid);
    // Known by now, which changes nothing.
    await callerOf(one);
    await expect(callerOf({ accessKey: ALICES_KEY, sessionToken: one.sessionToken })).rejects.toEqual(invalid);
    await expect(callerOf({ ...one, sessionToken: other.sessionToken })).rejects.toEqual(invalid);
  });

  test('is nobody’s if another secret has signed it, or the token was not signed', async () => {
    const session = begin();
    const forged = {
      ...session,
      accessKey: { ...session.accessKey, secretAccessKey: begin().accessKey.secretAccessKey },
    };
    await expect(callerOf(forged)).rejects.toEqual(expect.objectContaining({ code: 'InvalidSignatureException' }));
    const request = await signWithSdk(session);
    const unsigned = withHeader(request, 'authorization', (value) => value.replace(';x-amz-security-token', ''));
    await expect(authenticate(unsigned, 'kms', signingTime)).rejects.toEqual(
      expect.objectContaining({ message: "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization." }),
    );
    await expect(authenticate(withoutHeader(request, 'x-amz-security-token'), 'kms', signingTime)).rejects.toEqual(
      invalid,
    );
  });

  test.each<[string, SessionBearer]>([
    ['user', { kind: 'user', user: alice }],
    ['federated user', { kind: 'federated', name: 'bob', user: alice, policies: { arns: [] }, tags: [] }],
  ])('is not let in to IAM if the session is a %s’s', async (_, bearer) => {
    const session = begin(bearer);
    for (const by of [authenticate, believe]) {
      await expect(callerOf({ ...session, service: 'iam' }, by)).rejects.toEqual(invalid);
      expect((await callerOf({ ...session, service: 'sts' }, by)).session?.kind).toBe(bearer.kind);
      expect((await callerOf({ ...begin(), service: 'iam' }, by)).session?.kind).toBe('role');
    }
  });
});

describe('in the sandbox', () => {
  const anything = { secretAccessKey: 'anything' };

  test('an access key that IAM knows is its user’s, whatever signed', async () => {
    const { accessKeyId } = ALICES_KEY;
    const caller = await callerOf({ accessKey: { accessKeyId, ...anything } }, believe);
    expect(caller).toMatchObject({ userName: 'alice', accessKeyId });
    expect(caller.isStranger).toBeUndefined();
    const withToken = { accessKey: { accessKeyId, ...anything }, sessionToken: 'of another cloud' };
    expect((await callerOf(withToken, believe)).userName).toBe('alice');
  });

  test('one that is inactive is refused, and does not make a root of its user', async () => {
    await world.store.transact(async (transaction) => {
      const key = await transaction.get(accessKeysTable, ALICES_KEY.accessKeyId);
      if (key === undefined) throw new Error('Alice has a key');
      const inactive = { ...key.value, status: 'Inactive' as const };
      await transaction.replace(accessKeysTable, ALICES_KEY.accessKeyId, inactive, key.version);
    });
    await expect(callerOf({ accessKey: ALICES_KEY }, believe)).rejects.toEqual(invalid);
  });

  test('a session token of ours is its session’s, as long as that lives', async () => {
    const session = begin();
    const { accessKeyId } = session.accessKey;
    const sandboxed = { ...session, accessKey: { accessKeyId, ...anything } };
    expect((await callerOf(sandboxed, believe)).principal.type).toBe('AssumedRole');
    await expect(callerOf(sandboxed, believe, signingTime + 3600_000)).rejects.toEqual(
      expect.objectContaining({ code: 'ExpiredSessionToken' }),
    );
    await world.removeRole();
    await expect(callerOf(sandboxed, believe)).rejects.toEqual(invalid);
  });

  test('all others are root, of the account that they name', async () => {
    const strangers = [
      ['test', '000000000000'],
      ['444455556666', '444455556666'],
      ['AKIAIOSFODNN7UNKNOWN', '000000000000'],
      ['ASIAIOSFODNN7UNKNOWN', '000000000000'],
    ] as const;
    for (const [accessKeyId, accountId] of strangers) {
      for (const token of [{}, { sessionToken: '' }, { sessionToken: begin().sessionToken }]) {
        const caller = await callerOf({ accessKey: { accessKeyId, ...anything }, ...token }, believe);
        expect(caller.principal).toMatchObject({ type: 'Root', accountId });
        expect(caller.isStranger).toBe(true);
      }
    }
  });
});
