import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createDomainKey, type DomainKeys, hasDomainKeys, openDomainKeys } from '../custody/domain-keys.ts';
import type { RootKey } from '../custody/root-key/contract.ts';
import { createRootKeyFile, openRootKeyFile } from '../custody/root-key/file-root-key.ts';
import { keysTable } from '../keys/tables.ts';
import type { Clock } from '../runtime/clock.ts';
import { writeFileDurably } from '../runtime/durable-file.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { createAccount, type NewAccessKey, newAccessKey } from '../services/iam/administrator.ts';
import { newAccountId } from '../services/iam/identifiers.ts';
import { accessKeysTable, accountsTable, usersTable } from '../services/iam/records.ts';
import { startOfTracking, startTracking } from '../services/kms/last-usages.ts';
import { type Store, sealedStore, sealedTransaction, table } from '../store/sealed-store.ts';
import { isBusy } from '../store/sqlite/sqlite-errors.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite/sqlite-store.ts';

/** What lies in a data directory, and nothing else does. */
export interface DataDirectory {
  readonly path: string;
  readonly rootKey: string;
  readonly database: string;
  /** The administrator's access key, for daily work. */
  readonly credentials: string;
  /** The root user's, to be kept elsewhere. */
  readonly rootCredentials: string;
  readonly audit: string;
  /** CloudWatch's metrics. */
  readonly metrics: string;
  readonly lock: string;
}

/** Where the access keys of a further account are written: its administrator's, and its root user's. */
export function accountFiles(
  { credentials, rootCredentials }: DataDirectory,
  accountId: string,
): Pick<DataDirectory, 'credentials' | 'rootCredentials'> {
  return { credentials: `${credentials}-${accountId}`, rootCredentials: `${rootCredentials}-${accountId}` };
}

export function dataDirectory(path: string): DataDirectory {
  return {
    path,
    rootKey: join(path, 'root.key'),
    database: join(path, 'keyhold.db'),
    credentials: join(path, 'credentials'),
    rootCredentials: join(path, 'root-credentials'),
    audit: join(path, 'audit'),
    metrics: join(path, 'metrics.db'),
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
  'root-credentials',
  'root-credentials.new',
  'audit',
  'trails',
  'metrics.db',
  'metrics.db-wal',
  'metrics.db-shm',
  'metrics.db.damaged',
  'lock',
  'lock-journal',
  // Of the file system, where a volume of its own is the data directory.
  'lost+found',
]);
/** The access keys of accounts that `keyhold account create` made. */
const ACCOUNT_FILE = /^(?:root-)?credentials-\d{12}(?:\.new)?$/;

/**
 * How long a command waits for the server's transactions. SQLite looks again every tenth of a second, and a server that
 * changes something all the time leaves it few moments in which the lock is free.
 */
const SHARED_BUSY_TIMEOUT_MS = 60_000;

/** What a deployment is, for good: made on the first start, in the transaction that makes everything else. */
interface DeploymentRecord {
  readonly accountId: string;
  readonly sandbox: boolean;
  readonly createdAtMs: number;
}

const deploymentTable = table<DeploymentRecord>('deployment');
const DEPLOYMENT = 'this';

/** A store that holds any of these has had its first start. */
const tablesOfADeployment = [deploymentTable, accountsTable, usersTable, accessKeysTable, keysTable];

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
 * Takes hold of a data directory, and sets it up on the first start. Throws StartupRefused for a directory that is not
 * ours, is in use, or does not fit the options, and TamperedRecord where the record of the deployment is not what it was;
 * having changed nothing either way, but that a directory of ours is closed to others.
 *
 * The first start is all or nothing: one transaction at its end makes the domain key and the deployment. A crash before it
 * leaves files that the next start takes up (the root key) or writes anew (the credentials).
 */
export function prepareDataDirectory(options: PrepareOptions): Promise<Prepared> {
  return refusingSystemErrors(() => prepare(options));
}

/** The operating system's refusals, such as EACCES, ENOTDIR or ENOSPC, say which path and why. */
export async function refusingSystemErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw refused(error.message, error);
    throw error;
  }
}

/** What a data directory holds, opened to be read and changed beside a server, or without one. */
export interface OpenDeployment {
  readonly store: Store;
  readonly domainKeys: DomainKeys;
  /** The account of the first start. */
  readonly accountId: string;
  readonly sandbox: boolean;
}

/**
 * Works on a data directory that has had its first start, without taking hold of it: a server may run on it meanwhile.
 *
 * Two processes are kept apart by SQLite: each waits for the other's transactions. What the other process must be told, it
 * reads in the change log at its own next change, so that until then its caches know nothing of what was done here.
 * INVARIANT: unless this process has taken hold of the directory, `work` adds records and neither changes nor removes any;
 * what does not exist is in no cache.
 *
 * @throws KeyholdError StartupRefused for a directory that is not ours, or has not had its first start
 */
export async function withDeployment<T>(
  path: string,
  random: Random,
  work: (deployment: OpenDeployment, directory: DataDirectory) => Promise<T>,
): Promise<T> {
  const directory = dataDirectory(path);
  return refusingSystemErrors(async () => {
    refuseForeign(directory);
    if (!existsSync(directory.database)) {
      const advice = 'give the --data-dir that the server was started with, or start the server once';
      throw refused(`there is no Keyhold in ${path}: ${advice}`);
    }
    refuseWithoutRootKey(directory);
    return withStore(directory, SHARED_BUSY_TIMEOUT_MS, async (raw) => {
      const rootKey = openRootKeyFile(directory.rootKey, random);
      return work(await openDeployment(directory, raw, rootKey, random), directory);
    });
  });
}

/** Opens the database, and closes it whatever `work` comes to. What SQLite refuses, it says in its own words. */
async function withStore<T>(
  directory: DataDirectory,
  busyTimeoutMs: number | undefined,
  work: (raw: SqliteStore) => Promise<T>,
): Promise<T> {
  const raw = openSqliteStore({ path: directory.database, ...(busyTimeoutMs === undefined ? {} : { busyTimeoutMs }) });
  try {
    return await work(raw);
  } catch (error) {
    throw isStoreFailure(error) ? refused(`${directory.database} cannot be used: ${reasonOf(error)}`, error) : error;
  } finally {
    await raw.close();
  }
}

async function openDeployment(
  directory: DataDirectory,
  raw: SqliteStore,
  rootKey: RootKey,
  random: Random,
): Promise<OpenDeployment> {
  const domainKeys = await openDomainKeys(raw, rootKey, random);
  const store = sealedStore(raw, domainKeys.sealer('records'));
  const deployment = (await store.get(deploymentTable, DEPLOYMENT))?.value;
  // Not taken for a first start, which would make another administrator, and in the sandbox let anyone use the keys.
  if (deployment === undefined) {
    throw new KeyholdError('TamperedRecord', `the record of the deployment is missing from ${directory.database}`);
  }
  return { store, domainKeys, ...deployment };
}

function refuseWithoutRootKey(directory: DataDirectory): void {
  if (existsSync(directory.rootKey)) return;
  throw refused(`${directory.rootKey} is missing: without the root key nothing in this data directory can be opened`);
}

async function prepare(options: PrepareOptions): Promise<Prepared> {
  const directory = dataDirectory(options.path);
  refuseForeign(directory);
  if (existsSync(directory.database)) refuseWithoutRootKey(directory);
  mkdirSync(directory.path, { recursive: true, mode: 0o700 });
  const release = takeLock(directory);
  try {
    closeToOthers(directory.path, 0o700);
    if (!existsSync(directory.rootKey)) createRootKeyFile(directory.rootKey, options.random);
    // A crash while it was made can leave the root key under its temporary name as well: a copy that nobody looks after.
    rmSync(`${directory.rootKey}.new`, { force: true });
    const opened = await withStore(directory, undefined, (raw) => openOrMakeDeployment(directory, raw, options));
    return { directory, ...opened, release };
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
  const rootKey = openRootKeyFile(directory.rootKey, options.random);
  if (await isUnused(raw)) return makeDeployment(directory, raw, rootKey, options);
  const deployment = await openDeployment(directory, raw, rootKey, options.random);
  refuseMisfit(deployment, options);
  // Here and not by the workers, who find the database as this leaves it: all of it in one file.
  await startOfTracking(deployment.store, options.clock.now());
  return { accountId: deployment.accountId, firstStart: false };
}

/** Judged by the records themselves. The change log, which can be emptied without touching any of them, is no witness. */
async function isUnused(raw: SqliteStore): Promise<boolean> {
  if (await hasDomainKeys(raw)) return false;
  for (const { name } of tablesOfADeployment) {
    if ((await raw.names(name, { prefix: '', limit: 1 })).length > 0) return false;
  }
  return true;
}

async function makeDeployment(
  directory: DataDirectory,
  raw: SqliteStore,
  rootKey: RootKey,
  { random, ...options }: PrepareOptions,
): Promise<{ accountId: string; firstStart: boolean }> {
  const accountId = options.accountId ?? (options.sandbox ? '000000000000' : newAccountId(random));
  const rootUserKey = newAccessKey(random);
  const administratorKey = newAccessKey(random);
  // Before the transaction: were it the other way round, a crash in between would leave an account that nobody can use.
  writeFileDurably(directory.credentials, credentialsFile(administratorKey, options.region));
  writeFileDurably(directory.rootCredentials, credentialsFile(rootUserKey, options.region));
  // INVARIANT: the domain key and the record of the deployment come into being together. A start that finds the one without
  // the other therefore knows that someone removed it.
  await raw.transact(async (transaction) => {
    await createDomainKey(transaction, rootKey, random);
    const domainKeys = await openDomainKeys(transaction, rootKey, random);
    const records = sealedTransaction(transaction, domainKeys.sealer('records'));
    const createdAtMs = options.clock.now();
    await createAccount(records, { accountId, rootKey: rootUserKey, administratorKey }, random, createdAtMs);
    await records.create(deploymentTable, DEPLOYMENT, { accountId, sandbox: options.sandbox, createdAtMs });
    await startTracking(records, createdAtMs);
  });
  return { accountId, firstStart: true };
}

/** As AWS's clients read it ("Configuration and credential file settings", AWS CLI user guide). */
export function credentialsFile({ accessKeyId, secretAccessKey }: NewAccessKey, region: string): string {
  return [
    '[default]',
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
    `region = ${region}`,
    '',
  ].join('\n');
}

function refuseMisfit(deployment: Pick<OpenDeployment, 'accountId' | 'sandbox'>, options: PrepareOptions): void {
  if (options.accountId !== undefined && options.accountId !== deployment.accountId) {
    throw refused(
      `${options.path} belongs to account ${deployment.accountId}, not ${options.accountId}: ` +
        'leave out --account-id, or give another --data-dir',
    );
  }
  // The sandbox lets anyone be root of any account: it must never open a directory that holds keys in earnest.
  if (deployment.sandbox !== options.sandbox) {
    throw refused(
      deployment.sandbox
        ? `${options.path} was made with --sandbox and is not for anything else: give another --data-dir`
        : `${options.path} was not made with --sandbox and is not opened with it: give another --data-dir`,
    );
  }
}

function refuseForeign(directory: DataDirectory): void {
  if (!existsSync(directory.path)) return;
  if (!statSync(directory.path).isDirectory()) throw refused(`${directory.path} is not a directory`);
  const foreign = readdirSync(directory.path).find((name) => !OUR_FILES.has(name) && !ACCOUNT_FILE.test(name));
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
    // By itself SQLite would let everyone open the file, and whoever can open it can hold the lock and keep us from starting.
    if (!existsSync(directory.lock)) closeSync(openSync(directory.lock, 'a', 0o600));
    lock = new DatabaseSync(directory.lock, { timeout: 0 });
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    closeToOthers(directory.lock, 0o600);
  } catch (cause) {
    lock?.close();
    if (isBusy(cause)) {
      const advice = 'stop that one, or give another --data-dir';
      throw refused(`${directory.path} is in use by another Keyhold server: ${advice}`, cause);
    }
    throw refused(`${directory.lock} cannot be locked: ${(cause as Error).message}`, cause);
  }
  const held = lock;
  return () => held.close();
}

/** Takes from others what they may do with a file or directory of ours; one that is not ours is its owner's to close. */
function closeToOthers(path: string, mode: number): void {
  if ((statSync(path).mode & 0o077) === 0) return;
  try {
    chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
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
