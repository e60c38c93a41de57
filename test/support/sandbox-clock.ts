import { expect } from 'vitest';
import { rawRequest } from './raw-request.ts';
import type { TestServer } from './server.ts';

export const DAY_SECONDS = 24 * 60 * 60;

/** Moves the clock of a server in the sandbox on, and gives what it shows then, in milliseconds since the epoch. */
export async function advanceClock(server: TestServer, advanceSeconds: number): Promise<number> {
  const body = JSON.stringify({ advanceSeconds });
  const { status, json } = await rawRequest(server, { path: '/_sandbox/clock', body, signing: false });
  expect(status).toBe(200);
  return Date.parse((json() as { now: string }).now);
}
