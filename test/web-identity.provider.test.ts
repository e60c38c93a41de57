import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonFetcher } from '../src/server/fetch-json.ts';
import {
  KEYS_MAX_AGE_MS,
  NEW_KEYS_COOL_DOWN_MS,
  type OidcProvider,
  type ProviderKeys,
  providerKeys,
} from '../src/services/sts/web-identity/provider-keys.ts';
import { readToken } from '../src/services/sts/web-identity/token-claims.ts';
import { CLOCK_SKEW_SECONDS, verifyToken, type WebIdentity } from '../src/services/sts/web-identity/verify-token.ts';
import { ID_TOKEN_SECONDS, type OpenIdProvider, startOpenIdProvider } from './support/openid-provider.ts';

/** Tokens of a real provider, verified with the keys that it publishes, over the network. */

let openId: OpenIdProvider;
let provider: OidcProvider;
let keys: ProviderKeys;

beforeEach(async () => {
  openId = await startOpenIdProvider();
  provider = { url: openId.url, clientIds: ['another-client', openId.clientId], thumbprints: [] };
  keys = providerKeys(jsonFetcher(undefined));
});

afterEach(() => openId.stop());

/** @param afterMs how long after now the server gets the token */
function verify(token: string, afterMs = 0, changes: Partial<OidcProvider> = {}): Promise<WebIdentity> {
  return verifyToken(readToken(token), { ...provider, ...changes }, keys, Date.now() + afterMs);
}

/** A token that the provider's own key signs, unlike what its users get in these claims only. */
function signed(changes: JWTPayload): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return openId.sign({ iss: openId.url, sub: 'someone', aud: openId.clientId, iat: now, exp: now + 60, ...changes });
}

const timesKeysWereRead = () => openId.asked.filter((path) => path === '/jwks').length;

describe('a token that the provider issued', () => {
  it('is believed, with its claims', async () => {
    const token = await openId.logIn('someone', {
      amr: ['pwd', 'otp'],
      email: 'someone@example.com',
      repository: 'example/project',
      'https://aws.amazon.com/tags': {
        principal_tags: { Project: ['Automation'], Department: ['Engineering'] },
        transitive_tag_keys: ['Project'],
      },
      'https://aws.amazon.com/source_identity': 'Admin',
    });
    const name = openId.url.replace('http://', '');
    expect(await verify(token)).toEqual({
      subject: 'someone',
      audience: openId.clientId,
      conditions: new Map([
        [`${name}:aud`, [openId.clientId]],
        [`${name}:oaud`, [openId.clientId]],
        [`${name}:sub`, ['someone']],
        [`${name}:amr`, ['pwd', 'otp']],
        [`${name}:email`, ['someone@example.com']],
        [`${name}:repository`, ['example/project']],
      ]),
      session: {
        tags: [
          { Key: 'Project', Value: 'Automation' },
          { Key: 'Department', Value: 'Engineering' },
        ],
        transitiveTagKeys: ['Project'],
        sourceIdentity: 'Admin',
      },
    });
  });

  it('is refused if it is for another audience', async () => {
    const token = await openId.logIn('someone');
    await expect(verify(token, 0, { clientIds: ['another-client'] })).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: 'Incorrect token audience',
    });
    expect(timesKeysWereRead()).toBe(0);
  });

  it('is refused five minutes after it has expired', async () => {
    const token = await openId.logIn('someone');
    const { exp = 0, iat = 0 } = decodeJwt(token);
    expect(exp - iat).toBe(ID_TOKEN_SECONDS);
    const claimed = readToken(token);
    const lastMs = (exp + CLOCK_SKEW_SECONDS) * 1000 - 1;
    await expect(verifyToken(claimed, provider, keys, lastMs)).resolves.toMatchObject({ subject: 'someone' });
    const now = exp + CLOCK_SKEW_SECONDS;
    await expect(verifyToken(claimed, provider, keys, now * 1000)).rejects.toMatchObject({
      code: 'ExpiredTokenException',
      message: `Token expired: current date/time ${now} must be before the expiration date/time ${exp}`,
    });
  });

  it('is refused if the provider has not that issuer', async () => {
    const token = await openId.logIn('someone');
    await expect(verify(token, 0, { url: `${openId.url}/` })).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: `No OpenIDConnect provider found in your account for ${openId.url}`,
    });
  });
});

describe('a token with the name of the provider', () => {
  it('is refused if another key has signed it, under the name of the right one', async () => {
    const [header = '', payload = ''] = (await openId.logIn('someone')).split('.');
    const { privateKey } = await generateKeyPair('RS256');
    const { kid = '' } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: string };
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload;
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
    await expect(verify(forged)).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: 'Token signature invalid',
    });
  });

  it('is refused if its claims are not those that were signed', async () => {
    const [header, , signature] = (await signed({})).split('.');
    const [, payload] = (await signed({ sub: 'someone-else' })).split('.');
    await expect(verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject({
      code: 'InvalidIdentityTokenException',
      message: 'Token signature invalid',
    });
  });

  it('is refused without a signature, or with an HMAC whose key is the public one', async () => {
    const [, payload] = (await signed({})).split('.');
    const published = (await (await fetch(`${openId.url}/jwks`)).json()) as { keys: { n: string; kid: string }[] };
    const [{ n = '', kid = '' } = {}] = published.keys;
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as JWTPayload;
    const confused = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.from(n));
    for (const token of [unsigned, confused]) {
      await expect(async () => verify(token)).rejects.toMatchObject({
        code: 'InvalidIdentityTokenException',
        message: 'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
      });
    }
  });

  it('is refused if it says itself which key to believe', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({ iss: openId.url, sub: 'x', aud: openId.clientId, iat: now, exp: now + 60 })
      .setProtectedHeader({ alg: 'RS256', jwk: await exportJWK(publicKey) })
      .sign(privateKey);
    await expect(verify(token)).rejects.toMatchObject({ code: 'InvalidIdentityTokenException' });
  });

  it('is taken for the audience that azp names, whatever aud says', async () => {
    const token = await signed({ aud: ['one', 'other'], azp: 'another-client' });
    const identity = await verify(token);
    expect(identity.audience).toBe('another-client');
    const name = openId.url.replace('http://', '');
    expect(identity.conditions.get(`${name}:aud`)).toEqual(['another-client']);
    expect(identity.conditions.get(`${name}:oaud`)).toEqual(['one', 'other']);
    await expect(verify(await signed({ azp: 'unknown' }))).rejects.toMatchObject({
      message: 'Incorrect token audience',
    });
  });

  it('is refused if it is for several audiences and does not say to whom it was issued', async () => {
    await expect(verify(await signed({ aud: [openId.clientId, 'other'] }))).rejects.toMatchObject({
      message: 'Token audience contains more than one audience while authorized party is not present',
    });
  });

  it('is refused more than five minutes before it begins', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const claim of ['iat', 'nbf']) {
      const exp = now + 1200;
      await expect(verify(await signed({ exp, [claim]: now + CLOCK_SKEW_SECONDS - 10 }))).resolves.toBeDefined();
      await expect(verify(await signed({ exp, [claim]: now + CLOCK_SKEW_SECONDS + 10 }))).rejects.toMatchObject({
        code: 'InvalidIdentityTokenException',
        message: expect.stringContaining('Token not yet valid'),
      });
    }
  });
});

describe('the keys of a provider', () => {
  it('are read once for all who ask, and kept', async () => {
    const token = await openId.logIn('someone');
    await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    await verify(token);
    expect(timesKeysWereRead()).toBe(1);
  });

  it('are read again for one that is new, and old tokens are refused from then on', async () => {
    const old = await openId.logIn('someone');
    await verify(old);
    await openId.rotateKeys();
    const renewed = await openId.logIn('someone');
    const noKey = {
      code: 'InvalidIdentityTokenException',
      message:
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
    };
    // Whoever sends tokens with names of keys that do not exist makes nobody be asked.
    await expect(verify(renewed)).rejects.toMatchObject(noKey);
    expect(timesKeysWereRead()).toBe(1);
    await expect(verify(renewed, NEW_KEYS_COOL_DOWN_MS)).resolves.toMatchObject({ subject: 'someone' });
    expect(timesKeysWereRead()).toBe(2);
    await expect(verify(old, NEW_KEYS_COOL_DOWN_MS)).rejects.toMatchObject(noKey);
  });

  it('are read again after a while, so that withdrawn ones are noticed', async () => {
    const token = await openId.logIn('someone');
    await verify(token);
    await openId.rotateKeys();
    await expect(verify(token, KEYS_MAX_AGE_MS - 1000)).resolves.toMatchObject({ subject: 'someone' });
    await expect(verify(token, KEYS_MAX_AGE_MS)).rejects.toMatchObject({ code: 'InvalidIdentityTokenException' });
  });

  it('are not believed longer than that when the provider is gone', async () => {
    const token = await openId.logIn('someone');
    await verify(token);
    await openId.stop();
    await expect(verify(token)).resolves.toMatchObject({ subject: 'someone' });
    await expect(verify(token, KEYS_MAX_AGE_MS)).rejects.toMatchObject({
      code: 'IDPCommunicationErrorException',
      message: 'Error communicating with IDP',
    });
    openId = await startOpenIdProvider();
  });
});

describe('a provider', () => {
  it('that cannot be reached is a refusal', async () => {
    const token = await openId.logIn('someone');
    await openId.stop();
    await expect(verify(token)).rejects.toMatchObject({ code: 'IDPCommunicationErrorException' });
    openId = await startOpenIdProvider();
  });

  it('cannot speak for another by leading to its own keys', async () => {
    const impostor = createServer((_, response) => {
      response.end(JSON.stringify({ issuer: openId.url, jwks_uri: `${openId.url}/jwks` }));
    });
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(impostor.address() as AddressInfo).port}`;
    const token = await signed({ iss: url });
    await expect(verify(token, 0, { url })).rejects.toMatchObject({ code: 'InvalidIdentityTokenException' });
    expect(timesKeysWereRead()).toBe(0);
    impostor.close();
  });
});
