import type { DatabaseSync } from 'node:sqlite';
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

/**
 * Says which schema version the database has, 0 for an empty one, without changing anything.
 *
 * @throws KeyholdError StoreUnavailable if the database is not Keyhold's or is newer than this code
 */
export function inspectSchema(database: DatabaseSync, path: string): number {
  // One snapshot for all three, because another thread may be creating the schema now.
  const [applicationId, version, objects] = database
    .prepare(
      `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
       FROM pragma_application_id, pragma_user_version`,
      { returnArrays: true },
    )
    .get() as unknown as [number, number, number];
  const isNew = applicationId === 0 && version === 0 && objects === 0;
  if (!isNew && applicationId !== APPLICATION_ID) {
    throw new KeyholdError('StoreUnavailable', `${path} is not a Keyhold database`);
  }
  if (version > SCHEMA_VERSION) {
    throw new KeyholdError(
      'StoreUnavailable',
      `${path} has schema version ${version}, and this Keyhold knows versions up to ${SCHEMA_VERSION}: run a newer one`,
    );
  }
  return version;
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
