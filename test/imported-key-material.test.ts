import { createHmac, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
  type KMSClient,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { opensslIsHere } from './support/certificates.ts';
import { FOR_GOOD } from './support/import-material.ts';
import { expectRefusal, plaintext } from './support/kms.ts';
import { advanceClock, DAY_SECONDS } from './support/sandbox-clock.ts';
import { cleanUp, startServer, type TestServer } from './support/server.ts';
import { filesBelow } from './support/tree.ts';
import { opensslPrivateKey, wrapWithOpenssl } from './support/wrap-with-openssl.ts';

/** Imported key material as AWS's users know it: with the SDK and the openssl command. The sandbox, for its clock. */

let server: TestServer;
let kms: KMSClient;

beforeAll(async () => {
  server = await startServer({ args: ['--sandbox'], workers: 2 });
  kms = server.kms({ credentials: { accessKeyId: 'test', secretAccessKey: 'anything' } });
});

afterAll(() => cleanUp(server));

test.runIf(process.env['KEYHOLD_REQUIRE_CLIENTS'] === '1')('there is an openssl command', () => {
  expect(opensslIsHere).toBe(true);
});

async function externalKey(input: CreateKeyCommandInput = {}, client = kms): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ Origin: 'EXTERNAL', ...input }));
  expect(KeyMetadata).toMatchObject({ KeyState: 'PendingImport', Enabled: false, Origin: 'EXTERNAL' });
  return KeyMetadata?.KeyId ?? '';
}

type Wrapping = Pick<GetParametersForImportCommand['input'], 'WrappingAlgorithm' | 'WrappingKeySpec'>;
const usual: Wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };

/** The flow of AWS's guide up to the import: a token, and the material wrapped for it. */
async function wrapped(
  KeyId: string,
  material: Uint8Array,
  wrapping = usual,
  client = kms,
): Promise<ImportKeyMaterialCommandInput> {
  const given = await client.send(new GetParametersForImportCommand({ KeyId, ...wrapping }));
  expect(given.KeyId).toMatch(new RegExp(`:key/${KeyId}$`));
  expect(given.ImportToken?.length).toBeLessThanOrEqual(6144);
  const EncryptedKeyMaterial = wrapWithOpenssl(
    given.PublicKey ?? new Uint8Array(),
    `${wrapping.WrappingAlgorithm}`,
    material,
  );
  return { KeyId, ImportToken: given.ImportToken, EncryptedKeyMaterial };
}

async function importInto(
  KeyId: string,
  material: Uint8Array,
  more: object = FOR_GOOD,
  wrapping = usual,
  client = kms,
) {
  return client.send(new ImportKeyMaterialCommand({ ...(await wrapped(KeyId, material, wrapping, client)), ...more }));
}

const describeKey = async (KeyId: string) => (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
const encrypt = (KeyId: string) => kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext }));

describe.skipIf(!opensslIsHere)('imported key material (skipped where there is no openssl command)', () => {
  test('makes a key, and brings it back after it was deleted', async () => {
    const keyId = await externalKey();
    await expectRefusal(encrypt(keyId), 'KMSInvalidStateException', /:key\/.* is pending import\.$/);
    const material = randomBytes(32);
    const imported = await importInto(keyId, material);
    expect(imported).toMatchObject({ KeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await describeKey(keyId)).toMatchObject({
      KeyState: 'Enabled',
      CurrentKeyMaterialId: imported.KeyMaterialId,
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    });
    const { CiphertextBlob } = await encrypt(keyId);
    const deleted = await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId: keyId }));
    expect(deleted).toMatchObject({ KeyId: imported.KeyId, KeyMaterialId: imported.KeyMaterialId });
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'PendingImport', Enabled: false });
    await expectRefusal(kms.send(new DecryptCommand({ CiphertextBlob })), 'KMSInvalidStateException');
    await expectRefusal(importInto(keyId, randomBytes(32)), 'IncorrectKeyMaterialException');
    await importInto(keyId, material);
    const decrypted = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(plaintext);
  });

  test.each(['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const)(
    'comes wrapped by %s under keys of every size',
    async (WrappingAlgorithm) => {
      const keyId = await externalKey();
      const material = randomBytes(32);
      for (const WrappingKeySpec of ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const) {
        await importInto(keyId, material, FOR_GOOD, { WrappingAlgorithm, WrappingKeySpec });
      }
      expect(await describeKey(keyId)).toMatchObject({ KeyState: 'Enabled' });
    },
    60_000,
  );

  test.each([
    ['HMAC_384', 'GENERATE_VERIFY_MAC', 'RSAES_OAEP_SHA_1', () => randomBytes(100)],
    [
      'RSA_3072',
      'SIGN_VERIFY',
      'RSA_AES_KEY_WRAP_SHA_256',
      () => opensslPrivateKey('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'),
    ],
    [
      'RSA_2048',
      'ENCRYPT_DECRYPT',
      'RSA_AES_KEY_WRAP_SHA_1',
      () => opensslPrivateKey('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'),
    ],
    [
      'ECC_NIST_P256',
      'SIGN_VERIFY',
      'RSAES_OAEP_SHA_256',
      () => opensslPrivateKey('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'),
    ],
    [
      'ECC_NIST_P384',
      'KEY_AGREEMENT',
      'RSAES_OAEP_SHA_256',
      () => opensslPrivateKey('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'),
    ],
    [
      'ECC_NIST_P521',
      'SIGN_VERIFY',
      'RSA_AES_KEY_WRAP_SHA_256',
      () => opensslPrivateKey('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'),
    ],
    [
      'ECC_SECG_P256K1',
      'SIGN_VERIFY',
      'RSA_AES_KEY_WRAP_SHA_1',
      () => opensslPrivateKey('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'),
    ],
    ['ECC_NIST_EDWARDS25519', 'SIGN_VERIFY', 'RSAES_OAEP_SHA_1', () => opensslPrivateKey('-algorithm', 'ED25519')],
  ] as const)('is taken for %s keys', async (KeySpec, KeyUsage, WrappingAlgorithm, make) => {
    const keyId = await externalKey({ KeySpec, KeyUsage });
    const wrapping = { WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' } as const;
    const material = make();
    expect(await importInto(keyId, material, FOR_GOOD, wrapping)).not.toHaveProperty('KeyMaterialId');
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'Enabled' });
    if (KeyUsage === 'GENERATE_VERIFY_MAC') {
      const mac = { KeyId: keyId, Message: plaintext, MacAlgorithm: 'HMAC_SHA_384' } as const;
      const { Mac } = await kms.send(new GenerateMacCommand(mac));
      expect(Buffer.from(Mac ?? [])).toEqual(createHmac('sha384', material).update(plaintext).digest());
    } else {
      const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: keyId }));
      const mine = createPublicKey(createPrivateKey({ key: material, format: 'der', type: 'pkcs8' }));
      expect(Buffer.from(PublicKey ?? [])).toEqual(mine.export({ type: 'spki', format: 'der' }));
    }
    await expectRefusal(importInto(keyId, make(), FOR_GOOD, wrapping), 'IncorrectKeyMaterialException');
    await importInto(keyId, material, FOR_GOOD, wrapping);
  });

  test.each([
    ['SM2', 'SIGN_VERIFY', () => opensslPrivateKey('-algorithm', 'SM2')],
    ['RSA_2048', 'SIGN_VERIFY', () => opensslPrivateKey('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048')],
    ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', () => randomBytes(32)],
  ] as const)('comes wrapped by SM2 in China, for %s keys', async (KeySpec, KeyUsage, make) => {
    const china = server.kms({
      region: 'cn-north-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'anything' },
    });
    const keyId = await externalKey({ KeySpec, KeyUsage }, china);
    const material = make();
    await importInto(keyId, material, FOR_GOOD, { WrappingAlgorithm: 'SM2PKE', WrappingKeySpec: 'SM2' }, china);
    const { KeyMetadata } = await china.send(new DescribeKeyCommand({ KeyId: keyId }));
    expect(KeyMetadata).toMatchObject({ KeyState: 'Enabled' });
    if (KeySpec === 'SYMMETRIC_DEFAULT') return;
    const { PublicKey } = await china.send(new GetPublicKeyCommand({ KeyId: keyId }));
    const mine = createPublicKey(createPrivateKey({ key: material, format: 'der', type: 'pkcs8' }));
    expect(Buffer.from(PublicKey ?? [])).toEqual(mine.export({ type: 'spki', format: 'der' }));
  });

  test('is rotated on demand to material that was imported for it, and all of it is needed', async () => {
    const keyId = await externalKey();
    const [one, two] = [randomBytes(32), randomBytes(32)];
    const { KeyMaterialId: first } = await importInto(keyId, one);
    const older = await encrypt(keyId);
    const more = { ...FOR_GOOD, ImportType: 'NEW_KEY_MATERIAL', KeyMaterialDescription: 'for 2027' };
    const { KeyMaterialId: second } = await importInto(keyId, two, more);
    const states = async () => {
      const listed = await kms.send(
        new ListKeyRotationsCommand({ KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }),
      );
      return listed.Rotations?.map((each) => [each.KeyMaterialId, each.KeyMaterialState, each.ImportState]);
    };
    expect(await states()).toEqual([
      [first, 'CURRENT', 'IMPORTED'],
      [second, 'PENDING_ROTATION', 'IMPORTED'],
    ]);
    await expectRefusal(
      importInto(keyId, randomBytes(32), more),
      'KMSInvalidStateException',
      new RegExp(`another key material \\(id: ${second}\\) is pending rotation`),
    );
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: keyId }));
    const newer = await encrypt(keyId);
    for (const [{ CiphertextBlob }, materialId] of [
      [older, first],
      [newer, second],
    ] as const) {
      const decrypted = await kms.send(new DecryptCommand({ CiphertextBlob }));
      expect(decrypted.KeyMaterialId).toBe(materialId);
      expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(plaintext);
    }
    await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId: keyId, KeyMaterialId: first }));
    expect(await states()).toEqual([
      [first, 'NON_CURRENT', 'PENDING_IMPORT'],
      [second, 'CURRENT', 'IMPORTED'],
    ]);
    await expectRefusal(encrypt(keyId), 'KMSInvalidStateException');
    await importInto(keyId, one, { ...FOR_GOOD, KeyMaterialId: first });
    await encrypt(keyId);
  });

  test('expires when it was to', async () => {
    const keyId = await externalKey();
    const material = randomBytes(32);
    const ValidTo = new Date((await advanceClock(server, 0)) + DAY_SECONDS * 1000);
    await importInto(keyId, material, { ValidTo });
    const metadata = await describeKey(keyId);
    expect(metadata).toMatchObject({ KeyState: 'Enabled', ExpirationModel: 'KEY_MATERIAL_EXPIRES' });
    expect(metadata?.ValidTo?.getTime()).toBe(ValidTo.getTime());
    const { CiphertextBlob } = await encrypt(keyId);
    await advanceClock(server, DAY_SECONDS + 1);
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'PendingImport' });
    await expectRefusal(encrypt(keyId), 'KMSInvalidStateException');
    while (!server.output.stderr.includes('destroyed imported key material that has expired')) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await importInto(keyId, material);
    const decrypted = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(decrypted.Plaintext ?? [])).toEqual(plaintext);
  });

  test('is recorded as in CloudTrail, without token, ciphertext or material', async () => {
    const keyId = await externalKey();
    const material = randomBytes(32);
    const request = await wrapped(keyId, material);
    const ValidTo = new Date((await advanceClock(server, 0)) + DAY_SECONDS * 1000);
    const more = { ValidTo, ImportType: 'NEW_KEY_MATERIAL', KeyMaterialDescription: 'first' } as const;
    const { KeyId, KeyMaterialId } = await kms.send(new ImportKeyMaterialCommand({ ...request, ...more }));
    await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId: keyId, KeyMaterialId }));
    const lines = filesBelow(join(server.dataDir, 'audit')).flatMap((path) => readFileSync(path, 'utf8').split('\n'));
    const records = lines.filter((line) => line.includes(keyId)).map((line) => JSON.parse(line).record);
    const recordOf = (eventName: string) => records.find((each) => each.eventName === eventName);
    expect(recordOf('GetParametersForImport')).toMatchObject({
      requestParameters: { keyId, wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_2048' },
      responseElements: null,
      readOnly: true,
    });
    const imported = recordOf('ImportKeyMaterial');
    expect(Object.keys(imported.requestParameters).sort()).toEqual([
      'importType',
      'keyId',
      'keyMaterialDescription',
      'validTo',
    ]);
    expect(imported).toMatchObject({
      requestParameters: { importType: 'NEW_KEY_MATERIAL', keyMaterialDescription: 'first' },
      responseElements: { keyId: KeyId, keyMaterialId: KeyMaterialId },
      readOnly: false,
    });
    expect(recordOf('DeleteImportedKeyMaterial')).toMatchObject({
      requestParameters: { keyId, keyMaterialId: KeyMaterialId },
      responseElements: { keyId: KeyId, keyMaterialId: KeyMaterialId },
    });
    const text = lines.join('\n');
    for (const secret of [material, request.ImportToken, request.EncryptedKeyMaterial]) {
      expect(text).not.toContain(
        Buffer.from(secret ?? [])
          .toString('base64')
          .slice(0, 32),
      );
    }
  });
});
