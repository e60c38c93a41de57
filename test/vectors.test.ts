import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chainLine, genesis, linkOf } from '../src/audit/hash-chain.ts';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { additionalData, decodeHeader, type EncryptionContext } from '../src/crypto/ciphertext.ts';
import type { MaterialIdentity } from '../src/custody/contract.ts';
import { openDomainKeys, type Purpose, type Sealer } from '../src/custody/domain-keys.ts';
import { openRootKeyFile } from '../src/custody/root-key/file-root-key.ts';
import { softwareCustody } from '../src/custody/software/software-custody.ts';
import { replayRandom } from '../src/runtime/random.test-helper.ts';
import type { Random } from '../src/runtime/random.ts';
import { openMemoryStore } from '../src/store/memory/memory-store.ts';
import { sealedStore, table } from '../src/store/sealed-store.ts';

/**
 * The vectors of `docs/formats/`, which were computed apart from this code (Python's `cryptography`; the derivations also
 * with `openssl kdf … KBKDF`). Whoever changes a format finds out here that old data could no longer be read.
 */

const bytes = (hex: string) => Buffer.from(hex, 'hex');
const noRandom = replayRandom();

function vectorsOf<T>(file: string): T[] {
  return (JSON.parse(readFileSync(new URL(`vectors/${file}`, import.meta.url), 'utf8')) as { vectors: T[] }).vectors;
}

/** SP 800-108 in counter mode as the vectors describe it: one HMAC over an input of which each part is given. */
function derive(key: string, label: string, context: string): string {
  const input = Buffer.concat([bytes('00000001'), Buffer.from(label), bytes('00'), bytes(context), bytes('00000100')]);
  return createHmac('sha256', bytes(key)).update(input).digest('hex');
}

const SPEC = 'SYMMETRIC_DEFAULT';

interface CiphertextVector {
  readonly name: string;
  readonly keyMaterial: string;
  readonly keyMaterialId: string;
  readonly keyId: string;
  readonly nonce: string;
  readonly encryptionContext: EncryptionContext | null;
  readonly plaintext: string;
  readonly header: string;
  readonly canonicalContext: string;
  readonly additionalData: string;
  readonly kdfLabel: string;
  readonly kdfInput: string;
  readonly derivedKey: string;
  readonly ciphertext: string;
  readonly tag: string;
  readonly blob: string;
}

describe.each(vectorsOf<CiphertextVector>('ciphertext.json'))('ciphertext: $name', (vector) => {
  const key = { accountId: '111122223333', region: 'us-east-1', keyId: vector.keyId };
  const context = vector.encryptionContext ?? undefined;
  // How material is wrapped is another format's business.
  const inTheClear: Sealer = {
    seal: (_, plaintext) => Buffer.from(plaintext),
    open: (_, sealed) => Buffer.from(sealed),
  };

  async function opened(random: Random) {
    const { materialId, material } = await softwareCustody(inTheClear, replayRandom(bytes(vector.keyMaterial))).create(
      key,
      SPEC,
    );
    expect(materialId).toBe(vector.keyMaterialId);
    const custody = softwareCustody(inTheClear, random);
    const identity: MaterialIdentity = { ...key, materialId };
    return { custody, handle: custody.open(identity, SPEC, material) };
  }

  test('is encrypted to the same bytes', async () => {
    const { custody, handle } = await opened(replayRandom(bytes(vector.nonce)));
    expect(custody.encrypt(handle, bytes(vector.plaintext), context).toString('hex')).toBe(vector.blob);
  });

  test('is decrypted', async () => {
    const { custody, handle } = await opened(noRandom);
    expect(custody.decrypt(handle, bytes(vector.blob), context)?.toString('hex')).toBe(vector.plaintext);
    expect(custody.decrypt(handle, bytes(vector.blob), { ...context, more: '' })).toBeUndefined();
  });

  test('has these parts', () => {
    const header = decodeHeader(bytes(vector.blob));
    expect(header).toMatchObject({ keyId: vector.keyId, materialId: vector.keyMaterialId });
    expect(Buffer.from(header?.nonce ?? []).toString('hex')).toBe(vector.nonce);
    expect(additionalData(bytes(vector.header), context).toString('hex')).toBe(vector.additionalData);
    expect(vector.additionalData).toBe(vector.header + vector.canonicalContext);
    expect(vector.blob).toBe(vector.header + vector.ciphertext + vector.tag);
    expect(derive(vector.keyMaterial, vector.kdfLabel, vector.nonce)).toBe(vector.derivedKey);
    expect(createHmac('sha256', bytes(vector.keyMaterial)).update(bytes(vector.kdfInput)).digest('hex')).toBe(
      vector.derivedKey,
    );
  });
});

interface RootKeyVector {
  readonly rootKeyFile: string;
  readonly rootKey: string;
  readonly domainKeyId: string;
  readonly domainKey: string;
  readonly additionalData: string;
  readonly nonce: string;
  readonly kdfLabel: string;
  readonly derivedKey: string;
  readonly wrapped: string;
}

describe.each(vectorsOf<RootKeyVector>('root-key-wrap.json'))('root key: a wrapped domain key', (vector) => {
  async function withRootKey(random: Random, use: (rootKey: ReturnType<typeof openRootKeyFile>) => Promise<void>) {
    const directory = mkdtempSync(join(tmpdir(), 'keyhold-vectors-'));
    try {
      writeFileSync(join(directory, 'root.key'), vector.rootKeyFile, { mode: 0o600 });
      await use(openRootKeyFile(join(directory, 'root.key'), random));
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  test('is wrapped to the same bytes, and unwrapped', () =>
    withRootKey(replayRandom(bytes(vector.nonce)), async (rootKey) => {
      const wrapped = await rootKey.wrap(bytes(vector.domainKey), bytes(vector.additionalData));
      expect(Buffer.from(wrapped).toString('hex')).toBe(vector.wrapped);
      const unwrapped = await rootKey.unwrap(bytes(vector.wrapped), bytes(vector.additionalData));
      expect(unwrapped.toString('hex')).toBe(vector.domainKey);
    }));

  test('has these parts', () => {
    expect(derive(vector.rootKey, vector.kdfLabel, vector.nonce)).toBe(vector.derivedKey);
    expect(vector.wrapped.slice(0, 32)).toBe(vector.nonce);
  });

  test('opens in a store that holds it', () =>
    withRootKey(noRandom, async (rootKey) => {
      const store = openMemoryStore();
      await store.transact((t) => t.create('domain-keys', vector.domainKeyId, bytes(vector.wrapped)));
      await expect(openDomainKeys(store, rootKey, noRandom)).resolves.toBeDefined();
    }));
});

interface SealedVector {
  readonly name: string;
  readonly domainKey: string;
  readonly domainKeyId: string;
  readonly purpose: Purpose;
  readonly additionalData: string;
  readonly purposeKdfLabel: string;
  readonly purposeKey: string;
  readonly nonce: string;
  readonly boxKdfLabel: string;
  readonly derivedKey: string;
  readonly plaintext: string;
  readonly sealed: string;
  readonly table?: string;
  readonly key?: string;
  readonly version?: number;
  readonly value?: object;
  readonly keyMaterialId?: string;
}

const sealedVectors = vectorsOf<SealedVector>('sealed-record.json');

/** The sealer of a store whose only domain key is this vector's. */
async function sealerOf(vector: SealedVector, random: Random): Promise<Sealer> {
  const rootKey = { wrap: async (key: Uint8Array) => key, unwrap: async (key: Uint8Array) => Buffer.from(key) };
  const store = openMemoryStore();
  await store.transact((t) => t.create('domain-keys', vector.domainKeyId, bytes(vector.domainKey)));
  return (await openDomainKeys(store, rootKey, random)).sealer(vector.purpose);
}

describe.each(sealedVectors)('sealed: $name', (vector) => {
  test('is sealed to the same bytes', async () => {
    const sealer = await sealerOf(vector, replayRandom(bytes(vector.nonce)));
    expect(sealer.seal(bytes(vector.additionalData), bytes(vector.plaintext)).toString('hex')).toBe(vector.sealed);
  });

  test('is opened', async () => {
    const sealer = await sealerOf(vector, noRandom);
    expect(sealer.open(bytes(vector.additionalData), bytes(vector.sealed)).toString('hex')).toBe(vector.plaintext);
  });

  test('has these parts', () => {
    expect(derive(vector.domainKey, vector.purposeKdfLabel, '')).toBe(vector.purposeKey);
    expect(derive(vector.purposeKey, vector.boxKdfLabel, vector.nonce)).toBe(vector.derivedKey);
    expect(vector.sealed.startsWith(`01${vector.domainKeyId}${vector.nonce}`)).toBe(true);
  });
});

describe.each(sealedVectors.filter(({ purpose }) => purpose === 'records'))('record: $name', (vector) => {
  const { key = '', version = 0, value = {} } = vector;
  const its = table<object>(vector.table ?? '');

  test('is read from a store that holds these bytes', async () => {
    const raw = openMemoryStore();
    await raw.transact(async (t) => {
      await t.create(its.name, key, bytes(vector.sealed));
      for (let at = 1; at < version; at++) await t.replace(its.name, key, bytes(vector.sealed), at);
    });
    const store = sealedStore(raw, await sealerOf(vector, noRandom));
    expect(await store.get(its, key)).toEqual({ version, value });
  });

  test('is written to these bytes', async () => {
    const raw = openMemoryStore();
    const nonces = Array.from({ length: version }, () => bytes(vector.nonce));
    const store = sealedStore(raw, await sealerOf(vector, replayRandom(...nonces)));
    await store.transact(async (t) => {
      await t.create(its, key, value);
      for (let at = 1; at < version; at++) await t.replace(its, key, value, at);
    });
    expect(Buffer.from((await raw.get(its.name, key))?.body ?? []).toString('hex')).toBe(vector.sealed);
  });
});

test('key material: its row holds the sealed vector in base64', async () => {
  const vector = sealedVectors.find(({ purpose }) => purpose === 'key material');
  if (vector?.keyMaterialId === undefined) throw new Error('there is a vector of key material');
  const key = { accountId: '111122223333', region: 'us-east-1', keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
  const sealer = await sealerOf(vector, replayRandom(bytes(vector.nonce)));
  const made = await softwareCustody(sealer, replayRandom(bytes(vector.plaintext))).create(key, SPEC);
  expect(made).toEqual({
    materialId: vector.keyMaterialId,
    material: { wrapped: bytes(vector.sealed).toString('base64') },
  });
  expect(() =>
    softwareCustody(sealer, noRandom).open({ ...key, materialId: made.materialId }, SPEC, made.material),
  ).not.toThrow();
});

interface ChainFile {
  readonly stream: string;
  readonly genesis: string;
  readonly lines: readonly { readonly record: object; readonly line: string; readonly hash: string }[];
}

describe('audit chain', () => {
  const chain = JSON.parse(readFileSync(new URL('vectors/audit-chain.json', import.meta.url), 'utf8')) as ChainFile;

  test('grows by the same lines', () => {
    let link = genesis(chain.stream);
    expect(link).toEqual({ sequence: 0, hash: chain.genesis });
    for (const [index, { record, line, hash }] of chain.lines.entries()) {
      expect(chainLine(chain.stream, link, JSON.stringify(record))).toBe(line);
      link = linkOf(link, line);
      expect(link).toEqual({ sequence: index + 1, hash });
    }
  });

  test('verifies, and no longer once a byte of it has changed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'keyhold-vectors-'));
    try {
      const file = join(directory, `${chain.stream}.jsonl`);
      const text = chain.lines.map(({ line }) => `${line}\n`).join('');
      writeFileSync(file, text);
      expect(await verifyAuditDirectory(directory)).toEqual([{ stream: chain.stream, records: chain.lines.length }]);
      writeFileSync(file, text.replace('"eventName":"Encrypt"', '"eventName":"Decrypt"'));
      const [verdict] = await verifyAuditDirectory(directory);
      expect(verdict?.problem?.line).toBe(2);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
