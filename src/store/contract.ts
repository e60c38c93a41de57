/**
 * What every store must do: ordered records of bytes under (table, key), serialisable transactions, optimistic versions,
 * and a change log that caches follow. Bodies are opaque: `sealed-store.ts` encrypts and authenticates them, so a backend
 * is never trusted with anything. `contract.test.ts` runs one suite over every implementation.
 *
 * Keys are non-empty, well-formed Unicode strings without NUL; they are ordered by the bytes of their UTF-8. Reading a key
 * that breaks this finds nothing; writing one is a programmer's mistake. Tables are constants of the code.
 *
 * Every method rejects with KeyholdError StoreUnavailable when the backend fails or is closed.
 */

/** One record as a backend keeps it. `version` is 1 when created and grows by one with each change. */
export interface RawRecord {
  readonly version: number;
  readonly body: Uint8Array;
}

export interface RawEntry extends RawRecord {
  readonly key: string;
}

export interface ListOptions {
  /** Only keys that begin with this. */
  readonly prefix: string;
  /** Only keys after this one, itself excluded. */
  readonly after?: string;
  /** At most this many, the first ones in order; at least 1. */
  readonly limit: number;
}

export interface RawReader {
  get(table: string, key: string): Promise<RawRecord | undefined>;
  list(table: string, options: ListOptions): Promise<RawEntry[]>;
  /** The keys that {@link list} would give, without looking at the records: one that is damaged spoils no other. */
  names(table: string, options: ListOptions): Promise<string[]>;
}

export interface RawTransaction extends RawReader {
  /** Creates the record as version 1. Throws KeyholdError StoreConflict if there is one. */
  create(table: string, key: string, body: Uint8Array): Promise<void>;
  /** Replaces the record, whose version must be `expectedVersion`, by the next version. Throws StoreConflict. */
  replace(table: string, key: string, body: Uint8Array, expectedVersion: number): Promise<void>;
  /** Removes the record, whose version must be `expectedVersion`. Throws StoreConflict. */
  remove(table: string, key: string, expectedVersion: number): Promise<void>;
}

/**
 * A row of the change log: which record was written, once per transaction however often it was. `sequence` grows with
 * every committed change, without reuse.
 */
export interface Change {
  readonly sequence: number;
  readonly table: string;
  readonly key: string;
}

export type ChangesSince =
  /** Everything that changed after the asked sequence, oldest first, and where the log now ends. */
  | { readonly complete: true; readonly changes: Change[]; readonly head: number }
  /**
   * The log no longer reaches back that far, never reached as far as was asked, or there is too much to tell: forget
   * everything that was cached, and go on from `head`.
   */
  | { readonly complete: false; readonly head: number };

export interface TransactOptions {
  /**
   * Leaves no rows in the change log. Only for records that no cache holds and that change often: they would crowd out of
   * the log what followers must be told.
   */
  readonly unlogged?: boolean;
}

export interface RawStore extends RawReader {
  /**
   * Runs `work` in one serialisable transaction. It commits when the promise resolves, durably, together with a change-log
   * row for each record that changed, unless told otherwise; it rolls back and changes nothing when the promise rejects. Reads inside see the
   * transaction's own writes; reads outside never see uncommitted ones. Transactions of one store queue, so `work` must
   * settle soon and must not start another on the same store. Rejects with what `work` rejects with.
   */
  transact<T>(work: (transaction: RawTransaction) => Promise<T>, options?: TransactOptions): Promise<T>;
  /** The sequence of the newest committed change; 0 in a new store. */
  head(): Promise<number>;
  changesSince(sequence: number): Promise<ChangesSince>;
  /** Lets the queued transactions finish, then closes. */
  close(): Promise<void>;
}
