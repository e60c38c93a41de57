import * as sdk from '@aws-sdk/client-kms';
import { rawRequest } from '../support/raw-request.ts';
import { cleanUp, startServer, type TestServer } from '../support/server.ts';
import type { Accounts, Region } from './model.ts';
import type { Outcome, Request, System } from './system.ts';

/**
 * Keyhold as its users meet it: a process in the sandbox, asked through the AWS SDK, which sweeps by itself and is ended for
 * a restart. One process serves many sequences, each in accounts of its own.
 */

/** Any more than the sweeper waits before it destroys. */
const GRACE_MS = 60_000;

export interface RunningServer {
  /** The system for one sequence. */
  system(accounts: Accounts): System;
  stop(): Promise<void>;
}

export async function runServer(): Promise<RunningServer> {
  const args = ['--sandbox', '--log-level', 'warn'];
  let server = await startServer({ args, workers: 2 });
  let offsetMs = 0;
  const clients = new Map<string, sdk.KMSClient>();

  async function moveClock(ms: number): Promise<void> {
    const body = JSON.stringify({ advanceSeconds: ms / 1000 });
    await rawRequest(server, { method: 'POST', path: '/_sandbox/clock', body, signing: false });
  }

  async function restart(orderly: boolean): Promise<void> {
    forgetClients();
    if (orderly) await server.stop();
    else await server.kill();
    server = await startServer({ args, workers: 2, dataDir: server.dataDir });
    // The sandbox's clock goes on from the real time.
    await moveClock(offsetMs);
  }

  function forgetClients(): void {
    for (const client of clients.values()) client.destroy();
    clients.clear();
  }

  return {
    system: (accounts) => ({
      others: ['guest'],
      toleranceMs: GRACE_MS,
      sweep: undefined,
      tick: () => {},
      now: () => Date.now() + offsetMs,
      call: ({ by, region, operation, input }) => {
        const account = by === 'guest' ? accounts.guest : accounts.owner;
        const client = clients.get(`${account} ${region}`) ?? connect(server, account, region);
        clients.set(`${account} ${region}`, client);
        return send(client, operation, input);
      },
      async advance(ms) {
        const seconds = Math.ceil((ms + GRACE_MS) / 1000);
        await moveClock(seconds * 1000);
        offsetMs += seconds * 1000;
      },
      restart,
    }),
    async stop() {
      forgetClients();
      await cleanUp(server);
    },
  };
}

function connect(server: TestServer, accessKeyId: string, region: Region): sdk.KMSClient {
  return server.kms({ region, credentials: { accessKeyId, secretAccessKey: 'anything' } });
}

async function send(client: sdk.KMSClient, operation: string, input: Request['input']): Promise<Outcome> {
  const Command = (sdk as unknown as Record<string, new (input: object) => sdk.DescribeKeyCommand>)[
    `${operation}Command`
  ];
  if (Command === undefined) throw new Error(`the SDK has no ${operation}`);
  try {
    const { $metadata: _, ...answer } = await client.send(new Command(input));
    return { answer: answer as Record<string, unknown> };
  } catch (error) {
    if (error instanceof sdk.KMSServiceException) return { refusal: error.name };
    throw error;
  }
}
