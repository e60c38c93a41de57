import { lengthPrefixed } from '../crypto/canonical.ts';
import { invariant, KeyholdError } from '../runtime/errors.ts';
import type { ChangesSince, ListOptions, RawReader, RawStore, RawTransaction, TransactOptions } from './contract.ts';

/**
 * Typed records over a store that is not trusted. A value is written as JSON and sealed with its table, key and version as
 * associated data, so a body that was edited, moved to another key or table, or given another version is refused.
 *
 * What this does not show: a record that was removed by hand, or put back whole (body and version) as it once was.
 */
export interface RecordSealer {
  /** Encrypts and authenticates `plaintext`, and authenticates `associatedData` with it. Keeps neither. */
  seal(associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** The plaintext, which is then the caller's to wipe. Throws KeyholdError TamperedRecord if any of it does not authenticate. */
  open(associatedData: Uint8Array, sealed: Uint8Array): Uint8Array;
}

declare const valueOfTable: unique symbol;

/** A table by its name, and for the compiler the type of its values, which JSON must be able to express. */
export interface Table<T> {
  readonly name: string;
  /** Never there; a function, so that a table of one type is not taken for a table of a wider or a narrower one. */
  readonly [valueOfTable]?: (value: T) => T;
}

export interface StoredRecord<T> {
  readonly version: number;
  readonly value: T;
}

export interface StoredEntry<T> extends StoredRecord<T> {
  readonly key: string;
}

/** As {@link RawReader}. `get` and `list` reject with KeyholdError TamperedRecord, which names the table and the key. */
export interface Reader {
  get<T>(table: Table<T>, key: string): Promise<StoredRecord<T> | undefined>;
  list<T>(table: Table<T>, options: ListOptions): Promise<StoredEntry<T>[]>;
  /**
   * The keys that {@link list} would give, opening nothing: one tampered record does not hide the others. A key alone says
   * nothing that may be relied on; `get` the record it leads to.
   */
  names<T>(table: Table<T>, options: ListOptions): Promise<string[]>;
}

/** As {@link RawTransaction}. */
export interface Transaction extends Reader {
  create<T>(table: Table<T>, key: string, value: NoInfer<T>): Promise<void>;
  replace<T>(table: Table<T>, key: string, value: NoInfer<T>, expectedVersion: number): Promise<void>;
  remove<T>(table: Table<T>, key: string, expectedVersion: number): Promise<void>;
}

/** As {@link RawStore}. */
export interface Store extends Reader {
  transact<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactOptions): Promise<T>;
  head(): Promise<number>;
  changesSince(sequence: number): Promise<ChangesSince>;
  close(): Promise<void>;
}

/** Names a table. The name is part of what its records are sealed with: it cannot change once there are records. */
export function table<T>(name: string): Table<T> {
  return { name };
}

export function sealedStore(raw: RawStore, sealer: RecordSealer): Store {
  return {
    ...sealedReader(raw, sealer),
    transact: (work, options) => raw.transact((transaction) => work(sealedTransaction(transaction, sealer)), options),
    head: () => raw.head(),
    changesSince: (sequence) => raw.changesSince(sequence),
    close: () => raw.close(),
  };
}

/** The sealed view of a transaction on the raw store, for one that also writes what cannot be sealed: domain keys. */
export function sealedTransaction(raw: RawTransaction, sealer: RecordSealer): Transaction {
  return {
    ...sealedReader(raw, sealer),
    async create({ name }, key, value) {
      await raw.create(name, key, sealValue(sealer, name, key, 1, value));
    },
    async replace({ name }, key, value, expectedVersion) {
      const body = sealValue(sealer, name, key, expectedVersion + 1, value);
      await raw.replace(name, key, body, expectedVersion);
    },
    remove: ({ name }, key, expectedVersion) => raw.remove(name, key, expectedVersion),
  };
}

function sealedReader(raw: RawReader, sealer: RecordSealer): Reader {
  return {
    async get<T>({ name }: Table<T>, key: string): Promise<StoredRecord<T> | undefined> {
      const record = await raw.get(name, key);
      if (record === undefined) return undefined;
      return { version: record.version, value: openValue<T>(sealer, name, key, record.version, record.body) };
    },
    async list<T>({ name }: Table<T>, options: ListOptions): Promise<StoredEntry<T>[]> {
      const entries = await raw.list(name, options);
      return entries.map(({ key, version, body }) => ({
        key,
        version,
        value: openValue<T>(sealer, name, key, version, body),
      }));
    },
    names: ({ name }, options) => raw.names(name, options),
  };
}

function sealValue(sealer: RecordSealer, name: string, key: string, version: number, value: unknown): Uint8Array {
  const json = JSON.stringify(value);
  invariant(json !== undefined, 'a record has a value that JSON can express');
  const plaintext = Buffer.from(json, 'utf8');
  try {
    return sealer.seal(identity(name, key, version), plaintext);
  } finally {
    plaintext.fill(0);
  }
}

function openValue<T>(sealer: RecordSealer, name: string, key: string, version: number, body: Uint8Array): T {
  let plaintext: Uint8Array | undefined;
  try {
    plaintext = sealer.open(identity(name, key, version), body);
    return JSON.parse(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).toString('utf8'));
  } catch (error) {
    if (isTampering(error)) throw tampered(name, key, version, error);
    throw error;
  } finally {
    plaintext?.fill(0);
  }
}

/** What ties a body to its place: the associated data of docs/formats' record. */
function identity(name: string, key: string, version: number): Buffer {
  return lengthPrefixed('record', name, key, String(version));
}

/** A SyntaxError comes from JSON.parse: something sealed this that was not a record's value. */
function isTampering(error: unknown): boolean {
  return error instanceof SyntaxError || (error instanceof KeyholdError && error.code === 'TamperedRecord');
}

function tampered(name: string, key: string, version: number, error: unknown): KeyholdError {
  // JSON.parse quotes the text it fails on, which is the plaintext: such a cause must not reach the log.
  const cause = error instanceof KeyholdError ? error : undefined;
  return new KeyholdError(
    'TamperedRecord',
    `record ${name} ${JSON.stringify(key)} version ${version} is not authentic`,
    {
      cause,
    },
  );
}
