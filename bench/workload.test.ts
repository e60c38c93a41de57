import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Answer, checkAnswer, type KeyUnderTest, workloads } from './workload.ts';

const key: KeyUnderTest = { keyId: 'key-1', number: 1, made: 'AAAA' };
const another: KeyUnderTest = { keyId: 'key-0', number: 0, made: 'BBBB' };
const KeyId = 'arn:aws:kms:us-east-1:111122223333:key/key-1';

function named(name: string) {
  const workload = workloads.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new Error(`no workload ${name}`);
  return workload;
}

/** @param told what the server tells by its other operations */
function check(name: string, answer: Answer, told: Readonly<Record<string, Answer>> = {}, about = key) {
  return checkAnswer(
    named(name),
    about,
    JSON.stringify({ KeyId, ...answer }),
    async (operation) => told[operation] ?? {},
  );
}

const plaintextOf = (about: KeyUnderTest) => (named('Encrypt').input(about) as { Plaintext: string }).Plaintext;
const messageOf = (about: KeyUnderTest) =>
  Buffer.from((named('Sign ECC_NIST_P256').input(about) as { Message: string }).Message, 'base64');
const base64 = (bytes: Buffer) => bytes.toString('base64');

const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const publicKey = base64(pair.publicKey.export({ format: 'der', type: 'spki' }));
const privateKey = base64(pair.privateKey.export({ format: 'der', type: 'pkcs8' }));
const signatureOf = (about: KeyUnderTest) => base64(sign('sha256', messageOf(about), pair.privateKey));
const GetPublicKey = { PublicKey: publicKey };

test('right answers pass', async () => {
  await check('Decrypt', { Plaintext: plaintextOf(key) });
  await check('Encrypt', { CiphertextBlob: 'CCCC' }, { Decrypt: { KeyId, Plaintext: plaintextOf(key) } });
  await check('GenerateDataKey', { CiphertextBlob: 'CCCC', Plaintext: 'x' }, { Decrypt: { KeyId, Plaintext: 'x' } });
  await check('Sign ECC_NIST_P256', { Signature: signatureOf(key) }, { GetPublicKey });
  await check('Verify ECC_NIST_P256', { SignatureValid: true }, { GetPublicKey }, { ...key, made: signatureOf(key) });
  const mac = base64(createHmac('sha256', 'secret').update(messageOf(key)).digest());
  await check('GenerateMac HMAC_256', { Mac: mac }, { VerifyMac: { MacValid: true } });
  await check(
    'GenerateDataKeyPair ECC_NIST_P256',
    { PublicKey: publicKey, PrivateKeyPlaintext: privateKey, PrivateKeyCiphertextBlob: 'CCCC' },
    { Decrypt: { KeyId, Plaintext: privateKey } },
  );
});

test('answers about another key are told', async () => {
  await expect(
    check('Decrypt', { KeyId: KeyId.replace('key-1', 'key-0'), Plaintext: plaintextOf(key) }),
  ).rejects.toThrow('a wrong answer to Decrypt under key-1');
});

test('wrong answers are told', async () => {
  const wrong = /a wrong answer/;
  await expect(check('Decrypt', { Plaintext: plaintextOf(another) })).rejects.toThrow(wrong);
  const CiphertextBlob = 'CCCC';
  const Decrypt = { KeyId, Plaintext: plaintextOf(another) };
  await expect(check('Encrypt', { CiphertextBlob }, { Decrypt })).rejects.toThrow(wrong);
  await expect(check('GenerateDataKey', { CiphertextBlob }, { Decrypt: { KeyId } })).rejects.toThrow(wrong);
  await expect(check('Sign ECC_NIST_P256', { Signature: signatureOf(another) }, { GetPublicKey })).rejects.toThrow(
    wrong,
  );
  const signed = { ...key, made: signatureOf(another) };
  await expect(check('Verify ECC_NIST_P256', { SignatureValid: true }, { GetPublicKey }, signed)).rejects.toThrow(
    wrong,
  );
  await expect(check('GenerateMac HMAC_256', { Mac: 'x' }, { VerifyMac: {} })).rejects.toThrow(wrong);
  const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  const PrivateKeyPlaintext = base64(other.export({ format: 'der', type: 'pkcs8' }));
  await expect(
    check(
      'GenerateDataKeyPair ECC_NIST_P256',
      { PublicKey: publicKey, PrivateKeyPlaintext, PrivateKeyCiphertextBlob: CiphertextBlob },
      { Decrypt: { KeyId, Plaintext: PrivateKeyPlaintext } },
    ),
  ).rejects.toThrow(wrong);
});
