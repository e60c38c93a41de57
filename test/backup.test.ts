import { chmodSync, copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
} from '@aws-sdk/client-kms';
import { afterEach, expect, test } from 'vitest';
import { cleanUp, startServer, type TestServer, temporaryDirectory } from './support/server.ts';

/** Backup and restore as docs/operations.md tells them. */

const servers: TestServer[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await cleanUp(server);
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

async function start(dataDir?: string): Promise<TestServer> {
  const server = await startServer(dataDir === undefined ? {} : { dataDir });
  servers.push(server);
  return server;
}

test('a backup of a running server and its root key open as what they were then', async () => {
  const original = await start();
  const kms = original.kms();
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata?.KeyId;
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('before') }));

  const restored = join(temporaryDirectory(), 'restored');
  directories.push(join(restored, '..'));
  mkdirSync(restored, { mode: 0o700 });
  const database = new DatabaseSync(join(original.dataDir, 'keyhold.db'), { readOnly: true });
  await backup(database, join(restored, 'keyhold.db'));
  database.close();
  chmodSync(join(restored, 'keyhold.db'), 0o600);
  copyFileSync(join(original.dataDir, 'root.key'), join(restored, 'root.key'));
  await kms.send(new DisableKeyCommand({ KeyId }));
  const { KeyMetadata: later } = await kms.send(new CreateKeyCommand({}));

  // The administrator's key is the one they have: the restored directory holds no file of credentials.
  copyFileSync(join(original.dataDir, 'credentials'), join(restored, 'credentials'));
  const second = await start(restored);
  expect(second.accountId).toBe(original.accountId);
  const { Plaintext } = await second.kms().send(new DecryptCommand({ CiphertextBlob }));
  expect(Buffer.from(Plaintext ?? []).toString()).toBe('before');
  await expect(second.kms().send(new DescribeKeyCommand({ KeyId: later?.KeyId }))).rejects.toMatchObject({
    name: 'NotFoundException',
  });
});
