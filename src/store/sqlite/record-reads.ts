import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { invariant, KeyholdError } from '../../runtime/errors.ts';
import type { ListOptions, RawEntry, RawRecord } from '../contract.ts';
import { isRecordKey } from '../record-key.ts';
import { attempt } from './sqlite-errors.ts';

/** A version that no JavaScript number holds was written by hand. It reads as NULL, for reading it as a number would throw. */
const VERSION = `iif(version <= ${Number.MAX_SAFE_INTEGER} AND version >= ${Number.MIN_SAFE_INTEGER}, version, NULL)`;

const GET_SQL = `SELECT ${VERSION}, body FROM records WHERE tbl = ? AND key = ?`;

/** The bounds arrive as bytes, because the upper one is seldom valid UTF-8; as text they compare byte by byte. */
const IN_RANGE = `FROM records
  WHERE tbl = ? AND key >= CAST(? AS TEXT) AND key < CAST(? AS TEXT) ORDER BY key LIMIT ?`;
export const LIST_SQL = `SELECT key, ${VERSION}, body ${IN_RANGE}`;
const NAMES_SQL = `SELECT key ${IN_RANGE}`;

export interface RecordReads {
  get(table: string, key: string): RawRecord | undefined;
  list(table: string, options: ListOptions): RawEntry[];
  names(table: string, options: ListOptions): string[];
}

/** Prepares the reads of the contract on one connection. They are synchronous and leave no statement open. */
export function recordReads(database: DatabaseSync): RecordReads {
  const getRow = database.prepare(GET_SQL, { returnArrays: true });
  const listRows = database.prepare(LIST_SQL, { returnArrays: true });
  const listKeys = database.prepare(NAMES_SQL, { returnArrays: true });

  function get(table: string, key: string): RawRecord | undefined {
    if (!isRecordKey(key)) return undefined;
    const row = attempt('read a record', () => getRow.get(table, key)) as unknown as [unknown, unknown] | undefined;
    if (row === undefined) return undefined;
    const [version, body] = row;
    if (typeof version !== 'number' || !(body instanceof Uint8Array)) throw wrongColumns(table, key);
    return { version, body };
  }

  function list(table: string, options: ListOptions): RawEntry[] {
    const rows = inRange(listRows, table, options) as [string, unknown, unknown][];
    return rows.map(([key, version, body]) => {
      if (typeof version !== 'number' || !(body instanceof Uint8Array)) throw wrongColumns(table, key);
      return { key, version, body };
    });
  }

  function names(table: string, options: ListOptions): string[] {
    const rows = inRange(listKeys, table, options) as [string][];
    return rows.map(([key]) => key);
  }

  return { get, list, names };
}

function inRange(statement: StatementSync, table: string, { prefix, after, limit }: ListOptions): unknown[] {
  invariant(Number.isSafeInteger(limit) && limit > 0, 'a list has a positive limit');
  if (!prefix.isWellFormed()) return [];
  return attempt('list records', () => statement.all(table, lowerBound(prefix, after), upperBound(prefix), limit));
}

/** The least bytes a key of the list may have. */
function lowerBound(prefix: string, after: string | undefined): Buffer {
  const first = Buffer.from(prefix, 'utf8');
  if (after === undefined) return first;
  // A key contains no NUL, so what comes after a key begins no earlier than the key with NUL appended.
  const next = Buffer.from(`${after}\0`, 'utf8');
  return Buffer.compare(next, first) > 0 ? next : first;
}

/** The least bytes that are more than every key with this prefix. */
function upperBound(prefix: string): Buffer {
  // No byte of UTF-8 is 0xff (RFC 3629), so 0xff follows every key, and the last byte of a prefix can be increased.
  if (prefix === '') return Buffer.of(0xff);
  const bound = Buffer.from(prefix, 'utf8');
  const last = bound.length - 1;
  bound[last] = (bound[last] as number) + 1;
  return bound;
}

/** STRICT tables guarantee the types, but not that an integer is a safe one; tables replaced while we run, not even those. */
function wrongColumns(table: string, key: string): KeyholdError {
  return new KeyholdError('TamperedRecord', `record ${table} ${JSON.stringify(key)} has columns of the wrong type`);
}
