import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CreateKeyCommand, EncryptCommand, KMSServiceException, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterEach, describe, expect, test } from 'vitest';
import { verifyAuditDirectory } from '../src/audit/verify.ts';
import { startServer, type TestServer, temporaryDirectory } from './support/server.ts';

/**
 * A server whose disk is full refuses what it cannot record, tells no more than that there was a fault, and goes on by itself
 * when there is room again. Nothing that it answered is lost.
 */

let directory = '';
let server: TestServer | undefined;
afterEach(async () => {
  await server?.kill();
  server = undefined;
  spawnSync('umount', [directory]);
  rmSync(directory, { recursive: true, force: true });
});

/** The request ids of what was answered with a result. */
type Answered = Set<string>;

async function succeed(
  use: Promise<{ $metadata: { requestId?: string | undefined } }>,
  answered: Answered,
): Promise<void> {
  answered.add((await use).$metadata.requestId ?? 'an answer without a request id');
}

async function expectFault(use: Promise<unknown>): Promise<void> {
  const error = await use.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(KMSServiceException);
  const { name, message, $metadata } = error as KMSServiceException;
  expect({ name, message, status: $metadata.httpStatusCode }).toEqual({
    name: 'KMSInternalException',
    message: 'The request was rejected because of an internal error. Try again.',
    status: 500,
  });
}

/** The chain is whole, and every answered request is in it. */
async function expectAudited(dataDir: string, answered: Answered): Promise<void> {
  const missing = new Set(answered);
  const verdicts = await verifyAuditDirectory(join(dataDir, 'audit'), ({ requestID }) =>
    missing.delete(requestID ?? ''),
  );
  expect(verdicts.map(({ problem }) => problem)).toEqual([undefined]);
  expect([...missing]).toEqual([]);
}

const prlimitIsHere = spawnSync('prlimit', ['--version']).status === 0;

describe.skipIf(!prlimitIsHere)('an audit file that cannot grow (skipped where there is no prlimit command)', () => {
  function limitFileSize(bytes: number | 'unlimited'): void {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(server?.process.pid), `--fsize=${bytes}:`]);
    if (status !== 0) throw new Error(`prlimit: ${stderr}`);
  }

  test('lets no request be answered, not even a refusal, until it can', async () => {
    directory = temporaryDirectory();
    server = await startServer({ dataDir: join(directory, 'data') });
    const kms = server.kms();
    const answered: Answered = new Set();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const encrypt = () => kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.alloc(32) }));
    await succeed(encrypt(), answered);

    const auditFile = join(server.dataDir, 'audit', 'w0.jsonl');
    const { size } = statSync(auditFile);
    // Room for a part of a record.
    limitFileSize(size + 100);
    for (let i = 0; i < 3; i++) await expectFault(encrypt());
    await expectFault(kms.send(new EncryptCommand({ KeyId: 'alias/missing', Plaintext: Buffer.alloc(32) })));
    expect(statSync(auditFile).size).toBe(size);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);

    limitFileSize('unlimited');
    for (let i = 0; i < 3; i++) await succeed(encrypt(), answered);
    expect(await server.stop()).toBe(0);
    await expectAudited(server.dataDir, answered);
    expect(server.output.stderr).toContain('"code":"AuditUnavailable"');
  });
});

/** Whether a small file system can be made, which takes root and the right to mount. */
function mountTmpfs(path: string, bytes: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]).status === 0;
}

const canMount = (() => {
  const path = temporaryDirectory();
  const mounted = mountTmpfs(path, 4096);
  if (mounted) spawnSync('umount', [path]);
  rmSync(path, { recursive: true });
  return mounted;
})();

describe.skipIf(!canMount)('a full disk (skipped where no tmpfs can be mounted)', () => {
  test('refuses changes and uses alike, and loses nothing that was answered', async () => {
    directory = temporaryDirectory();
    expect(mountTmpfs(directory, 2 * 1024 * 1024)).toBe(true);
    const dataDir = join(directory, 'data');
    const filler = join(directory, 'filler');
    server = await startServer({ dataDir });
    const kms = server.kms();
    const answered: Answered = new Set();
    const keyIds: string[] = [];
    const createKey = async () => {
      const { KeyMetadata, $metadata } = await kms.send(new CreateKeyCommand({}));
      keyIds.push(KeyMetadata?.KeyId ?? '');
      answered.add($metadata.requestId ?? '');
    };
    const encrypt = () => kms.send(new EncryptCommand({ KeyId: keyIds[0], Plaintext: Buffer.alloc(32) }));

    for (let round = 0; round < 3; round++) {
      await createKey();
      await succeed(encrypt(), answered);
      fillUp(filler);
      // What is left of the last pages takes a few more records.
      await untilFault(() => succeed(encrypt(), answered));
      await expectFault(kms.send(new CreateKeyCommand({})));
      await expectFault(encrypt());
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      rmSync(filler);
    }
    await createKey();
    await succeed(encrypt(), answered);

    fillUp(filler);
    await untilFault(() => succeed(encrypt(), answered));
    await server.kill();
    rmSync(filler);
    server = await startServer({ dataDir });
    const listed = await server.kms().send(new ListKeysCommand({}));
    expect(listed.Keys?.map(({ KeyId }) => KeyId)).toEqual(expect.arrayContaining(keyIds));
    expect(await server.stop()).toBe(0);
    await expectAudited(dataDir, answered);
  });

  test('at the first start is refused in one line, and the next start takes up what is there', async () => {
    directory = temporaryDirectory();
    mkdirSync(directory, { recursive: true });
    expect(mountTmpfs(directory, 2 * 1024 * 1024)).toBe(true);
    const dataDir = join(directory, 'data');
    const filler = join(directory, 'filler');
    // Room for some of the files.
    for (const left of [0, 8 * 1024, 40 * 1024]) {
      fillUp(filler, left);
      await expect(startServer({ dataDir })).rejects.toThrow(/the server did not start:\s+keyhold: [^\n]+\n$/);
      rmSync(filler);
    }
    server = await startServer({ dataDir });
    await server.kms().send(new CreateKeyCommand({}));
    expect(await server.stop()).toBe(0);
  });
});

/** Takes all the room there is, but for `leaveBytes`. */
function fillUp(path: string, leaveBytes = 0): void {
  const reserve = `${path}-reserve`;
  const write = (file: string, bytes: number): number => {
    const fd = openSync(file, 'a');
    try {
      return writeSync(fd, Buffer.alloc(bytes));
    } finally {
      closeSync(fd);
    }
  };
  if (leaveBytes > 0) write(reserve, leaveBytes);
  try {
    while (write(path, 4096) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  rmSync(reserve, { force: true });
}

async function untilFault(use: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const error = await use().then(
      () => undefined,
      (cause: unknown) => cause,
    );
    if (error === undefined) continue;
    await expectFault(Promise.reject(error));
    return;
  }
}
