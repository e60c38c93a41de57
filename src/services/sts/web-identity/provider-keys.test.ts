import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { KeyholdError } from '../../../runtime/errors.ts';
import { FAILURE_COOL_DOWN_MS, KEYS_MAX_AGE_MS, NEW_KEYS_COOL_DOWN_MS, providerKeys } from './provider-keys.ts';

/** What comes over the network is scripted here; `test/web-identity.provider.test.ts` asks a real provider. */

const url = 'https://provider.example';
const provider = { url, clientIds: [], thumbprints: ['a'] };
const configuration = { issuer: url, jwks_uri: `${url}/jwks` };

let rsa: JWK;
let ec: JWK;

beforeAll(async () => {
  rsa = await exportJWK((await generateKeyPair('RS256', { extractable: true })).publicKey);
  ec = await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);
});

function scripted(answers: Record<string, () => unknown>) {
  const asked: string[] = [];
  const keys = providerKeys(async ({ href }, thumbprints) => {
    asked.push(`${href} ${thumbprints}`);
    // An answer takes a while, so that others can ask meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const answer = answers[href];
    if (answer === undefined) throw new Error(`unexpected: ${href}`);
    return answer();
  });
  const find = (kid: string | undefined, nowMs: number, alg = 'RS256') => {
    const header: JWTHeaderParameters = { alg, ...(kid === undefined ? {} : { kid }) };
    return keys.of(provider, nowMs)(header, { payload: '', signature: '' });
  };
  return { asked, find, keys };
}

const publishing = (keySet: () => unknown) =>
  scripted({ [`${url}/.well-known/openid-configuration`]: () => configuration, [`${url}/jwks`]: keySet });

const noKey = {
  code: 'InvalidIdentityTokenException',
  message: expect.stringContaining("Couldn't retrieve verification key"),
};

describe('asking the provider', () => {
  it('takes two documents, and as many however many ask', async () => {
    const { asked, find } = publishing(() => ({ keys: [{ ...rsa, kid: '1' }] }));
    await Promise.all([find('1', 0), find('1', 1), find('1', 0)]);
    expect(asked).toEqual([`${url}/.well-known/openid-configuration a`, `${url}/jwks a`]);
  });

  it('is not what everyone can cause with names of keys that do not exist', async () => {
    const { asked, find } = publishing(() => ({ keys: [{ ...rsa, kid: '1' }] }));
    await find('1', 0);
    for (let now = 1; now < NEW_KEYS_COOL_DOWN_MS; now += 1000) {
      await expect(find('made up', now)).rejects.toMatchObject(noKey);
    }
    expect(asked).toHaveLength(2);
    await expect(find('made up', NEW_KEYS_COOL_DOWN_MS)).rejects.toMatchObject(noKey);
    await expect(find('made up', NEW_KEYS_COOL_DOWN_MS + 1)).rejects.toMatchObject(noKey);
    expect(asked).toHaveLength(4);
  });

  it('pauses after a failure, which all are told meanwhile, and then begins anew', async () => {
    let up = false;
    const failure = new KeyholdError('IDPCommunicationErrorException', 'down');
    const { asked, find } = publishing(() => {
      if (!up) throw failure;
      return { keys: [{ ...rsa, kid: '1' }] };
    });
    await expect(find('1', 0)).rejects.toBe(failure);
    await expect(find('1', FAILURE_COOL_DOWN_MS - 1)).rejects.toBe(failure);
    expect(asked).toHaveLength(2);
    up = true;
    await expect(find('1', FAILURE_COOL_DOWN_MS)).resolves.toBeDefined();
  });

  it('happens again when keys are old, and a failure then is not covered by them', async () => {
    let up = true;
    const failure = new KeyholdError('IDPCommunicationErrorException', 'down');
    const { find } = publishing(() => {
      if (!up) throw failure;
      return { keys: [{ ...rsa, kid: '1' }] };
    });
    await find('1', 0);
    up = false;
    await expect(find('1', KEYS_MAX_AGE_MS - 1)).resolves.toBeDefined();
    await expect(find('1', KEYS_MAX_AGE_MS)).rejects.toBe(failure);
  });

  it('happens again when the sandbox’s clock has gone back', async () => {
    const { asked, find } = publishing(() => ({ keys: [{ ...rsa, kid: '1' }] }));
    await find('1', 10 * KEYS_MAX_AGE_MS);
    await find('1', 0);
    expect(asked).toHaveLength(4);
  });

  it('is apart for accounts that trust other certificates', async () => {
    const { asked, keys } = publishing(() => ({ keys: [{ ...rsa, kid: '1' }] }));
    const header = { alg: 'RS256', kid: '1' };
    await keys.of(provider, 0)(header, { payload: '', signature: '' });
    await keys.of({ ...provider, thumbprints: ['b'] }, 0)(header, { payload: '', signature: '' });
    expect(asked).toHaveLength(4);
  });
});

describe('a provider has no key for a token', () => {
  it('if its discovery document is of another issuer, or is none', async () => {
    for (const document of [
      { ...configuration, issuer: `${url}/` },
      { ...configuration, issuer: undefined },
      { issuer: url },
      { issuer: url, jwks_uri: 'http://127.0.0.1/jwks' },
      { issuer: url, jwks_uri: 7 },
      [],
      null,
      'text',
    ]) {
      const { find } = scripted({ [`${url}/.well-known/openid-configuration`]: () => document });
      await expect(find('1', 0), JSON.stringify(document)).rejects.toMatchObject(noKey);
    }
  });

  it('if its key set is none', async () => {
    for (const document of [null, 'text', [], {}, { keys: {} }, { keys: null }, { keys: [null, 7, []] }]) {
      await expect(publishing(() => document).find('1', 0), JSON.stringify(document)).rejects.toMatchObject(noKey);
    }
  });

  it('if none, or more than one, is the one that the token names', async () => {
    const { find } = publishing(() => ({
      keys: [
        { ...rsa, kid: '1' },
        { ...rsa, kid: 'twice' },
        { ...rsa, kid: 'twice' },
        { ...rsa, kid: 'for encryption', use: 'enc' },
        { ...rsa, kid: 'malformed', n: undefined },
        { kty: 'oct', kid: 'symmetric', k: 'AAAA' },
      ],
    }));
    await expect(find('1', 0)).resolves.toBeDefined();
    for (const kid of ['2', 'twice', 'for encryption', 'malformed', 'symmetric', undefined]) {
      await expect(find(kid, 0), kid).rejects.toMatchObject(noKey);
    }
  });

  it('if it has more than a hundred of that type, as in AWS', async () => {
    const hundred = Array.from({ length: 100 }, (_, at) => ({ ...rsa, kid: String(at) }));
    await expect(publishing(() => ({ keys: hundred })).find('7', 0)).resolves.toBeDefined();
    const { find } = publishing(() => ({ keys: [...hundred, { ...rsa, kid: '100' }, { ...ec, kid: 'ec' }] }));
    await expect(find('7', 0)).rejects.toMatchObject(noKey);
    await expect(find('ec', 0, 'ES256')).resolves.toBeDefined();
  });

  it('if its URL is one that keys are not fetched from', async () => {
    const { asked, keys } = publishing(() => ({ keys: [] }));
    const insecure = { ...provider, url: 'http://provider.example' };
    const found = keys.of(insecure, 0)({ alg: 'RS256', kid: '1' }, { payload: '', signature: '' });
    await expect(found).rejects.toMatchObject(noKey);
    expect(asked).toEqual([]);
  });
});
