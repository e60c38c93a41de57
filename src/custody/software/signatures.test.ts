import { createPublicKey } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { generateKeyPair } from '../../crypto/key-pair.ts';
import { digestBytes } from '../../crypto/signature.ts';
import { systemRandom } from '../../runtime/random.ts';
import { type SignatureThread, signaturesApart, signaturesHere } from './signatures.ts';

const random = systemRandom();
const opened: SignatureThread[] = [];
afterEach(() => Promise.all(opened.splice(0).map(({ stop }) => stop())));

function openThread(): SignatureThread {
  const thread = signaturesApart(random);
  opened.push(thread);
  return thread;
}

const slow = [
  ['ECC_NIST_P384', 'ECDSA_SHA_384', 'DIGEST'],
  ['ECC_NIST_P521', 'ECDSA_SHA_512', 'DIGEST'],
  ['ML_DSA_87', 'ML_DSA_SHAKE_256', 'EXTERNAL_MU'],
  ['SM2', 'SM2DSA', 'DIGEST'],
  ['SM2', 'SM2DSA', 'RAW'],
] as const;

test.each(slow)('%s, %s over a message of the type %s: both sides take what the other signs', async (spec, ...of) => {
  const [algorithm, messageType] = of;
  const [here, apart] = [signaturesHere(random), openThread()];
  const key = await generateKeyPair(spec);
  const publicKey = createPublicKey(key);
  const message = random.bytes(digestBytes(algorithm));
  const other = random.bytes(message.length);
  for (const [signer, verifier] of [
    [apart, here],
    [here, apart],
  ] as const) {
    const signature = await signer.sign(key, algorithm, message, messageType);
    expect(await verifier.verify(publicKey, algorithm, message, messageType, signature)).toBe(true);
    expect(await verifier.verify(publicKey, algorithm, other, messageType, signature)).toBe(false);
    expect(await verifier.verify(publicKey, algorithm, message, messageType, Buffer.alloc(6144, 0xff))).toBe(false);
  }
});

test('signatures that take JavaScript long do not hold up the event loop', async () => {
  const { sign } = openThread();
  const key = await generateKeyPair('ML_DSA_87');
  const mu = random.bytes(64);
  await sign(key, 'ML_DSA_SHAKE_256', mu, 'EXTERNAL_MU');
  const before = performance.eventLoopUtilization();
  await Promise.all(Array.from({ length: 20 }, () => sign(key, 'ML_DSA_SHAKE_256', mu, 'EXTERNAL_MU')));
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
});

test('one that fails does not end those that wait behind it', async () => {
  const { sign } = openThread();
  const [wrong, right] = [await generateKeyPair('ECC_NIST_P384'), await generateKeyPair('ML_DSA_87')];
  const mu = random.bytes(64);
  const failing = sign(wrong, 'ML_DSA_SHAKE_256', mu, 'EXTERNAL_MU');
  const following = sign(right, 'ML_DSA_SHAKE_256', mu, 'EXTERNAL_MU');
  await expect(failing).rejects.toThrow('the key is an ML-DSA key');
  await expect(following).resolves.toBeDefined();
});

test('no more signatures are waited for than can be made in a while', async () => {
  const { sign, verify } = openThread();
  const key = await generateKeyPair('ECC_NIST_P384');
  const digest = random.bytes(48);
  const wanted = Array.from({ length: 1000 }, () => sign(key, 'ECDSA_SHA_384', digest, 'DIGEST'));
  await expect(sign(key, 'ECDSA_SHA_384', digest, 'DIGEST')).rejects.toHaveProperty('code', 'ThrottlingException');
  await expect(sign(key, 'ECDSA_SHA_384', digest, 'RAW')).resolves.toBeDefined();
  await Promise.all(wanted);
  const signature = await sign(key, 'ECDSA_SHA_384', digest, 'DIGEST');
  expect(await verify(createPublicKey(key), 'ECDSA_SHA_384', digest, 'DIGEST', signature)).toBe(true);
}, 60_000);

test('a thread that is stopped turns away whoever waits, and ends', async () => {
  const { sign, stop } = openThread();
  const key = await generateKeyPair('ML_DSA_87');
  const signed = () => sign(key, 'ML_DSA_SHAKE_256', Buffer.alloc(64), 'EXTERNAL_MU');
  const wanted = Promise.allSettled(Array.from({ length: 200 }, signed));
  await stop();
  expect((await wanted).at(-1)).toHaveProperty('reason.code', 'ThrottlingException');
  await expect(signed()).rejects.toHaveProperty('code', 'ThrottlingException');
});
