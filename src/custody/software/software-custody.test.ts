import { createDecipheriv, createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lengthPrefixed } from '../../crypto/canonical.ts';
import type { EncryptionContext } from '../../crypto/ciphertext.ts';
import type { MacAlgorithm } from '../../crypto/key-specs.ts';
import { SealedBox } from '../../crypto/sealed-box.ts';
import { SecretBytes } from '../../crypto/secret-bytes.ts';
import { replayRandom, seededRandom } from '../../runtime/random.test-helper.ts';
import type { Random } from '../../runtime/random.ts';
import type { KeyHandle, MaterialIdentity, WrappedMaterial } from '../contract.ts';
import type { Sealer } from '../domain-keys.ts';
import { softwareCustody } from './software-custody.ts';

const key = { accountId: '111122223333', region: 'us-east-1', keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
const MATERIAL = Buffer.from(Array.from({ length: 32 }, (_, at) => at + 1));
const tampered = expect.objectContaining({ code: 'TamperedRecord' });

const SPEC = 'SYMMETRIC_DEFAULT';
const sealerKey = new SecretBytes(Buffer.alloc(32, 0x77));
const sealerBox = new SealedBox('keyhold key material v1');
const sealer: Sealer = {
  seal: (additionalData, plaintext) => sealerBox.seal(sealerKey, seededRandom('sealer'), plaintext, additionalData),
  open: (additionalData, sealed) => sealerBox.open(sealerKey, sealed, additionalData),
};

/** Custody of a key with known material, opened, and nonces from `random`. */
async function custodyOf(random: Random = seededRandom('nonces')) {
  const made = await softwareCustody(sealer, replayRandom(MATERIAL)).create(key, SPEC);
  const custody = softwareCustody(sealer, random);
  const identity: MaterialIdentity = { ...key, materialId: made.materialId };
  return { custody, identity, material: made.material, handle: custody.open(identity, SPEC, made.material) };
}

/**
 * Decrypts a blob from `docs/formats/ciphertext.md` alone: no code of ours but this, and only OpenSSL's HMAC and AES-GCM.
 * Throws where anything is not as that page says.
 */
function decryptByDescription(material: Buffer, blob: Buffer, context: EncryptionContext | undefined): Buffer {
  const [version, form] = blob;
  if (version !== 1) throw new Error('bad version');
  const keyId = blob.toString('hex', 2, 18);
  const dashed = keyId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  if ((form === 1 ? `mrk-${keyId}` : dashed) !== key.keyId) throw new Error('bad key id');
  const materialId = createHmac('sha256', material).update('keyhold key material id v1').digest();
  if (!blob.subarray(18, 50).equals(materialId)) throw new Error('bad key material id');
  const nonce = blob.subarray(50, 66);
  if (blob.readUInt32BE(66) !== crc32(blob.subarray(0, 66))) throw new Error('bad checksum');

  const u32 = (value: number) => Buffer.from(value.toString(16).padStart(8, '0'), 'hex');
  const pairs = Object.entries(context ?? {})
    .map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const)
    .sort(([a], [b]) => Buffer.compare(a, b))
    .map(([name, value]) => Buffer.concat([u32(name.length), name, u32(value.length), value]));
  const derivedKey = createHmac('sha256', material)
    .update(Buffer.concat([u32(1), Buffer.from('keyhold ciphertext v1'), Buffer.alloc(1), nonce, u32(256)]))
    .digest();
  const decipher = createDecipheriv('aes-256-gcm', derivedKey, Buffer.alloc(12));
  decipher.setAAD(Buffer.concat([blob.subarray(0, 70), u32(pairs.length), ...pairs]));
  decipher.setAuthTag(blob.subarray(-16));
  return Buffer.concat([decipher.update(blob.subarray(70, -16)), decipher.final()]);
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }).filter((each) => each.isWellFormed()),
  fc.constantFrom('', '__proto__', 'constructor', 'toString', '0', 'a\0b'),
);
const contexts: fc.Arbitrary<EncryptionContext | undefined> = fc.option(
  fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 12 }).map((pairs) => {
    const context: Record<string, string> = Object.create(null);
    for (const [name, value] of pairs) context[name] = value;
    return context;
  }),
  { nil: undefined },
);
const plaintexts = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 64 }),
  fc.uint8Array({ minLength: 1, maxLength: 4096, size: 'max' }),
);

test('a decoder written from the format’s description decrypts whatever custody encrypts', async () => {
  const { custody, handle } = await custodyOf();
  fc.assert(
    fc.property(plaintexts, contexts, (plaintext, context) => {
      const blob = custody.encrypt(handle, plaintext, context);
      expect(decryptByDescription(MATERIAL, blob, context)).toEqual(Buffer.from(plaintext));
    }),
  );
});

test('any plaintext comes back under its own context, and under no other', async () => {
  const { custody, handle } = await custodyOf();
  const same = (a: EncryptionContext = {}, b: EncryptionContext = {}) =>
    JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
  fc.assert(
    fc.property(plaintexts, contexts, contexts, (plaintext, context, other) => {
      const blob = custody.encrypt(handle, plaintext, context);
      expect(custody.decrypt(handle, blob, context)).toEqual(Buffer.from(plaintext));
      if (!same(context, other)) expect(custody.decrypt(handle, blob, other)).toBeUndefined();
    }),
  );
});

test('every flipped bit, every cut and every byte more is refused, all in the same way', async () => {
  const { custody, handle } = await custodyOf();
  const blob = custody.encrypt(handle, Buffer.from('attack at dawn'), { a: 'b' });
  for (let bit = 0; bit < blob.length * 8; bit++) {
    const flipped = Buffer.from(blob);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(custody.decrypt(handle, flipped, { a: 'b' }), `bit ${bit}`).toBeUndefined();
  }
  for (let length = 0; length < blob.length; length++) {
    expect(custody.decrypt(handle, blob.subarray(0, length), { a: 'b' }), `${length} bytes`).toBeUndefined();
  }
  expect(custody.decrypt(handle, Buffer.concat([blob, Buffer.alloc(1)]), { a: 'b' })).toBeUndefined();
});

test('each encryption has a nonce of its own', async () => {
  const { custody, handle } = await custodyOf();
  const blobs = Array.from({ length: 500 }, () => custody.encrypt(handle, Buffer.from('same'), undefined));
  expect(new Set(blobs.map((blob) => blob.toString('hex', 50, 66))).size).toBe(500);
  expect(new Set(blobs.map((blob) => blob.toString('hex', 70))).size).toBe(500);
});

test('a blob of other material of the same key, or of the same material of another key, is not decrypted', async () => {
  const { custody, handle, identity } = await custodyOf();
  const blob = custody.encrypt(handle, Buffer.from('x'), undefined);

  const older = await softwareCustody(sealer, replayRandom(Buffer.alloc(32, 9))).create(key, SPEC);
  const olderHandle = custody.open({ ...key, materialId: older.materialId }, SPEC, older.material);
  expect(custody.decrypt(olderHandle, blob, undefined)).toBeUndefined();

  const otherKey = { ...key, keyId: 'mrk-1234abcd12ab34cd56ef1234567890ab' };
  const copied = await softwareCustody(sealer, replayRandom(MATERIAL)).create(otherKey, SPEC);
  expect(copied.materialId, 'the id is the material’s own').toBe(identity.materialId);
  const copiedHandle = custody.open({ ...otherKey, materialId: copied.materialId }, SPEC, copied.material);
  expect(custody.decrypt(copiedHandle, blob, undefined)).toBeUndefined();
});

test('fresh material is 32 random bytes, named by a one-way function of it and wrapped for its row', async () => {
  const { materialId, material } = await softwareCustody(sealer, replayRandom(MATERIAL)).create(key, SPEC);
  expect(materialId).toBe(createHmac('sha256', MATERIAL).update('keyhold key material id v1').digest('hex'));
  const additionalData = lengthPrefixed('key material', key.accountId, key.region, key.keyId, materialId);
  expect(sealer.open(additionalData, Buffer.from(material.wrapped, 'base64'))).toEqual(MATERIAL);
  expect(Object.keys(material)).toEqual(['wrapped']);
});

test.each(['HMAC_224', 'HMAC_256', 'HMAC_384', 'HMAC_512'] as const)(
  'the id of %s material, which the database shows, is no MAC that the key would verify',
  async (spec) => {
    const custody = softwareCustody(sealer, seededRandom('macs'));
    const { materialId, material } = await custody.create(key, spec);
    const secret = sealer.open(
      lengthPrefixed('key material', key.accountId, key.region, key.keyId, materialId),
      Buffer.from(material.wrapped, 'base64'),
    );
    expect(materialId).toBe(createHmac('sha256', 'keyhold key material id v1').update(secret).digest('hex'));
    const handle = custody.open({ ...key, materialId }, spec, material);
    const mac = `HMAC_SHA_${spec.slice('HMAC_'.length)}` as MacAlgorithm;
    const label = Buffer.from('keyhold key material id v1');
    expect(custody.generateMac(handle, mac, label).toString('hex')).not.toBe(materialId);
  },
);

test('the plaintext material is wiped once it has been wrapped', async () => {
  const drawn = Buffer.from(MATERIAL);
  await softwareCustody(sealer, { bytes: () => drawn, uuid: () => '' }).create(key, SPEC);
  expect(drawn).toEqual(Buffer.alloc(32));
});

test('wrapped material opens only as the row it was wrapped for', async () => {
  const { custody, identity, material } = await custodyOf();
  for (const elsewhere of [
    { accountId: '444455556666' },
    { region: 'eu-central-1' },
    { keyId: '00000000-0000-4000-8000-000000000000' },
    { materialId: 'ab'.repeat(32) },
  ]) {
    expect(() => custody.open({ ...identity, ...elsewhere }, SPEC, material), JSON.stringify(elsewhere)).toThrow(
      tampered,
    );
  }
  const bytes = Buffer.from(material.wrapped, 'base64');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    const changed: WrappedMaterial = { wrapped: flipped.toString('base64') };
    expect(() => custody.open(identity, SPEC, changed), `bit ${bit}`).toThrow(tampered);
  }
  expect(() => custody.open(identity, SPEC, { wrapped: '' })).toThrow(tampered);
});

test('a handle shows nothing of its material', async () => {
  const { handle, identity } = await custodyOf();
  const shown = inspect(handle, { depth: 20, showHidden: true }) + JSON.stringify(handle) + String(handle);
  expect(JSON.parse(JSON.stringify(handle))).toMatchObject({ keyId: key.keyId, materialId: identity.materialId });
  expect(shown).not.toContain(MATERIAL.toString('hex').slice(0, 16));
  expect(shown, 'as inspect() shows a buffer').not.toContain('01 02 03 04');
  expect(shown, 'as JSON shows a buffer').not.toContain('1,2,3,4');
});

test('a closed handle, and one that custody did not open, is a programmer’s mistake', async () => {
  const { custody, handle, identity } = await custodyOf();
  const blob = custody.encrypt(handle, Buffer.from('x'), undefined);
  custody.close(handle);
  expect(() => custody.encrypt(handle, Buffer.from('x'), undefined)).toThrow('a wiped secret is not used again');
  expect(() => custody.encrypt({ ...identity } as unknown as KeyHandle, Buffer.from('x'), undefined)).toThrow(
    'the handle was opened by this custody',
  );
  expect(() => custody.decrypt({ ...identity } as unknown as KeyHandle, blob, undefined)).toThrow(
    'the handle was opened by this custody',
  );
});
