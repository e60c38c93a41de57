import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createDomainKey, openDomainKeys } from '../custody/domain-keys.ts';
import { createRootKeyFile, openRootKeyFile } from '../custody/root-key/file-root-key.ts';
import type { Clock } from '../runtime/clock.ts';
import { writeFileDurably } from '../runtime/durable-file.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { createAccount, newAccessKey } from '../services/iam/administrator.ts';
import { newAccountId } from '../services/iam/identifiers.ts';
import { sealedStore, table } from '../store/sealed-store.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite/sqlite-store.ts';

/** What lies in a data directory, and nothing else does. */
export interface DataDirectory {
  readonly path: string;
  readonly rootKey: string;
  readonly database: string;
  readonly credentials: string;
  readonly audit: string;
  readonly lock: string;
}

export function dataDirectory(path: string): DataDirectory {
  return {
    path,
    rootKey: join(path, 'root.key'),
    database: join(path, 'keyhold.db'),
    credentials: join(path, 'credentials'),
    audit: join(path, 'audit'),
    lock: join(path, 'lock'),
  };
}

const OUR_FILES = new Set([
  'root.key',
  'root.key.new',
  'keyhold.db',
  'keyhold.db-wal',
  'keyhold.db-shm',
  'credentials',
  'credentials.new',
  'audit',
  'lock',
  'lock-journal',
]);

/** SQLite's result code when another connection holds the lock. */
const SQLITE_BUSY = 5;

/** What a deployment is, for good: made on the first start, in the transaction that makes everything else. */
interface DeploymentRecord {
  readonly accountId: string;
  readonly sandbox: boolean;
  readonly createdAtMs: number;
}

const deploymentTable = table<DeploymentRecord>('deployment');
const DEPLOYMENT = 'this';

export interface PrepareOptions {
  readonly path: string;
  readonly accountId?: string;
  readonly sandbox: boolean;
  /** Written into the credentials file; clients take it where they are told no other. */
  readonly region: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Prepared {
  readonly directory: DataDirectory;
  readonly accountId: string;
  readonly firstStart: boolean;
  /** Lets another server have the directory. The end of the process does so too. */
  release(): void;
}

/**
 * Takes hold of a data directory, and sets it up on the first start. Throws StartupRefused, having changed nothing, for a
 * directory that is not ours, is in use, or does not fit the options.
 *
 * The first start is all or nothing: the transaction at its end makes the deployment. A crash before it leaves files that
 * the next start takes up (the root key) or writes anew (the credentials).
 */
export async function prepareDataDirectory(options: PrepareOptions): Promise<Prepared> {
  try {
    return await prepare(options);
  } catch (error) {
    // The operating system's refusals, such as EACCES, ENOTDIR or ENOSPC, say which path and why.
    if (error instanceof Error && 'syscall' in error) throw refused(error.message, error);
    throw error;
  }
}

async function prepare(options: PrepareOptions): Promise<Prepared> {
  const directory = dataDirectory(options.path);
  refuseForeign(directory);
  const known = existsSync(directory.database);
  if (known && !existsSync(directory.rootKey)) {
    throw refused(`${directory.rootKey} is missing: without the root key nothing in this data directory can be opened`);
  }
  mkdirSync(directory.path, { recursive: true, mode: 0o700 });
  if (!known) chmodSync(directory.path, 0o700);
  const release = takeLock(directory);
  try {
    if (!existsSync(directory.rootKey)) createRootKeyFile(directory.rootKey, options.random);
    // A crash while it was made can leave the root key under its temporary name as well: a copy that nobody looks after.
    rmSync(`${directory.rootKey}.new`, { force: true });
    const raw = openSqliteStore({ path: directory.database });
    try {
      return { directory, ...(await openOrMakeDeployment(directory, raw, options)), release };
    } catch (error) {
      throw isStoreFailure(error) ? refused(`${directory.database} cannot be used: ${reasonOf(error)}`, error) : error;
    } finally {
      await raw.close();
    }
  } catch (error) {
    release();
    throw error;
  }
}

async function openOrMakeDeployment(
  directory: DataDirectory,
  raw: SqliteStore,
  options: PrepareOptions,
): Promise<{ accountId: string; firstStart: boolean }> {
  const { random } = options;
  const rootKey = openRootKeyFile(directory.rootKey, random);
  const head = await raw.head();
  if (head === 0) await raw.transact((transaction) => createDomainKey(transaction, rootKey, random));
  const domainKeys = await openDomainKeys(raw, rootKey, random);
  const store = sealedStore(raw, domainKeys.sealer('records'));
  const deployment = (await store.get(deploymentTable, DEPLOYMENT))?.value;
  if (deployment !== undefined) {
    refuseMisfit(deployment, options);
    return { accountId: deployment.accountId, firstStart: false };
  }
  // A first start that crashed has made the domain key and nothing else. Where there was more, someone removed the record.
  if (head > 1) throw new KeyholdError('TamperedRecord', 'the record of the deployment is missing');

  const accountId = options.accountId ?? (options.sandbox ? '000000000000' : newAccountId(random));
  const accessKey = newAccessKey(random);
  // Before the transaction: were it the other way round, a crash in between would leave an administrator without a key.
  writeFileDurably(
    directory.credentials,
    [
      '[default]',
      `aws_access_key_id = ${accessKey.accessKeyId}`,
      `aws_secret_access_key = ${accessKey.secretAccessKey}`,
      `region = ${options.region}`,
      '',
    ].join('\n'),
  );
  await store.transact(async (transaction) => {
    const createdAtMs = options.clock.now();
    await createAccount(transaction, accountId, accessKey, random, createdAtMs);
    await transaction.create(deploymentTable, DEPLOYMENT, { accountId, sandbox: options.sandbox, createdAtMs });
  });
  return { accountId, firstStart: true };
}

function refuseMisfit(deployment: DeploymentRecord, options: PrepareOptions): void {
  if (options.accountId !== undefined && options.accountId !== deployment.accountId) {
    throw refused(
      `${options.path} belongs to account ${deployment.accountId}; --account-id is for the first start only`,
    );
  }
  // The sandbox lets anyone be root of any account: it must never open a directory that holds keys in earnest.
  if (deployment.sandbox !== options.sandbox) {
    throw refused(
      deployment.sandbox
        ? `${options.path} was made with --sandbox and is not for anything else`
        : `${options.path} was not made with --sandbox and is not opened with it`,
    );
  }
}

function refuseForeign(directory: DataDirectory): void {
  if (!existsSync(directory.path)) return;
  if (!statSync(directory.path).isDirectory()) throw refused(`${directory.path} is not a directory`);
  const foreign = readdirSync(directory.path).find((name) => !OUR_FILES.has(name));
  if (foreign !== undefined) {
    throw refused(`${directory.path} is not a Keyhold data directory: it holds ${JSON.stringify(foreign)}`);
  }
}

/**
 * Two servers on one directory would each keep caches that the other's changes do not reach. SQLite's file lock ends with
 * the process, however it ends, so a crash never leaves a directory locked.
 */
function takeLock(directory: DataDirectory): () => void {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(directory.lock, { timeout: 0 });
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw refused(`${directory.path} is in use by another Keyhold server`, cause);
    }
    throw refused(`${directory.lock} cannot be locked: ${(cause as Error).message}`, cause);
  }
  const held = lock;
  return () => held.close();
}

function isStoreFailure(error: unknown): error is KeyholdError {
  return error instanceof KeyholdError && error.code === 'StoreUnavailable';
}

/** SQLite's own words, where it is SQLite that failed. */
function reasonOf(error: KeyholdError): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function refused(message: string, cause?: unknown): KeyholdError {
  return new KeyholdError('StartupRefused', message, { cause });
}
