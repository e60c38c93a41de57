import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsClient, type ClientInput, type ClientKind, type ClientOutput, describeWith } from './clients.ts';
import { openssl, opensslCommand } from './openssl.ts';
import { cleanUp, startServer, type TestServer } from './server.ts';
import { wrapWithOpenssl } from './wrap-with-openssl.ts';

const OWNER = '111122223333';
const GRANTEE = '444455556666';
const message = Buffer.from('Order 4711: 12 crates of quinces\0\xff', 'latin1');
const context = { tenant: 'Müller & Söhne', purpose: 'orders' };

/**
 * What keys can do beside envelope encryption, through one of AWS's clients: each kind of key in its own use, keys that
 * rotate, that have relatives in another Region, whose material comes from outside, and that others may use by a grant.
 * OpenSSL's command line stands for whoever is at the other end.
 *
 * Encapsulate and Decapsulate are not here: no version of the AWS CLI or boto3 that we could install knows them yet, so that
 * only the SDK for JavaScript calls them (`test/operations/encapsulate.test.ts`).
 */
export function keyKindsFlow(kind: ClientKind): void {
  const needed = {
    name: `openssl, or a version of ${kind.name} with DeriveSharedSecret,`,
    isInstalled: () => opensslCommand.isInstalled() && kind.isInstalled() && kind.knows('DeriveSharedSecret'),
  };
  describeWith(needed, `keys of every kind with ${kind.name}`, () => {
    let server: TestServer;
    let client: AwsClient;
    let ireland: AwsClient;
    let grantee: AwsClient;

    beforeAll(async () => {
      server = await startServer({ args: ['--sandbox'] });
      client = kind.connect(server, { accountId: OWNER });
      ireland = kind.connect(server, { accountId: OWNER, region: 'eu-west-1' });
      grantee = kind.connect(server, { accountId: GRANTEE });
    });

    afterAll(async () => {
      for (const each of [client, ireland, grantee]) each?.close();
      await cleanUp(server);
    });

    async function createKey(input: ClientInput = {}) {
      return present(await client.call('CreateKey', input), 'KeyMetadata');
    }

    async function publicKeyOf(KeyId: string): Promise<Buffer> {
      return present(await client.call('GetPublicKey', { KeyId }), 'PublicKey');
    }

    async function encrypt(by: AwsClient, KeyId: string, EncryptionContext = context): Promise<Buffer> {
      return present(await by.call('Encrypt', { KeyId, Plaintext: message, EncryptionContext }), 'CiphertextBlob');
    }

    async function decrypt(by: AwsClient, CiphertextBlob: Buffer, EncryptionContext = context) {
      const answer = await by.call('Decrypt', { CiphertextBlob, EncryptionContext });
      expect(answer.Plaintext).toEqual(message);
      return answer;
    }

    test.each([
      ['ECC_NIST_P256', 'ECDSA_SHA_256', ['-sha256']],
      [
        'RSA_2048',
        'RSASSA_PSS_SHA_384',
        ['-sha384', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:48'],
      ],
    ])('a key of %s signs, and openssl verifies it with the public key', async (KeySpec, SigningAlgorithm, options) => {
      const { KeyId, Arn } = await createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' });
      const input = { KeyId, SigningAlgorithm, MessageType: 'RAW' };
      const signed = await client.call('Sign', { ...input, Message: message });
      expect(signed).toMatchObject({ KeyId: Arn, SigningAlgorithm });
      const signature = present(signed, 'Signature');
      const told = openssl(
        ['dgst', ...options, '-verify', 'public', '-keyform', 'DER', '-signature', 'signature', 'file'],
        {
          public: await publicKeyOf(KeyId),
          signature,
          file: message,
        },
      );
      expect(String(told)).toBe('Verified OK\n');
      const verify = (Message: Buffer) => client.call('Verify', { ...input, Message, Signature: signature });
      expect(await verify(message)).toMatchObject({ SignatureValid: true, KeyId: Arn, SigningAlgorithm });
      await expect(verify(Buffer.from('another message'))).rejects.toMatchObject({
        name: 'KMSInvalidSignatureException',
      });
    });

    test('an HMAC key makes codes that it verifies, and no others', async () => {
      const { KeyId, Arn } = await createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
      const input = { KeyId, MacAlgorithm: 'HMAC_SHA_256', Message: message };
      const Mac = present(await client.call('GenerateMac', input), 'Mac');
      expect(Mac).toHaveLength(32);
      expect(await client.call('VerifyMac', { ...input, Mac })).toMatchObject({ MacValid: true, KeyId: Arn });
      const wrong = client.call('VerifyMac', { ...input, Mac, Message: Buffer.from('another message') });
      await expect(wrong).rejects.toMatchObject({ name: 'KMSInvalidMacException' });
    });

    test('two keys agree on a secret, and one agrees with a key of openssl', async () => {
      const agreement = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' };
      const [ours, theirs] = [await createKey(agreement), await createKey(agreement)];
      const derive = async (KeyId: string, PublicKey: Buffer) =>
        present(
          await client.call('DeriveSharedSecret', { KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey }),
          'SharedSecret',
        );
      const ourPublicKey = await publicKeyOf(ours.KeyId);
      const secret = await derive(ours.KeyId, await publicKeyOf(theirs.KeyId));
      expect(await derive(theirs.KeyId, ourPublicKey)).toEqual(secret);

      const pem = openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']);
      const outside = openssl(['pkey', '-in', 'pem', '-pubout', '-outform', 'DER'], { pem });
      const derived = openssl(['pkeyutl', '-derive', '-inkey', 'pem', '-peerkey', 'peer', '-peerform', 'DER'], {
        pem,
        peer: ourPublicKey,
      });
      expect(await derive(ours.KeyId, outside)).toEqual(derived);
    });

    test('a data key pair is one, and its private key comes back from its ciphertext', async () => {
      const { KeyId, Arn } = await createKey();
      const input = { KeyId, KeyPairSpec: 'ECC_NIST_P384', EncryptionContext: context };
      const pair = await client.call('GenerateDataKeyPair', input);
      expect(pair).toMatchObject({ KeyId: Arn, KeyPairSpec: 'ECC_NIST_P384' });
      const key = present(pair, 'PrivateKeyPlaintext');
      const half = openssl(['pkey', '-in', 'key', '-inform', 'DER', '-pubout', '-outform', 'DER'], { key });
      expect(half).toEqual(pair.PublicKey);
      const CiphertextBlob = present(pair, 'PrivateKeyCiphertextBlob');
      const unwrapped = await client.call('Decrypt', { CiphertextBlob, EncryptionContext: context });
      expect(unwrapped.Plaintext).toEqual(key);
      const without = await client.call('GenerateDataKeyPairWithoutPlaintext', input);
      expect(without.PrivateKeyPlaintext).toBeUndefined();
      expect(without.PublicKey).toBeInstanceOf(Buffer);
    });

    test('a key that was rotated on demand decrypts what it encrypted before', async () => {
      const { KeyId, Arn } = await createKey();
      const before = await encrypt(client, KeyId);
      expect(await client.call('RotateKeyOnDemand', { KeyId })).toMatchObject({ KeyId });
      const { Rotations } = await client.call('ListKeyRotations', { KeyId });
      expect(Rotations).toMatchObject([{ KeyId, RotationType: 'ON_DEMAND' }]);
      expect(await decrypt(client, before)).toMatchObject({ KeyId: Arn });
      expect(await decrypt(client, await encrypt(client, KeyId))).toMatchObject({ KeyId: Arn });
      await client.call('EnableKeyRotation', { KeyId, RotationPeriodInDays: 180 });
      const status = await client.call('GetKeyRotationStatus', { KeyId });
      expect(status).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 180 });
    });

    test('a replica in another Region decrypts what the primary key encrypted, and the other way round', async () => {
      const { KeyId, Arn } = await createKey({ MultiRegion: true });
      const { Arn: replicaArn } = present(
        await client.call('ReplicateKey', { KeyId, ReplicaRegion: 'eu-west-1', Description: 'in Ireland' }),
        'ReplicaKeyMetadata',
      );
      expect(replicaArn).toBe(Arn.replace('us-east-1', 'eu-west-1'));
      expect(await decrypt(ireland, await encrypt(client, KeyId))).toMatchObject({ KeyId: replicaArn });
      expect(await decrypt(client, await encrypt(ireland, KeyId))).toMatchObject({ KeyId: Arn });
      const related = {
        PrimaryKey: { Arn, Region: 'us-east-1' },
        ReplicaKeys: [{ Arn: replicaArn, Region: 'eu-west-1' }],
      };
      expect((await client.call('DescribeKey', { KeyId })).KeyMetadata).toMatchObject({
        MultiRegion: true,
        MultiRegionConfiguration: { MultiRegionKeyType: 'PRIMARY', ...related },
      });
      expect((await ireland.call('DescribeKey', { KeyId })).KeyMetadata).toMatchObject({
        Description: 'in Ireland',
        MultiRegionConfiguration: { MultiRegionKeyType: 'REPLICA', ...related },
      });
    });

    test('material that openssl wrapped is imported, used, deleted and imported again', async () => {
      const { KeyId, Arn, KeyState } = await createKey({ Origin: 'EXTERNAL' });
      expect(KeyState).toBe('PendingImport');
      const material = randomBytes(32);
      const validTo = new Date(Math.ceil(Date.now() / 1000) * 1000 + 24 * 60 * 60 * 1000);

      async function importMaterial(expiration: ClientInput): Promise<void> {
        const WrappingAlgorithm = 'RSAES_OAEP_SHA_256';
        const wrapping = { WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' };
        const parameters = await client.call('GetParametersForImport', { KeyId, ...wrapping });
        const EncryptedKeyMaterial = wrapWithOpenssl(present(parameters, 'PublicKey'), WrappingAlgorithm, material);
        const ImportToken = present(parameters, 'ImportToken');
        await client.call('ImportKeyMaterial', { KeyId, ImportToken, EncryptedKeyMaterial, ...expiration });
      }
      const describeKey = async () => present(await client.call('DescribeKey', { KeyId }), 'KeyMetadata');

      await importMaterial({ ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: validTo });
      expect(await describeKey()).toMatchObject({
        KeyState: 'Enabled',
        ExpirationModel: 'KEY_MATERIAL_EXPIRES',
        ValidTo: validTo,
      });
      const encrypted = await encrypt(client, KeyId);
      await client.call('DeleteImportedKeyMaterial', { KeyId });
      await expect(decrypt(client, encrypted)).rejects.toMatchObject({
        name: 'KMSInvalidStateException',
        message: `${Arn} is pending import.`,
      });
      await importMaterial({ ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' });
      expect(await describeKey()).toMatchObject({ ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' });
      expect((await describeKey()).ValidTo).toBeUndefined();
      expect(await decrypt(client, encrypted)).toMatchObject({ KeyId: Arn });
    });

    test('a grant lets another principal use the key within its constraints, until that principal retires it', async () => {
      const { KeyId, Arn } = await createKey();
      const GranteePrincipal = `arn:aws:iam::${GRANTEE}:root`;
      await expect(encrypt(grantee, Arn)).rejects.toMatchObject({ name: 'AccessDeniedException' });
      const Constraints = { EncryptionContextSubset: { purpose: 'orders' } };
      const Operations = ['Encrypt', 'Decrypt', 'RetireGrant'];
      const wish = { KeyId, GranteePrincipal, Operations, Constraints, Name: 'for_the_other_account' };
      const granted = await client.call('CreateGrant', wish);
      const GrantToken = present(granted, 'GrantToken');
      const { Grants } = await client.call('ListGrants', { KeyId });
      expect(Grants).toMatchObject([{ ...wish, KeyId: Arn, GrantId: granted.GrantId }]);

      const usingToken = { KeyId: Arn, Plaintext: message, EncryptionContext: context, GrantTokens: [GrantToken] };
      const encrypted = present(await grantee.call('Encrypt', usingToken), 'CiphertextBlob');
      expect(await decrypt(grantee, encrypted)).toMatchObject({ KeyId: Arn });
      expect(await decrypt(client, encrypted)).toMatchObject({ KeyId: Arn });
      await expect(encrypt(grantee, Arn, { ...context, purpose: 'archive' })).rejects.toMatchObject({
        name: 'AccessDeniedException',
      });
      await grantee.call('RetireGrant', { GrantToken });
      await expect(decrypt(grantee, encrypted)).rejects.toMatchObject({ name: 'AccessDeniedException' });
      expect((await client.call('ListGrants', { KeyId })).Grants).toEqual([]);
    });
  });
}

function present<Name extends keyof ClientOutput>(output: ClientOutput, name: Name): NonNullable<ClientOutput[Name]> {
  const value = output[name];
  if (value === undefined || value === null) throw new Error(`the answer has no ${name}`);
  return value;
}
