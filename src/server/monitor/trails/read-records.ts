import type { Logger } from 'pino';
import { KeyholdError } from '../../../runtime/errors.ts';
import { pagesOfNames } from '../../../store/pages.ts';
import type { Store, Table } from '../../../store/sealed-store.ts';

/** Reads whole tables, of which one record that is not authentic hides no other. */
export interface RecordReader {
  /** All records of a table by their keys; undefined stands for one that is not authentic. */
  all<T>(table: Table<T>): Promise<Map<string, T | undefined>>;
  /** Whether a key led to a record that is not authentic. */
  isUnreadable(key: string): boolean;
}

const NAMES_AT_ONCE = 1000;

export function readRecords(store: Store, log: Logger): RecordReader {
  const unreadable = new Set<string>();

  async function one<T>(table: Table<T>, key: string): Promise<T | undefined> {
    try {
      const found = await store.get(table, key);
      unreadable.delete(key);
      return found?.value;
    } catch (err) {
      if (!(err instanceof KeyholdError && err.code === 'TamperedRecord')) throw err;
      if (!unreadable.has(key)) log.error({ err }, 'a trail cannot be read; it is delivered as it was, if at all');
      unreadable.add(key);
      return undefined;
    }
  }

  return {
    async all<T>(table: Table<T>) {
      const records = new Map<string, T | undefined>();
      for await (const names of pagesOfNames(store, table, { prefix: '', limit: NAMES_AT_ONCE })) {
        for (const name of names) records.set(name, await one(table, name));
      }
      return records;
    },
    isUnreadable: (key) => unreadable.has(key),
  };
}
