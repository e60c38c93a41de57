import type { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll } from 'vitest';
import { cleanUp, startServer, type TestServer } from './server.ts';

/** A server in the sandbox for one test file, in which tests are whoever they like to be. */
export interface Sandbox {
  readonly server: TestServer;
  /** A client of root of {@link OWNER}. */
  readonly kms: KMSClient;
  /** A client of root of an account. */
  as(accountId: string, region?: string): KMSClient;
  /** A Region that no test has used yet, for listings that must be one's own. */
  newRegion(): string;
  /** The names of the exceptions that an operation has answered with so far. */
  refusalsOf(operation: string): ReadonlySet<string>;
}

export const OWNER = '000000000000';
/** AWS's own examples' accounts. */
export const FOREIGNER = '111122223333';
export const NOBODY = '444455556666';
export const REGION = 'us-east-1';
export const OTHER_REGION = 'eu-west-1';

export function sandboxOfThisFile(): Sandbox {
  let server: TestServer | undefined;
  let regions = 0;
  const clients = new Map<string, KMSClient>();
  const refusals = new Map<string, Set<string>>();

  beforeAll(async () => {
    server = await startServer({ args: ['--sandbox'] });
  });
  afterAll(async () => {
    for (const client of clients.values()) client.destroy();
    await cleanUp(server);
  });

  const running = (): TestServer => {
    if (server === undefined) throw new Error('the sandbox runs only within tests');
    return server;
  };
  const refusalsOf = (operation: string): Set<string> => {
    const known = refusals.get(operation) ?? new Set();
    refusals.set(operation, known);
    return known;
  };
  const connect = (accessKeyId: string, region: string): KMSClient => {
    const client = running().kms({ region, credentials: { accessKeyId, secretAccessKey: 'anything' } });
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          try {
            return await next(args);
          } catch (error) {
            refusalsOf(commandName.replace(/Command$/, '')).add((error as Error).name);
            throw error;
          }
        },
      { step: 'initialize' },
    );
    return client;
  };

  const as = (accountId: string, region = REGION): KMSClient => {
    const name = `${accountId} ${region}`;
    const client = clients.get(name) ?? connect(accountId, region);
    clients.set(name, client);
    return client;
  };

  return {
    get server() {
      return running();
    },
    get kms() {
      return as(OWNER);
    },
    as,
    newRegion: () => `xx-test-${++regions}`,
    refusalsOf,
  };
}
