import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  PutKeyPolicyCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { streamOf } from './support/audit.ts';
import { newDirectory, start } from './support/each-test.ts';
import { projectRoot, readCredentials, runToEnd, startServer, type TestServer } from './support/server.ts';
import { treeOf } from './support/tree.ts';

/** `keyhold account …`, beside a running server and without one. */

interface Account {
  readonly accountId: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly rootCredentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

async function create(dataDir: string, ...args: string[]): Promise<Account> {
  const { status, stdout, stderr } = await runToEnd(['account', 'create', '--data-dir', dataDir, ...args]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const accountId = /Made account (\d{12})/.exec(stdout)?.[1] ?? '';
  const [, credentials = '', rootCredentials = ''] = /^ {2}(\S+) .*\n {2}(\S+) /m.exec(stdout) ?? [];
  return {
    accountId,
    credentials: readCredentials(credentials),
    rootCredentials: readCredentials(rootCredentials),
  };
}

async function list(dataDir: string): Promise<{ accountId: string; name: string | null }[]> {
  const { status, stdout } = await runToEnd(['account', 'list', '--json', '--data-dir', dataDir]);
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

async function whoIs(server: TestServer, credentials: Account['credentials']): Promise<string | undefined> {
  const client = new STSClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  return (await client.send(new GetCallerIdentityCommand({}))).Arn;
}

async function usedDataDir(): Promise<string> {
  const dataDir = join(newDirectory(), 'data');
  expect(await (await startServer({ dataDir })).stop()).toBe(0);
  return dataDir;
}

describe('account create', () => {
  test('a running server knows the new account at once, with its administrator and its root user', async () => {
    const server = await start({ workers: 2 });
    const account = await create(server.dataDir, '--name', 'production');
    expect(await whoIs(server, account.credentials)).toBe(`arn:aws:iam::${account.accountId}:user/administrator`);
    expect(await whoIs(server, account.rootCredentials)).toBe(`arn:aws:iam::${account.accountId}:root`);
    const kms = server.kms({ credentials: account.credentials });
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    expect(KeyMetadata?.AWSAccountId).toBe(account.accountId);
    // And it is none of the first account's business.
    await expect(server.kms().send(new DescribeKeyCommand({ KeyId: KeyMetadata?.Arn }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  test('works on a directory that no server uses, which later starts on it', async () => {
    const dataDir = await usedDataDir();
    const account = await create(dataDir, '--account-id', '444455556666');
    expect(account.accountId).toBe('444455556666');
    const server = await start({ dataDir });
    expect(await whoIs(server, account.credentials)).toBe('arn:aws:iam::444455556666:user/administrator');
  });

  test('writes access keys where only their owner reads them, and prints none', async () => {
    const dataDir = await usedDataDir();
    const elsewhere = join(newDirectory(), 'production');
    const run = await runToEnd([
      ...['account', 'create', '--data-dir', dataDir, '--account-id', '444455556666'],
      ...['--credentials-file', elsewhere],
    ]);
    expect(run.status).toBe(0);
    const root = join(dataDir, 'root-credentials-444455556666');
    expect(existsSync(join(dataDir, 'credentials-444455556666'))).toBe(false);
    for (const path of [elsewhere, root]) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const { accessKeyId, secretAccessKey } = readCredentials(path);
      expect(accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
      expect(run.stdout).toContain(path);
      expect(run.stdout).not.toContain(secretAccessKey);
      expect(readFileSync(join(dataDir, 'audit', 'cli.jsonl'), 'utf8')).not.toContain(secretAccessKey);
    }
  });

  test('leaves a record of each account in an audit stream of its own', async () => {
    const dataDir = await usedDataDir();
    const first = await create(dataDir, '--name', 'production');
    const second = await create(dataDir);
    const [{ accountId: management } = { accountId: '' }] = (await list(dataDir)).filter(
      ({ accountId }) => ![first.accountId, second.accountId].includes(accountId),
    );
    expect(await streamOf(dataDir, 'cli')).toMatchObject([
      {
        eventSource: 'organizations.amazonaws.com',
        eventName: 'CreateAccount',
        requestParameters: { accountName: 'production' },
        responseElements: { createAccountStatus: { accountId: first.accountId, state: 'SUCCEEDED' } },
        recipientAccountId: management,
      },
      { eventName: 'CreateAccount', responseElements: { createAccountStatus: { accountId: second.accountId } } },
    ]);
  });

  test('is refused, and changes nothing, where there is such an account or such a file', async () => {
    const dataDir = await usedDataDir();
    await create(dataDir, '--account-id', '444455556666');
    const taken = join(newDirectory(), 'taken');
    writeFileSync(taken, 'mine');
    const before = [treeOf(dataDir), await list(dataDir)];
    for (const [args, message] of [
      [['--account-id', '444455556666'], 'there is an account 444455556666 already'],
      [['--credentials-file', taken], `${taken} exists`],
      [
        ['--credentials-file', join(dataDir, 'no/x')],
        `cannot write ${dataDir}/no/x: there is no directory ${dataDir}/no`,
      ],
    ] as const) {
      const { status, stderr, stdout } = await runToEnd(['account', 'create', '--data-dir', dataDir, ...args]);
      expect({ status, stderr, stdout }).toEqual({ status: 2, stderr: `keyhold: ${message}\n`, stdout: '' });
    }
    expect(readFileSync(taken, 'utf8')).toBe('mine');
    expect([treeOf(dataDir), await list(dataDir)]).toEqual(before);
  });

  test('is refused on a directory that is not ours, had no first start, or lacks its root key', async () => {
    const empty = newDirectory();
    const used = await usedDataDir();
    rmSync(join(used, 'root.key'));
    const foreign = newDirectory();
    writeFileSync(join(foreign, 'credentials-12345'), '');
    for (const [dataDir, message] of [
      [
        empty,
        `there is no Keyhold in ${empty}: give the --data-dir that the server was started with, or start the server once`,
      ],
      [join(empty, 'missing'), 'there is no Keyhold in'],
      [used, `${join(used, 'root.key')} is missing`],
      [foreign, `${foreign} is not a Keyhold data directory: it holds "credentials-12345"`],
    ] as const) {
      const { status, stderr } = await runToEnd(['account', 'create', '--data-dir', dataDir]);
      expect(status).toBe(2);
      expect(stderr).toContain(message);
    }
    expect(readdirSync(empty)).toEqual([]);
  });

  test('waits for others who write to the database', async () => {
    const server = await start();
    const database = new DatabaseSync(join(server.dataDir, 'keyhold.db'));
    database.exec('BEGIN IMMEDIATE');
    let done = false;
    const creating = create(server.dataDir).finally(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(done).toBe(false);
    database.exec('ROLLBACK');
    database.close();
    expect(await whoIs(server, (await creating).credentials)).toContain(':user/administrator');
  }, 30_000);

  test('under load neither the commands nor the server fail, and the audit chain of the commands holds', async () => {
    const server = await start({ workers: 2 });
    const kms = server.kms();
    const keys = await Promise.all(
      Array.from({ length: 8 }, async () => (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId),
    );
    let stop = false;
    const changes = keys.map(async (KeyId) => {
      let made = 0;
      // Each is a transaction of its own, and so many wait for the lock that it is hardly ever free.
      for (; !stop; made++) {
        const Tags = [{ TagKey: 'n', TagValue: String(made) }];
        await kms.send(new TagResourceCommand({ KeyId, Tags }));
      }
      return made;
    });
    // Two at a time, which must not write to the same stream at once.
    const accounts: Account[] = [];
    for (let round = 0; round < 4; round++) {
      accounts.push(...(await Promise.all([create(server.dataDir), create(server.dataDir)])));
    }
    stop = true;
    const made = await Promise.all(changes);
    expect(Math.min(...made)).toBeGreaterThan(0);
    for (const { accountId, credentials } of accounts) {
      expect(await whoIs(server, credentials)).toBe(`arn:aws:iam::${accountId}:user/administrator`);
    }
    expect(server.output.stderr).not.toContain('request failed');
    expect(await server.stop()).toBe(0);
    expect(await streamOf(server.dataDir, 'cli')).toHaveLength(accounts.length);
  }, 120_000);
});

describe('account list', () => {
  test('shows the accounts by id, as a table and as JSON', async () => {
    const dataDir = join(newDirectory(), 'data');
    await (await startServer({ dataDir, args: ['--account-id', '222233334444'] })).stop();
    await create(dataDir, '--account-id', '111122223333', '--name', 'production');
    const { stdout } = await runToEnd(['account', 'list', '--data-dir', dataDir]);
    const moment = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    expect(stdout).toMatch(
      new RegExp(`^ACCOUNT +NAME +CREATED\n111122223333 +production +${moment}\n222233334444 +${moment}\n$`),
    );
    expect(await list(dataDir)).toMatchObject([
      { accountId: '111122223333', name: 'production' },
      { accountId: '222233334444', name: null },
    ]);
  });
});

describe('a key in one account', () => {
  async function twoAccounts() {
    const server = await start();
    const other = await create(server.dataDir);
    const kms = server.kms();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    return { server, other, kms, theirs: server.kms({ credentials: other.credentials }), KeyId: KeyMetadata?.Arn };
  }

  const Plaintext = Buffer.from('for both');

  test('is used by another account’s administrator once its policy names that account', async () => {
    const { server, other, kms, theirs, KeyId } = await twoAccounts();
    await expect(theirs.send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    const statement = (accountId: string, Action: string[]) => ({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${accountId}:root` },
      Action,
      Resource: '*',
    });
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [statement(server.accountId, ['kms:*']), statement(other.accountId, ['kms:Encrypt', 'kms:Decrypt'])],
    });
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    const { CiphertextBlob } = await theirs.send(new EncryptCommand({ KeyId, Plaintext }));
    expect((await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext).toEqual(new Uint8Array(Plaintext));
    await expect(theirs.send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  test('is used by another account’s administrator by a grant', async () => {
    const { other, kms, theirs, KeyId } = await twoAccounts();
    const GranteePrincipal = `arn:aws:iam::${other.accountId}:user/administrator`;
    await kms.send(new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'] }));
    const { CiphertextBlob } = await theirs.send(new EncryptCommand({ KeyId, Plaintext }));
    await expect(theirs.send(new DecryptCommand({ CiphertextBlob }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

describe('npx keyhold', () => {
  test('runs in a checkout as npm start does', async () => {
    const checkout = newDirectory();
    for (const name of ['bin', 'package.json', 'src'])
      cpSync(join(projectRoot, name), join(checkout, name), { recursive: true });
    // Not one link for all of it: npx adds one of its own.
    mkdirSync(join(checkout, 'node_modules', '.bin'), { recursive: true });
    for (const name of readdirSync(join(projectRoot, 'node_modules'))) {
      if (!name.startsWith('.'))
        symlinkSync(join(projectRoot, 'node_modules', name), join(checkout, 'node_modules', name));
    }
    symlinkSync(join(projectRoot, 'node_modules/.bin/node'), join(checkout, 'node_modules/.bin/node'));
    // npm's own Node.js, and not the one that vitest put first.
    const PATH = (process.env['PATH'] ?? '')
      .split(delimiter)
      .filter((path) => !path.includes('node_modules'))
      .join(delimiter);
    const npx = (...args: string[]) =>
      spawnSync('npx', ['--offline', 'keyhold', ...args], {
        cwd: checkout,
        encoding: 'utf8',
        env: { ...process.env, PATH },
      });
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
    expect(npx('--version')).toMatchObject({ status: 0, stdout: `${version}\n` });
    expect(npx('account', 'list')).toMatchObject({ status: 2 });
  });

  test('with the flags of npm start', async () => {
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
    const [, flags] = /^exec node (.+) src\/main\.ts$/.exec(scripts.start) ?? [];
    const launcher = readFileSync(join(projectRoot, 'bin/keyhold'), 'utf8').replaceAll(/\\\n\s*/g, '');
    expect(launcher).toContain(`/node_modules/.bin/node" ${flags} "$checkout/src/main.ts" "$@"`);
  });
});
