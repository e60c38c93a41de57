import type { SideAnswer, SideDoor } from './listener.ts';
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
export function sideDoor(worker: number, clock?: MovableClock): SideDoor {
  return (method, path, body) => {
    if (path === '/health' && (method === 'GET' || method === 'HEAD')) {
      return { status: 200, json: { status: 'ok', worker } };
    }
    if (path === '/_sandbox/clock' && clock !== undefined) return sandboxClock(method, body, clock);
    return undefined;
  };
}

function sandboxClock(method: string, body: Uint8Array, clock: MovableClock): SideAnswer {
  if (method === 'POST') {
    const seconds = readAdvanceSeconds(body);
    if (seconds === undefined) {
      return { status: 400, json: { error: `advanceSeconds must be a whole number from 0 to ${MOST_SECONDS}` } };
    }
    if (clock.now() + seconds * 1000 > LATEST_MS) {
      return { status: 400, json: { error: `the clock does not go beyond ${new Date(LATEST_MS).toISOString()}` } };
    }
    clock.advance(seconds);
  } else if (method !== 'GET') {
    return { status: 405, json: { error: 'GET shows the clock, POST {"advanceSeconds": n} moves it forward' } };
  }
  return { status: 200, json: { now: new Date(clock.now()).toISOString() } };
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
