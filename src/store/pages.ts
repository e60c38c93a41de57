import { setImmediate as turn } from 'node:timers/promises';
import type { ListOptions } from './contract.ts';
import type { Reader, StoredEntry, Table } from './sealed-store.ts';

/**
 * All of a table, or what begins with a prefix, in order and in pages of at most `limit`. What is written meanwhile may be among
 * them or not. Whoever else has something to do in this thread has a turn between two pages.
 */
export function pagesOfNames<T>(reader: Reader, table: Table<T>, options: ListOptions): AsyncGenerator<string[]> {
  return pages(
    options,
    (page) => reader.names(table, page),
    (name) => name,
  );
}

/** The same of records, opened. */
export function pagesOfRecords<T>(
  reader: Reader,
  table: Table<T>,
  options: ListOptions,
): AsyncGenerator<StoredEntry<T>[]> {
  return pages(
    options,
    (page) => reader.list(table, page),
    ({ key }) => key,
  );
}

async function* pages<T>(
  { after, ...options }: ListOptions,
  read: (options: ListOptions) => Promise<T[]>,
  keyOf: (item: T) => string,
): AsyncGenerator<T[]> {
  for (let last = after; ; await turn()) {
    const page = await read({ ...options, ...(last === undefined ? {} : { after: last }) });
    yield page;
    const end = page.at(-1);
    if (end === undefined || page.length < options.limit) return;
    last = keyOf(end);
  }
}
