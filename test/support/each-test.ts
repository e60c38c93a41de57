import { rmSync } from 'node:fs';
import { afterEach } from 'vitest';
import { cleanUp, type ServerOptions, startServer, type TestServer, temporaryDirectory } from './server.ts';

/** Directories and servers that last for one test: whoever imports this has them removed and ended after each. */

const directories: string[] = [];
const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await cleanUp(server);
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

export function newDirectory(): string {
  const directory = temporaryDirectory();
  directories.push(directory);
  return directory;
}

export async function start(options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer(options);
  servers.push(server);
  return server;
}
