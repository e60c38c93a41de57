import { createPublicKey, privateDecrypt, publicEncrypt } from 'node:crypto';
import { expect, test } from 'vitest';
import { keyPairMaker } from './rsa-key-maker.ts';

test('RSA keys of each size are made, several at once, each another one that works', async () => {
  const { make } = keyPairMaker();
  const specs = ['RSA_2048', 'RSA_3072', 'RSA_2048'] as const;
  const keys = await Promise.all(specs.map(make));
  expect(keys.map((key) => key.asymmetricKeyDetails?.modulusLength)).toEqual([2048, 3072, 2048]);
  expect(new Set(keys.map((key) => createPublicKey(key).export({ format: 'jwk' }).n)).size).toBe(3);
  for (const key of keys) {
    const sealed = publicEncrypt(createPublicKey(key), Buffer.from('x'));
    expect(privateDecrypt(key, sealed).toString()).toBe('x');
  }
});

test('the event loop turns while RSA keys are made, and a thread that has ended is replaced', async () => {
  const { make } = keyPairMaker();
  for (let round = 0; round < 2; round++) {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await make('RSA_3072');
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  }
});

test('no more keys are waited for than can be made in a while', async () => {
  const { make } = keyPairMaker();
  const wanted = Array.from({ length: 100 }, () => make('RSA_2048'));
  expect(() => make('RSA_2048')).toThrow(expect.objectContaining({ code: 'ThrottlingException' }));
  await expect(make('ECC_NIST_P256')).resolves.toBeDefined();
  // The others need not be waited for; but none may fail.
  await expect(Promise.race(wanted)).resolves.toBeDefined();
}, 120_000);

test('whoever waits when the server stops is refused, and nothing is made for them', async () => {
  const { make, stop } = keyPairMaker();
  const wanted = Promise.allSettled(Array.from({ length: 100 }, () => make('RSA_4096')));
  await stop();
  const refusal = expect.objectContaining({ code: 'ThrottlingException' });
  expect((await wanted).at(-1)).toEqual({ status: 'rejected', reason: refusal });
}, 120_000);
