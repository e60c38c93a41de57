import { DatabaseSync } from 'node:sqlite';
import { KeyholdError } from '../../runtime/errors.ts';

/** "Keyh" in ASCII: marks the file as ours in SQLite's header, where `file(1)` sees it too. */
export const APPLICATION_ID = 0x4b657968;

/**
 * Each entry brings the schema from the version that is its index to the next; `PRAGMA user_version` counts how many were
 * applied. Entries are appended, never edited: databases that ran them exist.
 */
const migrations: readonly string[] = [
  // Text compares as BINARY, that is by the bytes of its UTF-8, which is the order the contract asks for.
  `CREATE TABLE records (
     tbl TEXT NOT NULL,
     key TEXT NOT NULL,
     version INTEGER NOT NULL,
     body BLOB NOT NULL,
     PRIMARY KEY (tbl, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE changes (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     tbl TEXT NOT NULL,
     key TEXT NOT NULL
   ) STRICT;`,
];

export const SCHEMA_VERSION = migrations.length;

/** A row of sqlite_schema, but for the page where its data begins. All are text; someone's editing could make them anything. */
type SchemaObject = readonly [type: unknown, name: unknown, table: unknown, sql: unknown];

const NAME_LENGTH_SHOWN = 100;

/**
 * Says which schema version the database has, 0 for an empty one, without changing anything.
 *
 * @throws KeyholdError StoreUnavailable if the database is not Keyhold's, is newer than this code, or holds anything but
 * exactly what the migrations made
 */
export function inspectSchema(database: DatabaseSync, path: string): number {
  // One statement, and so one snapshot of all of it, because another thread may be creating the schema now.
  const rows = database
    .prepare(
      `SELECT application_id, user_version, type, name, tbl_name, sql
       FROM pragma_application_id, pragma_user_version LEFT JOIN sqlite_schema ON true`,
      { returnArrays: true },
    )
    .all() as unknown as [number, number, ...SchemaObject][];
  const [applicationId, version, firstType] = rows[0] as [number, number, ...SchemaObject];
  // An empty schema is joined as one row of NULLs.
  const objects = firstType === null && rows.length === 1 ? [] : rows.map(([, , ...object]) => object);
  const isNew = applicationId === 0 && version === 0 && objects.length === 0;
  if (!isNew && applicationId !== APPLICATION_ID) {
    throw new KeyholdError('StoreUnavailable', `${path} is not a Keyhold database`);
  }
  if (version > SCHEMA_VERSION) {
    throw new KeyholdError(
      'StoreUnavailable',
      `${path} has schema version ${version}, and this Keyhold knows versions up to ${SCHEMA_VERSION}: run a newer one`,
    );
  }
  refuseForeignObjects(objects, version, path);
  return version;
}

/**
 * INVARIANT: a database that is opened holds the objects that the migrations made, letter for letter, and no others. Records
 * are sealed against being edited, but not against being put back as they were, and a trigger would do that by itself, to
 * every revocation that ever comes: one write to the file would be enough.
 */
function refuseForeignObjects(objects: readonly SchemaObject[], version: number, path: string): void {
  const expected = new Map(objectsOfVersion(version).map((object) => [JSON.stringify(object), object]));
  for (const object of objects) {
    if (expected.delete(JSON.stringify(object))) continue;
    throw new KeyholdError('StoreUnavailable', `${path} holds ${named(object)}, which Keyhold did not make`);
  }
  for (const missing of expected.values()) {
    throw new KeyholdError('StoreUnavailable', `${path} is damaged: it lacks ${named(missing)}`);
  }
}

/** What SQLite itself writes into the schema for these migrations, its own sqlite_sequence among it. */
function objectsOfVersion(version: number): SchemaObject[] {
  const empty = new DatabaseSync(':memory:');
  try {
    for (const statements of migrations.slice(0, version)) empty.exec(statements);
    const all = empty.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema', { returnArrays: true }).all();
    return all as unknown as SchemaObject[];
  } finally {
    empty.close();
  }
}

/** Quoted, and so on one line, whatever the name is. */
function named([type, name]: SchemaObject): string {
  return JSON.stringify(`${type} ${name}`.slice(0, NAME_LENGTH_SHOWN));
}

/** Brings the schema to {@link SCHEMA_VERSION}, wholly or not at all. Several threads may do so at once. */
export function migrate(database: DatabaseSync, path: string): void {
  if (inspectSchema(database, path) === SCHEMA_VERSION) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const statements of migrations.slice(inspectSchema(database, path))) database.exec(statements);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
