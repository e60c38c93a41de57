import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import {
  type ChangeLogLimits,
  defaultChangeLogLimits,
  pruneThrough,
  reachesBackTo,
  writtenRecords,
} from '../change-log.ts';
import type {
  ChangesSince,
  ListOptions,
  RawEntry,
  RawRecord,
  RawStore,
  RawTransaction,
  TransactOptions,
} from '../contract.ts';
import { isRecordKey } from '../record-key.ts';
import { serialQueue } from '../serial-queue.ts';
import { inspectSchema, migrate } from './migrations.ts';
import { recordReads } from './record-reads.ts';
import { attempt, isBusy } from './sqlite-errors.ts';
import { type WriteLock, writeLock, writeLockMemory } from './write-lock.ts';

export interface SqliteStoreOptions {
  /** The database file; created, for its owner only, if there is none. */
  readonly path: string;
  /** This thread's handle on the lock shared by all threads that open the file. Omitted, this thread is the only one. */
  readonly writeLock?: WriteLock;
  readonly changeLogLimits?: ChangeLogLimits;
  /** How long the thread is blocked, at most, while another process writes. Default {@link BUSY_TIMEOUT_MS}. */
  readonly busyTimeoutMs?: number;
}

export interface SqliteStore extends RawStore {
  /**
   * Makes sure that nothing is left in the files of what was overwritten or removed before: rewrites the database, moves
   * everything from the write-ahead log into it and empties the log. Takes some 7 ms per MB, in which this thread does
   * nothing else. Rejects with StoreUnavailable if a reader prevented it; then call it again.
   */
  scrub(): Promise<void>;
}

/** The lock keeps our own threads apart; SQLite's blocking wait is left for commands, and a backup tool, on the same file. */
const BUSY_TIMEOUT_MS = 5_000;

/** Between two attempts at the switch to the write-ahead log, which takes a millisecond. */
const SWITCH_PAUSE_MS = 5;

/** A checkpoint waits for readers. Ours are done in microseconds; a backup tool that reads on must not stall the thread. */
const CHECKPOINT_TIMEOUT_MS = 100;

const CONNECTION_OPTIONS = {
  allowExtension: false,
  defensive: true,
  enableDoubleQuotedStringLiterals: false,
} as const;

/**
 * Opens the embedded store. Each thread opens its own on the same file. Writes go through one connection and reads outside
 * transactions through another, which therefore never sees what is not committed.
 *
 * @throws KeyholdError StoreUnavailable if the file cannot be opened, is not Keyhold's, or is newer than this code
 */
export function openSqliteStore(options: SqliteStoreOptions): SqliteStore {
  // An absolute path, because SQLite reads names that begin with "file:" as URIs, and ":memory:" is no file at all.
  const path = resolve(options.path);
  const lock = options.writeLock ?? writeLock(writeLockMemory(1), 0);
  const limits = options.changeLogLimits ?? defaultChangeLogLimits;
  const queue = serialQueue();
  const busyTimeoutMs = options.busyTimeoutMs ?? BUSY_TIMEOUT_MS;
  const { writer, reader } = connect(path, busyTimeoutMs);

  const outside = recordReads(reader);
  const within = recordReads(writer);
  const insertRecord = writer.prepare(
    'INSERT INTO records (tbl, key, version, body) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING',
  );
  const updateRecord = writer.prepare(
    'UPDATE records SET version = version + 1, body = ? WHERE tbl = ? AND key = ? AND version = ?',
  );
  const deleteRecord = writer.prepare('DELETE FROM records WHERE tbl = ? AND key = ? AND version = ?');
  const insertChange = writer.prepare('INSERT INTO changes (tbl, key) VALUES (?, ?)');
  const deleteChanges = writer.prepare('DELETE FROM changes WHERE sequence <= ?');
  const newestChange = reader.prepare('SELECT max(sequence) FROM changes', { returnArrays: true });
  const oldestChange = reader.prepare('SELECT min(sequence) FROM changes', { returnArrays: true });
  const changesAfter = reader.prepare('SELECT sequence, tbl, key FROM changes WHERE sequence > ? ORDER BY sequence', {
    returnArrays: true,
  });
  let closing: Promise<void> | undefined;

  async function get(table: string, key: string): Promise<RawRecord | undefined> {
    return outside.get(table, key);
  }

  async function list(table: string, listOptions: ListOptions): Promise<RawEntry[]> {
    return outside.list(table, listOptions);
  }

  async function names(table: string, listOptions: ListOptions): Promise<string[]> {
    return outside.names(table, listOptions);
  }

  async function head(): Promise<number> {
    return attempt('read the change log', newest);
  }

  async function changesSince(sequence: number): Promise<ChangesSince> {
    return attempt('read the change log', () => {
      // One snapshot: another thread may commit and prune between the statements.
      reader.exec('BEGIN');
      try {
        const end = newest();
        if (!reachesBackTo(limits, sequence, oldest(), end)) return { complete: false, head: end };
        const rows = changesAfter.all(sequence) as unknown as [number, string, string][];
        const changes = rows.map(([row, table, key]) => ({ sequence: row, table, key }));
        return { complete: true, changes, head: end };
      } finally {
        reader.exec('COMMIT');
      }
    });
  }

  function newest(): number {
    const [sequence] = newestChange.get() as unknown as [number | null];
    return sequence ?? 0;
  }

  function oldest(): number {
    const [sequence] = oldestChange.get() as unknown as [number | null];
    return sequence ?? 1;
  }

  /** Runs `task` as the only writer of all threads. */
  function exclusively<T>(task: () => Promise<T>): Promise<T> {
    if (closing) return Promise.reject(new KeyholdError('StoreUnavailable', 'the store is closed'));
    return queue.run(async () => {
      // Before BEGIN IMMEDIATE, so that SQLite finds its own lock free and never blocks the thread.
      await lock.acquire();
      try {
        return await task();
      } finally {
        lock.release();
      }
    });
  }

  function transact<T>(
    work: (transaction: RawTransaction) => Promise<T>,
    { unlogged = false }: TransactOptions = {},
  ): Promise<T> {
    return exclusively(async () => {
      attempt('begin a transaction', () => writer.exec('BEGIN IMMEDIATE'));
      const transaction = beginTransaction();
      try {
        const result = await work(transaction.operations);
        transaction.commit(unlogged);
        return result;
      } finally {
        transaction.end();
      }
    });
  }

  function beginTransaction() {
    const written = writtenRecords();
    let state: 'open' | 'broken' | 'over' = 'open';

    /** Runs one statement that writes at most one row; returns whether it did. */
    function write(table: string, key: string, statement: () => { changes: number | bigint }): boolean {
      invariant(isRecordKey(key), 'a record has a well-formed key');
      const wrote = step(() => attempt('write a record', statement)).changes === 1;
      if (wrote) written.add(table, key);
      return wrote;
    }

    /**
     * After some errors (a full disk) SQLite rolls back by itself, and what follows would commit row by row: so after the
     * first failure nothing of the transaction works, whether or not its work looks at errors.
     */
    function step<T>(statement: () => T): T {
      invariant(state !== 'over', 'a transaction is used only until its work settles');
      if (state === 'broken') throw new KeyholdError('StoreUnavailable', 'the transaction has failed before');
      try {
        return statement();
      } catch (error) {
        state = 'broken';
        throw error;
      }
    }

    const operations: RawTransaction = {
      async get(table, key) {
        return step(() => within.get(table, key));
      },
      async list(table, listOptions) {
        return step(() => within.list(table, listOptions));
      },
      async names(table, listOptions) {
        return step(() => within.names(table, listOptions));
      },
      async create(table, key, body) {
        if (!write(table, key, () => insertRecord.run(table, key, body))) throw conflict(table, key);
      },
      async replace(table, key, body, expectedVersion) {
        if (!write(table, key, () => updateRecord.run(body, table, key, expectedVersion))) throw conflict(table, key);
      },
      async remove(table, key, expectedVersion) {
        if (!write(table, key, () => deleteRecord.run(table, key, expectedVersion))) throw conflict(table, key);
      },
    };

    function commit(unlogged: boolean): void {
      step(() =>
        attempt('commit a transaction', () => {
          if (!unlogged) writeChanges();
          writer.exec('COMMIT');
        }),
      );
    }

    function writeChanges(): void {
      let newestSequence = 0;
      for (const { table, key } of written.all()) {
        newestSequence = Number(insertChange.run(table, key).lastInsertRowid);
      }
      const prunable = pruneThrough(limits, newestSequence, written.count());
      if (prunable !== undefined) deleteChanges.run(prunable);
    }

    /** Undoes whatever was not committed. */
    function end(): void {
      state = 'over';
      if (writer.isTransaction) attempt('roll a transaction back', () => writer.exec('ROLLBACK'));
    }

    return { operations, commit, end };
  }

  function scrub(): Promise<void> {
    return exclusively(async () => {
      // `secure_delete` overwrites a row that is deleted, but not what is left of it where SQLite has copied it from: when
      // it lays out a page anew, the space that becomes free keeps the bytes that were there.
      attempt('rewrite the database', () => writer.exec('VACUUM'));
      const row = attempt('empty the write-ahead log', () => {
        writer.exec(`PRAGMA busy_timeout = ${CHECKPOINT_TIMEOUT_MS}`);
        try {
          return writer.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
        } finally {
          writer.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
        }
      });
      if (row?.['busy'] !== 0) throw new KeyholdError('StoreUnavailable', 'a reader keeps the write-ahead log in use');
    });
  }

  function close(): Promise<void> {
    closing ??= queue.run(async () => {
      // The last connection to close empties the write-ahead log, which a read-only one cannot.
      reader.close();
      writer.close();
    });
    return closing;
  }

  return { get, list, names, head, changesSince, transact, scrub, close };
}

function connect(path: string, timeout: number): { writer: DatabaseSync; reader: DatabaseSync } {
  let writer: DatabaseSync | undefined;
  try {
    createForOwnerOnly(path);
    writer = new DatabaseSync(path, { ...CONNECTION_OPTIONS, timeout });
    // First of all, so that a database that is not ours stays as it is.
    inspectSchema(writer, path);
    useWriteAheadLog(writer, path, timeout);
    // A change is on the disk before it is acknowledged (fullfsync: on macOS too, whose fsync leaves it in the drive's
    // cache), and what it removed is overwritten with zeros.
    writer.exec(
      'PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA secure_delete = ON',
    );
    migrate(writer, path);
    const reader = new DatabaseSync(path, { ...CONNECTION_OPTIONS, timeout, readOnly: true });
    reader.exec('PRAGMA trusted_schema = OFF');
    return { writer, reader };
  } catch (error) {
    writer?.close();
    if (error instanceof KeyholdError) throw error;
    const reason = error instanceof Error ? error.message : 'unknown reason';
    throw new KeyholdError('StoreUnavailable', `${path} cannot be opened: ${reason}`, { cause: error });
  }
}

/**
 * SQLite stays with the old journal, without an error, where the file system cannot share memory between connections.
 *
 * The switch turns a lock for reading into one for writing, for which SQLite does not wait when another connection wants
 * the same, because the two could wait for each other for ever. So the threads of a first start take turns here.
 */
function useWriteAheadLog(writer: DatabaseSync, path: string, timeoutMs: number): void {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      const row = writer.prepare('PRAGMA journal_mode = WAL').get();
      if (row?.['journal_mode'] === 'wal') return;
      throw new KeyholdError('StoreUnavailable', `${path} is on a file system that cannot hold a write-ahead log`);
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, SWITCH_PAUSE_MS);
    }
  }
}

/** SQLite gives the files beside the database (-wal, -shm) the database's own mode, so it is set before SQLite opens it. */
function createForOwnerOnly(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function conflict(table: string, key: string): KeyholdError {
  return new KeyholdError('StoreConflict', `record ${table} ${JSON.stringify(key)} has changed`);
}
