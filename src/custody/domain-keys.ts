import { createHmac } from 'node:crypto';
import { lengthPrefixed } from '../crypto/canonical.ts';
import { SealedBox } from '../crypto/sealed-box.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { invariant, KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import type { RawReader, RawTransaction } from '../store/contract.ts';
import type { RootKey } from './root-key/contract.ts';

/** Domain keys stand in the raw store: they cannot be sealed by themselves, and their wrapping authenticates them. */
const TABLE = 'domain-keys';
const DOMAIN_KEY_BYTES = 32;
/** A generation in four bytes, so that ids sort by age, then twelve random ones. */
const DOMAIN_KEY_ID_BYTES = 16;
const MOST_DOMAIN_KEYS = 1000;
const SEALED_FORMAT_VERSION = 1;
const SEALED_PREFIX_BYTES = 1 + DOMAIN_KEY_ID_BYTES;

/** What a domain key protects. Each purpose has a key of its own, derived from the domain key. */
export type Purpose =
  | 'records'
  | 'key material'
  | 'grant tokens'
  | 'import token'
  | 'session tokens'
  | 'lookup tokens'
  | 'audit signing key'
  | 'digest signing keys';

/**
 * Seals and opens bytes for one purpose under the domain keys:
 *
 *     sealed = 0x01 ‖ domain key id (16) ‖ box (`crypto/sealed-box.ts`)
 *
 * The newest domain key seals; the id says which one opens, so that domain keys can be rotated.
 */
export interface Sealer {
  seal(additionalData: Uint8Array, plaintext: Uint8Array): Buffer;
  /** Throws TamperedRecord. */
  open(additionalData: Uint8Array, sealed: Uint8Array): Buffer;
}

export interface DomainKeys {
  sealer(purpose: Purpose): Sealer;
}

/** Whether a store has been set up. Nothing says so but its records: a change log can be emptied, and is pruned anyway. */
export async function hasDomainKeys(reader: RawReader): Promise<boolean> {
  return (await reader.names(TABLE, { prefix: '', limit: 1 })).length > 0;
}

/** Makes a new domain key, which seals from now on, within the transaction that first sets a store up, or that rotates. */
export async function createDomainKey(transaction: RawTransaction, rootKey: RootKey, random: Random): Promise<void> {
  const older = await transaction.list(TABLE, { prefix: '', limit: MOST_DOMAIN_KEYS });
  const idBytes = random.bytes(DOMAIN_KEY_ID_BYTES);
  idBytes.writeUInt32BE(older.length);
  const id = idBytes.toString('hex');
  const key = random.bytes(DOMAIN_KEY_BYTES);
  const wrapped = await rootKey.wrap(key, wrappingIdentity(id));
  key.fill(0);
  await transaction.create(TABLE, id, wrapped);
}

/** Unwraps all domain keys of a store. Throws WrongRootKey. */
export async function openDomainKeys(reader: RawReader, rootKey: RootKey, random: Random): Promise<DomainKeys> {
  const rows = await reader.list(TABLE, { prefix: '', limit: MOST_DOMAIN_KEYS });
  if (rows.length === 0) throw new KeyholdError('StoreUnavailable', 'the store holds no domain key');
  const domainKeys = new Map<string, SecretBytes>();
  let newest = '';
  for (const row of rows) {
    domainKeys.set(row.key, new SecretBytes(await rootKey.unwrap(row.body, wrappingIdentity(row.key))));
    newest = row.key;
  }
  return { sealer: (purpose) => sealerFor(purpose, domainKeys, newest, random) };
}

function wrappingIdentity(id: string): Buffer {
  return lengthPrefixed('domain key', id);
}

function sealerFor(
  purpose: Purpose,
  domainKeys: ReadonlyMap<string, SecretBytes>,
  newest: string,
  random: Random,
): Sealer {
  const box = new SealedBox(`keyhold ${purpose} v1`);
  const purposeKeys = new Map<string, SecretBytes>();
  for (const [id, domainKey] of domainKeys) purposeKeys.set(id, derivePurposeKey(domainKey, purpose));
  const current = purposeKeys.get(newest);
  invariant(current !== undefined, 'the newest domain key has been derived');
  const prefix = Buffer.concat([Buffer.from([SEALED_FORMAT_VERSION]), Buffer.from(newest, 'hex')]);
  return {
    seal: (additionalData, plaintext) => Buffer.concat([prefix, box.seal(current, random, plaintext, additionalData)]),
    open: (additionalData, sealed) => {
      const id = Buffer.from(sealed.subarray(1, SEALED_PREFIX_BYTES)).toString('hex');
      const key = sealed[0] === SEALED_FORMAT_VERSION ? purposeKeys.get(id) : undefined;
      if (key === undefined) throw new KeyholdError('TamperedRecord', 'sealed under no domain key of this store');
      return box.open(key, sealed.subarray(SEALED_PREFIX_BYTES), additionalData);
    },
  };
}

/** SP 800-108r1 in counter mode with HMAC-SHA-256, one block, empty context: one key per purpose. */
function derivePurposeKey(domainKey: SecretBytes, purpose: Purpose): SecretBytes {
  const input = Buffer.concat([
    Buffer.from([0, 0, 0, 1]),
    Buffer.from(`keyhold domain ${purpose} v1`, 'ascii'),
    Buffer.from([0, 0, 0, 1, 0]),
  ]);
  return new SecretBytes(createHmac('sha256', domainKey.expose()).update(input).digest());
}
