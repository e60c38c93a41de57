import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { CredentialScope, ParsedSignature } from './signed-request.ts';
import { exampleAccessKeyId, exampleSecretAccessKey } from './signing.test-helper.ts';
import { SigningKeyCache, SigningSecret } from './signing-key.ts';

const scope: CredentialScope = {
  accessKeyId: exampleAccessKeyId,
  date: '20150830',
  region: 'us-east-1',
  service: 'iam',
  terminator: 'aws4_request',
};

function parsedSignature(accessKeyId: string, date = '20150830'): ParsedSignature {
  return {
    scope: { ...scope, accessKeyId, date },
    credential: `${accessKeyId}/${date}/us-east-1/iam/aws4_request`,
    signedHeaders: [],
    signedHeadersText: '',
    signature: '',
    timestamp: 0,
    timestampText: '',
    sessionToken: undefined,
    headerNames: [],
  };
}

describe('SigningSecret', () => {
  test("derives the signing key of AWS's published example", () => {
    const expected = 'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9';
    const fromText = new SigningSecret(exampleSecretAccessKey).deriveSigningKey(scope);
    const fromBytes = new SigningSecret(Buffer.from(exampleSecretAccessKey)).deriveSigningKey(scope);
    expect(fromText.export().toString('hex')).toBe(expected);
    expect(fromBytes.export().toString('hex')).toBe(expected);
  });

  test('shows nothing of itself', () => {
    const secret = new SigningSecret(exampleSecretAccessKey);
    const shown = [JSON.stringify({ secret }), inspect(secret, { depth: 9, showHidden: true }), String(secret)];
    shown.push(inspect(structuredClone(secret)), inspect({ ...secret }));
    for (const text of shown) expect(text).not.toContain('wJalr');
    expect(JSON.stringify(secret)).toBe('{}');
  });
});

describe('SigningKeyCache', () => {
  test('hands a key out only for the secret it was derived from', () => {
    const keys = new SigningKeyCache();
    const parsed = parsedSignature('AKIDEXAMPLE');
    const secret = new SigningSecret('old');
    const key = secret.deriveSigningKey(parsed.scope);
    expect(keys.find(parsed, secret)).toBeUndefined();
    keys.remember(parsed, secret, key);
    expect(keys.find(parsed, secret)).toBe(key);
    expect(keys.find(parsed, new SigningSecret('new'))).toBeUndefined();
    expect(keys.find(parsedSignature('AKIDEXAMPLE', '20150831'), secret)).toBeUndefined();
  });

  test('forgets one access key, or all', () => {
    const keys = new SigningKeyCache();
    const secret = new SigningSecret('secret');
    const key = secret.deriveSigningKey(scope);
    const [first, second, longer, other] = [
      parsedSignature('AKIDEXAMPLE'),
      parsedSignature('AKIDEXAMPLE', '20150831'),
      parsedSignature('AKIDEXAMPLE2'),
      parsedSignature('OTHER'),
    ];
    for (const parsed of [first, second, longer, other]) keys.remember(parsed, secret, key);
    keys.forget('AKIDEXAMPLE');
    expect([first, second, longer, other].map((parsed) => keys.find(parsed, secret))).toEqual([
      undefined,
      undefined,
      key,
      key,
    ]);
    keys.clear();
    expect(keys.size).toBe(0);
  });

  test('is bounded', () => {
    const keys = new SigningKeyCache({ maxEntries: 10 });
    const secret = new SigningSecret('secret');
    const key = secret.deriveSigningKey(scope);
    for (let index = 0; index < 1000; index++) keys.remember(parsedSignature(`AKID${index}`), secret, key);
    expect(keys.size).toBe(10);
  });
});
