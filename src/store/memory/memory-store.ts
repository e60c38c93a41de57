import { invariant, KeyholdError } from '../../runtime/errors.ts';
import {
  type ChangeLogLimits,
  defaultChangeLogLimits,
  pruneThrough,
  reachesBackTo,
  writtenRecords,
} from '../change-log.ts';
import type {
  Change,
  ListOptions,
  RawEntry,
  RawReader,
  RawRecord,
  RawStore,
  RawTransaction,
  TransactOptions,
} from '../contract.ts';
import { compareKeys, isRecordKey } from '../record-key.ts';
import { serialQueue } from '../serial-queue.ts';

/** What a test sets to make the store fail; each fault happens once and is then cleared. */
export interface MemoryStoreFaults {
  /** The next commit changes nothing and rejects with this. */
  failNextCommit?: Error | undefined;
}

export interface MemoryStoreOptions {
  readonly faults?: MemoryStoreFaults;
  readonly changeLogLimits?: ChangeLogLimits;
}

type Tables = Map<string, Map<string, RawRecord>>;

/** Opens an empty store that lives as long as the object does. For tests: every list sorts its whole table. */
export function openMemoryStore({
  faults = {},
  changeLogLimits = defaultChangeLogLimits,
}: MemoryStoreOptions = {}): RawStore {
  const queue = serialQueue();
  let tables: Tables = new Map();
  let changes: Change[] = [];
  let newest = 0;
  let closing: Promise<void> | undefined;

  const reads = readerOf(() => {
    assertOpen();
    return tables;
  });

  async function transact<T>(
    work: (transaction: RawTransaction) => Promise<T>,
    { unlogged = false }: TransactOptions = {},
  ): Promise<T> {
    assertOpen();
    return queue.run(async () => {
      const transaction = beginTransaction(tables);
      try {
        const result = await work(transaction.operations);
        const fault = faults.failNextCommit;
        faults.failNextCommit = undefined;
        if (fault !== undefined) throw fault;
        tables = transaction.tables();
        if (!unlogged) logChanges(transaction.written);
        return result;
      } finally {
        transaction.end();
      }
    });
  }

  function logChanges(written: ReturnType<typeof writtenRecords>): void {
    for (const { table, key } of written.all()) {
      newest += 1;
      changes.push({ sequence: newest, table, key });
    }
    const prunable = pruneThrough(changeLogLimits, newest, written.count());
    if (prunable !== undefined) changes = changes.filter((change) => change.sequence > prunable);
  }

  return {
    ...reads,
    transact,
    async head() {
      assertOpen();
      return newest;
    },
    async changesSince(sequence) {
      assertOpen();
      const oldest = changes[0]?.sequence ?? 1;
      if (!reachesBackTo(changeLogLimits, sequence, oldest, newest)) return { complete: false, head: newest };
      return { complete: true, changes: changes.slice(sequence - oldest + 1), head: newest };
    },
    close() {
      closing ??= queue.run(async () => {});
      return closing;
    },
  };

  function assertOpen(): void {
    if (closing) throw new KeyholdError('StoreUnavailable', 'the store is closed');
  }
}

/** A transaction over copies of the tables that it writes; `committed` stays as it is. */
function beginTransaction(committed: Tables) {
  const tables: Tables = new Map(committed);
  const copied = new Set<string>();
  const written = writtenRecords();
  let over = false;

  function writable(table: string): Map<string, RawRecord> {
    if (!copied.has(table)) {
      tables.set(table, new Map(tables.get(table)));
      copied.add(table);
    }
    return tables.get(table) as Map<string, RawRecord>;
  }

  function assertWritable(table: string, key: string, expectedVersion: number | undefined): void {
    invariant(!over, 'a transaction is used only until its work settles');
    invariant(isRecordKey(key), 'a record has a well-formed key');
    if (tables.get(table)?.get(key)?.version !== expectedVersion) {
      throw new KeyholdError('StoreConflict', `record ${table} ${JSON.stringify(key)} has changed`);
    }
  }

  const operations: RawTransaction = {
    ...readerOf(() => {
      invariant(!over, 'a transaction is used only until its work settles');
      return tables;
    }),
    async create(table, key, body) {
      assertWritable(table, key, undefined);
      writable(table).set(key, { version: 1, body: Uint8Array.from(body) });
      written.add(table, key);
    },
    async replace(table, key, body, expectedVersion) {
      assertWritable(table, key, expectedVersion);
      writable(table).set(key, { version: expectedVersion + 1, body: Uint8Array.from(body) });
      written.add(table, key);
    },
    async remove(table, key, expectedVersion) {
      assertWritable(table, key, expectedVersion);
      writable(table).delete(key);
      written.add(table, key);
    },
  };

  return {
    operations,
    written,
    tables: () => tables,
    end(): void {
      over = true;
    },
  };
}

/** Reads of whatever tables are current. Bodies go out as copies, so that a caller may wipe what it was given. */
function readerOf(current: () => Tables): RawReader {
  const reader: RawReader = {
    async get(table: string, key: string): Promise<RawRecord | undefined> {
      const record = current().get(table)?.get(key);
      return record && { version: record.version, body: Uint8Array.from(record.body) };
    },
    async list(table: string, { prefix, after, limit }: ListOptions): Promise<RawEntry[]> {
      invariant(Number.isSafeInteger(limit) && limit > 0, 'a list has a positive limit');
      return [...(current().get(table) ?? [])]
        .filter(([key]) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0))
        .sort(([left], [right]) => compareKeys(left, right))
        .slice(0, limit)
        .map(([key, { version, body }]) => ({ key, version, body: Uint8Array.from(body) }));
    },
    async names(table, options) {
      return (await reader.list(table, options)).map(({ key }) => key);
    },
  };
  return reader;
}
