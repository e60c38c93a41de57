import { isLoopback } from '../config/config.ts';
import type { SideAnswer, SideDoor, SideRequest } from './listener.ts';
import type { Exposition } from './metrics/exposition.ts';
import type { MovableClock } from './shared-memory.ts';

/** Beyond it, ISO 8601 needs more than four digits for the year, and dates come to their end. */
const LATEST_MS = Date.UTC(9000, 0, 1);
/** A century at a time. */
const MOST_SECONDS = 100 * 365 * 24 * 60 * 60;

/**
 * The few paths that are not the AWS API.
 *
 * @param clock only in the sandbox, which lets it be moved
 */
export function sideDoor(worker: number, metrics: Exposition, clock?: MovableClock): SideDoor {
  return (request) => {
    const { method, path, body } = request;
    if (path === '/health' && isReading(method)) return json(200, { status: 'ok', worker });
    if (path === '/metrics' && isReading(method))
      return fromHere(request) ? metricsAnswer(request.accept, metrics) : NOT_FOUND;
    if (path === '/_sandbox/clock' && clock !== undefined) return sandboxClock(method, body, clock);
    return undefined;
  };
}

export const NOT_FOUND: SideAnswer = json(404, { error: 'there is nothing here' });

export async function metricsAnswer(accept: string, metrics: Exposition): Promise<SideAnswer> {
  return { status: 200, ...(await metrics.write(accept)) };
}

export function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A proxy on this machine asks for others, who are not here. */
function fromHere({ sourceIp, isForwarded }: SideRequest): boolean {
  return isLoopback(sourceIp) && !isForwarded;
}

function json(status: number, value: object): SideAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

function sandboxClock(method: string, body: Uint8Array, clock: MovableClock): SideAnswer {
  if (method === 'POST') {
    const seconds = readAdvanceSeconds(body);
    if (seconds === undefined) {
      return json(400, { error: `advanceSeconds must be a whole number from 0 to ${MOST_SECONDS}` });
    }
    if (clock.now() + seconds * 1000 > LATEST_MS) {
      return json(400, { error: `the clock does not go beyond ${new Date(LATEST_MS).toISOString()}` });
    }
    clock.advance(seconds);
  } else if (method !== 'GET') {
    return json(405, { error: 'GET shows the clock, POST {"advanceSeconds": n} moves it forward' });
  }
  return json(200, { now: new Date(clock.now()).toISOString() });
}

function readAdvanceSeconds(body: Uint8Array): number | undefined {
  try {
    const { advanceSeconds } = JSON.parse(Buffer.from(body).toString('utf8')) as { advanceSeconds?: unknown };
    const whole = Number.isSafeInteger(advanceSeconds) ? (advanceSeconds as number) : -1;
    return whole >= 0 && whole <= MOST_SECONDS ? whole : undefined;
  } catch {
    return undefined;
  }
}
