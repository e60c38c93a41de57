import { KeyholdError } from '../runtime/errors.ts';
import type { Reader, StoredEntry, Table } from '../store/sealed-store.ts';

/** What a caller asks of a listing, and what a listing answers besides its items. */
export interface PageRequest {
  readonly Limit?: number | undefined;
  readonly Marker?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly NextMarker?: string;
  readonly Truncated: boolean;
}

/**
 * A page of records below `prefix`, in the order of their names, so that a listing stays stable while records come and go:
 * what exists from the first page to the last is listed exactly once.
 */
export async function pageOfRecords<T>(
  reader: Reader,
  table: Table<T>,
  prefix: string,
  operation: string,
  request: PageRequest,
  usualLimit: number,
): Promise<Page<StoredEntry<T>>> {
  const { limit, entries } = await readEntries(reader, table, prefix, operation, request, usualLimit);
  return page(entries, limit, operation, (entry) => entry.key.slice(prefix.length));
}

/** An item of a listing that shows more than there are records: `value` is absent where there is none of that name. */
export interface NamedItem<T> {
  readonly name: string;
  readonly value?: T;
}

/**
 * The same with names that are listed whether or not there are records of them.
 *
 * INVARIANT: these and the records' names, below `prefix`, are in ASCII, where the order of strings is that of the store.
 */
export async function pageOfRecordsAndNames<T>(
  reader: Reader,
  table: Table<T>,
  prefix: string,
  standing: readonly string[],
  operation: string,
  request: PageRequest,
  usualLimit: number,
): Promise<Page<NamedItem<T>>> {
  const { after, limit, entries } = await readEntries(reader, table, prefix, operation, request, usualLimit);
  const records: NamedItem<T>[] = entries.map(({ key, value }) => ({ name: key.slice(prefix.length), value }));
  const recorded = new Set(records.map(({ name }) => name));
  const others = standing.filter((name) => (after === undefined || name > after) && !recorded.has(name));
  const all = [...records, ...others.map((name) => ({ name }))].sort((a, b) => (a.name < b.name ? -1 : 1));
  return page(all.slice(0, limit + 1), limit, operation, ({ name }) => name);
}

async function readEntries<T>(
  reader: Reader,
  table: Table<T>,
  prefix: string,
  operation: string,
  request: PageRequest,
  usualLimit: number,
): Promise<{ after: string | undefined; limit: number; entries: StoredEntry<T>[] }> {
  const limit = request.Limit ?? usualLimit;
  const after = request.Marker === undefined ? undefined : decodeMarker(operation, request.Marker);
  // No record has such a name, though other items may.
  if (after?.includes('\0')) throw invalidMarker();
  const entries = await reader.list(table, {
    prefix,
    ...(after === undefined ? {} : { after: prefix + after }),
    limit: limit + 1,
  });
  return { after, limit, entries };
}

/** A page of a short list that is in memory already, ordered by `nameOf`. */
export function pageOfList<T>(
  all: readonly T[],
  operation: string,
  request: PageRequest,
  usualLimit: number,
  nameOf: (item: T) => string,
): Page<T> {
  const limit = request.Limit ?? usualLimit;
  const after = request.Marker === undefined ? undefined : decodeMarker(operation, request.Marker);
  const rest = after === undefined ? all : all.filter((item) => nameOf(item) > after);
  return page(rest.slice(0, limit + 1), limit, operation, nameOf);
}

function page<T>(upToOneMore: T[], limit: number, operation: string, nameOf: (item: T) => string): Page<T> {
  const items = upToOneMore.slice(0, limit);
  const last = items.at(-1);
  if (upToOneMore.length <= limit || last === undefined) return { items, Truncated: false };
  return { items, NextMarker: encodeMarker(operation, nameOf(last)), Truncated: true };
}

/**
 * Markers are opaque to clients. They name the last item given, within what the caller may list anyway, so a made-up one
 * can do no more than begin a listing elsewhere.
 */
export function encodeMarker(operation: string, name: string): string {
  return Buffer.from(`${operation}\n${name}`, 'utf8').toString('base64url');
}

/** Throws InvalidMarkerException. */
export function decodeMarker(operation: string, marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString('utf8');
  const prefix = `${operation}\n`;
  const name = text.slice(prefix.length);
  if (!text.startsWith(prefix) || name === '' || encodeMarker(operation, name) !== marker) {
    throw invalidMarker();
  }
  return name;
}

function invalidMarker(): KeyholdError {
  return new KeyholdError('InvalidMarkerException', 'The marker is not one that this operation has given.');
}
