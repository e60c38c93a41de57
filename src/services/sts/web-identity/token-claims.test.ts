import { describe, expect, it } from 'vitest';
import { readToken } from './token-claims.ts';

const claims = { iss: 'https://a.example', sub: 'someone', aud: 'client', iat: 100, exp: 200 };

function token(payload: unknown, header: unknown = { alg: 'RS256', kid: '1' }): string {
  const parts = [header, payload].map((part) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'),
  );
  return `${parts.join('.')}.c2lnbmF0dXJl`;
}

const notAnIdToken = {
  code: 'InvalidIdentityTokenException',
  message: 'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
};
const refusal = (message: string) => ({ code: 'InvalidIdentityTokenException', message });

describe('a token', () => {
  it('says who it is of, for whom, and for how long', () => {
    expect(readToken(token({ ...claims, nbf: 150, azp: 'party', aud: ['a', 'b'] }))).toMatchObject({
      issuer: 'https://a.example',
      subject: 'someone',
      audiences: ['a', 'b'],
      authorizedParty: 'party',
      begin: 150,
      expiry: 200,
    });
    const plain = readToken(token(claims));
    expect(plain).toMatchObject({ audiences: ['client'], begin: 100 });
    expect(plain).not.toHaveProperty('authorizedParty');
  });

  it('is a JWS with an algorithm of AWS’s', () => {
    for (const alg of ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512']) {
      expect(readToken(token(claims, { alg })).subject).toBe('someone');
    }
    for (const alg of ['none', 'HS256', 'HS512', 'PS256', 'EdDSA', 'rs256', 'toString', '', 7, null, undefined]) {
      expect(() => readToken(token(claims, { alg })), String(alg)).toThrow(expect.objectContaining(notAnIdToken));
    }
  });

  it('is a JWT, and nothing that only resembles one', () => {
    const [header, payload, signature] = token(claims).split('.');
    for (const text of [
      'Atza|opaque',
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.x.y`,
      `.${payload}.${signature}`,
      token('[]'),
      token('"text"'),
      token('{"iss"'),
      token('null'),
      token(claims, 'null'),
      token(claims, '[]'),
      `${header}.%%%.${signature}`,
    ]) {
      expect(() => readToken(text), text).toThrow(expect.objectContaining(notAnIdToken));
    }
  });

  it('has the claims that AWS requires', () => {
    for (const name of ['iss', 'sub', 'aud', 'iat', 'exp']) {
      const rest = Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
      const missing = expect.objectContaining(refusal(`Missing a required claim: ${name}`));
      expect(() => readToken(token(rest))).toThrow(missing);
      expect(() => readToken(token({ ...claims, [name]: null }))).toThrow(missing);
    }
    expect(() => readToken(token({}))).toThrow('Missing a required claim: iss');
  });

  it('cannot borrow claims that every object inherits', () => {
    const payload = `{"__proto__": ${JSON.stringify(claims)}}`;
    expect(() => readToken(token(payload))).toThrow('Missing a required claim: iss');
  });

  it('has an issuer that is a URL', () => {
    expect(() => readToken(token({ ...claims, iss: 'kubernetes/serviceaccount' }))).toThrow(
      expect.objectContaining(refusal('Issuer must be a valid URL')),
    );
  });

  it('has claims of the types that the specification gives them', () => {
    for (const [name, values] of Object.entries({
      iss: [7, ''],
      sub: [7, '', 'a'.repeat(256), {}, '\ud800'],
      aud: [7, [], [7], ['a', null], '', {}, ['\udc00']],
      azp: [7, '', []],
      exp: ['200', 200.5, 1e300, true],
      iat: ['100', 100.5],
      nbf: ['100', null],
    })) {
      for (const value of values) {
        expect(() => readToken(token({ ...claims, [name]: value })), `${name}: ${JSON.stringify(value)}`).toThrow(
          expect.objectContaining({ code: 'InvalidIdentityTokenException' }),
        );
      }
    }
  });
});
