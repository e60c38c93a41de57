import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsClient, type ClientKind, type ClientOutput, describeWith } from './clients.ts';
import { cleanUp, startServer, type TestServer } from './server.ts';

/**
 * Envelope encryption as people do it, and each way in which it must be refused, through one of AWS's clients.
 */
export function envelopeFlow(kind: ClientKind): void {
  describeWith(kind, `envelope encryption with ${kind.name}`, () => {
    let server: TestServer;
    let client: AwsClient;
    let orders: Key;
    let archive: Key;
    const context = { tenant: 'Müller & Söhne', purpose: 'orders' };

    beforeAll(async () => {
      server = await startServer();
      client = kind.connect(server);
      [orders, archive] = [await createKey('orders'), await createKey('archive')];
      await client.call('CreateAlias', { AliasName: 'alias/orders', TargetKeyId: orders.id });
    });

    afterAll(async () => {
      client?.close();
      await cleanUp(server);
    });

    async function createKey(description: string): Promise<Key> {
      const { KeyMetadata } = await client.call('CreateKey', { Description: description });
      if (KeyMetadata === undefined) throw new Error('CreateKey answers with the key');
      return { id: KeyMetadata.KeyId, arn: KeyMetadata.Arn };
    }

    test('a file encrypted under a data key is read again after a restart, and after its key was replaced', async () => {
      const file = Buffer.from('Order 4711: 12 crates of quinces');
      const dataKey = await client.call('GenerateDataKey', {
        KeyId: 'alias/orders',
        KeySpec: 'AES_256',
        EncryptionContext: context,
      });
      expect(dataKey.KeyId).toBe(orders.arn);
      expect(dataKey.Plaintext).toHaveLength(32);
      const sealed = sealLocally(plaintextOf(dataKey), file);
      const wrapped = blobOf(dataKey);

      expect(await server.stop()).toBe(0);
      server = await startServer({ dataDir: server.dataDir, port: server.port });

      const unwrapped = await client.call('Decrypt', { CiphertextBlob: wrapped, EncryptionContext: context });
      expect(unwrapped.KeyId).toBe(orders.arn);
      expect(openLocally(plaintextOf(unwrapped), sealed)).toEqual(file);

      const moved = await client.call('ReEncrypt', {
        CiphertextBlob: wrapped,
        SourceEncryptionContext: context,
        DestinationKeyId: archive.arn,
        DestinationEncryptionContext: { purpose: 'archive' },
      });
      expect(moved).toMatchObject({ SourceKeyId: orders.arn, KeyId: archive.arn });
      const again = await client.call('Decrypt', {
        CiphertextBlob: blobOf(moved),
        EncryptionContext: { purpose: 'archive' },
        KeyId: archive.id,
      });
      expect(openLocally(plaintextOf(again), sealed)).toEqual(file);

      const { Aliases } = await client.call('ListAliases', { KeyId: orders.id });
      expect(Aliases).toEqual([expect.objectContaining({ AliasName: 'alias/orders', TargetKeyId: orders.id })]);
    });

    test('a small secret is encrypted directly', async () => {
      const secret = Buffer.from('\0\xffhunter2\n', 'latin1');
      const encrypted = await client.call('Encrypt', { KeyId: orders.arn, Plaintext: secret });
      expect(encrypted.KeyId).toBe(orders.arn);
      expect(blobOf(encrypted).includes(secret)).toBe(false);
      expect(await client.call('Decrypt', { CiphertextBlob: blobOf(encrypted) })).toMatchObject({
        KeyId: orders.arn,
        Plaintext: secret,
      });
    });

    async function encrypted(): Promise<Buffer> {
      const input = { KeyId: 'alias/orders', Plaintext: Buffer.from('secret'), EncryptionContext: context };
      return blobOf(await client.call('Encrypt', input));
    }

    test('the wrong encryption context is refused', async () => {
      const CiphertextBlob = await encrypted();
      const refused = { name: 'InvalidCiphertextException' };
      const wrong = { ...context, tenant: 'Muller & Sohne' };
      await expect(client.call('Decrypt', { CiphertextBlob, EncryptionContext: wrong })).rejects.toMatchObject(refused);
      await expect(client.call('Decrypt', { CiphertextBlob })).rejects.toMatchObject(refused);
    });

    test('a ciphertext that was tampered with is refused', async () => {
      const CiphertextBlob = await encrypted();
      const last = CiphertextBlob.length - 1;
      CiphertextBlob[last] = (CiphertextBlob[last] ?? 0) ^ 1;
      await expect(client.call('Decrypt', { CiphertextBlob, EncryptionContext: context })).rejects.toMatchObject({
        name: 'InvalidCiphertextException',
      });
    });

    test('a ciphertext of another key than the one named is refused', async () => {
      const CiphertextBlob = await encrypted();
      await expect(
        client.call('Decrypt', { CiphertextBlob, EncryptionContext: context, KeyId: archive.id }),
      ).rejects.toMatchObject({
        name: 'IncorrectKeyException',
        message: 'The key ID in the request does not identify a CMK that can perform this operation.',
      });
    });

    test('a disabled key is refused until it is enabled again', async () => {
      const CiphertextBlob = await encrypted();
      const decrypt = () => client.call('Decrypt', { CiphertextBlob, EncryptionContext: context });
      await client.call('DisableKey', { KeyId: orders.id });
      await expect(decrypt()).rejects.toMatchObject({
        name: 'DisabledException',
        message: `${orders.arn} is disabled.`,
      });
      await client.call('EnableKey', { KeyId: orders.id });
      expect((await decrypt()).Plaintext).toEqual(Buffer.from('secret'));
    });

    test('a principal whom the key policy denies, or does not allow, is refused', async () => {
      const user = `arn:aws:iam::${server.accountId}:user/administrator`;
      const allow = { Effect: 'Allow', Principal: { AWS: user }, Action: 'kms:*', Resource: '*' };
      const putPolicy = (...statements: object[]) =>
        client.call('PutKeyPolicy', {
          KeyId: archive.id,
          PolicyName: 'default',
          Policy: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
        });
      const encrypt = () => client.call('Encrypt', { KeyId: archive.arn, Plaintext: Buffer.from('secret') });
      const notAuthorized = `User: ${user} is not authorized to perform: kms:Encrypt on resource: ${archive.arn}`;

      await putPolicy(allow, { ...allow, Effect: 'Deny', Action: 'kms:Encrypt' });
      await expect(encrypt()).rejects.toMatchObject({
        name: 'AccessDeniedException',
        message: `${notAuthorized} with an explicit deny in a resource-based policy`,
      });
      await putPolicy({ ...allow, Action: ['kms:PutKeyPolicy', 'kms:Decrypt'] });
      await expect(encrypt()).rejects.toMatchObject({
        name: 'AccessDeniedException',
        message: `${notAuthorized} because no resource-based policy allows the kms:Encrypt action`,
      });
      await putPolicy(allow);
      expect((await encrypt()).KeyId).toBe(archive.arn);
    });
  });
}

interface Key {
  readonly id: string;
  readonly arn: string;
}

interface SealedFile {
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

function sealLocally(key: Buffer, file: Buffer): SealedFile {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const ciphertext = Buffer.concat([cipher.update(file), cipher.final()]);
  return { iv, ciphertext, tag: cipher.getAuthTag() };
}

function openLocally(key: Buffer, { iv, ciphertext, tag }: SealedFile): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

function plaintextOf({ Plaintext }: ClientOutput): Buffer {
  if (Plaintext === undefined) throw new Error('the answer has a plaintext');
  return Plaintext;
}

function blobOf({ CiphertextBlob }: ClientOutput): Buffer {
  if (CiphertextBlob === undefined) throw new Error('the answer has a ciphertext');
  return CiphertextBlob;
}
