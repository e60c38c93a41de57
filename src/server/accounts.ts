import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openFileTrail } from '../audit/file-trail.ts';
import type { NewAccountOptions } from '../config/config.ts';
import type { Clock } from '../runtime/clock.ts';
import { writeFileDurably } from '../runtime/durable-file.ts';
import { KeyholdError } from '../runtime/errors.ts';
import type { Random } from '../runtime/random.ts';
import { createAccount, newAccessKey } from '../services/iam/administrator.ts';
import { newAccountId } from '../services/iam/identifiers.ts';
import { type AccountRecord, accountsTable } from '../services/iam/records.ts';
import { operatorEventJson } from '../services/operator-event.ts';
import type { Reader } from '../store/sealed-store.ts';
import { accountFiles, credentialsFile, type DataDirectory, withDeployment } from './data-directory.ts';

/** The commands `keyhold account …`: they work on a data directory whether or not a server runs on it. */

/** The audit stream of the commands, beside those of the workers. */
const STREAM = 'cli';
const ACCOUNTS_AT_ONCE = 1000;

interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  /** Written into the credentials files; clients take it where they are told no other. */
  readonly region: string;
}

export interface CreatedAccount {
  readonly accountId: string;
  readonly credentials: string;
  readonly rootCredentials: string;
}

/**
 * Makes an account, and writes its access keys to files of their own.
 *
 * INVARIANT: two commands do not write to the audit stream at once, nor to the same files: all of it happens within the
 * transaction, for which a command waits until it alone is writing to the database.
 *
 * @throws KeyholdError StartupRefused if there is such an account, or the file for its access key is there already
 */
export function addAccount(options: NewAccountOptions, surroundings: Surroundings): Promise<CreatedAccount> {
  const { clock, random, region, version } = surroundings;
  const { credentialsPath, name } = options;
  return withDeployment(options.dataDir, random, ({ store, accountId: managementAccountId }, directory) =>
    store.transact(async (transaction) => {
      const accountId = options.accountId ?? newAccountId(random);
      if ((await transaction.get(accountsTable, accountId)) !== undefined) {
        throw refused(`there is an account ${accountId} already`);
      }
      const nowMs = clock.now();
      const rootKey = newAccessKey(random);
      const administratorKey = newAccessKey(random);
      const { rootCredentials, credentials: usual } = accountFiles(directory, accountId);
      const credentials = credentialsPath ?? usual;
      if (credentialsPath !== undefined) refuseUnwritable(credentialsPath);
      await createAccount(
        transaction,
        { accountId, ...(name === undefined ? {} : { name }), rootKey, administratorKey },
        random,
        nowMs,
      );
      // Before the commit, as on the first start: no account comes into being whose keys nobody has. What a crash in between
      // leaves in the data directory belongs to no account, and is written anew.
      writeFileDurably(credentials, credentialsFile(administratorKey, region), {
        exclusive: credentialsPath !== undefined,
      });
      writeFileDurably(rootCredentials, credentialsFile(rootKey, region));
      const named = name === undefined ? {} : { accountName: name };
      // AWS makes accounts by Organizations' CreateAccount, and records it in the management account.
      const event = operatorEventJson(
        {
          accountId: managementAccountId,
          by: 'keyhold account create',
          eventSource: 'organizations.amazonaws.com',
          eventName: 'CreateAccount',
          requestParameters: named,
          responseElements: { createAccountStatus: { accountId, ...named, state: 'SUCCEEDED' } },
          nowMs,
          version,
        },
        random,
      );
      await record(directory, event);
      return { accountId, credentials, rootCredentials };
    }),
  );
}

function refuseUnwritable(path: string): void {
  if (existsSync(path)) throw refused(`${path} exists`);
  const parent = dirname(path);
  if (!existsSync(parent)) throw refused(`cannot write ${path}: there is no directory ${parent}`);
}

/** In the order of their ids. */
export function listAccounts(dataDir: string, random: Random): Promise<AccountRecord[]> {
  return withDeployment(dataDir, random, ({ store }) => allAccounts(store));
}

async function allAccounts(reader: Reader): Promise<AccountRecord[]> {
  const accounts: AccountRecord[] = [];
  for (let after: string | undefined; ; after = accounts.at(-1)?.accountId) {
    const page = await reader.list(accountsTable, {
      prefix: '',
      limit: ACCOUNTS_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    accounts.push(...page.map(({ value }) => value));
    if (page.length < ACCOUNTS_AT_ONCE) return accounts;
  }
}

async function record(directory: DataDirectory, eventJson: string): Promise<void> {
  const trail = openFileTrail({ directory: directory.audit, stream: STREAM });
  try {
    await trail.append(eventJson);
  } finally {
    await trail.close();
  }
}

function refused(message: string): KeyholdError {
  return new KeyholdError('StartupRefused', message);
}
