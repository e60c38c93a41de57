import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { WrappingAlgorithm } from '../../crypto/key-wrapping.ts';
import { wrapMaterial } from '../../crypto/wrap-material.test-helper.ts';
import { expiriesTable, keyName, keysTable, materialDeletionsTable, materialsTable } from '../../keys/tables.ts';
import { ACCOUNT, administrator, keyPolicy, NOW, REGION, user } from '../scope.test-helper.ts';
import { destroyExpiredMaterial, forgetDeletedMaterial } from './destroy-imported-material.ts';
import { doDueWork } from './due-work.ts';
import { currentHandle } from './key-handle.ts';
import { createKey, type Machine, machine, unrecorded, type Worker } from './kms.test-helper.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FOR_GOOD = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };
const bytes = (fill: number, length = 32) => Buffer.alloc(length, fill);
const plaintext = Buffer.from('attack at dawn');

let kms: Machine;
let worker: Worker;
/** Answers of GetParametersForImport, which can be used again, by what was asked: making an RSA key takes a while. */
const parametersGiven = new Map<string, Record<string, unknown>>();
beforeEach(async () => {
  parametersGiven.clear();
  kms = machine();
  worker = await kms.worker();
});

/** A key for imported material, without any. */
const externalKey = (input: object = {}) => createKey(worker, { Origin: 'EXTERNAL', ...input });

interface Scope {
  readonly nowMs?: number;
  readonly region?: string;
}

async function parametersFor(keyId: string, algorithm: string, scope: Scope): Promise<Record<string, unknown>> {
  const parameters = { KeyId: keyId, WrappingAlgorithm: algorithm, WrappingKeySpec: 'RSA_2048' };
  return worker.call('GetParametersForImport', parameters, administrator, scope);
}

/** A token, and the material wrapped for it. */
async function wrapped(keyId: string, material: Uint8Array, scope: Scope = {}, algorithm?: WrappingAlgorithm) {
  const chosen = algorithm ?? 'RSAES_OAEP_SHA_256';
  const asked = JSON.stringify([keyId, chosen, scope]);
  const given = parametersGiven.get(asked) ?? (await parametersFor(keyId, chosen, scope));
  parametersGiven.set(asked, given);
  const { PublicKey, ImportToken } = given;
  return { KeyId: keyId, ImportToken, EncryptedKeyMaterial: wrapMaterial(PublicKey as Buffer, chosen, material) };
}

async function importInto(
  keyId: string,
  material: Uint8Array,
  input: object = {},
  scope: Scope = {},
  algorithm?: WrappingAlgorithm,
): Promise<string> {
  const expiry = 'ValidTo' in input ? {} : FOR_GOOD;
  const request = { ...(await wrapped(keyId, material, scope, algorithm)), ...expiry, ...input };
  const { KeyMaterialId } = await worker.call('ImportKeyMaterial', request, administrator, scope);
  return KeyMaterialId as string;
}

async function describeKey(keyId: string, scope: Scope = {}): Promise<Record<string, unknown>> {
  const { KeyMetadata } = await worker.call('DescribeKey', { KeyId: keyId }, administrator, scope);
  return KeyMetadata as Record<string, unknown>;
}

const stateOf = async (keyId: string, scope: Scope = {}) => (await describeKey(keyId, scope))['KeyState'];
const encrypt = (keyId: string, scope: Scope = {}, by = worker) =>
  by.call('Encrypt', { KeyId: keyId, Plaintext: plaintext }, administrator, scope);
const deleteMaterial = (keyId: string, input: object = {}, scope: Scope = {}) =>
  worker.call('DeleteImportedKeyMaterial', { KeyId: keyId, ...input }, administrator, scope);

const refusal = (code: string, message?: string | RegExp) =>
  expect.objectContaining({ code, ...(message === undefined ? {} : { message: expect.stringMatching(message) }) });

const identityOf = (keyId: string, region = REGION) => ({ accountId: ACCOUNT, region, keyId });
const rowsOf = async (keyId: string, region = REGION) => {
  const prefix = `${keyName(identityOf(keyId, region))}/`;
  const rows = await kms.store.list(materialsTable, { prefix, limit: 100 });
  return new Map(rows.map(({ key, value }) => [key.slice(prefix.length), value]));
};
const everyRecord = async (keyId: string) => ({
  rows: await rowsOf(keyId),
  key: await kms.store.get(keysTable, keyName(identityOf(keyId))),
  notes: await kms.store.names(expiriesTable, { prefix: '', limit: 100 }),
});

const rotate = (keyId: string) => worker.call('RotateKeyOnDemand', { KeyId: keyId });

/** The states of all materials that a key knows, as ListKeyRotations shows them. */
async function materialStates(keyId: string, scope: Scope = {}): Promise<Record<string, string>> {
  const input = { KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' };
  const { Rotations } = await worker.call('ListKeyRotations', input, administrator, scope);
  const listed = Rotations as { KeyMaterialId: string; KeyMaterialState: string; ImportState: string }[];
  return Object.fromEntries(listed.map((each) => [each.KeyMaterialId, `${each.KeyMaterialState} ${each.ImportState}`]));
}

describe('CreateKey with origin EXTERNAL', () => {
  test.each([
    ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
    ['RSA_2048', 'SIGN_VERIFY'],
    ['RSA_4096', 'ENCRYPT_DECRYPT'],
    ['ECC_NIST_P256', 'KEY_AGREEMENT'],
    ['ECC_NIST_P521', 'SIGN_VERIFY'],
    ['ECC_SECG_P256K1', 'SIGN_VERIFY'],
    ['ECC_NIST_EDWARDS25519', 'SIGN_VERIFY'],
    ['HMAC_224', 'GENERATE_VERIFY_MAC'],
    ['HMAC_512', 'GENERATE_VERIFY_MAC'],
  ])('makes a key of %s that waits for its material', async (KeySpec, KeyUsage) => {
    const keyId = await externalKey({ KeySpec, KeyUsage });
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'PendingImport', Enabled: false, Origin: 'EXTERNAL' });
    expect(await describeKey(keyId)).not.toHaveProperty('ExpirationModel');
    expect(await rowsOf(keyId)).toEqual(new Map());
  });

  test.each(['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'])('refuses %s, for which AWS takes no material', (KeySpec) => {
    const { validate } = kmsOperation('CreateKey');
    expect(() => validate?.({ Origin: 'EXTERNAL', KeySpec, KeyUsage: 'SIGN_VERIFY' })).toThrow(
      refusal('ValidationException', `^KeySpec ${KeySpec} is not supported for Origin EXTERNAL$`),
    );
  });
});

function kmsOperation(name: string) {
  const operation = worker.service.operations.get(name);
  if (operation === undefined) throw new Error(`no operation ${name}`);
  return operation;
}

describe('GetParametersForImport', () => {
  const ask = (keyId: string, WrappingAlgorithm: string, WrappingKeySpec = 'RSA_2048', scope: Scope = {}) =>
    worker.call('GetParametersForImport', { KeyId: keyId, WrappingAlgorithm, WrappingKeySpec }, administrator, scope);

  test('gives a public key and a token that are good for 24 hours, and stores nothing', async () => {
    const keyId = await externalKey();
    const head = await kms.store.head();
    const answer = await ask(keyId, 'RSAES_OAEP_SHA_256');
    expect(answer).toMatchObject({
      KeyId: `arn:aws:kms:${REGION}:${ACCOUNT}:key/${keyId}`,
      ParametersValidTo: new Date(NOW + DAY_MS),
    });
    expect(Object.keys(answer).sort()).toEqual(['ImportToken', 'KeyId', 'ParametersValidTo', 'PublicKey']);
    expect(await kms.store.head()).toBe(head);
  });

  test('refuses what AWS does not wrap so', async () => {
    const symmetric = await externalKey();
    const rsa = await externalKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' });
    const p521 = await externalKey({ KeySpec: 'ECC_NIST_P521', KeyUsage: 'SIGN_VERIFY' });
    const unsupported = refusal('UnsupportedOperationException');
    await expect(ask(symmetric, 'RSAES_PKCS1_V1_5')).rejects.toEqual(unsupported);
    await expect(ask(symmetric, 'RSA_AES_KEY_WRAP_SHA_256')).rejects.toEqual(unsupported);
    const notHere = refusal('UnsupportedOperationException', / is not supported in this region\.$/);
    await expect(ask(symmetric, 'SM2PKE', 'SM2')).rejects.toEqual(notHere);
    await expect(ask(symmetric, 'RSAES_OAEP_SHA_256', 'SM2')).rejects.toEqual(unsupported);
    await expect(ask(rsa, 'RSAES_OAEP_SHA_256')).rejects.toEqual(unsupported);
    await expect(ask(p521, 'RSAES_OAEP_SHA_1')).rejects.toEqual(unsupported);
    await expect(ask(p521, 'RSA_AES_KEY_WRAP_SHA_1')).resolves.toBeDefined();
  });

  test('is not for keys whose material was made here', async () => {
    const keyId = await createKey(worker);
    const message = `key/${keyId} origin is AWS_KMS which is not valid for this operation\\.$`;
    const refused = refusal('UnsupportedOperationException', message);
    await expect(ask(keyId, 'RSAES_OAEP_SHA_256')).rejects.toEqual(refused);
    await expect(deleteMaterial(keyId)).rejects.toEqual(refused);
    const request = { KeyId: keyId, ImportToken: bytes(1), EncryptedKeyMaterial: bytes(1), ...FOR_GOOD };
    await expect(worker.call('ImportKeyMaterial', request)).rejects.toEqual(refused);
  });
});

describe('a token', () => {
  const importing = (request: object, scope: Scope = {}) =>
    worker.call('ImportKeyMaterial', { ...request, ...FOR_GOOD }, administrator, scope);

  test('is good for 24 hours, and may be used again', async () => {
    const keyId = await externalKey();
    const request = await wrapped(keyId, bytes(1));
    await expect(importing(request, { nowMs: NOW + DAY_MS })).rejects.toEqual(refusal('ExpiredImportTokenException'));
    expect(await stateOf(keyId)).toBe('PendingImport');
    await importing(request, { nowMs: NOW + DAY_MS - 1 });
    await importing(request);
    expect(await stateOf(keyId)).toBe('Enabled');
  });

  test('of another key, or of another Region’s, is invalid', async () => {
    const [one, two] = [await externalKey(), await externalKey()];
    const request = await wrapped(one, bytes(1));
    const invalid = refusal('InvalidImportTokenException');
    await expect(importing({ ...request, KeyId: two })).rejects.toEqual(invalid);
    await expect(importing({ ...request, ImportToken: bytes(0, 2000) })).rejects.toEqual(invalid);
    expect(await stateOf(two)).toBe('PendingImport');
  });

  test('is opened by any worker', async () => {
    const keyId = await externalKey();
    const request = await wrapped(keyId, bytes(1));
    const other = await kms.worker();
    await other.call('ImportKeyMaterial', { ...request, ...FOR_GOOD });
    expect(await stateOf(keyId)).toBe('Enabled');
  });
});

describe('ImportKeyMaterial', () => {
  test('makes a key usable: what is encrypted before a deletion is decrypted after a re-import', async () => {
    const keyId = await externalKey();
    await expect(encrypt(keyId)).rejects.toEqual(refusal('KMSInvalidStateException', 'is pending import\\.$'));
    const id = await importInto(keyId, bytes(1));
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await describeKey(keyId)).toMatchObject({
      KeyState: 'Enabled',
      Enabled: true,
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      CurrentKeyMaterialId: id,
    });
    const { CiphertextBlob } = await encrypt(keyId);
    expect(await deleteMaterial(keyId)).toEqual({ KeyId: expect.stringContaining(keyId), KeyMaterialId: id });
    await expect(worker.call('Decrypt', { CiphertextBlob })).rejects.toEqual(refusal('KMSInvalidStateException'));
    expect(await importInto(keyId, bytes(1))).toBe(id);
    expect(await worker.call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: plaintext });
  });

  test('of wrong or malformed material changes nothing', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + DAY_MS) });
    const before = await everyRecord(keyId);
    const good = await wrapped(keyId, bytes(1));
    const attempt = (input: object) => worker.call('ImportKeyMaterial', { ...good, ...FOR_GOOD, ...input });
    const spoilt = Buffer.from(good.EncryptedKeyMaterial);
    spoilt[100] = (spoilt[100] as number) ^ 1;
    const invalidCiphertext = refusal('InvalidCiphertextException');
    await expect(attempt({ EncryptedKeyMaterial: spoilt })).rejects.toEqual(invalidCiphertext);
    await expect(attempt({ EncryptedKeyMaterial: bytes(1) })).rejects.toEqual(invalidCiphertext);
    const { ImportToken } = await parametersFor(keyId, 'RSAES_OAEP_SHA_256', {});
    await expect(attempt({ ImportToken })).rejects.toEqual(invalidCiphertext);
    const incorrect = refusal('IncorrectKeyMaterialException');
    await expect(importInto(keyId, bytes(2))).rejects.toEqual(incorrect);
    await expect(importInto(keyId, bytes(1, 31))).rejects.toEqual(incorrect);
    await expect(attempt({ KeyMaterialId: 'ab'.repeat(32) })).rejects.toEqual(incorrect);
    await expect(attempt({ ImportType: 'NEW_KEY_MATERIAL' })).rejects.toEqual(incorrect);
    expect(await everyRecord(keyId)).toEqual(before);
  });

  test('has been unwrapped and judged before it waits for its turn to write, and holds nobody up meanwhile', async () => {
    const keyId = await externalKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    await kms.store.transact(async () => {
      const refused = refusal('IncorrectKeyMaterialException');
      await expect(importInto(keyId, bytes(1))).rejects.toEqual(refused);
    });
  });

  test('again sets the expiry anew, and keeps the description unless another is given', async () => {
    const keyId = await externalKey();
    const id = await importInto(keyId, bytes(1), { KeyMaterialDescription: 'first', ValidTo: new Date(NOW + DAY_MS) });
    expect(await describeKey(keyId)).toMatchObject({
      ExpirationModel: 'KEY_MATERIAL_EXPIRES',
      ValidTo: new Date(NOW + DAY_MS),
    });
    await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + 2 * DAY_MS), KeyMaterialId: id });
    expect((await rowsOf(keyId)).get(id)?.imported).toEqual({ description: 'first', expiresAtMs: NOW + 2 * DAY_MS });
    expect(await kms.store.names(expiriesTable, { prefix: '', limit: 10 })).toHaveLength(1);
    await importInto(keyId, bytes(1), { KeyMaterialDescription: 'second' });
    expect((await rowsOf(keyId)).get(id)?.imported).toEqual({ description: 'second' });
    expect(await kms.store.names(expiriesTable, { prefix: '', limit: 10 })).toEqual([]);
  });

  test.each([
    [
      { ExpirationModel: 'KEY_MATERIAL_EXPIRES' },
      /^A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES$/,
    ],
    [{}, /^A validTo date must be set/],
    [{ ...FOR_GOOD, ValidTo: new Date(NOW + 1) }, /ValidTo|validTo/],
    [{ ...FOR_GOOD, ImportType: 'NEW_KEY_MATERIAL', KeyMaterialId: 'ab'.repeat(32) }, /KeyMaterialId/],
  ])('refuses the combination %j', (input, message) => {
    const { validate } = kmsOperation('ImportKeyMaterial');
    expect(() => validate?.(input)).toThrow(refusal('ValidationException', message));
  });

  test('takes a ValidTo that is in the future, and within 365 days', async () => {
    const keyId = await externalKey();
    const until = (ms: number) => importInto(keyId, bytes(1), { ValidTo: new Date(NOW + ms) });
    const refused = refusal('ValidationException', /^ValidTo must be /);
    await expect(until(0)).rejects.toEqual(refused);
    await expect(until(-1)).rejects.toEqual(refused);
    await expect(until(365 * DAY_MS + 1)).rejects.toEqual(refused);
    await until(365 * DAY_MS);
    await until(1);
  });

  test('leaves a disabled key disabled, but enables one that waited for material', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1));
    await worker.call('DisableKey', { KeyId: keyId });
    await importInto(keyId, bytes(1));
    expect(await stateOf(keyId)).toBe('Disabled');
    await deleteMaterial(keyId);
    expect(await stateOf(keyId)).toBe('PendingImport');
    await importInto(keyId, bytes(1));
    expect(await stateOf(keyId)).toBe('Enabled');
  });

  test('is refused while the key is pending deletion, and deleting is not', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1));
    const request = await wrapped(keyId, bytes(1));
    await worker.call('ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: 7 });
    const pending = refusal('KMSInvalidStateException', 'is pending deletion\\.$');
    await expect(worker.call('ImportKeyMaterial', { ...request, ...FOR_GOOD })).rejects.toEqual(pending);
    await expect(parametersFor(keyId, 'RSAES_OAEP_SHA_256', {})).rejects.toEqual(pending);
    await deleteMaterial(keyId);
    expect(await stateOf(keyId)).toBe('PendingDeletion');
    await worker.call('CancelKeyDeletion', { KeyId: keyId });
    expect(await stateOf(keyId)).toBe('PendingImport');
  });

  test('is allowed or denied by what it asks for', async () => {
    const conditions = {
      'kms:GetParametersForImport': {
        StringEquals: { 'kms:WrappingAlgorithm': 'RSAES_OAEP_SHA_256', 'kms:WrappingKeySpec': 'RSA_2048' },
      },
      'kms:ImportKeyMaterial': {
        StringEquals: { 'kms:ExpirationModel': 'KEY_MATERIAL_EXPIRES' },
        DateLessThan: { 'kms:ValidTo': new Date(NOW + DAY_MS).toISOString() },
      },
    };
    const statements = Object.entries(conditions).map(([Action, Condition]) => ({
      Effect: 'Allow',
      Principal: { AWS: user('importer').principal.arn },
      Action,
      Resource: '*',
      Condition,
    }));
    const owner = { Effect: 'Allow', Principal: { AWS: administrator.principal.arn }, Action: 'kms:*', Resource: '*' };
    const keyId = await externalKey({ Policy: keyPolicy(owner, ...statements) });
    const ask = (WrappingAlgorithm: string, WrappingKeySpec: string) =>
      worker.call('GetParametersForImport', { KeyId: keyId, WrappingAlgorithm, WrappingKeySpec }, user('importer'));
    const denied = refusal('AccessDeniedException');
    await ask('RSAES_OAEP_SHA_256', 'RSA_2048');
    await expect(ask('RSAES_OAEP_SHA_1', 'RSA_2048')).rejects.toEqual(denied);
    await expect(ask('RSAES_OAEP_SHA_256', 'RSA_3072')).rejects.toEqual(denied);
    const request = await wrapped(keyId, bytes(1));
    const use = (input: object) => worker.call('ImportKeyMaterial', { ...request, ...input }, user('importer'));
    await expect(use(FOR_GOOD)).rejects.toEqual(denied);
    await expect(use({ ValidTo: new Date(NOW + DAY_MS) })).rejects.toEqual(denied);
    await use({ ValidTo: new Date(NOW + DAY_MS - 1) });
  });
});

describe('keys other than symmetric ones', () => {
  test('have one material for good, and take no members about several', async () => {
    const keyId = await externalKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
    for (const input of [
      { ImportType: 'NEW_KEY_MATERIAL' },
      { ImportType: 'EXISTING_KEY_MATERIAL' },
      { KeyMaterialDescription: 'x' },
      { KeyMaterialId: 'ab'.repeat(32) },
    ]) {
      await expect(importInto(keyId, bytes(1), input)).rejects.toEqual(refusal('UnsupportedOperationException'));
    }
    expect(await importInto(keyId, bytes(1, 40)), 'no id is told').toBeUndefined();
    expect(await stateOf(keyId)).toBe('Enabled');
    expect(await deleteMaterial(keyId)).toEqual({ KeyId: expect.stringContaining(keyId) });
    expect(await stateOf(keyId)).toBe('PendingImport');
    await expect(importInto(keyId, bytes(2, 40))).rejects.toEqual(refusal('IncorrectKeyMaterialException'));
    await expect(importInto(keyId, bytes(1, 41))).rejects.toEqual(refusal('IncorrectKeyMaterialException'));
    await importInto(keyId, bytes(1, 40));
    expect(await stateOf(keyId)).toBe('Enabled');
  });

  test('take private keys', async () => {
    const keyId = await externalKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' });
    const pkcs8 = () =>
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'der' });
    const [mine, another] = [pkcs8(), pkcs8()];
    await importInto(keyId, mine, {}, {}, 'RSA_AES_KEY_WRAP_SHA_256');
    expect(await stateOf(keyId)).toBe('Enabled');
    await importInto(keyId, mine, {}, {}, 'RSA_AES_KEY_WRAP_SHA_1');
    await expect(importInto(keyId, another, {}, {}, 'RSA_AES_KEY_WRAP_SHA_256')).rejects.toEqual(
      refusal('IncorrectKeyMaterialException'),
    );
  });
});

describe('several materials of a symmetric key', () => {
  const NEW = { ImportType: 'NEW_KEY_MATERIAL' };

  test('new material waits for its rotation, and the key goes on with the old', async () => {
    const keyId = await externalKey();
    const first = await importInto(keyId, bytes(1), NEW);
    const second = await importInto(keyId, bytes(2), NEW);
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'Enabled', CurrentKeyMaterialId: first });
    expect(await materialStates(keyId)).toEqual({
      [first]: 'CURRENT IMPORTED',
      [second]: 'PENDING_ROTATION IMPORTED',
    });
    await expect(importInto(keyId, bytes(3), NEW)).rejects.toEqual(
      refusal('KMSInvalidStateException', `another key material \\(id: ${second}\\) is pending rotation\\.$`),
    );
    await expect(importInto(keyId, bytes(2), NEW)).rejects.toEqual(refusal('IncorrectKeyMaterialException'));
    expect(await importInto(keyId, bytes(2), { ValidTo: new Date(NOW + DAY_MS) })).toBe(second);
  });

  test('waiting material can be deleted, or expire, and other material take its place', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1));
    const second = await importInto(keyId, bytes(2), NEW);
    await deleteMaterial(keyId, { KeyMaterialId: second });
    expect(await stateOf(keyId)).toBe('Enabled');
    expect([...(await rowsOf(keyId)).keys()]).not.toContain(second);
    await expect(importInto(keyId, bytes(2))).rejects.toEqual(refusal('IncorrectKeyMaterialException'));
    await importInto(keyId, bytes(3), { ...NEW, ValidTo: new Date(NOW + HOUR_MS) });
    const later = { nowMs: NOW + HOUR_MS };
    expect(await stateOf(keyId, later)).toBe('Enabled');
    const fourth = await importInto(keyId, bytes(4), NEW, later);
    expect((await rowsOf(keyId)).size).toBe(2);
    await rotate(keyId);
    expect(await describeKey(keyId)).toMatchObject({ CurrentKeyMaterialId: fourth, KeyState: 'Enabled' });
  });

  test('a key needs all of its materials but the waiting one', async () => {
    const keyId = await externalKey();
    const first = await importInto(keyId, bytes(1));
    const { CiphertextBlob } = await encrypt(keyId);
    await importInto(keyId, bytes(2), { ...NEW, ValidTo: new Date(NOW + 2 * HOUR_MS) });
    await rotate(keyId);
    expect(await worker.call('Decrypt', { CiphertextBlob })).toMatchObject({ KeyMaterialId: first });
    await deleteMaterial(keyId, { KeyMaterialId: first });
    await expect(encrypt(keyId)).rejects.toEqual(refusal('KMSInvalidStateException'));
    await deleteMaterial(keyId);
    await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + HOUR_MS), KeyMaterialId: first });
    expect(await stateOf(keyId)).toBe('PendingImport');
    await importInto(keyId, bytes(2), { ValidTo: new Date(NOW + 2 * HOUR_MS) });
    expect(await describeKey(keyId)).toMatchObject({ KeyState: 'Enabled', ValidTo: new Date(NOW + HOUR_MS) });
    expect(await worker.call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: plaintext });
    expect(await stateOf(keyId, { nowMs: NOW + HOUR_MS })).toBe('PendingImport');
  });

  test('what a key does not know is not deleted', async () => {
    const keyId = await externalKey();
    expect(await deleteMaterial(keyId), 'nothing has been imported').toEqual({ KeyId: expect.stringContaining(keyId) });
    await importInto(keyId, bytes(1));
    await expect(deleteMaterial(keyId, { KeyMaterialId: 'ab'.repeat(32) })).rejects.toEqual(
      refusal('NotFoundException'),
    );
    await deleteMaterial(keyId);
    await deleteMaterial(keyId);
    expect(await stateOf(keyId)).toBe('PendingImport');
  });

  test('the first must be said to be new, or nothing said', async () => {
    const keyId = await externalKey();
    const incorrect = refusal('IncorrectKeyMaterialException');
    await expect(importInto(keyId, bytes(1), { ImportType: 'EXISTING_KEY_MATERIAL' })).rejects.toEqual(incorrect);
    await expect(importInto(keyId, bytes(1), { KeyMaterialId: 'ab'.repeat(32) })).rejects.toEqual(incorrect);
    await importInto(keyId, bytes(1));
  });
});

describe('expiry and deletion', () => {
  test('expired material is refused from the very millisecond, though the sweep has not come', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + HOUR_MS) });
    const { CiphertextBlob } = await encrypt(keyId, { nowMs: NOW + HOUR_MS - 1 });
    const at = { nowMs: NOW + HOUR_MS };
    const refused = refusal('KMSInvalidStateException', 'is pending import\\.$');
    await expect(encrypt(keyId, at)).rejects.toEqual(refused);
    await expect(worker.call('Decrypt', { CiphertextBlob }, administrator, at)).rejects.toEqual(refused);
    expect(await stateOf(keyId, at)).toBe('PendingImport');
  });

  test('waiting material that has expired is no longer listed, though the sweep has not come', async () => {
    const keyId = await externalKey();
    const first = await importInto(keyId, bytes(1));
    const expiry = { ImportType: 'NEW_KEY_MATERIAL', ValidTo: new Date(NOW + HOUR_MS) };
    const waiting = await importInto(keyId, bytes(2), expiry);
    expect(await materialStates(keyId, { nowMs: NOW + HOUR_MS - 1 })).toEqual({
      [first]: 'CURRENT IMPORTED',
      [waiting]: 'PENDING_ROTATION IMPORTED',
    });
    expect(await materialStates(keyId, { nowMs: NOW + HOUR_MS })).toEqual({ [first]: 'CURRENT IMPORTED' });
  });

  test('when material expires is not told of what is gone, though the key is pending deletion', async () => {
    const expiring = await externalKey();
    await importInto(expiring, bytes(1), { ValidTo: new Date(NOW + HOUR_MS) });
    const deleted = await externalKey();
    await importInto(deleted, bytes(1));
    await deleteMaterial(deleted);
    for (const keyId of [expiring, deleted]) {
      await worker.call('ScheduleKeyDeletion', { KeyId: keyId });
      expect(await describeKey(keyId, { nowMs: NOW + HOUR_MS })).toMatchObject({ KeyState: 'PendingDeletion' });
      expect(await describeKey(keyId, { nowMs: NOW + HOUR_MS })).not.toHaveProperty('ExpirationModel');
      expect(await describeKey(keyId, { nowMs: NOW + HOUR_MS })).not.toHaveProperty('ValidTo');
    }
  });

  test('the sweep destroys it, once, and the same material brings the key back', async () => {
    const keyId = await externalKey();
    const id = await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + HOUR_MS), KeyMaterialDescription: 'x' });
    const sweep = (nowMs: number) => doDueWork(kms.store, destroyExpiredMaterial, nowMs, unrecorded);
    expect(await sweep(NOW + HOUR_MS - 1)).toMatchObject({ done: [], failures: [] });
    expect(await sweep(NOW + HOUR_MS)).toMatchObject({ done: [identityOf(keyId)], failures: [] });
    expect(await sweep(NOW + HOUR_MS)).toMatchObject({ done: [], failures: [] });
    expect((await rowsOf(keyId)).get(id)).toEqual({
      createdAtMs: NOW,
      currentSinceMs: NOW,
      imported: { description: 'x' },
    });
    const noted = await doDueWork(kms.store, forgetDeletedMaterial, NOW + HOUR_MS, unrecorded);
    expect(noted, 'the write-ahead log is to be emptied').toMatchObject({ done: [identityOf(keyId)] });
    expect(await stateOf(keyId)).toBe('PendingImport');
    expect(await importInto(keyId, bytes(1))).toBe(id);
    expect(await stateOf(keyId)).toBe('Enabled');
  });

  test('material that was imported again meanwhile is spared', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + HOUR_MS) });
    await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + DAY_MS) });
    expect(await doDueWork(kms.store, destroyExpiredMaterial, NOW + HOUR_MS, unrecorded)).toMatchObject({
      done: [],
      failures: [],
    });
    expect(await stateOf(keyId, { nowMs: NOW + HOUR_MS })).toBe('Enabled');
  });

  test('two materials that expire at the same moment both do', async () => {
    const keyId = await externalKey();
    const ValidTo = new Date(NOW + HOUR_MS);
    const first = await importInto(keyId, bytes(1), { ValidTo });
    await importInto(keyId, bytes(2), { ImportType: 'NEW_KEY_MATERIAL', ValidTo });
    await rotate(keyId);
    await importInto(keyId, bytes(1), { ValidTo });
    await doDueWork(kms.store, destroyExpiredMaterial, NOW + HOUR_MS, unrecorded);
    const rows = await rowsOf(keyId);
    expect(rows.size).toBe(2);
    expect(rows.has(first)).toBe(true);
    for (const { wrapped } of rows.values()) expect(wrapped).toBeUndefined();
  });

  test('a deleted key’s note of expiry does no harm', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + HOUR_MS) });
    await kms.store.transact(async (transaction) => {
      const found = await transaction.get(keysTable, keyName(identityOf(keyId)));
      await transaction.remove(keysTable, keyName(identityOf(keyId)), found?.version ?? 0);
    });
    expect(await doDueWork(kms.store, destroyExpiredMaterial, NOW + DAY_MS, unrecorded)).toMatchObject({
      done: [],
      failures: [],
    });
  });

  test('a deletion leaves the row without its bytes, and a note to empty the write-ahead log', async () => {
    const keyId = await externalKey();
    const id = await importInto(keyId, bytes(1), { ValidTo: new Date(NOW + HOUR_MS) });
    await deleteMaterial(keyId);
    await deleteMaterial(keyId);
    expect(await rowsOf(keyId)).toEqual(new Map([[id, { createdAtMs: NOW, currentSinceMs: NOW, imported: {} }]]));
    expect(await kms.store.names(materialDeletionsTable, { prefix: '', limit: 10 })).toHaveLength(1);
    expect(await kms.store.names(expiriesTable, { prefix: '', limit: 10 })).toEqual([]);
  });

  test('after a deletion was answered, every other worker refuses the very next request', async () => {
    const keyId = await externalKey();
    const other = await kms.worker();
    for (let turn = 0; turn < 5; turn++) {
      await importInto(keyId, bytes(1));
      await encrypt(keyId, {}, other);
      await deleteMaterial(keyId);
      await expect(encrypt(keyId, {}, other)).rejects.toEqual(refusal('KMSInvalidStateException'));
    }
  });

  test('a request that looked the key up before a deletion is told the state, and nobody is alarmed', async () => {
    const keyId = await externalKey();
    await importInto(keyId, bytes(1));
    const loaded = await worker.directory.key(identityOf(keyId));
    await deleteMaterial(keyId);
    const ports = { handles: worker.directory } as unknown as Parameters<typeof currentHandle>[0];
    if (loaded === undefined) throw new Error('there is the key');
    await expect(currentHandle(ports, loaded)).rejects.toEqual(refusal('KMSInvalidStateException'));
  });
});

describe('replicas of a key with imported material', () => {
  const REPLICA = 'eu-west-1';
  const there = { region: REPLICA };
  const NEW = { ImportType: 'NEW_KEY_MATERIAL' };

  /** A multi-Region key with its first material, and a replica that waits for it. */
  async function replicated(): Promise<{ keyId: string; first: string }> {
    const keyId = await externalKey({ MultiRegion: true });
    const first = await importInto(keyId, bytes(1));
    await worker.call('ReplicateKey', { KeyId: keyId, ReplicaRegion: REPLICA });
    return { keyId, first };
  }

  const stateThere = async (keyId: string, materialId: string, scope: Scope = {}) =>
    (await materialStates(keyId, scope))[materialId];

  test('wait for the same material, and take no other', async () => {
    const { keyId, first } = await replicated();
    expect(await stateOf(keyId, there)).toBe('PendingImport');
    const incorrect = refusal('IncorrectKeyMaterialException');
    await expect(importInto(keyId, bytes(2), {}, there)).rejects.toEqual(incorrect);
    await expect(importInto(keyId, bytes(1), NEW, there)).rejects.toEqual(refusal('UnsupportedOperationException'));
    expect(await importInto(keyId, bytes(1), {}, there)).toBe(first);
    expect(await describeKey(keyId, there)).toMatchObject({ KeyState: 'Enabled', CurrentKeyMaterialId: first });
    const { CiphertextBlob } = await encrypt(keyId);
    expect(await worker.call('Decrypt', { CiphertextBlob }, administrator, there)).toMatchObject({
      Plaintext: plaintext,
    });
  });

  test('have all the materials that the primary key has, before they are enabled', async () => {
    const keyId = await externalKey({ MultiRegion: true });
    const first = await importInto(keyId, bytes(1));
    const { CiphertextBlob } = await encrypt(keyId);
    const second = await importInto(keyId, bytes(2), NEW);
    await rotate(keyId);
    await worker.call('ReplicateKey', { KeyId: keyId, ReplicaRegion: REPLICA });
    await importInto(keyId, bytes(2), {}, there);
    expect(await stateOf(keyId, there)).toBe('PendingImport');
    await importInto(keyId, bytes(1), {}, there);
    expect(await describeKey(keyId, there)).toMatchObject({ KeyState: 'Enabled', CurrentKeyMaterialId: second });
    expect(await worker.call('Decrypt', { CiphertextBlob }, administrator, there)).toMatchObject({
      KeyMaterialId: first,
    });
  });

  test('let the primary key rotate only when all of them have the new material', async () => {
    const { keyId, first } = await replicated();
    await importInto(keyId, bytes(1), {}, there);
    const second = await importInto(keyId, bytes(2), NEW);
    expect(await stateThere(keyId, first)).toBe('CURRENT IMPORTED');
    expect(await stateThere(keyId, second)).toBe('PENDING_MULTI_REGION_IMPORT_AND_ROTATION IMPORTED');
    await importInto(keyId, bytes(2), { ImportType: 'EXISTING_KEY_MATERIAL', KeyMaterialId: second }, there);
    expect(await stateThere(keyId, second)).toBe('PENDING_ROTATION IMPORTED');
    expect(await describeKey(keyId, there)).toMatchObject({ KeyState: 'Enabled', CurrentKeyMaterialId: first });
    await deleteMaterial(keyId, { KeyMaterialId: second }, there);
    expect(await stateThere(keyId, second)).toBe('PENDING_MULTI_REGION_IMPORT_AND_ROTATION IMPORTED');
    await importInto(keyId, bytes(2), { ValidTo: new Date(NOW + HOUR_MS) }, there);
    expect(await stateThere(keyId, second)).toBe('PENDING_ROTATION IMPORTED');
    const late = { nowMs: NOW + HOUR_MS };
    expect(await stateThere(keyId, second, late)).toBe('PENDING_MULTI_REGION_IMPORT_AND_ROTATION IMPORTED');
    await expect(worker.call('RotateKeyOnDemand', { KeyId: keyId }, administrator, late)).rejects.toEqual(
      refusal('KMSInvalidStateException'),
    );
    await rotate(keyId);
    expect(await describeKey(keyId, there)).toMatchObject({ KeyState: 'Enabled', CurrentKeyMaterialId: second });
  });

  test('know nothing of waiting material that was not imported into them, whatever else was', async () => {
    const { keyId, first } = await replicated();
    const second = await importInto(keyId, bytes(2), NEW);
    await importInto(keyId, bytes(1), {}, there);
    expect([...(await rowsOf(keyId, REPLICA)).keys()]).toEqual([first]);
    expect(await materialStates(keyId, there)).toEqual({ [first]: 'CURRENT IMPORTED' });
    await expect(deleteMaterial(keyId, { KeyMaterialId: second }, there)).rejects.toEqual(refusal('NotFoundException'));
  });

  test('lose waiting material with the primary key, and keep theirs when it loses its own', async () => {
    const { keyId, first } = await replicated();
    await importInto(keyId, bytes(1), {}, there);
    const second = await importInto(keyId, bytes(2), NEW);
    await importInto(keyId, bytes(2), {}, there);
    await deleteMaterial(keyId, { KeyMaterialId: second });
    expect([...(await rowsOf(keyId, REPLICA)).keys()]).toEqual([first]);
    await deleteMaterial(keyId);
    expect(await stateOf(keyId)).toBe('PendingImport');
    expect(await stateOf(keyId, there)).toBe('Enabled');
    await deleteMaterial(keyId, {}, there);
    await importInto(keyId, bytes(1));
    expect(await stateOf(keyId)).toBe('Enabled');
    expect(await stateOf(keyId, there)).toBe('PendingImport');
  });

  test('a token of one Region is not taken in the other', async () => {
    const { keyId } = await replicated();
    const request = { ...(await wrapped(keyId, bytes(1))), ...FOR_GOOD };
    await expect(worker.call('ImportKeyMaterial', request, administrator, there)).rejects.toEqual(
      refusal('InvalidImportTokenException'),
    );
  });
});
