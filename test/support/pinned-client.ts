import { Agent } from 'node:http';
import type { KMSClient } from '@aws-sdk/client-kms';
import { rawRequest } from './raw-request.ts';
import type { TestServer } from './server.ts';

/** A client that speaks to one worker. */
export interface PinnedClient {
  readonly agent: Agent;
  readonly kms: KMSClient;
}

/** The kernel deals connections out: they are opened until one reaches the worker that is wanted, and that one is kept. */
export async function pinnedClient(server: TestServer, worker: number): Promise<PinnedClient> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    if ((await workerOf(server, agent)) === worker) {
      return { agent, kms: server.kms({ requestHandler: { httpAgent: agent } }) };
    }
    agent.destroy();
  }
  throw new Error(`no connection of 500 reached worker ${worker}`);
}

export async function workerOf(server: TestServer, agent: Agent): Promise<number> {
  const { json } = await rawRequest(server, { method: 'GET', path: '/health', signing: false, agent });
  return (json() as { worker: number }).worker;
}
