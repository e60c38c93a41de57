import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CreateKeyCommand, EncryptCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Answered,
  canMount,
  expectAudited,
  expectFault,
  fillUp,
  mountTmpfs,
  succeed,
  takeAllFiles,
  unmount,
  untilFault,
} from '../support/faults.ts';
import { startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

/**
 * A server whose disk is full refuses what it cannot record, tells no more than that there was a fault, and goes on by itself
 * when there is room again. Nothing that it answered is lost.
 */

let directory = '';
let server: TestServer | undefined;
afterEach(async () => {
  await server?.kill();
  server = undefined;
  unmount(directory);
  rmSync(directory, { recursive: true, force: true });
});

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

describe.skipIf(!canMount)('a full disk (skipped where no tmpfs can be mounted)', () => {
  test('refuses changes and uses alike, and loses nothing that was answered', async () => {
    directory = temporaryDirectory();
    expect(mountTmpfs(directory, 'size=2m')).toBe(true);
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
    expect(mountTmpfs(directory, 'size=2m')).toBe(true);
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

  test('while audit files are closed one after the other leaves a trail that is proved, before and after', async () => {
    directory = temporaryDirectory();
    expect(mountTmpfs(directory, 'size=2m')).toBe(true);
    const dataDir = join(directory, 'data');
    const filler = join(directory, 'filler');
    server = await startServer({ dataDir, args: ['--audit-rotate-size', '4KiB', '--audit-sign-interval', '1'] });
    const { output } = server;
    const kms = server.kms();
    const answered: Answered = new Set();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const encrypt = () => kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.alloc(32) }));
    const encryptUntilFault = () => untilFault(() => succeed(encrypt(), answered));
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++) await succeed(encrypt(), answered);
      // Room for the rest of a file, for a few, or for none.
      fillUp(filler, 4096 * round);
      await encryptUntilFault();
      await expectFault(encrypt());
      rmSync(filler);
    }
    fillUp(filler);
    await encryptUntilFault();
    await expect.poll(() => output.stderr, { timeout: 60_000 }).toContain('streams cannot be signed');
    await expectAudited(dataDir, answered);
    rmSync(filler);
    await succeed(encrypt(), answered);
    expect(await server.stop()).toBe(0);
    await expectAudited(dataDir, answered);
    expect(readdirSync(join(dataDir, 'audit')).length).toBeGreaterThan(15);
  });

  test('that has no room for one more file refuses what would be in it, and goes on by itself', async () => {
    directory = temporaryDirectory();
    expect(mountTmpfs(directory, 'size=8m,nr_inodes=100')).toBe(true);
    const dataDir = join(directory, 'data');
    server = await startServer({ dataDir, args: ['--audit-rotate-size', '4KiB'] });
    const kms = server.kms();
    const answered: Answered = new Set();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const encrypt = () => kms.send(new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.alloc(32) }));
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 10; i++) await succeed(encrypt(), answered);
      const taken = takeAllFiles(join(directory, 'taken'));
      await untilFault(() => succeed(encrypt(), answered));
      for (let i = 0; i < 3; i++) await expectFault(encrypt());
      // The file was closed, and the next one could not be begun.
      expect(existsSync(join(dataDir, 'audit', 'w0.jsonl'))).toBe(false);
      for (const path of taken) rmSync(path);
    }
    await succeed(encrypt(), answered);
    expect(await server.stop()).toBe(0);
    await expectAudited(dataDir, answered);
  });
});
