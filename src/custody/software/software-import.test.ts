import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { lengthPrefixed } from '../../crypto/canonical.ts';
import type { KeySpec } from '../../crypto/key-specs.ts';
import type { WrappingAlgorithm, WrappingKeySpec } from '../../crypto/key-wrapping.ts';
import { SealedBox } from '../../crypto/sealed-box.ts';
import { SecretBytes } from '../../crypto/secret-bytes.ts';
import { wrapMaterial } from '../../crypto/wrap-material.test-helper.ts';
import { seededRandom } from '../../runtime/random.test-helper.ts';
import type { NewMaterial } from '../contract.ts';
import type { Sealer } from '../domain-keys.ts';
import { softwareImport } from './software-import.ts';

const key = { accountId: '111122223333', region: 'us-east-1', keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
const NOW = Date.UTC(2026, 10, 22, 10, 30);
const VALID_TO = NOW + 86_400_000;
const MATERIAL = Buffer.from(Array.from({ length: 32 }, (_, at) => at + 1));

function sealerFor(purpose: string): Sealer {
  const box = new SealedBox(`keyhold ${purpose} v1`);
  const sealingKey = new SecretBytes(Buffer.alloc(32, 0x77));
  const random = seededRandom(purpose);
  return {
    seal: (additionalData, plaintext) => box.seal(sealingKey, random, plaintext, additionalData),
    open: (additionalData, sealed) => box.open(sealingKey, sealed, additionalData),
  };
}

const materials = sealerFor('key material');
const tokens = sealerFor('import token');
const custody = softwareImport(materials, tokens);

interface Parameters {
  readonly algorithm: WrappingAlgorithm;
  readonly publicKey: Buffer;
  readonly token: Buffer;
}

async function parametersFor(algorithm: WrappingAlgorithm, spec: WrappingKeySpec = 'RSA_2048'): Promise<Parameters> {
  return { algorithm, ...(await custody.parameters(key, spec, algorithm, VALID_TO)) };
}

let direct: Parameters;
let throughAes: Parameters;
beforeAll(async () => {
  direct = await parametersFor('RSAES_OAEP_SHA_256');
  throughAes = await parametersFor('RSA_AES_KEY_WRAP_SHA_256');
});

const receive = (spec: KeySpec, material: Uint8Array, { algorithm, publicKey, token } = throughAes) =>
  custody.receive(key, spec, token, wrapMaterial(publicKey, algorithm, material), NOW);

/** The plaintext of what was received. */
function opened(received: NewMaterial | string): Buffer {
  if (typeof received === 'string') throw new Error(received);
  const identity = lengthPrefixed('key material', key.accountId, key.region, key.keyId, received.materialId);
  return materials.open(identity, Buffer.from(received.material.wrapped, 'base64'));
}

test('what comes in is what was sent, under an id that is its own', async () => {
  const received = (await receive('SYMMETRIC_DEFAULT', MATERIAL, direct)) as NewMaterial;
  expect(opened(received)).toEqual(MATERIAL);
  expect(received.materialId).toBe(createHmac('sha256', MATERIAL).update('keyhold key material id v1').digest('hex'));
  const again = await parametersFor('RSAES_OAEP_SHA_1');
  expect(await receive('SYMMETRIC_DEFAULT', MATERIAL, again)).toMatchObject({ materialId: received.materialId });
});

test.each(['RSA_2048', 'RSA_3072', 'RSA_4096'] as const)(
  '%s makes a public key of its size, and a token that AWS’s shape has room for',
  async (spec) => {
    const { publicKey, token } = await parametersFor('RSAES_OAEP_SHA_256', spec);
    const read = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    expect(read.asymmetricKeyDetails?.modulusLength).toBe(Number(spec.slice(4)));
    expect(token.length).toBeLessThanOrEqual(6144);
    const wrapped = wrapMaterial(publicKey, 'RSAES_OAEP_SHA_256', MATERIAL);
    expect(opened(await custody.receive(key, 'SYMMETRIC_DEFAULT', token, wrapped, NOW))).toEqual(MATERIAL);
  },
  60_000,
);

describe('a token', () => {
  const use = (token: Uint8Array, nowMs = NOW, owner = key) =>
    custody.receive(
      owner,
      'SYMMETRIC_DEFAULT',
      token,
      wrapMaterial(direct.publicKey, direct.algorithm, MATERIAL),
      nowMs,
    );

  test('is good until the moment that it names, and not in it', async () => {
    expect(opened(await use(direct.token, VALID_TO - 1))).toEqual(MATERIAL);
    expect(await use(direct.token, VALID_TO)).toBe('expired token');
  });

  test('is good for its own key alone', async () => {
    for (const other of [{ accountId: '444455556666' }, { region: 'eu-west-1' }, { keyId: 'mrk-1234' }]) {
      expect(await use(direct.token, NOW, { ...key, ...other }), JSON.stringify(other)).toBe('invalid token');
    }
  });

  test('is refused when a bit of it is changed, or when it is cut, prolonged or made up', async () => {
    for (let bit = 0; bit < direct.token.length * 8; bit += 31) {
      const flipped = Buffer.from(direct.token);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await use(flipped), `bit ${bit}`).toBe('invalid token');
    }
    for (const length of [0, 1, 17, 49, direct.token.length - 1]) {
      expect(await use(direct.token.subarray(0, length)), `${length} bytes`).toBe('invalid token');
    }
    expect(await use(Buffer.concat([direct.token, Buffer.alloc(1)]))).toBe('invalid token');
    expect(await use(Buffer.alloc(direct.token.length, 1))).toBe('invalid token');
  });

  test('of another purpose is refused: sealed key material is no token', async () => {
    const sealedElsewhere = materials.seal(
      lengthPrefixed('import token', key.accountId, key.region, key.keyId),
      MATERIAL,
    );
    expect(await use(sealedElsewhere)).toBe('invalid token');
  });

  test('does not open for material that was wrapped for another', async () => {
    const wrapped = wrapMaterial(throughAes.publicKey, direct.algorithm, MATERIAL);
    expect(await custody.receive(key, 'SYMMETRIC_DEFAULT', direct.token, wrapped, NOW)).toBe('invalid ciphertext');
  });
});

describe('material', () => {
  test.each([
    ['SYMMETRIC_DEFAULT', [32], [1, 16, 31, 33, 64]],
    ['HMAC_224', [28, 64, 128], [27, 129]],
    ['HMAC_256', [32, 33, 128], [31, 129]],
    ['HMAC_384', [48, 128], [47, 129]],
    ['HMAC_512', [64, 100, 128], [63, 129]],
  ] as const)('for %s has one of the lengths that AWS takes', async (spec, fit, unfit) => {
    for (const length of fit) expect(opened(await receive(spec, Buffer.alloc(length, 5), direct)).length).toBe(length);
    for (const length of unfit) {
      expect(await receive(spec, Buffer.alloc(length, 5), direct), `${length}`).toBe('unfit material');
    }
  });

  const pairs: [KeySpec, () => ReturnType<typeof createPrivateKey>][] = [
    ['RSA_2048', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['ECC_NIST_P256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['ECC_NIST_P384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['ECC_NIST_P521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['ECC_SECG_P256K1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
    ['ECC_NIST_EDWARDS25519', () => generateKeyPairSync('ed25519').privateKey],
  ];

  test.each(pairs)('for %s is a private key of that spec in PKCS#8', async (spec, make) => {
    const privateKey = make();
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
    const kept = createPrivateKey({ key: opened(await receive(spec, pkcs8)), format: 'der', type: 'pkcs8' });
    expect(createPublicKey(kept).equals(createPublicKey(privateKey))).toBe(true);
    for (const [other] of pairs) {
      if (other !== spec) expect(await receive(other, pkcs8), other).toBe('unfit material');
    }
    expect(await receive(spec, pkcs8.subarray(0, -1))).toBe('unfit material');
    expect(await receive(spec, Buffer.concat([pkcs8, Buffer.alloc(1)]))).toBe('unfit material');
    expect(await receive(spec, createPublicKey(privateKey).export({ type: 'spki', format: 'der' }))).toBe(
      'unfit material',
    );
    const locked = privateKey.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'x' });
    expect(await receive(spec, locked)).toBe('unfit material');
  });

  test('that is the same private key has the same id, however it was written', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
    // PrivateKeyInfo ‖ ECPrivateKey without the optional public key (RFC 5915 section 3).
    const scalar = privateKey.export({ format: 'raw-private' });
    const brief = Buffer.concat([
      Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex'),
      scalar,
    ]);
    const { materialId } = (await receive('ECC_NIST_P256', pkcs8)) as NewMaterial;
    expect(brief.length).toBeLessThan(pkcs8.length);
    expect(await receive('ECC_NIST_P256', brief)).toMatchObject({ materialId });
  });
});
