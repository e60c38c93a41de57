import { execFileSync } from 'node:child_process';
import { createECDH, createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DeriveSharedSecretCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GetPublicKeyCommand,
  type KeyMetadata,
  type KeySpec,
  type KeyUsageType,
  type KMSClient,
  ReEncryptCommand,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { sm2 } from 'sm-crypto-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectRefusal, newKey, plaintext } from './support/kms.ts';
import { cleanUp, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

/** SM2 keys in China Regions, with OpenSSL at the other end of every algorithm. */

const directory = temporaryDirectory();
let server: TestServer;
let china: KMSClient;
let elsewhere: KMSClient;
let encrypting: KeyMetadata;
let signing: KeyMetadata;
let agreeing: KeyMetadata;

beforeAll(async () => {
  server = await startServer();
  china = server.kms({ region: 'cn-north-1' });
  elsewhere = server.kms();
  [encrypting, signing, agreeing] = [
    await newSm2Key('ENCRYPT_DECRYPT'),
    await newSm2Key('SIGN_VERIFY'),
    await newSm2Key('KEY_AGREEMENT'),
  ];
});
afterAll(() => cleanUp(server));

async function create(kms: KMSClient, input: CreateKeyCommandInput): Promise<KeyMetadata> {
  const { KeyMetadata: key } = await kms.send(new CreateKeyCommand(input));
  if (key === undefined) throw new Error('CreateKey answers with the key');
  return key;
}
const newSm2Key = (KeyUsage: KeyUsageType) => create(china, { KeySpec: 'SM2', KeyUsage });

async function publicKeyOf(key: KeyMetadata): Promise<Uint8Array> {
  const { PublicKey } = await china.send(new GetPublicKeyCommand({ KeyId: key.KeyId }));
  if (PublicKey === undefined) throw new Error('GetPublicKey answers with it');
  return PublicKey;
}

function openssl(args: string[], files: Record<string, Uint8Array | undefined>): Buffer {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content ?? '');
  return execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
}
const BY_PUBLIC = ['-pubin', '-inkey', 'public.der', '-keyform', 'DER'];
const BY_PRIVATE = ['-inkey', 'private.der', '-keyform', 'DER'];
const WITH_ID = ['-rawin', '-digest', 'sm3', '-pkeyopt', 'distid:1234567812345678'];

describe('an SM2 key', () => {
  test('is made in a China Region, with the algorithms of its usage', async () => {
    expect(encrypting).toMatchObject({
      Arn: `arn:aws-cn:kms:cn-north-1:${server.accountId}:key/${encrypting.KeyId}`,
      KeySpec: 'SM2',
      CustomerMasterKeySpec: 'SM2',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeyState: 'Enabled',
      EncryptionAlgorithms: ['SM2PKE'],
    });
    expect(signing).toMatchObject({ KeyUsage: 'SIGN_VERIFY', SigningAlgorithms: ['SM2DSA'] });
    expect(agreeing).toMatchObject({ KeyUsage: 'KEY_AGREEMENT', KeyAgreementAlgorithms: ['ECDH'] });
    const { KeyMetadata: described } = await china.send(new DescribeKeyCommand({ KeyId: signing.KeyId }));
    expect(described).toEqual(signing);
  });

  test('has a public key that OpenSSL reads', async () => {
    const { $metadata: _, PublicKey, ...rest } = await china.send(new GetPublicKeyCommand({ KeyId: signing.KeyId }));
    expect(rest).toEqual({
      KeyId: signing.Arn,
      KeySpec: 'SM2',
      CustomerMasterKeySpec: 'SM2',
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: ['SM2DSA'],
    });
    const text = openssl(['pkey', '-pubin', '-inform', 'DER', '-in', 'public.der', '-text', '-noout'], {
      'public.der': PublicKey,
    });
    expect(text.toString()).toMatch('ASN1 OID: SM2');
  });

  test('is refused in other Regions, and the ML-KEM specs are in China’s', async () => {
    for (const KeyUsage of ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'KEY_AGREEMENT'] as const) {
      await expectRefusal(
        create(elsewhere, { KeySpec: 'SM2', KeyUsage }),
        'UnsupportedOperationException',
        'KeySpec SM2 is not supported in this region.',
      );
    }
    for (const KeySpec of ['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] satisfies KeySpec[]) {
      const input = { KeySpec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' } as const;
      await expectRefusal(
        create(china, input),
        'UnsupportedOperationException',
        `KeySpec ${KeySpec} is not supported in this region.`,
      );
      expect(await create(elsewhere, input)).toMatchObject({ KeySpec });
    }
    expect(await create(server.kms({ region: 'cn-northwest-1' }), { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' })).toEqual(
      expect.objectContaining({ Arn: expect.stringMatching(/^arn:aws-cn:kms:cn-northwest-1:/) }),
    );
  });

  test('has none of the usages that go with other specs', async () => {
    for (const KeyUsage of ['GENERATE_VERIFY_MAC', 'ENCAPSULATE_DECAPSULATE'] as const) {
      await expectRefusal(
        create(china, { KeySpec: 'SM2', KeyUsage }),
        'ValidationException',
        `KeyUsage ${KeyUsage} is not compatible with KeySpec SM2`,
      );
    }
  });
});

describe('SM2PKE', () => {
  const EncryptionAlgorithm = 'SM2PKE';
  const encrypt = (Plaintext: Uint8Array) =>
    china.send(new EncryptCommand({ KeyId: encrypting.KeyId, Plaintext, EncryptionAlgorithm }));
  const decrypt = (CiphertextBlob: Uint8Array | undefined) =>
    china.send(new DecryptCommand({ KeyId: encrypting.KeyId, CiphertextBlob, EncryptionAlgorithm }));

  test('encrypts up to 1024 bytes, and no more', async () => {
    for (const length of [1, 32, 1024]) {
      const { $metadata: _, CiphertextBlob, ...encrypted } = await encrypt(Buffer.alloc(length, 7));
      expect(encrypted).toEqual({ KeyId: encrypting.Arn, EncryptionAlgorithm });
      const { $metadata: __, Plaintext, ...decrypted } = await decrypt(CiphertextBlob);
      expect(decrypted).toEqual({ KeyId: encrypting.Arn, EncryptionAlgorithm });
      expect(Plaintext).toEqual(new Uint8Array(length).fill(7));
    }
    await expectRefusal(
      encrypt(Buffer.alloc(1025)),
      'ValidationException',
      'Algorithm SM2PKE and key spec SM2 cannot encrypt data larger than 1024 bytes.',
    );
  });

  test('decrypts what OpenSSL encrypts under the public key', async () => {
    const files = { 'public.der': await publicKeyOf(encrypting), plaintext: Buffer.alloc(1024, 'plaintext') };
    const ciphertext = openssl(['pkeyutl', '-encrypt', ...BY_PUBLIC, '-in', 'plaintext'], files);
    expect(Buffer.from((await decrypt(ciphertext)).Plaintext ?? [])).toEqual(files.plaintext);
  });

  test('re-encrypts from and to other algorithms', async () => {
    const symmetric = await newKey(china);
    const { CiphertextBlob } = await encrypt(plaintext);
    const answer = await china.send(
      new ReEncryptCommand({
        CiphertextBlob,
        SourceKeyId: encrypting.KeyId,
        SourceEncryptionAlgorithm: EncryptionAlgorithm,
        DestinationKeyId: symmetric.id,
      }),
    );
    const { Plaintext } = await china.send(new DecryptCommand({ CiphertextBlob: answer.CiphertextBlob }));
    expect(Buffer.from(Plaintext ?? [])).toEqual(plaintext);
    const back = await china.send(
      new ReEncryptCommand({
        CiphertextBlob: answer.CiphertextBlob,
        DestinationKeyId: encrypting.KeyId,
        DestinationEncryptionAlgorithm: EncryptionAlgorithm,
      }),
    );
    expect(Buffer.from((await decrypt(back.CiphertextBlob)).Plaintext ?? [])).toEqual(plaintext);
  });

  test('refuses what does not open, whatever is wrong with it', async () => {
    const good = Buffer.from((await encrypt(plaintext)).CiphertextBlob ?? []);
    const changed = Buffer.from(good);
    changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
    const ofAnother = openssl(['pkeyutl', '-encrypt', ...BY_PUBLIC, '-in', 'plaintext'], {
      'public.der': await publicKeyOf(signing),
      plaintext,
    });
    for (const blob of [changed, good.subarray(1), Buffer.from('junk'), Buffer.alloc(6144), ofAnother]) {
      await expectRefusal(decrypt(blob), 'InvalidCiphertextException');
    }
  });

  test('goes with SM2 keys that encrypt alone', async () => {
    const KeyId = encrypting.KeyId;
    await expectRefusal(
      china.send(new EncryptCommand({ KeyId, Plaintext: plaintext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' })),
      'InvalidKeyUsageException',
    );
    await expectRefusal(
      china.send(new EncryptCommand({ KeyId: signing.KeyId, Plaintext: plaintext, EncryptionAlgorithm })),
      'InvalidKeyUsageException',
    );
    await expectRefusal(
      elsewhere.send(
        new EncryptCommand({ KeyId: (await newKey(elsewhere)).id, Plaintext: plaintext, EncryptionAlgorithm }),
      ),
      'InvalidKeyUsageException',
    );
  });
});

describe('SM2DSA', () => {
  const SigningAlgorithm = 'SM2DSA';
  const message = Buffer.alloc(4096, 'attack at dawn');
  const sign = async (Message: Uint8Array, MessageType: 'RAW' | 'DIGEST' | 'EXTERNAL_MU') =>
    (await china.send(new SignCommand({ KeyId: signing.KeyId, Message, MessageType, SigningAlgorithm }))).Signature;
  const verify = (Message: Uint8Array, MessageType: 'RAW' | 'DIGEST', Signature: Uint8Array | undefined) =>
    china.send(new VerifyCommand({ KeyId: signing.KeyId, Message, MessageType, Signature, SigningAlgorithm }));

  /** SM3(ZA || message), as the caller computes it. */
  async function digestOf(text: Uint8Array): Promise<Buffer> {
    const point = Buffer.from(await publicKeyOf(signing)).subarray(26);
    return createHash('sm3')
      .update(sm2.getZ(point.toString('hex')))
      .update(text)
      .digest();
  }

  test('signs a message so that OpenSSL verifies it with the default user id', async () => {
    const files = { 'public.der': await publicKeyOf(signing), message, signature: await sign(message, 'RAW') };
    const args = ['pkeyutl', '-verify', ...BY_PUBLIC, ...WITH_ID, '-in', 'message', '-sigfile', 'signature'];
    expect(openssl(args, files).toString()).toMatch('Verified Successfully');
    expect(await verify(message, 'RAW', files.signature)).toMatchObject({
      KeyId: signing.Arn,
      SignatureValid: true,
      SigningAlgorithm,
    });
  });

  test('signs a digest so that it is the message’s signature', async () => {
    const digest = await digestOf(message);
    const signature = await sign(digest, 'DIGEST');
    expect(await verify(message, 'RAW', signature)).toMatchObject({ SignatureValid: true });
    expect(await verify(digest, 'DIGEST', await sign(message, 'RAW'))).toMatchObject({ SignatureValid: true });
    await expectRefusal(verify(digest, 'RAW', signature), 'KMSInvalidSignatureException');
  });

  test('refuses signatures of another message, and what is none', async () => {
    const signature = await sign(message, 'RAW');
    await expectRefusal(verify(Buffer.from('another'), 'RAW', signature), 'KMSInvalidSignatureException');
    for (const none of [Buffer.from('junk'), Buffer.alloc(6144, 0x30), Buffer.from('3006020100020101', 'hex')]) {
      await expectRefusal(verify(message, 'RAW', none), 'KMSInvalidSignatureException');
    }
  });

  test('takes digests of 32 bytes, and no representative of ML-DSA', async () => {
    for (const length of [31, 33, 64]) {
      await expectRefusal(
        sign(Buffer.alloc(length), 'DIGEST'),
        'ValidationException',
        'Digest is invalid length for algorithm SM2DSA.',
      );
    }
    await expectRefusal(
      sign(Buffer.alloc(64), 'EXTERNAL_MU'),
      'ValidationException',
      'Message type EXTERNAL_MU is incompatible with key spec SM2.',
    );
  });
});

describe('ECDH', () => {
  const derive = (PublicKey: Uint8Array) =>
    china.send(new DeriveSharedSecretCommand({ KeyId: agreeing.KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey }));

  test('gives both sides the x-coordinate', async () => {
    const other = await newSm2Key('KEY_AGREEMENT');
    const { SharedSecret } = await derive(await publicKeyOf(other));
    expect(SharedSecret).toHaveLength(32);
    const { $metadata: _, ...answer } = await china.send(
      new DeriveSharedSecretCommand({
        KeyId: other.KeyId,
        KeyAgreementAlgorithm: 'ECDH',
        PublicKey: await publicKeyOf(agreeing),
      }),
    );
    expect(answer).toEqual({
      KeyId: other.Arn,
      SharedSecret,
      KeyAgreementAlgorithm: 'ECDH',
      KeyOrigin: 'AWS_KMS',
    });
  });

  test('of the base point gives the public key’s own x-coordinate', async () => {
    const base = createECDH('SM2');
    base.setPrivateKey(Buffer.from('01'.padStart(64, '0'), 'hex'));
    const own = Buffer.from(await publicKeyOf(agreeing));
    const spki = Buffer.concat([own.subarray(0, 26), base.getPublicKey()]);
    expect(Buffer.from((await derive(spki)).SharedSecret ?? [])).toEqual(own.subarray(27, 59));
  });

  test('refuses other curves’ keys and points on none', async () => {
    const offCurve = Buffer.from(await publicKeyOf(agreeing));
    offCurve[offCurve.length - 1] = (offCurve.at(-1) as number) ^ 1;
    const p256 = await create(china, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    for (const publicKey of [offCurve, await publicKeyOf(p256), Buffer.from('junk')]) {
      await expectRefusal(derive(publicKey), 'ValidationException');
    }
  });
});

describe('a data key pair', () => {
  test('comes with its private key in the clear and encrypted, and OpenSSL uses it', async () => {
    const { id } = await newKey(china);
    const pair = await china.send(new GenerateDataKeyPairCommand({ KeyId: id, KeyPairSpec: 'SM2' }));
    expect(pair.KeyPairSpec).toBe('SM2');
    const { Plaintext } = await china.send(new DecryptCommand({ CiphertextBlob: pair.PrivateKeyCiphertextBlob }));
    expect(Plaintext).toEqual(pair.PrivateKeyPlaintext);

    const files = { 'public.der': pair.PublicKey, 'private.der': pair.PrivateKeyPlaintext, message: plaintext };
    const signature = openssl(['pkeyutl', '-sign', ...BY_PRIVATE, ...WITH_ID, '-in', 'message'], files);
    const args = ['pkeyutl', '-verify', ...BY_PUBLIC, ...WITH_ID, '-in', 'message', '-sigfile', 'signature'];
    expect(openssl(args, { signature }).toString()).toMatch('Verified Successfully');

    const without = await china.send(new GenerateDataKeyPairWithoutPlaintextCommand({ KeyId: id, KeyPairSpec: 'SM2' }));
    expect(without.PublicKey).toHaveLength(91);
    expect(without).not.toHaveProperty('PrivateKeyPlaintext');
  });

  test('is refused in other Regions, and ML-KEM’s in China’s', async () => {
    const { id } = await newKey(elsewhere);
    await expectRefusal(
      elsewhere.send(new GenerateDataKeyPairCommand({ KeyId: id, KeyPairSpec: 'SM2' })),
      'UnsupportedOperationException',
      'KeyPairSpec SM2 is not supported in this region.',
    );
    await expectRefusal(
      china.send(new GenerateDataKeyPairCommand({ KeyId: (await newKey(china)).id, KeyPairSpec: 'ML_KEM_768' })),
      'UnsupportedOperationException',
      'KeyPairSpec ML_KEM_768 is not supported in this region.',
    );
  });
});

test('SM2 keys work after a restart', async () => {
  const Message = Buffer.from('before');
  const input = { KeyId: signing.KeyId, Message, SigningAlgorithm: 'SM2DSA' } as const;
  const { Signature } = await china.send(new SignCommand(input));
  await server.stop();
  server = await startServer({ dataDir: server.dataDir });
  const answer = await server.kms({ region: 'cn-north-1' }).send(new VerifyCommand({ ...input, Signature }));
  expect(answer.SignatureValid).toBe(true);
});
