import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { expect, it } from 'vitest';
import { KeyholdError } from '../../../runtime/errors.ts';
import { seededRandom } from '../../../runtime/random.test-helper.ts';
import { type OidcProvider, providerKeys } from './provider-keys.ts';
import { readToken } from './token-claims.ts';
import { verifyToken } from './verify-token.ts';

const url = 'https://provider.example';
const provider: OidcProvider = { url, clientIds: ['client'], thumbprints: [] };
const now = 1_800_000_000;

/** Tokens of a provider that publishes this key. */
async function providerWith(alg: string, published: (key: JWK) => JWK = (key) => key) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const keySet = { keys: [published({ ...(await exportJWK(publicKey)), kid: '1' })] };
  const keys = providerKeys(async ({ pathname }) =>
    pathname === '/jwks' ? keySet : { issuer: url, jwks_uri: `${url}/jwks` },
  );
  return {
    sign: (claims: object) =>
      new SignJWT({ iss: url, sub: 'someone', aud: 'client', iat: now, exp: now + 60, ...claims })
        .setProtectedHeader({ alg, kid: '1' })
        .sign(privateKey),
    verify: async (token: string) => verifyToken(readToken(token), provider, keys, now * 1000),
  };
}

it('tokens are believed that are signed with any of AWS’s algorithms', async () => {
  for (const alg of ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512']) {
    const { sign, verify } = await providerWith(alg);
    await expect(verify(await sign({})), alg).resolves.toMatchObject({ subject: 'someone' });
  }
});

it('a key is of no use for an algorithm that is not its own', async () => {
  const { sign, verify } = await providerWith('RS256', (key) => ({ ...key, alg: 'RS512' }));
  await expect(verify(await sign({}))).rejects.toMatchObject({ code: 'InvalidIdentityTokenException' });
});

it('an RSA key too short to be safe is of no use', async () => {
  const { sign, verify } = await providerWith('RS256', (key) => ({ ...key, n: (key.n ?? '').slice(0, 170) }));
  await expect(verify(await sign({}))).rejects.toMatchObject({ code: 'InvalidIdentityTokenException' });
});

it('a token that was changed anywhere is refused, and refused as a token is', async () => {
  const { sign, verify } = await providerWith('ES256');
  const token = await sign({ 'https://aws.amazon.com/tags': { principal_tags: { Team: ['blue'] } } });
  const believed = await verify(token);
  const random = seededRandom('mutated web identity tokens');
  const number = (below: number) => random.bytes(4).readUInt32BE() % below;
  const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ é\0{}"';
  for (let run = 0; run < 5000; run++) {
    const at = number(token.length);
    const cut = number(3);
    const put = Array.from({ length: number(3) }, () => characters[number(characters.length)]).join('');
    const mutated = token.slice(0, at) + put + token.slice(at + cut);
    try {
      // What differs in unused bits of base64 alone is the same token.
      expect(await verify(mutated)).toEqual(believed);
    } catch (error) {
      expect(error, mutated).toBeInstanceOf(KeyholdError);
      expect(['InvalidIdentityTokenException', 'ExpiredTokenException', 'ValidationException']).toContain(
        (error as KeyholdError).code,
      );
    }
  }
});
